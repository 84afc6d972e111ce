"""Pipelines: step by step, and what each step means for those behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from joblib import hash as fingerprint
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction._weights import DocumentFrequencies
from shardfit.merging import _stateless
from shardfit.merging._carrying import merge_carried
from shardfit.merging._frequencies import is_weighted, merge_tfidf, with_frequencies
from shardfit.merging._one_for_each import merge_labels, merge_outputs
from shardfit.merging._rules import Mergeability, Rule
from shardfit.merging._spaces import (
    ONE_FIT,
    SPACES,
    TFIDF,
    Changes,
    changes,
    in_turn,
    of_weights,
)
from shardfit.merging._state import blank_copy
from shardfit.merging._steps import is_step, judge_steps, merge_step
from shardfit.merging._vocabularies import kept_frequencies

__all__ = ["FREE_PARAMETERS", "RULES"]

# Steps are compared one by one. Selectors of columns are objects of each part's own.
FREE_PARAMETERS = ("memory", "transformers")

# Their members are carried over, each by its own.
_FOR_EACH: dict[type, Callable[..., Any]] = {
    MultiOutputClassifier: merge_outputs,
    MultiOutputRegressor: merge_outputs,
    OneVsRestClassifier: merge_labels,
}


def _merge_pipelines(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    seen: list[NDArray[Any]] | None,
) -> Any:
    merged = blank_copy(models[0])
    line = _Line(models, weights, is_exact=judge_steps(models[0].steps).kind == "exact")
    merged.steps = [
        (
            name,
            line.merge_next(number, seen if number == len(merged.steps) - 1 else None),
        )
        for number, (name, _) in enumerate(merged.steps)
    ]
    last = models[0].steps[-1][1]
    has_names = is_step(last) and "feature_names_in_" in vars(last)
    if has_names and line.found is not None:
        with suppress(AttributeError, ValueError):
            names = merged[:-1].get_feature_names_out()
            merged.steps[-1][1].feature_names_in_ = names
    return merged


class _Line:
    """The steps of pipelines, merged one after the other."""

    def __init__(
        self,
        pipelines: list[Any],
        weights: NDArray[np.float64] | None,
        *,
        is_exact: bool,
    ) -> None:
        self._steps = [pipeline.steps for pipeline in pipelines]
        self._weights = weights
        self._is_exact = is_exact
        self._rows = _rows(weights)
        self._imputer: str | None = None
        self._before: tuple[list[Any], Any] | None = None
        self._refusal: NotMergeableError | None = None
        self.found: Changes = None

    def merge_next(self, number: int, seen: list[NDArray[Any]] | None) -> Any:
        """Merge the step of a number; `seen` is for the last one."""
        name, step = self._steps[0][number]
        if not is_step(step):
            return step
        models = [steps[number][1] for steps in self._steps]
        if type(step) is Normalizer and self.found is not None:
            merged = _normalizer_of(step, self.found[0].n_columns)
        elif type(step) in _stateless.RULES:
            merged = merge_step(name, models, self._weights)
        else:
            self._refuse_to_go_on(name)
            merged = self._merge(name, models, seen)
        if number < len(self._steps[0]) - 1:
            self._look_behind(name, models, merged)
        return merged

    def _merge(
        self, name: str, models: list[Any], seen: list[NDArray[Any]] | None
    ) -> Any:
        if type(models[0]) in TFIDF:
            frequencies = self._counted_before(models)
            if frequencies is not None:
                return with_frequencies(models[0], frequencies)
            if self.found is not None:
                return self._merge_tfidf(name, models)
        if self.found is None:
            return merge_step(name, models, self._weights, seen)
        for_each = _FOR_EACH.get(type(models[0]))
        if for_each is None:
            return merge_carried(name, models, self.found, self._weights, seen)
        return for_each(models, self._weights, seen, self.found)

    def _counted_before(self, models: list[Any]) -> DocumentFrequencies | None:
        """Return the document frequencies that the vectorizer before knows, if any."""
        if self._before is None or not all(map(is_weighted, models)):
            return None
        vectorizers, merged = self._before
        for vectorizer, model in zip(vectorizers, models, strict=True):
            counted = kept_frequencies(vectorizer)
            if counted is None:
                return None
            idf = counted.idf(bool(model.smooth_idf))
            if not np.allclose(idf, model.idf_, rtol=1e-6, atol=0):
                return None  # It was fitted on other documents.
        whole = kept_frequencies(merged)
        is_single = all(model.idf_.dtype == np.float32 for model in models)
        return None if whole is None else whole._replace(is_single=is_single)

    def _merge_tfidf(self, name: str, models: list[Any]) -> Any:
        positions = [
            change.positions
            for change in self.found or []
            if change.is_selection and change.is_complete
            if change.positions is not None
        ]
        if self.found is None or len(positions) < len(models):
            raise NotMergeableError(
                f"step {name!r}, {type(models[0]).__name__}, was fitted on columns "
                f"that differ between the parts in more than their number; {ONE_FIT}"
            )
        return merge_tfidf(
            models,
            self._rows,
            positions=positions,
            n_features=self.found[0].n_columns,
        )

    def _look_behind(self, name: str, models: list[Any], merged: Any) -> None:
        """Find out what the step means for those behind it."""
        if self._refusal is None:
            try:
                self.found = _behind(self.found, models, merged, self._rows)
            except NotMergeableError as refusal:
                # It matters to steps that learn from these columns, if there are any.
                self._refusal = refusal
        is_counting = isinstance(merged, CountVectorizer)
        is_tfidf = isinstance(merged, TfidfVectorizer)
        self._before = (models, merged) if is_counting and not is_tfidf else None
        statistics = [fingerprint(_filled(model)) for model in (merged, *models)]
        if len(set(statistics)) > 1:
            self._imputer = name

    def _refuse_to_go_on(self, name: str) -> None:
        if self._refusal is not None:
            raise NotMergeableError(f"step {name!r}: {self._refusal}")
        if self._imputer is not None and self._is_exact:
            raise NotMergeableError(
                f"step {self._imputer!r} filled in other values in every part, which "
                f"are part of what step {name!r} has learned; {ONE_FIT}"
            )


def _normalizer_of(normalizer: Any, n_features: int) -> Any:
    """Return a copy for other columns."""
    copy = clone(normalizer)
    copy.n_features_in_ = n_features
    return copy


def _rows(weights: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return weights if weights is not None and weights.ndim == 1 else None


def _behind(
    found: Changes, models: list[Any], merged: Any, rows: NDArray[np.float64] | None
) -> Changes:
    """Return the changes behind a step, from those before it."""
    if found is None:
        return changes(models, merged, rows)
    if type(merged) in TFIDF:
        positions = [change.positions for change in found]
        return in_turn(found, of_weights(models, merged, rows, positions))
    if type(merged) is Normalizer and all(change.shift is None for change in found):
        # Columns that a part does not have are 0 in its rows. Where columns are on
        # other scales, this is near the truth only, as for TfidfTransformer.
        return found
    raise NotMergeableError(
        f"{type(merged).__name__} mixes columns that differ between the parts; "
        f"{ONE_FIT}"
    )


def _filled(estimator: Any) -> list[Any]:
    """Return what imputers, wherever they are in an estimator, fill in."""
    return [imputer.statistics_ for imputer in _imputers(estimator)]


def _imputers(value: Any) -> Iterator[Any]:
    if isinstance(value, SimpleImputer):
        if hasattr(value, "statistics_"):
            yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _imputers(item)
    elif hasattr(value, "get_params") and not isinstance(value, type):
        for item in vars(value).values():
            yield from _imputers(item)


def _of_pipelines(
    models: list[Any], merged: Any, rows: NDArray[np.float64] | None
) -> Changes:
    found: Changes = None
    for number, (_, step) in enumerate(merged.steps):
        if is_step(step):
            parts = [model.steps[number][1] for model in models]
            found = _behind(found, parts, step, rows)
    return found


def _judge(pipeline: Any) -> Mergeability:
    return judge_steps(pipeline.steps)


SPACES[Pipeline] = _of_pipelines

RULES: dict[type, Rule] = {
    Pipeline: Rule(
        _merge_pipelines,
        _judge,
        free_parameters=FREE_PARAMETERS,
        weights="features",
        takes_classes=True,
        needs_fit=False,  # What its steps need, they are asked for.
    )
}
