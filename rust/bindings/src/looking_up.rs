//! Looking up the terms of documents in a vocabulary.

use std::ops::Range;

use numpy::{Element, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use shardfit_core::assembly::{Assembly, Values};
use shardfit_core::csr::{Real, Value};
use shardfit_core::documents::Document;
use shardfit_core::finishing::{AsCounted, Weighted};
use shardfit_core::hashing::Counts;
use shardfit_core::parallel::{self, Cancel};
use shardfit_core::vocabulary::counting::Terminology;
use shardfit_core::vocabulary::rows::{self, Buffers};

use crate::analyzer::Analyzer;
use crate::counting::terminology;
use crate::documents::{Purpose, chunk_documents};
use crate::errors::Failure;
use crate::feed::{Reading, Work, check_signals, feed_documents};
use crate::matrix::{CsrArrays, csr_arrays, read_norm};
use crate::rows::Weighting;
use crate::vocabulary::Vocabulary;

#[pyfunction]
pub(crate) fn look_up_terms<'py>(
    documents: &Bound<'py, PyAny>,
    analyzer: &Bound<'py, Analyzer>,
    reading: Reading<'py>,
    vocabulary: &Bound<'py, Vocabulary>,
    weighting: Weighting<'py>,
) -> PyResult<CsrArrays<'py>> {
    if !weighting.tf.is_none() {
        return Err(PyValueError::new_err("counts can be replaced when all are known only"));
    }
    let search = Search {
        documents,
        analyzer: analyzer.get(),
        reading: &reading,
        vocabulary: vocabulary.get(),
        weighting: &weighting,
    };
    let counted = AsCounted { binary: weighting.binary };
    match weighting.dtype.as_str() {
        "int64" | "int32" if weighting.norm.is_some() || !weighting.idf.is_none() => {
            Err(PyValueError::new_err("integers cannot be weighted"))
        }
        "int64" => search.run::<i64, _>(counted),
        "int32" => search.run::<i32, _>(counted),
        "float64" => search.run_weighted::<f64>(counted),
        "float32" => search.run_weighted::<f32>(counted),
        other => Err(PyValueError::new_err(format!(
            "dtype must be 'int64', 'int32', 'float64' or 'float32', got {other:?}"
        ))),
    }
}

/// What is looked up in what, and what becomes of the counts.
struct Search<'a, 'py> {
    documents: &'a Bound<'py, PyAny>,
    analyzer: &'a Analyzer,
    reading: &'a Reading<'py>,
    vocabulary: &'a Vocabulary,
    weighting: &'a Weighting<'py>,
}

impl<'py> Search<'_, 'py> {
    fn run_weighted<V: Real + Element>(self, counted: AsCounted) -> PyResult<CsrArrays<'py>> {
        let norm = read_norm(self.weighting.norm.as_deref())?;
        let idf: Option<PyReadonlyArray1<'py, V>> = self.weighting.idf.extract()?;
        let weights = idf.as_ref().map(|idf| idf.as_slice()).transpose()?;
        let width = self.vocabulary.columns.width();
        if weights.is_some_and(|weights| weights.len() < width) {
            return Err(PyValueError::new_err(format!(
                "idf must have an element for each of {width} columns"
            )));
        }
        self.run(Weighted { counted, tf: None, weights, norm })
    }

    fn run<V: Value + Element, F: Values<V>>(self, values: F) -> PyResult<CsrArrays<'py>> {
        let py = self.documents.py();
        let (core, vocabulary) = (&self.analyzer.core, self.vocabulary);
        let assembly = Assembly::<V, F>::new(values);
        let work: &mut Work<'_, 'py> = &mut |batch| {
            let documents = batch.documents()?;
            let terminology = terminology(self.analyzer, batch)?;
            let threads = batch.threads(core, self.weighting.n_threads);
            py.detach(|| {
                let chunks = chunk_documents(&documents)?;
                // Else every thread would make the table for itself.
                vocabulary.terms.prepare()?;
                let first = assembly.expect(chunks.len());
                let parts = (&assembly, first);
                look_up(terminology, vocabulary, &documents, &chunks, parts, threads)
            })
        };
        feed_documents(self.documents, self.analyzer, self.reading, Purpose::Count, work)?;
        let matrix = assembly.finish();
        let wide = matrix.data.len() > self.weighting.max_int32;
        csr_arrays(py, matrix, wide)
    }
}

/// Looks up the terms of some chunks; the first of these is the part of the assembly with the number `first`.
fn look_up<V: Value, F: Values<V>>(
    terminology: Terminology<'_>,
    vocabulary: &Vocabulary,
    documents: &[Document<'_>],
    chunks: &[Range<usize>],
    (assembly, first): (&Assembly<V, F>, usize),
    threads: usize,
) -> Result<(), Failure> {
    let Vocabulary { terms, columns, .. } = vocabulary;
    let worker = || {
        let (mut buffers, mut found) = (Buffers::default(), Counts::default());
        move |chunk: usize, cancel: &Cancel| {
            let documents = &documents[chunks[chunk].clone()];
            rows::look_up(
                terminology,
                terms,
                columns,
                documents,
                &mut buffers,
                &mut found,
                cancel,
            )?;
            found = assembly.place(first + chunk, std::mem::take(&mut found))?;
            Ok(())
        }
    };
    parallel::run(chunks.len(), threads, worker, check_signals).map(drop)
}
