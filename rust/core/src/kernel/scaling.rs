//! Loops that the compiler turns into vector code by itself, once for each kernel.

use std::mem::MaybeUninit;

use crate::csr::Norm;
use crate::memory::write_all;

/// Up to here the square of a sum is exact in single precision, and so is every sum of squares of a row in double
/// precision.
pub(super) const LARGEST: u32 = 1 << (f32::MANTISSA_DIGITS / 2);
/// Squares that are added in 32 bits.
pub(super) const PART: usize = 64;

/// See [`Kernel::norm`](super::Kernel::norm).
#[inline(always)]
pub(super) fn norm(norm: Norm, sums: &[i32]) -> Option<f64> {
    let mut largest = 0;
    let mut total = 0;
    for part in sums.chunks(PART) {
        let magnitudes = part.iter().map(|sum| sum.unsigned_abs());
        largest = magnitudes.clone().fold(largest, u32::max);
        let terms = match norm {
            Norm::L1 => magnitudes.fold(0, u32::wrapping_add),
            Norm::L2 => magnitudes.fold(0_u32, |sum, m| sum.wrapping_add(m.wrapping_mul(m))),
        };
        total += u64::from(terms);
    }
    (largest <= LARGEST).then(|| match norm {
        Norm::L1 => total as f64,
        Norm::L2 => (total as f64).sqrt(),
    })
}

/// See [`Kernel::divide`](super::Kernel::divide).
#[inline(always)]
pub(super) fn divide<'p>(
    sums: &[i32],
    by: f64,
    places: &'p mut [MaybeUninit<f64>],
) -> &'p mut [f64] {
    write_all(places, sums.iter().map(|&sum| f64::from(sum) / by))
}

/// See [`Kernel::divide_single`](super::Kernel::divide_single).
#[inline(always)]
pub(super) fn divide_single<'p>(
    sums: &[i32],
    by: f64,
    places: &'p mut [MaybeUninit<f32>],
) -> &'p mut [f32] {
    write_all(places, sums.iter().map(|&sum| (f64::from(sum) / by) as f32))
}
