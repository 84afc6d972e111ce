"""Vocabularies and weights of terms merge to those of all documents."""

from __future__ import annotations

import pickle
from copy import copy

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction import text as sklearn_text

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction import text as shardfit_text
from shardfit.merging import merge, mergeability
from tests.merging.corpora import documents
from tests.merging.exactness import (
    EXAMPLES,
    check_exact,
    cut,
    fitted_parts,
    numbers_of_parts,
    seeds,
)

LIBRARIES = [sklearn_text, shardfit_text]
ANALYSES = st.sampled_from(
    [
        {},
        {"ngram_range": (1, 2), "binary": True},
        {"analyzer": "char_wb", "ngram_range": (2, 3)},
        {"stop_words": ["the", "dog"], "lowercase": False},
        {"analyzer": str.split},
        {"vocabulary": ["zebra", "cat", "the"]},
    ]
)
PRUNING = st.sampled_from(
    [
        {},
        {"min_df": 2},
        {"max_df": 0.6},
        {"max_features": 4},
        {"min_df": 0.1, "max_df": 9, "max_features": 7},
    ]
)
WEIGHTING = st.sampled_from(
    [
        {},
        {"smooth_idf": False},
        {"use_idf": False},
        {"norm": None, "sublinear_tf": True},
        {"dtype": np.float32, "norm": "l1"},
    ]
)


def with_terms(parts, texts):
    """Return partitions without those whose documents hold no term at all."""
    return [
        part if any(text.strip() for text in texts[part]) else slice(0, 0)
        for part in parts
    ]


def parted(model, rng, n_parts, texts):
    """Return models of parts, their numbers of documents, and a model of all."""
    parts = with_terms(cut(rng, len(texts), n_parts), texts)
    kept = np.concatenate([texts[part] for part in parts])
    models, rows = fitted_parts(model, parts, texts)
    full = clone(model).fit(kept)
    # A note of which stop words were found consistent, and no part of the result.
    vars(full).pop("_stop_words_id", None)
    return models, rows, full, kept


def check_same_terms(merged, full, texts):
    assert merged.vocabulary_ == full.vocabulary_
    assert merged.fixed_vocabulary_ is full.fixed_vocabulary_
    np.testing.assert_array_equal(
        merged.get_feature_names_out(), full.get_feature_names_out()
    )
    ours, theirs = merged.transform(texts), full.transform(texts)
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_array_equal(ours.data, theirs.data)


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, analysis=ANALYSES)
def test_scikit_learns_vocabulary(rng, n_parts, analysis):
    texts = documents(rng, int(rng.integers(1, 30)))
    texts[0] += " zebra straße"
    model = sklearn_text.CountVectorizer(**analysis)
    try:
        models, rows, full, kept = parted(model, rng, n_parts, texts)
    except ValueError:  # a part of stop words alone
        return
    merged = check_exact(models, full, weights=rows)
    # Even in the order of its items, that of first sight.
    assert list(merged.vocabulary_) == list(full.vocabulary_)
    check_same_terms(merged, full, kept)


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, analysis=ANALYSES, weighting=WEIGHTING)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_scikit_learns_weighted_vocabulary(rng, n_parts, analysis, weighting):
    texts = documents(rng, int(rng.integers(1, 30)))
    texts[0] += " zebra straße"
    model = sklearn_text.TfidfVectorizer(**{**analysis, **weighting})
    try:
        models, rows, full, kept = parted(model, rng, n_parts, texts)
    except ValueError:
        return
    merged = check_exact(models, full, weights=rows, rtol=0, atol=0)
    if merged.use_idf:
        np.testing.assert_array_equal(merged.idf_, full.idf_)  # bit for bit
    if np.isfinite(getattr(full, "idf_", 0.0)).all():
        check_same_terms(merged, full, kept)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    analysis=ANALYSES,
    pruning=PRUNING,
    is_partial=st.booleans(),
    is_weighted=st.booleans(),
)
def test_our_vocabulary_with_its_counts(
    rng, n_parts, analysis, pruning, is_partial, is_weighted
):
    texts = documents(rng, int(rng.integers(1, 30)))
    kind = (
        shardfit_text.TfidfVectorizer if is_weighted else shardfit_text.CountVectorizer
    )
    if "str.split" in str(analysis) or callable(analysis.get("analyzer")):
        is_partial = True  # fit leaves them to scikit-learn, which keeps no counts
    model = kind(**analysis, **pruning)
    parts = with_terms(cut(rng, len(texts), n_parts), texts)
    models = []
    for part in parts:
        own = clone(model)
        try:
            if is_partial:
                own = pickle.loads(pickle.dumps(own.partial_fit(texts[part])))
            else:
                own.fit(texts[part])
        except ValueError:  # nothing is left of so few documents
            own.partial_fit(texts[part])
        models.append(own)
    kept = np.concatenate([texts[part] for part in parts])
    try:
        full = clone(model).fit(kept)
    except ValueError:
        return
    before = pickle.dumps(models)
    merged = merge(models)
    assert pickle.dumps(models) == before
    check_same_terms(pickle.loads(pickle.dumps(merged)), full, kept)
    merged.partial_fit(["more zebra", "the more"])
    full = clone(model).fit([*kept, "more zebra", "the more"])
    check_same_terms(merged, full, kept)
    assert pickle.dumps(models) == before


@EXAMPLES
@given(
    rng=seeds, n_parts=numbers_of_parts, analysis=ANALYSES, is_weighted=st.booleans()
)
def test_our_vocabulary_without_its_counts(rng, n_parts, analysis, is_weighted):
    texts = documents(rng, int(rng.integers(1, 30)))
    kind = (
        shardfit_text.TfidfVectorizer if is_weighted else shardfit_text.CountVectorizer
    )
    try:
        models, rows, full, kept = parted(kind(**analysis), rng, n_parts, texts)
    except ValueError:
        return
    models = pickle.loads(pickle.dumps(models))
    assert all("_learned" not in vars(model) for model in models)
    check_same_terms(merge(models, weights=rows), full, kept)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    library=st.sampled_from(LIBRARIES),
    weighting=WEIGHTING,
    is_sparse=st.booleans(),
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_weights(rng, n_parts, library, weighting, is_sparse):
    n_rows = int(rng.integers(1, 40))
    weighting = dict(weighting)
    dtype = weighting.pop("dtype", np.int64)
    X = rng.poisson(0.3, (n_rows, 6)).astype(dtype)
    X = sp.csr_matrix(X) if is_sparse else X
    model = library.TfidfTransformer(**weighting)
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), X)
    models = pickle.loads(pickle.dumps(models))
    if library is sklearn_text:
        merged = check_exact(models, full, weights=rows, rtol=0, atol=0)
    else:
        merged = merge(models, weights=rows)
    assert merged.n_features_in_ == 6
    if merged.use_idf:
        assert merged.idf_.dtype == full.idf_.dtype
        np.testing.assert_array_equal(merged.idf_, full.idf_)


def test_the_mean_of_weights_is_not_that_of_all():
    X = sp.csr_matrix(np.eye(6, dtype=np.int64)[[0, 0, 0, 1, 2, 3, 4, 5, 5]])
    model = sklearn_text.TfidfTransformer()
    models, rows = fitted_parts(model, [slice(0, 3), slice(3, 9)], X)
    full = clone(model).fit(X)
    naive = np.average([m.idf_ for m in models], axis=0, weights=rows)
    assert np.abs(naive - full.idf_).max() > 0.1
    np.testing.assert_array_equal(merge(models, weights=rows).idf_, full.idf_)


def test_the_first_vocabulary_does_not_stand_for_all():
    models = [
        sklearn_text.CountVectorizer().fit([text]) for text in ("cat dog", "bird cat")
    ]
    naive = copy(models[0])
    assert naive.transform(["bird"]).nnz == 0
    merged = merge(models)
    assert merged.vocabulary_ == {"cat": 1, "dog": 2, "bird": 0}
    assert merged.transform(["bird"]).nnz == 1


def test_our_weights_go_on():
    X = np.array([[1, 0, 2], [0, 0, 1], [3, 1, 0], [1, 1, 1]])
    model = shardfit_text.TfidfTransformer()
    merged = merge([clone(model).fit(X[:1]), clone(model).partial_fit(X[1:3])])
    again = pickle.loads(pickle.dumps(merged)).partial_fit(X[3:])
    np.testing.assert_array_equal(again.idf_, clone(model).fit(X).idf_)


def test_without_idf_ours_goes_on_too():
    X = np.array([[1, 0, 2], [0, 0, 1], [3, 1, 0]])
    model = shardfit_text.TfidfTransformer(use_idf=False)
    merged = merge([clone(model).fit(X[:1]), clone(model).fit(X[1:2])])
    merged.partial_fit(X[2:]).set_params(use_idf=True)
    np.testing.assert_array_equal(
        merged.idf_, shardfit_text.TfidfTransformer().fit(X).idf_
    )


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", ["TfidfTransformer", "TfidfVectorizer"])
def test_numbers_of_documents_are_needed_and_checked(library, kind):
    X = np.array([[1, 0, 2], [0, 0, 1], [3, 1, 0]])
    texts = ["cat dog", "dog bird", "dog dog"]
    given = X if kind == "TfidfTransformer" else texts
    models = [getattr(library, kind)().fit(given) for _ in range(2)]
    models = pickle.loads(pickle.dumps(models))
    with pytest.raises(NotMergeableError, match="give weights: the number of doc"):
        merge(models)
    for wrong in ([3, 4], [0.5, 0.5], [3, 2.5]):
        with pytest.raises(NotMergeableError, match="was not fitted on"):
            merge(models, weights=wrong)
    merge(models, weights=[3, 3])


def test_weights_of_float32_that_are_too_many_to_tell_apart():
    model = sklearn_text.TfidfTransformer().fit(np.eye(2, dtype=np.float32))
    n_documents = 10_000_000
    shares = np.array([9_000_000, 17]) + 1
    model.idf_ = (np.log((n_documents + 1) / shares) + 1).astype(np.float32)
    with pytest.raises(NotMergeableError, match="apart; fit on values of float64"):
        merge([model], weights=[n_documents])


@pytest.mark.parametrize("kind", ["CountVectorizer", "TfidfVectorizer"])
@pytest.mark.parametrize(
    "pruning", [{"min_df": 2}, {"max_df": 0.7}, {"max_df": 3}, {"max_features": 2}]
)
def test_pruned_vocabularies(kind, pruning):
    texts = ["cat dog", "dog bird", "dog cat bird"]
    model = getattr(sklearn_text, kind)(**pruning)
    answer = mergeability(model)
    assert answer.kind == "no"
    assert "keep all counts" in answer.remedy
    ours = getattr(shardfit_text, kind)(**pruning)
    assert mergeability(ours).kind == "exact"
    models = [ours.fit(texts), clone(ours).fit(texts)]
    merge(models)
    models = pickle.loads(pickle.dumps(models))
    with pytest.raises(NotMergeableError, match="keep all counts, in pickles after"):
        merge(models, weights=[3, 3])
    given = getattr(sklearn_text, kind)(**pruning, vocabulary=["cat"])
    assert mergeability(given).kind == "exact"


def test_nothing_left_out_is_nothing_pruned():
    for limits in ({"min_df": 0.0}, {"min_df": 1, "max_df": 1.0}):
        model = sklearn_text.CountVectorizer(**limits)
        assert mergeability(model).kind == "exact"
    for limits in ({"max_df": 1}, {"min_df": 1.0}):
        model = sklearn_text.CountVectorizer(**limits)
        assert mergeability(model).kind == "no"


def test_a_vocabulary_that_the_user_changed():
    models = [
        shardfit_text.CountVectorizer(min_df=2).fit(["cat cat dog", "cat dog emu"])
        for _ in range(2)
    ]
    assert len(models[0].vocabulary_) == 2  # to look is no change
    assert merge(models).vocabulary_ == {"cat": 0, "dog": 1, "emu": 2}
    models[0].vocabulary_["ape"] = 2
    with pytest.raises(NotMergeableError, match="min_df=2 leaves terms out"):
        merge(models)
    models = [
        sklearn_text.CountVectorizer().fit(texts) for texts in (["cat dog"], ["emu"])
    ]
    models[0].vocabulary_ = {"dog": 0, "cat": 1}
    with pytest.raises(NotMergeableError, match="given or assigned"):
        merge(models)


def test_weights_that_the_user_assigned():
    texts = ["cat dog", "dog emu"]
    models = [shardfit_text.TfidfVectorizer().fit(texts) for _ in range(2)]
    models[1].idf_ = np.array([1.0, 2.0, 3.0])
    with pytest.raises(NotMergeableError, match="estimator 1 was not fitted on 2"):
        merge(models, weights=[2, 2])
