"""Text vectorizers: scikit-learn's interface and results on a multithreaded core."""

from shardfit.feature_extraction._count_vectorizer import CountVectorizer
from shardfit.feature_extraction._hashing_vectorizer import HashingVectorizer
from shardfit.feature_extraction._tfidf_transformer import TfidfTransformer
from shardfit.feature_extraction._tfidf_vectorizer import TfidfVectorizer

__all__ = [
    "CountVectorizer",
    "HashingVectorizer",
    "TfidfTransformer",
    "TfidfVectorizer",
]
