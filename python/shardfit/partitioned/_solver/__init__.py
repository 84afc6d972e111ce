"""The optimum of all rows, found by partitions that only ever send sums."""

from shardfit.partitioned._solver.exact import exact_solver
from shardfit.partitioned._solver.formulation import supports_exact
from shardfit.partitioned._solver.shard import answer

__all__ = ["answer", "exact_solver", "supports_exact"]
