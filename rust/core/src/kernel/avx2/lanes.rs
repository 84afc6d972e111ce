//! Eight lanes of 32 bits, and the table that moves them.
//!
//! # Overview
//!
//! [`SET_FIRST`] has a row of eight places for each mask of eight bits: first the places of the bits that are set, in
//! ascending order, then those of the others. One table serves all: read as numbers a row lists where tokens
//! start and end, as the indices of a permutation it gathers the lanes that are kept, as the indices of a shuffle it
//! gathers bytes, and all eight places together deal lanes to the two sides of a pivot.

use std::arch::x86_64::{
    __m256i, _mm_cvtsi64_si128, _mm256_cvtepu8_epi32, _mm256_loadu_si256,
    _mm256_permutevar8x32_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

/// For each mask, the places of the bits that are set, then those of the others; the lowest byte is the first.
pub(super) static SET_FIRST: [u64; 256] = {
    let mut table = [0; 256];
    let mut mask = 0;
    while mask < 256 {
        let mut filled = 0;
        let mut turn = 0;
        while turn < 16 {
            let place = turn % 8;
            let is_set = mask >> place & 1 == 1;
            if is_set == (turn < 8) {
                table[mask] |= (place as u64) << (8 * filled);
                filled += 1;
            }
            turn += 1;
        }
        mask += 1;
    }
    table
};

/// The row of a mask, as eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn set_first(mask: u8) -> __m256i {
    _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(SET_FIRST[mask as usize].cast_signed()))
}

/// The lanes whose bits are set, in order, then the others.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn gather_set(lanes: __m256i, mask: u8) -> __m256i {
    _mm256_permutevar8x32_epi32(lanes, set_first(mask))
}

/// Turns columns of four into halves of rows: column i and column i + 4 become row i.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn transpose_halves(rows: [__m256i; 4]) -> [__m256i; 4] {
    let (a, b) = (_mm256_unpacklo_epi32(rows[0], rows[1]), _mm256_unpacklo_epi32(rows[2], rows[3]));
    let (c, d) = (_mm256_unpackhi_epi32(rows[0], rows[1]), _mm256_unpackhi_epi32(rows[2], rows[3]));
    [
        _mm256_unpacklo_epi64(a, b),
        _mm256_unpackhi_epi64(a, b),
        _mm256_unpacklo_epi64(c, d),
        _mm256_unpackhi_epi64(c, d),
    ]
}

/// Reads eight lanes.
///
/// # Safety
///
/// There are eight initialised ones at `place`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn load<T>(place: *const T) -> __m256i {
    // SAFETY: the caller's promise; the instruction asks for no alignment.
    unsafe { _mm256_loadu_si256(place.cast()) }
}

/// Writes eight lanes.
///
/// # Safety
///
/// The 32 bytes at `place` may be written.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn store<T>(place: *mut T, lanes: __m256i) {
    // SAFETY: the caller's promise; the instruction asks for no alignment.
    unsafe { _mm256_storeu_si256(place.cast(), lanes) }
}
