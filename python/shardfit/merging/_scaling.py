"""Scalers and covariances: moments and extremes of features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import EmpiricalCovariance
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.preprocessing._data import _handle_zeros_in_scale, _is_constant_feature

from shardfit.merging._moments import join_moments
from shardfit.merging._rules import Rule, always
from shardfit.merging._state import blank_copy

__all__ = ["RULES"]


def _merge_standard_scalers(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    shape = (merged.n_features_in_,)
    seen = np.stack([np.broadcast_to(model.n_samples_seen_, shape) for model in models])
    has_mean = models[0].mean_ is not None
    has_variance = models[0].var_ is not None
    means = np.stack([m.mean_ if has_mean else np.zeros(shape) for m in models])
    variances = np.stack([m.var_ if has_variance else np.zeros(shape) for m in models])
    joined = join_moments(seen, means, variances)
    n_samples = joined.total.astype(seen.dtype)
    if n_samples.max() == n_samples.min():
        n_samples = n_samples[0]
    merged.n_samples_seen_ = n_samples
    merged.mean_ = joined.mean.astype(means.dtype) if has_mean else None
    merged.var_ = joined.variance.astype(variances.dtype) if has_variance else None
    merged.scale_ = None
    if has_variance:
        is_constant = _is_constant_feature(merged.var_, merged.mean_, n_samples)
        merged.scale_ = _handle_zeros_in_scale(
            np.sqrt(merged.var_), copy=False, constant_mask=is_constant
        )
    return merged


def _merge_min_max_scalers(models: list[Any], weights: Any, classes: Any) -> Any:
    # The least and the largest values are all that a fit takes from its rows.
    return _fitted_on_extremes(
        models,
        [model.data_min_ for model in models] + [model.data_max_ for model in models],
    )


def _merge_max_abs_scalers(models: list[Any], weights: Any, classes: Any) -> Any:
    return _fitted_on_extremes(models, [model.max_abs_ for model in models])


def _fitted_on_extremes(models: list[Any], rows: list[NDArray[Any]]) -> Any:
    merged = blank_copy(models[0])
    names = getattr(merged, "feature_names_in_", None)
    merged.fit(np.stack(rows))
    if names is not None:
        # A fit of arrays forgets them.
        merged.feature_names_in_ = names
    merged.n_samples_seen_ = sum(model.n_samples_seen_ for model in models)
    return merged


def _merge_covariances(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    n_features = len(models[0].location_)
    locations = np.stack([model.location_ for model in models])
    shares = weights / weights.sum()
    joined = join_moments(weights[:, np.newaxis], locations, np.zeros_like(locations))
    covariance = np.zeros((n_features, n_features))
    for share, location, model in zip(shares, locations, models, strict=True):
        # Both are 0 where the rows are assumed to be centered.
        distance = location - joined.mean
        covariance += share * (model.covariance_ + np.outer(distance, distance))
    dtype = np.result_type(*(model.covariance_ for model in models))
    merged.location_ = joined.mean.astype(locations.dtype)
    merged._set_covariance(covariance.astype(dtype))
    return merged


_MOMENTS = "means and variances of parts give those of the whole"
_EXTREMES = "extremes of parts give those of the whole"

RULES: dict[type, Rule] = {
    StandardScaler: Rule(
        _merge_standard_scalers, always("exact", _MOMENTS), weights="own"
    ),
    MinMaxScaler: Rule(
        _merge_min_max_scalers, always("exact", _EXTREMES), weights="own"
    ),
    MaxAbsScaler: Rule(
        _merge_max_abs_scalers, always("exact", _EXTREMES), weights="own"
    ),
    EmpiricalCovariance: Rule(
        _merge_covariances,
        always("exact", _MOMENTS, "pass weights, the number of rows of each estimator"),
        weights="rows",
    ),
}
