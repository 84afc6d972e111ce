"""Join fitted estimators into one: arithmetic on their state, without any process."""

from shardfit.merging._merge import merge, mergeability, register
from shardfit.merging._rules import Mergeability

__all__ = ["Mergeability", "merge", "mergeability", "register"]
