//! Splitting a text into tokens: maximal runs of characters of one class.
//!
//! # Overview
//!
//! [`TokenRule`] says which runs count. [`split`] hands the tokens of a text to a sink, block by
//! block, so that the working set stays in the cache however long the document is; a block never ends
//! inside a token.
//!
//! # Why
//!
//! scikit-learn's default pattern `(?u)\b\w\w+\b` matches exactly the maximal runs of `\w` that are
//! at least two characters long, and a handful of other common patterns are runs of a class as well.
//! They need no regular expression engine. Patterns that are not runs are left to Python's `re`:
//! translating them to another engine could only ever be almost equal.

use super::preprocess::{Output, PART, Tables, preprocess, push_utf8};
use super::unicode::{SPACE, WORD};
use super::{Scratch, Sink};
use crate::documents::{Span, Text};
use crate::error::{Error, Result, reserve};
use crate::kernel::Kernel;
use crate::murmur3::PADDING;

/// A block is handed on when it holds this many bytes.
const BLOCK: usize = 32 * 1024;

/// And so many bytes of ASCII make a block, which stays in the first cache with the tokens found in it.
const ASCII_BLOCK: usize = 8 * 1024;

/// The characters a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenClass {
    /// `\w`: letters, numbers and the underscore.
    Word,
    /// `\S`: everything but white space.
    NonSpace,
}

impl TokenClass {
    /// Whether the class holds an ASCII character, given by its byte.
    #[inline]
    #[must_use]
    pub const fn has_ascii(self, byte: u8) -> bool {
        match self {
            TokenClass::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            TokenClass::NonSpace => !is_ascii_space(byte),
        }
    }

    #[inline]
    const fn has_entry(self, entry: u32) -> bool {
        match self {
            TokenClass::Word => entry & WORD != 0,
            TokenClass::NonSpace => entry & SPACE == 0,
        }
    }
}

/// Python's idea of white space within ASCII: also U+001C to U+001F.
#[inline]
pub(super) const fn is_ascii_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | 28..=32)
}

/// Which runs are tokens.
#[derive(Debug, Clone, Copy)]
pub struct TokenRule {
    /// What they are made of.
    pub class: TokenClass,
    /// How many characters they have at least; 1 or more.
    pub min_length: usize,
}

/// Splits a preprocessed text into tokens and passes them to `sink`, in order.
pub(super) fn split(
    text: Text<'_>,
    rule: TokenRule,
    lowercase: bool,
    tables: Option<Tables<'_>>,
    kernel: &dyn Kernel,
    scratch: &mut Scratch,
    sink: &mut Sink<'_>,
) -> Result<()> {
    if let Text::Ascii(bytes) = text {
        return split_ascii(bytes, rule, lowercase, kernel, scratch, sink);
    }
    let tables = tables.expect("a text outside ASCII comes with the tables");
    let Scratch { text: folded, spans, .. } = scratch;
    folded.clear();
    spans.clear();
    let mut splitter = Splitter { rule, text: folded, spans, start: 0, length: 0, sink };
    preprocess(text, lowercase, tables, &mut splitter)?;
    splitter.close();
    splitter.flush()
}

fn split_ascii(
    bytes: &[u8],
    rule: TokenRule,
    lowercase: bool,
    kernel: &dyn Kernel,
    scratch: &mut Scratch,
    sink: &mut Sink<'_>,
) -> Result<()> {
    each_ascii_block(bytes, rule.class, |block| {
        kernel.split_ascii(block, rule, lowercase, &mut scratch.text, &mut scratch.spans)?;
        sink(&scratch.text, &scratch.spans)
    })
}

/// Cuts an ASCII text into blocks outside of tokens.
pub(super) fn each_ascii_block(
    mut bytes: &[u8],
    class: TokenClass,
    mut work: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let outside = |&byte: &u8| !class.has_ascii(byte);
    while !bytes.is_empty() {
        let mut end = bytes.len();
        if end > ASCII_BLOCK {
            // Up to the last gap within the block, or, where a single token fills it, to the next.
            end = bytes[..ASCII_BLOCK].iter().rposition(outside).unwrap_or_else(|| {
                let gap = bytes[ASCII_BLOCK..].iter().position(outside);
                gap.map_or(end, |gap| ASCII_BLOCK + gap)
            });
            end = end.max(1);
        }
        let (block, rest) = bytes.split_at(end);
        check_length(block.len())?;
        work(block)?;
        bytes = rest;
    }
    Ok(())
}

/// Fails if offsets into a text of `bytes` bytes and its padding do not fit a [`Span`].
pub(super) fn check_length(bytes: usize) -> Result<()> {
    if bytes > u32::MAX as usize - PADDING { Err(Error::TextTooLong { bytes }) } else { Ok(()) }
}

/// The state between two characters of a text outside ASCII.
struct Splitter<'s, 'sink> {
    rule: TokenRule,
    text: &'s mut Vec<u8>,
    spans: &'s mut Vec<Span>,
    /// Where the current token starts; meaningful if `length` is not 0.
    start: usize,
    /// Characters of the current token.
    length: usize,
    sink: &'s mut Sink<'sink>,
}

impl Output for Splitter<'_, '_> {
    #[inline(always)]
    fn push(&mut self, point: u32, entry: u32) {
        if self.rule.class.has_entry(entry) {
            if self.length == 0 {
                self.start = self.text.len();
            }
            self.length += 1;
        } else {
            self.close();
        }
        push_utf8(self.text, point);
    }

    fn pause(&mut self) -> Result<()> {
        if self.text.len() >= BLOCK {
            self.flush()?;
        }
        // Enough unless stripping accents makes many characters of one, which is rare.
        reserve(self.text, 4 * PART + PADDING)?;
        reserve(self.spans, PART)
    }
}

impl Splitter<'_, '_> {
    /// Ends the current token, if there is one.
    #[inline(always)]
    fn close(&mut self) {
        if self.length >= self.rule.min_length {
            // Whether the offsets fit is checked before anyone sees the span.
            self.spans.push(Span { start: self.start as u32, end: self.text.len() as u32 });
        }
        self.length = 0;
    }

    /// Passes on the tokens that have ended, and keeps the text of the one that has not.
    fn flush(&mut self) -> Result<()> {
        let length = self.text.len();
        check_length(length)?;
        reserve(self.text, PADDING)?;
        self.text.extend_from_slice(&[0; PADDING]);
        (self.sink)(self.text, self.spans)?;
        self.text.truncate(length);
        self.text.drain(..if self.length == 0 { length } else { self.start });
        self.spans.clear();
        self.start = 0;
        Ok(())
    }
}
