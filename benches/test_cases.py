"""The same cases under pytest-benchmark, to watch one of them closely.

pytest benches --benchmark-only -k "CountVectorizer and fit_transform and cjk"
"""

from __future__ import annotations

from typing import Any

import pytest
from benches.cases import Case, default_folder, extremes, main_cases
from benches.inputs import size

CASES = [*main_cases(default_folder()), *extremes()]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(benchmark: Any, case: Case, n_jobs: int) -> None:
    """Time a case on a tenth of the full size."""
    documents = case.input.documents(0.1)
    past = case.past(documents, 0.1)
    benchmark.group = str(case)
    benchmark.extra_info["bytes"] = size(documents)
    benchmark(case.operation(case.shardfit(n_jobs), past), documents)
