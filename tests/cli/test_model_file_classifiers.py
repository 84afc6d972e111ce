"""Model files of every classifier: what is loaded is sound, or refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from shardfit.cli.model_file import ModelFileError, load_model, save_model
from tests.cli.conftest import ROWS

TEXTS, LABELS = (list(column) for column in zip(*ROWS, strict=True))
Schema = dict[str, Any]
Members = dict[str, bytes]


def fitted(classifier: Any) -> Pipeline:
    """Return a pipeline with an idf step, fitted on the weather."""
    steps = [
        ("vectorizer", HashingVectorizer(n_features=64, alternate_sign=False)),
        ("tfidf", TfidfTransformer()),
        ("classifier", classifier),
    ]
    return Pipeline(steps).fit(TEXTS, LABELS)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves a pipeline and changes the file."""

    def change(
        classifier: Any, edit: Callable[[Schema, Members], None] = lambda *_: None
    ) -> Path:
        path = tmp_path / "m.skops"
        save_model(fitted(classifier), path, text=["text"], label="label")
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        schema = json.loads(members.pop("schema.json"))
        edit(schema, members)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("schema.json", json.dumps(schema))
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return change


def nodes(value: Any, loader: str) -> list[dict[str, Any]]:
    """Return the nodes of a kind, in the order in which they stand."""
    found = []
    if isinstance(value, dict):
        if value.get("__loader__") == loader:
            found.append(value)
        for child in value.values():
            found += nodes(child, loader)
    elif isinstance(value, list):
        for child in value:
            found += nodes(child, loader)
    return found


def attributes(schema: Schema, name: str) -> dict[str, Any]:
    """Return the attributes of the first object of a class."""
    (node, *_) = [n for n in nodes(schema, "ObjectNode") if n["__class__"] == name]
    content: dict[str, Any] = node["content"]["content"]
    return content


def array_of(members: Members, node: dict[str, Any]) -> Any:
    return np.load(io.BytesIO(members[node["file"]]))


def replace(members: Members, node: dict[str, Any], array: Any) -> None:
    content = io.BytesIO()
    np.save(content, array)
    members[node["file"]] = content.getvalue()


def refuse(path: Path, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


@pytest.mark.parametrize(
    "classifier",
    [
        LogisticRegression(class_weight={"good": 2.0, "bad": 1, "so, so": 1}),
        RidgeClassifier(),
        MultinomialNB(),
        RandomForestClassifier(3, random_state=0, max_leaf_nodes=4),
        KNeighborsClassifier(2),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_round_trip(write: Callable[..., Path], classifier: Any) -> None:
    pipeline = fitted(classifier)
    loaded = load_model(write(classifier)).pipeline
    assert loaded[-1].get_params() == classifier.get_params()
    np.testing.assert_array_equal(loaded[1].idf_, pipeline[1].idf_)
    method = "decision_function" if hasattr(loaded, "decision_function") else None
    method = method or "predict_proba"
    np.testing.assert_array_equal(
        getattr(loaded, method)(TEXTS), getattr(pipeline, method)(TEXTS)
    )


def test_what_cannot_be_checked_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    with pytest.raises(ModelFileError, match="BaggingClassifier, not a Pipeline of"):
        save_model(fitted(BaggingClassifier()), path, text=["a"], label="b")
    assert not path.exists()


def test_weights_of_another_number_of_terms(write: Callable[..., Path]) -> None:
    def shorten(schema: Schema, members: Members) -> None:
        replace(members, attributes(schema, "TfidfTransformer")["idf_"], np.ones(63))

    refuse(write(MultinomialNB(), shorten), r"idf_ of its TfidfTransformer .*\(63,\)")


def test_no_weights_of_terms(write: Callable[..., Path]) -> None:
    def drop(schema: Schema, members: Members) -> None:
        del attributes(schema, "TfidfTransformer")["idf_"]

    refuse(write(MultinomialNB(), drop), "idf_ of its TfidfTransformer|damaged")


@pytest.mark.parametrize("name", ["feature_log_prob_", "class_log_prior_"])
def test_tables_that_do_not_fit(write: Callable[..., Path], name: str) -> None:
    def cut(schema: Schema, members: Members) -> None:
        node = attributes(schema, "MultinomialNB")[name]
        replace(members, node, array_of(members, node)[:-1])

    refuse(write(MultinomialNB(), cut), f"{name} of its MultinomialNB")


def test_arrays_of_objects(write: Callable[..., Path]) -> None:
    def turn(schema: Schema, members: Members) -> None:
        node = attributes(schema, "MultinomialNB")["classes_"]
        node.update(type="json", content=[], shape=None)

    refuse(write(MultinomialNB(), turn), "array of objects")


def test_two_objects_of_one_number(write: Callable[..., Path]) -> None:
    # The second would be taken for the first one, which other checks did not see.
    def confuse(schema: Schema, members: Members) -> None:
        first, second, *_ = nodes(schema, "NdArrayNode")
        second["__id__"] = first["__id__"]
        second["file"] = first["file"]
        second["__class__"] = "float64"

    refuse(write(MultinomialNB(), confuse), "two objects of the number")


def break_nodes(
    field: str, value: int, where: str
) -> Callable[[Schema, Members], None]:
    """Return an edit of the nodes of the first tree: its inner ones, or its leaves."""

    def edit(schema: Schema, members: Members) -> None:
        tree = nodes(schema, "TreeNode")[0]["content"]["content"]
        array = array_of(members, tree["nodes"])
        is_leaf = array["left_child"] == -1
        array[field][is_leaf if where == "leaf" else ~is_leaf] = value
        replace(members, tree["nodes"], array)

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (break_nodes("left_child", 10**9, "inner"), "leads out of its nodes"),
        (break_nodes("right_child", 10**9, "inner"), "leads out of its nodes"),
        (break_nodes("right_child", -7, "inner"), "leads out of its nodes"),
        (break_nodes("right_child", 0, "inner"), "leads out of its nodes"),
        (break_nodes("left_child", 0, "inner"), "leads out of its nodes"),
        (break_nodes("left_child", -2, "leaf"), "leads out of its nodes"),
        (break_nodes("feature", 64, "inner"), "features beyond the 64"),
        (break_nodes("feature", -3, "inner"), "features beyond the 64"),
    ],
)
def test_trees_that_lead_astray(
    write: Callable[..., Path], edit: Callable[[Schema, Members], None], message: str
) -> None:
    refuse(write(RandomForestClassifier(2, random_state=0), edit), message)


def set_number(
    find: Callable[[Schema], dict[str, Any]], value: object
) -> Callable[[Schema, Members], None]:
    """Return an edit that puts a number of its own into a node."""

    def edit(schema: Schema, members: Members) -> None:
        node = find(schema)
        node["content"] = json.dumps(value)
        node["__id__"] = 1

    return edit


def argument(number: int) -> Callable[[Schema], dict[str, Any]]:
    def find(schema: Schema) -> dict[str, Any]:
        tree = nodes(schema, "TreeNode")[0]
        node: dict[str, Any] = tree["__reduce__"]["args"]["content"][number]
        return node

    return find


def count_of_nodes(schema: Schema) -> dict[str, Any]:
    node: dict[str, Any] = nodes(schema, "TreeNode")[0]["content"]["content"][
        "node_count"
    ]
    return node


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (set_number(argument(0), 63), "asks for features|has .features, outputs"),
        (set_number(argument(0), 10**9), "has .features, outputs, classes"),
        (set_number(argument(2), 10**7), "more than one output"),
        (set_number(argument(2), 0), "more than one output"),
        (set_number(argument(2), True), "in the place of a number"),
        (set_number(count_of_nodes, 10**6), "miscounts"),
        (set_number(count_of_nodes, -1), "miscounts"),
        (
            set_number(
                lambda schema: attributes(schema, "RandomForestClassifier")[
                    "n_outputs_"
                ],
                2,
            ),
            "more than one output",
        ),
    ],
)
def test_trees_that_lie_about_their_size(
    write: Callable[..., Path], edit: Callable[[Schema, Members], None], message: str
) -> None:
    refuse(write(RandomForestClassifier(2, random_state=0), edit), message)


def test_trees_without_nodes(write: Callable[..., Path]) -> None:
    def empty(schema: Schema, members: Members) -> None:
        tree = nodes(schema, "TreeNode")[0]["content"]["content"]
        for name in ("nodes", "values"):
            replace(members, tree[name], array_of(members, tree[name])[:0])
        set_number(count_of_nodes, 0)(schema, members)

    refuse(write(RandomForestClassifier(2), empty), "miscounts")


def test_trees_of_other_classes_than_their_forest(write: Callable[..., Path]) -> None:
    def narrow(schema: Schema, members: Members) -> None:
        tree = nodes(schema, "TreeNode")[0]
        replace(members, tree["__reduce__"]["args"]["content"][1], np.array([2]))
        values = tree["content"]["content"]["values"]
        replace(members, values, array_of(members, values)[:, :, :2])

    refuse(write(RandomForestClassifier(2), narrow), "has .features, outputs, classes")


def test_a_forest_of_something_else(write: Callable[..., Path]) -> None:
    def swap(schema: Schema, members: Members) -> None:
        trees = attributes(schema, "RandomForestClassifier")["estimators_"]["content"]
        (vectorizer,) = (
            node
            for node in nodes(schema, "ObjectNode")
            if node["__class__"] == "HashingVectorizer"
        )
        trees[1] = vectorizer

    refuse(write(RandomForestClassifier(2), swap), "has a HashingVectorizer in it")


def test_a_hidden_method_of_a_tree(write: Callable[..., Path]) -> None:
    def hide(schema: Schema, members: Members) -> None:
        tree = next(
            node
            for node in nodes(schema, "ObjectNode")
            if node["__class__"] == "DecisionTreeClassifier"
            and "tree_" in node["content"]["content"]
        )
        content = tree["content"]["content"]
        content["predict_proba"] = content.pop("criterion")

    refuse(write(RandomForestClassifier(2), hide), "hides the method 'predict_proba'")


def edit_rows(
    change: Callable[[dict[str, Any]], None], *, compressed: bool = False
) -> Callable[[Schema, Members], None]:
    """Return an edit of the arrays of the neighbors."""

    def edit(schema: Schema, members: Members) -> None:
        (node,) = nodes(schema, "SparseMatrixNode")
        with np.load(io.BytesIO(members[node["file"]])) as rows:
            arrays = dict(rows)
        change(arrays)
        content = io.BytesIO()
        (np.savez_compressed if compressed else np.savez)(content, **arrays)
        members[node["file"]] = content.getvalue()

    return edit


def put(name: str, position: int, value: int) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name][position] = value

    return change


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_rows(put("indices", 0, 64)), "a damaged one"),
        (edit_rows(put("indices", 5, -1)), "a damaged one"),
        (edit_rows(put("indptr", 1, 10**6)), "a damaged one"),
        (edit_rows(put("indptr", -1, 10**6)), "a damaged one"),
        (edit_rows(put("indptr", 0, 1)), "a damaged one"),
        (edit_rows(put("shape", 1, 32)), "a damaged one"),
        (edit_rows(put("shape", 1, 128)), "its neighbors have the shape"),
        (edit_rows(lambda arrays: arrays.update(format="csc")), "a damaged one"),
        (edit_rows(lambda arrays: arrays.update(more=1)), "no sparse matrix of rows"),
        (edit_rows(lambda arrays: None, compressed=True), "compressed rows"),
    ],
)
def test_neighbors_that_lead_astray(
    write: Callable[..., Path], edit: Callable[[Schema, Members], None], message: str
) -> None:
    refuse(write(KNeighborsClassifier(2), edit), message)


@pytest.mark.parametrize("code", [-1, 3, 10**9])
def test_neighbors_of_no_class(write: Callable[..., Path], code: int) -> None:
    def change(schema: Schema, members: Members) -> None:
        node = attributes(schema, "KNeighborsClassifier")["_y"]
        codes = array_of(members, node)
        codes[3] = code
        replace(members, node, codes)

    refuse(write(KNeighborsClassifier(2), change), "classes that it does not know")


@pytest.mark.parametrize("classifier", [RandomForestClassifier(3, random_state=0)])
def test_changed_bytes_load_a_sound_model_or_none(
    write: Callable[..., Path], classifier: Any
) -> None:
    path = write(classifier)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            saved = load_model(path)
        except ModelFileError:
            continue
        assert len(saved.pipeline.predict(TEXTS)) == len(TEXTS)


def test_skops_alone_loads_it_when_told_what_to_trust(
    write: Callable[..., Path],
) -> None:
    path = write(KNeighborsClassifier(2))
    untrusted = skops.io.get_untrusted_types(file=path)
    loaded = skops.io.load(path, trusted=untrusted)
    expected = fitted(KNeighborsClassifier(2)).predict(TEXTS)
    assert loaded.predict(TEXTS).tolist() == expected.tolist()
