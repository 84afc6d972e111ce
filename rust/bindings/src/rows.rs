//! Counted documents, kept until it is known what their matrix looks like.

use std::sync::{Mutex, PoisonError};

use numpy::{Element, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use shardfit_core::assembly::{Assembly, Values};
use shardfit_core::csr::{Real, Value};
use shardfit_core::error::reserve;
use shardfit_core::finishing::{AsCounted, Weighted};
use shardfit_core::hashing::Counts;
use shardfit_core::parallel::{self, Cancel};
use shardfit_core::vocabulary::entries::{Packed, Store};
use shardfit_core::vocabulary::joining::Renumbering;
use shardfit_core::vocabulary::rows::{Columns, FirstSight, Keys};
use shardfit_core::vocabulary::term_counts::TermCounts;

use crate::errors::Failure;
use crate::feed::check_signals;
use crate::kernel::kernel;
use crate::matrix::{CsrArrays, SMALL_ENTRIES, csr_arrays, read_norm};
use crate::vocabulary::columns_by_number;

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
    chunks: Vec<(usize, Packed)>,
    /// Of each counter.
    stores: Vec<Store>,
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
        chunks: Vec<(usize, Packed)>,
        stores: Vec<Store>,
        renumbering: Renumbering,
        counts: &TermCounts,
        largest_count: u32,
    ) -> Self {
        let n_terms = counts.vocabulary.terms().len();
        Self {
            n_documents: chunks.iter().map(|(_, entries)| entries.row_ends().len()).sum(),
            n_entries: chunks.iter().map(|(_, entries)| entries.len()).sum(),
            largest_count,
            counted: Mutex::new(Some(Counted { chunks, stores, renumbering, n_terms })),
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
        let counted =
            counted.ok_or_else(|| PyValueError::new_err("these rows have been used up"))?;
        let columns = Columns::new(columns_by_number(columns.as_slice()?, counted.n_terms)?);
        let writing = Writing { rows: self, counted, columns: &columns, weighting: &weighting };
        let values = AsCounted { binary: weighting.binary };
        let is_weighted =
            weighting.norm.is_some() || !weighting.tf.is_none() || !weighting.idf.is_none();
        match weighting.dtype.as_str() {
            "int64" | "int32" if is_weighted => {
                Err(PyValueError::new_err("integers cannot be weighted"))
            }
            "int64" => writing.write::<i64, _>(py, values),
            "int32" => writing.write::<i32, _>(py, values),
            "float64" => writing.write_weighted::<f64>(py, values),
            "float32" => writing.write_weighted::<f32>(py, values),
            other => Err(PyValueError::new_err(format!(
                "dtype must be 'int64', 'int32', 'float64' or 'float32', got {other:?}"
            ))),
        }
    }
}

/// Rows on their way into a matrix.
struct Writing<'a, 'py> {
    rows: &'a Rows,
    counted: Counted,
    columns: &'a Columns,
    weighting: &'a Weighting<'py>,
}

impl<'py> Writing<'_, 'py> {
    fn write_weighted<V: Real + Element>(
        self,
        py: Python<'py>,
        counted: AsCounted,
    ) -> PyResult<CsrArrays<'py>> {
        let norm = read_norm(self.weighting.norm.as_deref())?;
        let tf: Option<PyReadonlyArray1<'py, V>> = self.weighting.tf.extract()?;
        let idf: Option<PyReadonlyArray1<'py, V>> = self.weighting.idf.extract()?;
        let tf = tf.as_ref().map(|tf| tf.as_slice()).transpose()?;
        let weights = idf.as_ref().map(|idf| idf.as_slice()).transpose()?;
        let most = if counted.binary { 1 } else { self.rows.largest_count as usize };
        let width = self.columns.width();
        if tf.is_some_and(|tf| tf.len() <= most)
            || weights.is_some_and(|weights| weights.len() < width)
        {
            return Err(PyValueError::new_err(format!(
                "tf must have an element for each count up to {most}, idf for each of {width} \
                 columns"
            )));
        }
        self.write(py, Weighted { counted, tf, weights, norm })
    }

    fn write<V: Value + Element, F: Values<V>>(
        self,
        py: Python<'py>,
        values: F,
    ) -> PyResult<CsrArrays<'py>> {
        let Self { rows, counted: Counted { chunks, stores, renumbering, .. }, columns, weighting } =
            self;
        let (kernel, columns) = (kernel()?, columns.by_number());
        let mut waiting = Vec::new();
        reserve(&mut waiting, chunks.len()).map_err(Failure::from)?;
        // Each is released when it has been written.
        waiting.extend(chunks.into_iter().map(|chunk| Mutex::new(Some(chunk))));
        let assembly = Assembly::<V, F>::with_capacity(values, rows.n_entries);
        assembly.expect(waiting.len());
        let worker = || {
            let (mut keys, mut found) = (Keys::default(), Counts::default());
            let (waiting, stores) = (&waiting, &stores);
            let (renumbering, assembly) = (&renumbering, &assembly);
            move |number: usize, cancel: &Cancel| {
                cancel.check()?;
                let chunk = waiting[number].lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some((counter, entries)) = chunk {
                    let numbers = renumbering[counter].as_deref();
                    let first_sight = FirstSight { numbers, columns, kernel };
                    stores[counter].read(&entries, |entries| {
                        first_sight.append(entries, &mut keys, &mut found, cancel)
                    })?;
                    stores[counter].release(entries);
                }
                found = assembly.place(number, std::mem::take(&mut found))?;
                Ok(())
            }
        };
        let threads = if rows.n_entries <= SMALL_ENTRIES { 0 } else { weighting.n_threads };
        py.detach(|| parallel::run(waiting.len(), threads, worker, check_signals))?;
        // Scikit-learn decides before it leaves terms out.
        let wide = rows.n_entries > weighting.max_int32;
        csr_arrays(py, assembly.finish(), wide)
    }
}
