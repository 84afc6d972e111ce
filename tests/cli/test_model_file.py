"""Model files load as they were saved, and nothing else loads at all."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from shardfit.cli.model_file import ModelFileError, load_model, save_model

TEXTS = ["sunny day", "storm at night", "cloud"]
LOSSES = ["hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron"]


class Canary:
    """Creates a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


class Named(SGDClassifier):
    """Has the name of an estimator of scikit-learn, and may do anything."""


Named.__name__ = "SGDClassifier"


@pytest.fixture
def rewrite(model: Path) -> Callable[..., Path]:
    """Return a function that changes members of the model file."""

    def change(
        edit: Callable[[dict[str, Any]], None] = lambda schema: None,
        compression: int = zipfile.ZIP_STORED,
        card: dict[str, Any] | None = None,
    ) -> Path:
        with zipfile.ZipFile(model) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        schema = json.loads(members["schema.json"])
        edit(schema)
        members["schema.json"] = json.dumps(schema).encode()
        if card is not None:
            members["shardfit.json"] = json.dumps(card).encode()
        with zipfile.ZipFile(model, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return model

    return change


def step(schema: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the attributes of a step of the pipeline in a schema."""
    steps = schema["content"]["content"]["steps"]["content"]
    attributes: dict[str, Any] = steps[number]["content"][1]["content"]["content"]
    return attributes


def json_node(value: object) -> dict[str, Any]:
    """Return the node of a value that JSON holds."""
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def test_round_trip(model: Path, pipeline: Pipeline) -> None:
    saved = load_model(model)
    assert (saved.text, saved.label, saved.label_type) == (("text",), "label", "string")
    assert saved.versions["scikit-learn"]
    assert type(saved.pipeline[0]) is HashingVectorizer
    np.testing.assert_array_equal(saved.pipeline[-1].coef_, pipeline[-1].coef_)
    assert saved.pipeline.predict(TEXTS).tolist() == pipeline.predict(TEXTS).tolist()


def test_skops_alone_loads_a_plain_pipeline(model: Path, pipeline: Pipeline) -> None:
    plain = skops.io.load(model)
    assert plain.predict(TEXTS).tolist() == pipeline.predict(TEXTS).tolist()
    assert skops.io.get_untrusted_types(file=model) == []


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "labels", [["a", "b", "c"], [1, 2, 1], [True, False, True]], ids=["str", "int", "b"]
)
def test_every_loss_and_type_of_label(
    tmp_path: Path, loss: str, labels: list[Any]
) -> None:
    classifier = SGDClassifier(loss=loss, random_state=0)
    fitted = make_pipeline(HashingVectorizer(n_features=64), classifier)
    fitted.fit(TEXTS, labels)
    path = tmp_path / "m.skops"
    save_model(fitted, path, text=["a", "b"], label="c", training={"rows": 3})
    saved = load_model(path)
    assert saved.training == {"rows": 3}
    assert saved.pipeline.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()


def test_a_file_saved_again_by_skops_still_loads(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    path = tmp_path / "again.skops"
    skops.io.dump(pipeline, path)
    saved = load_model(path)
    assert (saved.text, saved.label, saved.label_type) == ((), None, None)


def test_text_of_the_card_is_readable(model: Path) -> None:
    with zipfile.ZipFile(model) as archive:
        card = json.loads(archive.read("shardfit.json"))
    assert card["format"] == 1
    assert card["text"] == ["text"]


@pytest.mark.parametrize(
    ("model_of_another_kind", "message"),
    [
        (SGDClassifier(), "Pipeline"),
        (make_pipeline(CountVectorizer(), SGDClassifier()), "CountVectorizer"),
        (make_pipeline(HashingVectorizer(), SVC()), "SVC"),
        (make_pipeline(HashingVectorizer(), Named()), "SGDClassifier"),
        (make_pipeline(HashingVectorizer(), SGDClassifier()), "not fitted"),
    ],
    ids=["no pipeline", "vectorizer", "classifier", "same name", "not fitted"],
)
def test_other_models_are_not_saved(
    tmp_path: Path, model_of_another_kind: Any, message: str
) -> None:
    path = tmp_path / "m.skops"
    with pytest.raises(ModelFileError, match=message):
        save_model(model_of_another_kind, path, text=["a"], label="b")
    assert list(tmp_path.iterdir()) == []


def test_a_function_is_not_saved(tmp_path: Path) -> None:
    vectorizer = HashingVectorizer(n_features=64, analyzer=str.split)
    fitted = make_pipeline(vectorizer, SGDClassifier()).fit(TEXTS, ["a", "b", "c"])
    path = tmp_path / "m.skops"
    with pytest.raises(ModelFileError, match="method_descriptor"):
        save_model(fitted, path, text=["a"], label="b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"PK\x03\x04 but no zip", bytes(1000)],
    ids=["empty", "text", "magic", "zeros"],
)
def test_foreign_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.skops"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"m\.skops: not a model file"):
        load_model(path)


def test_pickle_is_never_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "m.skops"
    path.write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(ModelFileError):
        load_model(path)
    assert not canary.exists()


def test_pickled_array_is_never_run(
    tmp_path: Path, rewrite: Callable[..., Path], model: Path
) -> None:
    canary = tmp_path / "canary"
    array = io.BytesIO()
    np.save(array, np.array([Canary(canary)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(model) as archive:
        schema = json.loads(archive.read("schema.json"))
    name = step(schema, 1)["coef_"]["file"]
    with zipfile.ZipFile(model) as archive:
        members = {item: archive.read(item) for item in archive.namelist()}
    members[name] = array.getvalue()
    with zipfile.ZipFile(model, "w") as archive:
        for item, content in members.items():
            archive.writestr(item, content)
    with pytest.raises(ModelFileError, match="model file"):
        load_model(model)
    assert not canary.exists()


@pytest.mark.parametrize(
    "node",
    [
        {"__loader__": "FunctionNode", "__module__": "os", "__class__": "system"},
        {"__loader__": "FunctionNode", "__module__": "numpy", "__class__": "add"},
        {"__loader__": "TypeNode", "__module__": "subprocess", "__class__": "Popen"},
        {
            "__loader__": "OperatorFuncNode",
            "__module__": "operator",
            "__class__": "methodcaller",
            "attrs": json_node(["x"]),
        },
        {
            "__loader__": "ObjectNode",
            "__module__": "sklearn.preprocessing._function_transformer",
            "__class__": "FunctionTransformer",
            "content": None,
        },
        {
            "__loader__": "ObjectNode",
            "__module__": "sklearn.pipeline",
            "__class__": "os.system",
        },
        {"__loader__": "ListNode", "__module__": "os", "__class__": "system"},
        {"__loader__": "JsonNode", "__module__": "os", "__class__": "system"},
        {"__loader__": ["x"], "__module__": "os", "__class__": "system"},
        {"__loader__": "NewNode"},
    ],
)
def test_any_other_type_is_refused(
    rewrite: Callable[..., Path], node: dict[str, Any]
) -> None:
    def add(schema: dict[str, Any]) -> None:
        step(schema, 0)["tokenizer"] = node

    path = rewrite(add)
    with pytest.raises(ModelFileError, match=r"model\.skops: "):
        load_model(path)


def test_another_version_of_scikit_learn_warns_once(
    rewrite: Callable[..., Path],
) -> None:
    def age(schema: dict[str, Any]) -> None:
        for attributes in (step(schema, 0), step(schema, 1)):
            attributes["_sklearn_version"] = json_node("1.0.2")

    path = rewrite(age)
    with pytest.warns(UserWarning, match=r"with scikit-learn 1\.0\.2") as caught:
        load_model(path)
    assert len(caught) == 1


def test_files_of_another_kind_of_object(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    skops.io.dump({"a": [1, 2]}, path)
    with pytest.raises(ModelFileError, match="an object of type dict"):
        load_model(path)
    skops.io.dump(LogisticRegression(), path)
    with pytest.raises(ModelFileError, match="LogisticRegression"):
        load_model(path)


def test_texts_may_not_name_files_to_open(rewrite: Callable[..., Path]) -> None:
    path = rewrite(lambda schema: step(schema, 0).update(input=json_node("filename")))
    with pytest.raises(ModelFileError, match="reads a filename"):
        load_model(path)


def test_parts_that_do_not_fit_together(rewrite: Callable[..., Path]) -> None:
    path = rewrite(lambda schema: step(schema, 0).update(n_features=json_node(2048)))
    with pytest.raises(ModelFileError, match="2048 features"):
        load_model(path)


def test_a_method_cannot_be_overwritten(rewrite: Callable[..., Path]) -> None:
    def hide(schema: dict[str, Any]) -> None:
        attributes = step(schema, 1)
        attributes["predict"] = attributes.pop("verbose")

    with pytest.raises(ModelFileError, match="predict"):
        load_model(rewrite(hide))


def test_compressed_file_is_refused(rewrite: Callable[..., Path]) -> None:
    with pytest.raises(ModelFileError, match="compressed"):
        load_model(rewrite(compression=zipfile.ZIP_DEFLATED))


def test_nodes_cannot_share_one_array(rewrite: Callable[..., Path]) -> None:
    def share(schema: dict[str, Any]) -> None:
        attributes = step(schema, 1)
        attributes["coef_"]["file"] = attributes["intercept_"]["file"]

    with pytest.raises(ModelFileError, match="more than once"):
        load_model(rewrite(share))


def test_deep_nesting_is_refused(rewrite: Callable[..., Path]) -> None:
    def nest(schema: dict[str, Any]) -> None:
        node: Any = json_node(None)
        for _ in range(100):
            node = [node]
        step(schema, 0)["tokenizer"] = json_node(None) | {"content": node}

    with pytest.raises(ModelFileError, match="nested"):
        load_model(rewrite(nest))


def test_json_that_is_too_deep_to_parse(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "[" * 100_000)
    with pytest.raises(ModelFileError, match="not a model file"):
        load_model(path)


@pytest.mark.parametrize(
    "card",
    [
        {"format": 2},
        {"format": 1},
        {"format": 1, "text": "a", "label": "b", "label_type": None},
        {
            "format": 1,
            "text": ["a"],
            "label": "b",
            "label_type": "float",
            "versions": {},
            "training": {},
        },
    ],
)
def test_invalid_card(rewrite: Callable[..., Path], card: dict[str, Any]) -> None:
    with pytest.raises(ModelFileError, match=r"its shardfit\.json"):
        load_model(rewrite(card=card))


def test_every_truncation_is_refused(model: Path) -> None:
    whole = model.read_bytes()
    for size in range(0, len(whole), len(whole) // 50):
        model.write_bytes(whole[:size])
        with pytest.raises(ModelFileError):
            load_model(model)


def test_changed_bytes_load_the_same_model_or_none(
    model: Path, pipeline: Pipeline
) -> None:
    whole = model.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        model.write_bytes(changed)
        try:
            saved = load_model(model)
        except ModelFileError:
            continue
        assert (
            saved.pipeline.predict(TEXTS).tolist() == pipeline.predict(TEXTS).tolist()
        )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing.skops")
