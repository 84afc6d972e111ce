//! Looking up what 32 characters become, and of which class they are.
//!
//! # Overview
//!
//! A text is in few scripts, so few pages of 64 characters are enough for a register full. ASCII comes first,
//! of which a table is in registers anyway. Then all characters of a page are looked up by two instructions: what they
//! become (`vpermi2w`), and a bit for each (`vpshufbitqmb`). The two pages looked at last stay in registers and are
//! tried without asking; others follow until no character is left. Ideographs and syllables of Hangul, which would be
//! of another page each, are known by their range.
//!
//! # Why
//!
//! Among sentences in 128 languages, 32 characters are of 1.6 pages outside ASCII on average, where looking an entry up
//! for each, one by one, takes 11 ns. The two pages in registers save branches that are foreseen badly, and two
//! percent of all the time.

use std::arch::x86_64::*;

use super::blocks::UNITS;
use super::text::Classifier;
use crate::analyzer::TokenClass;
use crate::analyzer::pages::{PAGE, PAGES, Pages, Stretch};

/// A page in registers.
#[derive(Clone, Copy)]
pub(super) struct Open {
    number: __m512i,
    members: __m256i,
    becomes: [__m512i; 2],
}

/// Characters of which some have been looked up.
pub(super) struct Looked {
    characters: __m512i,
    /// Their lower halves.
    bytes: __m256i,
    /// What they become.
    folded: __m512i,
    /// Which are of the class.
    members: u32,
    /// Which have not been looked up.
    left: u32,
}

impl Open {
    /// Loads a page.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    #[inline]
    pub(super) fn new(pages: &Pages, class: TokenClass, number: u16) -> Self {
        let page = usize::from(number) % PAGES;
        let [low, high] = pages.becomes()[page].0.as_chunks::<UNITS>().0 else {
            unreachable!("32 divides 64")
        };
        // SAFETY: 32 numbers of 16 bits can be read from either.
        let becomes = unsafe {
            [_mm512_loadu_si512(low.as_ptr().cast()), _mm512_loadu_si512(high.as_ptr().cast())]
        };
        let members = _mm256_set1_epi64x(pages.members(class)[page].cast_signed());
        Self { number: set(number), members, becomes }
    }
}

impl Looked {
    /// Looks up those that are ASCII.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
    #[inline]
    pub(super) fn new(characters: __m512i, classifier: Classifier) -> Self {
        let bytes = _mm512_cvtepi16_epi8(characters);
        let is_other = _mm512_cmpge_epu16_mask(characters, set(0x80));
        let (folded, members) = classifier.fold(_mm512_castsi256_si512(bytes));
        let folded = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(folded));
        Self {
            characters,
            bytes,
            folded: _mm512_mask_mov_epi16(folded, is_other, characters),
            members: members as u32 & !is_other,
            left: is_other,
        }
    }

    /// Which have not been looked up.
    #[inline(always)]
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// What all become, and which are of the class.
    #[inline(always)]
    pub(super) fn found(self) -> (__m512i, u32) {
        (self.folded, self.members)
    }

    /// Looks up those of a page.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bitalg")]
    #[inline]
    pub(super) fn look_up(&mut self, page: Open) {
        let numbers = _mm512_srli_epi16::<{ PAGE.ilog2() }>(self.characters);
        let same = _mm512_cmpeq_epi16_mask(numbers, page.number);
        self.members |= _mm256_mask_bitshuffle_epi64_mask(same, page.members, self.bytes);
        let [low, high] = page.becomes;
        self.folded = _mm512_mask2_permutex2var_epi16(low, self.folded, same, high);
        self.left &= !same;
    }

    /// Looks up those that match `\w`, do not match `\s`, and become themselves, if there are many of their kind.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    pub(super) fn pass_over(&mut self, [first, second]: [Stretch; 2]) {
        if _mm512_mask_cmpge_epu16_mask(self.left, self.characters, set(first.first)) == 0 {
            return;
        }
        let are_in = |stretch: Stretch| {
            let places = _mm512_sub_epi16(self.characters, set(stretch.first));
            _mm512_cmplt_epu16_mask(places, set(stretch.length))
        };
        let plain = are_in(first) | are_in(second);
        self.members |= plain;
        self.left &= !plain;
    }
}

/// The same 16 bits in each lane.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) fn set(bits: u16) -> __m512i {
    _mm512_set1_epi16(bits.cast_signed())
}
