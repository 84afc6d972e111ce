"""Partitions of a sparse matrix with the columns only that they hold.

With features weighted by the rows that hold them, a partition has no say in a feature
that none of its rows hold. So its model needs no column for it: a thirtieth of a text
corpus has a fifth of its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shardfit.merging._linear import Columns
from shardfit.partitioned._parts import Part

__all__ = ["Narrowing", "narrow"]

_COEFFICIENTS = ("coef_", "_standard_coef", "_average_coef")


@dataclass(frozen=True)
class Narrowing:
    """Which features the partitions hold.

    Parameters
    ----------
    n_features : int
        Number of features of the rows.
    features : ndarray of shape (n_held,)
        Those that any partition holds.
    columns : Columns
        For each partition, which of these it holds, and in how many rows.
    """

    n_features: int
    features: NDArray[np.intp]
    columns: Columns

    def widen(self, model: Any) -> Any:
        """Give a linear model of the features that are held a column for every one.

        Parameters
        ----------
        model : estimator
            Changed in place.

        Returns
        -------
        estimator
            The model.
        """
        is_averaging = bool(getattr(model, "average", False))
        for name in _COEFFICIENTS[is_averaging:][: 1 + is_averaging]:
            held = getattr(model, name)
            wide = np.zeros((*held.shape[:-1], self.n_features), dtype=held.dtype)
            wide[..., self.features] = held
            setattr(model, name, wide)
        if is_averaging:
            model.coef_ = model._average_coef
        model.n_features_in_ = self.n_features
        return model


def narrow(parts: Sequence[Part]) -> tuple[list[Part], Narrowing]:
    """Return the same rows with the columns only that hold anything.

    Parameters
    ----------
    parts : sequence of Part
        Of CSR matrices.

    Returns
    -------
    list of Part
        They share the values with the given ones.
    Narrowing
    """
    n_features = parts[0].X.shape[1]
    is_held = np.zeros(n_features, dtype=bool)
    held, counts = [], []
    for part in parts:
        in_rows = np.bincount(part.X.indices, minlength=n_features)
        held.append(np.flatnonzero(in_rows))
        counts.append(in_rows[held[-1]])
        is_held[held[-1]] = True
    place = np.empty(n_features, dtype=np.int32)
    narrowed = []
    for part, own in zip(parts, held, strict=True):
        place[own] = np.arange(len(own), dtype=np.int32)
        X = sparse.csr_matrix(
            (part.X.data, place[part.X.indices], part.X.indptr),
            shape=(part.n_rows, len(own)),
        )
        narrowed.append(replace(part, X=X))
    features = np.flatnonzero(is_held)
    place[features] = np.arange(len(features), dtype=np.int32)
    columns = Columns(len(features), [place[own] for own in held], counts)
    return narrowed, Narrowing(n_features, features, columns)
