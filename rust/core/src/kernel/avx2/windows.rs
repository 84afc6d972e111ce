//! Hashing all windows of a text, eight places at a time.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_setr_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_xor_si256,
};

use super::hash::{Keys, finish, scramble, stir};
use super::lanes::{gather_set, load, store};
use crate::error::{Result, reserve};
use crate::hashing::Buckets;
use crate::murmur3::PADDING;

const LANES: usize = 8;
/// Places whose windows are checked for spaces at once.
const STEP: usize = 64;
/// The longest windows that are hashed here.
pub(super) const LONGEST: usize = 16;

/// [`Kernel::hash_windows`](crate::kernel::Kernel::hash_windows) for lengths from 2 to [`LONGEST`].
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn hash<const MASK: bool>(
    text: &[u8],
    length: usize,
    buckets: Buckets,
    keys: &mut Vec<u32>,
) -> Result<()> {
    let words = text.len() - PADDING;
    if words < length {
        return Ok(());
    }
    reserve(keys, words + LANES)?;
    let windows = Windows { text, length, places: words - length + 1, rule: Keys::new(buckets) };
    match (length / 4, length % 4) {
        (0, _) => windows.hash::<MASK, 0, true>(keys),
        (1, 0) => windows.hash::<MASK, 1, false>(keys),
        (1, _) => windows.hash::<MASK, 1, true>(keys),
        (2, 0) => windows.hash::<MASK, 2, false>(keys),
        (2, _) => windows.hash::<MASK, 2, true>(keys),
        (3, 0) => windows.hash::<MASK, 3, false>(keys),
        (3, _) => windows.hash::<MASK, 3, true>(keys),
        _ => windows.hash::<MASK, 4, false>(keys),
    }
    Ok(())
}

/// The windows of a text.
struct Windows<'t> {
    text: &'t [u8],
    length: usize,
    /// Where one may start: from 0 up to here.
    places: usize,
    rule: Keys,
}

impl Windows<'_> {
    /// Hashes windows of `WHOLE` blocks of four bytes, and some bytes more if there is a `TAIL`. There is room for as
    /// many keys as there are places, and eight more.
    #[inline]
    #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
    fn hash<const MASK: bool, const WHOLE: usize, const TAIL: bool>(&self, keys: &mut Vec<u32>) {
        let first = keys.len();
        // SAFETY: the old length is within the vector.
        let target = unsafe { keys.as_mut_ptr().add(first) };
        let lengths = _mm256_set1_epi32(self.length as i32);
        let (whole, tail) = (four_bytes(4), four_bytes(self.length % 4));
        let mut found = 0;
        let mut spaces = u128::from(self.spaces(0));
        for step in (0..self.places).step_by(STEP) {
            spaces |= u128::from(self.spaces(step + STEP)) << STEP;
            // A window may begin and end with a space, but have none in between.
            let inside = (1..self.length - 1).fold(0, |inside, i| inside | spaces >> i);
            spaces >>= STEP;
            let mut wanted = !(inside as u64);
            let left = self.places - step;
            if left < STEP {
                wanted &= (1 << left) - 1;
            }
            for (place, wanted) in (step..self.places).step_by(LANES).zip(wanted.to_le_bytes()) {
                let mut hash = _mm256_setzero_si256();
                // SAFETY: a window starts at `place`, and the blocks start inside it; the text goes on for 16 bytes
                // behind it. There is room for eight keys behind those that have been found.
                unsafe {
                    let here = self.text.as_ptr().add(place);
                    for block in 0..WHOLE {
                        let blocks = neighbours(here.add(4 * block), whole);
                        hash = stir(_mm256_xor_si256(hash, scramble(blocks)));
                    }
                    if TAIL {
                        let tails = neighbours(here.add(4 * WHOLE), tail);
                        hash = _mm256_xor_si256(hash, scramble(tails));
                    }
                    let eight = self.rule.keys::<MASK>(finish(hash, lengths));
                    store(target.add(found), gather_set(eight, wanted));
                }
                found += wanted.count_ones() as usize;
            }
        }
        // SAFETY: so many have been written.
        unsafe { keys.set_len(first + found) };
    }

    /// Which of 64 bytes are spaces.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn spaces(&self, start: usize) -> u64 {
        let rest = self.text.get(start..).unwrap_or_default();
        let mut last = [0; STEP];
        let bytes = rest.first_chunk().unwrap_or_else(|| {
            last[..rest.len()].copy_from_slice(rest);
            &last
        });
        let mut spaces = 0;
        for half in [0, 32] {
            // SAFETY: each half has 32 bytes.
            let half_bytes = unsafe { load(bytes.as_ptr().add(half)) };
            let found = _mm256_cmpeq_epi8(half_bytes, _mm256_set1_epi8(b' '.cast_signed()));
            spaces |= u64::from(_mm256_movemask_epi8(found).cast_unsigned()) << half;
        }
        spaces
    }
}

/// Which bytes [`neighbours`] takes: the first `length` of each four.
#[inline]
#[target_feature(enable = "avx2")]
fn four_bytes(length: usize) -> __m256i {
    let places = _mm256_setr_epi8(
        0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8,
        9, 10,
    );
    // An index whose top bit is set stands for a byte that is 0.
    let dropped = u32::MAX.checked_shl(8 * length as u32).unwrap_or(0) & 0x8080_8080;
    _mm256_or_si256(places, _mm256_set1_epi32(dropped.cast_signed()))
}

/// The bytes of eight blocks that begin one byte after the other.
///
/// # Safety
///
/// 16 bytes can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn neighbours(place: *const u8, bytes: __m256i) -> __m256i {
    // SAFETY: the caller's promise.
    let twice = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(place.cast()) });
    _mm256_shuffle_epi8(twice, bytes)
}
