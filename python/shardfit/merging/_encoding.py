"""Encoders: the categories, labels and names of all parts."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.preprocessing import (
    LabelBinarizer,
    LabelEncoder,
    MultiLabelBinarizer,
    OneHotEncoder,
    OrdinalEncoder,
)
from sklearn.utils._missing import is_scalar_nan

from shardfit.exceptions import NotMergeableError
from shardfit.merging._rules import Mergeability, Rule, always
from shardfit.merging._state import blank_copy, union_of_classes

__all__ = ["RULES"]

_NUMBERS = frozenset("iuf")
_OBJECTS = "O"


def _merge_one_hot(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = _merge_categories(models, OneHotEncoder(handle_unknown="ignore"))
    merged._set_drop_idx()
    merged._n_features_outs = merged._compute_n_features_outs()
    return merged


def _merge_ordinal(models: list[Any], weights: Any, classes: Any) -> Any:
    first = models[0]
    by_column = OrdinalEncoder(
        dtype=first.dtype,
        handle_unknown=first.handle_unknown,
        unknown_value=first.unknown_value,
        encoded_missing_value=first.encoded_missing_value,
    )
    merged = _merge_categories(models, by_column)
    merged._missing_indices = {
        feature: len(categories) - 1
        for feature, categories in enumerate(merged.categories_)
        if is_scalar_nan(categories[-1])  # it comes last
    }
    return merged


def _merge_categories(models: list[Any], by_column: Any) -> Any:
    """Set the categories of each feature as a fit of a table of them would find them.

    Parameters
    ----------
    models : list of fitted encoders
    by_column : encoder
        It is fitted on one feature at a time, and refuses what the encoder would.
    """
    merged = blank_copy(models[0])
    merged._check_infrequent_enabled()
    merged.categories_ = []
    for feature, parts in enumerate(
        zip(*(model.categories_ for model in models), strict=True)
    ):
        known = _concatenate(list(parts), f"the categories of feature {feature}")
        if merged.categories != "auto":
            merged.categories_.append(parts[0].astype(known.dtype))
            continue
        try:
            by_column.fit(known.reshape(-1, 1))
        except (TypeError, ValueError) as error:
            raise NotMergeableError(
                f"the categories of feature {feature} in all estimators together "
                f"do not go with its parameters: {error}"
            ) from error
        merged.categories_.append(by_column.categories_[0])
    return merged


def _concatenate(parts: list[NDArray[Any]], name: str) -> NDArray[Any]:
    """Join columns if a table may hold them as one without a change of meaning."""
    for number, part in enumerate(parts):
        kinds = {parts[0].dtype.kind, part.dtype.kind}
        if not (len(kinds) == 1 or kinds <= _NUMBERS or _OBJECTS in kinds):
            raise NotMergeableError(
                f"{name} are of {parts[0].dtype} in estimator 0 and of {part.dtype} "
                f"in estimator {number}; fit all on columns of one type"
            )
    return np.concatenate(parts)


def _merge_label_encoders(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    labels = [model.classes_ for model in models]
    for number, part in enumerate(labels):
        if part.dtype.kind != labels[0].dtype.kind:
            raise NotMergeableError(
                f"the labels of estimator 0 are {labels[0].dtype} and those of "
                f"estimator {number} are {part.dtype}; fit all on labels of one type"
            )
    try:
        return merged.fit(np.concatenate(labels))
    except TypeError as error:
        raise NotMergeableError(
            f"the labels of all estimators together have no order: {error}; fit all "
            "on labels of one type"
        ) from error


def _merge_label_binarizers(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    kinds = [_target_kind(model) for model in models]
    for number, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise NotMergeableError(
                f"y was {kinds[0]} for estimator 0 and {kind} for estimator "
                f"{number}; fit all on targets of one kind"
            )
    merged.classes_ = union_of_classes([model.classes_ for model in models])
    merged.sparse_input_ = models[0].sparse_input_
    if models[0].y_type_.startswith("multilabel"):
        merged.y_type_ = models[0].y_type_
    else:
        merged.y_type_ = "binary" if len(merged.classes_) <= 2 else "multiclass"
    return merged


def _target_kind(model: Any) -> str:
    if not model.y_type_.startswith("multilabel"):
        return "one label per row"
    storage = "sparse" if model.sparse_input_ else "dense"
    return f"a {storage} matrix of {len(model.classes_)} labels"


def _merge_multilabel(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    try:
        return merged.fit([model.classes_.tolist() for model in models])
    except TypeError as error:
        raise NotMergeableError(
            f"the labels of all estimators together have no order: {error}; fit all "
            "on labels of one type"
        ) from error


def _merge_dict_vectorizers(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    names = list(dict.fromkeys(chain.from_iterable(m.feature_names_ for m in models)))
    if merged.sort:
        try:
            names.sort()
        except TypeError as error:
            raise NotMergeableError(
                f"the names of features have no order: {error}; fit all on names of "
                "one type, or use sort=False"
            ) from error
    merged.feature_names_ = names
    merged.vocabulary_ = {name: column for column, name in enumerate(names)}
    return merged


_EXACT = Mergeability("exact", "what all parts know is what all rows hold")
_COUNTED = Mergeability(
    "no",
    "min_frequency and max_categories depend on counts, which it does not keep",
    "fit it once, on all rows or a sample of them, and use it in all parts; or leave "
    "min_frequency and max_categories out",
)


def _judge_encoder(model: Any) -> Mergeability:
    is_counted = model.min_frequency is not None or model.max_categories is not None
    return _COUNTED if is_counted else _EXACT


_JUDGE = always(*_EXACT)

RULES: dict[type, Rule] = {
    OneHotEncoder: Rule(_merge_one_hot, _judge_encoder, weights="own"),
    OrdinalEncoder: Rule(_merge_ordinal, _judge_encoder, weights="own"),
    LabelEncoder: Rule(_merge_label_encoders, _JUDGE, weights="own"),
    LabelBinarizer: Rule(_merge_label_binarizers, _JUDGE, weights="own"),
    MultiLabelBinarizer: Rule(_merge_multilabel, _JUDGE, weights="own"),
    DictVectorizer: Rule(_merge_dict_vectorizers, _JUDGE, weights="own"),
}
