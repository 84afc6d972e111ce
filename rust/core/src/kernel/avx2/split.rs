//! Finding the edges of tokens, 64 bytes at a time.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi8, _mm256_add_epi32, _mm256_and_si256,
    _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
};

use super::lanes::{load, set_first, store};
use crate::analyzer::TokenRule;
use crate::documents::Span;
use crate::error::{Result, reserve};
use crate::murmur3::PADDING;

/// Bytes that are folded at once.
pub(super) const STEP: usize = 64;

/// 64 bytes, lower-cased or not, and which of them belong to the class.
#[derive(Clone, Copy)]
pub(super) struct Folded {
    pub(super) bytes: [__m256i; 2],
    pub(super) members: u64,
}

/// Bytes that share a bit in both tables, looked up by the lower and the upper half of the byte, are members of
/// the class `\w`, or, if not `WORD`, white space.
#[inline]
#[target_feature(enable = "avx2")]
fn class_tables<const WORD: bool>() -> (__m256i, __m256i) {
    // `\w`: 1 for digits, 2 and 4 for letters up to and from P, 8 for the underscore. Space: 1 for 9 to 13, 2 for 28 to 31, 4 for 32.
    let (low, high): ([i8; 16], [i8; 16]) = if WORD {
        (
            [5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 2, 2, 2, 2, 10],
            [0, 0, 0, 1, 2, 12, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0],
        )
    } else {
        (
            [4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 3, 3, 2, 2],
            [1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        )
    };
    (repeat(low), repeat(high))
}

/// A table for each half of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn repeat(table: [i8; 16]) -> __m256i {
    // SAFETY: 16 bytes are read from as many.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

/// Folds 64 bytes. If `BLANK`, those that are not members become spaces.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn fold<const WORD: bool, const LOWER: bool, const BLANK: bool>(
    block: &[u8; STEP],
) -> Folded {
    let (low_table, high_table) = class_tables::<WORD>();
    let mut bytes = [_mm256_setzero_si256(); 2];
    let mut members = 0;
    for (half, folded) in bytes.iter_mut().enumerate() {
        // SAFETY: each half of the block has 32 bytes.
        let source = unsafe { load(block.as_ptr().add(32 * half)) };
        // Bytes are below 128, so that the lower half of one is the index that the instruction takes.
        let low = _mm256_shuffle_epi8(low_table, source);
        let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(source), _mm256_set1_epi8(15));
        let high = _mm256_shuffle_epi8(high_table, upper);
        let none = _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
        members |= u64::from(_mm256_movemask_epi8(none).cast_unsigned()) << (32 * half);
        *folded = if LOWER {
            // Capitals, and nothing else, become the 26 largest numbers.
            let shifted = _mm256_add_epi8(source, _mm256_set1_epi8((127 - b'Z').cast_signed()));
            let is_capital = _mm256_cmpgt_epi8(shifted, _mm256_set1_epi8(127 - 26));
            _mm256_or_si256(source, _mm256_and_si256(is_capital, _mm256_set1_epi8(0x20)))
        } else {
            source
        };
        if BLANK {
            let blank = _mm256_set1_epi8(b' '.cast_signed());
            let (kept, replaced) = if WORD { (*folded, blank) } else { (blank, *folded) };
            *folded = _mm256_blendv_epi8(kept, replaced, none);
        }
    }
    Folded { bytes, members: if WORD { !members } else { members } }
}

/// Finds the bytes of tokens that are not too short, 64 at a time.
pub(super) struct Keeper {
    /// Whether tokens of one byte are left out.
    drops_single: bool,
    /// The members among the 64 bytes that are next to be looked at, and among those before them.
    members: u64,
    before: u64,
}

impl Keeper {
    pub(super) fn new(rule: TokenRule) -> Self {
        Self { drops_single: rule.min_length > 1, members: 0, before: 0 }
    }

    /// The bytes that are kept of those whose turn it is; `next` are the members behind them.
    #[inline]
    pub(super) fn advance(&mut self, next: u64) -> u64 {
        let members = self.members;
        let mut kept = members;
        if self.drops_single {
            kept &= (members << 1 | self.before >> 63) | (members >> 1 | next << 63);
        }
        (self.before, self.members) = (members, next);
        kept
    }
}

/// Writes the place of each bit to `places`, `base` being the place of the lowest, and returns the end of what was
/// written. Up to eight numbers behind it are overwritten.
///
/// # Safety
///
/// There is room for as many numbers as bits are set, and eight more.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
pub(super) unsafe fn write_places(bits: u64, base: u32, mut places: *mut u32) -> *mut u32 {
    let mut base = _mm256_set1_epi32(base.cast_signed());
    for byte in bits.to_le_bytes() {
        let found = _mm256_add_epi32(set_first(byte), base);
        // SAFETY: room for eight is left when all that are found have been written, so there is now.
        places = unsafe {
            store(places, found);
            places.add(byte.count_ones() as usize)
        };
        base = _mm256_add_epi32(base, _mm256_set1_epi32(8));
    }
    places
}

/// The blocks of 64 bytes of a text, the last one filled up with spaces, which no token holds and which end the last one.
#[inline]
pub(super) fn steps(block: &[u8]) -> (&[[u8; STEP]], [u8; STEP]) {
    let (steps, rest) = block.as_chunks();
    let mut padded = [b' '; 2 * STEP];
    // Copying as many bytes as happen to be left would cost a mispredicted branch or two.
    let start = if let Some(tail) = block.last_chunk::<STEP>() {
        padded[..STEP].copy_from_slice(tail);
        STEP - rest.len()
    } else {
        padded[..rest.len()].copy_from_slice(rest);
        0
    };
    let last = *padded[start..].first_chunk().expect("the rest is shorter than a step");
    (steps, last)
}

/// [`Kernel::split_ascii`](crate::kernel::Kernel::split_ascii).
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn split<const WORD: bool, const LOWER: bool>(
    block: &[u8],
    rule: TokenRule,
    text: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<()> {
    let (steps, last) = steps(block);
    let folded_length = (steps.len() + 1) * STEP;
    text.clear();
    spans.clear();
    reserve(text, folded_length + PADDING)?;
    // Room for as many tokens as there can be, and for what is written behind them.
    reserve(spans, block.len() / 2 + 1 + 4)?;
    let first_place = spans.as_mut_ptr().cast::<u32>();
    let mut places = first_place;
    let mut target = text.as_mut_ptr();
    let mut keeper = Keeper::new(rule);
    // The first round looks at 64 bytes that are not there and keeps none of them.
    let mut base = 0_u32.wrapping_sub(STEP as u32);
    let mut carry = 0;
    for step in steps.iter().chain([&last]) {
        let folded = fold::<WORD, LOWER, false>(step);
        let kept = keeper.advance(folded.members);
        // SAFETY: `target` moves through the `folded_length` bytes that were reserved. A place is written for each
        // edge of a token, of which two bytes of the block have at most two.
        unsafe {
            store(target, folded.bytes[0]);
            store(target.add(32), folded.bytes[1]);
            target = target.add(STEP);
            places = write_places(kept ^ (kept << 1 | carry), base, places);
        }
        carry = kept >> 63;
        base = base.wrapping_add(STEP as u32);
    }
    let kept = keeper.advance(0);
    // SAFETY: as above. The last byte is a space, so the last token has ended and the number of places
    // is even: they fill whole spans. All bytes up to the new length have been written.
    unsafe {
        places = write_places(kept ^ (kept << 1 | carry), base, places);
        spans.set_len(places.offset_from_unsigned(first_place) / 2);
        target.write_bytes(0, PADDING);
        text.set_len(folded_length + PADDING);
    }
    if rule.min_length > 2 {
        spans.retain(|span| (span.end - span.start) as usize >= rule.min_length);
    }
    Ok(())
}
