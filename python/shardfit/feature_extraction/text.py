"""Text vectorizers: scikit-learn's interface and results on a multithreaded core."""

from shardfit.feature_extraction._hashing_vectorizer import HashingVectorizer

__all__ = ["HashingVectorizer"]
