//! Sorting pairs of a number and a count.

use super::sort;
use crate::error::{Result, reserve};
use crate::kernel::{Kernel, Scalar};

/// Sorts pairs by their upper halves, which differ.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
pub(super) fn sort_pairs(
    pairs: &mut Vec<u64>,
    spare: &mut Vec<u64>,
    keys: &mut Vec<u32>,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let _ = (keys, reserve::<u8>, sort::sort_keys);
    Scalar.sort_pairs(pairs, spare, proceed)
}
