"""Text vectorizers: scikit-learn's interface and results on a multithreaded core.

The rest of scikit-learn's module of this name is here as well, so that nothing but the
name of the package changes in an import.
"""

from sklearn.feature_extraction.text import (
    ENGLISH_STOP_WORDS,
    strip_accents_ascii,
    strip_accents_unicode,
    strip_tags,
)

from shardfit.feature_extraction._count_vectorizer import CountVectorizer
from shardfit.feature_extraction._hashing_vectorizer import HashingVectorizer
from shardfit.feature_extraction._tfidf_transformer import TfidfTransformer
from shardfit.feature_extraction._tfidf_vectorizer import TfidfVectorizer

__all__ = [
    "ENGLISH_STOP_WORDS",
    "CountVectorizer",
    "HashingVectorizer",
    "TfidfTransformer",
    "TfidfVectorizer",
    "strip_accents_ascii",
    "strip_accents_unicode",
    "strip_tags",
]
