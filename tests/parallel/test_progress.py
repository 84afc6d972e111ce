"""Progress is a bar on a terminal and a few lines elsewhere, if it is asked for."""

from __future__ import annotations

import re
import sys

import pytest

from shardfit.parallel import progress_bar, run_tasks


def test_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar(0, 5, "partitions") as progress:
        assert progress is None
        assert len(list(run_tasks(abs, [(1,), (2,)], progress=progress))) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("total", "shown"), [(3, [1, 2, 3]), (40, range(4, 41, 4)), (1, [1])]
)
def test_lines(
    capsys: pytest.CaptureFixture[str], total: int, shown: list[int]
) -> None:
    with progress_bar(1, total, "partitions") as progress:
        list(run_tasks(abs, [(1,)] * total, n_jobs=1, progress=progress))
    captured = capsys.readouterr()
    assert captured.out == ""
    pattern = r"shardfit: partitions: (\d+) of (\d+), \d+\.\d s"
    lines = [re.fullmatch(pattern, line) for line in captured.err.splitlines()]
    assert [(int(line[1]), int(line[2])) for line in lines if line] == [
        (n_done, total) for n_done in shown
    ]
    assert None not in lines


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(1, 0, "partitions") as progress:
        assert list(run_tasks(abs, [], progress=progress)) == []
    assert capsys.readouterr().err == ""


def test_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with progress_bar(1, 3, "partitions") as progress:
        list(run_tasks(abs, [(1,)] * 3, n_jobs=1, progress=progress))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(r"partitions.*3/3", captured.err.splitlines()[-2])


def test_a_bar_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with (
        pytest.raises(ImportError, match=r'pip install "shardfit\[cli\]"'),
        progress_bar(1, 3, "partitions"),
    ):
        pass
