//! Hashing documents and token lists to rows of a matrix.

use std::ops::Range;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use shardfit_core::analyzer::{
    Analyzer as CoreAnalyzer, Features, NgramRange, Tables, TokenClass, TokenRule,
};
use shardfit_core::assembly::Assembly;
use shardfit_core::csr::Real;
use shardfit_core::documents::Document;
use shardfit_core::finishing::Scaled;
use shardfit_core::hashing::{Buckets, Buffers, Counts, Hasher, hash_documents as hash_chunk};
use shardfit_core::kernel::Kernel;
use shardfit_core::parallel;
use shardfit_core::vocabulary::counting::Terminology;
use shardfit_core::vocabulary::term_counts::TermCounts;

use crate::analyzer::Analyzer;
use crate::counting::Store;
use crate::documents::{Batch, Purpose, chunk_documents};
use crate::errors::Failure;
use crate::feed::{Reading, Work, check_signals, feed_documents, feed_tokens};
use crate::kernel::kernel;
use crate::matrix::{CsrArrays, csr_arrays, read_norm};

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

pub(crate) fn buckets(n_features: u64, alternate_sign: bool) -> PyResult<Buckets> {
    Buckets::new(n_features, alternate_sign).ok_or_else(|| {
        PyValueError::new_err(format!(
            "n_features must be between 1 and {}, got {n_features}",
            i32::MAX
        ))
    })
}

#[pyfunction]
#[pyo3(signature = (documents, analyzer, reading, target, store=None))]
pub(crate) fn hash_documents<'py>(
    documents: &Bound<'py, PyAny>,
    analyzer: &Bound<'py, Analyzer>,
    reading: Reading<'py>,
    target: Target,
    store: Option<Store<'py>>,
) -> PyResult<CsrArrays<'py>> {
    let analyzer = analyzer.get();
    let feed = |work: &mut Work<'_, 'py>| {
        feed_documents(documents, analyzer, &reading, Purpose::Hash, work)
    };
    hash(documents.py(), &analyzer.core, &target, store.as_ref(), feed)
}

#[pyfunction]
#[pyo3(signature = (samples, target, store=None))]
pub(crate) fn hash_tokens<'py>(
    samples: &Bound<'py, PyAny>,
    target: Target,
    store: Option<Store<'py>>,
) -> PyResult<CsrArrays<'py>> {
    // No text is analysed, so any analyzer will do.
    let rule = TokenRule { class: TokenClass::Word, min_length: 1 };
    let ngrams = NgramRange { min: 1, max: 1 };
    let features = Features::Words { rule, ngrams, stop_words: None };
    let analyzer = CoreAnalyzer { lowercase: false, features };
    let feed = |work: &mut Work<'_, 'py>| feed_tokens(samples, work);
    hash(samples.py(), &analyzer, &target, store.as_ref(), feed)
}

/// Hashes what `feed` passes on, batch by batch.
fn hash<'py>(
    py: Python<'py>,
    analyzer: &CoreAnalyzer,
    target: &Target,
    store: Option<&Store<'py>>,
    feed: impl FnOnce(&mut Work<'_, 'py>) -> PyResult<()>,
) -> PyResult<CsrArrays<'py>> {
    match target.dtype.as_str() {
        "float64" => hash_as::<f64>(py, analyzer, target, store, feed),
        "float32" => hash_as::<f32>(py, analyzer, target, store, feed),
        other => Err(PyValueError::new_err(format!(
            "dtype must be 'float64' or 'float32', got {other:?}"
        ))),
    }
}

fn hash_as<'py, V: Real + numpy::Element>(
    py: Python<'py>,
    analyzer: &CoreAnalyzer,
    target: &Target,
    store: Option<&Store<'py>>,
    feed: impl FnOnce(&mut Work<'_, 'py>) -> PyResult<()>,
) -> PyResult<CsrArrays<'py>> {
    let kernel = kernel()?;
    let norm = read_norm(target.norm.as_deref())?;
    let run = Run {
        analyzer,
        buckets: buckets(target.n_features, target.alternate_sign)?,
        target,
        kernel,
        assembly: Assembly::<V, _>::new(Scaled { binary: target.binary, norm, kernel }),
    };
    // What goes to the store when all documents have been hashed.
    let mut pending = TermCounts::default();
    feed(&mut |batch| run.work(py, batch, store, &mut pending))?;
    if let Some(store) = store {
        store.add(&pending)?;
    }
    let matrix = run.assembly.finish();
    let wide = matrix.data.len() > target.max_int32;
    csr_arrays(py, matrix, wide)
}

/// One call: batches of documents on their way into rows.
struct Run<'a, V> {
    analyzer: &'a CoreAnalyzer,
    target: &'a Target,
    buckets: Buckets,
    kernel: &'static dyn Kernel,
    assembly: Assembly<V, Scaled<'static>>,
}

impl<V: Real> Run<'_, V> {
    fn work<'py>(
        &self,
        py: Python<'py>,
        batch: &Batch<'py>,
        store: Option<&Store<'py>>,
        pending: &mut TermCounts,
    ) -> Result<(), Failure> {
        let documents = batch.documents()?;
        let chunks = chunk_documents(&documents)?;
        let threads = batch.threads(self.analyzer, self.target.n_threads);
        let tables = batch.tables;
        py.detach(|| self.hash(&documents, &chunks, tables, threads))?;
        if let Some(store) = store {
            let Self { analyzer, kernel, .. } = *self;
            let terminology = Terminology { analyzer, tables, kernel };
            let max_bytes = store.max_bytes;
            py.detach(|| {
                Store::count(&documents, &chunks, terminology, threads, pending, max_bytes)
            })?;
        }
        Ok(())
    }

    fn hash(
        &self,
        documents: &[Document<'_>],
        chunks: &[Range<usize>],
        tables: Option<Tables<'_>>,
        threads: usize,
    ) -> Result<(), Failure> {
        let Self { analyzer, buckets, kernel, ref assembly, .. } = *self;
        let hasher = Hasher { analyzer, tables, buckets, kernel };
        let first = assembly.expect(chunks.len());
        let worker = || {
            let (mut buffers, mut counts) = (Buffers::default(), Counts::default());
            move |chunk: usize, cancel: &_| {
                let documents = &documents[chunks[chunk].clone()];
                hash_chunk(hasher, documents, &mut buffers, &mut counts, cancel)?;
                counts = assembly.place(first + chunk, std::mem::take(&mut counts))?;
                Ok(())
            }
        };
        parallel::run(chunks.len(), threads, worker, check_signals).map(drop)
    }
}
