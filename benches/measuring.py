"""Take the time of a case: scikit-learn and shardfit in turn, in one process.

A noisy moment meets all of them, and medians count. Each matrix is compared with
scikit-learn's before any is timed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from benches.cases import Case
from benches.inputs import size
from benches.record import Row, Times

from shardfit._rust import use_kernel

__all__ = ["check_equal", "measure"]

# The fast ones take part more often: their times are short and spread more.
TURNS_PER_ROUND = 3


def seconds(timed: Callable[[Any], object], documents: Any, calls: int) -> float:
    """Return the time of one call; what it returned is given up afterwards."""
    results: list[object] = [None] * calls
    gc.collect()
    gc.disable()
    try:
        start = perf_counter()
        for call in range(calls):
            results[call] = timed(documents)
        return (perf_counter() - start) / calls
    finally:
        gc.enable()


def check_equal(A: Any, B: Any) -> None:
    """Fail unless two matrices are the same to the bit."""
    if A.shape != B.shape:
        raise SystemExit(f"the matrices differ in shape: {A.shape}, {B.shape}")
    for name in ("data", "indices", "indptr"):
        a, b = getattr(A, name), getattr(B, name)
        if a.dtype != b.dtype or not np.array_equal(a.view(np.uint8), b.view(np.uint8)):
            raise SystemExit(f"the matrices differ in {name}")


def measure(
    table: str,
    case: Case,
    threads: Mapping[str, Sequence[int]],
    scale: float,
    rounds: int,
) -> Row:
    """Return the times of a case, by kernel for some numbers of threads."""
    documents = case.input.documents(scale)
    past = case.past(documents, scale)
    theirs = case.operation(case.sklearn(), past)
    counts = sorted({count for counts in threads.values() for count in counts})
    ours = {count: case.operation(case.shardfit(count), past) for count in counts}
    del past
    turns = [(kernel, count) for kernel in threads for count in threads[kernel]]

    expected = theirs(documents)
    for kernel, count in turns:
        use_kernel(kernel)
        check_equal(expected, ours[count](documents))
    del expected

    sklearn: list[float] = []
    shardfit: dict[str, Times] = {kernel: {} for kernel in threads}
    for _ in range(rounds):
        sklearn.append(seconds(theirs, documents, case.input.calls))
        for kernel, count in turns * TURNS_PER_ROUND:
            use_kernel(kernel)
            time = seconds(ours[count], documents, case.input.calls)
            shardfit[kernel].setdefault(str(count), []).append(time)
    use_kernel(None)
    return Row(table, case.title, case.input.name, size(documents), sklearn, shardfit)
