"""Merges that would be wrong are refused, with what to do instead."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import (
    Perceptron,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import RobustScaler
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge, mergeability
from shardfit.merging._merge import _RULES
from tests.merging.naive import naive_merge

X, Y = make_blobs(n_samples=300, n_features=10, centers=3, random_state=0)


def fitted(**parameters):
    return SGDClassifier(random_state=0, **parameters).fit(X, Y)


@pytest.mark.parametrize(
    ("model", "remedy"),
    [
        (AdaBoostClassifier(n_estimators=2), "vote"),
        (GradientBoostingClassifier(n_estimators=2), "corrects those before it"),
        (SVC(), "RBFSampler"),
        (Ridge(), "PartitionedRegressor"),
        (GridSearchCV(SGDClassifier(), {"alpha": [1e-4]}), "best_estimator_"),
        (RobustScaler(), "StandardScaler and MinMaxScaler merge"),
    ],
)
def test_other_estimators_are_refused_by_name(model, remedy):
    model.fit(np.abs(X), Y)
    with pytest.raises(NotMergeableError, match=remedy) as caught:
        merge([model, model])
    assert type(model).__name__ in str(caught.value)


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        ("DBSCAN HDBSCAN OPTICS Birch MeanShift GaussianMixture", "all rows"),
        ("KMeans MiniBatchKMeans", "the centers of all parts"),
        ("LedoitWolf OAS ShrunkCovariance GraphicalLasso", "merge EmpiricalCovariance"),
        ("MinCovDet EllipticEnvelope TSNE MDS SpectralEmbedding", "all rows"),
        ("Isomap KernelPCA PCA NMF PLSRegression CCA", "fit it once"),
        ("SequentialFeatureSelector FeatureAgglomeration Nystroem", "fit it once"),
        ("LabelPropagation LabelSpreading GaussianProcessRegressor", "all rows"),
        ("HuberRegressor QuantileRegressor TheilSenRegressor", "SGDRegressor"),
        ("RANSACRegressor PoissonRegressor TweedieRegressor", "SGDRegressor"),
        ("BayesianRidge ARDRegression", "PartitionedRegressor"),
        ("LinearDiscriminantAnalysis NearestCentroid", "GaussianNB"),
        ("OneVsOneClassifier OutputCodeClassifier", "OneVsRestClassifier"),
        ("ClassifierChain RegressorChain", "MultiOutput"),
        ("TunedThresholdClassifierCV SelfTrainingClassifier", "merge their estimator_"),
        ("KNNImputer", "SimpleImputer"),
    ],
)
def test_families_have_reasons_and_remedies_of_their_own(names, remedy):
    kinds = dict(all_estimators())
    for name in names.split():
        answer = mergeability(kinds[name].__new__(kinds[name]))
        assert answer.kind == "no"
        assert "nothing is known" not in answer.reason
        assert remedy in answer.remedy


def test_every_estimator_has_an_answer():
    for _, kind in all_estimators():
        if kind not in _RULES:
            answer = mergeability(kind.__new__(kind))
            assert answer.kind == "no"
            assert answer.reason
            assert answer.remedy


def test_a_class_is_no_estimator():
    with pytest.raises(TypeError, match=r"give SGDClassifier\(\)"):
        mergeability(SGDClassifier)


def test_subclasses_are_refused_because_they_may_hold_more():
    class Own(SGDClassifier):
        pass

    with pytest.raises(NotMergeableError, match="Own cannot be merged"):
        merge([Own().fit(X, Y)])


def test_mixed_classes_of_estimators_are_refused():
    with pytest.raises(NotMergeableError, match="estimator 1 a Perceptron"):
        merge([fitted(), Perceptron().fit(X, Y)])


def test_nothing_to_merge():
    with pytest.raises(ValueError, match="no estimators"):
        merge([])


def test_not_fitted():
    with pytest.raises(NotFittedError):
        merge([fitted(), SGDClassifier()])


def test_number_of_features():
    with pytest.raises(NotMergeableError, match="10 features and estimator 1 has 9"):
        merge([fitted(), SGDClassifier().fit(X[:, :9], Y)])


def test_reordered_features():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdefghij"))
    models = [
        SGDClassifier(random_state=0).fit(frame, Y),
        SGDClassifier(random_state=0).fit(frame[list("bacdefghij")], Y),
    ]
    naive_merge(models).predict(frame)  # not a word
    with pytest.raises(NotMergeableError, match="feature 0 is 'a' in estimator 0"):
        merge(models)
    with pytest.raises(NotMergeableError, match="without them"):
        merge([models[0], fitted()])


@pytest.mark.parametrize("parameter", [{"loss": "log_loss"}, {"alpha": 1e-3}])
def test_parameters_that_shape_the_model(parameter):
    (name,) = parameter
    with pytest.raises(NotMergeableError, match=f"{name} is"):
        merge([fitted(), fitted(**parameter)])


def test_parameters_of_the_run_may_differ():
    merged = merge([fitted(), fitted(max_iter=7, tol=None, shuffle=False, n_jobs=2)])
    assert merged.max_iter == 1000


def test_balanced_weights_are_those_of_each_part():
    with pytest.raises(NotMergeableError, match="pass them as a dict"):
        merge([fitted(class_weight="balanced")] * 2)
    merge([fitted(class_weight={0: 2.0, 1: 1.0, 2: 1.0})] * 2)


def test_delayed_averaging_cannot_be_continued():
    with pytest.raises(NotMergeableError, match="average=10"):
        merge([fitted(average=10)] * 2)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_sparse_penalties_warn(penalty):
    with pytest.warns(UserWarning, match="less sparse") as caught:
        merge([fitted(penalty=penalty)] * 2)
    assert caught[0].filename == __file__


def test_coefficients_that_are_not_finite():
    broken = fitted()
    broken.coef_[1, 2] = np.nan
    with pytest.raises(NotMergeableError, match="estimator 1 holds"):
        merge([fitted(), broken])


def test_a_diverged_model_does_not_drown_the_others():
    models = [SGDRegressor(random_state=i).fit(X, Y) for i in range(3)]
    models[1].coef_ = models[1].coef_ * 1e9
    assert np.isfinite(naive_merge(models).coef_).all()  # not a word
    with pytest.raises(NotMergeableError, match="estimator 1 has diverged"):
        merge(models)
    with pytest.raises(NotMergeableError, match="estimator 0 has diverged"):
        merge(models[1:])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], r"shape \(1,\), and there are 2"),
        ([[1, 1]], r"shape \(1, 2\)"),
        ([1, -1], "not negative"),
        ([1, np.nan], "finite"),
        ([1, np.inf], "finite"),
        ([0, 0], "all 0"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        merge([fitted(), fitted()], weights=weights)


def test_huge_and_tiny_weights_are_fine():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merged = merge([fitted(), fitted()], weights=[1e308, 1e308])
        merge([fitted(), fitted()], weights=[5e-324, 5e-324])
    np.testing.assert_array_equal(merged.coef_, fitted().coef_)


def test_classes_are_for_classifiers():
    with pytest.raises(ValueError, match="SGDRegressor is none"):
        merge([SGDRegressor().fit(X, Y)], classes=[[0]])
