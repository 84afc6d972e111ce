"""Scale scikit-learn text learning without leaving its API."""

from importlib.metadata import version

__version__ = version("shardfit")

__all__ = ["__version__"]
