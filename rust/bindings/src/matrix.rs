//! The arrays of sparse matrices: the core's threads fill them, `NumPy` reads them where they are.

use numpy::ndarray::ArrayView1;
use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use shardfit_core::assembly::Matrix;
use shardfit_core::csr::{self, Index, Norm, Real};
use shardfit_core::spare::{self, Piece};

use crate::feed::check_signals;

/// The three arrays of a CSR matrix: data, indices, indptr.
pub(crate) type CsrArrays<'py> = Bound<'py, PyTuple>;

/// Fewer entries than this are written before a thread has been started.
pub(crate) const SMALL_ENTRIES: usize = 1 << 16;

pub(crate) fn read_norm(norm: Option<&str>) -> PyResult<Option<Norm>> {
    match norm {
        None => Ok(None),
        Some("l1") => Ok(Some(Norm::L1)),
        Some("l2") => Ok(Some(Norm::L2)),
        Some(other) => {
            Err(PyValueError::new_err(format!("norm must be 'l1', 'l2' or None, got {other:?}")))
        }
    }
}

/// The arrays of a matrix that the core has assembled; if it is `wide`, index arrays have 64 bits.
pub(crate) fn csr_arrays<V: Element + Copy>(
    py: Python<'_>,
    matrix: Matrix<V>,
    wide: bool,
) -> PyResult<CsrArrays<'_>> {
    let Matrix { data, columns, row_ends } = matrix;
    let data = lent_array(py, data)?;
    let n_starts = row_ends.len() + 1;
    let starts = (0..n_starts).map(|row| if row == 0 { 0 } else { row_ends[row - 1] });
    if wide {
        let indices = array(py, columns.iter().map(|&column| i64::from(column)))?;
        (data, indices, array(py, starts.map(|start| start as i64))?).into_pyobject(py)
    } else {
        let indices = {
            // In place: a column is below 2^31.
            lent_array::<i32>(py, columns.into_iter().map(u32::cast_signed).collect())?
        };
        (data, indices, array(py, starts.map(|start| start as i32))?).into_pyobject(py)
    }
}

/// The memory of an array, while there is one.
#[pyclass(frozen, module = "shardfit._rust")]
struct Lender {
    _memory: Piece,
}

/// An array of these elements where they are. If they are many, their memory will be used again.
fn lent_array<T: Element + Copy>(
    py: Python<'_>,
    mut elements: Vec<T>,
) -> PyResult<Bound<'_, PyArray1<T>>> {
    if size_of_val(elements.as_slice()) < spare::LARGE {
        return Ok(PyArray1::from_vec(py, elements));
    }
    let (start, length) = (elements.as_mut_ptr(), elements.len());
    let lender = Bound::new(py, Lender { _memory: Piece::new(elements) })?;
    // SAFETY: the elements stay where they are as long as the lender lives, and the array keeps it alive. Nobody else has
    // a reference to them, so the array may be written to.
    unsafe {
        let elements = ArrayView1::from_shape_ptr(length, start.cast_const());
        Ok(PyArray1::borrow_from_array(&elements, lender.into_any()))
    }
}

/// Asks `numpy` for an array, which is a `MemoryError` if it cannot be had; fresh memory from the system
/// is zero already, so this costs no pass over it.
fn zeros<T: Element>(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyArray1<T>>> {
    let zeros = py.import("numpy")?.getattr("zeros")?;
    Ok(zeros.call1((length, T::get_dtype(py)))?.cast_into()?)
}

/// An array of these elements, or a `MemoryError`.
pub(crate) fn array<T: Element>(
    py: Python<'_>,
    elements: impl ExactSizeIterator<Item = T>,
) -> PyResult<Bound<'_, PyArray1<T>>> {
    let array = zeros::<T>(py, elements.len())?;
    for (place, element) in array.try_readwrite()?.as_slice_mut()?.iter_mut().zip(elements) {
        *place = element;
    }
    Ok(array)
}

/// Multiplies the values of a matrix by the weights of their columns and divides rows by their norm, in place. False
/// and nothing else if the arrays are not those of a CSR matrix without surplus entries, or weights are missing.
#[pyfunction]
pub(crate) fn scale_rows<'py>(
    data: &Bound<'py, PyAny>,
    indices: &Bound<'py, PyAny>,
    indptr: &Bound<'py, PyAny>,
    idf: &Bound<'py, PyAny>,
    norm: Option<&str>,
    n_threads: usize,
) -> PyResult<bool> {
    let norm = read_norm(norm)?;
    if data.cast::<PyArray1<f32>>().is_ok() {
        scale_by_index::<f32>(data, indices, indptr, idf, norm, n_threads)
    } else {
        scale_by_index::<f64>(data, indices, indptr, idf, norm, n_threads)
    }
}

fn scale_by_index<'py, V: Real + Element>(
    data: &Bound<'py, PyAny>,
    indices: &Bound<'py, PyAny>,
    indptr: &Bound<'py, PyAny>,
    idf: &Bound<'py, PyAny>,
    norm: Option<Norm>,
    n_threads: usize,
) -> PyResult<bool> {
    if indices.cast::<PyArray1<i32>>().is_ok() {
        scale_matrix::<V, i32>(data, indices, indptr, idf, norm, n_threads)
    } else {
        scale_matrix::<V, i64>(data, indices, indptr, idf, norm, n_threads)
    }
}

fn scale_matrix<'py, V: Real + Element, I: Index + Element>(
    data: &Bound<'py, PyAny>,
    indices: &Bound<'py, PyAny>,
    indptr: &Bound<'py, PyAny>,
    idf: &Bound<'py, PyAny>,
    norm: Option<Norm>,
    n_threads: usize,
) -> PyResult<bool> {
    let py = data.py();
    let mut data = data.cast::<PyArray1<V>>()?.try_readwrite()?;
    let indices = indices.cast::<PyArray1<I>>()?.try_readonly()?;
    let indptr = indptr.cast::<PyArray1<I>>()?.try_readonly()?;
    let idf: Option<PyReadonlyArray1<'py, V>> = idf.extract()?;
    let (data, indices, indptr) = (data.as_slice_mut()?, indices.as_slice()?, indptr.as_slice()?);
    let idf = idf.as_ref().map(|idf| idf.as_slice()).transpose()?;
    let is_csr = indptr.first().is_some_and(|start| start.to_usize() == 0)
        && indptr.is_sorted_by_key(|end| end.to_usize())
        && indptr.last().is_some_and(|end| end.to_usize() == data.len())
        && indices.len() == data.len()
        && idf.is_none_or(|idf| indices.iter().all(|index| index.to_usize() < idf.len()));
    if !is_csr {
        return Ok(false);
    }
    let finish = |columns: &[I], row: &mut [V]| {
        if let Some(weights) = idf {
            csr::weigh(weights, columns, row);
        }
        if let Some(norm) = norm {
            csr::normalize(norm, row);
        }
    };
    let threads = if data.len() <= SMALL_ENTRIES { 0 } else { n_threads };
    py.detach(|| csr::scale(data, indices, &indptr[1..], finish, threads, check_signals))?;
    Ok(true)
}
