//! Counting sorted keys.

use std::arch::x86_64::*;

use crate::error::{Result, reserve};

const LANES: usize = 16;

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,bmi1,bmi2,popcnt")]
pub(super) fn count(keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    reserve(columns, keys.len() + LANES)?;
    reserve(sums, keys.len() + LANES)?;
    let (old, number) = (columns.len(), keys.len());
    // SAFETY: there is room for as many entries as there are keys, and a vector more.
    let (new_columns, new_sums) =
        unsafe { (columns.as_mut_ptr().add(old), sums.as_mut_ptr().add(old)) };
    let up_to = _mm512_setr_epi32(
        0x1, 0x3, 0x7, 0xf, 0x1f, 0x3f, 0x7f, 0xff, 0x1ff, 0x3ff, 0x7ff, 0xfff, 0x1fff, 0x3fff,
        0x7fff, 0xffff,
    );
    let places = _mm512_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    let (mut entries, mut total) = (0_usize, 0_i32);
    // Appends the runs that end where `ends` says, each with the sum of all signs up to there.
    let mut append = |keys: __m512i, ends: __mmask16| {
        let minus = _mm512_test_epi32_mask(keys, _mm512_set1_epi32(1));
        let minus_up_to =
            _mm512_popcnt_epi32(_mm512_and_si512(up_to, _mm512_set1_epi32(minus.into())));
        let sums = _mm512_sub_epi32(
            _mm512_add_epi32(places, _mm512_set1_epi32(total)),
            _mm512_add_epi32(minus_up_to, minus_up_to),
        );
        // SAFETY: not more than one entry was written for each key before.
        unsafe {
            let columns = _mm512_maskz_compress_epi32(ends, _mm512_srli_epi32::<1>(keys));
            _mm512_storeu_epi32(new_columns.add(entries).cast(), columns);
            let sums = _mm512_maskz_compress_epi32(ends, sums);
            _mm512_storeu_epi32(new_sums.add(entries).cast(), sums);
        }
        entries += ends.count_ones() as usize;
        total = total.wrapping_add(16 - 2 * minus.count_ones().cast_signed());
    };
    let place = keys.as_ptr();
    let mut next = 0;
    while next + LANES < number {
        // SAFETY: there are 17 keys or more from `next`.
        let (keys, after) = unsafe {
            (
                _mm512_loadu_epi32(place.add(next).cast()),
                _mm512_loadu_epi32(place.add(next + 1).cast()),
            )
        };
        let ends = _mm512_test_epi32_mask(_mm512_xor_si512(keys, after), _mm512_set1_epi32(!1));
        append(keys, ends);
        next += LANES;
    }
    let left = (number - next) as u32;
    // SAFETY: lanes that are not there are not read.
    let (keys, after) = unsafe {
        (
            _mm512_maskz_loadu_epi32(_bzhi_u32(0xffff, left) as u16, place.add(next).cast()),
            _mm512_maskz_loadu_epi32(
                _bzhi_u32(0xffff, left - 1) as u16,
                place.wrapping_add(next + 1).cast(),
            ),
        )
    };
    let ends = _mm512_test_epi32_mask(_mm512_xor_si512(keys, after), _mm512_set1_epi32(!1));
    let last = 1 << (left - 1);
    append(keys, (ends | last) & _bzhi_u32(0xffff, left) as u16);
    subtract_those_before(new_sums, entries);
    // SAFETY: so many were written.
    unsafe {
        columns.set_len(old + entries);
        sums.set_len(old + entries);
    }
    Ok(())
}

/// # Safety
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn subtract_those_before(sums: *mut i32, entries: usize) {
    let mut end = entries;
    // SAFETY: TODO
    unsafe {
        while end > LANES {
            end -= LANES;
            let place = sums.add(end);
            let before = _mm512_loadu_epi32(place.sub(1).cast());
            let sum = _mm512_loadu_epi32(place.cast());
            _mm512_storeu_epi32(place.cast(), _mm512_sub_epi32(sum, before));
        }
        let mut left = end;
        while left > 1 {
            left -= 1;
            *sums.add(left) = (*sums.add(left)).wrapping_sub(*sums.add(left - 1));
        }
    }
}
