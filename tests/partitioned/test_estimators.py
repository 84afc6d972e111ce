"""The partitioned estimators keep scikit-learn's contract, whatever they wrap."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, RobustScaler, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils.estimator_checks import (
    _get_check_estimator_ids,
    estimator_checks_generator,
)

from shardfit.exceptions import NotMergeableError
from shardfit.partitioned import (
    PartitionedClassifier,
    PartitionedRegressor,
    PartitionedTransformer,
)

# What scikit-learn excuses in the estimator itself, by its own word.
_NOT_EQUIVALENT = "SGD visits rows, and a row twice is not a row of weight two"
_SGD_EXCUSES = {
    "check_sample_weight_equivalence_on_dense_data": _NOT_EQUIVALENT,
    "check_sample_weight_equivalence_on_sparse_data": _NOT_EQUIVALENT,
}
_FOREST_EXCUSES = {
    "check_sample_weight_equivalence_on_dense_data": "bootstraps differ",
    "check_sample_weight_equivalence_on_sparse_data": "bootstraps differ",
}


def excused(estimator):
    inner = estimator.estimator
    if isinstance(inner, SGDClassifier | SGDRegressor | Perceptron):
        return _SGD_EXCUSES
    if isinstance(inner, RandomForestClassifier | ExtraTreesRegressor):
        return _FOREST_EXCUSES
    return {}


ESTIMATORS = [
    PartitionedClassifier(LogisticRegression()),
    PartitionedClassifier(LogisticRegression(), n_partitions=2),
    PartitionedClassifier(LinearSVC()),
    PartitionedClassifier(SGDClassifier(tol=None, max_iter=20)),
    PartitionedClassifier(SGDClassifier(tol=None, max_iter=20), n_partitions=2),
    PartitionedClassifier(GaussianNB(), n_partitions=2),
    PartitionedClassifier(RandomForestClassifier(n_estimators=5), n_partitions=2),
    PartitionedRegressor(Ridge(), n_partitions=2),
    PartitionedRegressor(LinearSVR(loss="squared_epsilon_insensitive"), n_partitions=2),
    PartitionedRegressor(SGDRegressor()),
    PartitionedRegressor(ExtraTreesRegressor(n_estimators=5), n_partitions=2),
    PartitionedTransformer(StandardScaler(), n_partitions=2),
    PartitionedTransformer(MaxAbsScaler()),
]
# Not scikit-learn's own decorator, which hands pytest a generator up to version 1.6.
CHECKS = [
    check
    for estimator in ESTIMATORS
    for check in estimator_checks_generator(
        estimator, expected_failed_checks=excused(estimator), mark="xfail"
    )
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=_get_check_estimator_ids)
# GaussianNB itself takes the logarithm of 0 where a class has no weight.
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log")
def test_scikit_learn_contract(estimator, check):
    check(estimator)


X, Y = make_classification(
    n_samples=1200,
    n_features=20,
    n_informative=12,
    n_classes=4,
    class_sep=1.5,
    random_state=0,
)
NAMES = np.array(["ash", "birch", "cedar", "dogwood"])[Y]
X_REGRESSION, Y_REGRESSION = make_regression(
    n_samples=800, n_features=12, noise=5.0, random_state=0
)
"""Tests below read these and never write into them."""
for _array in (X, Y, NAMES, X_REGRESSION, Y_REGRESSION):
    _array.flags.writeable = False

WAYS = [
    (SGDClassifier(random_state=0), "mix"),
    (SGDClassifier(random_state=0, average=True), "mix"),
    (SGDClassifier(random_state=0), "average"),
    (LogisticRegression(), "average"),
    (LogisticRegression(), "exact"),
    (LinearSVC(), "exact"),
    (GaussianNB(), "exact"),
    (RandomForestClassifier(n_estimators=8, random_state=0), "union"),
]


def state_of(model):
    fitted = model.estimator_
    if hasattr(fitted, "estimators_"):
        return fitted.predict_proba(X)
    if hasattr(fitted, "theta_"):
        return np.concatenate([fitted.theta_, fitted.var_])
    return np.column_stack([fitted.coef_, fitted.intercept_])


@pytest.mark.parametrize(("estimator", "merge"), WAYS)
@pytest.mark.parametrize("as_sparse", [False, True], ids=["dense", "sparse"])
def test_workers_and_backends_do_not_change_the_result(estimator, merge, as_sparse):
    if as_sparse and isinstance(estimator, GaussianNB):
        pytest.skip("GaussianNB takes no sparse matrices")
    rows = sparse.csr_array(np.where(np.abs(X) < 1, 0, X)) if as_sparse else X
    model = PartitionedClassifier(
        estimator, n_partitions=5, merge=merge, random_state=3
    )
    expected = state_of(clone(model).set_params(n_jobs=1).fit(rows, NAMES))
    for n_jobs, backend in [(2, None), (3, "threading"), (2, "loky")]:
        with parallel_config(backend=backend) if backend else parallel_config():
            found = clone(model).set_params(n_jobs=n_jobs).fit(rows, NAMES)
        np.testing.assert_array_equal(state_of(found), expected)


@pytest.mark.parametrize(("estimator", "merge"), WAYS)
def test_what_comes_out_is_the_plain_estimator(estimator, merge):
    model = PartitionedClassifier(estimator, n_partitions=4, merge=merge)
    model.fit(X, NAMES)
    assert type(model.estimator_) is type(estimator)
    assert model.estimator_.get_params() == estimator.get_params()
    assert not hasattr(estimator, "classes_")
    assert model.classes_.tolist() == sorted(set(NAMES))
    assert model.n_features_in_ == X.shape[1]
    assert model.score(X, NAMES) > 0.6
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.estimator_.predict(X))


@pytest.mark.parametrize(("estimator", "merge"), WAYS)
def test_data_frames_give_their_names(estimator, merge):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(X.shape[1])])
    model = PartitionedClassifier(estimator, n_partitions=3, merge=merge)
    model.fit(frame, NAMES)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    model.predict(frame)


@pytest.mark.parametrize(
    ("estimator", "merge"),
    [
        (SGDClassifier(random_state=0), "mix"),
        (GaussianNB(), "exact"),
        (LogisticRegression(), "exact"),
        (Ridge(), "exact"),
        (LinearRegression(), "exact"),
    ],
)
def test_auto_takes_the_best_way(estimator, merge):
    is_regressor = not hasattr(estimator, "class_weight") or isinstance(
        estimator, Ridge
    )
    kind = (
        PartitionedRegressor
        if is_regressor and not isinstance(estimator, GaussianNB)
        else PartitionedClassifier
    )
    model = kind(estimator, n_partitions=2).fit(X, Y)
    assert model.merge_ == merge


@pytest.mark.parametrize(
    ("estimator", "merge", "message"),
    [
        (SGDClassifier(), "exact", 'use merge="mix" or merge="average"'),
        (SGDClassifier(), "union", 'use merge="mix"'),
        (LogisticRegression(), "mix", "only SGD models"),
        (RandomForestClassifier(), "average", 'use merge="union"'),
        (LinearSVC(loss="hinge"), "exact", "squared_hinge"),
    ],
)
def test_impossible_ways_are_refused_with_the_possible_ones(estimator, merge, message):
    with pytest.raises(NotMergeableError, match=message):
        PartitionedClassifier(estimator, merge=merge).fit(X, Y)


def test_many_partitions_are_more_than_the_rows():
    with pytest.raises(ValueError, match="n_partitions=9 is more than n_samples=8"):
        PartitionedClassifier(GaussianNB(), n_partitions=9).fit(X[:8], Y[:8])


def test_one_partition_is_the_estimator_itself():
    for estimator in (SGDClassifier(random_state=5), GaussianNB(), MultinomialNB()):
        rows = np.abs(X)
        model = PartitionedClassifier(estimator, n_partitions=1).fit(rows, NAMES)
        np.testing.assert_array_equal(
            model.predict(rows), clone(estimator).fit(rows, NAMES).predict(rows)
        )


def test_sorted_partitions_are_noticed_and_shuffled_ones_are_not(recwarn):
    order = np.argsort(Y, kind="stable")
    model = PartitionedClassifier(SGDClassifier(random_state=0), n_partitions=4)
    shuffled = model.fit(X[order], NAMES[order]).score(X, NAMES)
    assert not recwarn.list
    model.set_params(shuffle=False)
    with pytest.warns(UserWarning, match=r"7\d% of the rows of partition \d of 4"):
        model.fit(X[order], NAMES[order])
    assert model.score(X, NAMES) < shuffled - 0.05
    with pytest.warns(UserWarning, match="standard deviations"):
        PartitionedRegressor(
            SGDRegressor(random_state=0), n_partitions=4, shuffle=False
        ).fit(X[order], Y[order].astype(float))


def test_exact_merges_do_not_mind_sorted_rows(recwarn):
    order = np.argsort(Y, kind="stable")
    model = PartitionedClassifier(LogisticRegression(), n_partitions=4, shuffle=False)
    model.fit(X[order], NAMES[order])
    assert not recwarn.list
    full = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, NAMES)
    np.testing.assert_allclose(model.estimator_.coef_, full.coef_, atol=1e-6)


def test_sample_weights_reach_the_partitions():
    weights = np.where(Y == 2, 1e-6, 1.0)
    for estimator in (GaussianNB(), LogisticRegression(), SGDClassifier()):
        model = PartitionedClassifier(estimator, n_partitions=3, random_state=0)
        model.fit(X, Y, sample_weight=weights)
        share = np.mean(model.predict(X) == 2)
        assert share < 0.01
    with pytest.raises(ValueError, match="takes no sample_weight"):
        PartitionedClassifier(KNeighborsClassifier()).fit(X, Y, sample_weight=weights)


def test_balanced_classes_are_those_of_all_rows():
    rare = np.flatnonzero((Y != 0) | (np.arange(len(Y)) % 20 == 0))
    for estimator in (
        SGDClassifier(class_weight="balanced", random_state=0),
        LogisticRegression(class_weight="balanced"),
    ):
        model = PartitionedClassifier(estimator, n_partitions=4, random_state=0)
        model.fit(X[rare], NAMES[rare])
        assert model.estimator_.class_weight == "balanced"
        without = clone(model).set_params(estimator__class_weight=None)
        without.fit(X[rare], NAMES[rare])
        found, without = (np.mean(m.predict(X) == "ash") for m in (model, without))
        assert found > 1.2 * without


@pytest.mark.parametrize("step", [StandardScaler(), RobustScaler()])
def test_steps_of_a_pipeline_are_those_of_all_rows(step):
    order = np.argsort(X[:, 0])  # partitions of very different means
    pipeline = make_pipeline(step, LogisticRegression())
    model = PartitionedClassifier(pipeline, n_partitions=6, n_jobs=2)
    model.fit(X[order], NAMES[order])
    full = clone(step).fit(X)
    for name in ("mean_", "center_", "scale_"):
        if hasattr(full, name):
            np.testing.assert_allclose(
                getattr(model.estimator_[0], name), getattr(full, name), rtol=1e-12
            )
    assert type(model.estimator_) is type(pipeline)
    assert not hasattr(pipeline[0], "n_features_in_")


def test_search_over_a_partitioned_estimator():
    model = PartitionedClassifier(SGDClassifier(random_state=0), n_partitions=2)
    search = GridSearchCV(model, {"estimator__alpha": [1e-4, 1e-2]}, cv=2)
    assert search.fit(X, NAMES).best_score_ > 0.5


def test_replicas_are_many_seeds_on_all_rows():
    forest = RandomForestClassifier(n_estimators=10, random_state=0)
    model = PartitionedClassifier(forest, n_partitions=3, strategy="replicate")
    model.fit(X, NAMES)
    assert len(model.estimator_.estimators_) == 10
    shapes = {tree.tree_.node_count for tree in model.estimator_.estimators_}
    assert len(shapes) > 5
    with pytest.raises(ValueError, match="for the same result"):
        PartitionedClassifier(GaussianNB(), n_partitions=2, strategy="replicate").fit(
            X, Y
        )


def test_df_weights_need_sparse_rows():
    model = PartitionedClassifier(SGDClassifier(), n_partitions=2, weights="df")
    with pytest.raises(ValueError, match='use weights="rows"'):
        model.fit(X, Y)


def test_early_stopping_is_refused():
    model = PartitionedClassifier(SGDClassifier(early_stopping=True), n_partitions=2)
    with pytest.raises(ValueError, match="n_rounds"):
        model.fit(X, Y)


def test_a_regressor_predicts_as_on_all_rows():
    model = PartitionedRegressor(Ridge(alpha=2.0), n_partitions=7)
    model.fit(X_REGRESSION, Y_REGRESSION)
    full = Ridge(alpha=2.0).fit(X_REGRESSION, Y_REGRESSION)
    np.testing.assert_allclose(model.estimator_.coef_, full.coef_, rtol=1e-9)
    assert model.objective_ > 0
    assert model.gradient_norm_ < 1e-3
