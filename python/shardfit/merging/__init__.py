"""Join fitted estimators into one: arithmetic on their state, without any process."""

from shardfit.merging._merge import merge

__all__ = ["merge"]
