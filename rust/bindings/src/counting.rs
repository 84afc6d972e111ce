//! Counting the terms of documents.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::RwLockExt;
use pyo3::types::{PyBytes, PyList};
use shardfit_core::documents::Document;
use shardfit_core::error::reserve;
use shardfit_core::hashing::{bucket, sign};
use shardfit_core::murmur3::murmur3;
use shardfit_core::parallel::{self, Cancel};
use shardfit_core::vocabulary::counting::{Chunk, Counter, Terminology};
use shardfit_core::vocabulary::joining::{Joined, join};
use shardfit_core::vocabulary::sorting::alphabetical;
use shardfit_core::vocabulary::term_counts::TermCounts as CoreCounts;

use crate::analyzer::Analyzer;
use crate::documents::{Batch, Purpose, TokenStore, chunk_documents};
use crate::errors::Failure;
use crate::feed::{Reading, check_signals, feed_documents};
use crate::hashing::buckets;
use crate::kernel::kernel;
use crate::matrix::array;
use crate::rows::Rows;
use crate::vocabulary::{Vocabulary, columns_by_number, term_list};

/// Columns, and whether a feature counts as -1 there.
type Hashed<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<bool>>);

/// Terms in order of first sight, with the number of documents and of times each was met.
#[pyclass(frozen, module = "shardfit._rust")]
pub(crate) struct TermCounts(RwLock<CoreCounts>);

#[pymethods]
impl TermCounts {
    #[staticmethod]
    fn restore(
        terms: &Bound<'_, PyList>,
        document_frequencies: PyReadonlyArray1<'_, i64>,
        term_frequencies: PyReadonlyArray1<'_, i64>,
        n_documents: u64,
    ) -> PyResult<Self> {
        let documents = frequencies(&document_frequencies)?;
        let totals = frequencies(&term_frequencies)?;
        if documents.len() != terms.len() || totals.len() != terms.len() {
            return Err(PyValueError::new_err(format!(
                "there must be as many frequencies as terms, got {}, {} and {}",
                documents.len(),
                totals.len(),
                terms.len(),
            )));
        }
        let mut store = TokenStore::default();
        for term in terms {
            if term.is_instance_of::<PyBytes>() {
                store.push(&term, 0)?;
            } else {
                store.push_term(&term, 0)?;
            }
        }
        let vocabulary = store.vocabulary()?.into();
        Ok(Self(RwLock::new(CoreCounts { vocabulary, documents, totals, n_documents })))
    }

    #[getter]
    fn n_documents(&self, py: Python<'_>) -> u64 {
        self.read(py, |counts| counts.n_documents)
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.read(py, |counts| counts.vocabulary.terms().len())
    }

    fn terms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.read(py, |counts| {
            let terms = counts.vocabulary.terms();
            term_list(py, terms, terms.numbers())
        })
    }

    fn document_frequencies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        self.read(py, |counts| integers(py, &counts.documents))
    }

    fn term_frequencies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        self.read(py, |counts| integers(py, &counts.totals))
    }

    fn alphabetical_order<'py>(
        &self,
        py: Python<'py>,
        n_threads: usize,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let vocabulary = self.read(py, |counts| counts.vocabulary.clone());
        let terms = vocabulary.terms();
        let threads = if terms.len() <= SMALL_TERMS { 0 } else { n_threads };
        let order = py.detach(|| alphabetical(terms, threads, check_signals));
        let order = order.map_err(PyErr::from)?;
        array(py, order.into_iter().map(|number| i64::from(number) - 1))
    }

    fn absorb(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<()> {
        if std::ptr::eq(self, other.get()) {
            return Err(PyValueError::new_err("counts cannot absorb themselves"));
        }
        let other = other.get().0.read_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        let mut own = self.0.write_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        Ok(own.absorb(&other).map_err(Failure::from)?)
    }

    /// The column of each term in a matrix of hashed features, and whether it counts as -1 there.
    fn hashed<'py>(
        &self,
        py: Python<'py>,
        n_features: u64,
        alternate_sign: bool,
    ) -> PyResult<Hashed<'py>> {
        let buckets = buckets(n_features, alternate_sign)?;
        let vocabulary = self.read(py, |counts| counts.vocabulary.clone());
        let terms = vocabulary.terms();
        let mut keys = Vec::new();
        reserve(&mut keys, terms.len()).map_err(Failure::from)?;
        keys.extend(terms.numbers().map(|number| buckets.key(murmur3(terms.bytes(number)))));
        let columns = array(py, keys.iter().map(|&key| bucket(key).into()))?;
        Ok((columns, array(py, keys.iter().map(|&key| sign(key) < 0))?))
    }

    fn vocabulary(
        &self,
        py: Python<'_>,
        columns: PyReadonlyArray1<'_, i32>,
    ) -> PyResult<Vocabulary> {
        let vocabulary = self.read(py, |counts| counts.vocabulary.clone());
        let columns = columns_by_number(columns.as_slice()?, vocabulary.terms().len())?;
        Ok(Vocabulary::new(vocabulary, columns))
    }
}

pub(crate) fn terminology<'t>(
    analyzer: &'t Analyzer,
    batch: &Batch<'_>,
) -> PyResult<Terminology<'t>> {
    Ok(Terminology { analyzer: &analyzer.core, tables: batch.tables, kernel: kernel()? })
}

/// Fewer terms than this are sorted before a thread has been started.
const SMALL_TERMS: usize = 1 << 12;

impl TermCounts {
    fn read<T>(&self, py: Python<'_>, get: impl FnOnce(&CoreCounts) -> T) -> T {
        get(&self.0.read_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }
}

fn frequencies(array: &PyReadonlyArray1<'_, i64>) -> PyResult<Vec<u64>> {
    let frequency = |&number: &i64| {
        u64::try_from(number).map_err(|_| {
            PyValueError::new_err(format!("a frequency must not be negative, got {number}"))
        })
    };
    let mut frequencies = Vec::new();
    reserve(&mut frequencies, array.len()?).map_err(Failure::from)?;
    for number in array.as_slice()? {
        frequencies.push(frequency(number)?);
    }
    Ok(frequencies)
}

fn integers<'py>(py: Python<'py>, numbers: &[u64]) -> PyResult<Bound<'py, PyArray1<i64>>> {
    array(py, numbers.iter().map(|number| number.cast_signed()))
}

/// A counter that a thread works with for the time of one batch, and then gives back.
struct Lease<'a> {
    counters: &'a Mutex<Vec<(usize, Counter)>>,
    /// Its place among the counters, and the counter.
    counter: Option<(usize, Counter)>,
}

impl<'a> Lease<'a> {
    fn new(counters: &'a Mutex<Vec<(usize, Counter)>>, made: &AtomicUsize) -> Self {
        let idle = counters.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let new = || (made.fetch_add(1, Ordering::Relaxed), Counter::default());
        Self { counters, counter: Some(idle.unwrap_or_else(new)) }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).extend(self.counter.take());
    }
}

/// Documents that are counted batch by batch.
#[derive(Default)]
struct Count {
    /// The counters that no thread works with at the moment.
    idle: Mutex<Vec<(usize, Counter)>>,
    made: AtomicUsize,
    /// In the order of the documents: which counter has counted each chunk, and what it found.
    chunks: Vec<(usize, Chunk)>,
}

impl Count {
    /// Counts the documents of some chunks.
    fn work(
        &mut self,
        documents: &[Document<'_>],
        chunks: &[Range<usize>],
        terminology: Terminology<'_>,
        n_threads: usize,
        keep_rows: bool,
    ) -> Result<(), Failure> {
        // Room for those of all threads, which may not find any when they give theirs back.
        reserve(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner), n_threads.max(1))?;
        let (idle, made) = (&self.idle, &self.made);
        let worker = || {
            let mut lease = Lease::new(idle, made);
            move |chunk: usize, cancel: &Cancel| {
                let (place, counter) =
                    lease.counter.as_mut().expect("a lease ends with its thread");
                let documents = &documents[chunks[chunk].clone()];
                Ok((*place, counter.count(terminology, documents, keep_rows, cancel)?))
            }
        };
        let counted = parallel::run(chunks.len(), n_threads, worker, check_signals)?;
        reserve(&mut self.chunks, counted.len())?;
        self.chunks.extend(counted);
        Ok(())
    }

    /// Joins what the counters have counted.
    fn finish(self, n_threads: usize) -> Result<(CoreCounts, Rows), Failure> {
        let mut idle = self.idle.into_inner().unwrap_or_else(PoisonError::into_inner);
        idle.sort_unstable_by_key(|(place, _)| *place);
        let mut counters = Vec::new();
        reserve(&mut counters, idle.len())?;
        counters.extend(idle.into_iter().map(|(_, counter)| counter));
        let largest = counters.iter().map(Counter::largest).max().unwrap_or(0);
        let chunks = self.chunks;
        let size = |(_, chunk): &(_, Chunk)| chunk.entries.len().max(chunk.new.len());
        let size: usize = chunks.iter().map(size).sum();
        let n_threads = if size <= SMALL_TERMS { 0 } else { n_threads };
        let counters = Mutex::new(counters);
        let worker = || {
            |_, cancel: &Cancel| {
                let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
                join(std::mem::take(&mut *counters), &chunks, n_threads, cancel)
            }
        };
        let joined = parallel::run(1, n_threads.min(1), worker, check_signals)?;
        let Joined { counts, renumbering, stores } = joined.into_iter().next().unwrap_or_default();
        let mut entries = Vec::new();
        reserve(&mut entries, chunks.len())?;
        entries.extend(chunks.into_iter().map(|(counter, chunk)| (counter, chunk.entries)));
        let rows = Rows::of_first_sight(entries, stores, renumbering, &counts, largest);
        Ok((counts, rows))
    }
}

/// Where the terms of documents go that are analysed for another purpose, and how much memory they may take.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Store<'py> {
    counts: Bound<'py, TermCounts>,
    pub(crate) max_bytes: usize,
}

impl Store<'_> {
    /// Counts the terms of documents into `pending`, which may take `max_bytes`.
    pub(crate) fn count(
        documents: &[Document<'_>],
        chunks: &[Range<usize>],
        terminology: Terminology<'_>,
        n_threads: usize,
        pending: &mut CoreCounts,
        max_bytes: usize,
    ) -> Result<(), Failure> {
        /// So many chunks of documents are counted before it is looked whether there is too much. It does not
        /// depend on the number of threads, since what is forgotten depends on it.
        const ROUND: usize = 16;
        for chunks in chunks.chunks(ROUND) {
            let mut count = Count::default();
            count.work(documents, chunks, terminology, n_threads, false)?;
            let (counts, _) = count.finish(n_threads)?;
            pending.absorb(&counts)?;
            pending.trim(max_bytes)?;
        }
        Ok(())
    }

    /// Adds what was counted, when all documents have been.
    pub(crate) fn add(&self, pending: &CoreCounts) -> Result<(), Failure> {
        let py = self.counts.py();
        let own = &self.counts.get().0;
        let mut own = own.write_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        own.absorb(pending)?;
        Ok(own.trim(self.max_bytes)?)
    }
}

#[pyfunction]
#[pyo3(signature = (documents, analyzer, reading, *, n_threads, keep_rows))]
pub(crate) fn count_terms<'py>(
    documents: &Bound<'py, PyAny>,
    analyzer: &Bound<'py, Analyzer>,
    reading: Reading<'py>,
    n_threads: usize,
    keep_rows: bool,
) -> PyResult<(TermCounts, Option<Rows>)> {
    let py = documents.py();
    let analyzer = analyzer.get();
    let mut count = Count::default();
    feed_documents(documents, analyzer, &reading, Purpose::Count, &mut |batch| {
        let documents = batch.documents()?;
        let terminology = terminology(analyzer, batch)?;
        let threads = batch.threads(&analyzer.core, n_threads);
        py.detach(|| {
            let chunks = chunk_documents(&documents)?;
            count.work(&documents, &chunks, terminology, threads, keep_rows)
        })
    })?;
    let (counts, rows) = py.detach(|| count.finish(n_threads))?;
    Ok((TermCounts(RwLock::new(counts)), keep_rows.then_some(rows)))
}
