//! The norm and the values of a row, in vector code of the compiler's.

use std::mem::MaybeUninit;

use crate::csr::Norm;
use crate::kernel::scaling;

#[target_feature(enable = "avx2")]
pub(super) fn norm(norm: Norm, sums: &[i32]) -> Option<f64> {
    scaling::norm(norm, sums)
}

#[target_feature(enable = "avx2")]
pub(super) fn divide<'p>(
    sums: &[i32],
    by: f64,
    places: &'p mut [MaybeUninit<f64>],
) -> &'p mut [f64] {
    scaling::divide(sums, by, places)
}

#[target_feature(enable = "avx2")]
pub(super) fn divide_single<'p>(
    sums: &[i32],
    by: f64,
    places: &'p mut [MaybeUninit<f32>],
) -> &'p mut [f32] {
    scaling::divide_single(sums, by, places)
}
