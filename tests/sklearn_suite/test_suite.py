"""scikit-learn's own tests of text pass with shardfit's classes in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.sklearn_suite import substitution

LEARNERS = {"CountVectorizer", "TfidfTransformer", "TfidfVectorizer"}
# The names each module imports, and which of its tests are about them.
TEST_MODULES: dict[str, tuple[set[str], str]] = {
    "sklearn.feature_extraction.tests.test_text": (
        {"HashingVectorizer", *LEARNERS},
        "",
    ),
    "sklearn.feature_extraction.tests.test_feature_hasher": ({"FeatureHasher"}, ""),
    "sklearn.tests.test_pipeline": (
        {"CountVectorizer"},
        "feature_union or count_vectorizer",
    ),
}
SECONDS_ALLOWED = 300
ROOT = Path(__file__).parents[2]


@dataclass
class Run:
    """What came out of one run of a test file."""

    outcomes: dict[str, str]
    failures: dict[str, str]
    names: dict[str, str]
    status: int

    def count(self, outcome: str) -> int:
        """Return how many tests ended so."""
        return list(self.outcomes.values()).count(outcome)


def _run(module: str, keywords: str, folder: Path, *, substitute: bool) -> Run:
    spec = find_spec(module)
    assert spec is not None, f"{module} is not installed with scikit-learn"
    assert spec.origin is not None
    report = folder / "report.jsonl"
    report.touch()
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", spec.origin, "-q", "--tb=short"]
    command += ["-p", "tests.sklearn_suite.substitution", "-p", "no:cacheprovider"]
    command += ["-c", str(folder / "pytest.ini"), "--import-mode=importlib"]
    command += ["-k", keywords] if keywords else []
    command += ["--rootdir", str(folder), "--confcutdir", str(Path(spec.origin).parent)]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=SECONDS_ALLOWED,
        env={
            **os.environ,
            "PYTHONPATH": path,
            substitution.REPORT_VARIABLE: str(report),
            substitution.SUBSTITUTE_VARIABLE: "yes" if substitute else "no",
        },
    )
    run = Run({}, {}, {}, done.returncode)
    for line in report.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "file" in record:
            run.names.update(record["names"])
            continue
        # A failure of any phase of a test outweighs the success of another.
        if run.outcomes.get(record["test"]) != "failed":
            run.outcomes[record["test"]] = record["outcome"]
        if record["outcome"] == "failed":
            run.failures[record["test"]] = record["why"]
    return run


@pytest.mark.timeout(2 * SECONDS_ALLOWED)
@pytest.mark.parametrize("module", TEST_MODULES)
def test_same_tests_pass(module: str, tmp_path: Path) -> None:
    folders = [tmp_path / "ours", tmp_path / "theirs"]
    for folder in folders:
        folder.mkdir()
    names, keywords = TEST_MODULES[module]
    ours = _run(module, keywords, folders[0], substitute=True)
    theirs = _run(module, keywords, folders[1], substitute=False)
    assert ours.failures == {}
    assert ours.status == 0
    for name in names:
        assert ours.names[name].startswith("shardfit.")
        assert theirs.names[name].startswith("sklearn.")
    assert theirs.count("passed") > (0 if keywords else 10)
    assert ours.count("passed") >= theirs.count("passed")
    passed = {test for test, outcome in theirs.outcomes.items() if outcome == "passed"}
    assert not [test for test in passed if ours.outcomes.get(test) != "passed"]
