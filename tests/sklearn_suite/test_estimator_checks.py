"""shardfit's estimators keep the conventions and the interface of scikit-learn's."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import sklearn
import sklearn.feature_extraction
import sklearn.feature_extraction.text
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags

from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from tests.feature_extraction.facts import ADDED_PARAMETERS

PAIRS: list[tuple[type[Any], type[Any]]] = [
    (HashingVectorizer, sklearn.feature_extraction.text.HashingVectorizer),
    (FeatureHasher, sklearn.feature_extraction.FeatureHasher),
    (CountVectorizer, sklearn.feature_extraction.text.CountVectorizer),
    (TfidfVectorizer, sklearn.feature_extraction.text.TfidfVectorizer),
    (TfidfTransformer, sklearn.feature_extraction.text.TfidfTransformer),
]
# What these classes do and scikit-learn's do not: they learn part by part.
GROWING = {"CountVectorizer", "TfidfVectorizer", "TfidfTransformer"}
NAMES = [ours.__name__ for ours, _ in PAIRS]

# The tags of these estimators keep check_estimator from running more than one check,
# so those that need no table of numbers are called by name.
CHECKS_WITHOUT_TABLES = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_param_validation",
]
INTERFACE = [
    *["fit", "transform", "fit_transform", "partial_fit", "inverse_transform"],
    *["get_params", "set_params", "get_metadata_routing", "set_output"],
    *["build_analyzer", "build_preprocessor", "build_tokenizer", "get_stop_words"],
    *["decode", "get_feature_names_out", "set_fit_request", "set_transform_request"],
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=NAMES)
def test_check_estimator(ours: type[Any], theirs: type[Any]) -> None:
    statuses = []
    for cls in (ours, theirs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = estimator_checks.check_estimator(cls(), on_fail=None) or []
        statuses.append([(r["check_name"], r["status"]) for r in results])
    assert statuses[0] == statuses[1]


@pytest.mark.parametrize("check", CHECKS_WITHOUT_TABLES)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=NAMES)
def test_check(ours: type[Any], theirs: type[Any], check: str) -> None:
    run = getattr(estimator_checks, check)
    run(theirs.__name__, theirs())
    run(ours.__name__, ours())


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=NAMES)
def test_constructor(ours: type[Any], theirs: type[Any]) -> None:
    expected = _parameters(theirs)
    found = _parameters(ours)
    assert found["n_jobs"] == (inspect.Parameter.KEYWORD_ONLY, None)
    added = ADDED_PARAMETERS[ours.__name__]
    assert set(list(found)[len(expected) :]) == added
    assert all(found[name][0] == inspect.Parameter.KEYWORD_ONLY for name in added)
    defaults = {name: found.pop(name)[1] for name in added}
    assert found == expected
    assert list(found) == list(expected)
    assert ours.__name__ == theirs.__name__
    assert ours().get_params() == {**theirs().get_params(), **defaults}


@pytest.mark.parametrize("name", INTERFACE)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=NAMES)
def test_method(ours: type[Any], theirs: type[Any], name: str) -> None:
    if name == "partial_fit" and ours.__name__ in GROWING:
        assert hasattr(ours, name)
        assert not hasattr(theirs, name)
        assert _parameters(ours.partial_fit) == _parameters(theirs.fit)
        return
    assert hasattr(ours(), name) == hasattr(theirs(), name)
    if hasattr(theirs, name) and name != "set_params":
        assert _parameters(getattr(ours, name)) == _parameters(getattr(theirs, name))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=NAMES)
def test_no_other_method_is_public(ours: type[Any], theirs: type[Any]) -> None:
    public = [set(filter(_is_method(cls()), dir(cls))) for cls in (ours, theirs)]
    grown = {"partial_fit"} if ours.__name__ in GROWING else set()
    assert public[0] - public[1] == grown
    assert public[1] <= public[0]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=NAMES)
def test_tags_routing_and_constraints(ours: type[Any], theirs: type[Any]) -> None:
    assert get_tags(ours()) == get_tags(theirs())
    with sklearn.config_context(enable_metadata_routing=True):
        routing = [str(cls().get_metadata_routing()) for cls in (ours, theirs)]
    assert routing[0] == routing[1]
    constraints = dict(ours._parameter_constraints)
    assert "n_jobs" in constraints
    for name in ADDED_PARAMETERS[ours.__name__]:
        del constraints[name]
    assert str(constraints) == str(theirs._parameter_constraints)


@pytest.mark.parametrize("value", [0, "2", 1.5, True])
@pytest.mark.parametrize("ours", [ours for ours, _ in PAIRS], ids=NAMES)
def test_nonsensical_n_jobs_is_refused(ours: type[Any], value: Any) -> None:
    samples: dict[Any, Any] = {
        FeatureHasher: [{"one": 1, "two": 2}],
        TfidfTransformer: [[1.0, 2.0]],
    }
    with pytest.raises((ValueError, TypeError), match="n_jobs"):
        ours(n_jobs=value).fit_transform(samples.get(ours, ["one two"]))


@pytest.mark.parametrize("ours", [ours for ours, _ in PAIRS], ids=NAMES)
def test_is_a_kind_of_the_original(ours: type[Any]) -> None:
    original = dict(zip(NAMES, (theirs for _, theirs in PAIRS), strict=True))
    assert issubclass(ours, original[ours.__name__])
    assert ours.__module__.startswith("shardfit.")
    assert "<style>" in make_pipeline(ours())._repr_html_()


def _is_method(estimator: Any) -> Callable[[str], bool]:
    return lambda name: (
        not name.startswith("_") and callable(getattr(estimator, name, None))
    )


def _parameters(function: Any) -> dict[str, tuple[Any, Any]]:
    signature = inspect.signature(function)
    return {p.name: (p.kind, p.default) for p in signature.parameters.values()}
