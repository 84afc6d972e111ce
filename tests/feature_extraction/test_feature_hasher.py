"""FeatureHasher does what scikit-learn's does, for any samples and parameters."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction import FeatureHasher as SklearnFeatureHasher

from shardfit.feature_extraction import FeatureHasher
from tests.feature_extraction.comparison import (
    CountedIterator,
    assert_same,
    assert_same_hasher,
    observe,
)
from tests.feature_extraction.kernels import given_and_kernel
from tests.feature_extraction.parameters import FLOATS, OTHER_DTYPES
from tests.feature_extraction.strategies import texts

SIZES = [1, 2, 3, 7, 2**4, 1000, 2**20, 2**31 - 2, 2**31 - 1]


class FloatLike:
    """A number by protocol alone."""

    def __float__(self) -> float:
        return 2.5

    def __repr__(self) -> str:
        return "FloatLike()"


class Word(str):
    """A str subclass that formats as something else."""

    def __str__(self) -> str:
        return "formatted"


short_names = st.one_of(
    st.text("abé日\ud800", max_size=2),
    st.sampled_from(["a", "b", "ab", "the", "x=1", "日本", "\ud800", "", "nul\0"]),
    st.sampled_from([np.str_("np"), Word("word"), b"bytes", b"\xff", np.bytes_(b"n")]),
    st.integers(0, 99).map(lambda n: f"f{n}"),
)
names = st.one_of(short_names, short_names, texts)
bad_names = st.sampled_from([3, None, 2.5, ("a", 1), frozenset(), bytearray(b"x")])
numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.sampled_from([0, 0.0, -0.0, 1, 1.0, float("nan"), float("inf"), 2**53 + 1]),
    st.sampled_from([0.1, 1e-320, 1e308, -1e308, 10**400, 2**31, 2**63, 1e20]),
)
odd_values = st.sampled_from(
    [np.float32(0.1), np.int8(-4), np.uint64(2**63), np.bool_(True), np.float16(0.5)]
    + [np.longdouble(1) / 3, np.array(2.0), np.array([2.0]), np.array([1.0, 2.0])]
    + [Fraction(1, 3), Decimal("0.1"), FloatLike(), 1 + 2j, np.datetime64("2020")]
)
bad_values = st.sampled_from([None, b"x", [], (), object(), {}, bytearray(b"1")])
values = st.one_of(numbers, numbers, short_names.filter(lambda n: isinstance(n, str)))
rough_values = st.one_of(values, values, odd_values, bad_values)

pairs = st.tuples(names, values)
rough_pairs = st.one_of(
    st.tuples(names, rough_values),
    st.tuples(names, rough_values),
    st.tuples(bad_names, rough_values),
    st.sampled_from(
        [(), ("a",), ("a", 1, 2), "ab", "abc", 3, None, ["a", 1], {"a", "b"}]
    ),
)
parameters_of_hashers = st.fixed_dictionaries(
    {},
    optional={
        "n_features": st.sampled_from(SIZES),
        "alternate_sign": st.booleans(),
        "dtype": st.sampled_from(FLOATS),
        "n_jobs": st.sampled_from([None, 1, 2, 3]),
    },
)
odd_parameters = st.fixed_dictionaries(
    {},
    optional={
        "n_features": st.sampled_from([*SIZES, -5, 2**31, 2**40, 2.5, None, "16"]),
        "alternate_sign": st.sampled_from([True, False, 0, 1, "yes", None]),
        "dtype": st.sampled_from([*FLOATS, *OTHER_DTYPES]),
        "input_type": st.sampled_from(["dict", "pair", "string", "nonsense", None]),
    },
)
METHODS = st.sampled_from(["transform", "fit_transform", "fit().transform"])
CONTAINERS = st.sampled_from([list, tuple, iter, lambda x: (y for y in x)])


@settings(max_examples=2 * settings.default.max_examples)
@given_and_kernel(
    st.lists(st.lists(pairs, max_size=40), min_size=1, max_size=5),
    st.sampled_from(["dict", "pair"]),
    parameters_of_hashers,
    METHODS,
    CONTAINERS,
)
def test_samples_of_pairs(
    samples: list[list[tuple[Any, Any]]],
    input_type: str,
    parameters: dict[str, Any],
    method: str,
    container: Any,
) -> None:
    def make() -> Any:
        if input_type == "dict":
            return container([dict(sample) for sample in samples])
        return container([container(sample) for sample in samples])

    assert_same_hasher(make, {"input_type": input_type, **parameters}, method=method)


@settings(max_examples=2 * settings.default.max_examples)
@given_and_kernel(
    st.lists(st.lists(names, max_size=40), min_size=1, max_size=5),
    parameters_of_hashers,
    METHODS,
    CONTAINERS,
)
def test_samples_of_strings(
    samples: list[list[Any]], parameters: dict[str, Any], method: str, container: Any
) -> None:
    assert_same_hasher(
        lambda: container([container(sample) for sample in samples]),
        {"input_type": "string", **parameters},
        method=method,
    )


@given_and_kernel(
    st.lists(
        st.one_of(
            st.lists(rough_pairs, max_size=5),
            st.dictionaries(names, rough_values, max_size=5),
            st.lists(st.one_of(names, bad_names), max_size=5),
            st.sampled_from([None, 3, "abc", b"abc", ("a", "b"), [("a", 1)]]),
        ),
        max_size=4,
    ),
    st.sampled_from(["dict", "pair", "string"]),
    odd_parameters,
    METHODS,
)
def test_broken_samples_and_parameters(
    samples: list[Any], input_type: str, parameters: dict[str, Any], method: str
) -> None:
    parameters = {"input_type": input_type, **parameters}
    assert_same_hasher(lambda: samples, parameters, method=method)


@given_and_kernel(
    st.lists(st.lists(rough_pairs, max_size=4), max_size=4),
    st.sampled_from(["pair", "string"]),
)
def test_iterators_are_consumed_equally_far(
    samples: list[list[Any]], input_type: str
) -> None:
    requests = []
    for cls in (FeatureHasher, SklearnFeatureHasher):
        inner = [CountedIterator(sample) for sample in samples]
        outer = CountedIterator(inner)
        hasher = cls(input_type=input_type)
        observe(lambda: hasher.transform(outer))  # noqa: B023
        requests.append([outer.requests, *(sample.requests for sample in inner)])
    assert requests[0] == requests[1]


@pytest.mark.parametrize("input_type", ["dict", "pair"])
@pytest.mark.parametrize("n_features", [1, 2, 3, 50])
@pytest.mark.parametrize("count", [15, 16, 17, 33, 100, 2000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_general_floats_are_summed_in_the_same_order(
    input_type: str, n_features: int, count: int, dtype: Any
) -> None:
    rng = np.random.default_rng(count + n_features)
    amounts = rng.standard_normal((20, count)) * 10.0 ** rng.integers(
        -8, 8, (20, count)
    )
    samples: list[Any] = [
        {f"f{n}": amount for n, amount in enumerate(row.tolist())} for row in amounts
    ]
    if input_type == "pair":
        samples = [list(sample.items()) for sample in samples]
    parameters = {"input_type": input_type, "n_features": n_features, "dtype": dtype}
    assert_same_hasher(lambda: samples, parameters)


def test_repeated_names_with_values_that_cancel() -> None:
    samples = [
        [("a", 1e16), ("b", 1), ("a", -1e16), ("a", 1)] * 30,
        [("a", 1), ("a", -1)],
    ]
    for n_features in (1, 2, 100):
        assert_same_hasher(
            lambda: samples,
            {"input_type": "pair", "n_features": n_features},
        )


def test_many_samples() -> None:
    samples = [[f"w{n % 997}", "the", f"x{n}"] for n in range(5000)]
    for n_jobs in (None, 1, 2):
        assert_same_hasher(lambda: samples, {"input_type": "string", "n_jobs": n_jobs})
    dictionaries = [dict.fromkeys(sample, 2) for sample in samples]
    assert_same_hasher(lambda: dictionaries, {"n_features": 64})


def test_mappings_of_other_classes() -> None:
    class OldMapping:
        def iteritems(self) -> Any:
            return iter([("old", 1), ("style", 2)])

    class LoudDict(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            return [("overridden", 7)]

    samples = [
        OrderedDict(a=1, b="x"),
        MappingProxyType({"a": 2}),
        OldMapping(),
        LoudDict(a=1),
    ]
    assert_same_hasher(lambda: samples, {})


def test_mutable_samples_that_change_while_they_are_read() -> None:
    class Trigger(str):
        sample: Any

        def __format__(self, spec: str) -> str:
            self.sample.clear()
            return "cleared"

        __str__ = __repr__ = lambda self: self.__format__("")  # type: ignore[assignment]

    for input_type in ("dict", "pair"):

        def make() -> Any:
            trigger = Trigger("x")
            sample: Any = {"a": trigger, "b": 1, "c": 2}
            if input_type == "pair":  # noqa: B023
                sample = list(sample.items())
            trigger.sample = sample
            return [sample]

        assert_same_hasher(make, {"input_type": input_type})


@pytest.mark.parametrize("input_type", ["dict", "pair", "string"])
@pytest.mark.parametrize(
    "samples", [[], (), {}, "text", ["text"], None, 3, b"x"], ids=repr
)
def test_nothing_and_nonsense(samples: Any, input_type: str) -> None:
    assert_same_hasher(lambda: samples, {"input_type": input_type})
    assert_same_hasher(
        lambda: samples, {"input_type": input_type}, method="fit_transform"
    )


def test_known_buckets() -> None:
    largest = 2**31 - 1
    row = FeatureHasher(largest).transform([{"a": 3, "ab": 2}])
    expected = {1009084850: 3.0, 1681926305: -2.0}
    assert dict(zip(row.indices.tolist(), row.data.tolist(), strict=True)) == expected


def test_hooks_of_subclasses() -> None:
    results = []
    for base in (FeatureHasher, SklearnFeatureHasher):

        class Lower(base):  # type: ignore[misc, valid-type]
            def transform(self, raw_X: Any) -> Any:
                return super().transform([str(x).lower().split()] for x in raw_X)

        hasher = Lower(input_type="pair")
        results.append(observe(lambda: hasher.transform(["A B", "C D"])))  # noqa: B023
    assert_same(*results)


def test_pickle_clone_and_repr() -> None:
    hasher = FeatureHasher(64, input_type="string")
    before = observe(lambda: hasher.fit_transform([["a", "b"]]))
    for copy in (pickle.loads(pickle.dumps(hasher)), clone(hasher)):
        assert copy.get_params() == hasher.get_params()
        assert_same(observe(lambda: copy.transform([["a", "b"]])), before)  # noqa: B023
    assert repr(hasher) == "FeatureHasher(input_type='string', n_features=64)"
