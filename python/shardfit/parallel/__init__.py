"""Run a function on many arguments side by side, whatever becomes of the workers.

The room knows joblib's backends, processes that die, and threads that multiply. It
does not know what the tasks compute.
"""

from shardfit.parallel._progress import progress_bar
from shardfit.parallel._rounds import Rounds
from shardfit.parallel._run import in_order, run_tasks
from shardfit.parallel._workers import worker_count

__all__ = ["Rounds", "in_order", "progress_bar", "run_tasks", "worker_count"]
