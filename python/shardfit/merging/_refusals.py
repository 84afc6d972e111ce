"""Why an estimator does not merge, and what to do instead."""

from __future__ import annotations

from typing import Any

from shardfit.merging._rules import Mergeability

__all__ = ["refusal_of"]

_ALL_ROWS = "train one model on all rows"
_VOTE = (
    "train one model on all rows, or let the fitted models vote with "
    "sklearn.ensemble.VotingClassifier or VotingRegressor"
)
_FIT_ONCE = "fit it once, on all rows or a sample of them, and use it in all parts"
_SUMS = (
    "fit it with shardfit.partitioned.PartitionedRegressor or PartitionedClassifier, "
    "which keep the sums that make the merge exact"
)
_LINEARIZE = (
    "train one model on all rows, or a linear one behind "
    "sklearn.kernel_approximation.RBFSampler, which merges"
)
_REGISTER = (
    "train one model on all rows, or teach merge its class with "
    "shardfit.merging.register"
)
_BEST = "merge their best_estimator_, or search on all rows"

_BOOSTING = "every tree corrects those before it, so trees of other rows mean nothing"
_KERNEL = "its support vectors and their coefficients depend on all rows together"
_ORDER = "quantiles of parts do not give the quantiles of the whole"
_PAIRS = "it is made of all pairs of rows"
_SEARCH = "each part may have chosen other parameters"

_REFUSALS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        (
            "AdaBoostClassifier",
            "AdaBoostRegressor",
            "GradientBoostingClassifier",
            "GradientBoostingRegressor",
            "HistGradientBoostingClassifier",
            "HistGradientBoostingRegressor",
            "LGBMClassifier",
            "LGBMRegressor",
            "XGBClassifier",
            "XGBRegressor",
        ),
        (_BOOSTING, _VOTE),
    ),
    **dict.fromkeys(
        ("SVC", "SVR", "NuSVC", "NuSVR", "OneClassSVM", "KernelRidge"),
        (
            _KERNEL,
            _LINEARIZE,
        ),
    ),
    **dict.fromkeys(
        ("GaussianProcessClassifier", "GaussianProcessRegressor"), (_PAIRS, _ALL_ROWS)
    ),
    **dict.fromkeys(
        ("RobustScaler", "QuantileTransformer", "SplineTransformer"),
        (_ORDER, f"{_FIT_ONCE}; StandardScaler and MinMaxScaler merge"),
    ),
    "PowerTransformer": ("its exponents have no sums that add up", _FIT_ONCE),
    "KBinsDiscretizer": (_ORDER, _FIT_ONCE),
    "Nystroem": ("its landmarks are rows, and differ between the parts", _FIT_ONCE),
    **dict.fromkeys(
        (
            "Ridge",
            "RidgeClassifier",
            "LinearRegression",
        ),
        ("least squares solutions do not average", _SUMS),
    ),
    **dict.fromkeys(
        ("RidgeCV", "RidgeClassifierCV", "LassoCV", "ElasticNetCV", "LarsCV")
        + ("LassoLarsCV", "LogisticRegressionCV", "OrthogonalMatchingPursuitCV"),
        (_SEARCH, "train on all rows, or merge models of one choice of parameters"),
    ),
    **dict.fromkeys(
        ("Lasso", "ElasticNet", "Lars", "LassoLars", "MultiTaskLasso")
        + ("MultiTaskElasticNet", "OrthogonalMatchingPursuit"),
        ("each part selects other features, and the mean selects none", _ALL_ROWS),
    ),
    **dict.fromkeys(
        ("DecisionTreeClassifier", "DecisionTreeRegressor")
        + ("ExtraTreeClassifier", "ExtraTreeRegressor"),
        (
            "two trees do not make one tree",
            "fit forests, or a voting ensemble of the trees",
        ),
    ),
    **dict.fromkeys(
        ("MLPClassifier", "MLPRegressor"),
        ("their hidden units do not correspond, and their mean is no network", _VOTE),
    ),
    **dict.fromkeys(
        ("GridSearchCV", "RandomizedSearchCV")
        + ("HalvingGridSearchCV", "HalvingRandomSearchCV"),
        (_SEARCH, _BEST),
    ),
    **dict.fromkeys(
        ("StackingClassifier", "StackingRegressor"),
        (
            "the final estimator is trained on predictions of estimators that are gone",
            _VOTE,
        ),
    ),
    **dict.fromkeys(
        ("KMeans", "MiniBatchKMeans", "BisectingKMeans"),
        (
            "centers of one number mean different clusters in different parts",
            "fit KMeans on the centers of all parts, weighted by their number of rows",
        ),
    ),
    **dict.fromkeys(
        ("PCA", "IncrementalPCA", "TruncatedSVD", "FactorAnalysis", "NMF", "FastICA"),
        ("its components are cut off where other parts may need them", _FIT_ONCE),
    ),
    **dict.fromkeys(
        ("SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe")
        + ("SelectFromModel", "RFE", "RFECV", "VarianceThreshold"),
        ("each part selects other features", _FIT_ONCE),
    ),
    "TargetEncoder": ("it does not keep the sums of each category", _FIT_ONCE),
    "LocalOutlierFactor": (_PAIRS, _ALL_ROWS),
}

_UNKNOWN = ("nothing is known about how its parts make a whole", _REGISTER)


def refusal_of(estimator: Any) -> Mergeability:
    """Return why `merge` refuses an estimator for which there is no rule.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    Mergeability
        Of kind "no".
    """
    return Mergeability("no", *_REFUSALS.get(type(estimator).__name__, _UNKNOWN))
