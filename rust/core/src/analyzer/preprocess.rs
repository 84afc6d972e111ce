//! Lower-casing and accent stripping, character by character.
//!
//! # Overview
//!
//! [`preprocess`] reads a text in whatever form it is stored and passes each character of what
//! scikit-learn's preprocessor would make of it to an [`Output`], together with its table entry.
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

/// What receives the characters of a preprocessed text.
pub trait Output {
    /// Takes a character and its entry in the table.
    fn push(&mut self, point: u32, entry: u32);

    /// Called before every [`PART`] characters of the original text, and at its end: the place to
    /// reserve memory, to pass on what has been gathered, and to fail. That `push` cannot fail is
    /// what makes it part of the loop.
    fn pause(&mut self) -> Result<()>;
}

/// How many characters, or bytes of UTF-8, are read between two pauses.
pub const PART: usize = 2048;

/// A text as a sequence of code points that can also be read backwards from any place, which the
/// rule for the final sigma needs.
trait Source: Copy {
    /// The code points from `start` on, about [`PART`] of them, with their places; and where the
    /// next part starts. None at the end.
    fn part(self, start: usize) -> Option<(impl Iterator<Item = (usize, u32)>, usize)>;
    /// The code points before `place`, nearest first.
    fn before(self, place: usize) -> impl Iterator<Item = u32>;
    /// The code points after the one at `place`.
    fn after(self, place: usize) -> impl Iterator<Item = u32>;
}

impl Source for &str {
    #[inline(always)]
    fn part(self, start: usize) -> Option<(impl Iterator<Item = (usize, u32)>, usize)> {
        if start == self.len() {
            return None;
        }
        let mut end = self.len().min(start + PART);
        while !self.is_char_boundary(end) {
            end += 1;
        }
        let part = self[start..end].char_indices();
        Some((part.map(move |(i, character)| (start + i, character.into())), end))
    }

    fn before(self, place: usize) -> impl Iterator<Item = u32> {
        self[..place].chars().rev().map(u32::from)
    }

    fn after(self, place: usize) -> impl Iterator<Item = u32> {
        self[place..].chars().skip(1).map(u32::from)
    }
}

impl<U: Copy + Into<u32>> Source for &[U] {
    #[inline(always)]
    fn part(self, start: usize) -> Option<(impl Iterator<Item = (usize, u32)>, usize)> {
        if start == self.len() {
            return None;
        }
        let end = self.len().min(start + PART);
        let part = self[start..end].iter().enumerate();
        Some((part.map(move |(i, &unit)| (start + i, unit.into())), end))
    }

    fn before(self, place: usize) -> impl Iterator<Item = u32> {
        self[..place].iter().rev().map(|&unit| unit.into())
    }

    fn after(self, place: usize) -> impl Iterator<Item = u32> {
        self[place + 1..].iter().map(|&unit| unit.into())
    }
}

/// Passes each character of the preprocessed text to `output`.
#[inline]
pub fn preprocess(
    text: Text<'_>,
    lowercase: bool,
    tables: Tables<'_>,
    output: &mut impl Output,
) -> Result<()> {
    match text {
        Text::Ascii(bytes) | Text::Latin1(bytes) => run(bytes, lowercase, tables, output),
        Text::Utf8(text) => run(text, lowercase, tables, output),
        Text::Ucs2(units) => run(units, lowercase, tables, output),
        Text::Ucs4(units) => run(units, lowercase, tables, output),
    }
}

#[inline]
fn run(
    source: impl Source,
    lowercase: bool,
    tables: Tables<'_>,
    output: &mut impl Output,
) -> Result<()> {
    let Tables { unicode, accents } = tables;
    let mut start = 0;
    output.pause()?;
    while let Some((part, end)) = source.part(start) {
        match accents {
            None => lower(source, part, lowercase, unicode, |point, entry| {
                output.push(point, entry);
            }),
            Some(accents) => lower(source, part, lowercase, unicode, |point, _| {
                accents.strip(point, |point| output.push(point, unicode.entry(point)));
            }),
        }
        output.pause()?;
        start = end;
    }
    Ok(())
}

/// Lower-cases a part of `source`.
#[inline(always)]
fn lower(
    source: impl Source,
    part: impl Iterator<Item = (usize, u32)>,
    lowercase: bool,
    unicode: &UnicodeTable,
    mut emit: impl FnMut(u32, u32),
) {
    part.for_each(|(place, point)| {
        let entry = unicode.entry(point);
        let (point, entry) = match unicode.lower(point) {
            _ if !lowercase => (point, entry),
            // A character and its lower-case form belong to the same classes.
            Lower::One(lowered) => (lowered, entry),
            Lower::Sigma => (unicode.lower_sigma(source.before(place), source.after(place)), entry),
            Lower::Several(points) => {
                let (&last, others) = points.split_last().expect("an expansion is not empty");
                emit_all(others, unicode, &mut emit);
                (last, unicode.entry(last))
            }
        };
        emit(point, entry);
    });
}

/// Rare, and kept apart so that `emit` has a single place of call and becomes part of the loop.
#[cold]
fn emit_all(points: &[u32], unicode: &UnicodeTable, emit: &mut dyn FnMut(u32, u32)) {
    for &point in points {
        emit(point, unicode.entry(point));
    }
}

/// Appends a code point in UTF-8. A surrogate is written the same way, in three bytes, as Python does
/// with the error handler "surrogatepass"; the order of such texts by bytes is still that by code points.
#[inline(always)]
pub fn push_utf8(text: &mut Vec<u8>, point: u32) {
    if point < 0x80 {
        text.push(point as u8);
        return;
    }
    let continuation = |shift: u32| 0x80 | (point >> shift & 0x3f) as u8;
    let (bytes, length) = match point {
        0..0x800 => ([0xc0 | (point >> 6) as u8, continuation(0), 0, 0], 2),
        0x800..0x1_0000 => ([0xe0 | (point >> 12) as u8, continuation(6), continuation(0), 0], 3),
        _ => {
            let first = 0xf0 | (point >> 18) as u8;
            ([first, continuation(12), continuation(6), continuation(0)], 4)
        }
    };
    let length = text.len() + length;
    // Four bytes are always copied: a copy whose length varies is a call.
    text.extend_from_slice(&bytes);
    text.truncate(length);
}
