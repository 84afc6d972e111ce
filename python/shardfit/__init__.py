"""Scale scikit-learn text learning without leaving its API."""

from importlib.metadata import version

from shardfit._versions import show_versions

__version__ = version("shardfit")

__all__ = ["__version__", "show_versions"]
