//! Joining tokens, 64 bytes at a time: what is between them is left out.

use std::arch::x86_64::{
    _mm_cvtsi64_si128, _mm_loadl_epi64, _mm_shuffle_epi8, _mm_storel_epi64, _mm256_cmpeq_epi8,
    _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_setzero_si256,
};

use super::lanes::{SET_FIRST, load, store};
use super::split::{Folded, Keeper, STEP, fold, steps, write_places};
use crate::analyzer::TokenRule;
use crate::error::{Result, reserve};

/// [`Kernel::join_ascii`](crate::kernel::Kernel::join_ascii) for tokens of at least one byte or two.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn join<const WORD: bool, const LOWER: bool>(
    block: &[u8],
    rule: TokenRule,
    text: &mut Vec<u8>,
    starts: &mut Vec<u32>,
) -> Result<()> {
    debug_assert!(rule.min_length <= 2, "longer tokens are not told apart here");
    let (steps, last) = steps(block);
    // A space more than there are bytes, and what is written behind it.
    reserve(text, block.len() + 1 + STEP)?;
    reserve(starts, block.len() / 2 + 1 + 8)?;
    let old_length = text.len();
    // SAFETY: the old length is within the vector.
    let first = unsafe { text.as_mut_ptr().add(old_length) };
    let mut target = first;
    let mut keeper = Keeper::new(rule);
    let mut current = Folded { bytes: [_mm256_setzero_si256(); 2], members: 0 };
    let mut carry = 0;
    for step in steps.iter().chain([&last]) {
        let next = fold::<WORD, LOWER, true>(step);
        let kept = keeper.advance(next.members);
        // SAFETY: each token's bytes and one more are written, less than a byte more than the block has, and
        // there are `STEP` bytes behind them.
        target = unsafe { write_bytes(current, kept | kept << 1 | carry, target) };
        carry = kept >> 63;
        current = next;
    }
    let kept = keeper.advance(0);
    // SAFETY: as above; all bytes up to the new length have been written.
    unsafe {
        target = write_bytes(current, kept | kept << 1 | carry, target);
        target.write_bytes(0, STEP);
        write_starts(first, target, old_length as u32, starts);
        text.set_len(old_length + target.offset_from_unsigned(first));
    }
    Ok(())
}

/// Writes the bytes whose bits are set, and returns the end of what was written. Up to eight bytes behind it are overwritten.
///
/// # Safety
///
/// There is room for as many bytes as bits are set, and eight more.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
unsafe fn write_bytes(folded: Folded, bits: u64, mut target: *mut u8) -> *mut u8 {
    let mut bytes = [0_u8; STEP];
    // SAFETY: the array has room for both halves.
    unsafe {
        store(bytes.as_mut_ptr(), folded.bytes[0]);
        store(bytes.as_mut_ptr().add(32), folded.bytes[1]);
    }
    for (eight, bits) in bytes.as_chunks::<8>().0.iter().zip(bits.to_le_bytes()) {
        let places = _mm_cvtsi64_si128(SET_FIRST[bits as usize].cast_signed());
        // SAFETY: eight bytes are read from as many; room for eight is left when all bytes have been written,
        // so there is now.
        target = unsafe {
            let kept = _mm_shuffle_epi8(_mm_loadl_epi64(eight.as_ptr().cast()), places);
            _mm_storel_epi64(target.cast(), kept);
            target.add(bits.count_ones() as usize)
        };
    }
    target
}

/// Appends the place behind each space between `first` and `end`, `first` being at `base`.
///
/// # Safety
///
/// There are `STEP` bytes behind `end`, all 0, and room for as many places as there are spaces, and eight more.
#[target_feature(enable = "avx2,bmi2,popcnt")]
unsafe fn write_starts(first: *const u8, end: *const u8, base: u32, starts: &mut Vec<u32>) {
    // SAFETY: the caller's promise; what is read behind `end` is 0 and so no space.
    unsafe {
        let length = end.offset_from_unsigned(first);
        let first_place = starts.as_mut_ptr().add(starts.len());
        let mut places = first_place;
        for offset in (0..length).step_by(STEP) {
            let mut spaces = 0;
            for half in [0, 32] {
                let bytes = load(first.add(offset + half));
                let found = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b' '.cast_signed()));
                spaces |= u64::from(_mm256_movemask_epi8(found).cast_unsigned()) << half;
            }
            places = write_places(spaces, base + offset as u32 + 1, places);
        }
        starts.set_len(starts.len() + places.offset_from_unsigned(first_place));
    }
}
