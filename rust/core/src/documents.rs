//! Documents as they lie in memory, read in place.
//!
//! # Overview
//!
//! A [`Text`] is the characters of one document in whichever form their owner keeps them: `CPython`'s
//! three widths of code unit, or UTF-8 from bytes and Arrow buffers. [`Tokens`] are the tokens of a
//! document that somebody else has already analysed. Neither owns anything.
//!
//! # Why
//!
//! Asking `CPython` for UTF-8 leaves a second copy of every non-ASCII string behind, for as long as the
//! string lives; reading its code units costs nothing and needs no GIL.

/// A range of bytes in a text: `start..end`.
///
/// Its layout is fixed, so that a kernel may write starts and ends in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// The characters of one document.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// Bytes below 128 only, the form most English text has.
    Ascii(&'a [u8]),
    /// UTF-8.
    Utf8(&'a str),
    /// Code points up to U+00FF, one byte each.
    Latin1(&'a [u8]),
    /// Code points up to U+FFFF, which may hold lone surrogates.
    Ucs2(&'a [u16]),
    /// Any code point, which may be a lone surrogate.
    Ucs4(&'a [u32]),
}

impl Text<'_> {
    /// Size in memory, the measure by which documents are dealt to threads.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Text::Ascii(bytes) | Text::Latin1(bytes) => bytes.len(),
            Text::Utf8(text) => text.len(),
            Text::Ucs2(units) => size_of_val(*units),
            Text::Ucs4(units) => size_of_val(*units),
        }
    }

    /// Whether a surrogate is among the characters: UTF-8 cannot hold one.
    #[must_use]
    pub fn has_surrogates(&self) -> bool {
        match self {
            Text::Ascii(_) | Text::Utf8(_) | Text::Latin1(_) => false,
            Text::Ucs2(units) => has_surrogates(units),
            Text::Ucs4(units) => has_surrogates(units),
        }
    }
}

/// Looks at many units at once before it asks whether one was found: that becomes vector code, and
/// nearly every text has to be read to its end anyway.
fn has_surrogates<U: Copy + Into<u32>>(units: &[U]) -> bool {
    units.chunks(512).any(|units| {
        let found = units.iter().map(|&unit| u8::from(unit.into() >> 11 == 0xd800 >> 11));
        found.fold(0, |any, found| any | found) != 0
    })
}

/// The tokens of a document whose analysis is done: ranges of a text that ends with
/// [`PADDING`](crate::murmur3::PADDING) bytes more.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    /// The bytes of all tokens, and the padding.
    pub text: &'a [u8],
    /// One range per token.
    pub spans: &'a [Span],
}

/// One document.
#[derive(Debug, Clone, Copy)]
pub enum Document<'a> {
    /// To be analysed.
    Text(Text<'a>),
    /// Analysed elsewhere.
    Tokens(Tokens<'a>),
}

impl Document<'_> {
    /// Size in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Document::Text(text) => text.size(),
            Document::Tokens(tokens) => tokens.text.len() + size_of_val(tokens.spans),
        }
    }

    /// Has the processor fetch the beginning of a text that will be read soon: texts lie scattered in memory, and the
    /// first bytes of each would be waited for. The rest it foresees by itself.
    #[inline]
    pub fn prefetch(&self) {
        /// That much is fetched of any text: to ask how long it is would take longer.
        const FIRST: usize = 256;
        /// More than that is foreseen.
        const BEGINNING: usize = 512;
        let Document::Text(text) = self else { return };
        let start: *const u8 = match text {
            Text::Ascii(bytes) | Text::Latin1(bytes) => bytes.as_ptr(),
            Text::Utf8(text) => text.as_ptr(),
            Text::Ucs2(units) => units.as_ptr().cast(),
            Text::Ucs4(units) => units.as_ptr().cast(),
        };
        for offset in (0..FIRST).step_by(CACHE_LINE) {
            prefetch(start.wrapping_add(offset));
        }
        if text.size() > FIRST {
            for offset in (FIRST..BEGINNING).step_by(CACHE_LINE) {
                prefetch(start.wrapping_add(offset));
            }
        }
    }
}

/// How many bytes are fetched together.
const CACHE_LINE: usize = 64;

/// Has the processor fetch a cache line that will be read soon, if there is one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
pub fn prefetch(place: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: this is no access, only a hint, which is ignored where nothing can be read. Every processor of this
    // architecture has the instruction.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
}

/// Elsewhere the processor is left to itself.
#[cfg(not(target_arch = "x86_64"))]
pub fn prefetch(_: *const u8) {}
