"""What a run leaves behind: all its times, and what they depend on."""

from __future__ import annotations

import json
import os
import platform
import sys
import zlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import scipy as sp
import sklearn

import shardfit

__all__ = ["Record", "Row", "Times", "contents", "load", "machine", "save", "versions"]

Times = dict[str, list[float]]  # seconds, by number of threads


@dataclass(frozen=True)
class Row:
    """The times of an operation on an input."""

    table: str  # "main" or "extremes"
    operation: str
    input: str
    bytes: int
    sklearn: list[float]
    shardfit: dict[str, Times]  # by kernel

    @property
    def name(self) -> str:
        """Return what the row is about."""
        return f"{self.operation}: {self.input}"

    def speed(self, times: list[float]) -> float:
        """Return MB/s."""
        return self.bytes / 1e6 / median(times)

    def ratio(self, kernel: str, threads: str) -> float:
        """Return how many times as fast as scikit-learn a kernel is."""
        return median(self.sklearn) / median(self.shardfit[kernel][threads])

    def ratio_range(self, kernel: str, threads: str) -> tuple[float, float]:
        """Return the least and the greatest ratio of any two times."""
        ours = self.shardfit[kernel][threads]
        return min(self.sklearn) / max(ours), max(self.sklearn) / min(ours)

    def scaling(self, kernel: str) -> list[float]:
        """Return how many times as fast as one thread the other numbers are."""
        one, *others = map(median, self.shardfit[kernel].values())
        return [one / other for other in others]


@dataclass(frozen=True)
class Record:
    """A run."""

    machine: dict[str, Any]
    versions: dict[str, str]
    settings: dict[str, Any]  # scale, and the main table's corpora
    kernel: str  # the one that shardfit chooses
    command: str
    date: str
    rows: list[Row]

    def table(self, name: str) -> list[Row]:
        """Return the rows of a table."""
        return [row for row in self.rows if row.table == name]


def contents(documents: list[str]) -> dict[str, int]:
    """Return what tells one corpus from another."""
    checksum = n_bytes = 0
    for document in documents:
        text = document.encode()
        checksum = zlib.crc32(text, checksum)
        n_bytes += len(text)
    return {"documents": len(documents), "bytes": n_bytes, "crc32": checksum}


def machine() -> dict[str, Any]:
    """Return what is the same from one run to the next, unless the machine is not."""
    cpuinfo = Path("/proc/cpuinfo")
    facts: dict[str, str] = {}
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            key, _, fact = line.partition(":")
            facts.setdefault(key.strip(), fact.strip())
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        # Virtual machines hide the model in a name such as "AMD EPYC".
        "family": facts.get("cpu family", ""),
        "model": facts.get("model", ""),
        "cpus": joblib.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of what is measured and what runs it."""
    modules = (shardfit, sklearn, np, sp)
    found = {module.__name__: str(module.__version__) for module in modules}
    return {"python": platform.python_version(), **found}


def command(corpora: Path | None) -> str:
    """Return what to type for the same run; where somebody keeps texts is not told."""
    arguments = " ".join(sys.argv[1:])
    is_named = str(corpora) in arguments
    if is_named:
        arguments = arguments.replace(str(corpora), "FOLDER")
    start = "SHARDFIT_CORPORA=FOLDER " if corpora and not is_named else ""
    if "MAKELEVEL" in os.environ:
        return f"{start}make bench" + (f' ARGS="{arguments}"' if arguments else "")
    return f"{start}python -m benches.speed {arguments}".rstrip()


def now() -> str:
    """Return the time of a run."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def save(record: Record, path: Path) -> None:
    """Write a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Record:
    """Read a run."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    rows = [Row(**row) for row in fields.pop("rows")]
    return Record(**fields, rows=rows)
