"""Forests that are joined, thinned out, and grown in the background."""

from shardfit.ensemble._combine import combine_forests, sub_forest
from shardfit.ensemble._grower import ForestGrower
from shardfit.ensemble._growth import GrowthReport

__all__ = ["ForestGrower", "GrowthReport", "combine_forests", "sub_forest"]
