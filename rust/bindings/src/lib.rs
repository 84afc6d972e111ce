//! The extension module `shardfit._rust`: converts, releases the GIL, converts back, nothing else.
//!
//! # Overview
//!
//! - `analyzer`: the parameters of a vectorizer as the core's analyzer; tables from the interpreter
//! - `documents`: Python strings, bytes and token lists, borrowed for one batch
//! - `arrow`: Arrow string arrays, read in place
//! - `hashing`: the functions that Python calls
//! - `errors`: the core's errors as Python exceptions
//!
//! What each function means is documented in `python/shardfit/_rust.pyi`.
//!
//! # Safety
//!
//! `unsafe` is needed to read the memory of strings without the GIL (`documents`, and `hashing` where
//! it hands Arrow's to it) and to take over Arrow structures (`arrow`); each proves why it may. What is
//! global, the tables of characters and a type of `NumPy`'s, is made once and never changes:
//! free-threaded interpreters and forked processes need no care.

use pyo3::pymodule;

mod analyzer;
mod arrow;
mod documents;
mod errors;
mod hashing;

#[pymodule(gil_used = false)]
mod _rust {
    #[pymodule_export]
    use super::analyzer::Analyzer;
    #[pymodule_export]
    use super::arrow::ArrowTexts;
    #[pymodule_export]
    use super::hashing::{hash_documents, hash_pairs, hash_tokens};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
