"""Programs that are run, watched and killed as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
WATCHDOG = 60


def start(script: str, folder: Path) -> subprocess.Popen[str]:
    """Start a script that finds its folder in `sys.argv` and `tests` on its path."""
    path = folder / "script.py"
    path.write_text(textwrap.dedent(script), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-W", "error", path, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    """Return what a script wrote, if it ended well and in time."""
    try:
        out, err = process.communicate(timeout=WATCHDOG)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "Exception ignored" not in err
    return out


def workers_of(pid: int) -> list[int]:
    """Return the processes of loky that work for a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            command = (entry / "cmdline").read_text()
        except OSError:  # it ended meanwhile
            continue
        if int(parent) == pid and "popen_loky" in command:
            found.append(int(entry.name))
    return found
