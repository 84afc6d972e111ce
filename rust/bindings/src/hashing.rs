//! Hashing documents and token lists to rows of a matrix.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use shardfit_core::analyzer::{
    Analyzer as CoreAnalyzer, Features, NgramRange, TokenClass, TokenRule,
};
use shardfit_core::csr::{self, Real};
use shardfit_core::hashing::{Buckets, Buffers, Counts, Hasher, hash_documents as hash_chunk};
use shardfit_core::kernel::Scalar;
use shardfit_core::parallel;
use shardfit_core::vocabulary::counting::{TermCounts, Terminology};

use crate::analyzer::Analyzer;
use crate::counting::Store;
use crate::documents::{Batch, Purpose, chunk_documents};
use crate::errors::Failure;
use crate::feed::{Reading, check_signals, feed_documents, feed_tokens};
use crate::matrix::{Assembly, CsrArrays, Weights, assemble, read_norm};

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
    let mut run = Run::new(documents.py(), &analyzer.core, target, store)?;
    feed_documents(documents, analyzer, &reading, Purpose::Hash, |batch| run.work(batch))?;
    run.finish()
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
    let mut run = Run::new(samples.py(), &analyzer, target, store)?;
    feed_tokens(samples, |batch| run.work(batch))?;
    run.finish()
}

/// One call: batches of documents on their way into rows.
struct Run<'a, 'py> {
    py: Python<'py>,
    analyzer: &'a CoreAnalyzer,
    target: Target,
    buckets: Buckets,
    store: Option<Store<'py>>,
    /// What goes to the store when all documents have been hashed.
    pending: TermCounts,
    chunks: Vec<Counts>,
}

impl<'a, 'py> Run<'a, 'py> {
    fn new(
        py: Python<'py>,
        analyzer: &'a CoreAnalyzer,
        target: Target,
        store: Option<Store<'py>>,
    ) -> PyResult<Self> {
        let buckets = buckets(target.n_features, target.alternate_sign)?;
        let (pending, chunks) = (TermCounts::default(), Vec::new());
        Ok(Self { py, analyzer, target, buckets, store, pending, chunks })
    }

    fn work(&mut self, batch: &Batch<'py>) -> Result<(), Failure> {
        let documents = batch.documents()?;
        let chunks = chunk_documents(&documents);
        let (analyzer, tables) = (self.analyzer, batch.tables);
        let hasher = Hasher { analyzer, tables, buckets: self.buckets, kernel: &Scalar };
        let threads = batch.threads(self.analyzer, self.target.n_threads);
        let counts = self.py.detach(|| {
            let worker = || {
                let mut buffers = Buffers::default();
                let (chunks, documents) = (&chunks, &documents);
                move |chunk: usize, cancel: &_| {
                    hash_chunk(hasher, &documents[chunks[chunk].clone()], &mut buffers, cancel)
                }
            };
            parallel::run(chunks.len(), threads, worker, check_signals)
        })?;
        if let Some(store) = &self.store {
            let terminology = Terminology { analyzer, tables, kernel: &Scalar };
            let (pending, max_bytes) = (&mut self.pending, store.max_bytes);
            self.py.detach(|| {
                Store::count(&documents, &chunks, terminology, threads, pending, max_bytes)
            })?;
        }
        self.chunks.extend(counts);
        Ok(())
    }

    fn finish(self) -> PyResult<CsrArrays<'py>> {
        if let Some(store) = &self.store {
            store.add(&self.pending)?;
        }
        match self.target.dtype.as_str() {
            "float64" => self.assemble::<f64>(),
            "float32" => self.assemble::<f32>(),
            other => Err(PyValueError::new_err(format!(
                "dtype must be 'float64' or 'float32', got {other:?}"
            ))),
        }
    }

    fn assemble<V: Real + numpy::Element>(self) -> PyResult<CsrArrays<'py>> {
        let Self { py, target, chunks, .. } = self;
        let norm = read_norm(target.norm.as_deref())?;
        let wide = csr::shape(&chunks).1 > target.max_int32;
        let binary = target.binary;
        let value = |sum| if binary { V::from_count(1) } else { V::from_signs(sum) };
        let assembly = Assembly { n_threads: target.n_threads, wide };
        assemble(py, chunks, &value, &Weights { columns: None, norm }, assembly)
    }
}
