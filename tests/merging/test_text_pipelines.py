"""Pipelines of text: models follow the terms and their weights."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction import text as sklearn_text
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction import text as shardfit_text
from shardfit.merging import merge
from tests.merging.corpora import documents
from tests.merging.exactness import (
    EXAMPLES,
    cut,
    fitted_parts,
    numbers_of_parts,
    seeds,
)
from tests.merging.naive import naive_merge

LIBRARIES = [sklearn_text, shardfit_text]


def fitted(model, X, y, parts):
    return [clone(model).fit(X[part], y[part]) for part in parts]


def text_and_labels(rng, n_documents):
    texts = documents(rng, n_documents)
    labels = np.where([("cat" in text) for text in texts], "x", "y")
    return texts, labels


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    library=st.sampled_from(LIBRARIES),
    model=st.sampled_from([MultinomialNB(), BernoulliNB(alpha=0.5), ComplementNB()]),
    between=st.sampled_from([(), (Normalizer(),), (Normalizer("l1"), Normalizer())]),
)
def test_naive_bayes_of_other_terms(rng, n_parts, library, model, between):
    texts, labels = text_and_labels(rng, int(rng.integers(1, 30)))
    texts = texts + " always"
    model = make_pipeline(library.CountVectorizer(), *between, model)
    full = clone(model).fit(texts, labels)
    models, rows = fitted_parts(model, cut(rng, len(texts), n_parts), texts, labels)
    merged = merge(models, weights=rows)
    np.testing.assert_array_equal(merged.classes_, full.classes_)
    np.testing.assert_allclose(
        merged[-1].feature_count_, full[-1].feature_count_, rtol=1e-12
    )
    np.testing.assert_allclose(
        merged.predict_proba(texts), full.predict_proba(texts), rtol=1e-9, atol=1e-12
    )
    X = merged[:-1].transform(texts)
    merged[-1].partial_fit(X, labels)
    assert merged[-1].n_features_in_ == X.shape[1]


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    library=st.sampled_from(LIBRARIES),
    counting=st.sampled_from([{}, {"dtype": np.float32}, {"binary": True}]),
    weighting=st.sampled_from([{}, {"use_idf": False}, {"smooth_idf": False}]),
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_weights_follow_the_terms(rng, n_parts, library, counting, weighting):
    texts = documents(rng, int(rng.integers(1, 30))) + " always"
    model = make_pipeline(
        library.CountVectorizer(**counting), library.TfidfTransformer(**weighting)
    )
    full = clone(model).fit(texts)
    models, rows = fitted_parts(model, cut(rng, len(texts), n_parts), texts)
    merged = merge(models, weights=rows)
    if weighting.get("use_idf", True):
        np.testing.assert_array_equal(merged[1].idf_, full[1].idf_)
        assert merged[1].idf_.dtype == full[1].idf_.dtype
    ours, theirs = merged.transform(texts), full.transform(texts)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours.toarray(), theirs.toarray())
    if library is sklearn_text:
        merged = pickle.loads(pickle.dumps(merged))
        assert list(merged.get_feature_names_out()) == list(
            full.get_feature_names_out()
        )


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, min_df=st.sampled_from([2, 0.2]))
def test_weights_follow_pruned_terms_by_their_counts(rng, n_parts, min_df):
    texts = documents(rng, int(rng.integers(2, 30))) + " always always"
    texts[:2] += " twice"
    for library in LIBRARIES:
        model = make_pipeline(
            shardfit_text.CountVectorizer(min_df=min_df, max_features=8),
            library.TfidfTransformer(),
        )
        parts = [
            part
            for part in cut(rng, len(texts), n_parts)
            if part.stop - part.start >= 2
        ]
        if not parts:
            return
        kept = np.concatenate([texts[part] for part in parts])
        merged = merge([clone(model).fit(texts[part]) for part in parts])
        full = clone(model).fit(kept)
        assert merged[0].vocabulary_ == full[0].vocabulary_
        np.testing.assert_array_equal(merged[1].idf_, full[1].idf_)


def text_set(n_documents=1500):
    """Return short documents, whose words tell a little about one of four labels."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(3000)])
    labels = rng.integers(0, 4, n_documents)
    common = rng.permutation(1 / np.arange(1, 3001) ** 0.8)
    leanings = np.exp(rng.normal(size=(4, 3000)))
    texts = []
    for label in labels:
        own = common * leanings[label]
        texts.append(" ".join(rng.choice(words, 12, p=own / own.sum())))
    return np.array(texts, dtype=object), labels


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("is_one_step", [True, False])
def test_linear_models_of_other_terms(library, is_one_step):
    texts, labels = text_set()
    first = (
        [library.TfidfVectorizer()]
        if is_one_step
        else [library.CountVectorizer(), library.TfidfTransformer()]
    )
    model = make_pipeline(*first, SGDClassifier(random_state=0))
    parts = [slice(0, 250), slice(250, 600), slice(600, 1000)]
    models = fitted(model, texts, labels, parts)
    before = pickle.dumps(models)
    assert len({m[-1].n_features_in_ for m in models}) == 3
    merged = merge(models, weights=[250, 350, 400])
    assert pickle.dumps(models) == before
    full = clone(model).fit(texts[:1000], labels[:1000])
    np.testing.assert_array_equal(
        merged[:-1].transform(texts).toarray(), full[:-1].transform(texts).toarray()
    )
    assert merged[-1].coef_.shape == full[-1].coef_.shape
    best = max(m.score(texts[1000:], labels[1000:]) for m in models)
    assert merged.score(texts[1000:], labels[1000:]) > best
    again = pickle.loads(pickle.dumps(merged))
    assert again.score(texts[1000:], labels[1000:]) == merged.score(
        texts[1000:], labels[1000:]
    )
    # A term of one part alone weighs as much as it does there.
    last = [m[0].vocabulary_ for m in models]
    (term, *_) = sorted(last[0].keys() - last[1].keys() - last[2].keys())
    ratio = (
        models[0][-2].idf_[last[0][term]] / merged[-2].idf_[merged[0].vocabulary_[term]]
    )
    np.testing.assert_allclose(
        merged[-1].coef_[:, merged[0].vocabulary_[term]],
        models[0][-1].coef_[:, last[0][term]] * ratio,
        rtol=1e-6,
    )


def test_terms_that_the_whole_leaves_out():
    texts, labels = text_set()
    model = make_pipeline(
        shardfit_text.CountVectorizer(min_df=3, max_features=150),
        shardfit_text.TfidfTransformer(),
        SGDClassifier(random_state=0),
    )
    models = fitted(model, texts, labels, [slice(0, 400), slice(400, 1000)])
    merged = merge(models)
    assert merged[-1].coef_.shape == (4, 150)
    best = max(m.score(texts[1000:], labels[1000:]) for m in models)
    assert merged.score(texts[1000:], labels[1000:]) > best - 0.02
    wrong = make_pipeline(
        models[0][0], models[0][1], naive_merge([m[-1] for m in models])
    )
    # As many columns, but of other terms.
    assert merged.score(texts, labels) > wrong.score(texts, labels) + 0.1
    counting = make_pipeline(shardfit_text.CountVectorizer(min_df=3), MultinomialNB())
    models = fitted(counting, texts, labels, [slice(0, 400), slice(400, 1000)])
    with pytest.raises(NotMergeableError, match="fit the steps before it once"):
        merge(models)
