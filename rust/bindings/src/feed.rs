//! From an iterable of documents to batches that the core works on.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;
use shardfit_core::documents;

use crate::analyzer::Analyzer;
use crate::arrow::ArrowTexts;
use crate::documents::{Batch, Purpose, PythonSide};
use crate::errors::Failure;

/// How documents are read, and what stands for a null in Arrow data.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Reading<'py> {
    decode: Bound<'py, PyAny>,
    analyze: Bound<'py, PyAny>,
    always_decode: bool,
    is_utf8: bool,
    null: Bound<'py, PyAny>,
}

/// Gathers documents into batches and calls `work` for each, in order.
pub(crate) fn feed_documents<'py>(
    documents: &Bound<'py, PyAny>,
    analyzer: &Analyzer,
    reading: &Reading<'py>,
    purpose: Purpose,
    work: &mut Work<'_, 'py>,
) -> PyResult<()> {
    let py = documents.py();
    let Reading { decode, analyze, always_decode, is_utf8, null } = reading;
    let python = PythonSide { decode, analyze, always_decode: *always_decode, is_utf8: *is_utf8 };
    let mut feed = Feed::new(py, purpose, work);
    if let Ok(texts) = documents.cast::<ArrowTexts>() {
        let mut number = 0;
        texts.get().visit(|element| {
            // SAFETY: `documents` holds the array and outlives `feed` with its batch.
            unsafe { feed.batch.push_element(element, null, analyzer, &python) }
                .map_err(|failure| name_document(py, failure, number))?;
            number += 1;
            feed.step()
        })?;
    } else if let Ok(list) = documents.cast_exact::<PyList>() {
        feed.batch.reserve(list.len()).map_err(Failure::from)?;
        let mut number = 0;
        // As with Python's own iterator, the end is where the list ends when it is reached.
        while let Some(document) = element(list, number) {
            prefetch(list, number + PREFETCHED);
            feed.take(document, number, analyzer, &python)?;
            number += 1;
        }
    } else {
        for (number, document) in documents.try_iter()?.enumerate() {
            feed.take(document?, number, analyzer, &python)?;
        }
    }
    feed.finish()
}

/// While a document of a list is taken, the one so many further on is fetched from memory.
const PREFETCHED: usize = 16;

/// The object in a list at a place, if there is one.
fn element<'py>(list: &Bound<'py, PyList>, place: usize) -> Option<Bound<'py, PyAny>> {
    // Where another thread has shortened the list between the two, it ends here as well.
    if place < list.len() { list.get_item(place).ok() } else { None }
}

/// Has the processor fetch the head of an object in a list, if there is one at that place: to take it is to write to its
/// reference count, and strings lie scattered in memory.
fn prefetch(list: &Bound<'_, PyList>, place: usize) {
    /// The head of a string may lie on two cache lines, of which this is in the second.
    const STATE: usize = std::mem::offset_of!(ffi::PyASCIIObject, state);
    if place >= list.len() {
        return;
    }
    // SAFETY: the list is one, and the place is not beyond what may be passed. Whether the object is still there when
    // its address is used does not matter.
    let object: *const u8 = unsafe { ffi::PyList_GetItem(list.as_ptr(), place as isize) }.cast();
    if object.is_null() {
        // Only if another thread has shortened the list meanwhile.
        drop(PyErr::take(list.py()));
        return;
    }
    documents::prefetch(object);
    documents::prefetch(object.wrapping_add(STATE));
}

/// Gathers samples whose features are at hand into batches and calls `work` for each, in order.
pub(crate) fn feed_tokens<'py>(
    samples: &Bound<'py, PyAny>,
    work: &mut Work<'_, 'py>,
) -> PyResult<()> {
    let mut feed = Feed::new(samples.py(), Purpose::Hash, work);
    for sample in samples.try_iter()? {
        feed.batch.push_tokens(&sample?)?;
        feed.step()?;
    }
    feed.finish()
}

/// Adds the number of the document to an exception, as a note: its type and text stay scikit-learn's.
fn name_document(py: Python<'_>, failure: Failure, number: usize) -> PyErr {
    let error = PyErr::from(failure);
    let note = format!("raised for the document with index {number}");
    // An exception that takes no note is still the right exception.
    let _ = error.value(py).call_method1("add_note", (note,));
    error
}

/// What is called for each batch.
pub(crate) type Work<'w, 'py> = dyn FnMut(&Batch<'py>) -> Result<(), Failure> + 'w;

/// The batch at hand and what to do when it is full.
struct Feed<'w, 'py> {
    py: Python<'py>,
    batch: Batch<'py>,
    work: &'w mut Work<'w, 'py>,
    steps: usize,
}

impl<'w, 'py> Feed<'w, 'py> {
    fn new(py: Python<'py>, purpose: Purpose, work: &'w mut Work<'w, 'py>) -> Self {
        Self { py, batch: Batch::new(purpose), work, steps: 0 }
    }

    /// Adds the document of this number to the batch.
    #[inline]
    fn take(
        &mut self,
        document: Bound<'py, PyAny>,
        number: usize,
        analyzer: &Analyzer,
        python: &PythonSide<'_, 'py>,
    ) -> PyResult<()> {
        // Not `map_err`, which would read back what has been written a moment ago, in other pieces: for short documents
        // that takes longer than all else.
        if let Err(failure) = self.batch.push(document, analyzer, python) {
            return Err(name_document(self.py, failure, number));
        }
        self.step()
    }

    /// To be called after each document: works on the batch when it is full.
    fn step(&mut self) -> PyResult<()> {
        self.steps += 1;
        if self.steps.is_multiple_of(1 << 12) {
            self.py.check_signals()?;
        }
        if self.batch.is_full() {
            (self.work)(&self.batch)?;
            self.batch.clear();
        }
        Ok(())
    }

    fn finish(self) -> PyResult<()> {
        if !self.batch.is_empty() {
            (self.work)(&self.batch)?;
        }
        Ok(())
    }
}

/// Lets Ctrl-C in while other threads work.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is fixed")]
pub(crate) fn check_signals() -> Result<(), Failure> {
    Ok(Python::attach(|py| py.check_signals())?)
}
