"""Signals, forks, threads and lack of memory neither hang nor kill a process.

Each scenario runs in a process of its own, so that a hang or a crash is a failed test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

WATCHDOG_SECONDS = 240
PATIENCE_SECONDS = 0.3

PRELUDE = """
import hashlib, os, signal, sys, threading, time
import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer as SklearnVectorizer
from shardfit.feature_extraction.text import HashingVectorizer

DOCUMENTS = [f"document number {n} naïve Straße {n % 7}" for n in range(3000)]

def digest(matrix):
    parts = (matrix.indptr, matrix.indices, matrix.data)
    return hashlib.sha256(b"".join(p.tobytes() for p in parts)).hexdigest()

def vectorize(documents=DOCUMENTS, n_jobs=2, **parameters):
    return digest(HashingVectorizer(n_jobs=n_jobs, **parameters).transform(documents))

EXPECTED = digest(SklearnVectorizer().transform(DOCUMENTS))
assert vectorize() == EXPECTED
"""

pytestmark = pytest.mark.timeout(WATCHDOG_SECONDS + 60)
linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc and sets limits of Linux"
)
needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this platform cannot fork"
)


def _run(script: str, **environment: str) -> str:
    """Run `script` after the prelude and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=WATCHDOG_SECONDS,
        env={**os.environ, **environment},
    )
    # A crash says at its start what it was; at its end modules are listed.
    said = f"{done.stderr[:2000]}\n[...]\n{done.stderr[-3000:]}"
    assert done.returncode == 0, f"status {done.returncode}\n{said}"
    return done.stdout.strip()


INTERRUPTED_WORK = {
    "big list": """
        work = dict(documents=["The quick brown fox é " * 100] * 100_000)
    """,
    "generator": """
        class Endless:
            def __iter__(self):
                return iter(["The quick brown fox é " * 100] * 100_000)
        work = dict(documents=Endless())
    """,
    "one large document": """
        words = " ".join(f"word{n} naïve" for n in range(100_000))
        work = dict(documents=[words * (64_000_000 // len(words))])
    """,
    "one large document, bigrams": """
        words = " ".join(f"word{n} text" for n in range(100_000))
        work = dict(
            documents=[words * (64_000_000 // len(words))],
            ngram_range=(1, 2),
            strip_accents="unicode",
        )
    """,
    "long n-grams of a short document": """
        work = dict(
            documents=[" ".join(map(str, range(10_000)))],
            analyzer="char",
            ngram_range=(1, 1000),
        )
    """,
    "one token": """
        work = dict(documents=["x" * 64_000_000])
    """,
    "characters within words": """
        work = dict(
            documents=["The quick brown fox é " * 100] * 100_000,
            analyzer="char_wb",
            ngram_range=(2, 5),
        )
    """,
    "many distinct words": """
        work = dict(
            documents=[" ".join(f"{n}w{k}" for k in range(3000)) for n in range(300)]
            * 30
        )
    """,
}


@linux_only
@pytest.mark.parametrize("name", INTERRUPTED_WORK)
def test_interrupt_is_answered_at_once(name: str) -> None:
    script = textwrap.dedent(INTERRUPTED_WORK[name])
    script += textwrap.dedent(
        f"""
        sent = [0.0]
        def interrupt(delay):
            time.sleep(delay)
            sent[0] = time.perf_counter()
            os.kill(os.getpid(), {signal.SIGINT:d})

        for n_jobs in (1, 2):
            delays = []
            for delay in (0.05, 0.2, 0.45):
                thread = threading.Thread(target=interrupt, args=(delay,))
                try:
                    thread.start()
                    while True:
                        vectorize(n_jobs=n_jobs, **work)
                except KeyboardInterrupt:
                    delays.append(time.perf_counter() - sent[0])
                thread.join()
                assert vectorize(n_jobs=n_jobs) == EXPECTED
            print(*delays)
        """
    )
    printed = _run(script).splitlines()
    assert len(printed) == 2
    for n_jobs, line in enumerate(printed, 1):
        _, delay, _ = delays = sorted(map(float, line.split()))
        # A call that never looks for signals is late each time; a busy machine, once.
        assert delay <= PATIENCE_SECONDS, f"{name}, {n_jobs} threads: {delays} seconds"


@needs_fork
def test_fork_after_threads_ran() -> None:
    printed = _run("""
        for turn in range(20):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                os._exit(0 if vectorize() == EXPECTED else 1)
            assert os.waitpid(child, 0)[1] == 0, f"child {turn} failed"
            assert vectorize() == EXPECTED
        print("done")
    """)
    assert printed == "done"


@needs_fork
def test_fork_of_a_fork() -> None:
    printed = _run("""
        def descend(depth):
            child = os.fork()
            if child:
                assert os.waitpid(child, 0)[1] == 0
                return
            signal.alarm(30)
            good = vectorize() == EXPECTED
            if depth:
                descend(depth - 1)
            os._exit(0 if good else 1)
        descend(4)
        print("done")
    """)
    assert printed == "done"


@needs_fork
def test_fork_while_another_thread_works() -> None:
    printed = _run("""
        stop = threading.Event()
        def work():
            while not stop.is_set():
                assert vectorize() == EXPECTED
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for turn in range(20):
            time.sleep(0.003 * (turn % 5))
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                os._exit(0 if vectorize() == EXPECTED else 1)
            assert os.waitpid(child, 0)[1] == 0, f"child {turn} failed"
        stop.set()
        for thread in threads:
            thread.join()
        print("done")
    """)
    assert printed == "done"


@needs_fork
def test_pools_that_fork() -> None:
    printed = _run("""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        context = multiprocessing.get_context("fork")
        jobs = [DOCUMENTS] * 4
        for turn in range(20):
            with context.Pool(2) as pool:
                assert pool.map_async(vectorize, jobs).get(60) == [EXPECTED] * 4
        for turn in range(20):
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                assert list(pool.map(vectorize, jobs, timeout=60)) == [EXPECTED] * 4
        print("done")
    """)
    assert printed == "done"


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_joblib_backends(backend: str) -> None:
    printed = _run(f"""
        from joblib import Parallel, delayed, parallel_config
        for n_jobs in (1, 2, None):
            with parallel_config(backend={backend!r}):
                results = Parallel(n_jobs=2)(
                    delayed(vectorize)(DOCUMENTS, n_jobs) for _ in range(6)
                )
            assert set(results) == {{EXPECTED}}
            assert vectorize() == EXPECTED
            print(n_jobs)
    """)
    assert printed.split() == ["1", "2", "None"]


def test_many_python_threads_at_once() -> None:
    printed = _run("""
        from concurrent.futures import ThreadPoolExecutor
        settings = [
            {}, {"analyzer": "char_wb", "ngram_range": (2, 3)},
            {"strip_accents": "unicode", "stop_words": "english"}, {"n_features": 7},
        ]
        expected = [
            digest(SklearnVectorizer(**s).transform(DOCUMENTS)) for s in settings
        ]
        shared = [HashingVectorizer(n_jobs=2, **s) for s in settings]
        def work(number):
            return digest(shared[number % 4].transform(DOCUMENTS))
        with ThreadPoolExecutor(12) as pool:
            results = list(pool.map(work, range(96)))
        assert results == expected * 24
        print("done")
    """)
    assert printed == "done"


def test_documents_that_change_while_they_are_read() -> None:
    printed = _run("""
        stop = threading.Event()
        documents = list(DOCUMENTS)
        array = np.array(DOCUMENTS)
        objects = np.array(DOCUMENTS, dtype=object)
        def mutate(seed):
            rng = np.random.default_rng(seed)
            while not stop.is_set():
                position = int(rng.integers(len(DOCUMENTS)))
                text = "".join(map(chr, rng.integers(32, 0x3000, 60)))
                array[position] = text
                objects[position] = text if seed else None
                action = rng.integers(4)
                if action == 0:
                    documents.clear()
                elif action == 1:
                    documents.extend(DOCUMENTS)
                    del documents[6000:]
                elif action == 2:
                    documents.append(None)
                elif documents:
                    documents.pop()
        threads = [threading.Thread(target=mutate, args=(s,)) for s in range(2)]
        for thread in threads:
            thread.start()
        finished = 0
        for turn in range(150):
            for content in (documents, array, objects):
                try:
                    HashingVectorizer(n_jobs=2).transform(content).check_format(True)
                except (AttributeError, StopIteration):
                    pass
                finished += 1
        stop.set()
        for thread in threads:
            thread.join()
        assert vectorize() == EXPECTED
        print(finished)
    """)
    assert printed == "450"


@linux_only
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("case", ["distinct words", "characters", "huge document"])
def test_too_little_memory_is_a_memory_error(case: str, warm: bool) -> None:
    printed = _run(
        f"""
        import resource
        if {case!r} == "huge document":
            work = dict(documents=["naïve word " * 3_000_000], strip_accents="unicode")
        else:
            row = " ".join(f"{{n}}é" for n in range(20_000))
            work = dict(documents=[row] * 200)
            if {case!r} == "characters":
                work = dict(documents=[row] * 40, analyzer="char", ngram_range=(3, 6))
        if not {warm}:
            # A child has no threads yet, and must start them under the limit.
            child = os.fork()
            if child:
                sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        outcomes = []
        # With nothing at all left, glibc aborts any thread that is being started.
        for megabytes in (1, 4, 16, 40, 100):
            with open("/proc/self/statm") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
            limit = used + megabytes * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            try:
                vectorize(**work)
                outcomes.append("finished")
            except MemoryError:
                outcomes.append("MemoryError")
            finally:
                unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.setrlimit(resource.RLIMIT_AS, unlimited)
            assert vectorize() == EXPECTED
        print(*outcomes)
        """
    )
    # The check that the limits were low enough to matter:
    assert printed.split()[0] == "MemoryError"


def test_no_utf8_copy_stays_on_the_strings() -> None:
    # CPython keeps the UTF-8 form of a string for ever once it was asked for.
    printed = _run("""
        texts = [f"naïve {n} 日本語 text 𝕳" * (1 + n % 30) for n in range(2000)]
        texts += [f"naïve {n}" for n in range(2000)]
        texts += [f"日本 {n}" for n in range(2000)]
        before = [sys.getsizeof(text) for text in texts]
        for parameters in (
            {}, {"analyzer": "char"}, {"strip_accents": "unicode"},
            {"token_pattern": r"[^ ]+"}, {"stop_words": ["é"]}, {"lowercase": False},
        ):
            vectorize(texts, **parameters)
            vectorize(iter(texts), **parameters)
            vectorize(np.array(texts, dtype=object), **parameters)
        assert [sys.getsizeof(text) for text in texts] == before
        print("done")
    """)
    assert printed == "done"


@linux_only
def test_memory_does_not_grow_from_call_to_call() -> None:
    printed = _run("""
        import gc, resource
        texts = [f"naïve {n} 日本語 text 𝕳 " * 40 for n in range(6000)]
        size = sum(map(sys.getsizeof, texts))
        calls = [
            lambda: vectorize(texts),
            lambda: vectorize(iter(texts), analyzer="char_wb", ngram_range=(2, 2)),
            lambda: vectorize(texts[:50] + [None]),
            lambda: vectorize(texts[:50] + ["\\ud800"], analyzer="char"),
        ]
        def resident():
            gc.collect()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
        def run():
            for call in calls:
                try:
                    call()
                except (AttributeError, UnicodeEncodeError):
                    pass
        # Until the heaps of the threads, which differ from run to run, have their size.
        for _ in range(16):
            run()
        levels = []
        for _ in range(8):
            run()
            levels.append(resident())
        print((min(levels[4:]) - min(levels[:4])) / size)
    """)
    assert float(printed) <= 0.02
