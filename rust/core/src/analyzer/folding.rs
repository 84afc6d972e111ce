//! The hot loop of texts outside ASCII: lower-case them, encode them, find where runs begin and end.
//!
//! # Overview
//!
//! A [`Folding`] receives the code units of a text part by part and gathers its UTF-8 and the edges of
//! its runs, until it is [flushed](Folding::flush): then what is complete goes to a sink, and the
//! run that has not ended is kept.
//!
//! # Why
//!
//! Where the next character is of another class is a coin toss, so nothing branches on it: an edge
//! is written for every character, and kept if it is one. The single branch of the loop is for the
//! characters that [`Encodings`] has no bytes for, in most texts none.
//!
//! An edge is a place in bytes and a place in characters in one word: what a token must have at least is
//! characters, and one store is cheaper than two.
//!
//! The buffers stay initialised at their greatest length from one document to the next. Clearing them would
//! mean filling them with zeros again, which for a sentence costs more than reading it.

use std::array::from_fn;

use super::Sink;
use super::encodings::{Encodings, NON_SPACE, SPECIAL, WORD, class_bit, encode, length_and_class};
use super::preprocess::{PART, Sigma};
use super::tokens::{TokenClass, TokenRule, check_length};
use super::unicode::{Lower, UnicodeTable};
use crate::documents::Span;
use crate::error::{Result, grow};
use crate::kernel::{Kernel, Scalar};
use crate::murmur3::PADDING;

/// A block is handed on when it holds this many bytes.
const BLOCK: usize = 16 * 1024;

/// Buffers that a thread uses again for each document. Their lengths say nothing but how much of them is
/// initialised.
#[derive(Debug, Default)]
pub struct Buffers {
    text: Vec<u8>,
    edges: Vec<Edge>,
    spans: Vec<Span>,
}

/// Where a run begins or ends: the place in bytes in the lower half, that in characters, modulo 2^32, in
/// the upper one.
pub type Edge = u64;

/// A place one character further on.
pub const CHARACTER: Edge = 1 << 32;

/// How far a character goes on, by its length and class.
static ADVANCE: [Edge; 8] = {
    let mut advance = [0; 8];
    let mut i = 0;
    while i < 8 {
        advance[i] = CHARACTER + i as Edge % 4;
        i += 1;
    }
    advance
};

/// How many characters are looked at together.
const GROUP: usize = 4;

/// Behind a character that is special, so many are appended by the portable loop.
const NEAR: usize = 32;

/// How many bytes the hot loop can address.
pub const WINDOW: usize = 1 << 16;

/// So much more than there is may be written: to the text in bytes, to the edges in their number.
pub const SLACK: usize = 64;

/// Characters as their owner keeps them.
#[derive(Debug, Clone, Copy)]
pub enum Units<'u> {
    /// Code points up to U+00FF.
    One(&'u [u8]),
    /// Code points up to U+FFFF.
    Two(&'u [u16]),
    /// Any code points.
    Four(&'u [u32]),
}

/// A code unit that is a character.
pub trait Unit: Copy + Into<u32> {
    /// Many of them.
    fn units(units: &[Self]) -> Units<'_>;
}

impl Unit for u8 {
    fn units(units: &[Self]) -> Units<'_> {
        Units::One(units)
    }
}

impl Unit for u16 {
    fn units(units: &[Self]) -> Units<'_> {
        Units::Two(units)
    }
}

impl Unit for u32 {
    fn units(units: &[Self]) -> Units<'_> {
        Units::Four(units)
    }
}

/// Where folded characters go.
#[derive(Debug)]
pub struct Target<'t> {
    /// How far it is filled.
    pub state: &'t mut State,
    /// There is room for all characters.
    pub text: &'t mut [u8; WINDOW + SLACK],
    /// There is room for as many as there are characters, and [`SLACK`].
    pub edges: &'t mut [Edge],
}

/// What passes from one character to the next.
#[derive(Debug, Clone, Copy, Default)]
pub struct State {
    /// Where the next character goes.
    pub place: Edge,
    /// How many edges there are. If odd, the last run has not ended.
    pub edges: usize,
    /// The classes of the last character, among other bits.
    pub last: u32,
}

impl State {
    /// The place in bytes.
    #[inline(always)]
    #[must_use]
    pub fn bytes(self) -> usize {
        self.place as u32 as usize
    }

    /// Appends characters that are not special, given by their entries.
    #[inline(always)]
    fn append<const CLASS: u32, const N: usize>(
        &mut self,
        entries: [u32; N],
        text: &mut [u8; WINDOW + SLACK],
        edges: &mut [Edge],
    ) {
        let edges: &mut [Edge; N] = edges[self.edges..].first_chunk_mut().expect("there is room");
        let mut new = 0;
        for entry in entries {
            // Four bytes are always copied: a copy whose length varies is a call. And an index of 16 bits
            // is one that needs no check.
            let start = usize::from(self.place as u16);
            text[start..start + 4].copy_from_slice(&entry.to_le_bytes());
            edges[new] = self.place;
            new += usize::from((entry ^ self.last) & CLASS != 0);
            self.place = self.place.wrapping_add(ADVANCE[length_and_class(entry)]);
            self.last = entry;
        }
        self.edges += new;
    }

    /// Goes past a character whose bytes have been written, and writes its edge.
    #[inline(always)]
    fn advance(&mut self, length: usize, classes: u32, class: u32, edges: &mut [Edge]) {
        edges[self.edges] = self.place;
        self.edges += usize::from((classes ^ self.last) & class != 0);
        self.place = self.place.wrapping_add(CHARACTER + length as Edge);
        self.last = classes;
    }
}

/// [`Kernel::fold`] in plain Rust.
pub fn fold_portably(
    units: Units<'_>,
    encodings: &Encodings,
    class: TokenClass,
    target: Target<'_>,
) -> usize {
    match (units, class) {
        (Units::One(units), TokenClass::Word) => append::<WORD, _>(units, encodings, target),
        (Units::Two(units), TokenClass::Word) => append::<WORD, _>(units, encodings, target),
        (Units::Four(units), TokenClass::Word) => append::<WORD, _>(units, encodings, target),
        (Units::One(units), TokenClass::NonSpace) => {
            append::<NON_SPACE, _>(units, encodings, target)
        }
        (Units::Two(units), TokenClass::NonSpace) => {
            append::<NON_SPACE, _>(units, encodings, target)
        }
        (Units::Four(units), TokenClass::NonSpace) => {
            append::<NON_SPACE, _>(units, encodings, target)
        }
    }
}

#[inline(never)]
fn append<const CLASS: u32, U: Copy + Into<u32>>(
    units: &[U],
    encodings: &Encodings,
    Target { state, text, edges }: Target<'_>,
) -> usize {
    let mut now = *state;
    let mut appended = 0;
    for group in units.as_chunks::<GROUP>().0 {
        let entries: [u32; GROUP] = from_fn(|i| encodings.entry(group[i].into()));
        if entries.iter().fold(0, |all, entry| all | entry) & SPECIAL != 0 {
            break;
        }
        appended += GROUP;
        now.append::<CLASS, _>(entries, text, edges);
    }
    for &unit in &units[appended..] {
        let entry = encodings.entry(unit.into());
        if entry & SPECIAL != 0 {
            break;
        }
        appended += 1;
        now.append::<CLASS, _>([entry], text, edges);
    }
    *state = now;
    appended
}

/// The text that has been gathered, and how.
pub struct Folding<'f> {
    unicode: &'f UnicodeTable,
    lowercase: bool,
    /// The class of the characters of a run.
    class: TokenClass,
    min_length: usize,
    kernel: &'f dyn Kernel,
    buffers: &'f mut Buffers,
    state: State,
}

impl<'f> Folding<'f> {
    /// Nothing yet.
    pub fn new(
        unicode: &'f UnicodeTable,
        lowercase: bool,
        rule: TokenRule,
        kernel: &'f dyn Kernel,
        buffers: &'f mut Buffers,
    ) -> Self {
        let TokenRule { class, min_length } = rule;
        Self { unicode, lowercase, class, min_length, kernel, buffers, state: State::default() }
    }

    /// Appends characters, at most [`PART`], and passes on what there is if that is much.
    #[inline]
    pub fn extend<U: Unit>(
        &mut self,
        units: &[U],
        sigma: &Sigma<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        debug_assert!(units.len() <= PART, "a window is for one part");
        let mut place = self.append(units, self.kernel)?;
        while let Some(&special) = units.get(place) {
            self.append_special(special.into(), place, sigma)?;
            place += 1;
            // Where there is one of these, more may follow, and a kernel that looks far ahead would do so for each.
            let near = &units[place..units.len().min(place + NEAR)];
            let appended = self.append(near, &Scalar)?;
            place += appended;
            if appended == near.len() {
                place += self.append(&units[place..], self.kernel)?;
            }
        }
        if self.state.bytes() >= BLOCK { self.flush(sink) } else { Ok(()) }
    }

    /// Appends characters up to the first that is special, or to the end, and returns how many.
    #[inline]
    fn append<U: Unit>(&mut self, units: &[U], kernel: &dyn Kernel) -> Result<usize> {
        // Only a token longer than a block needs a window elsewhere than at the start.
        let bytes = self.state.bytes();
        let start = if bytes < WINDOW - 4 * PART { 0 } else { bytes };
        self.make_room(start + WINDOW + SLACK, units.len() + SLACK)?;
        let encodings = self.unicode.encodings(self.lowercase);
        let Buffers { text, edges, .. } = &mut *self.buffers;
        let text = text[start..].first_chunk_mut().expect("there is room for a window");
        let edges = &mut edges[..];
        let first = self.state.edges;
        self.state.place -= start as Edge;
        let target = Target { state: &mut self.state, text, edges };
        let appended = kernel.fold(U::units(units), encodings, self.class, target);
        self.state.place += start as Edge;
        if start > 0 {
            let edges = &mut self.buffers.edges;
            edges[first..self.state.edges].iter_mut().for_each(|edge| *edge += start as Edge);
        }
        Ok(appended)
    }

    /// Appends what a character becomes that has no entry of its own.
    #[cold]
    fn append_special(&mut self, point: u32, place: usize, sigma: &Sigma<'_>) -> Result<()> {
        let one;
        let points = match self.unicode.lower(point) {
            Lower::Several(points) if self.lowercase => points,
            lower => {
                one = match lower {
                    Lower::One(lowered) if self.lowercase => lowered,
                    Lower::Sigma if self.lowercase => sigma(place),
                    _ => point,
                };
                std::slice::from_ref(&one)
            }
        };
        self.make_room(self.state.bytes() + 4 * points.len(), points.len())?;
        for &point in points {
            let (bytes, length) = encode(point);
            let classes = self.unicode.classes(point);
            self.buffers.text[self.state.bytes()..][..4].copy_from_slice(&bytes);
            self.state.advance(length, classes, class_bit(self.class), &mut self.buffers.edges);
        }
        Ok(())
    }

    /// Makes the buffers long enough for a text of so many bytes and so many edges more.
    #[inline]
    fn make_room(&mut self, bytes: usize, edges: usize) -> Result<()> {
        check_length(bytes)?;
        grow(&mut self.buffers.text, bytes + PADDING, 0)?;
        // One more for the end of the last run.
        grow(&mut self.buffers.edges, self.state.edges + edges + 1, 0)
    }

    /// Ends the run at the end of the text, and passes everything on.
    pub fn finish(mut self, sink: &mut Sink<'_>) -> Result<()> {
        self.make_room(self.state.bytes(), 0)?;
        self.buffers.edges[self.state.edges] = self.state.place;
        self.state.edges += usize::from(self.state.last & class_bit(self.class) != 0);
        self.flush(sink)
    }

    /// Passes on the runs that have ended, and keeps the text of the one that has not.
    fn flush(&mut self, sink: &mut Sink<'_>) -> Result<()> {
        let Buffers { text, edges, spans } = &mut *self.buffers;
        let (runs, rest) = edges[..self.state.edges].as_chunks::<2>();
        grow(spans, runs.len() + SLACK, Span { start: 0, end: 0 })?;
        let tokens = self.kernel.choose_runs(runs, self.min_length, spans);
        let end = self.state.bytes();
        sink(&text[..end + PADDING], &spans[..tokens])?;
        let (kept, start) = (rest.len(), rest.first().map_or(end, |&edge| edge as u32 as usize));
        if let [edge] = *rest {
            edges[0] = edge - start as Edge;
        }
        // A token of many blocks is kept again and again, where it is.
        if start > 0 {
            text.copy_within(start..end, 0);
        }
        self.state.edges = kept;
        self.state.place -= start as Edge;
        Ok(())
    }
}

/// [`Kernel::choose_runs`] in plain Rust.
pub fn choose_portably(runs: &[[Edge; 2]], min_length: usize, spans: &mut [Span]) -> usize {
    let mut chosen = 0;
    for [start, end] in runs {
        spans[chosen] = Span { start: *start as u32, end: *end as u32 };
        let characters = ((end >> 32) as u32).wrapping_sub((start >> 32) as u32);
        chosen += usize::from(characters as usize >= min_length);
    }
    chosen
}
