"""The same cases under pytest-benchmark, to watch one of them closely.

pytest benches --benchmark-only -k cjk
"""

from __future__ import annotations

from typing import Any

import pytest
from benches.cases import CASES, Case, corpora, size


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("case", [*CASES, *corpora()], ids=str)
def test_transform(benchmark: Any, case: Case, n_jobs: int) -> None:
    """Time `transform` on a tenth of the full size."""
    documents = case.documents(0.1)
    benchmark.group = case.name
    benchmark.extra_info["bytes"] = size(documents)
    benchmark(case.shardfit(n_jobs).transform, documents)
