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

use super::folding::{Folding, Unit};
use super::preprocess::{PART, Tables, preprocess, read};
use super::unicode::{CAPITAL_SIGMA, UnicodeTable};
use super::{Scratch, Sink};
use crate::documents::Text;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::murmur3::PADDING;

/// So many bytes of ASCII make a block, which stays in the first cache with the tokens found in it.
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
    let Tables { unicode, accents } = tables;
    let Scratch { folding, points, .. } = scratch;
    if accents.is_some() {
        let mut folding = Folding::new(unicode, false, rule, kernel, folding);
        preprocess(text, lowercase, tables, points, &mut |points| {
            // One part may have become several.
            points.chunks(PART).try_for_each(|part| folding.extend(part, &|_| CAPITAL_SIGMA, sink))
        })?;
        return folding.finish(sink);
    }
    let mut folding = Folding::new(unicode, lowercase, rule, kernel, folding);
    match text {
        Text::Ascii(bytes) | Text::Latin1(bytes) => fold(bytes, unicode, &mut folding, sink)?,
        Text::Ucs2(units) => fold(units, unicode, &mut folding, sink)?,
        Text::Ucs4(units) => fold(units, unicode, &mut folding, sink)?,
        Text::Utf8(_) => read(text, unicode, &mut points[0], &mut |points, sigma| {
            folding.extend(points, sigma, sink)
        })?,
    }
    folding.finish(sink)
}

/// Folds a text whose code units are its characters, in place.
fn fold<U: Unit>(
    units: &[U],
    unicode: &UnicodeTable,
    folding: &mut Folding<'_>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    for (part, start) in units.chunks(PART).zip((0..).step_by(PART)) {
        let sigma = |place| {
            let (before, after) = units.split_at(start + place);
            let before = before.iter().rev().map(|&unit| unit.into());
            unicode.lower_sigma(before, after[1..].iter().map(|&unit| unit.into()))
        };
        folding.extend(part, &sigma, sink)?;
    }
    Ok(())
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
