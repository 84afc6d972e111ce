//! Counting runs, eight keys at a time.

use std::arch::x86_64::{
    __m256i, _mm_cvtsi64_si128, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
    _mm256_cvtepi8_epi32, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_sub_epi32,
};
use std::array::from_fn;

use super::lanes::{gather_set, load, store};
use crate::error::{Result, reserve};
use crate::hashing::{bucket, sign};

const LANES: usize = 8;

/// For each mask of eight keys that count as -1, the sums of the first, the first two, and so on to all of them.
static SUMS: [u64; 256] = {
    let mut table = [0; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut sum, mut place) = (0_i8, 0);
        while place < 8 {
            sum += if mask >> place & 1 == 1 { -1 } else { 1 };
            table[mask] |= (sum.cast_unsigned() as u64) << (8 * place);
            place += 1;
        }
        mask += 1;
    }
    table
};

/// Writes columns and the sums up to them.
struct Runs {
    columns: *mut u32,
    sums: *mut i32,
    /// How many have been written.
    length: usize,
    /// The sum of all signs so far.
    sum: i32,
}

impl Runs {
    /// Adds eight keys; `next` are those one place further, and only the keys in `wanted` may end a run.
    ///
    /// # Safety
    ///
    /// There is room for eight more columns and sums.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    unsafe fn push(&mut self, keys: __m256i, next: __m256i, wanted: u8) {
        let buckets = _mm256_srli_epi32::<1>(keys);
        let is_same = _mm256_cmpeq_epi32(buckets, _mm256_srli_epi32::<1>(next));
        let ends = !_mm256_movemask_ps(_mm256_castsi256_ps(is_same)) as u8 & wanted;
        let negative = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32::<31>(keys))) as u8;
        let sums = SUMS[negative as usize].cast_signed();
        let sums = _mm256_add_epi32(
            _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(sums)),
            _mm256_set1_epi32(self.sum),
        );
        // SAFETY: the caller's promise.
        unsafe {
            store(self.columns.add(self.length), gather_set(buckets, ends));
            store(self.sums.add(self.length), gather_set(sums, ends));
        }
        self.length += ends.count_ones() as usize;
        self.sum = self.sum.wrapping_add(8 - 2 * negative.count_ones().cast_signed());
    }
}

/// [`Kernel::count`](crate::kernel::Kernel::count).
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn count(keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()> {
    let Some(&last) = keys.last() else { return Ok(()) };
    reserve(columns, keys.len() + LANES)?;
    reserve(sums, keys.len() + LANES)?;
    let (old_columns, old_sums) = (columns.len(), sums.len());
    // SAFETY: the old lengths are within the vectors.
    let (new_columns, new_sums) =
        unsafe { (columns.as_mut_ptr().add(old_columns), sums.as_mut_ptr().add(old_sums)) };
    let mut runs = Runs { columns: new_columns, sums: new_sums, length: 0, sum: 0 };
    // The keys that have eight more and one behind them; of the rest, the last one ends a run in any case.
    let whole = (keys.len() - 1) / LANES * LANES;
    for place in (0..whole).step_by(LANES) {
        // SAFETY: a key follows the eight, and no more runs end than there are keys.
        unsafe {
            let here = keys.as_ptr().add(place);
            runs.push(load(here), load(here.add(1)), u8::MAX);
        }
    }
    // What is behind the keys is the last one again, which costs no branch, but first one that differs from it.
    let mut rest: [u32; LANES + 1] = from_fn(|i| keys[(whole + i).min(keys.len() - 1)]);
    rest[keys.len() - whole] = !last;
    let wanted = u8::MAX >> (whole + LANES - keys.len());
    // SAFETY: nine keys are read; there is room for eight more runs than there are keys.
    unsafe { runs.push(load(rest.as_ptr()), load(rest.as_ptr().add(1)), wanted) };
    // SAFETY: so many have been written.
    unsafe {
        subtract_previous(new_sums, runs.length);
        columns.set_len(old_columns + runs.length);
        sums.set_len(old_sums + runs.length);
    }
    debug_assert!(columns.last() == Some(&bucket(last)) && sign(last) != 0);
    Ok(())
}

/// Turns sums from the first key on into those of each run: subtracts from each the one before it.
///
/// # Safety
///
/// There are so many sums.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn subtract_previous(sums: *mut i32, length: usize) {
    let mut end = length;
    // From the last to the first, so that what is subtracted has not changed yet.
    while end > LANES {
        end -= LANES;
        // SAFETY: there are eight sums from `end` on and one before them.
        unsafe {
            let here = sums.add(end);
            store(here, _mm256_sub_epi32(load(here), load(here.sub(1))));
        }
    }
    for place in (1..end).rev() {
        // SAFETY: below the length.
        unsafe { *sums.add(place) = (*sums.add(place)).wrapping_sub(*sums.add(place - 1)) };
    }
}
