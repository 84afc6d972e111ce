"""Arrays of a model file that native code follows blindly, looked at before that.

Trees jump from node to node, and sparse matrices from row to column, by numbers that
nobody checks later: a wrong one reads memory that is not theirs, or never ends.
"""

from __future__ import annotations

import io
import json
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray

from shardfit.cli._model_error import ModelFileError

__all__ = ["check_sparse_rows", "check_tree", "uncompressed"]

_LEAF = -1
_MEMBERS_OF_CSR = {f"{n}.npy" for n in ("data", "indices", "indptr", "shape", "format")}


def check_tree(node: dict[str, Any], archive: ZipFile) -> None:
    """Refuse a decision tree that leads out of its nodes or features, or in circles.

    Parameters
    ----------
    node : dict
        The node of the tree in the schema of a file.
    archive : ZipFile
        The file.
    """
    arguments = _content(node["__reduce__"]["args"], "TupleNode")
    state = _content(node["content"], "DictNode")
    n_features, n_outputs = _integer(arguments[0]), _integer(arguments[2])
    n_classes = _array(arguments[1], archive)
    nodes, values = _array(state["nodes"], archive), _array(state["values"], archive)
    if len(arguments) != 3 or n_outputs != 1 or n_classes.shape != (1,):
        raise ModelFileError("a tree of it has more than one output")
    n_nodes = len(nodes)
    expected = (n_nodes, 1, int(n_classes[0]))
    if not n_nodes or _integer(state["node_count"]) != n_nodes or nodes.ndim != 1:
        raise ModelFileError("a tree of it miscounts its nodes")
    if values.shape != expected:
        raise ModelFileError(
            f"the values of a tree have the shape {values.shape}, not {expected}"
        )
    _check_children(nodes, n_features)


def _check_children(nodes: NDArray[Any], n_features: int) -> None:
    left, right = nodes["left_child"], nodes["right_child"]
    is_leaf = left == _LEAF
    own = np.flatnonzero(~is_leaf)
    # Children come after their parents, so there is no way round in a circle.
    for child in (left[own], right[own]):
        if ((child <= own) | (child >= len(nodes))).any():
            raise ModelFileError("a tree of it leads out of its nodes")
    feature = nodes["feature"][own]
    if ((feature < 0) | (feature >= n_features)).any():
        raise ModelFileError(
            f"a tree of it asks for features beyond the {n_features} that it has"
        )


def check_sparse_rows(node: dict[str, Any], archive: ZipFile) -> None:
    """Refuse a sparse matrix that can unfold, or whose entries are out of its bounds.

    Parameters
    ----------
    node : dict
        The node of the matrix in the schema of a file.
    archive : ZipFile
        The file.
    """
    with ZipFile(io.BytesIO(archive.read(node["file"]))) as inner:
        members = inner.infolist()
        if any(member.compress_type != ZIP_STORED for member in members):
            raise ModelFileError(
                "it holds compressed rows; save the model with "
                "shardfit.cli.model_file.save_model"
            )
        n_bytes = sum(member.file_size for member in members)
        if n_bytes > archive.getinfo(node["file"]).file_size:
            raise ModelFileError("its rows list more bytes than they have")
        if {member.filename for member in members} != _MEMBERS_OF_CSR:
            raise ModelFileError("its rows are no sparse matrix of rows")
        arrays = {
            name: np.load(io.BytesIO(inner.read(f"{name}.npy")), allow_pickle=False)
            for name in ("indices", "indptr", "shape", "data", "format")
        }
    shape, indptr, indices = arrays["shape"], arrays["indptr"], arrays["indices"]
    is_csr = (
        arrays["format"].item() == b"csr"
        and shape.shape == (2,)
        and all(array.dtype.kind == "i" for array in (shape, indptr, indices))
        and arrays["data"].dtype in (np.float32, np.float64)
        and arrays["data"].shape == indices.shape == (indptr[-1],)
        and indptr.shape == (shape[0] + 1,)
        and indptr[0] == 0
        and (np.diff(indptr) >= 0).all()
        and ((indices >= 0) & (indices < shape[1])).all()
    )
    if not is_csr:
        raise ModelFileError("its rows are no sparse matrix of rows, or a damaged one")


def uncompressed(archive: bytes) -> bytes:
    """Return a zip file of the same members, stored as they are."""
    content = io.BytesIO()
    with ZipFile(io.BytesIO(archive)) as packed, ZipFile(content, "w") as plain:
        for member in packed.infolist():
            plain.writestr(member.filename, packed.read(member))
    return content.getvalue()


def _content(node: Any, loader: str) -> Any:
    if node["__loader__"] != loader:
        raise ModelFileError(f"a tree of it has a {node['__loader__']}, not {loader}")
    return node["content"]


def _integer(node: Any) -> int:
    value = json.loads(_content(node, "JsonNode"))
    if type(value) is not int:
        raise ModelFileError(f"a tree of it has {value!r} in the place of a number")
    return value


def _array(node: Any, archive: ZipFile) -> NDArray[Any]:
    _content_of = (node["__loader__"], node["__class__"])
    if _content_of != ("NdArrayNode", "ndarray"):
        raise ModelFileError(f"a tree of it has a {_content_of[0]}, not an array")
    array: NDArray[Any] = np.load(
        io.BytesIO(archive.read(node["file"])), allow_pickle=False
    )
    return array
