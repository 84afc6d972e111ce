"""Progress is a bar on a terminal, lines elsewhere, and nothing if quiet."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shardfit.cli import _progress
from shardfit.cli._progress import reporting


def test_quiet_has_no_reporter(capfd: pytest.CaptureFixture[str]) -> None:
    with reporting(quiet=True) as progress:
        assert progress is None
    assert capfd.readouterr() == ("", "")


def test_one_line_per_phase(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(quiet=False) as progress:
        assert progress is not None
        progress.start("labels", None)
        progress.advance(1000, 0)
        progress.start("epoch 1/1", 1000)
        progress.advance(600, 10**6)
        progress.advance(400, 10**6)
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert re.fullmatch(r"shardfit: labels: 1,000 rows, \d+\.\d s", first)
    pattern = r"shardfit: epoch 1/1: 1,000 rows, \d+\.\d s, \d+\.\d MB/s"
    assert re.fullmatch(pattern, second)


def test_a_long_phase_tells_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "_SECONDS_BETWEEN_LINES", 0.0)
    with reporting(quiet=False) as progress:
        assert progress is not None
        progress.start("epoch 1/1", 1000)
        progress.advance(600, 0)
        assert "600 of 1,000 rows" in capsys.readouterr().err


def test_a_long_phase_that_ends_has_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "_SECONDS_BETWEEN_LINES", 0.0)
    with reporting(quiet=False) as progress:
        assert progress is not None
        progress.start("fit", 1000)
        progress.advance(1000, 0)
    assert capsys.readouterr().err.count("fit: 1,000 rows") == 1


def test_an_error_leaves_the_last_line_to_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        with reporting(quiet=False) as progress:
            assert progress is not None
            progress.start("predict", None)
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        fail()
    assert capsys.readouterr().err == ""


def test_bar_on_a_terminal(tmp_path: Path) -> None:
    code = (
        "from shardfit.cli._progress import reporting\n"
        "with reporting(quiet=False, total_bytes=300) as progress:\n"
        "    progress.start('labels', None)\n"
        "    progress.advance(10, 100)\n"
        "    progress.start('epoch 1/1', 1000)\n"
        "    progress.advance(1000, 10**6)\n"
    )
    terminal, own_end = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=own_end,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
            check=True,
            timeout=60,
        )
        shown = os.read(terminal, 2**16).decode()
    finally:
        os.close(terminal)
        os.close(own_end)
    assert done.stdout == b""
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")
    last = [line for line in last.split("\n") if line.strip()][-1]
    assert last.startswith("epoch 1/1 ━")
    assert "1,000 rows" in last
    assert "MB/s" in last
