"""Transformers that learn nothing from rows merge to a copy of one of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction import FeatureHasher as SklearnFeatureHasher
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
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import HashingVectorizer
from shardfit.merging import merge, mergeability
from tests.merging.exactness import (
    EXAMPLES,
    check_exact,
    cut,
    fitted_parts,
    numbers_of_parts,
    seeds,
)

STATELESS = [
    AdditiveChi2Sampler(sample_steps=1),
    Binarizer(threshold=0.5),
    FunctionTransformer(np.log1p),
    Normalizer(norm="l1"),
    PolynomialFeatures(degree=3, interaction_only=True),
]
PROJECTIONS = [
    GaussianRandomProjection(n_components=2, random_state=0),
    SparseRandomProjection(
        n_components=2, random_state=1, compute_inverse_components=True
    ),
    RBFSampler(n_components=5, random_state=2),
    SkewedChi2Sampler(n_components=5, random_state=3),
    PolynomialCountSketch(n_components=5, random_state=4),
]


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=st.sampled_from(STATELESS + PROJECTIONS),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_they_are_all_the_same(rng, n_parts, model, dtype):
    X = rng.random((12, 4)).astype(dtype)
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, 12, n_parts), X)
    merged = check_exact(models, full, weights=rows, rtol=0, atol=0)
    difference = merged.transform(X) != full.transform(X)
    assert not difference.sum()


@EXAMPLES
@given(
    n_parts=numbers_of_parts,
    model=st.sampled_from(
        [
            SklearnHashingVectorizer(n_features=16),
            HashingVectorizer(n_features=16),
            SklearnFeatureHasher(n_features=16, input_type="string"),
            FeatureHasher(n_features=16, input_type="string"),
        ]
    ),
)
def test_hashing(n_parts, model):
    documents = ["a cat", "the dog"]
    if "Hasher" in type(model).__name__:
        documents = [document.split() for document in documents]
    models = [clone(model) for _ in range(n_parts)]
    full = clone(model)
    merged = check_exact(models, full)
    assert not (merged.transform(documents) != full.transform(documents)).nnz
    with pytest.raises(NotMergeableError, match="n_features is 16"):
        merge([model, clone(model).set_params(n_features=8)])


@EXAMPLES
@given(
    n_parts=numbers_of_parts,
    rng=seeds,
    documents=st.lists(st.text("ab ", max_size=12), min_size=1, max_size=8),
)
def test_terms_that_are_stored(n_parts, rng, documents):
    model = HashingVectorizer(
        n_features=4, store_features=True, token_pattern=r"\S+", norm=None
    )
    full = clone(model)
    full.transform(documents)
    models = [clone(model) for _ in range(n_parts)]
    for part_model, part in zip(models, cut(rng, len(documents), n_parts), strict=True):
        if part.stop > part.start:
            part_model.transform(documents[part])
    before = [part_model.__getstate__() for part_model in models]
    merged = merge(models)
    expected = full.get_feature_names_out()
    np.testing.assert_array_equal(merged.get_feature_names_out(), expected)
    for part_model, state in zip(models, before, strict=True):
        np.testing.assert_equal(part_model.__getstate__(), state)
    merged.transform(["a new one"])
    full.transform(["a new one"])
    expected = full.get_feature_names_out()
    np.testing.assert_array_equal(merged.get_feature_names_out(), expected)
    for part_model, state in zip(models, before, strict=True):
        np.testing.assert_equal(part_model.__getstate__(), state)


def test_the_first_knows_the_names_of_its_own_terms_only():
    models = [HashingVectorizer(n_features=4, store_features=True) for _ in "ab"]
    models[0].transform(["cat"])
    models[1].transform(["dog"])
    assert "dog" not in " ".join(models[0].get_feature_names_out())
    assert "dog" in " ".join(merge(models).get_feature_names_out())


@pytest.mark.parametrize("model", PROJECTIONS, ids=lambda m: type(m).__name__)
def test_other_seeds_project_to_other_spaces(model):
    X = np.random.default_rng(0).random((9, 4))
    other = clone(model).set_params(random_state=99).fit(X)
    model = clone(model).fit(X)
    # The mean of two projections is a third one.
    naive = (model.transform(X) + other.transform(X)) / 2
    assert abs(naive - model.transform(X)).max() > 0.01
    with pytest.raises(NotMergeableError, match="random_state=99, projects to another"):
        merge([model, other])
    for seed in (None, np.random.RandomState(0)):
        unseeded = clone(model).set_params(random_state=seed)
        assert mergeability(unseeded).kind == "no"
        with pytest.raises(NotMergeableError, match="a space of its own"):
            merge([unseeded.fit(X)])
    assert mergeability(model).kind == "exact"


def test_projections_that_depend_on_the_rows_are_refused():
    scaled = RBFSampler(gamma="scale", random_state=0)
    guessed = SparseRandomProjection(random_state=0)
    for model, remedy in (
        (scaled, "give gamma as a number"),
        (guessed, "give n_components as a number"),
    ):
        assert mergeability(model).remedy == remedy


def test_functions_must_be_the_same():
    X = np.ones((2, 2))
    models = [FunctionTransformer(f).fit(X) for f in (np.log1p, np.sqrt)]
    with pytest.raises(NotMergeableError, match="func is"):
        merge(models)


def test_frozen_estimators():
    X = np.random.default_rng(0).random((9, 4))
    inner = StandardScaler().fit(X)
    frozen = [FrozenEstimator(clone(inner).fit(X)), FrozenEstimator(inner)]
    merged = check_exact(frozen, frozen[0], rtol=0, atol=0)
    assert merged.estimator is not inner
    np.testing.assert_array_equal(merged.transform(X), inner.transform(X))
    merge([frozen[0], pickle.loads(pickle.dumps(frozen[0]))])
    unpicklable = FunctionTransformer(lambda X: X).fit(X)
    merge([FrozenEstimator(unpicklable), FrozenEstimator(unpicklable)])
    other = FrozenEstimator(StandardScaler().fit(X[:5]))
    naive = (other.transform(X) + inner.transform(X)) / 2
    assert abs(naive - inner.transform(X)).max() > 0.01
    with pytest.raises(NotMergeableError, match="freeze one estimator for all"):
        merge([frozen[0], other])
