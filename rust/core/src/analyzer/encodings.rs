//! The Basic Multilingual Plane, ready to be written.
//!
//! # Overview
//!
//! [`Encodings`] holds one word for each of the first 65,536 code points: the UTF-8 of what the character
//! becomes, how long that is, and its classes. Whatever does not fit is marked as [`SPECIAL`] and is
//! looked up elsewhere: expansions, the capital sigma, and what lies beyond the plane.
//!
//! # Why
//!
//! Encoding by comparing a code point with the three borders of UTF-8 mispredicts wherever two alphabets
//! meet, and even the space between two Cyrillic words is such a place: 6 to 9 ns per character, of which a
//! load of the ready bytes leaves about one. The 256 KB are not a burden: a text touches the
//! few cache lines of its own scripts.

#[cfg(target_arch = "x86_64")]
use super::pages::Pages;
use super::tokens::TokenClass;

/// How many code points have an entry.
pub const PLANE: usize = 0x1_0000;

/// The character matches `\w`.
pub const WORD: u32 = 1 << 31;
/// The character does not match `\s`.
pub const NON_SPACE: u32 = 1 << 28;
/// What the character becomes has no bytes here.
pub const SPECIAL: u32 = 1 << 27;

/// Where the length of the bytes is, which are the lowest ones.
const LENGTH_SHIFT: u32 = 29;

/// One word per code point of the plane.
#[derive(Debug)]
pub struct Encodings {
    entries: Box<[u32; PLANE]>,
    #[cfg(target_arch = "x86_64")]
    pages: Pages,
}

impl Encodings {
    /// Builds the table, in lower case or not, from what is known of each code point: what it becomes, unless that is
    /// more than one character of the plane; and its classes, [`WORD`] and [`NON_SPACE`].
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "for pages"))]
    pub fn new(lowercase: bool, character: impl Fn(u32) -> (Option<u16>, u32)) -> Self {
        let characters: Vec<_> = (0..PLANE as u32).map(character).collect();
        let entries: Vec<u32> = characters
            .iter()
            .map(|&character| match character {
                (Some(becomes), classes) => {
                    let (bytes, length) = encode(becomes.into());
                    u32::from_le_bytes(bytes) | classes | (length as u32) << LENGTH_SHIFT
                }
                (None, classes) => SPECIAL | classes,
            })
            .collect();
        Self {
            entries: entries.try_into().expect("one entry per code point"),
            #[cfg(target_arch = "x86_64")]
            pages: Pages::new(lowercase, &characters),
        }
    }

    /// The same, for kernels that look many characters up at once.
    #[cfg(target_arch = "x86_64")]
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The entry of a code point; one beyond the plane is special.
    #[inline(always)]
    pub fn entry(&self, point: u32) -> u32 {
        self.entries.get(point as usize).copied().unwrap_or(SPECIAL)
    }
}

/// The classes of a character, as an entry holds them.
#[inline(always)]
pub const fn classes(is_word: bool, is_space: bool) -> u32 {
    (if is_word { WORD } else { 0 }) | (if is_space { 0 } else { NON_SPACE })
}

/// The bit of a class in an entry.
#[inline(always)]
pub const fn class_bit(class: TokenClass) -> u32 {
    match class {
        TokenClass::Word => WORD,
        TokenClass::NonSpace => NON_SPACE,
    }
}

/// The length and a class of an entry that is not special, as a number below 8: by a table of what
/// follows from it, the length need not be cut out.
#[inline(always)]
pub const fn length_and_class(entry: u32) -> usize {
    (entry >> LENGTH_SHIFT) as usize
}

/// A code point in UTF-8, and how many of the bytes count. A surrogate is written the same way, in three
/// bytes, as Python does with the error handler "surrogatepass"; the order of such texts by bytes is still
/// that by code points.
#[inline(always)]
pub const fn encode(point: u32) -> ([u8; 4], usize) {
    const fn continuation(point: u32, shift: u32) -> u8 {
        0x80 | (point >> shift & 0x3f) as u8
    }
    match point {
        0..0x80 => ([point as u8, 0, 0, 0], 1),
        0x80..0x800 => ([0xc0 | (point >> 6) as u8, continuation(point, 0), 0, 0], 2),
        0x800..0x1_0000 => {
            let first = 0xe0 | (point >> 12) as u8;
            ([first, continuation(point, 6), continuation(point, 0), 0], 3)
        }
        _ => {
            let first = 0xf0 | (point >> 18) as u8;
            let others = (continuation(point, 12), continuation(point, 6), continuation(point, 0));
            ([first, others.0, others.1, others.2], 4)
        }
    }
}
