//! Sorting pairs of a number and a count.
//!
//! # Overview
//!
//! The numbers of a row and its counts seldom need 32 bits together: the largest vocabulary of newsgroups has 18 bits,
//! and no term occurs 16,000 times in a document. Then a pair fits a key, and keys are sorted fast:
//!
//! ```text
//! pair   number 32 bits | count 32 bits
//! key         number 24 | count 8           where no count is above 255
//! ```
//!
//! Other pairs are left to the portable kernel.
//!
//! # Why
//!
//! A network of eight lanes of 64 bits was not built: it would move twice the bytes and compare half as many at once.

use super::sort;
use crate::error::{Result, reserve};
use crate::kernel::{Kernel, Scalar};

/// Sorts pairs by their upper halves, which differ.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
pub(super) fn sort_pairs(
    pairs: &mut Vec<u64>,
    spare: &mut Vec<u64>,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let mut union = 0;
    for &pair in pairs.iter() {
        union |= pair;
    }
    let count_bits = u32::BITS - (union as u32).leading_zeros();
    let number_bits = u32::BITS - ((union >> 32) as u32).leading_zeros();
    if number_bits + count_bits > u32::BITS {
        return Scalar.sort_pairs(pairs, spare, proceed);
    }
    let number = pairs.len();
    spare.clear();
    reserve(spare, number)?;
    let keys = spare.as_mut_ptr().cast::<u32>();
    // SAFETY: two keys have room in each place that was reserved; each of the first half is written before it is
    // read, and the other half is left to the sort.
    unsafe {
        for (i, &pair) in pairs.iter().enumerate() {
            *keys.add(i) = (pair >> 32 << count_bits | pair) as u32;
        }
        let keys_there = std::slice::from_raw_parts_mut(keys, number);
        sort::sort_by_way_of(keys_there, keys.add(number), proceed)?;
    }
    // SAFETY: as above.
    let keys = unsafe { std::slice::from_raw_parts(keys, number) };
    let counts = (1_u64 << count_bits) - 1;
    for (pair, &key) in pairs.iter_mut().zip(keys) {
        let key = u64::from(key);
        *pair = key >> count_bits << 32 | key & counts;
    }
    Ok(())
}
