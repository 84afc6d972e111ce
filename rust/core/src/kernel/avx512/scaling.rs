//! The norm and the values of a row, in vector code of the compiler's.

use crate::csr::Norm;
use crate::kernel::scaling;

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn norm(norm: Norm, sums: &[i32]) -> Option<f64> {
    scaling::norm(norm, sums)
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn divide(sums: &[i32], by: f64, values: &mut Vec<f64>) {
    scaling::divide(sums, by, values);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn divide_single(sums: &[i32], by: f64, values: &mut Vec<f32>) {
    scaling::divide_single(sums, by, values);
}
