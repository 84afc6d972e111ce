"""What a merged model keeps, and what it must not share."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    SGDClassifier,
    SGDOneClassSVM,
    SGDRegressor,
)
from sklearn.svm import LinearSVC

from shardfit.merging import merge
from tests.merging.naive import naive_merge

X, Y = make_classification(
    n_samples=4000,
    n_features=40,
    n_informative=25,
    n_classes=5,
    class_sep=2.0,
    random_state=0,
)


def parts(kind=SGDClassifier, n_parts=4, y=Y, **parameters):
    return [
        kind(random_state=i, **parameters).fit(X[i::n_parts], y[i::n_parts])
        for i in range(n_parts)
    ]


def test_one_model_merges_to_itself():
    model = parts(n_parts=1)[0]
    merged = merge([model])
    np.testing.assert_array_equal(merged.coef_, model.coef_)
    np.testing.assert_array_equal(merged.intercept_, model.intercept_)
    assert merged.t_ == model.t_
    assert merged is not model


@pytest.mark.parametrize("kind", [SGDClassifier, Perceptron, LinearSVC])
def test_mean_is_weighted(kind):
    models = parts(kind)
    merged = merge(models, weights=[1, 2, 3, 4])
    for name in ("coef_", "intercept_"):
        expected = np.average(
            [getattr(m, name) for m in models], axis=0, weights=[1, 2, 3, 4]
        )
        np.testing.assert_allclose(
            getattr(merged, name), expected, rtol=1e-13, atol=1e-13
        )
    assert type(merged) is kind
    assert merged.score(X, Y) > 0.75


def test_regressors_merge():
    y = X @ np.arange(40.0) / 100
    models = parts(SGDRegressor, y=y, learning_rate="constant", eta0=1e-4)
    merged = merge(models)
    assert merged.coef_.shape == (40,)
    assert merged.intercept_.shape == (1,)
    expected = np.mean([m.coef_ for m in models], axis=0)
    np.testing.assert_allclose(merged.coef_, expected, rtol=1e-13, atol=1e-13)
    merged.partial_fit(X[:10], y[:10])


def test_inputs_stay_as_they_are_and_share_nothing():
    models = parts()
    before = [pickle.dumps(model) for model in models]
    merged = merge(models)
    merged.coef_ += 1
    merged.intercept_ += 1
    merged.classes_ += 1
    merged.partial_fit(X, Y + 1)
    assert [pickle.dumps(model) for model in models] == before


def test_steps_of_all_count_for_later_training():
    models = parts()
    naive = naive_merge(models)
    naive.t_ = 1.0  # as after a clone
    naive.partial_fit(X[:20], Y[:20])
    merged = merge(models)
    assert merged.t_ == 1 + sum(model.t_ - 1 for model in models)
    before = merged.score(X, Y)
    merged.partial_fit(X[:20], Y[:20])
    assert merged.score(X, Y) > before - 0.02
    assert merged.score(X, Y) > naive.score(X, Y) + 0.1


@pytest.mark.parametrize("y", [Y, Y > 1], ids=["many", "two"])
def test_averaging_models_continue_from_the_merged_state(y):
    models = parts(average=True, y=y)
    merged = merge(models)
    target, own = merged.coef_.copy(), models[0].coef_.copy()
    merged.partial_fit(X[:1], y[:1])
    assert _distance(merged.coef_, target) < _distance(own, target) / 100
    naive = naive_merge(parts(average=True, y=y))
    naive.partial_fit(X[:1], y[:1])
    # It went back to the average of the first model alone.
    assert _distance(naive.coef_, own) < _distance(own, target) / 100
    models = parts(average=True, y=y)
    for name in ("_standard_coef", "_average_coef", "_average_intercept"):
        expected = np.mean([getattr(m, name) for m in models], axis=0)
        np.testing.assert_allclose(
            np.ravel(getattr(merge(models), name)),
            expected.ravel(),
            rtol=1e-12,
            atol=1e-12,
        )


def _distance(one, other):
    return np.abs(one - other).max()


def test_averaging_regressors_merge():
    y = X @ np.arange(40.0) / 100
    models = parts(SGDRegressor, y=y, eta0=1e-4, average=True)
    merged = merge(models)
    assert merged._average_coef.shape == (40,)
    merged.partial_fit(X[:10], y[:10])
    np.testing.assert_array_equal(merged.coef_, merged._average_coef)


def test_sparse_coefficients_come_out_dense():
    models = parts()
    expected = merge(models).coef_
    models[1].sparsify()
    models[2].sparsify()
    with pytest.raises(TypeError, match="bytes-like"):
        naive_merge(models[1:3]).partial_fit(X, Y)
    merged = merge(models)
    np.testing.assert_array_equal(merged.coef_, expected)
    assert type(merged.coef_) is np.ndarray
    merged.partial_fit(X, Y)


def test_memory_mapped_models_merge_into_ordinary_memory(tmp_path):
    models = []
    for number, model in enumerate(parts()):
        path = tmp_path / f"{number}.joblib"
        joblib.dump(model, path)
        models.append(joblib.load(path, mmap_mode="r"))
    assert isinstance(models[0].coef_, np.memmap)
    for merged in (merge(models), merge(models[:1])):
        assert type(merged.coef_) is np.ndarray
        assert merged.coef_.flags.writeable
        assert merged.classes_.flags.writeable
        merged.partial_fit(X, Y)  # on a map of a file: segmentation fault


def test_float32_stays_and_is_added_up_in_float64():
    models = []
    for value in (2.0**24, 1.0, 1.0, -(2.0**24)):
        model = SGDClassifier().fit(X.astype(np.float32), Y)
        model.coef_ = np.full_like(model.coef_, value)
        # As large in every model, so that none looks diverged.
        model.intercept_ = np.full_like(model.intercept_, 2.0**24)
        models.append(model)
    merged = merge(models)
    assert merged.coef_.dtype == np.float32
    assert naive_merge(models).coef_[0, 0] != 0.5
    assert (merged.coef_ == 0.5).all()
    merged.partial_fit(X.astype(np.float32), Y)


def test_feature_names_are_kept():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(40)])
    models = [SGDClassifier(random_state=i).fit(frame, Y) for i in range(2)]
    merged = merge(models)
    assert merged.feature_names_in_.tolist() == list(frame.columns)
    assert merged.n_features_in_ == 40
    merged.predict(frame)


@pytest.mark.parametrize("kind", [LinearSVC, LogisticRegression, SGDClassifier])
def test_no_intercept_keeps_its_form(kind):
    models = parts(kind, fit_intercept=False)
    merged = merge(models)
    assert np.shape(merged.intercept_) == np.shape(models[0].intercept_)
    assert not np.any(merged.intercept_)
    assert merged.score(X, Y) > 0.75


def test_merged_model_pickles():
    merged = merge(parts())
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(merged)).predict(X), merged.predict(X)
    )


@pytest.mark.parametrize("average", [False, True])
def test_models_of_one_class_merge_with_a_warning(average):
    rows = X[Y == 0] + 1
    models = [
        SGDOneClassSVM(random_state=i, average=average).fit(rows[i::4])
        for i in range(4)
    ]
    with pytest.warns(UserWarning, match="nine rows of ten") as caught:
        merged = merge(models)
    assert caught[0].filename == __file__
    expected = np.mean([model.offset_ for model in models], axis=0)
    np.testing.assert_allclose(merged.offset_, expected, rtol=1e-12)
    full = SGDOneClassSVM(random_state=0, average=average).fit(rows)
    assert np.mean(merged.predict(rows) == full.predict(rows)) > 0.8
    merged.partial_fit(rows)
