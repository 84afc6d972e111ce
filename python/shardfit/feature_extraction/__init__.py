"""Feature extraction: scikit-learn's interface and results on a multithreaded core."""

from shardfit.feature_extraction._hasher import FeatureHasher

__all__ = ["FeatureHasher"]
