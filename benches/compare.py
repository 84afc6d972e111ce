"""Compare shardfit with scikit-learn, one class of input after the other.

The estimators take turns in one process, so that a noisy moment meets all of them;
medians count. Each matrix is compared before it is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import scipy as sp
import sklearn
from benches.cases import Case, cases
from benches.inputs import size

import shardfit

HEADER = (
    "MB",
    "scikit-learn",
    "1 thread",
    "ratio",
    "2 threads",
    "ratio",
    "scaling",
)
LAYOUT = "{:<36}{:>8}{:>14}{:>10}{:>8}{:>11}{:>8}{:>9}"


def seconds(timed: Callable[[Any], object], documents: Any, calls: int) -> float:
    """Return the time of one call."""
    start = perf_counter()
    for _ in range(calls):
        timed(documents)
    return (perf_counter() - start) / calls


def check_equal(A: Any, B: Any) -> None:
    """Fail unless two matrices are the same to the bit."""
    if A.shape != B.shape:
        raise SystemExit(f"the matrices differ in shape: {A.shape}, {B.shape}")
    for name in ("data", "indices", "indptr"):
        a, b = getattr(A, name), getattr(B, name)
        if a.dtype != b.dtype or a.tobytes() != b.tobytes():
            raise SystemExit(f"the matrices differ in {name}")


def measure(case: Case, scale: float, repetitions: int) -> dict[str, Any]:
    """Return the times of a case, in seconds."""
    documents = case.input.documents(scale)
    past = case.past(documents, scale)
    operations = {
        "scikit-learn": case.operation(case.sklearn(), past),
        "1 thread": case.operation(case.shardfit(1), past),
        "2 threads": case.operation(case.shardfit(2), past),
    }
    expected, *others = (timed(documents) for timed in operations.values())
    for matrix in others:
        check_equal(expected, matrix)
    del expected, others, matrix
    times: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(repetitions):
        for name, timed in operations.items():
            # The fast ones more often: their times are short and spread more.
            for _ in range(1 if name == "scikit-learn" else 3):
                times[name].append(seconds(timed, documents, case.input.calls))
    return {
        "operation": case.title,
        "class": case.input.name,
        "bytes": size(documents),
        "seconds": times,
    }


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
    parser.add_argument(
        "--only",
        default="",
        help="cases whose names contain this, such as TfidfVectorizer.transform or cjk",
    )
    parser.add_argument("--json", type=Path, help="file to write all times to")
    arguments = parser.parse_args()

    facts = machine()
    for name, fact in facts.items():
        print(f"{name}: {fact}")
    print("Throughput in MB/s of UTF-8 text, or of a matrix; medians; ratios to")
    print("scikit-learn, for partial_fit in ten parts to its fit of the whole.")
    selected = [case for case in cases() if arguments.only in str(case)]
    rows = []
    for title, group in groupby(selected, attrgetter("title")):
        print(f"\n{LAYOUT.format(title, *HEADER)}", flush=True)
        for case in group:
            rows.append(measure(case, arguments.scale, arguments.repetitions))
            print(line(rows[-1]), flush=True)
    if arguments.json:
        result = json.dumps({**facts, "rows": rows}, indent=1)
        arguments.json.write_text(result + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
