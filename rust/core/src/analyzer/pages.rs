//! The Basic Multilingual Plane in pages of 64 characters, for kernels that look many characters up at once.
//!
//! # Overview
//!
//! [`Pages`] holds what each character becomes, and for each page one bit per character and class. A text is written
//! in few scripts, so 32 characters in a row are of two or three pages, and one look-up in a page serves all of its
//! characters among them.
//!
//! # Why
//!
//! Ideographs are of another page each, but all of them are letters that stay what they are, so the longest stretches of
//! such characters need no page.

use std::cmp::Reverse;

use super::encodings::{NON_SPACE, PLANE, WORD, class_bit};
use super::tokens::TokenClass;

/// How many characters a page has.
pub const PAGE: usize = 64;
/// How many pages there are.
pub const PAGES: usize = PLANE / PAGE;

/// Stands for what is to be looked up elsewhere. It is no character, but what becomes it may be looked up there as well.
pub const ELSEWHERE: u16 = u16::MAX;

/// What the characters of a page become.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Page(pub [u16; PAGE]);

/// Characters in a row.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// The first.
    pub first: u16,
    /// How many there are.
    pub length: u16,
}

/// All pages.
#[derive(Debug)]
pub struct Pages {
    becomes: Box<[Page; PAGES]>,
    /// Of each page, a bit for each character that matches `\w`.
    words: Box<[u64; PAGES]>,
    /// The same, that does not match `\s`.
    non_spaces: Box<[u64; PAGES]>,
    stretches: [Stretch; 2],
    has_ascii: bool,
}

impl Pages {
    /// Builds the pages from what each character of the plane becomes, if that is known here, and its classes.
    pub fn new(lowercase: bool, characters: &[(Option<u16>, u32)]) -> Self {
        let pages = characters.as_chunks().0;
        let becomes = |page: &[(Option<u16>, u32); PAGE]| {
            Page(page.map(|(becomes, _)| becomes.unwrap_or(ELSEWHERE)))
        };
        let becomes: Vec<Page> = pages.iter().map(becomes).collect();
        let members = |class| {
            let bit = |&(_, classes): &(Option<u16>, u32)| u64::from(classes & class != 0);
            let bits = |page: &[_; PAGE]| page.iter().rev().fold(0, |bits, c| bits << 1 | bit(c));
            let members: Vec<u64> = pages.iter().map(bits).collect();
            members.try_into().expect("the plane has so many pages")
        };
        Self {
            becomes: becomes.try_into().expect("the plane has so many pages"),
            words: members(WORD),
            non_spaces: members(NON_SPACE),
            stretches: longest_stretches(characters),
            has_ascii: has_ascii(lowercase, characters),
        }
    }

    /// What the characters of each page become, [`ELSEWHERE`] if that is to be looked up there.
    #[inline(always)]
    pub fn becomes(&self) -> &[Page; PAGES] {
        &self.becomes
    }

    /// A bit for each character of a class, of each page.
    #[inline(always)]
    pub fn members(&self, class: TokenClass) -> &[u64; PAGES] {
        match class {
            TokenClass::Word => &self.words,
            TokenClass::NonSpace => &self.non_spaces,
        }
    }

    /// The two longest stretches of characters that are of both classes and become themselves, in their order.
    #[inline(always)]
    pub fn stretches(&self) -> [Stretch; 2] {
        self.stretches
    }

    /// Whether ASCII characters are of the classes, and become, what kernels take for granted.
    #[inline(always)]
    pub fn has_ascii(&self) -> bool {
        self.has_ascii
    }
}

fn has_ascii(lowercase: bool, characters: &[(Option<u16>, u32)]) -> bool {
    (0..128_u8).zip(characters).all(|(byte, &(becomes, characters))| {
        let folded = if lowercase { byte.to_ascii_lowercase() } else { byte };
        let is_as_known =
            |class: TokenClass| (characters & class_bit(class) != 0) == class.has_ascii(byte);
        becomes == Some(folded.into())
            && is_as_known(TokenClass::Word)
            && is_as_known(TokenClass::NonSpace)
    })
}

fn longest_stretches(characters: &[(Option<u16>, u32)]) -> [Stretch; 2] {
    let is_plain = |&(point, &(becomes, classes)): &(u16, &(Option<u16>, u32))| {
        becomes == Some(point) && classes & WORD != 0 && classes & NON_SPACE != 0
    };
    let plain: Vec<u16> =
        (0..=u16::MAX).zip(characters).filter(is_plain).map(|(point, _)| point).collect();
    let mut stretches: Vec<Stretch> = plain
        .chunk_by(|before, point| point - before == 1)
        .map(|points| Stretch { first: points[0], length: points.len() as u16 })
        .collect();
    stretches.sort_by_key(|stretch| Reverse(stretch.length));
    stretches.resize(2, Stretch { first: u16::MAX, length: 0 });
    stretches.sort_by_key(|stretch| stretch.first);
    [stretches[0], stretches[1]]
}
