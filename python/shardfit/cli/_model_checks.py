"""Whether the parts of a model fit together: what a file holds, or is to hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline

from shardfit.cli._model_error import ModelFileError
from shardfit.cli._model_types import FORESTS, MODULES, NAIVE_BAYES, NEIGHBORS

__all__ = ["check_pipeline"]

_TREES = "sklearn.tree._classes"


def check_pipeline(pipeline: object) -> None:
    """Refuse anything but a vectorizer, a transformer or none, and a known classifier.

    Parameters
    ----------
    pipeline : object
        What a file holds, or is to hold.

    Raises
    ------
    ModelFileError
        If it is another kind of object, or its parts do not fit together.
    """
    vectorizer, transformer, classifier = _parts_of(pipeline)
    if vectorizer.input != "content":
        # The texts would be names of files, which predicting would then open.
        raise ModelFileError(f"its vectorizer reads a {vectorizer.input}, not text")
    parts = [pipeline, vectorizer, classifier]
    if transformer is not None:
        parts.append(transformer)
    _refuse_hidden_methods(parts)
    # What a parameter may be, scikit-learn says: no dict in the place of a function.
    for part in parts[1:]:
        part._validate_params()
    if transformer is not None and transformer.use_idf:
        _check_shape(transformer, "idf_", (vectorizer.n_features,))
    if not hasattr(classifier, "classes_"):
        raise ModelFileError("its classifier is not fitted")
    if np.ndim(classifier.classes_) != 1 or len(classifier.classes_) < 2:
        raise ModelFileError("its classifier has no list of two classes or more")
    if type(classifier).__name__ in FORESTS:
        _check_forest(classifier, vectorizer.n_features)
    elif type(classifier).__name__ in NEIGHBORS:
        _check_neighbors(classifier, vectorizer.n_features)
    else:
        _check_tables(classifier, vectorizer.n_features)


def _parts_of(
    pipeline: object,
) -> tuple[HashingVectorizer, TfidfTransformer | None, Any]:
    steps: list[Any] = []
    if isinstance(pipeline, Pipeline) and type(pipeline) is Pipeline:
        steps = [step for _, step in pipeline.steps]
    middle = steps[1:-1]
    if not (
        2 <= len(steps) <= 3
        and type(steps[0]) is HashingVectorizer
        and all(type(step) is TfidfTransformer for step in middle)
        and MODULES.get(type(steps[-1]).__name__) == type(steps[-1]).__module__
    ):
        raise ModelFileError(
            f"it holds {_kind_of(pipeline)}, not a Pipeline of a HashingVectorizer, "
            f"a TfidfTransformer or none, and one of {', '.join(MODULES)}"
        )
    return steps[0], middle[0] if middle else None, steps[-1]


def _refuse_hidden_methods(parts: list[Any]) -> None:
    for part in parts:
        hidden = [n for n in vars(part) if callable(getattr(type(part), n, None))]
        if hidden:
            raise ModelFileError(f"it hides the method {hidden[0]!r} behind a value")


def _check_shape(part: Any, name: str, expected: tuple[int, ...]) -> None:
    value: Any = getattr(part, name, None)
    shape = np.shape(value)
    if shape != expected:
        raise ModelFileError(
            f"{name} of its {type(part).__name__} has the shape {shape}; its classes "
            f"and {expected[-1]} features need {expected}"
        )


def _check_tables(classifier: Any, n_features: int) -> None:
    n_classes = len(classifier.classes_)
    if type(classifier).__name__ in NAIVE_BAYES:
        _check_shape(classifier, "feature_log_prob_", (n_classes, n_features))
        _check_shape(classifier, "class_log_prior_", (n_classes,))
        return
    n_rows = 1 if n_classes == 2 else n_classes
    _check_shape(classifier, "coef_", (n_rows, n_features))
    if np.ndim(classifier.intercept_):  # LinearSVC without intercept has the float 0.0
        _check_shape(classifier, "intercept_", (n_rows,))


def _check_forest(forest: Any, n_features: int) -> None:
    n_classes = len(forest.classes_)
    trees = forest.estimators_
    _refuse_hidden_methods([*trees, forest.estimator_])
    if not trees or forest.n_outputs_ != 1 or forest.n_classes_ != n_classes:
        raise ModelFileError("its forest has no trees, or more than one output")
    for tree in trees:
        # Of the types that a file may hold, those of this module are single trees.
        if type(tree).__module__ != _TREES or type(tree.tree_).__name__ != "Tree":
            raise ModelFileError(f"its forest has a {type(tree).__name__} in it")
        own = (tree.n_features_in_, tree.n_outputs_, tree.n_classes_)
        inner = (tree.tree_.n_features, tree.tree_.n_outputs, tree.tree_.max_n_classes)
        if own != (n_features, 1, n_classes) or inner != own:
            raise ModelFileError(
                f"a tree of it has (features, outputs, classes) {inner}, and its "
                f"forest {(n_features, 1, n_classes)}"
            )


def _check_neighbors(classifier: Any, n_features: int) -> None:
    rows, codes = classifier._fit_X, np.asarray(classifier._y)
    n_rows = rows.shape[0]
    if rows.shape != (n_rows, n_features) or classifier.n_samples_fit_ != n_rows:
        raise ModelFileError(
            f"its neighbors have the shape {rows.shape}, and there are {n_features} "
            "features"
        )
    if (
        codes.shape != (n_rows,)
        or codes.dtype.kind != "i"
        or codes.min() < 0
        or codes.max() >= len(classifier.classes_)
    ):
        raise ModelFileError("its neighbors are of classes that it does not know")
    if classifier._tree is not None or classifier._fit_method != "brute":
        raise ModelFileError("it finds neighbors otherwise than by comparing all")


def _kind_of(value: object) -> str:
    if isinstance(value, Pipeline):
        kinds = (type(step).__name__ for _, step in value.steps)
        return f"a Pipeline of {', '.join(kinds)}"
    return f"an object of type {type(value).__name__}"
