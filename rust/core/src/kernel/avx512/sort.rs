//! Sorting keys.
//!
//! # Overview
//!
//! Keys are parted at the middle of their range, which for hashes is close to their median, until 256 or fewer are
//! left, which a sorting network takes. Of the two places that the keys go to and fro between, the low part goes to
//! where it will stay, the high part to the other:
//!
//! ```text
//! target  [ 3 9 1 8 2 7 ]      [ 1 2 3 | . . . ]      [ 1 2 3 | 7 8 9 ]
//! spare   [ . . . . . . ]  ->  [ 9 8 7 | . . . ]  ->
//! ```
//!
//! Where a part has less than an eighth of the keys, the range says little about them. Then it is measured again, and
//! the median of sixteen keys is the next pivot; if that parts them no better, the middle of the measured range is. So
//! of two such steps one halves the range, of which there are 32 bits: no input takes quadratic time. Equal keys end it
//! at once.
//!
//! # Why
//!
//! Dealing keys to bins one by one (as the portable kernel does) takes five times as long for documents of 290 words,
//! and a radix sort of 11 bits two to four times as long for a million keys.

use super::{network, partition};
use crate::error::{Result, reserve};

/// From this many keys on, sorting must be interruptible.
const LARGE: usize = 1 << 16;

/// Sorts keys of any kind, those that are spread evenly fastest.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
pub(super) fn sort_keys(
    keys: &mut [u32],
    spare: &mut Vec<u32>,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    spare.clear();
    reserve(spare, keys.len())?;
    // SAFETY: so many places were reserved.
    unsafe { sort_by_way_of(keys, spare.as_mut_ptr(), proceed) }
}

/// Sorts keys of any kind.
///
/// # Safety
///
/// `spare` has as many places as there are keys, and does not overlap them.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
pub(super) unsafe fn sort_by_way_of(
    keys: &mut [u32],
    spare: *mut u32,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let (place, number) = (keys.as_mut_ptr(), keys.len());
    if number <= network::LARGEST {
        // SAFETY: the keys are there.
        unsafe { network::sort(place, place, number) };
        return Ok(());
    }
    let bounds = partition::bounds(keys);
    // SAFETY: there are `number` keys in either place.
    unsafe { sort(place, place, number, spare, bounds, 0, proceed) }
}

/// Sorts keys that lie between bounds from `source` to `target`.
///
/// # Safety
///
/// There are `number` keys at `source`, and places at `target`, which is the same or does not overlap. If it is the
/// same, `spare` has as many places, else it is not used.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
unsafe fn sort(
    mut source: *mut u32,
    mut target: *mut u32,
    mut number: usize,
    spare: *mut u32,
    (mut min, mut max): (u32, u32),
    mut uneven_steps: u32,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    // SAFETY: low keys go to the start of `target`, high ones to the start of the other place; behind these are
    // as many places left as there are low keys, and that is what they may need. A network reads all keys before it
    // writes one.
    unsafe {
        while number > network::LARGEST {
            if number >= LARGE {
                proceed()?;
            }
            if uneven_steps > 0 {
                (min, max) = partition::bounds(std::slice::from_raw_parts(source, number));
            }
            if min == max {
                if source != target {
                    source.copy_to_nonoverlapping(target, number);
                }
                return Ok(());
            }
            let pivot = if uneven_steps % 2 == 1 {
                median_of_some(source, number).max(min + 1)
            } else {
                min + (max - min) / 2 + 1
            };
            let other = if source == target { spare } else { source };
            let low = partition::part(source, number, pivot, target, other, proceed)?;
            let high = number - low;
            uneven_steps = if low.min(high) < number / 8 { uneven_steps + 1 } else { 0 };
            sort(target, target, low, other.add(high), (min, pivot - 1), uneven_steps, proceed)?;
            (source, target, number, min) = (other, target.add(low), high, pivot);
        }
        network::sort(source, target, number);
    }
    Ok(())
}

/// # Safety
///
/// There are `number` keys, 16 or more.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
unsafe fn median_of_some(keys: *const u32, number: usize) -> u32 {
    let mut sample = [0; 16];
    for (i, key) in sample.iter_mut().enumerate() {
        // SAFETY: 15 * (number / 16) < number.
        *key = unsafe { *keys.add(i * (number / 16)) };
    }
    let place = sample.as_mut_ptr();
    // SAFETY: the sample is there.
    unsafe { network::sort(place, place, 16) };
    sample[8]
}
