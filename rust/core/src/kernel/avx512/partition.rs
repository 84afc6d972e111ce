//! Parting keys by a pivot.
//!
//! # Overview
//!
//! Sixteen keys are compared with the pivot; those below are moved to the front of one register, the others to the
//! front of another, and both are stored whole. What is stored beyond them is overwritten by the next sixteen:
//!
//! ```text
//! keys   7 2 9 4 | 1 8 3 6 | ...     pivot 5
//! low    2 4 . .                     then  2 4 1 3 . .
//! high   7 9 . .                     then  7 9 8 6 . .
//! ```
//!
//! # Why
//!
//! The instruction that compresses to memory is very slow on Zen 4, and the one that compresses to a register is not.
//! Two vectors of eight keys instead of one of sixteen cost a tenth more on documents of some hundred keys, a quarter
//! on those of thousands.

#[allow(clippy::wildcard_imports)] // intrinsics name themselves
use std::arch::x86_64::*;

use crate::error::Result;

const LANES: usize = 16;
/// How many keys are parted between two questions whether to go on.
const STEP: usize = 1 << 20;

/// Writes the keys below `pivot` to `low` and the others to `high`, in order, and returns how many are low.
///
/// # Safety
///
/// There are `number` keys to read from `source`, and places to write to `low` and `high`; one of the two may be
/// `source`, otherwise the three do not overlap.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
pub(super) unsafe fn part(
    source: *const u32,
    number: usize,
    pivot: u32,
    low: *mut u32,
    high: *mut u32,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<usize> {
    let pivots = _mm512_set1_epi32(pivot.cast_signed());
    let full = number / LANES * LANES;
    let (mut next, mut lower) = (0, 0);
    while next < full {
        let end = full.min(next + STEP);
        while next < end {
            // SAFETY: `next + 16 <= number` keys are there to read. As many keys went to `low` and `high` together
            // as were read before, so both stores end before `next + 16`, hence within the places; and what they
            // overwrite in `source` has been read.
            unsafe {
                let keys = _mm512_loadu_epi32(source.add(next).cast());
                let is_low = _mm512_cmplt_epu32_mask(keys, pivots);
                let (lows, highs) = (
                    _mm512_maskz_compress_epi32(is_low, keys),
                    _mm512_maskz_compress_epi32(!is_low, keys),
                );
                _mm512_storeu_epi32(low.add(lower).cast(), lows);
                _mm512_storeu_epi32(high.add(next - lower).cast(), highs);
                lower += is_low.count_ones() as usize;
            }
            next += LANES;
        }
        if full > STEP {
            proceed()?;
        }
    }
    let present = _bzhi_u32(0xffff, (number - full) as u32) as __mmask16;
    // SAFETY: lanes that are not there are neither read nor written; otherwise as above.
    unsafe {
        let keys = _mm512_maskz_loadu_epi32(present, source.add(next).cast());
        let is_low = _mm512_mask_cmplt_epu32_mask(present, keys, pivots);
        let is_high = present & !is_low;
        let (lows, highs) =
            (_mm512_maskz_compress_epi32(is_low, keys), _mm512_maskz_compress_epi32(is_high, keys));
        _mm512_mask_storeu_epi32(low.add(lower).cast(), first(is_low.count_ones()), lows);
        _mm512_mask_storeu_epi32(high.add(next - lower).cast(), first(is_high.count_ones()), highs);
        Ok(lower + is_low.count_ones() as usize)
    }
}

/// The smallest and the largest of one key or more.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
pub(super) fn bounds(keys: &[u32]) -> (u32, u32) {
    let (vectors, rest) = keys.as_chunks::<LANES>();
    let (mut min, mut max) = (_mm512_set1_epi32(-1), _mm512_setzero_si512());
    for vector in vectors {
        // SAFETY: the vector has 16 keys.
        let keys = unsafe { _mm512_loadu_epi32(vector.as_ptr().cast()) };
        min = _mm512_min_epu32(min, keys);
        max = _mm512_max_epu32(max, keys);
    }
    let (mut min, mut max) = (_mm512_reduce_min_epu32(min), _mm512_reduce_max_epu32(max));
    for &key in rest {
        min = min.min(key);
        max = max.max(key);
    }
    (min, max)
}

#[inline]
#[target_feature(enable = "bmi2")]
fn first(lanes: u32) -> __mmask16 {
    _bzhi_u32(0xffff, lanes) as __mmask16
}
