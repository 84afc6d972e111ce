"""Transformers whose state does not depend on the rows: one stands for all."""

from __future__ import annotations

from copy import deepcopy
from numbers import Integral
from typing import Any

from joblib import hash as hash_of
from sklearn.decomposition import SparseCoder
from sklearn.feature_extraction import FeatureHasher as SklearnFeatureHasher
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    Normalizer,
    PolynomialFeatures,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import HashingVectorizer
from shardfit.merging._rules import Mergeability, Rule, always

__all__ = ["RULES"]


def _merge_same(models: list[Any], weights: Any, classes: Any) -> Any:
    return deepcopy(models[0])


def _merge_hashing_vectorizers(models: list[Any], weights: Any, classes: Any) -> Any:
    """Join the terms that are stored, if any, as if one had seen all documents.

    What one has forgotten, because the terms took too many bytes, is not known.
    """
    merged = deepcopy(models[0])
    stored = [vars(m)["_features"] for m in models[1:] if "_features" in vars(m)]
    if stored:
        # Sets an empty store if the first has transformed nothing yet.
        merged._feature_store()
        for features in stored:
            merged._features.absorb(features)
    return merged


def _merge_projections(models: list[Any], weights: Any, classes: Any) -> Any:
    drawn = [_fingerprint(_fitted_state(model)) for model in models]
    for number, model in enumerate(models):
        if drawn[number] != drawn[0]:
            raise NotMergeableError(
                f"estimator {number}, with random_state={model.random_state}, projects "
                "to another space than estimator 0, with "
                f"random_state={models[0].random_state}; {_ONE_SEED}"
            )
    return deepcopy(models[0])


def _fitted_state(model: Any) -> dict[str, Any]:
    parameters = model.get_params(deep=False)
    return {
        name: value for name, value in vars(model).items() if name not in parameters
    }


def _merge_frozen(models: list[Any], weights: Any, classes: Any) -> Any:
    first = models[0].estimator
    for number, model in enumerate(models):
        its = model.estimator
        # Only estimators that can be pickled can be compared.
        if its is not first and _fingerprint(its) != _fingerprint(first):
            raise NotMergeableError(
                "the frozen estimator of estimator 0 is another one than that of "
                f"estimator {number}; freeze one estimator for all parts"
            )
    return deepcopy(models[0])


def _fingerprint(state: Any) -> Any:
    return hash_of(state, coerce_mmap=True)


_ONE_SEED = "fit all with one int as random_state, on the same features of one dtype"


def _judge_projection(model: Any) -> Mergeability:
    if isinstance(model, RBFSampler) and model.gamma == "scale":
        return Mergeability(
            "no",
            'gamma="scale" depends on the rows of each part',
            "give gamma as a number",
        )
    if getattr(model, "n_components", None) == "auto":
        return Mergeability(
            "no",
            'n_components="auto" depends on the number of rows of each part',
            "give n_components as a number",
        )
    if not isinstance(model.random_state, Integral):
        return Mergeability(
            "no",
            f"with random_state={model.random_state} every part projects to a space "
            "of its own",
            _ONE_SEED,
        )
    return Mergeability("exact", "one random_state draws one space for all parts")


_JUDGE = always("exact", "its state does not depend on the rows")

RULES: dict[type, Rule] = {
    **dict.fromkeys(
        (
            AdditiveChi2Sampler,
            Binarizer,
            FunctionTransformer,
            Normalizer,
            PatchExtractor,
            PolynomialFeatures,
            SparseCoder,
        ),
        Rule(_merge_same, _JUDGE, weights="own"),
    ),
    **dict.fromkeys(
        (FeatureHasher, SklearnFeatureHasher, SklearnHashingVectorizer),
        Rule(_merge_same, _JUDGE, weights="own", needs_fit=False),
    ),
    **dict.fromkeys(
        (
            GaussianRandomProjection,
            PolynomialCountSketch,
            RBFSampler,
            SkewedChi2Sampler,
            SparseRandomProjection,
        ),
        Rule(_merge_projections, _judge_projection, weights="own"),
    ),
    HashingVectorizer: Rule(
        _merge_hashing_vectorizers,
        always("exact", "terms that are stored add up, and it learns nothing else"),
        weights="own",
        needs_fit=False,
    ),
    FrozenEstimator: Rule(
        _merge_frozen,
        always("exact", "a frozen estimator is fitted before, and the same for all"),
        weights="own",
    ),
}
