"""What every test runs under: number of examples, time limits, dumps of hung threads.

``SHARDFIT_EXAMPLES`` is the number of examples per property: the default suits
daily work, 20000 a nightly run, and the time limits grow with it.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

_DEFAULT_EXAMPLES = 200
_EXAMPLES = int(os.environ.get("SHARDFIT_EXAMPLES", _DEFAULT_EXAMPLES))
_SECONDS_PER_EXAMPLE = 0.3
_SECONDS_UNTIL_DUMP = 100

settings.register_profile(
    "shardfit",
    max_examples=_EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("shardfit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give properties time for their examples."""
    for item in items:
        if hasattr(getattr(item, "obj", None), "hypothesis"):
            limit = 120 + _SECONDS_PER_EXAMPLE * _EXAMPLES
            item.add_marker(pytest.mark.timeout(limit))


@pytest.fixture(autouse=True)
def _show_threads_of_a_hung_test() -> Iterator[None]:
    # A time limit is checked by the interpreter, which native code may never return to.
    faulthandler.dump_traceback_later(_SECONDS_UNTIL_DUMP, exit=False)
    yield
    faulthandler.cancel_dump_traceback_later()
