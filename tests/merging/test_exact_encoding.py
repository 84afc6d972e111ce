"""Encoders merge to what a fit of all rows gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer
from sklearn.preprocessing import (
    LabelBinarizer,
    LabelEncoder,
    MultiLabelBinarizer,
    OneHotEncoder,
    OrdinalEncoder,
)

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge, mergeability
from tests.merging.exactness import (
    EXAMPLES,
    check_exact,
    cut,
    fitted_parts,
    numbers_of_parts,
    seeds,
)

VALUES = st.sampled_from(
    [
        np.array([3, 1, 7, 2]),
        np.array([0.5, -1.0, np.nan, 2.0]),
        np.array([0.5, np.nan, -3.0, 2.0], dtype=np.float32),
        np.array(["b", "a", "longer", ""]),
        np.array(["b", "a", None, np.nan], dtype=object),
        np.array(["b", "a", "longer", None], dtype=object),
        np.array([True, False]),
    ]
)


def column_table(rng, values, n_rows, n_features=3):
    return values[rng.integers(0, len(values), (n_rows, n_features))]


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    values=VALUES,
    model=st.sampled_from(
        [
            OneHotEncoder(),
            OneHotEncoder(drop="first", sparse_output=False),
            OneHotEncoder(drop="if_binary", dtype=np.float32),
            OneHotEncoder(handle_unknown="ignore"),
            OneHotEncoder(feature_name_combiner=lambda name, value: f"{name}={value}"),
        ]
    ),
)
def test_one_hot_encoder(rng, n_parts, values, model):
    n_rows = int(rng.integers(1, 12))
    X = column_table(rng, values, n_rows)
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), X)
    if callable(model.feature_name_combiner):
        merged = merge(models, weights=rows)
    else:
        merged = check_exact(models, full, weights=rows)
    ours, theirs = merged.transform(X), full.transform(X)
    assert type(ours) is type(theirs)
    assert not (ours != theirs).sum()
    names = full.get_feature_names_out()
    np.testing.assert_array_equal(merged.get_feature_names_out(), names)
    if len(names):
        np.testing.assert_array_equal(
            merged.inverse_transform(ours).astype(str),
            full.inverse_transform(theirs).astype(str),
        )


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, values=VALUES)
def test_dropped_categories(rng, n_parts, values):
    X = column_table(rng, values, 24)
    # Every part has to know the categories that are dropped.
    X[::3] = values[0]
    parts = [slice(0, 6), slice(6, 12), slice(12, 24)][: min(n_parts, 3)]
    X = X[: parts[-1].stop]
    model = OneHotEncoder(drop=[values[0]] * 3)
    models, _ = fitted_parts(model, parts, X)
    check_exact(models, clone(model).fit(X))


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    values=VALUES,
    model=st.sampled_from(
        [
            OrdinalEncoder(),
            OrdinalEncoder(encoded_missing_value=-1, dtype=np.int32),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=99),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
        ]
    ),
)
def test_ordinal_encoder(rng, n_parts, values, model):
    n_rows = int(rng.integers(1, 12))
    X = column_table(rng, values, n_rows)
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), X)
    merged = check_exact(models, full, weights=rows)
    np.testing.assert_array_equal(merged.transform(X), full.transform(X))


@pytest.mark.parametrize("kind", [OneHotEncoder, OrdinalEncoder])
def test_categories_that_are_given(kind):
    numbers, words = [[1.0, 2.0, np.nan]] * 2, [["b", "a"], ["d", "c"]]
    X = np.array([[1, 1], [2, 1], [np.nan, 2]])
    models, _ = fitted_parts(kind(categories=numbers), [slice(0, 1), slice(1, 3)], X)
    check_exact(models, kind(categories=numbers).fit(X))
    X = np.array([["a", "c"], ["b", "d"]])
    models, _ = fitted_parts(kind(categories=words), [slice(0, 1), slice(1, 2)], X)
    check_exact(models, kind(categories=words).fit(X))
    with pytest.raises(NotMergeableError, match="categories is"):
        merge([models[0], kind(categories=[["a", "b"], ["d", "c"]]).fit(X)])


def test_columns_of_different_types_and_names():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(
        {
            "number": [1, 2, 3, 1],
            "word": ["a", None, "c", "b"],
            "share": [0.5, np.nan, 1, 2],
        }
    )
    for kind in (OneHotEncoder, OrdinalEncoder):
        models = [kind().fit(X[:1]), kind().fit(X[1:2]), kind().fit(X[2:])]
        merged = check_exact(models, kind().fit(X))
        assert merged.categories_[0].dtype == np.int64
        assert merged.feature_names_in_.tolist() == ["number", "word", "share"]


@pytest.mark.parametrize("kind", [OneHotEncoder, OrdinalEncoder])
def test_categories_of_different_types_are_refused(kind):
    models = [kind().fit([[1]]), kind().fit(np.array([["1"]]))]
    with pytest.raises(NotMergeableError, match="categories of feature 0 are of int64"):
        merge(models)
    models = [kind().fit([[1]]), kind().fit(np.array([["1"]], dtype=object))]
    with pytest.raises(NotMergeableError, match="uniformly strings or numbers"):
        merge(models)


def test_whole_numbers_and_others_are_numbers():
    X = np.array([[1.0], [2.0], [np.nan]])
    models = [OrdinalEncoder().fit(X[:2].astype(int)), OrdinalEncoder().fit(X[2:])]
    check_exact(models, OrdinalEncoder().fit(X))


def test_an_unknown_value_that_the_union_uses_is_refused():
    model = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=2)
    X = np.array([["a"], ["b"], ["c"]])
    models, _ = fitted_parts(model, [slice(0, 2), slice(2, 3)], X)
    with pytest.raises(NotMergeableError, match="is one of the values already used"):
        merge(models)
    with pytest.raises(ValueError, match="is one of the values already used"):
        clone(model).fit(X)


@pytest.mark.parametrize("limit", [{"min_frequency": 2}, {"max_categories": 3}])
def test_rare_categories_are_refused(limit):
    for kind in (OneHotEncoder, OrdinalEncoder):
        assert mergeability(kind(**limit)).kind == "no"
        with pytest.raises(NotMergeableError, match="counts, which it does not keep"):
            merge([kind(**limit).fit([["a"], ["a"]])])


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, values=VALUES)
def test_label_encoder(rng, n_parts, values):
    y = values[rng.integers(0, len(values), 10)]
    models, rows = fitted_parts(LabelEncoder(), cut(rng, 10, n_parts), y)
    merged = check_exact(models, LabelEncoder().fit(y), weights=rows)
    np.testing.assert_array_equal(merged.transform(y), LabelEncoder().fit_transform(y))


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    values=st.sampled_from(
        [np.array([3, 1, 7]), np.array(["b", "a", "longer"]), np.array([True, False])]
    ),
    n_rows=st.integers(1, 12),
)
def test_label_binarizer(rng, n_parts, values, n_rows):
    y = values[rng.integers(0, len(values), n_rows)]
    model = LabelBinarizer(neg_label=-1)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), y)
    full = clone(model).fit(y)
    merged = check_exact(models, full, weights=rows)
    Y = full.transform(y)
    np.testing.assert_array_equal(merged.transform(y), Y)
    np.testing.assert_array_equal(merged.inverse_transform(Y), y)


def test_label_binarizer_of_matrices():
    Y = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1]])
    parts = [slice(0, 2), slice(2, 3)]
    for matrix in (Y, sp.csr_matrix(Y)):
        models, _ = fitted_parts(LabelBinarizer(), parts, matrix)
        check_exact(models, LabelBinarizer().fit(matrix))
    dense, sparse = LabelBinarizer().fit(Y), LabelBinarizer().fit(sp.csr_matrix(Y))
    for other in (sparse, LabelBinarizer().fit(Y[:, :2]), LabelBinarizer().fit([1, 2])):
        with pytest.raises(NotMergeableError, match="a dense matrix of 3 labels"):
            merge([dense, other])


@pytest.mark.parametrize("kind", [LabelEncoder, LabelBinarizer])
def test_labels_of_different_types_are_refused(kind):
    with pytest.raises(NotMergeableError, match="fit all on labels of one type"):
        merge([kind().fit([1, 2]), kind().fit(["1", "2"])])


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    values=st.sampled_from([[3, 1, 7], ["b", "a", "longer"], [(1, 2), (0, 5)]]),
    is_sparse=st.booleans(),
)
def test_multilabel_binarizer(rng, n_parts, values, is_sparse):
    y = [[v for v in values if rng.random() < 0.4] for _ in range(8)]
    model = MultiLabelBinarizer(sparse_output=is_sparse)
    models, rows = fitted_parts(model, cut(rng, 8, n_parts), y)
    full = clone(model).fit(y)
    merged = check_exact(models, full, weights=rows)
    assert not (merged.transform(y) != full.transform(y)).sum()


def test_multilabel_binarizer_of_given_classes():
    model = MultiLabelBinarizer(classes=["b", "a"])
    models, _ = fitted_parts(model, [slice(0, 1), slice(1, 2)], [["a"], ["b"]])
    assert check_exact(models, clone(model).fit([])).classes_.tolist() == ["b", "a"]
    models = [MultiLabelBinarizer().fit([[1]]), MultiLabelBinarizer().fit([["a"]])]
    with pytest.raises(NotMergeableError, match="have no order"):
        merge(models)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    sort=st.booleans(),
    is_sparse=st.booleans(),
)
def test_dict_vectorizer(rng, n_parts, sort, is_sparse):
    values = [1.5, 2, "x", "y", ["x", "z"], None]
    rows = [
        {
            name: values[rng.integers(len(values))]
            for name in rng.permutation(["c", "a", "b"]).tolist()
            if rng.random() < 0.5
        }
        for _ in range(6)
    ]
    model = DictVectorizer(sort=sort, sparse=is_sparse)
    full = clone(model).fit(rows)
    models, weights = fitted_parts(model, cut(rng, 6, n_parts), rows)
    merged = check_exact(models, full, weights=weights)
    assert list(merged.vocabulary_) == list(full.vocabulary_)
    if full.vocabulary_:
        numbers = [{"a": 1.0, "b": 2.0}, {"c=x": 3.0}]
        assert not (merged.transform(numbers) != full.transform(numbers)).sum()


def test_names_without_order():
    models = [DictVectorizer().fit([{"a": 1}]), DictVectorizer().fit([{1: 1}])]
    with pytest.raises(NotMergeableError, match="sort=False"):
        merge(models)
    models = [DictVectorizer(sort=False).fit([{name: 1}]) for name in ("a", 1)]
    assert merge(models).feature_names_ == ["a", 1]


@pytest.mark.parametrize("kind", [OneHotEncoder, OrdinalEncoder])
def test_the_first_knows_too_few_categories(kind):
    X = np.array([["a"], ["b"], ["c"]])
    models, _ = fitted_parts(kind(), [slice(0, 2), slice(2, 3)], X)
    with pytest.raises(ValueError, match="unknown categories"):
        models[0].transform(X)
    assert merge(models).transform(X).shape[0] == 3


def test_the_first_knows_too_few_labels_and_names():
    models, _ = fitted_parts(LabelEncoder(), [slice(0, 1), slice(1, 2)], ["b", "a"])
    with pytest.raises(ValueError, match="previously unseen labels"):
        models[0].transform(["a"])
    assert merge(models).transform(["b", "a"]).tolist() == [1, 0]
    for kind, y in ((LabelBinarizer, ["b", "a", "c"]), (MultiLabelBinarizer, "bac")):
        models, _ = fitted_parts(kind(), [slice(0, 1), slice(1, 3)], y)
        assert len(models[0].classes_) == 1
        assert merge(models).classes_.tolist() == ["a", "b", "c"]
    models, _ = fitted_parts(
        DictVectorizer(), [slice(0, 1), slice(1, 2)], [{"b": 1}, {"a": 1}]
    )
    assert models[0].transform({"a": 1}).nnz == 0
    assert merge(models).transform({"a": 1}).toarray().tolist() == [[1, 0]]
