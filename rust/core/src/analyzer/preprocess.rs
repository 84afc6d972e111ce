//! Decoding, lower-casing and accent stripping, part by part.
//!
//! # Overview
//!
//! [`read`] passes a text on as code points, in parts, whatever form it is stored in; [`preprocess`] passes
//! on what scikit-learn's preprocessor would make of it. Words of texts without accents to strip need
//! neither: see `folding`.
//!
//! # Why
//!
//! Stripping accents is NFKD followed by dropping either every character with a combining class or
//! everything outside ASCII. NFKD of a text is NFKD of its characters followed by reordering those with
//! a combining class, and none of those survives: so a table per character is exact, and the text
//! never has to be held in decomposed form.

use super::unicode::{AccentTable, Lower, UnicodeTable};
use crate::documents::Text;
use crate::error::{Result, reserve};

/// The tables that texts outside ASCII need.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'t> {
    /// Classes and lower-case forms.
    pub unicode: &'t UnicodeTable,
    /// Set if accents are to be stripped.
    pub accents: Option<&'t AccentTable>,
}

/// How many characters, or bytes of UTF-8, are read at a time.
pub const PART: usize = 2048;

/// What a capital sigma becomes at a place of a part: that depends on the characters around it, which may be
/// those of other parts.
pub type Sigma<'s> = dyn Fn(usize) -> u32 + 's;

/// What receives the parts of a text.
type Receive<'r> = dyn FnMut(&[u32], &Sigma<'_>) -> Result<()> + 'r;

/// A text as a sequence of code points that can also be read backwards from any place, which the
/// rule for the final sigma needs.
trait Source: Copy {
    /// Where the part that starts at `start` ends: there as well if the text does.
    fn part_end(self, start: usize) -> usize;
    /// Appends the code points from one place to another.
    fn decode(self, start: usize, end: usize, points: &mut Vec<u32>);
    /// The code points before `place`, nearest first.
    fn before(self, place: usize) -> impl Iterator<Item = u32>;
    /// The code points from `place` on.
    fn after(self, place: usize) -> impl Iterator<Item = u32>;
}

impl Source for &str {
    fn part_end(self, start: usize) -> usize {
        let mut end = self.len().min(start + PART);
        while !self.is_char_boundary(end) {
            end += 1;
        }
        end
    }

    fn decode(self, start: usize, end: usize, points: &mut Vec<u32>) {
        points.extend(self[start..end].chars().map(u32::from));
    }

    fn before(self, place: usize) -> impl Iterator<Item = u32> {
        self[..place].chars().rev().map(u32::from)
    }

    fn after(self, place: usize) -> impl Iterator<Item = u32> {
        self[place..].chars().map(u32::from)
    }
}

impl<U: Copy + Into<u32>> Source for &[U] {
    fn part_end(self, start: usize) -> usize {
        self.len().min(start + PART)
    }

    fn decode(self, start: usize, end: usize, points: &mut Vec<u32>) {
        points.extend(self[start..end].iter().map(|&unit| unit.into()));
    }

    fn before(self, place: usize) -> impl Iterator<Item = u32> {
        self[..place].iter().rev().map(|&unit| unit.into())
    }

    fn after(self, place: usize) -> impl Iterator<Item = u32> {
        self[place..].iter().map(|&unit| unit.into())
    }
}

/// Passes the code points of a text on, part by part. `points` is scratch space.
pub fn read(
    text: Text<'_>,
    unicode: &UnicodeTable,
    points: &mut Vec<u32>,
    receive: &mut Receive<'_>,
) -> Result<()> {
    match text {
        Text::Ascii(bytes) | Text::Latin1(bytes) => decode(bytes, unicode, points, receive),
        Text::Utf8(text) => decode(text, unicode, points, receive),
        Text::Ucs2(units) => decode(units, unicode, points, receive),
        Text::Ucs4(units) => decode(units, unicode, points, receive),
    }
}

fn decode(
    source: impl Source,
    unicode: &UnicodeTable,
    points: &mut Vec<u32>,
    receive: &mut Receive<'_>,
) -> Result<()> {
    reserve(points, PART)?;
    let (mut start, mut end) = (0, source.part_end(0));
    while start < end {
        points.clear();
        source.decode(start, end, points);
        let sigma = |place: usize| {
            let before = points[..place].iter().rev().copied().chain(source.before(start));
            let after = points[place + 1..].iter().copied().chain(source.after(end));
            unicode.lower_sigma(before, after)
        };
        receive(points, &sigma)?;
        (start, end) = (end, source.part_end(end));
    }
    Ok(())
}

/// Passes the code points of the preprocessed text on, part by part. `points` is scratch space.
pub fn preprocess(
    text: Text<'_>,
    lowercase: bool,
    tables: Tables<'_>,
    points: &mut [Vec<u32>; 2],
    receive: &mut dyn FnMut(&[u32]) -> Result<()>,
) -> Result<()> {
    let Tables { unicode, accents } = tables;
    let [points, becomes] = points;
    read(text, unicode, points, &mut |points, sigma| {
        becomes.clear();
        // Enough unless stripping accents makes many characters of one, which is rare.
        reserve(becomes, 2 * PART)?;
        let mut room = Ok(());
        let mut push = |point| {
            if becomes.len() == becomes.capacity() {
                room = reserve(becomes, 1);
            }
            if room.is_ok() {
                becomes.push(point);
            }
        };
        let mut emit = |point| match accents {
            None => push(point),
            Some(accents) => accents.strip(point, &mut push),
        };
        for (place, &point) in points.iter().enumerate() {
            match unicode.lower(point) {
                _ if !lowercase => emit(point),
                Lower::One(lowered) => emit(lowered),
                Lower::Sigma => emit(sigma(place)),
                Lower::Several(points) => points.iter().copied().for_each(&mut emit),
            }
        }
        room?;
        receive(becomes)
    })
}
