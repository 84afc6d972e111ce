"""The command as a process: exit codes, pipes, signals and a missing extra."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "shardfit.cli"]
SECONDS = 120


def start(*args: object, **settings: object) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, as a shell does."""
    return subprocess.Popen(
        [*COMMAND, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        **settings,  # type: ignore[call-overload]
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return the exit code and what was written."""
    stdout, stderr = process.communicate(timeout=SECONDS)
    return process.returncode, stdout, stderr


def training(data: Path, output: Path, *options: object) -> list[object]:
    """Return the arguments of a training."""
    columns = ["--text", "text", "--label", "label"]
    return ["train", data, *columns, "-o", output, *options]


@pytest.fixture
def much(write_csv: Callable[..., Path]) -> Path:
    """Return data on which many epochs take far longer than a test may."""
    text = " ".join(f"word{number}" for number in range(300))
    return write_csv("much.csv", [[text, "yes"], [text[5:], "no"]] * 5000)


def test_exit_codes(weather: Path, tmp_path: Path) -> None:
    output = tmp_path / "m.skops"
    code, stdout, stderr = finish(start(*training(weather, output)))
    assert (code, stdout) == (0, "")
    assert "wrote" in stderr
    code, _, stderr = finish(start(*training(weather, output)))
    assert code == 2
    assert stderr.startswith("shardfit: error: ")
    code, _, stderr = finish(start("predict", output, weather, "--text", "body"))
    assert code == 1
    assert "Traceback" not in stderr
    code, stdout, _ = finish(start("--help"))
    assert code == 0
    assert "train" in stdout
    assert finish(start())[0] == 2


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--jobs", 1], id="one job"),
        pytest.param(["--partitions", 2, "--jobs", 2], id="threads"),
        pytest.param(["--memory", "420MB", "--n-features", 1024], id="reading"),
    ],
)
def test_signal_stops_training_and_leaves_nothing(
    much: Path,
    tmp_path: Path,
    options: list[object],
    number: signal.Signals,
    expected: int,
) -> None:
    folder = tmp_path / "outputs"
    folder.mkdir()
    process = start(*training(much, folder / "m.skops", "--epochs", 10**6, *options))
    assert process.stderr is not None
    lines = []
    while "epoch 1/" not in (lines or [""])[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], f"the training ended by itself: {lines}"
    time.sleep(0.5)
    assert len(list(folder.iterdir())) == 1
    os.killpg(process.pid, number)
    code, _, stderr = finish(process)
    assert code == expected, stderr
    assert "Traceback" not in stderr
    assert list(folder.iterdir()) == []


def test_interrupted_prediction_leaves_nothing(
    much: Path, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "outputs"
    folder.mkdir()
    copies = [tmp_path / f"copy{number}.csv" for number in range(200)]
    for copy in copies:
        copy.hardlink_to(much)
    process = start("predict", model, much, *copies, "-o", folder / "out.csv")
    while not list(folder.iterdir()):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    code, _, stderr = finish(process)
    assert code == 130, stderr
    assert "Traceback" not in stderr
    assert list(folder.iterdir()) == []


def test_closed_pipe_is_quiet(much: Path, model: Path) -> None:
    with start("predict", model, much, "--quiet") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith('{"file"')
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(SECONDS) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_standard_output(model: Path, weather: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "predict", str(model), str(weather), "--quiet"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "shardfit: error: No space left on device\n"


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("click", ["--help"]),
        ("pyarrow", ["predict", "MODEL", "DATA"]),
        ("skops", ["predict", "MODEL", "DATA"]),
        ("rich", ["predict", "MODEL", "DATA"]),
        ("matplotlib", ["evaluate", "MODEL", "DATA", "--plot", "c.png"]),
    ],
)
def test_missing_extra_is_one_line(
    weather: Path, model: Path, tmp_path: Path, missing: str, arguments: list[str]
) -> None:
    places = {"MODEL": str(model), "DATA": str(weather)}
    code = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "from shardfit.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *(places.get(arg, arg) for arg in arguments)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("shardfit: error: ")
    assert missing in error
    assert 'pip install "shardfit[cli]"' in error
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "c.png").exists()
