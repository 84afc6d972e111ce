"""One forest from many, and a small forest from a large one."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from shardfit.merging import _forests, merge, mergeability
from shardfit.merging._members import picked_members

__all__ = ["check_is_forest", "combine_forests", "sub_forest"]

ForestT = TypeVar("ForestT")

_FORESTS = (BaggingClassifier, BaggingRegressor, *_forests.RULES)


def check_is_forest(forest: Any) -> None:
    """Refuse what has no members that could be united.

    Parameters
    ----------
    forest : estimator

    Raises
    ------
    ValueError
        If it is of another class than these, a subclass of them included.
    """
    if type(forest) in _FORESTS:
        return
    answer = mergeability(forest)
    reason = f": {answer.reason}; {answer.remedy}" if answer.kind == "no" else ""
    names = ", ".join(kind.__name__ for kind in _FORESTS)
    raise ValueError(
        f"forest must be one of {names}, got {type(forest).__name__}{reason}"
    )


def combine_forests(
    forests: Iterable[ForestT], *, weights: ArrayLike | None = None
) -> ForestT:
    """Join forests into one that holds the trees of all.

    Parameters
    ----------
    forests : iterable of fitted forests
        At least one, all of one class, `RandomForestClassifier`,
        `RandomForestRegressor`, `ExtraTreesClassifier`, `ExtraTreesRegressor`,
        `RandomTreesEmbedding`, `IsolationForest`, `BaggingClassifier` or
        `BaggingRegressor`; on the same features and with the same parameters as far as
        these shape trees. They are left as they are. Their classes may differ.
    weights : array-like of shape (n_forests,), optional
        The say of each forest, for random forests and extra trees; the number of its
        rows is the right choice where these differ. If not given, all trees count the
        same. A forest of weight 0 is left out, and need not be fitted.

    Returns
    -------
    forest
        A new one. What it predicts is the weighted mean of what the forests predict,
        class by class; a forest says 0 for a class that it has not seen. It shares
        the trees with the forests, except those that get more classes or another
        weight. What scikit-learn says about rows of one forest is left out:
        ``oob_score_`` and ``estimators_samples_``. ``feature_importances_`` is the mean
        over all trees, whatever their weight. A tree with another weight says, asked
        alone, its answer times that, which its ``weight_`` keeps. After a further fit
        with ``warm_start=True``, out-of-bag scores take all trees for trees of the last
        rows, and are wrong.

    Raises
    ------
    ValueError
        If there are no forests, some are no forests, or `weights` do not fit them.
    shardfit.exceptions.NotMergeableError
        If the forest would be wrong; the message says what to do instead.
    sklearn.exceptions.NotFittedError
        If a forest is not fitted.

    Warns
    -----
    UserWarning
        If two forests hold the same trees, as those of one ``random_state`` do.

    See Also
    --------
    shardfit.merging.merge : The same for all estimators that merge.
    sub_forest : Some of the trees of a forest.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from shardfit.ensemble import combine_forests
    >>> first = RandomForestClassifier(2, random_state=0).fit([[0], [1]], ["a", "b"])
    >>> second = RandomForestClassifier(3, random_state=1).fit([[1], [2]], ["b", "c"])
    >>> forest = combine_forests([first, second])
    >>> forest.classes_.tolist(), len(forest)
    (['a', 'b', 'c'], 5)
    """
    found = list(forests)
    for forest in found:
        check_is_forest(forest)
    return merge(found, weights=weights)


def sub_forest(
    forest: ForestT, n_estimators: int, *, random_state: Any = None
) -> ForestT:
    """Return a forest of some trees of a forest, drawn at random.

    Parameters
    ----------
    forest : fitted forest
        Of a class that `combine_forests` takes. It is left as it is.
    n_estimators : int
        Number of trees to draw, without replacement.
    random_state : int, RandomState instance or None, default=None
        Determines which.

    Returns
    -------
    forest
        A new one, that shares the trees, in their order. Where their weights differ,
        after `combine_forests` with `weights`, they are copied, and weigh as much
        compared with each other as before. An ``offset_`` stays that of the whole
        forest.
        ``oob_score_`` and what belongs to it is left out.

    Raises
    ------
    ValueError
        If `forest` is none, or has not as many trees.
    sklearn.exceptions.NotFittedError
        If `forest` is not fitted.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from shardfit.ensemble import sub_forest
    >>> forest = RandomForestClassifier(10).fit([[0], [1]], ["a", "b"])
    >>> small = sub_forest(forest, 3, random_state=0)
    >>> small.n_estimators, len(small), len(forest)
    (3, 3, 10)
    """
    check_is_forest(forest)
    check_is_fitted(forest)
    n_members = len(forest.estimators_)  # type: ignore[attr-defined]
    if not isinstance(n_estimators, Integral) or not 1 <= n_estimators <= n_members:
        raise ValueError(
            f"n_estimators must be an integer from 1 to {n_members}, the number of "
            f"trees there are, got {n_estimators!r}"
        )
    random = check_random_state(random_state)
    drawn = np.sort(random.permutation(n_members)[:n_estimators])
    picked: ForestT = picked_members(forest, drawn)
    return picked
