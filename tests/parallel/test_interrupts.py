"""Ctrl-C is heard at once, and the next call works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parallel.scripts import output, start
from tests.parallel.tasks import runs

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="sends SIGINT to one process"
)

SCRIPT = """
    import sys, time
    from pathlib import Path
    from joblib import parallel_config
    from shardfit.parallel import run_tasks
    from tests.parallel.tasks import square, wait_long

    if __name__ == "__main__":
        folder = Path(sys.argv[1])
        tasks = [(folder, number) for number in range(6)]
        with parallel_config({backend!r}):
            try:
                list(run_tasks(wait_long, tasks, n_jobs=2))
            except KeyboardInterrupt:
                print("interrupted", flush=True)
                if {again}:
                    print(sorted(run_tasks(square, tasks, n_jobs=2)))
                else:
                    raise
"""


@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_interrupted_and_used_again(
    tmp_path: Path, backend: str, whole_group: bool
) -> None:
    process = start(SCRIPT.format(backend=backend, again=True), tmp_path)
    _interrupt(process, tmp_path, whole_group)
    squares = [(number, number**2) for number in range(6)]
    assert output(process) == f"interrupted\n{squares}\n"


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_interrupted_and_left(tmp_path: Path, backend: str) -> None:
    process = start(SCRIPT.format(backend=backend, again=False), tmp_path)
    _interrupt(process, tmp_path, whole_group=False)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "Exception ignored" not in err


def _interrupt(process: subprocess.Popen[str], folder: Path, whole_group: bool) -> None:
    while runs(folder, 0) + runs(folder, 1) < 2:
        assert process.poll() is None, process.communicate()[1]
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
