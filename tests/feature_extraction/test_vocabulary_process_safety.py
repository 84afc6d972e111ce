"""Learning terms answers signals, forks, and comes through a lack of memory.

Each scenario runs in a process of its own, so that a hang or a crash is a failed test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

WATCHDOG_SECONDS = 240

PRELUDE = """
import os, signal, sys, threading, time
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnVectorizer
from shardfit.feature_extraction.text import TfidfVectorizer

DOCUMENTS = [f"document number {n} naïve Straße {n % 7}" for n in range(3000)]
LARGE = [" ".join(f"{n}w{k}" for k in range(3000)) for n in range(300)] * 12

def parts_of(X):
    return b"".join(part.tobytes() for part in (X.indptr, X.indices, X.data))

EXPECTED = parts_of(SklearnVectorizer().fit_transform(DOCUMENTS))

def is_right():
    vectorizer = TfidfVectorizer(n_jobs=2)
    return parts_of(vectorizer.fit_transform(DOCUMENTS)) == EXPECTED

assert is_right()
"""

pytestmark = pytest.mark.timeout(WATCHDOG_SECONDS + 60)
linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc and sets limits of Linux"
)
needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this platform cannot fork"
)


def _run(script: str) -> str:
    """Run `script` after the prelude and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=WATCHDOG_SECONDS,
    )
    # A crash says at its start what it was; at its end modules are listed.
    said = f"{done.stderr[:2000]}\n[...]\n{done.stderr[-3000:]}"
    assert done.returncode == 0, f"status {done.returncode}\n{said}"
    return done.stdout.strip()


@linux_only
@pytest.mark.parametrize(
    ("method", "n_jobs"), [("fit", 1), ("partial_fit", 2), ("transform", 2)]
)
def test_interrupt_is_answered(method: str, n_jobs: int) -> None:
    printed = _run(f"""
        vectorizer = TfidfVectorizer(n_jobs={n_jobs}).partial_fit(DOCUMENTS)
        interrupted = 0
        for delay in (0.02, 0.1, 0.3):
            timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
            try:
                timer.start()
                while True:
                    if {method!r} == "transform":
                        vectorizer.transform(LARGE)
                    else:
                        getattr(TfidfVectorizer(n_jobs={n_jobs}), {method!r})(LARGE)
            except KeyboardInterrupt:
                interrupted += 1
            timer.join()
        assert is_right()
        assert parts_of(vectorizer.partial_fit([]).transform(DOCUMENTS)) == parts_of(
            SklearnVectorizer().fit(DOCUMENTS).transform(DOCUMENTS)
        )
        print(interrupted)
    """)
    assert printed == "3"


@linux_only
def test_an_interrupted_part_is_not_learned_at_all() -> None:
    printed = _run("""
        vectorizer = TfidfVectorizer(n_jobs=2).partial_fit(DOCUMENTS)
        threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT)).start()

        def endless():
            while True:
                yield from LARGE

        try:
            vectorizer.partial_fit(endless())
        except KeyboardInterrupt:
            print("interrupted")
        theirs = SklearnVectorizer().fit(DOCUMENTS)
        assert vectorizer.vocabulary_ == theirs.vocabulary_
        assert vectorizer.idf_.tobytes() == theirs.idf_.tobytes()
    """)
    assert printed == "interrupted"


@needs_fork
def test_forks_after_use() -> None:
    printed = _run("""
        vectorizer = TfidfVectorizer(n_jobs=2).partial_fit(DOCUMENTS)
        for turn in range(20):
            child = os.fork()
            if child == 0:
                fine = is_right() and len(vectorizer.partial_fit(["new"]).vocabulary_)
                os._exit(0 if fine else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert is_right()
        print("done")
    """)
    assert printed == "done"


@linux_only
@pytest.mark.parametrize("method", ["fit_transform", "partial_fit", "transform"])
def test_too_little_memory_is_a_memory_error(method: str) -> None:
    printed = _run(f"""
        import resource
        vectorizer = TfidfVectorizer(n_jobs=2).partial_fit(DOCUMENTS + LARGE[:3])
        outcomes = []
        # With nothing at all left, glibc aborts any thread that is being started.
        for megabytes in (1, 4, 16, 40):
            with open("/proc/self/statm") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
            limit = used + megabytes * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            try:
                if {method!r} == "fit_transform":
                    TfidfVectorizer(n_jobs=2).fit_transform(LARGE)
                elif {method!r} == "partial_fit":
                    vectorizer.partial_fit(LARGE)
                else:
                    vectorizer.transform(LARGE[:3] * 1200)
                outcomes.append("finished")
            except MemoryError:
                outcomes.append("MemoryError")
            finally:
                unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.setrlimit(resource.RLIMIT_AS, unlimited)
            assert is_right()
        learned = DOCUMENTS + LARGE[:3]
        if {method!r} == "partial_fit":
            learned += LARGE * outcomes.count("finished")
        theirs = SklearnVectorizer().fit(learned)
        assert vectorizer.vocabulary_ == theirs.vocabulary_
        assert vectorizer.idf_.tobytes() == theirs.idf_.tobytes()
        print(*outcomes)
    """)
    assert printed.split()[0] == "MemoryError"
