"""Compare shardfit with scikit-learn, class by class, in one process.

The estimators take turns, so that a noisy moment meets all of them; medians count.
Each matrix is compared before it is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import scipy as sp
import sklearn
from benches.cases import CASES, Case, corpora, size

import shardfit

HEADER = (
    "class",
    "MB",
    "scikit-learn",
    "1 thread",
    "ratio",
    "2 threads",
    "ratio",
    "scaling",
)
LAYOUT = "{:<36}{:>8}{:>14}{:>10}{:>8}{:>11}{:>8}{:>9}"


def seconds(transform: Callable[[Any], object], documents: Any, calls: int) -> float:
    """Return the time of one call."""
    start = perf_counter()
    for _ in range(calls):
        transform(documents)
    return (perf_counter() - start) / calls


def check_equal(A: Any, B: Any) -> None:
    """Fail unless two matrices are the same to the bit."""
    for name in ("data", "indices", "indptr"):
        a, b = getattr(A, name), getattr(B, name)
        if a.dtype != b.dtype or a.tobytes() != b.tobytes():
            raise SystemExit(f"the matrices differ in {name}")


def measure(case: Case, scale: float, repetitions: int) -> dict[str, Any]:
    """Return the times of a case, in seconds."""
    documents = case.documents(scale)
    estimators = {
        "scikit-learn": case.sklearn(),
        "1 thread": case.shardfit(1),
        "2 threads": case.shardfit(2),
    }
    expected, *others = (e.transform(documents) for e in estimators.values())
    for matrix in others:
        check_equal(expected, matrix)
    del expected, others, matrix
    times: dict[str, list[float]] = {name: [] for name in estimators}
    for _ in range(repetitions):
        for name, estimator in estimators.items():
            # The fast ones more often: their times are short and spread more.
            for _ in range(1 if name == "scikit-learn" else 3):
                taken = seconds(estimator.transform, documents, case.calls)
                times[name].append(taken)
    return {"class": case.name, "bytes": size(documents), "seconds": times}


def line(row: dict[str, Any]) -> str:
    """Return a row of the table, in MB/s."""
    megabytes = row["bytes"] / 1e6
    theirs, one, two = (median(times) for times in row["seconds"].values())
    return LAYOUT.format(
        row["class"],
        f"{megabytes:.3g}",
        *(f"{megabytes / theirs:.1f}", f"{megabytes / one:.0f}", f"{theirs / one:.1f}"),
        *(f"{megabytes / two:.0f}", f"{theirs / two:.1f}", f"{one / two:.2f}"),
    )


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {
            module.__name__: module.__version__
            for module in (shardfit, sklearn, np, sp)
        },
        "command": " ".join(sys.orig_argv),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m benches.compare"
    )
    parser.add_argument("--scale", type=float, default=0.1, help="of all sizes")
    parser.add_argument(
        "--repetitions", type=int, default=5, help="rounds of all three"
    )
    parser.add_argument("--only", default="", help="classes whose names contain this")
    parser.add_argument("--json", type=Path, help="file to write all times to")
    arguments = parser.parse_args()

    facts = machine()
    for name, fact in facts.items():
        print(f"{name}: {fact}")
    print("Throughput in MB/s of UTF-8 text; medians; ratios to scikit-learn.\n")
    print(LAYOUT.format(*HEADER))
    rows = []
    for case in [*CASES, *corpora()]:
        if arguments.only in case.name:
            rows.append(measure(case, arguments.scale, arguments.repetitions))
            print(line(rows[-1]), flush=True)
    if arguments.json:
        result = json.dumps({**facts, "rows": rows}, indent=1)
        arguments.json.write_text(result + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
