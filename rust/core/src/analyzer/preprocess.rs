//! Lower-casing and accent stripping, character by character.
//!
//! # Overview
//!
//! [`preprocess`] reads a text in whatever form it is stored and calls back with each character of
//! what scikit-learn's preprocessor would make of it, together with its table entry.
//!
//! # Why
//!
//! Stripping accents is NFKD followed by dropping either every character with a combining class or
//! everything outside ASCII. NFKD of a text is NFKD of its characters followed by reordering those with
//! a combining class, and none of those survives: so a table per character is exact, and the text
//! never has to be held in decomposed form.

use super::unicode::{AccentTable, Lower, UnicodeTable};
use crate::documents::Text;
use crate::error::Result;

/// The tables that texts outside ASCII need.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'t> {
    /// Classes and lower-case forms.
    pub unicode: &'t UnicodeTable,
    /// Set if accents are to be stripped.
    pub accents: Option<&'t AccentTable>,
}

/// A text as a sequence of code points that can also be read backwards from any place, which the
/// rule for the final sigma needs.
trait Source: Copy {
    /// Calls `visit` with each code point and its place, until that fails.
    fn visit(self, visit: impl FnMut(usize, u32) -> Result<()>) -> Result<()>;
    /// The code points before `place`, nearest first.
    fn before(self, place: usize) -> impl Iterator<Item = u32>;
    /// The code points after the one at `place`.
    fn after(self, place: usize) -> impl Iterator<Item = u32>;
}

impl Source for &str {
    #[inline]
    fn visit(self, mut visit: impl FnMut(usize, u32) -> Result<()>) -> Result<()> {
        self.char_indices().try_for_each(|(place, character)| visit(place, character.into()))
    }

    fn before(self, place: usize) -> impl Iterator<Item = u32> {
        self[..place].chars().rev().map(u32::from)
    }

    fn after(self, place: usize) -> impl Iterator<Item = u32> {
        self[place..].chars().skip(1).map(u32::from)
    }
}

impl<U: Copy + Into<u32>> Source for &[U] {
    #[inline]
    fn visit(self, mut visit: impl FnMut(usize, u32) -> Result<()>) -> Result<()> {
        self.iter().enumerate().try_for_each(|(place, &unit)| visit(place, unit.into()))
    }

    fn before(self, place: usize) -> impl Iterator<Item = u32> {
        self[..place].iter().rev().map(|&unit| unit.into())
    }

    fn after(self, place: usize) -> impl Iterator<Item = u32> {
        self[place + 1..].iter().map(|&unit| unit.into())
    }
}

/// Calls `emit` with each character of the preprocessed text, and its entry in the table.
#[inline]
pub fn preprocess(
    text: Text<'_>,
    lowercase: bool,
    tables: Tables<'_>,
    emit: impl FnMut(u32, u32) -> Result<()>,
) -> Result<()> {
    match text {
        Text::Ascii(bytes) | Text::Latin1(bytes) => strip(bytes, lowercase, tables, emit),
        Text::Utf8(text) => strip(text, lowercase, tables, emit),
        Text::Ucs2(units) => strip(units, lowercase, tables, emit),
        Text::Ucs4(units) => strip(units, lowercase, tables, emit),
    }
}

/// Lower-cases and strips. What is called for each character has a single place of call, so that it
/// becomes part of the loop.
#[inline]
fn strip(
    source: impl Source,
    lowercase: bool,
    tables: Tables<'_>,
    mut emit: impl FnMut(u32, u32) -> Result<()>,
) -> Result<()> {
    let unicode = tables.unicode;
    let Some(accents) = tables.accents else {
        return lower(source, lowercase, unicode, emit);
    };
    lower(source, lowercase, unicode, |point, _| {
        let mut outcome = Ok(());
        accents.strip(point, |point| {
            if outcome.is_ok() {
                outcome = emit(point, unicode.entry(point));
            }
        });
        outcome
    })
}

#[inline]
fn lower(
    source: impl Source,
    lowercase: bool,
    unicode: &UnicodeTable,
    mut emit: impl FnMut(u32, u32) -> Result<()>,
) -> Result<()> {
    source.visit(|place, point| {
        let entry = unicode.entry(point);
        let (point, entry) = match unicode.lower(point) {
            _ if !lowercase => (point, entry),
            // A character and its lower-case form belong to the same classes.
            Lower::One(lowered) => (lowered, entry),
            Lower::Sigma => (unicode.lower_sigma(source.before(place), source.after(place)), entry),
            Lower::Several(points) => {
                let (&last, others) = points.split_last().expect("an expansion is not empty");
                emit_all(others, unicode, &mut emit)?;
                (last, unicode.entry(last))
            }
        };
        emit(point, entry)
    })
}

#[cold]
fn emit_all(
    points: &[u32],
    unicode: &UnicodeTable,
    emit: &mut dyn FnMut(u32, u32) -> Result<()>,
) -> Result<()> {
    points.iter().try_for_each(|&point| emit(point, unicode.entry(point)))
}

/// Appends a code point in UTF-8. A surrogate becomes U+FFFD: callers let none through where it
/// could become part of a feature.
#[inline(always)]
pub fn push_utf8(text: &mut Vec<u8>, point: u32) {
    if point < 0x80 {
        text.push(point as u8);
        return;
    }
    let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    let length = text.len() + character.len_utf8();
    let mut bytes = [0; 4];
    character.encode_utf8(&mut bytes);
    // Four bytes are always copied: a copy whose length varies is a call.
    text.extend_from_slice(&bytes);
    text.truncate(length);
}
