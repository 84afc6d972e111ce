//! Writing short documents in UTF-8, 32 or 64 characters at a time, and finding the tokens in all of them.

use std::arch::x86_64::*;

use super::text::{Classifier, load, load_part, store_places};
use crate::analyzer::encodings::Encodings;
use crate::analyzer::pages::{ELSEWHERE, PAGE, Page, Pages, Stretch};
use crate::analyzer::{Splitting, TokenClass};
use crate::documents::{Document, Text};
use crate::error::{Result, reserve};
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
const UNITS: usize = 32;
/// How many characters of three bytes are written together.
const WIDE: usize = 16;
/// How many ASCII characters are looked at together.
const BYTES: usize = 64;
/// While a document is folded, the one so many further on is fetched from memory.
const PREFETCHED: usize = 2;

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
        for i in 0..=whole.len() {
            // SAFETY: the processor has the features.
            let (characters, number) = match whole.get(i) {
                Some(units) => (unsafe { U::load(units) }, UNITS),
                None => (unsafe { U::load_part(rest) }, rest.len() + 1),
            };
            let units = &units[UNITS * i..];
            let (folded, members) = self.look_up(characters, units, pages);
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

    /// What 32 characters become, and which of them are of the class.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512bitalg,bmi1")]
    #[inline]
    fn look_up<U: Units>(&self, characters: __m512i, units: &[U], pages: &Pages) -> (__m512i, u32) {
        let bytes = _mm512_cvtepi16_epi8(characters);
        let mut left = _mm512_cmpge_epu16_mask(characters, set(0x80));
        let (folded, members) = self.classifier.fold(_mm512_castsi256_si512(bytes));
        let folded = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(folded));
        let mut folded = _mm512_mask_mov_epi16(folded, left, characters);
        let mut members = members as u32 & !left;
        let [first, second] = pages.stretches();
        if _mm512_mask_cmpge_epu16_mask(left, characters, set(first.first)) != 0 {
            let are_in = |stretch: Stretch| {
                let places = _mm512_sub_epi16(characters, set(stretch.first));
                _mm512_cmplt_epu16_mask(places, set(stretch.length))
            };
            let plain = are_in(first) | are_in(second);
            members |= plain;
            left &= !plain;
        }
        let numbers = _mm512_srli_epi16::<6>(characters);
        while left != 0 {
            let unit: u16 = units[left.trailing_zeros() as usize].into();
            let page = usize::from(unit) / PAGE;
            let same = _mm512_cmpeq_epi16_mask(numbers, set(page as u16));
            let bits = _mm256_set1_epi64x(pages.members(self.class)[page].cast_signed());
            members |= _mm256_bitshuffle_epi64_mask(bits, bytes) & same;
            let (low, high) = halves(&pages.becomes()[page]);
            folded = _mm512_mask2_permutex2var_epi16(low, folded, same, high);
            left &= !same;
        }
        (folded, members)
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

/// Finds the tokens in the blocks of all documents. Replaces the ends of documents, which are numbers of blocks, by
/// numbers of tokens.
#[target_feature(enable = "avx512f,avx512vbmi2,bmi2,popcnt")]
pub(super) fn find_tokens(buffers: &mut Buffers, min_length: usize) -> Result<()> {
    let Buffers { blocks, ends, spans, .. } = buffers;
    let number = ends.last().map_or(0, |&end| end as usize);
    let characters: usize = blocks[..number].iter().map(|block| block.last as usize + 1).sum();
    spans.clear();
    reserve(spans, (characters + BYTES).div_ceil(2))?;
    let places = spans.as_mut_ptr().cast();
    // SAFETY: there is room for an edge at each character, and for 64 more.
    let edges = unsafe {
        if min_length == 1 {
            find_edges::<1>(&mut blocks[..=number], places)
        } else {
            find_edges::<2>(&mut blocks[..=number], places)
        }
    };
    // SAFETY: so many have been written, of which two make a span: no run goes on behind the end of a document.
    unsafe { spans.set_len(edges / 2) };
    for end in ends {
        *end = end.checked_sub(1).map_or(0, |last| blocks[last as usize].edges / 2);
    }
    Ok(())
}

/// Writes the edges of runs of at least so many characters to `places`, and returns how many these are. The last block is
/// there to be looked at only.
///
/// # Safety
///
/// There is room for as many edges as there are characters, and for 64 more.
#[target_feature(enable = "avx512f,avx512vbmi2,bmi2,popcnt")]
#[inline]
unsafe fn find_edges<const MIN_LENGTH: usize>(blocks: &mut [Block], places: *mut u32) -> usize {
    let (mut number, mut before, mut kept_before) = (0, 0, 0);
    for i in 0..blocks.len() - 1 {
        let next = blocks[i + 1].members & 1;
        let block = &mut blocks[i];
        let Block { members, starts, place, last, .. } = *block;
        let kept = if MIN_LENGTH == 1 {
            members
        } else {
            members & (members << 1 | before | members >> 1 | next << last)
        };
        let edges = _pdep_u64(kept ^ (kept << 1 | kept_before), starts);
        // SAFETY: as promised.
        number += unsafe { store_places(edges, place, places.add(number)) };
        block.edges = number as u32;
        before = members >> last;
        kept_before = kept >> last;
    }
    number
}

/// A bit of the first and the second operand, or of the third.
const AND_OR: i32 = 0xea;

/// The same 16 bits in each lane.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn set(bits: u16) -> __m512i {
    _mm512_set1_epi16(bits.cast_signed())
}

/// The same 32 bits in each lane.
#[target_feature(enable = "avx512f")]
#[inline]
fn set_wide(bits: u32) -> __m512i {
    _mm512_set1_epi32(bits.cast_signed())
}

/// What the characters of a page become, in two registers.
#[target_feature(enable = "avx512f")]
#[inline]
fn halves(page: &Page) -> (__m512i, __m512i) {
    let [low, high] = page.0.as_chunks::<UNITS>().0 else { unreachable!("32 divides 64") };
    // SAFETY: 32 numbers of 16 bits can be read from either.
    unsafe { (_mm512_loadu_si512(low.as_ptr().cast()), _mm512_loadu_si512(high.as_ptr().cast())) }
}

/// Makes a buffer so long.
fn grow<T: Copy>(buffer: &mut Vec<T>, length: usize, filling: T) -> Result<()> {
    if buffer.len() < length {
        reserve(buffer, length - buffer.len())?;
        buffer.resize(length, filling);
    }
    Ok(())
}
