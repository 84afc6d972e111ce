"""Memory of other libraries is looked at before it is trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import assert_same_vectorizer


def _damaged_strings(last_offset: int) -> pa.Array:
    """Return two strings of which the second ends elsewhere than it should.

    pyarrow checks what it is given in parts, and believes what it reads.
    """
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"text": ["he", "llo"]})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    stream = sink.getvalue().to_pybytes()
    offsets = np.array([0, 2, 5], dtype="<i4").tobytes()
    assert stream.count(offsets) == 1
    damaged = np.array([0, 2, last_offset], dtype="<i4").tobytes()
    return pa.ipc.open_stream(stream.replace(offsets, damaged)).read_all()["text"]


@pytest.mark.parametrize("last_offset", [200, 2**31 - 1, -1, 1])
@pytest.mark.parametrize("analyzer", ["word", str.split])
def test_offsets_outside_the_values(last_offset: int, analyzer: Any) -> None:
    damaged = _damaged_strings(last_offset)
    with pytest.raises(ValueError, match="Arrow data cannot be read"):
        HashingVectorizer(analyzer=analyzer).transform(damaged)


def test_strings_that_are_not_utf8() -> None:
    buffers = [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"a\xff")]
    damaged = pa.Array.from_buffers(pa.string(), 1, buffers)
    with pytest.raises(ValueError, match="Arrow data cannot be read"):
        HashingVectorizer().transform(damaged)


def test_dictionary_keys_outside_the_dictionary() -> None:
    damaged = pa.DictionaryArray.from_arrays(
        pa.array([5, 0], pa.int32()), pa.array(["some words"]), safe=False
    )
    with pytest.raises(ValueError, match="Arrow data cannot be read"):
        HashingVectorizer().transform(damaged)


def test_capsules_that_have_been_taken_over() -> None:
    class Exporter:
        def __init__(self) -> None:
            self.capsules = pa.array(["some words"]).__arrow_c_array__()

        def __arrow_c_array__(self, requested_schema: object = None) -> Any:
            return self.capsules

    exporter = Exporter()
    assert HashingVectorizer().transform(exporter).nnz == 2
    with pytest.raises(ValueError, match="taken over already"):
        HashingVectorizer().transform(exporter)


@pytest.mark.parametrize("parameters", [{}, {"encoding": "latin-1"}, {"analyzer": str}])
def test_python_objects_in_polars_are_not_read_as_addresses(
    parameters: dict[str, Any],
) -> None:
    texts = pl.Series(["some words", "more of them"], dtype=pl.Object)
    assert_same_vectorizer(lambda: texts, parameters)


@pytest.mark.parametrize("last", [np.nan, 3, "words", None])
def test_subclasses_of_pandas_series(last: Any) -> None:
    class Special(pd.Series):  # type: ignore[misc]
        pass

    texts = Special(["some words", last], dtype=object)
    assert_same_vectorizer(lambda: texts, {})


@pytest.mark.parametrize("n_jobs", [2**70, 5000])
def test_more_threads_than_any_machine_has(n_jobs: int) -> None:
    with pytest.raises(ValueError, match="n_jobs must be at most 4096"):
        HashingVectorizer(n_jobs=n_jobs).transform(["words"])


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_n_jobs_is_checked_for_every_dtype(dtype: Any) -> None:
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        FeatureHasher(dtype=dtype, n_jobs=0).transform([{"a": 1}])
