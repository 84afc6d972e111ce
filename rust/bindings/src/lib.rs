//! The extension module `shardfit._rust`: converts, releases the GIL, converts back, nothing else.
//!
//! # Overview
//!
//! - `analyzer`: the parameters of a vectorizer as the core's analyzer; tables from the interpreter
//! - `documents`: Python strings, bytes and token lists, borrowed for one batch
//! - `arrow`: Arrow string arrays, read in place
//! - `feed`: iterables of documents, batch by batch
//! - `hashing`, `pairs`: what Python calls to hash
//! - `counting`, `vocabulary`, `rows`, `looking_up`: what Python calls to count terms and to look them up
//! - `matrix`: the arrays of matrices
//! - `kernel`: which kernel of the core this process uses
//! - `errors`: the core's errors as Python exceptions
//!
//! What each function means is documented in `python/shardfit/_rust.pyi`.
//!
//! # Safety
//!
//! `unsafe` is needed to read the memory of strings without the GIL (`documents`, and `feed` where it
//! hands Arrow's to it), to look ahead in a list (`feed`), to walk through a dict without touching what it holds (`vocabulary`) and to
//! take over Arrow structures (`arrow`); each proves why it may. Buffers of Arrow are immutable by its
//! specification, which producers are trusted to keep to while they lend one. What is global, the tables of characters and a type of `NumPy`'s, is made once and never changes:
//! free-threaded interpreters and forked processes need no care.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]

use pyo3::pymodule;

mod analyzer;
mod arrow;
mod counting;
mod documents;
mod errors;
mod feed;
mod hashing;
mod kernel;
mod looking_up;
mod matrix;
mod pairs;
mod rows;
mod vocabulary;

#[pymodule(gil_used = false)]
mod _rust {
    #[pymodule_export]
    use super::analyzer::Analyzer;
    #[pymodule_export]
    use super::arrow::ArrowTexts;
    #[pymodule_export]
    use super::counting::{TermCounts, count_terms};
    #[pymodule_export]
    use super::hashing::{hash_documents, hash_tokens};
    #[pymodule_export]
    use super::kernel::{available_kernels, kernel_in_use, use_kernel};
    #[pymodule_export]
    use super::looking_up::look_up_terms;
    #[pymodule_export]
    use super::matrix::scale_rows;
    #[pymodule_export]
    use super::pairs::hash_pairs;
    #[pymodule_export]
    use super::rows::Rows;
    #[pymodule_export]
    use super::vocabulary::Vocabulary;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // NumPy's functions are looked up at their first use, which panics if an exception, say Ctrl-C, comes in
        // between: so this is it.
        numpy::PyArray1::<u8>::from_slice(module.py(), &[]);
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        module.add("__profile__", profile)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
