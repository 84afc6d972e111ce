"""Which kernel a process uses, and who may say so."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import strategies as st

from shardfit._rust import available_kernels, kernel_in_use, use_kernel
from shardfit.feature_extraction.text import CountVectorizer, HashingVectorizer
from tests.feature_extraction.kernels import KERNELS, given_and_kernel, using

VARIABLE = "SHARDFIT_KERNEL"
NAMES = ["scalar", "avx2", "avx512"]
WRONG_NAMES = ["sse2", "AVX2", " scalar", "scalar ", "None", "0", "é"]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Any:
    before = kernel_in_use()
    monkeypatch.delenv(VARIABLE, raising=False)
    yield
    use_kernel(before)


def _of_a_new_process(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_kernels_that_there_are() -> None:
    # The fastest is the last; the portable one is always there.
    assert [name for name in NAMES if name in KERNELS] == KERNELS
    assert KERNELS[0] == "scalar"
    assert available_kernels() == KERNELS


SAY = "from shardfit._rust import kernel_in_use; print(kernel_in_use())"


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_variable_says_which(kernel: str) -> None:
    assert _of_a_new_process(SAY, SHARDFIT_KERNEL=kernel) == kernel


def test_an_empty_variable_is_none() -> None:
    assert _of_a_new_process(SAY, SHARDFIT_KERNEL="") == KERNELS[-1]


FIRST_CALL = """
from sklearn.feature_extraction.text import CountVectorizer as TheirVectorizer
from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import CountVectorizer, HashingVectorizer

fitted = CountVectorizer(vocabulary=["a", "b"])
calls = [
    lambda: HashingVectorizer().transform(["a b"]),
    lambda: CountVectorizer().fit(["one two"]),
    lambda: CountVectorizer(vocabulary=["one"]).transform(["one two"]),
    lambda: FeatureHasher(input_type="string").transform([["a", "b"]]),
    lambda: FeatureHasher().transform([{"a": 1}]),
]
for call in calls * 2:
    try:
        call()
    except ValueError as error:
        print(error)
    else:
        print("no error")
"""


def test_a_wrong_name_is_an_error_of_each_call_that_needs_one() -> None:
    said = _of_a_new_process(FIRST_CALL, SHARDFIT_KERNEL="avx-512").splitlines()
    choices = "'scalar', 'avx2', 'avx512'"
    expected = (
        f'{VARIABLE} must be one of {choices}, got "avx-512"; leave it out for '
        "the fastest"
    )
    assert said == [expected] * 10


@pytest.mark.parametrize("name", [*WRONG_NAMES, *sorted(set(NAMES) - set(KERNELS))])
def test_a_wrong_name_changes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_kernel("scalar")
    with pytest.raises(ValueError, match=f'kernel .*"{name}"') as caught:
        use_kernel(name)
    assert all(f"'{kernel}'" in str(caught.value) for kernel in KERNELS)
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(ValueError, match=f'{VARIABLE} .*"{name}"'):
        use_kernel(None)
    assert kernel_in_use() == "scalar"


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_process_may_change_its_mind(
    kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert use_kernel(kernel) == kernel == kernel_in_use()
    assert use_kernel(None) == KERNELS[-1] == kernel_in_use()
    monkeypatch.setenv(VARIABLE, kernel)
    # It has been chosen, and is not chosen again without being asked to.
    assert kernel_in_use() == KERNELS[-1]
    assert use_kernel(None) == kernel == kernel_in_use()


def test_tests_use_a_kernel_for_a_while() -> None:
    before = kernel_in_use()
    with using("scalar"):
        assert kernel_in_use() == "scalar"
        with using(KERNELS[-1]):
            assert kernel_in_use() == KERNELS[-1]
        assert kernel_in_use() == "scalar"
    assert kernel_in_use() == before


def test_properties_meet_every_kernel() -> None:
    seen = set()

    @given_and_kernel(st.integers())
    def note(number: int) -> None:
        seen.add(kernel_in_use())

    note()
    assert seen == set(KERNELS)


def test_a_fitted_vectorizer_goes_on_with_another_kernel() -> None:
    texts = ["The quick brown fox", "jumps over the lazy dog", "naïve fox"] * 50
    use_kernel("scalar")
    counting, hashing = CountVectorizer().fit(texts), HashingVectorizer()
    expected = counting.transform(texts), hashing.transform(texts)
    for kernel in KERNELS:
        use_kernel(kernel)
        for got, wanted in zip(
            (counting.transform(texts), hashing.transform(texts)), expected, strict=True
        ):
            assert got.dtype == wanted.dtype
            assert (got != wanted).nnz == 0
