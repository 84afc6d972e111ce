"""Isolation forests and embeddings by trees: their union scores by all trees."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import (
    IsolationForest,
    RandomTreesEmbedding,
)

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge, mergeability
from tests.merging.exactness import EXAMPLES, numbers_of_parts, seeds
from tests.merging.test_forests import HALVES, X
from tests.merging.unions import (
    fitted_on,
    naive_union,
)


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, max_features=st.sampled_from([1.0, 3]))
def test_isolation_forests_score_by_all_trees(rng, n_parts, max_features):
    models = [
        IsolationForest(
            n_estimators=int(rng.integers(1, 6)),
            max_features=max_features,
            max_samples=32,
            random_state=part,
        ).fit(X[rng.permutation(600)[:60]])
        for part in range(n_parts)
    ]
    merged = merge(models)
    depths = [-np.log2(-model.score_samples(X)) for model in models]
    counts = [model.n_estimators for model in models]
    expected = -(2 ** -np.average(depths, axis=0, weights=counts))
    np.testing.assert_allclose(merged.score_samples(X), expected, rtol=1e-12)
    assert merged.offset_ == -0.5
    assert merged.max_samples_ == 32
    assert not hasattr(merged, "estimators_samples_")
    expected = merged.predict(X)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(merged)).predict(X), expected
    )
    assert len(merged.estimators_features_) == len(merged._decision_path_lengths)


def test_isolation_forests_by_hand_see_outliers_everywhere():
    models = fitted_on(
        IsolationForest(n_estimators=25), [slice(i, None, 2) for i in (0, 1)] * 2, X
    )
    assert (naive_union(models).predict(X) == -1).all()  # not a word
    assert (merge(models).predict(X) == 1).mean() > 0.8


def test_isolation_forests_of_other_depths_are_refused():
    models = fitted_on(
        IsolationForest(n_estimators=5), [slice(0, 500), slice(500, 600)], X
    )
    naive_union(models).predict(X)  # not a word
    with pytest.raises(NotMergeableError, match=r"256 rows each, and those of .* 100"):
        merge(models)
    shallow = [
        IsolationForest(n_estimators=5, max_samples=100, random_state=0).fit(X[:500]),
        models[1],
    ]
    assert len(merge(shallow)) == 10  # "auto" has come to the same


def test_contamination_is_a_share_of_all_rows():
    models = fitted_on(IsolationForest(n_estimators=5, contamination=0.1), HALVES, X)
    assert mergeability(models[0]).kind == "no"
    with pytest.raises(NotMergeableError, match=r"contamination=0\.1 .* set offset_"):
        merge(models)
    with pytest.raises(ValueError, match="weights that differ"):
        merge(fitted_on(IsolationForest(n_estimators=5), HALVES, X), weights=[1, 2])


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, is_sparse=st.booleans())
def test_embeddings_have_the_leaves_of_all(rng, n_parts, is_sparse):
    models = [
        RandomTreesEmbedding(
            int(rng.integers(1, 5)), max_depth=3, sparse_output=is_sparse,
            random_state=part,
        ).fit(X[rng.integers(0, 600, int(rng.integers(1, 60)))])
        for part in range(n_parts)
    ]  # fmt: skip
    merged = merge(models)
    tables = [model.transform(X) for model in models]
    table = merged.transform(X)
    if is_sparse:
        tables, table = [one.toarray() for one in tables], table.toarray()
    np.testing.assert_array_equal(table, np.hstack(tables))
    assert len(merged.get_feature_names_out()) == table.shape[1]
    np.testing.assert_array_equal(
        merged.one_hot_encoder_.categories_[0],
        models[0].one_hot_encoder_.categories_[0],
    )


def test_embeddings_by_hand_do_not_transform():
    models = fitted_on(RandomTreesEmbedding(5), HALVES, X)
    with pytest.raises(ValueError, match="X has 10 features, but OneHotEncoder"):
        naive_union(models).transform(X)
