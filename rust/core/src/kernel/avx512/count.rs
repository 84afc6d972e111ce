//! Counting sorted keys.
//!
//! # Overview
//!
//! Where a key and the next differ in their buckets, a run ends. Its bucket and the sum of all signs so far are moved
//! to the front of a register and stored. At last, each such sum less the one before is the sum of the run:
//!
//! ```text
//! bucket       3   3   5   5   5   9
//! sign         +   -   +   +   +   -
//! sum so far   1   0   1   2   3   2
//! ends             ^           ^   ^     columns  3  5  9
//!                                        so far   0  3  2
//!                                        sums     0  3 -1
//! ```
//!
//! So runs of one sign and of both cost the same. The sum up to each lane is its place less twice the number of minus
//! signs up to there: a bit mask of signs, cut off behind each lane, of which the bits are counted.
//!
//! # Why
//!
//! Rows that are counted together share one running sum, so that the differences of short rows, too, are taken 16 at a
//! time, and not where sums have just been stored: one by one they took twice as long for rows of 18 keys.
//!
//! The sums may wrap around; differences of less than 2^31 are right all the same. Subtracting at the end and not at
//! once needs no register that remembers the last sum, and reads back what was not stored a moment ago.
//!
//! The stores are what is waited for. Numbers of keys instead of sums of signs, and the sign of a run's last key applied at
//! the end, need a third fewer instructions and won nothing.

#[allow(clippy::wildcard_imports)] // intrinsics name themselves
use std::arch::x86_64::*;

use crate::error::{Result, reserve};

const LANES: usize = 16;

/// Where entries go.
struct Entries {
    columns: *mut u32,
    sums: *mut i32,
    number: usize,
    /// The sum of all signs so far.
    total: i32,
}

/// Appends each bucket of sorted keys, and the sum of its signs.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt")]
pub(super) fn count(keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()> {
    count_rows([keys].into_iter(), keys.len(), columns, sums, |_| {})
}

/// The same for rows of so many keys altogether. After each, `end` is told how many entries there are.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt")]
#[inline]
pub(super) fn count_rows<'k>(
    rows: impl Iterator<Item = &'k [u32]>,
    keys: usize,
    columns: &mut Vec<u32>,
    sums: &mut Vec<i32>,
    mut end: impl FnMut(usize),
) -> Result<()> {
    reserve(columns, keys + LANES)?;
    reserve(sums, keys + LANES)?;
    let before = columns.len();
    let mut left = keys;
    // SAFETY: there is room for as many entries as there are keys in all rows, and for 16 more; the first `number` of them
    // have been written.
    unsafe {
        let mut entries = Entries {
            columns: columns.as_mut_ptr().add(before),
            sums: sums.as_mut_ptr().add(sums.len()),
            number: 0,
            total: 0,
        };
        for row in rows {
            left = left.checked_sub(row.len()).expect("as many keys as were announced");
            entries.append_row(row);
            end(before + entries.number);
        }
        // The sum up to the end of a row is where the next one starts.
        subtract_those_before(std::slice::from_raw_parts_mut(entries.sums, entries.number));
        columns.set_len(before + entries.number);
        sums.set_len(sums.len() + entries.number);
    }
    Ok(())
}

/// Which keys have another bucket than those after them.
#[inline]
#[target_feature(enable = "avx512f")]
fn ends(keys: __m512i, after: __m512i) -> __mmask16 {
    _mm512_test_epi32_mask(_mm512_xor_si512(keys, after), _mm512_set1_epi32(!1))
}

impl Entries {
    /// Appends the buckets of a row, each with the sum of all signs up to there.
    ///
    /// # Safety
    ///
    /// There is room for as many more entries as there are keys, and for 16.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vpopcntdq,bmi2,popcnt")]
    unsafe fn append_row(&mut self, keys: &[u32]) {
        let (place, number) = (keys.as_ptr(), keys.len());
        if number == 0 {
            return;
        }
        // SAFETY: sixteen keys and one more are there in the loop; lanes of the last ones that are not there are not
        // read. There is room for as many entries as there are keys.
        unsafe {
            let mut next = 0;
            while next + LANES < number {
                let keys = _mm512_loadu_epi32(place.add(next).cast());
                let after = _mm512_loadu_epi32(place.add(next + 1).cast());
                self.append(keys, ends(keys, after), LANES as u32);
                next += LANES;
            }
            let left = (number - next) as u32;
            let present = _bzhi_u32(0xffff, left) as __mmask16;
            let keys = _mm512_maskz_loadu_epi32(present, place.add(next).cast());
            let after = _mm512_maskz_loadu_epi32(present >> 1, place.wrapping_add(next + 1).cast());
            let last = 1 << (left - 1);
            self.append(keys, (ends(keys, after) | last) & present, left);
        }
    }

    /// Appends the buckets of those of so many keys that are in `ends`, each with the sum of all signs up to there.
    ///
    /// # Safety
    ///
    /// There is room for 16 more entries.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
    unsafe fn append(&mut self, keys: __m512i, ends: __mmask16, number: u32) {
        let up_to = _mm512_setr_epi32(
            0x1, 0x3, 0x7, 0xf, 0x1f, 0x3f, 0x7f, 0xff, 0x1ff, 0x3ff, 0x7ff, 0xfff, 0x1fff, 0x3fff,
            0x7fff, 0xffff,
        );
        let places = _mm512_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
        let minus = _mm512_test_epi32_mask(keys, _mm512_set1_epi32(1));
        let minus_up_to =
            _mm512_popcnt_epi32(_mm512_and_si512(up_to, _mm512_set1_epi32(minus.into())));
        let sums = _mm512_sub_epi32(
            _mm512_add_epi32(places, _mm512_set1_epi32(self.total)),
            _mm512_add_epi32(minus_up_to, minus_up_to),
        );
        let sums = _mm512_maskz_compress_epi32(ends, sums);
        let columns = _mm512_maskz_compress_epi32(ends, _mm512_srli_epi32::<1>(keys));
        // SAFETY: there is room for 16.
        unsafe {
            _mm512_storeu_epi32(self.columns.add(self.number).cast(), columns);
            _mm512_storeu_epi32(self.sums.add(self.number).cast(), sums);
        }
        self.number += ends.count_ones() as usize;
        self.total =
            self.total.wrapping_add(number.cast_signed() - 2 * minus.count_ones().cast_signed());
    }
}

/// From sums so far to sums.
#[inline]
#[target_feature(enable = "avx512f,bmi2")]
fn subtract_those_before(sums: &mut [i32]) {
    let mut end = sums.len();
    while end > LANES {
        end -= LANES;
        // SAFETY: there are 16 sums from `end`, which is 1 or more, so there is one before.
        unsafe {
            let place = sums.as_mut_ptr().add(end);
            let before = _mm512_loadu_epi32(place.sub(1));
            let sum = _mm512_loadu_epi32(place);
            _mm512_storeu_epi32(place, _mm512_sub_epi32(sum, before));
        }
    }
    let left = _bzhi_u32(0xffff, end.saturating_sub(1) as u32) as __mmask16;
    // SAFETY: of sixteen sums and the one after each only those are read and written that are there.
    unsafe {
        let place = sums.as_mut_ptr();
        let before = _mm512_maskz_loadu_epi32(left, place);
        let sum = _mm512_maskz_loadu_epi32(left, place.wrapping_add(1));
        _mm512_mask_storeu_epi32(place.wrapping_add(1), left, _mm512_sub_epi32(sum, before));
    }
}
