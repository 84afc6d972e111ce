//! Writing short documents in UTF-8, 32 or 64 characters at a time.
//!
//! # Overview
//!
//! All documents go to one text, each followed by a space. What has been written from one register is a [`Block`]: which of
//! its characters are of the class, and which of its bytes begin a character.
//!
//! Characters are looked up (`lookup`), and written in one of two ways. If none has more than two bytes, 16 bits
//! are enough for each, and 32 of them are moved together at once; else 16 of them, in 32 bits each. Either way, all
//! characters are put into all forms that are possible, and a mask chooses:
//!
//! ```text
//! text     Ж     у     к     ␠     a
//! narrow   d0b6  d183  d0ba  20    61
//! bytes    11    11    11    10    10
//! packed   d0 b6 d1 83 d0 ba 20 61
//! starts   1  0  1  0  1  0  1  1
//! members  1     1     1     0     1
//! ```
//!
//! `pdep` takes what is known of characters to the bytes that begin them, whatever their lengths.
//!
//! # Why
//!
//! A sentence of 90 characters is over before the processor knows what to expect; so what begins and ends with a document
//! should be little. On 255,616 sentences in 128 languages, this and all that comes with it (tokens of several
//! documents hashed together, one reservation for all) takes a third off the time of `HashingVectorizer` on Zen 4: 104 ms
//! before, 70 after. A third of that had gone into folding one document after the other (`fold`), with an entry for
//! each character.
//!
//! - One more space in the text than there is makes every document end outside of a token: none goes on in the next.
//! - What is longer is left to the other way, which does as well there, and so is what needs more than a table: the
//!   documents before are dealt with first. Among those sentences, these are three in a thousand.

use std::arch::x86_64::*;

use super::lookup::{Looked, Open, set};
use super::murmur3::set as set_wide;
use super::text::{Classifier, load, load_part};
use crate::analyzer::encodings::Encodings;
use crate::analyzer::pages::{ELSEWHERE, PAGE, Pages};
use crate::analyzer::{Splitting, TokenClass};
use crate::documents::{Document, Text};
use crate::error::{Result, grow, reserve};
use crate::hashing::PREFETCHED;
use crate::kernel::short::{Block, Buffers};
use crate::murmur3::PADDING;

/// Documents of more characters are not short.
const LONGEST: usize = 1024;
/// How many bytes of text are gathered.
const TEXT: usize = 8 * 1024;
/// And how many blocks, one more than are used.
const BLOCKS: usize = 512;
/// A document has at most so many blocks.
const MOST_BLOCKS: usize = 2 * (LONGEST / UNITS + 1);
/// And so many bytes, with the space behind it.
const MOST_BYTES: usize = 3 * LONGEST + 1;
/// How many characters outside ASCII are looked at together.
pub(super) const UNITS: usize = 32;
/// How many characters of three bytes are written together.
const WIDE: usize = 16;
/// How many ASCII characters are looked at together.
pub(super) const BYTES: usize = 64;

/// Writes the first documents to the text, as many as there is room for, in blocks, and returns how many these are, and
/// whether the next is not for this.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,popcnt"
)]
pub(super) fn gather(
    documents: &[Document<'_>],
    splitting: Splitting<'_>,
    buffers: &mut Buffers,
) -> Result<(usize, bool)> {
    let Buffers { text, blocks, ends, .. } = buffers;
    grow(text, TEXT + BYTES + PADDING, 0)?;
    grow(blocks, BLOCKS, Block::default())?;
    ends.clear();
    let Splitting { rule, lowercase, encodings } = splitting;
    let pages = encodings.map(Encodings::pages).filter(|pages| pages.has_ascii());
    let mut folding = Folding {
        classifier: Classifier::new(rule.class, lowercase),
        class: rule.class,
        open: [2, 3],
        text,
        blocks,
        place: 0,
        number: 0,
    };
    let mut is_stopped = false;
    for (number, document) in documents.iter().enumerate() {
        if folding.place + MOST_BYTES > TEXT || folding.number + MOST_BLOCKS >= BLOCKS {
            break;
        }
        if let Some(coming) = documents.get(number + PREFETCHED) {
            coming.prefetch();
        }
        let (place, blocks) = (folding.place, folding.number);
        let is_done = match (document, pages) {
            (Document::Text(Text::Ascii(bytes)), _) if bytes.len() <= LONGEST => {
                folding.push_ascii(bytes);
                true
            }
            (Document::Text(Text::Latin1(units)), Some(pages)) if units.len() <= LONGEST => {
                folding.push_units(units, pages)
            }
            (Document::Text(Text::Ucs2(units)), Some(pages)) if units.len() <= LONGEST => {
                folding.push_units(units, pages)
            }
            _ => false,
        };
        if !is_done {
            (folding.place, folding.number) = (place, blocks);
            is_stopped = true;
            break;
        }
        reserve(ends, 1)?;
        ends.push(folding.number as u32);
    }
    // Behind the last block is one that joins nothing to it.
    let number = folding.number;
    folding.blocks[number] = Block::default();
    Ok((ends.len(), is_stopped))
}

/// Code units that are characters of the first plane.
trait Units: Copy + Into<u16> {
    /// Loads 32 units as 16 bits each.
    ///
    /// # Safety
    ///
    /// The processor has the features.
    unsafe fn load(units: &[Self; UNITS]) -> __m512i;

    /// Loads less than 32, followed by spaces.
    ///
    /// # Safety
    ///
    /// The same.
    unsafe fn load_part(units: &[Self]) -> __m512i;
}

impl Units for u8 {
    #[target_feature(enable = "avx512bw,avx512vl,bmi2")]
    #[inline]
    unsafe fn load(units: &[Self; UNITS]) -> __m512i {
        // SAFETY: 32 bytes can be read, at any alignment.
        _mm512_cvtepu8_epi16(unsafe { _mm256_loadu_si256(units.as_ptr().cast()) })
    }

    #[target_feature(enable = "avx512bw,avx512vl,bmi2")]
    #[inline]
    unsafe fn load_part(units: &[Self]) -> __m512i {
        let mask = _bzhi_u32(u32::MAX, units.len() as u32);
        let spaces = _mm256_set1_epi8(b' '.cast_signed());
        // SAFETY: only as many bytes are read as there are, at any alignment.
        let bytes = unsafe { _mm256_mask_loadu_epi8(spaces, mask, units.as_ptr().cast()) };
        _mm512_cvtepu8_epi16(bytes)
    }
}

impl Units for u16 {
    #[target_feature(enable = "avx512bw,avx512vl,bmi2")]
    #[inline]
    unsafe fn load(units: &[Self; UNITS]) -> __m512i {
        // SAFETY: 32 units of two bytes can be read, at any alignment.
        unsafe { _mm512_loadu_si512(units.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512bw,avx512vl,bmi2")]
    #[inline]
    unsafe fn load_part(units: &[Self]) -> __m512i {
        let mask = _bzhi_u32(u32::MAX, units.len() as u32);
        // SAFETY: only as many units are read as there are, at any alignment.
        unsafe { _mm512_mask_loadu_epi16(set(b' '.into()), mask, units.as_ptr().cast()) }
    }
}

/// The text so far.
struct Folding<'b> {
    classifier: Classifier,
    class: TokenClass,
    /// The pages looked at last: neither is of ASCII.
    open: [u16; 2],
    text: &'b mut [u8],
    blocks: &'b mut [Block],
    /// How many bytes of the text there are.
    place: usize,
    /// How many blocks there are.
    number: usize,
}

impl Folding<'_> {
    /// Appends an ASCII text and a space.
    #[target_feature(enable = "avx512f,avx512vbmi,bmi2")]
    #[inline]
    fn push_ascii(&mut self, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<BYTES>();
        for i in 0..=whole.len() {
            let (bytes, number) = match whole.get(i) {
                Some(bytes) => (load(bytes), BYTES),
                None => (load_part(rest), rest.len() + 1),
            };
            let (folded, members) = self.classifier.fold(bytes);
            let starts = _bzhi_u64(u64::MAX, number as u32);
            self.push(
                folded,
                number,
                Block { members, starts, last: number as u32 - 1, ..Block::default() },
            );
        }
    }

    /// Appends a text and a space, or returns false if a character needs more than the pages.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi1,bmi2,popcnt"
    )]
    fn push_units<U: Units>(&mut self, units: &[U], pages: &Pages) -> bool {
        let (whole, rest) = units.as_chunks::<UNITS>();
        let mut open = self.open.map(|number| Open::new(pages, self.class, number));
        for i in 0..=whole.len() {
            let (characters, number) = match whole.get(i) {
                // SAFETY: the processor has the features.
                Some(units) => (unsafe { U::load(units) }, UNITS),
                // SAFETY: the same.
                None => (unsafe { U::load_part(rest) }, rest.len() + 1),
            };
            let mut block = Looked::new(characters, self.classifier);
            for page in open {
                block.look_up(page);
            }
            if block.left() != 0 {
                block.pass_over(pages.stretches());
                while block.left() != 0 {
                    let unit: u16 =
                        units[UNITS * i + block.left().trailing_zeros() as usize].into();
                    let page = unit / PAGE as u16;
                    (self.open, open) =
                        ([page, self.open[0]], [Open::new(pages, self.class, page), open[0]]);
                    block.look_up(open[0]);
                }
            }
            let (folded, members) = block.found();
            if _mm512_cmpeq_epi16_mask(folded, set(ELSEWHERE)) != 0 {
                return false;
            }
            if _mm512_test_epi16_mask(folded, set(0xf800)) == 0 {
                self.push_narrow(folded, members, number);
            } else {
                self.push_wide(folded, members, number);
            }
        }
        true
    }

    /// Appends characters of one or two bytes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi2,popcnt")]
    #[inline]
    fn push_narrow(&mut self, characters: __m512i, members: u32, number: usize) {
        // Of 16 bits, those from the sixth on, and all.
        let shifts = _mm512_set1_epi64(0x3036_2026_1016_0006);
        let split = _mm512_multishift_epi64_epi8(shifts, characters);
        let two = _mm512_ternarylogic_epi32::<AND_OR>(split, set(0x3f1f), set(0x80c0));
        let is_two = _mm512_cmpge_epu16_mask(characters, set(0x80));
        let encoded = _mm512_mask_mov_epi16(characters, is_two, two);
        let bytes = 0x5555_5555_5555_5555 | _pdep_u64(is_two.into(), 0xaaaa_aaaa_aaaa_aaaa);
        let bytes = _bzhi_u64(bytes, 2 * number as u32);
        let starts = _pext_u64(0x5555_5555_5555_5555, bytes);
        let packed = _mm512_maskz_compress_epi8(bytes, encoded);
        let block =
            Block { members: members.into(), starts, last: number as u32 - 1, ..Block::default() };
        self.push(packed, bytes.count_ones() as usize, block);
    }

    /// Appends characters of up to three bytes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi2,popcnt")]
    #[inline]
    fn push_wide(&mut self, characters: __m512i, members: u32, number: usize) {
        let is_two = _mm512_cmpge_epu16_mask(characters, set(0x80));
        let is_three = _mm512_cmpge_epu16_mask(characters, set(0x800));
        self.push_half(
            _mm512_castsi512_si256(characters),
            [members as u16, is_two as u16, is_three as u16],
            number.min(WIDE),
        );
        if number > WIDE {
            self.push_half(
                _mm512_extracti64x4_epi64::<1>(characters),
                [members, is_two, is_three].map(|mask| (mask >> WIDE) as u16),
                number - WIDE,
            );
        }
    }

    /// Appends up to 16 characters of up to three bytes, given which of them are of the class, have two bytes or more, and
    /// three.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi2,popcnt")]
    #[inline]
    fn push_half(&mut self, characters: __m256i, masks: [u16; 3], number: usize) {
        let [members, is_two, is_three] = masks;
        let characters = _mm512_cvtepu16_epi32(characters);
        // Of 32 bits, those from the sixth on, and all; those from the twelfth on, from the sixth, and all.
        let two =
            _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x3030_2026_1010_0006), characters);
        let two = _mm512_ternarylogic_epi32::<AND_OR>(two, set_wide(0x3f1f), set_wide(0x80c0));
        let three =
            _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x3020_262c_1000_060c), characters);
        let three =
            _mm512_ternarylogic_epi32::<AND_OR>(three, set_wide(0x3f_3f0f), set_wide(0x80_80e0));
        let encoded = _mm512_mask_mov_epi32(characters, is_two, two);
        let encoded = _mm512_mask_mov_epi32(encoded, is_three, three);
        let bytes = 0x1111_1111_1111_1111
            | _pdep_u64(is_two.into(), 0x2222_2222_2222_2222)
            | _pdep_u64(is_three.into(), 0x4444_4444_4444_4444);
        let bytes = _bzhi_u64(bytes, 4 * number as u32);
        let starts = _pext_u64(0x1111_1111_1111_1111, bytes);
        let packed = _mm512_maskz_compress_epi8(bytes, encoded);
        let block =
            Block { members: members.into(), starts, last: number as u32 - 1, ..Block::default() };
        self.push(packed, bytes.count_ones() as usize, block);
    }

    /// Appends the first `length` bytes of a register, and what is known about them.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn push(&mut self, bytes: __m512i, length: usize, block: Block) {
        let target: &mut [u8; BYTES] =
            self.text[self.place..].first_chunk_mut().expect("there is room for a register");
        // SAFETY: 64 bytes can be written, at any alignment.
        unsafe { _mm512_storeu_si512(target.as_mut_ptr().cast(), bytes) };
        self.blocks[self.number] = Block { place: self.place as u32, ..block };
        self.place += length;
        self.number += 1;
    }
}

/// A bit of the first and the second operand, or of the third.
const AND_OR: i32 = 0xea;
