"""A pytest plugin that gives scikit-learn's test files shardfit's classes.

The names are replaced only while a test file is imported, so that the globals of the
test file are shardfit's while scikit-learn itself keeps its own: shardfit's
classes inherit from those and would otherwise call themselves. Every outcome is
written to the file that ``SHARDFIT_SUITE_REPORT`` names, one JSON object a line.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

REPORT_VARIABLE = "SHARDFIT_SUITE_REPORT"
SUBSTITUTE_VARIABLE = "SHARDFIT_SUITE_SUBSTITUTES"

_HOMES = {
    "CountVectorizer": "shardfit.feature_extraction.text",
    "FeatureHasher": "shardfit.feature_extraction",
    "HashingVectorizer": "shardfit.feature_extraction.text",
    "TfidfTransformer": "shardfit.feature_extraction.text",
    "TfidfVectorizer": "shardfit.feature_extraction.text",
}
_PLACES = (
    "sklearn.feature_extraction",
    "sklearn.feature_extraction.text",
    "sklearn.feature_extraction._hash",
)


@contextlib.contextmanager
def substituted() -> Iterator[None]:
    """Replace the names in scikit-learn's modules for as long as the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, home in _HOMES.items():
            substitute = getattr(import_module(home), name)
            for place in _PLACES:
                module = import_module(place)
                if name in vars(module):
                    patch.setattr(module, name, substitute)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Import test files with the substitutes in place."""
    wanted = os.environ[SUBSTITUTE_VARIABLE] == "yes"
    if wanted and isinstance(collector, pytest.Module):
        with substituted():
            return (yield)
    return (yield)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write which of the names each test file ended up with."""
    modules = {item.module for item in session.items if hasattr(item, "module")}
    for module in modules:
        found = {n: vars(module)[n].__module__ for n in _HOMES if n in vars(module)}
        _write({"file": module.__name__, "names": found})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write the outcome of a test, and of a phase around it that failed."""
    if report.when == "call" or report.outcome != "passed":
        why = "" if report.outcome == "passed" else str(report.longrepr)[-2000:]
        _write({"test": report.nodeid, "outcome": report.outcome, "why": why})


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write that a test file could not be imported."""
    if report.failed:
        why = str(report.longrepr)[-2000:]
        _write({"test": report.nodeid, "outcome": "failed", "why": why})


def _write(record: dict[str, Any]) -> None:
    with open(os.environ[REPORT_VARIABLE], "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
