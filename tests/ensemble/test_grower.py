"""What grows is the same forest, whoever grows it, on all rows or on partitions."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn import config_context
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from shardfit.ensemble import ForestGrower
from tests.ensemble.growing import (
    CODES,
    FOREST,
    X,
    Y,
    answer,
    grown,
)


@pytest.mark.parametrize("strategy", ["replicate", "partition"])
@pytest.mark.parametrize(
    "forest",
    [
        RandomForestClassifier(7, class_weight="balanced", random_state=0),
        ExtraTreesClassifier(7, bootstrap=True, random_state=0),
        RandomForestRegressor(7, random_state=0),
        ExtraTreesRegressor(7, n_jobs=2, random_state=0),
        BaggingClassifier(n_estimators=7, max_features=5, random_state=0),
        BaggingRegressor(n_estimators=7, random_state=0),
        IsolationForest(n_estimators=7, random_state=0),
        IsolationForest(n_estimators=7, max_samples=0.25, random_state=0),
        RandomTreesEmbedding(7, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(7, random_state=0)),
    ],
    ids=lambda forest: type(forest).__name__,
)
def test_all_forests_grow(forest, strategy):
    before = repr(forest)
    target = CODES.astype(float) if "Regressor" in before else Y
    n_partitions = 3 if strategy == "partition" else None
    ours = grown(
        forest, y=target, strategy=strategy, n_partitions=n_partitions, n_tasks=4
    )
    assert repr(forest) == before
    assert type(ours) is type(forest)
    assert ours.get_params().keys() == forest.get_params().keys()
    assert repr(ours) == before
    check_is_fitted(ours)
    with pytest.raises(NotFittedError):
        check_is_fitted(forest)
    np.testing.assert_array_equal(
        answer(pickle.loads(pickle.dumps(ours))), answer(ours)
    )
    if hasattr(ours, "score"):
        assert ours.score(X, target) > 0.5


@pytest.mark.parametrize("n_partitions", [None, 3])
def test_the_result_does_not_depend_on_workers(n_partitions):
    strategy = "replicate" if n_partitions is None else "partition"
    forest = RandomForestClassifier(11, max_depth=4)
    parameters = {
        "strategy": strategy, "n_partitions": n_partitions, "random_state": 3
    }  # fmt: skip
    forests = [grown(forest, n_jobs=n, **parameters) for n in (1, 2, 5)]
    with parallel_config(backend="loky", n_jobs=2):
        forests.append(grown(forest, **parameters))
    results = [answer(one) for one in forests]
    for one in results:
        np.testing.assert_array_equal(one, results[0])
    other = grown(forest, **{**parameters, "random_state": 4})
    assert (answer(other) != results[0]).any()


def test_the_order_of_completion_does_not_matter():
    class Reversed(ForestGrower):
        pass

    grower = Reversed(FOREST, n_tasks=5).launch(X, Y)
    grower.wait()
    expected = [tree.random_state for tree in grower.aggregate()]
    forests = grower._growth._forests
    grower._growth._forests = dict(reversed(forests.items()))
    assert [tree.random_state for tree in grower.aggregate()] == expected


def test_no_tree_grows_twice():
    ours = grown(RandomForestClassifier(60, max_depth=2, random_state=0))
    assert len({tree.random_state for tree in ours}) == 60


def test_every_partition_gets_its_share_of_rows_classes_and_trees():
    weights = np.arange(800.0)
    forest = BaggingClassifier(
        LogisticRegression(max_iter=5000), 6, bootstrap=False, random_state=0
    )
    order = np.argsort(CODES)
    grower = ForestGrower(forest, strategy="partition", n_partitions=3, n_tasks=3)
    grower.launch(X[order], Y[order]).wait()
    parts = grower._growth.forests()
    assert [len(part) for part in parts] == [2, 2, 2]
    assert sorted(part._n_samples for part in parts) == [266, 267, 267]
    assert all(part.classes_.tolist() == sorted(set(Y)) for part in parts)
    trees = grown(
        ExtraTreesRegressor(3, random_state=0, min_samples_leaf=1),
        y=weights,
        sample_weight=np.ones(800),
        strategy="partition",
        n_partitions=3,
    )
    counts = [tree.tree_.n_node_samples[0] for tree in trees]
    assert sorted(counts) == [266, 267, 267]
    known = np.array([tree.predict(X) == weights for tree in trees])
    assert (known.sum(axis=0) >= 1).all()  # no row is lost


def test_partitions_that_lack_classes_are_aligned():
    rare = np.where(np.arange(800) < 2, "zebra", Y)
    ours = grown(
        RandomForestClassifier(8, bootstrap=False, random_state=0),
        y=rare,
        strategy="partition",
        n_partitions=4,
    )
    assert ours.classes_.tolist() == ["ant", "bee", "cat", "dog", "zebra"]
    np.testing.assert_allclose(ours.predict_proba(X).sum(axis=1), 1)
    # Half of the trees have seen one.
    assert 0.2 < ours.predict_proba(X[:2])[:, -1].min() < 0.8


def test_a_weight_of_a_class_that_partitions_lack():
    rare = np.where(np.arange(800) < 2, "zebra", Y)
    forest = RandomForestClassifier(8, class_weight={"zebra": 9}, random_state=0)
    ours = grown(forest, y=rare, strategy="partition", n_partitions=4)
    assert ours.class_weight == {"zebra": 9}
    forest.set_params(class_weight={"unicorn": 9})
    with pytest.raises(ValueError, match="are not in class_weight"):
        grown(forest, y=rare, strategy="partition", n_partitions=4)


@pytest.mark.parametrize("n_tasks", [None, 5, 16])
def test_every_partition_grows_as_many_trees(n_tasks):
    forest = ExtraTreesRegressor(16, bootstrap=False, random_state=0)
    parameters = {"strategy": "partition", "n_partitions": 3, "n_tasks": n_tasks}
    ours = grown(forest, y=np.arange(800.0), **parameters)
    means = [tree.tree_.value[0].item() for tree in ours]  # one for each partition
    assert sorted(np.unique(np.round(means, 6), return_counts=True)[1]) == [5, 5, 6]


def test_isolation_forests_of_small_partitions_agree_on_their_rows():
    forest = IsolationForest(n_estimators=6, random_state=0)
    ours = grown(forest, X[:401], None, strategy="partition", n_partitions=4)
    assert ours.max_samples_ == 100
    assert ours.max_samples == "auto"
    assert (ours.predict(X) == 1).mean() > 0.5
    forest.set_params(max_samples=200)
    grower = ForestGrower(forest, strategy="partition", n_partitions=4).launch(X[:401])
    with pytest.raises(ValueError, match=r"at most the number of rows .* 100, got 200"):
        grower.wait()


@pytest.mark.parametrize("strategy", ["replicate", "partition"])
def test_sparse_rows_weights_and_frames(strategy):
    n_partitions = 2 if strategy == "partition" else None
    parameters = {"strategy": strategy, "n_partitions": n_partitions, "random_state": 1}
    weights = (np.arange(800) % 2).astype(float)
    expected = answer(grown(FOREST, sample_weight=weights, **parameters))
    for kind in (sp.csr_matrix, sp.csc_array, list):
        rows = X.tolist() if kind is list else kind(X)
        ours = answer(grown(FOREST, rows, list(Y), weights, **parameters))
        np.testing.assert_array_equal(ours, expected)
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdefghij"))
    ours = grown(FOREST, frame, pd.Series(Y), weights, **parameters)
    assert ours.feature_names_in_.tolist() == list("abcdefghij")
    np.testing.assert_array_equal(ours.predict_proba(frame), expected)


def test_many_outputs():
    both = np.column_stack([Y, np.where(X[:, 0] > 0, "hot", "ice")])
    ours = grown(FOREST, y=both, strategy="partition", n_partitions=3)
    assert [list(one) for one in ours.classes_] == [sorted(set(Y)), ["hot", "ice"]]
    assert (ours.predict(X)[:, 1] == both[:, 1]).mean() > 0.9


def test_pipelines_learn_their_first_steps_from_all_rows():
    texts = [f"{name} {name}s word{number}" for number, name in enumerate(Y)]
    model = make_pipeline(CountVectorizer(), RandomForestClassifier(6, random_state=0))
    ours = grown(model, texts, strategy="partition", n_partitions=3)
    assert len(ours[0].vocabulary_) == 808
    assert ours.score(texts, Y) == 1.0
    assert not hasattr(model[0], "vocabulary_")
    alone = make_pipeline(RandomForestClassifier(2, random_state=0))
    assert grown(alone).score(X, Y) > 0.7


def test_pipelines_are_fitted_in_the_configuration_of_the_caller():
    pytest.importorskip("pandas")
    model = make_pipeline(StandardScaler(), RandomForestClassifier(2, random_state=0))
    with config_context(transform_output="pandas"):
        names = grown(model)[-1].feature_names_in_
    assert names.tolist() == [f"x{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("forest", "parameters", "message"),
    [
        (AdaBoostClassifier(), {}, "got AdaBoostClassifier: every tree"),
        (LogisticRegression(), {}, "forest must be one of .* got LogisticRegression"),
        (make_pipeline(StandardScaler(), LogisticRegression()), {}, "forest must be"),
        (make_pipeline(StandardScaler(), "passthrough"), {}, "forest must be"),
        (IsolationForest(contamination=0.1), {}, r"contamination=0\.1 is a share"),
        (RandomForestClassifier(oob_score=True), {}, "oob_score=True is not possible"),
        (FOREST, {"strategy": "split"}, "strategy must be .* got 'split'"),
        (FOREST, {"strategy": "partition"}, "n_partitions must be given .* None"),
        (FOREST, {"n_partitions": 2}, "n_partitions must be given .* got 2"),
        (FOREST, {"n_tasks": 0}, "n_tasks must be an integer from 1 to 10, got 0"),
        (FOREST, {"n_tasks": 11}, "n_tasks must be an integer from 1 to 10, got 11"),
        (FOREST, {"n_tasks": True}, "n_tasks must be an integer"),
        (FOREST, {"strategy": "partition", "n_partitions": 11}, "from 1 to 10, got 11"),
        (
            FOREST,
            {"strategy": "partition", "n_partitions": 3, "n_tasks": 2},
            "n_tasks must be an integer from 3 to 10, got 2",
        ),
        (RandomForestClassifier(0), {}, "n_estimators of the forest .* at least 1"),
    ],
)
def test_what_cannot_grow_is_refused_at_once(forest, parameters, message):
    with pytest.raises(ValueError, match=message):
        ForestGrower(forest, **parameters)


def test_rows_that_do_not_fit_are_refused_at_once():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ForestGrower(FOREST).launch(X, Y[:5])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        ForestGrower(FOREST).launch(X[:0], Y[:0]).wait()
    grower = ForestGrower(FOREST, strategy="partition", n_partitions=5)
    with pytest.raises(ValueError, match="at most the number of rows, 3, got 5"):
        grower.launch(X[:3], Y[:3])
    assert grower.report().state == "not launched"
