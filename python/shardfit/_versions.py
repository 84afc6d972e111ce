"""What a report of a bug, or of a measurement, needs to tell about the machine."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

__all__ = ["show_versions"]

# Their tables and columns of text are read where they lie, if they are there.
_TABLES = ("pandas", "polars")
_MISSING = "not installed"


def show_versions() -> None:
    """Print what the answer to "does it work for you?" may depend on.

    That is: Python, platform and processor; how shardfit was built; which of its
    kernels, the hot loops for one set of instructions each, this processor can run,
    which one is used, and whether ``SHARDFIT_KERNEL`` says so; how many threads
    ``n_jobs=None`` stands for here and now; and the versions of the packages that
    shardfit works with.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn.

    Examples
    --------
    >>> import shardfit
    >>> shardfit.show_versions()
    System:
               python: 3...
    Kernels:
               in use: ...
            available: scalar...
    """
    sections = {
        "System": _system(),
        "shardfit": _build(),
        "Kernels": _kernels(),
        "Threads": _threads(),
        "Dependencies": _dependencies(),
    }
    width = max(len(name) for facts in sections.values() for name in facts)
    for title, facts in sections.items():
        print(f"{title}:")
        for name, fact in facts.items():
            print(f"  {name:>{width}}: {fact}")


def _system() -> dict[str, object]:
    # Imported late, as everything below: `import shardfit` alone costs next to nothing.
    from shardfit._threads import effective_threads

    return {
        "python": " ".join(sys.version.split()),
        "platform": platform.platform(),
        "processor": _processor(),
        "usable CPUs": effective_threads(-1),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"(?m)^model name\s*: (.+)$", text):
            return f"{found[1]} ({platform.machine()})"
    return platform.processor() or platform.machine() or "unknown"


def _build() -> dict[str, object]:
    from shardfit import _rust

    return {"version": version("shardfit"), "build": _rust.__profile__}


def _kernels() -> dict[str, object]:
    from shardfit import _rust

    named = os.environ.get("SHARDFIT_KERNEL")
    try:
        in_use = _rust.kernel_in_use()
    except ValueError as error:
        in_use = f"none ({error})"
    return {
        "in use": in_use,
        "available": ", ".join(_rust.available_kernels()),
        "SHARDFIT_KERNEL": named or "not set",
    }


def _threads() -> dict[str, object]:
    from shardfit._threads import effective_threads

    try:
        number = str(effective_threads(None))
    except ValueError as error:
        number = f"none ({error})"
    variables = ("SHARDFIT_NUM_THREADS", "OMP_NUM_THREADS")
    return {
        "n_jobs=None": number,
        **{name: os.environ.get(name) or "not set" for name in variables},
    }


def _dependencies() -> dict[str, object]:
    required = [re.split(r"[^\w.-]", text)[0] for text in requires("shardfit") or ()]
    names = sorted({*required, *_TABLES} - {"shardfit"})
    return {name: _version_of(name) for name in names}


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _MISSING
