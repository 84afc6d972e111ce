//! The core's errors as Python exceptions.

use pyo3::PyErr;
use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyRuntimeError, PyValueError};
use shardfit_core::error::Error;

/// What can end a computation: an error of the core, or an exception of Python's.
pub(crate) enum Failure {
    Core(Error),
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Core(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Failure::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Python(error) => return error,
            Failure::Core(error) => error,
        };
        let message = error.to_string();
        match error {
            Error::OutOfMemory { .. } => PyMemoryError::new_err(message),
            Error::CountOverflow { .. } => PyOverflowError::new_err(message),
            Error::TextTooLong { .. }
            | Error::TooManyTerms
            | Error::TooManyDocuments
            | Error::RepeatedTerm { .. } => PyValueError::new_err(message),
            Error::Cancelled | Error::Panicked { .. } => PyRuntimeError::new_err(message),
        }
    }
}
