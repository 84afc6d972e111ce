"""What `show_versions` prints is what is so."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

import shardfit
from shardfit import _rust, _versions
from shardfit._threads import effective_threads


def _shown(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    shardfit.show_versions()
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    return dict(line.split(": ", 1) for line in lines if not line.endswith(":"))


def test_what_is_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SHARDFIT_KERNEL", "SHARDFIT_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    shown = _shown(capsys)
    assert shown["python"].startswith(sys.version.split()[0])
    assert shown["version"] == shardfit.__version__ == _rust.__version__
    assert shown["build"] == _rust.__profile__
    assert shown["in use"] == _rust.kernel_in_use()
    assert shown["available"].split(", ") == _rust.available_kernels()
    assert shown["SHARDFIT_KERNEL"] == "not set"
    assert shown["n_jobs=None"] == shown["usable CPUs"] == str(effective_threads(-1))
    assert shown["numpy"] == np.__version__
    for name in ("joblib", "scikit-learn", "scipy", "pyarrow", "skops"):
        assert shown[name] == version(name)
    # How much memory, whose folder and which host are nobody's business.
    assert sys.executable not in shown.values()


def test_it_changes_nothing() -> None:
    before = _rust.kernel_in_use()
    try:
        _rust.use_kernel("scalar")
        shardfit.show_versions()
        assert _rust.kernel_in_use() == "scalar"
    finally:
        _rust.use_kernel(before)


def test_what_variables_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARDFIT_KERNEL", "scalar")
    monkeypatch.setenv("OMP_NUM_THREADS", "7,2")
    shown = _shown(capsys)
    assert shown["SHARDFIT_KERNEL"] == "scalar"
    assert (shown["n_jobs=None"], shown["OMP_NUM_THREADS"]) == ("7", "7,2")


def test_wrong_variables_are_shown_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDFIT_KERNEL", "sse")
    monkeypatch.setenv("SHARDFIT_NUM_THREADS", "many")
    done = subprocess.run(
        [sys.executable, "-c", "import shardfit; shardfit.show_versions()"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "in use: none (SHARDFIT_KERNEL must be one of" in done.stdout
    assert "n_jobs=None: none (SHARDFIT_NUM_THREADS must be" in done.stdout


def test_what_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version_of_some(name: str) -> str:
        if name == "polars":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(_versions, "version", version_of_some)
    assert _shown(capsys)["polars"] == "not installed"


def test_importing_the_package_imports_no_other() -> None:
    script = "import sys, shardfit; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "joblib", "sklearn", "shardfit._rust"}
