"""Fitted trees that answer for more classes than they saw, or count for more than one.

The values of a tree's leaves are class fractions or means, and a forest adds them up
as they are. So columns of zeros make a tree one of more classes, and a factor gives it
another weight; its nodes stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree._tree import Tree

__all__ = ["aligned_tree", "is_same_tree", "leaves_of", "scaled_tree", "weight_of"]


def aligned_tree(
    tree: Any, positions: Sequence[NDArray[np.intp]], n_classes: Sequence[int]
) -> Any:
    """Return a copy of a classification tree that knows more classes.

    Parameters
    ----------
    tree : DecisionTreeClassifier or ExtraTreeClassifier
        A fitted member of a forest.
    positions : sequence of ndarray of shape (n_own_classes,), one per output
        Which of the new classes each of its own is, in ascending order.
    n_classes : sequence of int, one per output
        Number of new classes.

    Returns
    -------
    DecisionTreeClassifier or ExtraTreeClassifier
        Its classes are numbers, as those of all members of forests.
    """
    old = tree.tree_
    state = old.__getstate__()
    values = np.zeros((old.node_count, old.n_outputs, max(n_classes)))
    for output, places in enumerate(positions):
        values[:, output, places] = state["values"][:, output, : len(places)]
    sizes = np.array(n_classes, dtype=np.intp)
    wider = Tree(old.n_features, sizes, old.n_outputs)
    wider.__setstate__({**state, "values": values})
    aligned = copy(tree)
    aligned.tree_ = wider
    classes = [np.arange(size, dtype=np.float64) for size in n_classes]
    is_single = old.n_outputs == 1
    aligned.classes_ = classes[0] if is_single else classes
    aligned.n_classes_ = sizes[0] if is_single else sizes
    return aligned


def scaled_tree(tree: Any, factor: float) -> Any:
    """Return a copy of a tree whose values are those of the tree times a factor.

    Parameters
    ----------
    tree : fitted tree
    factor : float

    Returns
    -------
    tree
        It knows its weight, which `weight_of` returns.
    """
    scaled = copy(tree)
    scaled.tree_ = deepcopy(tree.tree_)
    scaled.tree_.value[...] *= factor
    scaled.weight_ = weight_of(tree) * factor
    return scaled


def weight_of(tree: Any) -> float:
    """Return the factor that the values of a tree have been scaled by."""
    return float(getattr(tree, "weight_", 1.0))


def leaves_of(tree: Any) -> NDArray[np.intp]:
    """Return the numbers of the leaves of a tree, as its `apply` names them."""
    return np.flatnonzero(tree.tree_.children_left == -1)


def is_same_tree(one: Any, other: Any) -> bool:
    """Tell whether two trees split alike, and at all."""
    ours, theirs = one.tree_, other.tree_
    return bool(
        1 < ours.node_count == theirs.node_count
        and np.array_equal(ours.feature, theirs.feature)
        and np.array_equal(ours.threshold, theirs.threshold)
    )
