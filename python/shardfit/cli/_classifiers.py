"""The classifier that `shardfit train` is asked for, by name and parameters."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from shardfit.cli._model_types import CLASSIFIERS, MODULES

__all__ = ["DEFAULT_CLASSIFIER", "check_training", "classifier_of", "parameters_of"]

DEFAULT_CLASSIFIER = "SGDClassifier"

# Parameters of classifiers that have an option of the command in their place.
_OPTIONS = {"random_state": "--seed", "n_jobs": "--jobs"}
# The same for those that stop by themselves, where the command counts epochs.
_OPTIONS_OF_EPOCHS = dict.fromkeys(
    ("max_iter", "tol", "n_iter_no_change", "early_stopping", "validation_fraction")
    + ("warm_start",),
    "--epochs",
)


def parameters_of(given: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that NAME=VALUE stand for.

    A VALUE is a Python literal, and anything else is text: ``C=0.5``,
    ``fit_prior=False``, ``class_weight=balanced``.
    """
    parameters: dict[str, Any] = {}
    for setting in given:
        name, separator, text = setting.partition("=")
        name = name.strip()
        if not separator or not name.isidentifier():
            raise _bad_setting(f"{setting!r} is not of the form NAME=VALUE")
        if name in parameters:
            raise _bad_setting(f"{name} is set twice")
        try:
            parameters[name] = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            parameters[name] = text
    return parameters


def classifier_of(name: str, parameters: Mapping[str, Any]) -> Any:
    """Return a classifier of scikit-learn that is not fitted.

    Parameters
    ----------
    name : str
        Its class.
    parameters : mapping
        Some of its parameters.

    Raises
    ------
    click.UsageError
        If there is no such class, or parameter, or scikit-learn refuses a value.
    """
    if name not in MODULES:
        raise click.BadParameter(_why_not(name), param_hint="'--estimator'")
    with warnings.catch_warnings():
        # What is deprecated says so in training.
        warnings.simplefilter("ignore", FutureWarning)
        estimator = getattr(import_module(MODULES[name]), name)()
    known = estimator.get_params(deep=False)
    for parameter in parameters:
        if parameter not in known:
            raise _bad_setting(
                f"{name} has no parameter {parameter!r}; it has {', '.join(known)}"
            )
        if parameter in _OPTIONS:
            raise _bad_setting(f"{parameter} has an option: {_OPTIONS[parameter]}")
    estimator.set_params(**parameters)
    try:
        estimator._validate_params()
    except ValueError as error:
        raise _bad_setting(str(error)) from error
    return estimator


def check_training(
    estimator: Any, merge: str, *, names: Sequence[str], counts_epochs: bool
) -> None:
    """Refuse a training that is impossible, and options that would change nothing.

    Parameters
    ----------
    estimator : classifier
        Not fitted.
    merge : str
        How its partitions are to be merged.
    names : sequence of str
        The parameters that are set.
    counts_epochs : bool
        Whether a number of epochs is given.

    Raises
    ------
    click.UsageError
        With the reason and the remedy.
    """
    from shardfit.partitioned._files.for_text import check_classifier, streams

    try:
        method = check_classifier(estimator, merge)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if streams(estimator, method):
        for name in names:
            if name in _OPTIONS_OF_EPOCHS:
                raise _bad_setting(
                    f"{name} has no meaning for a fixed number of epochs; "
                    f"use {_OPTIONS_OF_EPOCHS[name]}"
                )
    elif counts_epochs:
        raise click.BadParameter(
            f"{type(estimator).__name__} is trained to its end, and not by epochs; "
            "leave it out",
            param_hint="'--epochs'",
        )


def _bad_setting(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="'--set'")


def _why_not(name: str) -> str:
    """Return why a classifier is not among those on offer."""
    from sklearn.utils import all_estimators

    from shardfit.merging import mergeability

    choice = f"choose one of {', '.join(CLASSIFIERS)}"
    found = dict(all_estimators(type_filter="classifier")).get(name)
    if found is None:
        return f"{name!r} is no classifier of scikit-learn; {choice}"
    try:
        answer = mergeability(found())
    except TypeError:  # it needs an estimator to wrap
        return f"{name} is made of other estimators; {choice}"
    if answer.kind == "no":
        return f"{name} cannot be merged: {answer.reason}; {choice}"
    return (
        f"{name} does not train on sparse text or cannot be stored in a file that is "
        f"safe to load; {choice}, or train it with shardfit.partitioned.fit_files"
    )
