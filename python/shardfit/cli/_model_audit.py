"""Decide whether a model file may be loaded, before anything of it is built.

skops trusts every estimator of scikit-learn and more. A model of shardfit needs a
handful of types, none of which can call, import or open anything that its file
names; here only those pass, and only in files that cannot swell in memory.
"""

from __future__ import annotations

import json
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from shardfit.cli._model_arrays import check_sparse_rows, check_tree
from shardfit.cli._model_error import ModelFileError
from shardfit.cli._model_types import MODULES

__all__ = ["audit"]

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
        ("sklearn.feature_extraction.text", "TfidfTransformer"),
        ("sklearn.preprocessing._label", "LabelBinarizer"),
        ("sklearn.tree._classes", "DecisionTreeClassifier"),
        ("sklearn.tree._classes", "ExtraTreeClassifier"),
    }
    | {(module, name) for name, module in MODULES.items()},
    "TreeNode": {("sklearn.tree._tree", "Tree")},
    "SparseMatrixNode": {("scipy.sparse._csr", "csr_matrix")},
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
        ("builtins", "bool"),
        ("numpy", "float32"),
        ("numpy", "float64"),
    },
    "JsonNode": {("builtins", "str")},
    "DictNode": {("builtins", "dict")},
    "ListNode": {("builtins", "list")},
    "TupleNode": {("builtins", "tuple")},
}


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
    _Schema(archive).audit(json.loads(archive.read(_SCHEMA)))


class _Schema:
    """What the nodes of a file say, looked at one by one."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._owners: dict[str, Any] = {}
        self._nodes: dict[Any, dict[str, Any]] = {}

    def audit(self, schema: Any) -> None:
        """Look at every node of the tree, however it is nested."""
        waiting: list[tuple[Any, int]] = [(schema, 0)]
        while waiting:
            value, depth = waiting.pop()
            if depth > _MAX_DEPTH:
                raise ModelFileError(f"it is nested more than {_MAX_DEPTH} deep")
            if isinstance(value, dict):
                if "__loader__" in value:
                    self._audit_node(value)
                waiting += [(child, depth + 1) for child in value.values()]
            elif isinstance(value, list):
                waiting += [(child, depth + 1) for child in value]

    def _audit_node(self, node: dict[str, Any]) -> None:
        loader = node["__loader__"]
        name = (node["__module__"], node["__class__"])
        if name not in _ALLOWED.get(loader, ()):
            raise ModelFileError(
                f"it holds {'.'.join(map(str, name))} ({loader}), which is not among "
                "the types that a model file may hold"
            )
        self._check_identity(node)
        if loader == "NdArrayNode" and node["type"] != "numpy":
            raise ModelFileError("it holds an array of objects")
        # Native code follows the numbers of these wherever they lead.
        if loader == "TreeNode":
            check_tree(node, self._archive)
        elif loader == "SparseMatrixNode":
            check_sparse_rows(node, self._archive)

    def _check_identity(self, node: dict[str, Any]) -> None:
        """Refuse nodes that could be read as others than those that were looked at."""
        identity = node.get("__id__")
        file = node.get("file")
        # One array listed by many nodes would be read as many times.
        if file is not None and self._owners.setdefault(file, identity) != identity:
            raise ModelFileError(f"it uses the array {file} more than once")
        # skops takes nodes of one number for one object, and reads the first only.
        if identity is not None:
            first = self._nodes.setdefault(identity, node)
            if first is not node and not _say_the_same(first, node):
                raise ModelFileError(f"it has two objects of the number {identity}")


def _say_the_same(one: Any, other: Any) -> bool:
    """Compare nodes in all but numbers, which differ inside of equal nodes."""
    waiting = [(one, other)]
    while waiting:
        first, second = waiting.pop()
        if isinstance(first, dict) and isinstance(second, dict):
            if first.keys() != second.keys():
                return False
            waiting += [(first[k], second[k]) for k in first if k != "__id__"]
        elif isinstance(first, list) and isinstance(second, list):
            if len(first) != len(second):
                return False
            waiting += zip(first, second, strict=True)
        elif type(first) is not type(second) or first != second:
            return False
    return True
