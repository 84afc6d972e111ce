//! Counted documents, kept until it is known what their matrix looks like.

use std::sync::{Mutex, PoisonError};

use numpy::{Element, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use shardfit_core::csr::{Norm, Real, Rows as CoreRows, Value};
use shardfit_core::error::reserve;
use shardfit_core::parallel::{self, Cancel};
use shardfit_core::vocabulary::counting::{Renumbering, TermCounts};
use shardfit_core::vocabulary::entries::Entries;
use shardfit_core::vocabulary::rows::{FirstSight, NO_COLUMN, count_kept};

use crate::errors::Failure;
use crate::feed::check_signals;
use crate::kernel::kernel;
use crate::matrix::{AsCounted, Assembly, CsrArrays, Weights, assemble, read_norm};
use crate::vocabulary::{columns_by_number, width};

/// What becomes of counts on their way into the matrix.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Weighting<'py> {
    pub(crate) dtype: String,
    pub(crate) binary: bool,
    pub(crate) tf: Bound<'py, PyAny>,
    pub(crate) idf: Bound<'py, PyAny>,
    pub(crate) norm: Option<String>,
    pub(crate) n_threads: usize,
    /// With more entries than this, index arrays are 64 bits wide.
    pub(crate) max_int32: usize,
}

/// By documents; entries in the numbers of the counter that counted them.
struct Counted {
    chunks: Vec<(usize, Entries)>,
    renumbering: Renumbering,
    n_terms: usize,
}

/// Counts per document, used up by `matrix`.
#[pyclass(frozen, module = "shardfit._rust")]
pub(crate) struct Rows {
    #[pyo3(get)]
    n_documents: usize,
    #[pyo3(get)]
    n_entries: usize,
    #[pyo3(get)]
    largest_count: u32,
    counted: Mutex<Option<Counted>>,
}

impl Rows {
    pub(crate) fn of_first_sight(
        chunks: Vec<(usize, Entries)>,
        renumbering: Renumbering,
        counts: &TermCounts,
        largest_count: u32,
    ) -> Self {
        let n_terms = counts.vocabulary.terms().len();
        Self {
            n_documents: chunks.iter().map(|(_, entries)| entries.row_ends().len()).sum(),
            n_entries: chunks.iter().map(|(_, entries)| entries.len()).sum(),
            largest_count,
            counted: Mutex::new(Some(Counted { chunks, renumbering, n_terms })),
        }
    }
}

#[pymethods]
impl Rows {
    fn matrix<'py>(
        &self,
        py: Python<'py>,
        weighting: Weighting<'py>,
        columns: PyReadonlyArray1<'py, i32>,
    ) -> PyResult<CsrArrays<'py>> {
        let counted =
            self.counted.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner).take();
        let Counted { chunks, renumbering, n_terms } =
            counted.ok_or_else(|| PyValueError::new_err("these rows have been used up"))?;
        let n_threads = weighting.n_threads;
        let wide = self.n_entries > weighting.max_int32;
        let assembly = Assembly { n_threads, wide };
        let columns = columns_by_number(columns.as_slice()?, n_terms)?;
        let width = width(&columns);
        let chunks = place(py, chunks, &renumbering, &columns, n_threads)?;
        self.weigh(py, chunks, &weighting, width, assembly)
    }
}

/// Gives the terms of counted documents their columns.
fn place<'a>(
    py: Python<'_>,
    chunks: Vec<(usize, Entries)>,
    renumbering: &'a Renumbering,
    columns: &'a [u32],
    n_threads: usize,
) -> PyResult<Vec<FirstSight<'a>>> {
    let numbers = |counter: usize| renumbering[counter].as_deref();
    let kept = if columns[1..].contains(&NO_COLUMN) {
        let worker = || {
            |chunk: usize, cancel: &Cancel| {
                cancel.check()?;
                let (counter, entries) = &chunks[chunk];
                Ok(count_kept(entries, numbers(*counter), columns))
            }
        };
        let threads = if chunks.len() <= 1 { 0 } else { n_threads };
        py.detach(|| parallel::run(chunks.len(), threads, worker, check_signals))
            .map_err(PyErr::from)?
    } else {
        let mut all = Vec::new();
        reserve(&mut all, chunks.len()).map_err(Failure::from)?;
        all.extend(chunks.iter().map(|(_, entries)| entries.len()));
        all
    };
    let kernel = kernel()?;
    let mut placed = Vec::new();
    reserve(&mut placed, chunks.len()).map_err(Failure::from)?;
    placed.extend(chunks.into_iter().zip(kept).map(|((counter, entries), kept)| {
        FirstSight::new(entries, numbers(counter), columns, kept, kernel)
    }));
    Ok(placed)
}

impl Rows {
    fn weigh<'py, R: CoreRows>(
        &self,
        py: Python<'py>,
        chunks: Vec<R>,
        weighting: &Weighting<'py>,
        width: usize,
        assembly: Assembly,
    ) -> PyResult<CsrArrays<'py>> {
        let norm = read_norm(weighting.norm.as_deref())?;
        let is_weighted = norm.is_some() || !weighting.tf.is_none() || !weighting.idf.is_none();
        match weighting.dtype.as_str() {
            "int64" | "int32" if is_weighted => {
                Err(PyValueError::new_err("integers cannot be weighted"))
            }
            "int64" => counts::<R, i64>(py, chunks, weighting.binary, assembly),
            "int32" => counts::<R, i32>(py, chunks, weighting.binary, assembly),
            "float64" => self.weigh_as::<R, f64>(py, chunks, weighting, norm, width, assembly),
            "float32" => self.weigh_as::<R, f32>(py, chunks, weighting, norm, width, assembly),
            other => Err(PyValueError::new_err(format!(
                "dtype must be 'int64', 'int32', 'float64' or 'float32', got {other:?}"
            ))),
        }
    }

    fn weigh_as<'py, R: CoreRows, V: Real + Element>(
        &self,
        py: Python<'py>,
        chunks: Vec<R>,
        weighting: &Weighting<'py>,
        norm: Option<Norm>,
        width: usize,
        assembly: Assembly,
    ) -> PyResult<CsrArrays<'py>> {
        let tf: Option<PyReadonlyArray1<'py, V>> = weighting.tf.extract()?;
        let idf: Option<PyReadonlyArray1<'py, V>> = weighting.idf.extract()?;
        let tf = tf.as_ref().map(|tf| tf.as_slice()).transpose()?;
        let idf = idf.as_ref().map(|idf| idf.as_slice()).transpose()?;
        let binary = weighting.binary;
        let most = if binary { 1 } else { self.largest_count as usize };
        if tf.is_some_and(|tf| tf.len() <= most) || idf.is_some_and(|idf| idf.len() < width) {
            return Err(PyValueError::new_err(format!(
                "tf must have an element for each count up to {most}, idf for each of {width} \
                 columns"
            )));
        }
        let value = |count: i32| {
            let count = if binary { 1 } else { count };
            tf.map_or_else(|| V::from_count(count), |tf| tf[count as usize])
        };
        assemble(py, chunks, &value, &Weights { columns: idf, norm }, assembly)
    }
}

fn counts<R: CoreRows, V: Value + Element>(
    py: Python<'_>,
    chunks: Vec<R>,
    binary: bool,
    assembly: Assembly,
) -> PyResult<CsrArrays<'_>> {
    let value = |count| V::from_count(if binary { 1 } else { count });
    assemble(py, chunks, &value, &AsCounted, assembly)
}
