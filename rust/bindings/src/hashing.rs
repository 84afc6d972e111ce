//! The functions that Python calls.

use numpy::{Element, IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString, PyTuple};
use shardfit_core::analyzer::{
    Analyzer as CoreAnalyzer, Features, NgramRange, TokenClass, TokenRule,
};
use shardfit_core::csr::{self, Arrays, Index, Norm, Scaling, Value};
use shardfit_core::error::reserve;
use shardfit_core::hashing::{
    Buckets, Buffers, Counts, Hasher, bucket, hash_documents as hash_chunk, hash_in_order, sign,
};
use shardfit_core::kernel::Scalar;
use shardfit_core::parallel;

use crate::analyzer::Analyzer;
use crate::arrow::ArrowTexts;
use crate::documents::{Batch, PythonSide, TokenStore, chunk_documents};
use crate::errors::Failure;

/// The three arrays of a CSR matrix: data, indices, indptr.
type CsrArrays<'py> = Bound<'py, PyTuple>;

/// Fewer entries than this are written before a thread has been started.
const SMALL_ENTRIES: usize = 1 << 16;

/// How to hash, and what to make of the counts.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Target {
    n_features: u64,
    alternate_sign: bool,
    binary: bool,
    norm: Option<String>,
    dtype: String,
    n_threads: usize,
    /// With more entries than this, index arrays are 64 bits wide.
    max_int32: usize,
}

impl Target {
    fn buckets(&self) -> PyResult<Buckets> {
        buckets(self.n_features, self.alternate_sign)
    }

    fn scaling(&self) -> PyResult<Scaling> {
        let norm = match self.norm.as_deref() {
            None => None,
            Some("l1") => Some(Norm::L1),
            Some("l2") => Some(Norm::L2),
            Some(other) => {
                return Err(PyValueError::new_err(format!(
                    "norm must be 'l1', 'l2' or None, got {other:?}"
                )));
            }
        };
        Ok(Scaling { binary: self.binary, norm })
    }
}

fn buckets(n_features: u64, alternate_sign: bool) -> PyResult<Buckets> {
    Buckets::new(n_features, alternate_sign).ok_or_else(|| {
        PyValueError::new_err(format!(
            "n_features must be between 1 and {}, got {n_features}",
            i32::MAX
        ))
    })
}

#[pyfunction]
#[pyo3(signature = (documents, analyzer, target, *, decode, analyze, always_decode, is_utf8, null))]
#[expect(clippy::too_many_arguments, reason = "all but three are given by name")]
pub(crate) fn hash_documents<'py>(
    documents: &Bound<'py, PyAny>,
    analyzer: &Bound<'py, Analyzer>,
    target: Target,
    decode: &Bound<'py, PyAny>,
    analyze: &Bound<'py, PyAny>,
    always_decode: bool,
    is_utf8: bool,
    null: &Bound<'py, PyAny>,
) -> PyResult<CsrArrays<'py>> {
    let py = documents.py();
    let python = PythonSide { decode, analyze, always_decode, is_utf8 };
    let analyzer = analyzer.get();
    let mut run = Run::new(py, &analyzer.core, target)?;
    if let Ok(texts) = documents.cast::<ArrowTexts>() {
        let mut number = 0;
        texts.get().visit(|element| {
            // SAFETY: `documents` holds the array and outlives `run` with its batch.
            unsafe { run.batch.push_element(element, null, analyzer, &python) }
                .map_err(|failure| name_document(py, failure, number))?;
            number += 1;
            run.step()
        })?;
    } else {
        for (number, document) in documents.try_iter()?.enumerate() {
            run.batch
                .push(document?, analyzer, &python)
                .map_err(|failure| name_document(py, failure, number))?;
            run.step()?;
        }
    }
    run.finish()
}

#[pyfunction]
pub(crate) fn hash_tokens<'py>(
    samples: &Bound<'py, PyIterator>,
    target: Target,
) -> PyResult<CsrArrays<'py>> {
    // No text is analysed, so any analyzer will do.
    let rule = TokenRule { class: TokenClass::Word, min_length: 1 };
    let ngrams = NgramRange { min: 1, max: 1 };
    let features = Features::Words { rule, ngrams, stop_words: None };
    let analyzer = CoreAnalyzer { lowercase: false, features };
    let mut run = Run::new(samples.py(), &analyzer, target)?;
    for sample in samples {
        run.batch.push_tokens(&sample?)?;
        run.step()?;
    }
    run.finish()
}

/// Adds the number of the document to an exception, as a note: its type and text stay scikit-learn's.
fn name_document(py: Python<'_>, failure: Failure, number: usize) -> PyErr {
    let error = PyErr::from(failure);
    let note = format!("raised for the document with index {number}");
    // An exception that takes no note is still the right exception.
    let _ = error.value(py).call_method1("add_note", (note,));
    error
}

/// One call: batches of documents on their way into rows.
struct Run<'a, 'py> {
    py: Python<'py>,
    analyzer: &'a CoreAnalyzer,
    target: Target,
    buckets: Buckets,
    scaling: Scaling,
    batch: Batch<'py>,
    chunks: Vec<Counts>,
    steps: usize,
}

impl<'a, 'py> Run<'a, 'py> {
    fn new(py: Python<'py>, analyzer: &'a CoreAnalyzer, target: Target) -> PyResult<Self> {
        Ok(Self {
            py,
            analyzer,
            buckets: target.buckets()?,
            scaling: target.scaling()?,
            target,
            batch: Batch::default(),
            chunks: Vec::new(),
            steps: 0,
        })
    }

    /// To be called after each document: works on the batch when it is full.
    fn step(&mut self) -> PyResult<()> {
        self.steps += 1;
        if self.steps.is_multiple_of(1 << 12) {
            self.py.check_signals()?;
        }
        if self.batch.is_full() { Ok(self.work()?) } else { Ok(()) }
    }

    fn work(&mut self) -> Result<(), Failure> {
        let documents = self.batch.documents()?;
        let hasher = Hasher {
            analyzer: self.analyzer,
            tables: self.batch.tables,
            buckets: self.buckets,
            kernel: &Scalar,
        };
        let threads = self.batch.threads(self.target.n_threads);
        let counts = self.py.detach(|| {
            let chunks = chunk_documents(&documents);
            let worker = || {
                let mut buffers = Buffers::default();
                let (chunks, documents) = (&chunks, &documents);
                move |chunk: usize, cancel: &_| {
                    hash_chunk(hasher, &documents[chunks[chunk].clone()], &mut buffers, cancel)
                }
            };
            parallel::run(chunks.len(), threads, worker, check_signals)
        })?;
        drop(documents);
        self.chunks.extend(counts);
        self.batch.clear();
        Ok(())
    }

    fn finish(mut self) -> PyResult<CsrArrays<'py>> {
        if !self.batch.is_empty() {
            self.work()?;
        }
        match self.target.dtype.as_str() {
            "float64" => self.assemble::<f64>(),
            "float32" => self.assemble::<f32>(),
            other => Err(PyValueError::new_err(format!(
                "dtype must be 'float64' or 'float32', got {other:?}"
            ))),
        }
    }

    fn assemble<V: Value + Element>(self) -> PyResult<CsrArrays<'py>> {
        let (_, entries) = csr::shape(&self.chunks);
        if entries > self.target.max_int32 {
            self.assemble_as::<V, i64>()
        } else {
            self.assemble_as::<V, i32>()
        }
    }

    fn assemble_as<V, I>(self) -> PyResult<CsrArrays<'py>>
    where
        V: Value + Element,
        I: Index + Element,
    {
        let Self { py, chunks, scaling, target, .. } = self;
        let (rows, entries) = csr::shape(&chunks);
        let data = zeros::<V>(py, entries)?;
        let indices = zeros::<I>(py, entries)?;
        let indptr = zeros::<I>(py, rows + 1)?;
        {
            let mut data = data.try_readwrite()?;
            let mut indices = indices.try_readwrite()?;
            let mut indptr = indptr.try_readwrite()?;
            let arrays = Arrays {
                data: data.as_slice_mut()?,
                indices: indices.as_slice_mut()?,
                row_ends: &mut indptr.as_slice_mut()?[1..],
            };
            let threads = if entries <= SMALL_ENTRIES { 0 } else { target.n_threads };
            py.detach(|| csr::fill(chunks, arrays, scaling, threads, check_signals))?;
        }
        (data, indices, indptr).into_pyobject(py)
    }
}

/// Lets Ctrl-C in while other threads work.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is fixed")]
fn check_signals() -> Result<(), Failure> {
    Ok(Python::attach(|py| py.check_signals())?)
}

/// Asks `numpy` for an array, which is a `MemoryError` if it cannot be had; fresh memory from the system
/// is zero already, so this costs no pass over it.
fn zeros<T: Element>(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyArray1<T>>> {
    let zeros = py.import("numpy")?.getattr("zeros")?;
    Ok(zeros.call1((length, T::get_dtype(py)))?.cast_into()?)
}

/// Features and their values, as listed by Python.
#[derive(Default)]
struct Pairs {
    names: TokenStore,
    values: Vec<f64>,
}

#[pyfunction]
pub(crate) fn hash_pairs<'py>(
    samples: &Bound<'py, PyIterator>,
    n_features: u64,
    alternate_sign: bool,
    n_threads: usize,
) -> PyResult<CsrArrays<'py>> {
    /// Names are hashed when this many bytes of them have been copied.
    const BATCH_BYTES: usize = 16 << 20;
    let py = samples.py();
    let buckets = buckets(n_features, alternate_sign)?;
    let mut pairs = Pairs::default();
    let (mut data, mut columns, mut indptr) = (Vec::new(), Vec::new(), vec![0_i64]);
    for (number, sample) in samples.clone().enumerate() {
        pairs.push_sample(&sample?)?;
        indptr.push((columns.len() + pairs.values.len()) as i64);
        if pairs.names.text.len() >= BATCH_BYTES {
            pairs.hash(py, buckets, n_threads, &mut data, &mut columns)?;
        }
        if number % (1 << 12) == 0 {
            py.check_signals()?;
        }
    }
    pairs.hash(py, buckets, n_threads, &mut data, &mut columns)?;
    (data.into_pyarray(py), columns.into_pyarray(py), indptr.into_pyarray(py)).into_pyobject(py)
}

impl Pairs {
    fn push_sample(&mut self, sample: &Bound<'_, PyAny>) -> Result<(), Failure> {
        for (i, pair) in sample.try_iter()?.enumerate() {
            if i % (1 << 16) == 0 {
                sample.py().check_signals()?;
            }
            let (name, value) = unpack(&pair?)?;
            self.push(&name, &value)?;
        }
        Ok(())
    }

    /// Adds one feature, in the order of scikit-learn's checks.
    fn push(&mut self, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> Result<(), Failure> {
        let from = self.names.text.len();
        let number = if value.is_instance_of::<PyString>() {
            self.names.push_string(&join(name, value)?)?;
            self.names.close(from, 0)?;
            1.0
        } else {
            let number: f64 = value.extract()?;
            if number == 0.0 {
                return Ok(());
            }
            self.names.push(name, 0)?;
            number
        };
        reserve(&mut self.values, 1)?;
        self.values.push(number);
        Ok(())
    }

    /// Hashes what has been gathered, and forgets it.
    fn hash(
        &mut self,
        py: Python<'_>,
        buckets: Buckets,
        threads: usize,
        data: &mut Vec<f64>,
        columns: &mut Vec<i32>,
    ) -> Result<(), Failure> {
        const CHUNK: usize = 1 << 15;
        self.names.pad()?;
        let TokenStore { text, spans } = &self.names;
        let keys = py.detach(|| {
            let chunks: Vec<_> = spans.chunks(CHUNK).collect();
            let worker = || {
                let chunks = &chunks;
                move |chunk: usize, cancel: &_| {
                    hash_in_order(text, chunks[chunk], buckets, &Scalar, cancel)
                }
            };
            parallel::run(chunks.len(), threads, worker, check_signals)
        })?;
        reserve(data, spans.len())?;
        reserve(columns, spans.len())?;
        let keys = keys.iter().flatten().copied();
        for (key, value) in keys.zip(&self.values) {
            columns.push(bucket(key).cast_signed());
            // The sign of NaN turns as well, as it does in scikit-learn.
            data.push(if sign(key) < 0 { -value } else { *value });
        }
        self.names.text.clear();
        self.names.spans.clear();
        self.values.clear();
        Ok(())
    }
}

/// The feature `name=value` of a value that is a string.
fn join<'py>(
    name: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyString>> {
    let equals = intern!(name.py(), "=");
    let joined = name.str()?.add(equals)?.add(value.str()?)?;
    Ok(joined.cast_into()?)
}

/// Unpacks `name, value` from a pair of any type.
fn unpack<'py>(pair: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    if let Ok(tuple) = pair.cast_exact::<PyTuple>()
        && tuple.len() == 2
    {
        return Ok((tuple.get_item(0)?, tuple.get_item(1)?));
    }
    let mut items = pair.try_iter()?;
    let missing =
        |got| PyValueError::new_err(format!("not enough values to unpack (expected 2, got {got})"));
    let name = items.next().ok_or_else(|| missing(0))??;
    let value = items.next().ok_or_else(|| missing(1))??;
    match items.next() {
        None => Ok((name, value)),
        Some(surplus) => {
            surplus?;
            Err(PyValueError::new_err("too many values to unpack (expected 2)"))
        }
    }
}
