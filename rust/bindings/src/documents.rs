//! Python strings, bytes and token lists, borrowed for one batch.
//!
//! # Overview
//!
//! A [`Batch`] gathers documents while the GIL is held, keeps their owners alive, and lends them to
//! the core, which works on them without the GIL.
//!
//! A document is read in place if it is a `str` or holds valid UTF-8. What the core cannot analyse the
//! way scikit-learn does (characters without a UTF-8 form that could become features, objects that only
//! behave like a string, texts over a GiB) is analysed by scikit-learn's own analyzer, one document at
//! a time, and its tokens are copied.

use std::ops::Range;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::string::PyStringData;
use pyo3::types::{PyBytes, PyString, PyType};
use shardfit_core::analyzer::{Analyzer as CoreAnalyzer, Tables};
use shardfit_core::documents::{Document, Span, Text, Tokens};
use shardfit_core::error::{Error, reserve};
use shardfit_core::murmur3::PADDING;
use shardfit_core::vocabulary::Vocabulary;

use crate::analyzer::Analyzer;
use crate::arrow::Element;
use crate::errors::Failure;

/// A batch is worked on when its documents, or the tokens copied for it, take this many bytes.
const BATCH_BYTES: usize = 64 << 20;
/// Or when it holds this many documents.
const BATCH_DOCUMENTS: usize = 1 << 20;
/// Documents larger than this are left to Python: what they grow to must fit 32-bit offsets.
const MAX_TEXT_BYTES: usize = 1 << 30;
/// Work for one thread at a time: small enough to stay in its cache, large enough to be worth taking.
const CHUNK_BYTES: usize = 256 << 10;
/// A document costs about as much as this many bytes, however short it is.
const DOCUMENT_OVERHEAD: usize = 64;
/// Less work than this is done before a thread has been started.
pub(crate) const SMALL_BYTES: usize = 64 << 10;

/// Where a document of a batch is.
enum Place {
    /// In memory that belongs to one of the owners; the lifetime is that of the batch.
    Text(Text<'static>),
    /// Among the copied tokens.
    Tokens { text: Range<usize>, spans: Range<usize> },
}

/// What the features of documents are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be hashed: strings that have a UTF-8 form, or bytes.
    Hash,
    /// To be terms of a vocabulary: any strings.
    Count,
}

/// Documents that are worked on together.
pub(crate) struct Batch<'py> {
    purpose: Purpose,
    owners: Vec<Bound<'py, PyAny>>,
    places: Vec<Place>,
    pub(crate) tokens: TokenStore,
    /// Needed as soon as one text is not ASCII.
    pub(crate) tables: Option<Tables<'static>>,
    bytes: usize,
}

/// Features that Python has listed, copied one behind the other.
#[derive(Default)]
pub(crate) struct TokenStore {
    pub(crate) text: Vec<u8>,
    pub(crate) spans: Vec<Span>,
}

/// Python's side of the analysis, for documents that are not read in place.
pub(crate) struct PythonSide<'a, 'py> {
    /// Turns what the user passed into a string.
    pub(crate) decode: &'a Bound<'py, PyAny>,
    /// Lists the features of what `decode` returned.
    pub(crate) analyze: &'a Bound<'py, PyAny>,
    /// Whether documents must be decoded whatever they are: file names and file objects.
    pub(crate) always_decode: bool,
    /// Whether `decode` would decode bytes as UTF-8.
    pub(crate) is_utf8: bool,
}

impl PythonSide<'_, '_> {
    /// The text of a document that is bytes, if decoding would leave them as they are.
    fn read_in_place<'a>(&self, bytes: &'a [u8]) -> Option<Text<'a>> {
        if self.always_decode || !self.is_utf8 { None } else { read_in_place(bytes) }
    }
}

/// The text of bytes that are UTF-8 and not too many.
fn read_in_place(bytes: &[u8]) -> Option<Text<'_>> {
    if bytes.len() > MAX_TEXT_BYTES {
        return None;
    }
    let text = str::from_utf8(bytes).ok()?;
    Some(if text.is_ascii() { Text::Ascii(bytes) } else { Text::Utf8(text) })
}

impl<'py> Batch<'py> {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            owners: Vec::new(),
            places: Vec::new(),
            tokens: TokenStore::default(),
            tables: None,
            bytes: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.places.len() >= BATCH_DOCUMENTS
    }

    /// Makes room for so many documents, or as many of them as a batch takes.
    pub(crate) fn reserve(&mut self, documents: usize) -> Result<(), Error> {
        let documents = documents.min(BATCH_DOCUMENTS);
        reserve(&mut self.owners, documents)?;
        reserve(&mut self.places, documents)
    }

    /// Forgets the documents, and keeps the tables.
    pub(crate) fn clear(&mut self) {
        // The borrowed texts go before their owners.
        self.places.clear();
        self.owners.clear();
        self.tokens.text.clear();
        self.tokens.spans.clear();
        self.bytes = 0;
    }

    /// Adds a document in any form scikit-learn accepts.
    pub(crate) fn push(
        &mut self,
        document: Bound<'py, PyAny>,
        analyzer: &Analyzer,
        python: &PythonSide<'_, 'py>,
    ) -> Result<(), Failure> {
        let mut document = document;
        if python.always_decode || !is_string(&document)? {
            if let Ok(bytes) = document.cast_exact::<PyBytes>()
                && let Some(text) = python.read_in_place(bytes.as_bytes())
            {
                // SAFETY: bytes never change, and their owner joins the batch, which outlives the
                // text.
                let text = unsafe { extend(text) };
                return self.push_text(document.py(), text, Some(document), analyzer);
            }
            document = python.decode.call1((document,))?;
        }
        if is_string(&document)? {
            let string = document.cast::<PyString>().map_err(PyErr::from)?;
            let text = string_text(string)?;
            let is_refused = text.size() > MAX_TEXT_BYTES
                || (self.purpose == Purpose::Hash
                    && analyzer.core.can_emit_surrogates()
                    && text.has_surrogates());
            if !is_refused {
                // SAFETY: a string never changes while somebody else holds a reference to it, as this
                // batch does from now on; it outlives the text.
                let text = unsafe { extend(text) };
                return self.push_text(document.py(), text, Some(document), analyzer);
            }
        }
        self.push_tokens(&python.analyze.call1((document,))?)
    }

    /// Adds an element of an Arrow array.
    ///
    /// # Safety
    ///
    /// The array must outlive this batch's next [`clear`](Self::clear).
    pub(crate) unsafe fn push_element(
        &mut self,
        element: Element<'_>,
        null: &Bound<'py, PyAny>,
        analyzer: &Analyzer,
        python: &PythonSide<'_, 'py>,
    ) -> Result<(), Failure> {
        let in_place = match element {
            Element::Null => None,
            Element::Text(_) if python.always_decode => None,
            Element::Text(text) => read_in_place(text.as_bytes()),
            Element::Bytes(bytes) => python.read_in_place(bytes),
        };
        match in_place {
            Some(text) => {
                // SAFETY: promised by the caller.
                let text = unsafe { extend(text) };
                self.push_text(null.py(), text, None, analyzer)
            }
            None => self.push(element.to_object(null), analyzer, python),
        }
    }

    fn push_text(
        &mut self,
        py: Python<'py>,
        text: Text<'static>,
        owner: Option<Bound<'py, PyAny>>,
        analyzer: &Analyzer,
    ) -> Result<(), Failure> {
        if self.tables.is_none() && !matches!(text, Text::Ascii(_)) {
            self.tables = Some(analyzer.tables(py)?);
        }
        reserve(&mut self.owners, 1)?;
        reserve(&mut self.places, 1)?;
        self.owners.extend(owner);
        self.bytes += text.size();
        self.places.push(Place::Text(text));
        Ok(())
    }

    /// Adds a document whose features Python has listed.
    pub(crate) fn push_tokens(&mut self, tokens: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let (text_start, spans_start) = (self.tokens.text.len(), self.tokens.spans.len());
        for (i, token) in tokens.try_iter()?.enumerate() {
            if i % (1 << 16) == 0 {
                tokens.py().check_signals()?;
            }
            match self.purpose {
                Purpose::Hash => self.tokens.push(&token?, text_start)?,
                Purpose::Count => self.tokens.push_term(&token?, text_start)?,
            }
        }
        self.tokens.pad()?;
        reserve(&mut self.places, 1)?;
        let text = text_start..self.tokens.text.len();
        self.bytes += text.len();
        self.places.push(Place::Tokens { text, spans: spans_start..self.tokens.spans.len() });
        Ok(())
    }

    /// How many of the `threads` that may be used are worth starting.
    pub(crate) fn threads(&self, analyzer: &CoreAnalyzer, threads: usize) -> usize {
        let size = self.bytes.saturating_mul(analyzer.expansion());
        let size = size.saturating_add(self.places.len() * DOCUMENT_OVERHEAD);
        if size <= SMALL_BYTES { 0 } else { threads }
    }

    /// The documents, as long as the batch stays as it is.
    pub(crate) fn documents(&self) -> Result<Vec<Document<'_>>, Error> {
        let mut documents = Vec::new();
        reserve(&mut documents, self.places.len())?;
        documents.extend(self.places.iter().map(|place| match place {
            Place::Text(text) => Document::Text(*text),
            Place::Tokens { text, spans } => Document::Tokens(Tokens {
                text: &self.tokens.text[text.clone()],
                spans: &self.tokens.spans[spans.clone()],
            }),
        }));
        Ok(documents)
    }
}

impl TokenStore {
    /// Copies a feature, which must be `str` or `bytes`; its range counts from `start`.
    pub(crate) fn push(&mut self, token: &Bound<'_, PyAny>, start: usize) -> Result<(), Failure> {
        let from = self.text.len();
        if let Ok(string) = token.cast::<PyString>() {
            self.push_string(string)?;
        } else if let Ok(bytes) = token.cast::<PyBytes>() {
            self.push_bytes(bytes.as_bytes())?;
        } else {
            return Err(PyTypeError::new_err("feature names must be strings").into());
        }
        self.close(from, start)
    }

    /// Copies a term, which must be `str`; its range counts from `start`.
    pub(crate) fn push_term(
        &mut self,
        term: &Bound<'_, PyAny>,
        start: usize,
    ) -> Result<(), Failure> {
        let from = self.text.len();
        let Ok(string) = term.cast::<PyString>() else {
            let kind = term.get_type().name()?;
            return Err(PyTypeError::new_err(format!("terms must be str, got {kind}")).into());
        };
        if let Text::Ascii(bytes) = string_text(string)? {
            self.push_bytes(bytes)?;
        } else {
            let bytes = string.call_method1("encode", ("utf-8", "surrogatepass"))?;
            self.push_bytes(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes())?;
        }
        self.close(from, start)
    }

    /// Ends a feature that started at `from`.
    pub(crate) fn close(&mut self, from: usize, start: usize) -> Result<(), Failure> {
        let length = self.text.len() - start;
        if length > u32::MAX as usize - PADDING {
            return Err(Error::TextTooLong { bytes: length }.into());
        }
        reserve(&mut self.spans, 1)?;
        self.spans.push(Span { start: (from - start) as u32, end: length as u32 });
        Ok(())
    }

    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        reserve(&mut self.text, bytes.len())?;
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    /// Copies a string in UTF-8, without making the interpreter keep a copy of its own.
    pub(crate) fn push_string(&mut self, string: &Bound<'_, PyString>) -> Result<(), Failure> {
        match string_text(string)? {
            Text::Ascii(bytes) => self.push_bytes(bytes)?,
            // Rare enough for a temporary object; CPython's encoder also raises the right error.
            _ => self.push_bytes(string.encode_utf8()?.as_bytes())?,
        }
        Ok(())
    }

    /// The vocabulary of these terms, in this order.
    pub(crate) fn vocabulary(mut self) -> Result<Vocabulary, Failure> {
        self.pad()?;
        Ok(Vocabulary::from_terms(&self.text, &self.spans)?)
    }

    /// Ends a document with the bytes that hashing may read past its last feature.
    pub(crate) fn pad(&mut self) -> Result<(), Error> {
        self.push_bytes(&[0; PADDING])
    }
}

/// Cuts documents into chunks of similar size; where, depends on the documents alone.
pub(crate) fn chunk_documents(documents: &[Document<'_>]) -> Result<Vec<Range<usize>>, Error> {
    let mut chunks = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (i, document) in documents.iter().enumerate() {
        size += document.size() + DOCUMENT_OVERHEAD;
        if size >= CHUNK_BYTES || i + 1 == documents.len() {
            reserve(&mut chunks, 1)?;
            chunks.push(start..i + 1);
            (start, size) = (i + 1, 0);
        }
    }
    Ok(chunks)
}

/// Whether an object is a string whose methods are those of `str`: exactly that, or `numpy.str_`.
pub(crate) fn is_string(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static NUMPY_STR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    if object.is_exact_instance_of::<PyString>() {
        return Ok(true);
    }
    let numpy_str = NUMPY_STR.import(object.py(), "numpy", "str_")?;
    Ok(object.get_type().is(numpy_str))
}

fn string_text<'a>(string: &'a Bound<'_, PyString>) -> PyResult<Text<'a>> {
    // SAFETY: the layout of the string's flags, which PyO3 reads by hand before Python 3.14, is that of
    // the little-endian platforms this package is built and tested for.
    let data = unsafe { string.data() }?;
    Ok(match data {
        PyStringData::Ucs1(bytes) if is_ascii(string, bytes) => Text::Ascii(bytes),
        PyStringData::Ucs1(bytes) => Text::Latin1(bytes),
        PyStringData::Ucs2(units) => Text::Ucs2(units),
        PyStringData::Ucs4(units) => Text::Ucs4(units),
    })
}

/// Whether the characters of a string, one byte each, are ASCII. Where they lie says so: behind the smaller of the two
/// heads that a string may have. Only those of a subclass, which lie elsewhere, have to be looked at.
fn is_ascii(string: &Bound<'_, PyString>, bytes: &[u8]) -> bool {
    let offset = bytes.as_ptr().addr().wrapping_sub(string.as_ptr().addr());
    match offset {
        _ if offset == size_of::<ffi::PyASCIIObject>() => true,
        _ if offset == size_of::<ffi::PyCompactUnicodeObject>() => false,
        _ => bytes.is_ascii(),
    }
}

/// Frees a text from its lifetime.
///
/// # Safety
///
/// What it borrows must neither change nor be freed while the result is used.
unsafe fn extend(text: Text<'_>) -> Text<'static> {
    // SAFETY: only the lifetime changes, and the caller vouches for it.
    unsafe { std::mem::transmute::<Text<'_>, Text<'static>>(text) }
}
