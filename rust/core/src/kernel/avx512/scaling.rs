//! The norm and the values of a row.
//!
//! The compiler's loops end with a number at a time, which for a row of 18 takes longer than the rest; these end with a
//! masked vector. Norms of long rows are left to the compiler.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use crate::csr::Norm;
use crate::kernel::scaling::{self, LARGEST, PART};

const LANES: usize = 16;

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi2")]
pub(super) fn norm(norm: Norm, sums: &[i32]) -> Option<f64> {
    if sums.len() > PART {
        return scaling::norm(norm, sums);
    }
    let (mut total, mut are_large) = (_mm512_setzero_si512(), 0);
    for sums in sums.chunks(LANES) {
        let are_there = _bzhi_u32(0xffff, sums.len() as u32) as __mmask16;
        // SAFETY: only those are read that are there.
        let sums = unsafe { _mm512_maskz_loadu_epi32(are_there, sums.as_ptr()) };
        let magnitudes = _mm512_abs_epi32(sums);
        are_large |= _mm512_cmpgt_epu32_mask(magnitudes, _mm512_set1_epi32(LARGEST.cast_signed()));
        let terms = match norm {
            Norm::L1 => magnitudes,
            Norm::L2 => _mm512_mullo_epi32(magnitudes, magnitudes),
        };
        total = _mm512_add_epi32(total, terms);
    }
    let total = _mm512_reduce_add_epi32(total).cast_unsigned();
    (are_large == 0).then(|| match norm {
        Norm::L1 => total.into(),
        Norm::L2 => f64::from(total).sqrt(),
    })
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi2")]
pub(super) fn divide<'p>(
    sums: &[i32],
    by: f64,
    places: &'p mut [MaybeUninit<f64>],
) -> &'p mut [f64] {
    let store = |place: *mut f64, are_there, quotients| {
        // SAFETY: only those are written that are there.
        unsafe { _mm512_mask_storeu_pd(place, are_there, quotients) };
    };
    divide_all(sums, by, places, store)
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi2")]
pub(super) fn divide_single<'p>(
    sums: &[i32],
    by: f64,
    places: &'p mut [MaybeUninit<f32>],
) -> &'p mut [f32] {
    let store = |place: *mut f32, are_there, quotients| {
        // SAFETY: only those are written that are there.
        unsafe { _mm256_mask_storeu_ps(place, are_there, _mm512_cvtpd_ps(quotients)) };
    };
    divide_all(sums, by, places, store)
}

/// Writes each sum, divided by a number, to `places`, eight by eight, as `store` writes those of a mask.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi2")]
#[inline]
fn divide_all<'p, V>(
    sums: &[i32],
    by: f64,
    places: &'p mut [MaybeUninit<V>],
    store: impl Fn(*mut V, __mmask8, __m512d),
) -> &'p mut [V] {
    const LANES: usize = 8;
    assert_eq!(sums.len(), places.len(), "as many places as sums");
    let by = _mm512_set1_pd(by);
    let quotients = |sums| _mm512_div_pd(_mm512_cvtepi32_pd(sums), by);
    let (eights, rest) = sums.as_chunks::<LANES>();
    let (targets, left) = places.as_chunks_mut::<LANES>();
    for (sums, target) in eights.iter().zip(targets) {
        // SAFETY: eight sums can be read, at any alignment.
        let sums = unsafe { _mm256_loadu_si256(sums.as_ptr().cast()) };
        store(target.as_mut_ptr().cast(), 0xff, quotients(sums));
    }
    let are_there = _bzhi_u32(0xff, rest.len() as u32) as __mmask8;
    // SAFETY: only those are read that are there.
    let sums = unsafe { _mm256_maskz_loadu_epi32(are_there, rest.as_ptr()) };
    store(left.as_mut_ptr().cast(), are_there, quotients(sums));
    // SAFETY: all of them have been written, and the types have the same layout.
    unsafe { &mut *(std::ptr::from_mut(places) as *mut [V]) }
}
