"""Decide whether a model file may be loaded, before anything of it is built.

skops trusts every estimator of scikit-learn and more. A model of shardfit needs a
handful of types, none of which can call, import or open anything that its file
names; here only those pass, and only in files that cannot swell in memory.
"""

from __future__ import annotations

import json
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline

__all__ = ["ModelFileError", "audit", "check_pipeline"]

_SCHEMA = "schema.json"
_MAX_SCHEMA_BYTES = 2**26
_MAX_DEPTH = 64

_SGD = "sklearn.linear_model._sgd_fast"
_LOSS = "sklearn._loss._loss"

# What each kind of node of the skops format may stand for: (module, class).
_ALLOWED = {
    "ObjectNode": {
        ("sklearn.pipeline", "Pipeline"),
        ("sklearn.feature_extraction.text", "HashingVectorizer"),
        ("sklearn.linear_model._stochastic_gradient", "SGDClassifier"),
    },
    "LossNode": {
        (_SGD, "Hinge"),
        (_SGD, "SquaredHinge"),
        (_SGD, "ModifiedHuber"),
        (_LOSS, "CyHalfBinomialLoss"),
        ("_loss", "CyHalfBinomialLoss"),  # its name before scikit-learn 1.7
    },
    "NdArrayNode": {
        ("numpy", name)
        for name in ("ndarray", "float32", "float64", "int32", "int64", "bool")
    },
    "TypeNode": {
        ("builtins", "str"),
        ("builtins", "int"),
        ("numpy", "float32"),
        ("numpy", "float64"),
    },
    "JsonNode": {("builtins", "str")},
    "DictNode": {("builtins", "dict")},
    "ListNode": {("builtins", "list")},
    "TupleNode": {("builtins", "tuple")},
}


class ModelFileError(ValueError):
    """A model file that is damaged or foreign, or a model that no file may hold."""


def audit(archive: ZipFile, *, n_bytes: int) -> None:
    """Refuse a model file that holds, or would become, more than a model needs.

    Parameters
    ----------
    archive : ZipFile
        The file, open.
    n_bytes : int
        Its size.

    Raises
    ------
    ModelFileError
        If it is compressed, lists more bytes than it has, or holds a type that a
        model does not need. The message names it.
    KeyError, ValueError, zipfile.BadZipFile, RecursionError
        If it is damaged.
    """
    members = archive.infolist()
    # skops does not compress, so an honest file holds what it lists: nothing in it
    # can unfold, and no two members can share their bytes.
    if any(member.compress_type != ZIP_STORED for member in members):
        raise ModelFileError("it is compressed, which model files are not")
    if sum(member.file_size for member in members) > n_bytes:
        raise ModelFileError("it lists more bytes than it has")
    if _SCHEMA not in archive.namelist():
        raise ModelFileError(f"it is no skops file: it holds no {_SCHEMA}")
    if archive.getinfo(_SCHEMA).file_size > _MAX_SCHEMA_BYTES:
        raise ModelFileError(f"its {_SCHEMA} is larger than {_MAX_SCHEMA_BYTES} bytes")
    _audit_schema(json.loads(archive.read(_SCHEMA)))


def _audit_schema(schema: Any) -> None:
    """Look at every node of the tree, however it is nested."""
    array_owners: dict[str, Any] = {}
    waiting: list[tuple[Any, int]] = [(schema, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ModelFileError(f"it is nested more than {_MAX_DEPTH} deep")
        if isinstance(value, dict):
            if "__loader__" in value:
                _audit_node(value, array_owners)
            waiting += [(child, depth + 1) for child in value.values()]
        elif isinstance(value, list):
            waiting += [(child, depth + 1) for child in value]


def _audit_node(node: dict[str, Any], array_owners: dict[str, Any]) -> None:
    loader = node["__loader__"]
    name = (node["__module__"], node["__class__"])
    if name not in _ALLOWED.get(loader, ()):
        raise ModelFileError(
            f"it holds {'.'.join(map(str, name))} ({loader}), which is not among the "
            "types that a model file may hold"
        )
    # One array listed by many nodes would be read as many times.
    if "file" in node:
        identity = node.get("__id__")
        if array_owners.setdefault(node["file"], identity) != identity:
            raise ModelFileError(f"it uses the array {node['file']} more than once")


def check_pipeline(pipeline: object) -> None:
    """Refuse anything but a fitted HashingVectorizer, then an SGDClassifier.

    Parameters
    ----------
    pipeline : object
        What a file holds, or is to hold.

    Raises
    ------
    ModelFileError
        If it is another kind of object, or its parts do not fit together.
    """
    steps = pipeline.steps if isinstance(pipeline, Pipeline) else []
    if not (
        len(steps) == 2
        and isinstance(steps[0][1], HashingVectorizer)
        and isinstance(steps[1][1], SGDClassifier)
    ):
        raise ModelFileError(
            f"it holds {_kind_of(pipeline)}, not a Pipeline of a HashingVectorizer "
            "and an SGDClassifier"
        )
    vectorizer, classifier = steps[0][1], steps[1][1]
    if vectorizer.input != "content":
        # The texts would be names of files, which predicting would then open.
        raise ModelFileError(f"its vectorizer reads a {vectorizer.input}, not text")
    for part in (pipeline, vectorizer, classifier):
        hidden = [n for n in vars(part) if callable(getattr(type(part), n, None))]
        if hidden:
            raise ModelFileError(f"it hides the method {hidden[0]!r} behind a value")
    if not hasattr(classifier, "coef_"):
        raise ModelFileError("its classifier is not fitted")
    # What a parameter may be, scikit-learn says: no dict in the place of a function.
    vectorizer._validate_params()
    classifier._validate_params()
    _check_shapes(vectorizer, classifier)


def _check_shapes(vectorizer: HashingVectorizer, classifier: SGDClassifier) -> None:
    coef, intercept = np.asarray(classifier.coef_), np.asarray(classifier.intercept_)
    n_classes = len(classifier.classes_)
    n_rows = 1 if n_classes == 2 else n_classes
    expected = (n_rows, vectorizer.n_features)
    if n_classes < 2 or coef.shape != expected or intercept.shape != (n_rows,):
        raise ModelFileError(
            f"its coefficients have shape {coef.shape}, its {n_classes} classes and "
            f"{vectorizer.n_features} features need {expected}"
        )


def _kind_of(value: object) -> str:
    if isinstance(value, Pipeline):
        kinds = (type(step).__name__ for _, step in value.steps)
        return f"a Pipeline of {', '.join(kinds)}"
    return f"an object of type {type(value).__name__}"
