//! Terms and their columns.

use std::ptr;
use std::sync::Arc;

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyString, PyType};
use shardfit_core::error::reserve;
use shardfit_core::vocabulary::rows::{Columns, NO_COLUMN};
use shardfit_core::vocabulary::{Terms, Vocabulary as CoreVocabulary};

use crate::documents::{TokenStore, is_string};
use crate::errors::Failure;
use crate::matrix::array;

/// A term and its column, as a dict holds them.
type Entry = (Py<PyAny>, Py<PyAny>);

/// Terms and their columns, for looking up.
#[pyclass(frozen, module = "shardfit._rust")]
pub(crate) struct Vocabulary {
    pub(crate) terms: Arc<CoreVocabulary>,
    pub(crate) columns: Columns,
    /// The entries of the dict that this was read from.
    source: Option<Vec<Entry>>,
}

impl Vocabulary {
    /// `columns` are by number of a term; the first is that of none.
    pub(crate) fn new(terms: Arc<CoreVocabulary>, columns: Vec<u32>) -> Self {
        Self { terms, columns: Columns::new(columns), source: None }
    }

    /// The numbers of the terms that have a column.
    fn kept(&self) -> impl Iterator<Item = u32> {
        let numbers = (0..).zip(self.columns.by_number());
        numbers.filter(|&(_, &column)| column != NO_COLUMN).map(|(number, _)| number)
    }
}

#[pymethods]
impl Vocabulary {
    /// Reads the terms and columns of a dict, or returns None if looking up in it is not the same as
    /// looking up strings in a list.
    #[staticmethod]
    fn read(mapping: &Bound<'_, PyDict>) -> PyResult<Option<Self>> {
        // A copy cannot change while it is read.
        let mapping = mapping.copy()?;
        let length = mapping.len();
        let mut store = TokenStore::default();
        let mut columns = vec![NO_COLUMN];
        let mut source = Vec::new();
        reserve(&mut columns, length).map_err(Failure::from)?;
        reserve(&mut source, length).map_err(Failure::from)?;
        for (term, column) in mapping {
            if !is_string(&term)? {
                return Ok(None);
            }
            match column_of(&column)?.filter(|&column| (column as usize) < length) {
                Some(column) => columns.push(column),
                None => return Ok(None),
            }
            store.push_term(&term, 0)?;
            source.push((term.unbind(), column.unbind()));
        }
        let vocabulary = Self::new(Arc::new(store.vocabulary()?), columns);
        Ok(Some(Self { source: Some(source), ..vocabulary }))
    }

    /// Whether a dict still holds the entries that were read from it.
    fn is_of(&self, mapping: &Bound<'_, PyDict>) -> bool {
        let Some(source) = &self.source else { return false };
        with_critical_section(mapping, || {
            if mapping.len() != source.len() {
                return false;
            }
            let mut place = 0;
            let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
            source.iter().all(|(own_key, own_value)| {
                // SAFETY: `mapping` is a dict, alive and, within its critical section, unchanged during the
                // walk: nothing here runs Python code. The borrowed key and value are compared as addresses only, with
                // those of objects that are alive because `source` owns them.
                let found = unsafe {
                    ffi::PyDict_Next(mapping.as_ptr(), &raw mut place, &raw mut key, &raw mut value)
                };
                found != 0 && key == own_key.as_ptr() && value == own_value.as_ptr()
            })
        })
    }

    fn terms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        term_list(py, self.terms.terms(), self.kept())
    }

    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let columns = self.columns.by_number();
        let mut kept: Vec<i64> = Vec::new();
        reserve(&mut kept, columns.len()).map_err(Failure::from)?;
        kept.extend(self.kept().map(|number| i64::from(columns[number as usize])));
        array(py, kept.into_iter())
    }
}

/// The value of a dict as a column: those that are int, or an integer of `NumPy`, and not negative.
fn column_of(value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    static NUMPY_INTEGER: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    if !value.is_exact_instance_of::<PyInt>() {
        let integer = NUMPY_INTEGER.import(value.py(), "numpy", "integer")?;
        if !value.is_instance(integer)? {
            return Ok(None);
        }
    }
    Ok(value.extract::<i32>().ok().and_then(|column| u32::try_from(column).ok()))
}

/// Columns by number of a term, from an array without the unused first one in which -1 stands for none.
pub(crate) fn columns_by_number(columns: &[i32], n_terms: usize) -> PyResult<Vec<u32>> {
    if columns.len() != n_terms {
        return Err(PyValueError::new_err(format!(
            "there must be a column for each of {n_terms} terms, got {}",
            columns.len()
        )));
    }
    let mut by_number = Vec::new();
    reserve(&mut by_number, n_terms + 1).map_err(Failure::from)?;
    by_number.push(NO_COLUMN);
    // Also other negative numbers would stand for none.
    by_number.extend(columns.iter().map(|&column| u32::try_from(column).unwrap_or(NO_COLUMN)));
    Ok(by_number)
}

/// The terms with these numbers.
pub(crate) fn term_list<'py>(
    py: Python<'py>,
    terms: &Terms,
    numbers: impl Iterator<Item = u32>,
) -> PyResult<Bound<'py, PyList>> {
    let mut objects = Vec::new();
    reserve(&mut objects, terms.len()).map_err(Failure::from)?;
    for number in numbers {
        objects.push(to_object(py, terms.bytes(number)));
    }
    PyList::new(py, objects)
}

/// A term as the string it was, or as bytes if it was no string.
fn to_object<'py>(py: Python<'py>, term: &[u8]) -> Bound<'py, PyAny> {
    if let Ok(term) = str::from_utf8(term) {
        return PyString::new(py, term).into_any();
    }
    let bytes = PyBytes::new(py, term);
    let string = bytes.call_method1("decode", ("utf-8", "surrogatepass"));
    string.unwrap_or_else(|_| bytes.into_any())
}
