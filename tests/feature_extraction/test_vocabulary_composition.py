"""The vectorizers work where scikit-learn puts estimators together."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from tests.feature_extraction.comparison import assert_same, observe
from tests.feature_extraction.facts import comparable
from tests.feature_extraction.pairs import OURS, THEIRS
from tests.feature_extraction.vocabulary_parameters import NAMES

WORDS = "fox dog ant ox zebra the quick lazy café straße".split()
RNG = np.random.default_rng(0)
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(1, 9))) for _ in range(60)]
LABELS = ["dog" in text for text in TEXTS]


def _classes(name: str) -> list[type[Any]]:
    return [getattr(import_module(home), name) for home in (OURS, THEIRS)]


@pytest.mark.parametrize("name", NAMES)
def test_pipeline_predicts_alike(name: str) -> None:
    decisions = []
    for cls in _classes(name):
        model = make_pipeline(cls(ngram_range=(1, 2)), SGDClassifier(random_state=0))
        model.fit(TEXTS, LABELS)
        decisions.append(comparable(model.decision_function(TEXTS)))
        assert cross_val_score(clone(model), TEXTS, LABELS, cv=3).shape == (3,)
    assert decisions[0] == decisions[1]


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.float32])
def test_counts_then_weights(dtype: Any) -> None:
    outcomes = []
    for home in (OURS, THEIRS):
        module = import_module(home)
        pipeline = make_pipeline(
            module.CountVectorizer(dtype=dtype), module.TfidfTransformer()
        )
        outcomes.append(
            [
                observe(lambda p=pipeline: p.fit_transform(TEXTS)),  # type: ignore[misc]
                observe(lambda p=pipeline: p.transform(TEXTS[::-1])),  # type: ignore[misc]
                observe(lambda p=pipeline: p[0].vocabulary_),  # type: ignore[misc]
                observe(lambda p=pipeline: p[1].idf_),  # type: ignore[misc]
                observe(lambda p=pipeline: p.get_feature_names_out()),  # type: ignore[misc]
            ]
        )
    for mine, other in zip(*outcomes, strict=True):
        assert_same(mine, other, dtype)


@pytest.mark.parametrize("mixed", ["ours first", "theirs first"])
def test_weights_of_the_other_project(mixed: str) -> None:
    expected = None
    places = (OURS, THEIRS) if mixed == "ours first" else (THEIRS, OURS)
    for counts, weights in (places, (THEIRS, THEIRS)):
        pipeline = make_pipeline(
            import_module(counts).CountVectorizer(),
            import_module(weights).TfidfTransformer(norm="l1"),
        )
        seen = observe(lambda p=pipeline: p.fit_transform(TEXTS))  # type: ignore[misc]
        assert expected in (None, seen)
        expected = seen


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_chooses_alike(name: str, n_jobs: int) -> None:
    grid = {
        "vectorizer__min_df": [1, 3],
        "vectorizer__max_features": [None, 4],
        "vectorizer__stop_words": [None, ["the"]],
    }
    found = []
    for cls in _classes(name):
        pipeline = Pipeline(
            [("vectorizer", cls()), ("model", SGDClassifier(random_state=0))]
        )
        search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs).fit(TEXTS, LABELS)
        best = search.best_estimator_[0]
        found.append(
            comparable(
                [
                    search.cv_results_["mean_test_score"],
                    search.best_params_,
                    best.vocabulary_,
                    best.get_feature_names_out(),
                ]
            )
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("name", NAMES)
def test_column_transformer_and_feature_union(name: str) -> None:
    frame = pd.DataFrame({"title": TEXTS, "body": TEXTS[::-1], "n": range(len(TEXTS))})
    outcomes = []
    for cls in _classes(name):
        columns = ColumnTransformer(
            [
                ("title", cls(min_df=2), "title"),
                ("body", cls(analyzer="char_wb", ngram_range=(2, 3)), "body"),
                ("n", "passthrough", ["n"]),
            ],
            sparse_threshold=1.0,
        )
        union = FeatureUnion([("words", cls()), ("letters", cls(analyzer="char"))])
        outcomes.append(
            [
                observe(lambda c=columns: c.fit_transform(frame)),  # type: ignore[misc]
                observe(lambda c=columns: c.transform(frame[::-1])),  # type: ignore[misc]
                observe(lambda c=columns: c.get_feature_names_out()),  # type: ignore[misc]
                observe(lambda u=union: u.fit_transform(TEXTS)),  # type: ignore[misc]
                observe(lambda u=union: u.get_feature_names_out()),  # type: ignore[misc]
            ]
        )
    for mine, other in zip(*outcomes, strict=True):
        assert_same(mine, other, name)


@pytest.mark.parametrize("name", [*NAMES, "TfidfTransformer"])
def test_metadata_routing(name: str) -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        ours, theirs = (cls() for cls in _classes(name))
        assert str(ours.get_metadata_routing()) == str(theirs.get_metadata_routing())
        if name == "TfidfTransformer":
            return
        for cls in _classes(name):
            model = make_pipeline(
                cls(), SGDClassifier(random_state=0).set_fit_request(sample_weight=True)
            )
            model.fit(TEXTS, LABELS, sample_weight=np.ones(len(TEXTS)))
            assert model.predict(TEXTS).shape == (len(TEXTS),)


@pytest.mark.parametrize("name", [*NAMES, "TfidfTransformer"])
def test_partial_fit_asks_for_no_metadata(name: str) -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        ours = _classes(name)[0]()
        assert "partial_fit" not in str(ours.get_metadata_routing())
        assert not hasattr(ours, "set_partial_fit_request")
