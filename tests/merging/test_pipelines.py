"""Pipelines merge step by step, and models follow the columns before them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import text as sklearn_text
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    SGDClassifier,
    SGDOneClassSVM,
    SGDRegressor,
)
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction import text as shardfit_text
from shardfit.merging import merge, mergeability
from shardfit.merging._carrying import carry_linear
from shardfit.merging._spaces import changes
from tests.merging.exactness import (
    check_exact,
    fitted_parts,
    shared_arrays,
)

LIBRARIES = [sklearn_text, shardfit_text]

X, Y = make_classification(
    n_samples=4000,
    n_features=40,
    n_informative=25,
    n_classes=5,
    class_sep=2.0,
    random_state=0,
)


def fitted(model, X, y, parts):
    return [clone(model).fit(X[part], y[part]) for part in parts]


def skewed_parts():
    """Return rows in parts, each of which has more of some classes."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([1.0] * 4, 5)
    part_of = np.array([rng.choice(4, p=shares[label]) for label in Y])
    return [np.flatnonzero(part_of == number) for number in range(4)]


def test_scalers_of_skewed_parts():
    parts = skewed_parts()
    model = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    models = fitted(model, X, Y, parts)
    rows = [len(part) for part in parts]
    full = clone(model).fit(X, Y)
    merged = merge(models, weights=rows)
    scaler, expected = merged[0], full[0]
    np.testing.assert_allclose(scaler.mean_, expected.mean_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scaler.scale_, expected.scale_, rtol=1e-9)
    assert merged.n_features_in_ == 40
    naive = make_pipeline(scaler, merge([model[-1] for model in models], weights=rows))
    assert merged.score(X, Y) > naive.score(X, Y) + 0.02
    merged[-1].partial_fit(merged[:-1].transform(X[:10]), Y[:10])


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler()])
@pytest.mark.parametrize(
    "model",
    [
        SGDClassifier(random_state=0),
        SGDClassifier(random_state=0, average=True),
        SGDClassifier(random_state=0, fit_intercept=False),
        LinearSVC(fit_intercept=False),
        LogisticRegression(max_iter=1000),
        SGDRegressor(random_state=0, average=True),
        LinearSVR(max_iter=10000),
        SGDOneClassSVM(random_state=0),
        SGDOneClassSVM(random_state=0, average=True),
    ],
)
@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_decides_as_before_behind_the_merged_scaler(scaler, model, n_classes):
    y = (Y if n_classes == 5 else (Y > 1).astype(int))[:800]
    # Another center and spread in every part.
    far = X[:800] + 5 * (np.arange(800) < 400)[:, np.newaxis]
    pipelines = fitted(
        make_pipeline(scaler, model), far, y, np.split(np.arange(800), 4)
    )
    merged = merge([pipeline[0] for pipeline in pipelines])
    found = changes([pipeline[0] for pipeline in pipelines], merged)
    for pipeline, change in zip(pipelines, found, strict=True):
        expected = _decisions(pipeline, far)
        moved = _decisions(make_pipeline(merged, pipeline[1]), far)
        spread = np.abs(expected).max()
        assert np.abs(moved - expected).max() > 1e-4 * spread
        carried = make_pipeline(merged, carry_linear(pipeline[1], change))
        np.testing.assert_allclose(
            _decisions(carried, far), expected, rtol=1e-7, atol=1e-9 * spread
        )
        assert "coef_" not in shared_arrays(carried[1], pipeline[1])


def test_one_pipeline_merges_to_itself():
    for model in (SGDClassifier(random_state=0, average=True), LinearSVC()):
        pipeline = make_pipeline(StandardScaler(), model).fit(X, Y)
        merged = merge([pipeline])
        np.testing.assert_allclose(
            _decisions(merged, X), _decisions(pipeline, X), rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_shifts_reach_models_without_intercept(fit_intercept):
    far = X + 3 * (np.arange(4000) < 1500)[:, np.newaxis]
    model = make_pipeline(StandardScaler(), LinearSVC(fit_intercept=fit_intercept))
    models = fitted(model, far, Y, [slice(0, 1500), slice(1500, 4000)])
    merged = merge(models)
    # Linear in what is put in, and so the mean of what all decide.
    expected = np.mean([_decisions(one, far) for one in models], axis=0)
    np.testing.assert_allclose(_decisions(merged, far), expected, rtol=1e-6, atol=1e-8)


def _decisions(pipeline, X):
    if hasattr(pipeline, "decision_function"):
        return pipeline.decision_function(X)
    return pipeline.predict(X)


TEXTS = ["the cat sat", "a dog ran", "birds sing", "the dog sat", "a cat sings"]


def test_categories_that_parts_lack():
    values = np.array(["a", "b", "c", "d"], dtype=object)
    rng = np.random.default_rng(0)
    X = values[rng.integers(0, 4, (300, 2))]
    X[:100][X[:100] == "d"] = "a"
    X[100:][X[100:] == "a"] = "d"
    y = (X[:, 0] == "b") | (X[:, 1] == "d")
    parts = [slice(0, 100), slice(100, 300)]
    for last in (SGDClassifier(random_state=0), BernoulliNB()):
        model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), last)
        models = fitted(model, X, y, parts)
        merged = merge(models, weights=[100, 200])
        full = clone(model).fit(X, y)
        assert merged.score(X, y) > full.score(X, y) - 0.1
        assert merged[-1].n_features_in_ == 8
        if isinstance(last, BernoulliNB):
            np.testing.assert_array_equal(
                merged.predict_proba(X), full.predict_proba(X)
            )
    model = make_pipeline(OneHotEncoder(drop="first"), SGDClassifier())
    with pytest.raises(NotMergeableError, match="use drop=None"):
        merge(fitted(model, X, y, parts))


def test_exact_steps_in_a_row():
    texts = np.array(TEXTS, dtype=object)
    model = make_pipeline(
        sklearn_text.HashingVectorizer(n_features=32, alternate_sign=False),
        Normalizer(),
        sklearn_text.TfidfTransformer(),
    )
    models, rows = fitted_parts(model, [slice(0, 2), slice(2, 5), slice(5, 5)], texts)
    assert mergeability(model).kind == "exact"
    check_exact(models, clone(model).fit(texts), weights=rows)


def with_gaps():
    gaps = X[:, :8].copy()
    gaps[np.random.default_rng(0).random(gaps.shape) < 0.2] = np.nan
    return gaps


def test_what_imputers_fill_in():
    gaps = with_gaps()
    parts = [slice(0, 1000), slice(1000, 1500), slice(1500, 4000)]
    counts = np.array([(~np.isnan(gaps[part])).sum(axis=0) for part in parts])
    model = make_pipeline(
        SimpleImputer(), StandardScaler(), SGDClassifier(random_state=0)
    )
    models = fitted(model, gaps, Y, parts)
    merged = merge(models, weights=counts)
    np.testing.assert_allclose(merged[0].statistics_, np.nanmean(gaps, axis=0))
    assert merged.score(gaps, Y) > clone(model).fit(gaps, Y).score(gaps, Y) - 0.05
    for exact in (StandardScaler(), GaussianNB()):
        model = make_pipeline(SimpleImputer(), exact)
        assert mergeability(model).kind == "exact"
        models = fitted(model, gaps, Y, parts)
        with pytest.raises(NotMergeableError, match="'simpleimputer' filled in other"):
            merge(models, weights=counts)
        # Without a change there is nothing to refuse.
        constant = make_pipeline(SimpleImputer(strategy="constant"), exact)
        models = fitted(constant, gaps, Y, parts)
        check_exact(models, clone(constant).fit(gaps, Y), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([StandardScaler(), RandomForestClassifier(2)], "randomforestclassifier"),
        ([StandardScaler(), GaussianNB()], "'gaussiannb'.*PartitionedClassifier"),
        ([StandardScaler(), MinMaxScaler()], "'minmaxscaler'.*fit the steps before"),
        ([PCA(2), SGDClassifier()], "'pca', PCA: its components"),
    ],
)
def test_steps_that_do_not_carry_over(steps, message):
    model = make_pipeline(*steps)
    models = fitted(model, X, Y, [slice(0, 2000), slice(2000, 4000)])
    with pytest.raises(NotMergeableError, match=message):
        merge(models)


def test_one_scaler_for_all_parts_changes_nothing():
    scaler = StandardScaler().fit(X)
    models = [
        make_pipeline(scaler, GaussianNB().fit(scaler.transform(X[part]), Y[part]))
        for part in (slice(0, 2000), slice(2000, 4000))
    ]
    merged = merge(models)
    full = GaussianNB().fit(scaler.transform(X), Y)
    np.testing.assert_allclose(merged[1].theta_, full.theta_, rtol=1e-9)


def test_frozen_steps_and_their_weights_by_feature():
    frozen = FrozenEstimator(PCA(3, random_state=0).fit(X))
    model = make_pipeline(frozen, SGDClassifier(random_state=0))
    parts = [slice(0, 1000), slice(1000, 4000)]
    models = fitted(model, X, Y, parts)
    merged = merge(models, weights=[[1, 1, 0], [1, 3, 2]])
    expected = (models[0][-1].coef_[:, 1] + 3 * models[1][-1].coef_[:, 1]) / 4
    np.testing.assert_allclose(merged[-1].coef_[:, 1], expected, rtol=1e-6)
    with pytest.raises(NotMergeableError, match="4 columns, and SGDClassifier has 3"):
        merge(models, weights=np.ones((2, 4)))
    scaled = make_pipeline(sklearn_text.TfidfVectorizer(), SGDClassifier())
    models = [
        scaled.fit(TEXTS[:4], [0, 1, 0, 1]),
        clone(scaled).fit(TEXTS, [0] * 4 + [1]),
    ]
    with pytest.raises(NotMergeableError, match="give weights: the number of doc"):
        merge(models, weights=np.ones((2, 4)))


def test_labels_that_parts_have_seen():
    model = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    models = []
    for kept in ((0, 1, 2), (2, 3, 4)):
        rows = np.isin(Y, kept)
        scaler = StandardScaler().fit(X[rows])
        last = SGDClassifier(random_state=0)
        last.partial_fit(scaler.transform(X[rows]), Y[rows], classes=np.arange(5))
        models.append(make_pipeline(scaler, last))
    informed = merge(models, classes=[[0, 1, 2], [2, 3, 4]])
    assert informed.score(X, Y) > merge(models).score(X, Y)
    assert mergeability(model).kind == "average"


def test_steps_have_to_be_fitted():
    model = make_pipeline(StandardScaler(), SGDClassifier())
    models = fitted(model, X, Y, [slice(0, 1000), slice(1000, 4000)])
    with pytest.raises(NotFittedError, match="StandardScaler"):
        merge([clone(model), clone(model)])
    models[1].steps[1] = ("sgdclassifier", SGDClassifier())
    with pytest.raises(NotFittedError, match="SGDClassifier"):
        merge(models)


def test_steps_are_named():
    model = make_pipeline(StandardScaler(), SGDClassifier())
    assert mergeability(model).kind == "average"
    assert "'sgdclassifier'" in mergeability(model).reason
    models = [
        clone(model).fit(X, Y),
        clone(model).fit(X, Y.astype(str)),
    ]
    with pytest.raises(NotMergeableError, match="step 'sgdclassifier': the labels"):
        merge(models)
    scaling = make_pipeline(StandardScaler(), "passthrough")
    merged = merge([clone(scaling).fit(X[::2]), clone(scaling).fit(X[1::2])])
    np.testing.assert_allclose(merged.transform(X), StandardScaler().fit_transform(X))
    passing = make_pipeline("passthrough", SGDClassifier(random_state=0))
    merge([clone(passing).fit(X, Y)] * 2).predict(X)


def test_feature_names_of_columns_that_came_together():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"kind": ["a", "b", "c", "a", "d", "c"]})
    y = np.array([0, 1, 0, 1, 0, 1])
    model = make_pipeline(
        OneHotEncoder(sparse_output=False, handle_unknown="ignore"), SGDClassifier()
    ).set_output(transform="pandas")
    models = [clone(model).fit(frame[:3], y[:3]), clone(model).fit(frame[3:], y[3:])]
    merged = merge(models)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merged.predict(frame)
    names = [f"kind_{kind}" for kind in "abcd"]
    assert merged[-1].feature_names_in_.tolist() == names
