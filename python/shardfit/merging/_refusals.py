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

_CLUSTERS = "clusters of one number are different ones in different parts"
_COMPONENTS = "its components are cut off where other parts may need them"
_COVARIANCE = (
    "merge EmpiricalCovariance, and give its covariance_ to "
    "sklearn.covariance.shrunk_covariance or graphical_lasso"
)
_LOSSES = "its coefficients are the least losses of all rows, of which no sums add up"
_AVERAGE = "train one model on all rows, or use SGDRegressor, whose models average"
_MOMENTS = "it does not keep the sums of each class"
_GAUSSIANS = "train one model on all rows, or use GaussianNB, which merges"
_SELECTS = "each part selects other features"

_REFUSALS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        (
            "AdaBoostClassifier",
            "AdaBoostRegressor",
            "GradientBoostingClassifier",
            "GradientBoostingRegressor",
            "HistGradientBoostingClassifier",
            "HistGradientBoostingRegressor",
            "CatBoostClassifier",
            "CatBoostRegressor",
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
        ("GaussianProcessClassifier", "GaussianProcessRegressor")
        + ("LabelPropagation", "LabelSpreading", "LocalOutlierFactor")
        + ("MDS", "ClassicalMDS", "SpectralEmbedding", "TSNE"),
        (_PAIRS, _ALL_ROWS),
    ),
    **dict.fromkeys(
        ("Isomap", "KernelCenterer", "KernelPCA", "LocallyLinearEmbedding"),
        (_PAIRS, _FIT_ONCE),
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
        + ("LassoLarsCV", "LassoLarsIC", "LogisticRegressionCV")
        + ("MultiTaskElasticNetCV", "MultiTaskLassoCV", "OrthogonalMatchingPursuitCV"),
        (_SEARCH, "train on all rows, or merge models of one choice of parameters"),
    ),
    **dict.fromkeys(
        ("Lasso", "ElasticNet", "Lars", "LassoLars", "MultiTaskLasso")
        + ("MultiTaskElasticNet", "OrthogonalMatchingPursuit"),
        ("each part selects other features, and the mean selects none", _ALL_ROWS),
    ),
    **dict.fromkeys(
        ("GammaRegressor", "PoissonRegressor", "TweedieRegressor")
        + ("HuberRegressor", "QuantileRegressor"),
        (_LOSSES, _AVERAGE),
    ),
    **dict.fromkeys(
        ("ARDRegression", "BayesianRidge"),
        (
            "its penalty is learned from all rows",
            "use Ridge in shardfit.partitioned.PartitionedRegressor",
        ),
    ),
    **dict.fromkeys(
        ("RANSACRegressor", "TheilSenRegressor"),
        ("each part picks its own rows, and the median of picks is none", _AVERAGE),
    ),
    "IsotonicRegression": (
        "its steps pool rows that the parts do not share",
        _ALL_ROWS,
    ),
    **dict.fromkeys(
        ("LinearDiscriminantAnalysis", "NearestCentroid")
        + ("QuadraticDiscriminantAnalysis",),
        (_MOMENTS, _GAUSSIANS),
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
        ("FixedThresholdClassifier", "TunedThresholdClassifierCV"),
        (
            "a threshold belongs to one classifier",
            "merge their estimator_, and set the threshold of the result, on all rows",
        ),
    ),
    "SelfTrainingClassifier": (
        "each part has given labels of its own to its rows",
        "merge their estimator_, or train one model on all rows",
    ),
    **dict.fromkeys(
        ("ClassifierChain", "RegressorChain"),
        (
            "each of its models takes what those before it predict",
            "use MultiOutputClassifier or MultiOutputRegressor, which merge",
        ),
    ),
    **dict.fromkeys(
        ("OneVsOneClassifier", "OutputCodeClassifier"),
        (
            "the classes of a part decide what each of its models tells apart",
            "use OneVsRestClassifier, which merges",
        ),
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
            _CLUSTERS,
            "fit KMeans on the centers of all parts, weighted by their number of rows",
        ),
    ),
    **dict.fromkeys(
        ("AffinityPropagation", "AgglomerativeClustering", "Birch", "DBSCAN")
        + ("HDBSCAN", "MeanShift", "OPTICS", "SpectralBiclustering")
        + ("SpectralClustering", "SpectralCoclustering")
        + ("BayesianGaussianMixture", "GaussianMixture"),
        (_CLUSTERS, _ALL_ROWS),
    ),
    **dict.fromkeys(
        ("LedoitWolf", "OAS", "ShrunkCovariance")
        + ("GraphicalLasso", "GraphicalLassoCV"),
        ("it keeps a covariance that is shrunk already", _COVARIANCE),
    ),
    **dict.fromkeys(
        ("EllipticEnvelope", "MinCovDet"),
        ("each part leaves out rows by its own measure", _ALL_ROWS),
    ),
    **dict.fromkeys(
        ("PCA", "IncrementalPCA", "TruncatedSVD", "FactorAnalysis", "NMF", "FastICA")
        + ("BernoulliRBM", "DictionaryLearning", "LatentDirichletAllocation")
        + ("MiniBatchDictionaryLearning", "MiniBatchNMF", "MiniBatchSparsePCA")
        + ("SparsePCA", "CCA", "PLSCanonical", "PLSRegression", "PLSSVD")
        + ("NeighborhoodComponentsAnalysis",),
        (_COMPONENTS, _FIT_ONCE),
    ),
    **dict.fromkeys(
        ("SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe")
        + ("SelectFromModel", "RFE", "RFECV", "VarianceThreshold")
        + ("GenericUnivariateSelect", "SequentialFeatureSelector"),
        (_SELECTS, _FIT_ONCE),
    ),
    "FeatureAgglomeration": ("each part puts other features together", _FIT_ONCE),
    **dict.fromkeys(
        ("IterativeImputer", "KNNImputer"),
        (
            "it fills in what rows of its own part tell",
            f'{_FIT_ONCE}; SimpleImputer with strategy="mean" merges',
        ),
    ),
    "TargetEncoder": ("it does not keep the sums of each category", _FIT_ONCE),
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
