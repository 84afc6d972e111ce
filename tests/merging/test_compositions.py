"""Estimators side by side merge one by one."""

from __future__ import annotations

import pickle
from copy import copy

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
)
from sklearn.datasets import make_classification
from sklearn.feature_extraction import text as sklearn_text
from sklearn.impute import SimpleImputer
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

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

LIBRARIES = st.sampled_from([sklearn_text, shardfit_text])

X, Y = make_classification(
    n_samples=2000,
    n_features=20,
    n_informative=12,
    n_classes=5,
    class_sep=2.0,
    random_state=0,
)


def mixed_table(rng, n_rows):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(
        {
            "text": documents(rng, n_rows) + " always",
            "kind": rng.choice(["a", "b", "c", "d"], n_rows),
            "size": rng.normal(5, 3, n_rows),
            "height": rng.normal(0, 1, n_rows),
        }
    )


def by_columns(library, **parameters):
    text = make_pipeline(library.CountVectorizer(), library.TfidfTransformer())
    return ColumnTransformer(
        [
            ("text", text, "text"),
            ("kind", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
            ("size", StandardScaler(), ["size"]),
            ("gone", "drop", ["height"]),
        ],
        **parameters,
    )


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    library=LIBRARIES,
    remainder=st.sampled_from(["drop", "passthrough", MinMaxScaler()]),
)
def test_column_transformer(rng, n_parts, library, remainder):
    frame = mixed_table(rng, int(rng.integers(1, 20)))
    model = by_columns(library, remainder=remainder, sparse_threshold=1.0)
    model.transformers.pop()  # the remainder takes its column
    full = clone(model).fit(frame)
    models, rows = fitted_parts(model, cut(rng, len(frame), n_parts), frame)
    before = pickle.dumps(models)
    merged = merge(models, weights=rows)
    assert pickle.dumps(models) == before
    assert vars(merged).keys() == vars(full).keys()
    assert merged.output_indices_ == full.output_indices_
    # How dense the columns of all rows are is not known; it is a matter of storage.
    fitted = [one for one, n_rows in zip(models, rows, strict=True) if n_rows]
    assert merged.sparse_output_ is any(one.sparse_output_ for one in fitted)
    assert merged._transformer_to_input_indices == full._transformer_to_input_indices
    ours, theirs = (
        sp.csr_matrix(one.transform(frame)).toarray() for one in (merged, full)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert list(merged.get_feature_names_out()) == list(full.get_feature_names_out())
    # It takes columns by name, as the full one does.
    merged.transform(frame[frame.columns[::-1]])
    naive = copy(models[int(rows.argmax())])
    if set(naive.get_feature_names_out()) != set(full.get_feature_names_out()):
        assert naive.transform(frame).shape != theirs.shape


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts)
def test_columns_of_numbers(rng, n_parts):
    n_rows = int(rng.integers(1, 30))
    table = np.column_stack([rng.normal(size=(n_rows, 3)), rng.integers(0, 4, n_rows)])
    model = ColumnTransformer(
        [
            ("scaled", StandardScaler(), [0, 2]),
            ("kind", OneHotEncoder(sparse_output=False), slice(3, 4)),
            ("none", MaxAbsScaler(), []),
            ("as it is", "passthrough", [1]),
        ]
    )
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), table)
    merged = check_exact(models, clone(model).fit(table), weights=rows)
    assert merged.transform(table).shape[1] == 3 + len(np.unique(table[:, 3]))


def test_columns_chosen_by_their_type():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0, 5.0], "b": ["x", "y", "x"]})
    model = ColumnTransformer(
        [("scaled", StandardScaler(), make_column_selector(dtype_include=float))]
    )
    models = [clone(model).fit(frame[:1]), clone(model).fit(frame[1:])]
    merged = merge(models)
    np.testing.assert_allclose(
        merged.transform(frame), clone(model).fit_transform(frame)
    )
    other = clone(model).fit(frame.assign(b=1.0))
    with pytest.raises(NotMergeableError, match="takes the columns"):
        merge([models[0], other])


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, library=LIBRARIES)
def test_feature_union(rng, n_parts, library):
    texts = documents(rng, int(rng.integers(1, 20))) + " always"
    model = FeatureUnion(
        [
            ("words", library.TfidfVectorizer()),
            ("gone", "drop"),
            ("pairs", library.CountVectorizer(analyzer="char", ngram_range=(2, 2))),
            ("hashed", sklearn_text.HashingVectorizer(n_features=8)),
        ],
        transformer_weights={"words": 2.0},
    )
    full = clone(model).fit(texts)
    parts = cut(rng, len(texts), n_parts)
    models, rows = fitted_parts(model, parts, texts)
    merged = merge(models, weights=rows)
    np.testing.assert_array_equal(
        merged.transform(texts).toarray(), full.transform(texts).toarray()
    )


def test_a_linear_model_behind_columns_of_all_kinds():
    rng = np.random.default_rng(0)
    frame = mixed_table(rng, 400)
    y = (frame["text"].str.contains("cat") | (frame["size"] > 7)).to_numpy()
    for library in (sklearn_text, shardfit_text):
        model = make_pipeline(
            by_columns(library, transformer_weights={"size": 3.0}),
            SGDClassifier(random_state=0),
        )
        parts = [frame["size"] < 4, (frame["size"] >= 4) & (frame["kind"] != "d")]
        models = [clone(model).fit(frame[part], y[part]) for part in parts]
        rows = [part.sum() for part in parts]
        merged = merge(models, weights=rows)
        full = clone(model).fit(frame, y)
        assert merged[-1].n_features_in_ == len(merged[0].get_feature_names_out())
        assert merged.score(frame, y) > full.score(frame, y) - 0.1
        one = merge(models[:1], weights=rows[:1])
        np.testing.assert_allclose(
            one.decision_function(frame), models[0].decision_function(frame), rtol=1e-6
        )


def test_a_linear_model_behind_a_union():
    rng = np.random.default_rng(0)
    texts = documents(rng, 300)
    y = np.array(["dog" in text for text in texts])
    for library in (sklearn_text, shardfit_text):
        union = FeatureUnion(
            [
                ("hashed", library.HashingVectorizer(n_features=16)),
                ("words", library.CountVectorizer()),
            ],
            transformer_weights={"hashed": 0.5},
        )
        model = make_pipeline(union, SGDClassifier(random_state=0))
        models = [
            clone(model).fit(texts[part], y[part])
            for part in (slice(0, 20), slice(20, 300))
        ]
        merged = merge(models, weights=[20, 280])
        assert merged[-1].n_features_in_ == merged[0].transform(texts).shape[1]
        assert merged.score(texts, y) > 0.9


def test_imputers_of_columns():
    gaps = X[:, :4].copy()
    gaps[np.random.default_rng(0).random(gaps.shape) < 0.2] = np.nan
    parts = [slice(0, 500), slice(500, 2000)]
    counts = np.array([(~np.isnan(gaps[part])).sum(axis=0) for part in parts])
    model = ColumnTransformer(
        [("filled", SimpleImputer(), [2, 0]), ("scaled", StandardScaler(), [1, 3])]
    )
    models, _ = fitted_parts(model, parts, gaps)
    check_exact(models, clone(model).fit(gaps), weights=counts)
    with pytest.raises(NotMergeableError, match=r"step 'filled': .*without weights"):
        merge(models, weights=[500, 1500])
    gaps[:, [1, 3]] = 1.0
    models, _ = fitted_parts(make_pipeline(model, GaussianNB()), parts, gaps, Y)
    with pytest.raises(NotMergeableError, match="filled in other values"):
        merge(models, weights=counts)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), None])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_transformed_targets(scaler):
    y = X @ np.arange(20.0) + 100 * (np.arange(2000) < 700)
    model = TransformedTargetRegressor(
        SGDRegressor(random_state=0, eta0=1e-4), transformer=scaler
    )
    models, rows = fitted_parts(model, [slice(0, 700), slice(700, 2000)], X, y)
    merged = merge(models, weights=rows)
    expected = np.average([m.predict(X) for m in models], axis=0, weights=rows)
    np.testing.assert_allclose(merged.predict(X), expected, rtol=1e-8)
    if scaler is not None:
        naive = copy(merged)
        naive.regressor_ = merge([m.regressor_ for m in models], weights=rows)
        assert np.abs(naive.predict(X) - expected).max() > 1
    again = pickle.loads(pickle.dumps(merged))
    np.testing.assert_array_equal(again.predict(X), merged.predict(X))
    assert merged.n_features_in_ == 20


def test_targets_that_do_not_carry_over():
    y = X @ np.arange(20.0)
    model = TransformedTargetRegressor(
        KNeighborsRegressor(), transformer=StandardScaler()
    )
    models, _ = fitted_parts(model, [slice(0, 700), slice(700, 2000)], X, y)
    with pytest.raises(NotMergeableError, match="fit the transformer once"):
        merge(models)
    model.set_params(transformer=None, func=np.cbrt, inverse_func=lambda y: y**3)
    models, _ = fitted_parts(model, [slice(0, 700), slice(700, 2000)], X, y)
    full = clone(model).fit(X, y)
    np.testing.assert_allclose(merge(models).predict(X), full.predict(X))
    assert mergeability(TransformedTargetRegressor()).kind == "no"
    assert mergeability(model.set_params(regressor=DecisionTreeRegressor())) == (
        mergeability(make_pipeline(DecisionTreeRegressor()))._replace(
            reason=mergeability(model).reason
        )
    )


def test_the_worst_step_decides():
    union = FeatureUnion([("scaled", StandardScaler()), ("same", "passthrough")])
    assert mergeability(union).kind == "exact"
    assert mergeability(make_pipeline(union, SGDClassifier())).kind == "average"
    answer = mergeability(
        ColumnTransformer([("words", sklearn_text.CountVectorizer(min_df=2), 0)])
    )
    assert answer.kind == "no"
    assert "'words', CountVectorizer: min_df=2" in answer.reason
    assert "keep all counts" in answer.remedy
    assert mergeability(OneVsRestClassifier(DecisionTreeRegressor())).kind == "no"
    assert (
        "number of doc"
        in mergeability(make_pipeline(sklearn_text.TfidfVectorizer())).remedy
    )


def test_codes_of_other_categories_merge_but_carry_no_model():
    table = np.array([["a", "x"], ["b", "x"], ["c", "y"], ["a", "z"]], dtype=object)
    y = np.array([0, 1, 0, 1])
    model = ColumnTransformer([("codes", OrdinalEncoder(), [1, 0])])
    models, rows = fitted_parts(model, [slice(0, 2), slice(2, 4)], table)
    check_exact(models, clone(model).fit(table), weights=rows)
    model = make_pipeline(OneHotEncoder(drop="first"), FunctionTransformer())
    models = [clone(model).fit(table[part]) for part in (slice(0, 2), slice(2, 4))]
    merged = merge([one[:1] for one in models])
    assert merged.transform(table).shape == (4, 4)
    model = make_pipeline(OrdinalEncoder(), FunctionTransformer(), SGDClassifier())
    models, _ = fitted_parts(model, [slice(0, 2), slice(2, 4)], table, y)
    with pytest.raises(NotMergeableError, match="'sgdclassifier': OrdinalEncoder mak"):
        merge(models)
    model = model[:2]
    models, rows = fitted_parts(model, [slice(0, 2), slice(2, 4)], table)
    check_exact(models, clone(model).fit(table), weights=rows)


def test_functions_in_a_union_stay():
    union = FeatureUnion(
        [("log", FunctionTransformer(np.log1p)), ("scaled", MaxAbsScaler())]
    )
    models, rows = fitted_parts(union, [slice(0, 9), slice(9, 20)], np.abs(X[:20]))
    check_exact(models, clone(union).fit(np.abs(X[:20])), weights=rows)
