//! The parameters of a vectorizer as the core's analyzer, and the interpreter's tables.

use std::collections::HashMap;
use std::sync::OnceLock;

use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFrozenSet, PyString};
use shardfit_core::analyzer::unicode::{AccentTable, UnicodeTable};
use shardfit_core::analyzer::{self as core, Features, NgramRange, Tables, TokenClass, TokenRule};
use shardfit_core::error::reserve;

use crate::errors::Failure;

/// How accents are stripped.
#[derive(Debug, Clone, Copy)]
enum Accents {
    Ascii,
    Unicode,
}

/// The built-in analysis of one vectorizer.
#[pyclass(frozen, module = "shardfit._rust")]
pub(crate) struct Analyzer {
    pub(crate) core: core::Analyzer,
    accents: Option<Accents>,
}

#[pymethods]
impl Analyzer {
    #[new]
    #[pyo3(signature = (
        kind, *, ngram_range, lowercase=true, strip_accents=None, min_length=1, stop_words=None
    ))]
    fn new(
        kind: &str,
        ngram_range: (usize, usize),
        lowercase: bool,
        strip_accents: Option<&str>,
        min_length: usize,
        stop_words: Option<&Bound<'_, PyFrozenSet>>,
    ) -> PyResult<Self> {
        let (min, max) = ngram_range;
        if min < 1 || min > max || min_length < 1 {
            return Err(PyValueError::new_err(format!(
                "ngram_range must be (min, max) with 1 <= min <= max and min_length at least 1, \
                 got ({min}, {max}) and {min_length}"
            )));
        }
        let ngrams = NgramRange { min, max };
        let class = match kind {
            "char" | "char_wb" | "word" => TokenClass::Word,
            "nonspace" => TokenClass::NonSpace,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "kind must be 'word', 'nonspace', 'char' or 'char_wb', got {kind:?}"
                )));
            }
        };
        let features = match kind {
            "char" => Features::Chars(ngrams),
            "char_wb" => Features::CharsInWords(ngrams),
            _ => Features::Words {
                rule: TokenRule { class, min_length },
                ngrams,
                stop_words: stop_words.map(utf8_words).transpose()?,
            },
        };
        let accents = match strip_accents {
            None => None,
            Some("ascii") => Some(Accents::Ascii),
            Some("unicode") => Some(Accents::Unicode),
            Some(other) => {
                return Err(PyValueError::new_err(format!(
                    "strip_accents must be 'ascii', 'unicode' or None, got {other:?}"
                )));
            }
        };
        Ok(Self { core: core::Analyzer { lowercase, features }, accents })
    }
}

/// The words that a token could equal: other objects never do.
fn utf8_words(words: &Bound<'_, PyFrozenSet>) -> PyResult<core::StopWords> {
    let mut encoded = Vec::new();
    reserve(&mut encoded, words.len()).map_err(Failure::from)?;
    for word in words.iter().filter(PyAnyMethods::is_instance_of::<PyString>) {
        let bytes = word.call_method1("encode", ("utf-8", "surrogatepass"))?;
        encoded.push(bytes.cast_into::<PyBytes>()?);
    }
    let words = encoded.iter().map(PyBytesMethods::as_bytes);
    Ok(core::StopWords::new(words).map_err(Failure::from)?)
}

static UNICODE: OnceLock<UnicodeTable> = OnceLock::new();
static ACCENTS_ASCII: OnceLock<AccentTable> = OnceLock::new();
static ACCENTS_UNICODE: OnceLock<AccentTable> = OnceLock::new();

impl Analyzer {
    /// The tables for texts outside ASCII, made by the interpreter when they are first asked for.
    pub(crate) fn tables(&self, py: Python<'_>) -> PyResult<Tables<'static>> {
        let accents = match self.accents {
            None => None,
            Some(Accents::Ascii) => {
                Some(get_or_load(&ACCENTS_ASCII, || load_accents(py, "ascii"))?)
            }
            Some(Accents::Unicode) => {
                Some(get_or_load(&ACCENTS_UNICODE, || load_accents(py, "unicode"))?)
            }
        };
        Ok(Tables { unicode: get_or_load(&UNICODE, || load_unicode(py))?, accents })
    }
}

/// Two threads may both load; the table of the first is kept. Waiting for each other with the GIL held
/// is what must not happen.
fn get_or_load<T>(
    cell: &'static OnceLock<T>,
    load: impl FnOnce() -> PyResult<T>,
) -> PyResult<&'static T> {
    if let Some(table) = cell.get() {
        return Ok(table);
    }
    let table = load()?;
    Ok(cell.get_or_init(|| table))
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("shardfit.feature_extraction._unicode")
}

fn load_unicode(py: Python<'_>) -> PyResult<UnicodeTable> {
    type Columns<'py> =
        (PyReadonlyArray1<'py, u32>, PyReadonlyArray1<'py, u8>, HashMap<u32, Vec<u32>>);
    let (lower, flags, expansions): Columns<'_> =
        module(py)?.call_method0("character_columns")?.extract()?;
    let expansions = expansions.into_iter().map(|(point, to)| (point, to.into())).collect();
    UnicodeTable::new(lower.as_slice()?, flags.as_slice()?, expansions)
        .map_err(PyValueError::new_err)
}

fn load_accents(py: Python<'_>, mode: &str) -> PyResult<AccentTable> {
    let replaced: Vec<(u32, Vec<u32>)> =
        module(py)?.call_method1("accent_replacements", (mode,))?.extract()?;
    let replaced = replaced.into_iter().map(|(point, to)| (point, to.into())).collect();
    Ok(AccentTable::new(replaced, mode == "unicode"))
}
