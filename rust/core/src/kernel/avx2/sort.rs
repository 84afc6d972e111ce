//! Sorting: dealing keys to the two sides of a pivot, or to bins, until the network takes over.

use std::arch::x86_64::{
    _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_max_epu32, _mm256_min_epu32,
    _mm256_movemask_ps, _mm256_set1_epi32,
};
use std::mem::MaybeUninit;

use super::lanes::{gather_set, load, store};
use super::network::{self, MOST};
use crate::error::{Result, reserve};

const LANES: usize = 8;
/// Parts are halved until they have about this many keys: a few more still fit the network.
const PART: usize = 48;
/// From this many keys on, they are dealt to bins of about so many.
const SCATTER_FROM: usize = 1000;
const BIN: usize = 16;
/// There are no more of them.
const MOST_BINS: usize = 4096;
/// From this many keys on, sorting must be interruptible.
const LARGE: usize = 1 << 16;

/// How the next pivot is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// Keys are spread evenly: the one that divides their range.
    Even,
    /// They are not: the middle one of three.
    Unknown,
    /// That did not divide them well: the middle of their range, which does in the end.
    Halving,
}

/// Some of the keys: from `start` to `end`, all between `low` and `high`, both included.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
    low: u32,
    high: u32,
    spread: Spread,
}

/// The two places where keys are in turn, each with room for `MOST` keys more than there are, all
/// initialised.
struct Buffers<'p> {
    keys: *mut u32,
    spare: *mut u32,
    proceed: &'p dyn Fn() -> Result<()>,
}

impl Buffers<'_> {
    /// Sorts a part, which is in `spare` or in `keys`, into `keys`.
    ///
    /// # Safety
    ///
    /// There is such a part.
    #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
    unsafe fn sort(&self, mut part: Part, mut in_spare: bool) -> Result<()> {
        loop {
            let source = if in_spare { self.spare } else { self.keys };
            let length = part.end - part.start;
            // SAFETY: the part is within both buffers.
            let (from, to) = unsafe { (source.add(part.start), self.keys.add(part.start)) };
            if length <= MOST {
                // SAFETY: so is what is behind it.
                unsafe { network::sort(from, to, length) };
                return Ok(());
            }
            if part.low == part.high {
                // SAFETY: as above.
                unsafe { std::slice::from_raw_parts_mut(to, length) }.fill(part.low);
                return Ok(());
            }
            if length >= LARGE {
                (self.proceed)()?;
            } else if part.spread == Spread::Even && length >= SCATTER_FROM {
                // SAFETY: there is such a part, which holds fewer than `LARGE` keys.
                return unsafe { self.scatter(part, in_spare) };
            }
            // SAFETY: as above.
            let keys = unsafe { std::slice::from_raw_parts(from, length) };
            let pivot = pivot(keys, &part);
            let other = if in_spare { self.keys } else { self.spare };
            // SAFETY: as above; the two buffers are different.
            let border = part.start + unsafe { deal(keys, other.add(part.start), pivot) };
            let smaller = (border - part.start).min(part.end - border);
            let spread = match part.spread {
                Spread::Even if smaller >= length / 4 => Spread::Even,
                Spread::Unknown if smaller < length / 8 => Spread::Halving,
                _ => Spread::Unknown,
            };
            in_spare = !in_spare;
            let below = Part { end: border, high: pivot - 1, spread, ..part };
            // SAFETY: the keys below the pivot have been moved to the start of the part.
            unsafe { self.sort(below, in_spare)? };
            part = Part { start: border, low: pivot, spread, ..part };
        }
    }
}

impl Buffers<'_> {
    /// Sorts a part whose keys are spread evenly, as [`sort`](Self::sort) does.
    ///
    /// # Safety
    ///
    /// There is such a part.
    #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
    unsafe fn scatter(&self, part: Part, in_spare: bool) -> Result<()> {
        let Part { start, low, high, .. } = part;
        let length = part.end - start;
        // Half as many to a bin as it should hold at most, or as many.
        let range = (high - low) / (length / BIN).max(1) as u32;
        let shift = range.max((high - low) / (MOST_BINS as u32 / 4)).max(1).ilog2();
        let first_bin = low >> shift;
        let bins = ((high >> shift) - first_bin) as usize + 1;
        let mut ends = [const { MaybeUninit::<u32>::uninit() }; MOST_BINS];
        let (source, target) =
            if in_spare { (self.spare, self.keys) } else { (self.keys, self.spare) };
        // SAFETY: the part is within both buffers; the keys are between `low` and `high`, so their bins are
        // among those whose ends are initialised here.
        let ends = unsafe {
            let ends = &mut ends[..bins];
            ends.as_mut_ptr().write_bytes(0, bins);
            let ends = &mut *(std::ptr::from_mut(ends) as *mut [u32]);
            let source = std::slice::from_raw_parts(source.add(start), length);
            for &key in source {
                *ends.get_unchecked_mut(((key >> shift) - first_bin) as usize) += 1;
            }
            let mut sum = start as u32;
            for end in ends.iter_mut() {
                sum += std::mem::replace(end, sum);
            }
            for &key in source {
                let end = ends.get_unchecked_mut(((key >> shift) - first_bin) as usize);
                *target.add(*end as usize) = key;
                *end += 1;
            }
            ends
        };
        let (mut from, mut to) = (start, start);
        for (place, &end) in ends.iter().enumerate() {
            let end = end as usize;
            if end - from > MOST {
                // SAFETY: as above.
                unsafe { network::sort(target.add(from), self.keys.add(from), to - from) };
                from = to;
                if end - from > MOST {
                    let bin = first_bin + place as u32;
                    let (low, high) =
                        (low.max(bin << shift), high.min((bin << shift) + ((1 << shift) - 1)));
                    let part = Part { start: from, end, low, high, spread: Spread::Unknown };
                    // SAFETY: as above.
                    unsafe { self.sort(part, !in_spare)? };
                    from = end;
                }
            }
            to = end;
        }
        // SAFETY: as above.
        unsafe { network::sort(target.add(from), self.keys.add(from), to - from) };
        Ok(())
    }
}

/// A number above the lowest that the keys of a part may be, up to the highest.
#[inline]
fn pivot(keys: &[u32], part: &Part) -> u32 {
    let Part { low, high, spread, .. } = *part;
    let pivot = match spread {
        Spread::Even => {
            let parts = keys.len().div_ceil(PART) as u64;
            let range = u64::from(high - low) + 1;
            low + (range * (parts / 2) / parts) as u32
        }
        Spread::Unknown => {
            let [a, b, c] = [1, 2, 3].map(|quarter| keys[keys.len() / 4 * quarter]);
            a.max(b).min(c).max(a.min(b))
        }
        Spread::Halving => low + (high - low).div_ceil(2),
    };
    pivot.max(low + 1)
}

/// Writes the keys below the pivot to the start of `target` and the others to its end; returns how many are below.
///
/// # Safety
///
/// There is room for the keys at `target`, and it is not where they are.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
unsafe fn deal(keys: &[u32], target: *mut u32, pivot: u32) -> usize {
    let (eights, rest) = keys.as_chunks::<LANES>();
    let (mut below, mut above) = (0, keys.len());
    for &key in rest {
        // SAFETY: between `below` and `above` there are as many places as keys are left.
        unsafe {
            *target.add(below) = key;
            *target.add(above - 1) = key;
        }
        below += usize::from(key < pivot);
        above -= usize::from(key >= pivot);
    }
    let pivots = _mm256_set1_epi32(pivot.cast_signed());
    for eight in eights {
        // SAFETY: eight keys are read. At least eight places are left, a multiple of eight, so what is written
        // to the start and to the end is either all the same or does not overlap.
        unsafe {
            let lanes = load(eight.as_ptr());
            let is_above = _mm256_cmpeq_epi32(_mm256_max_epu32(lanes, pivots), lanes);
            let are_below = !_mm256_movemask_ps(_mm256_castsi256_ps(is_above)) as u8;
            let dealt = gather_set(lanes, are_below);
            store(target.add(below), dealt);
            store(target.add(above - LANES), dealt);
            let count = are_below.count_ones() as usize;
            below += count;
            above -= LANES - count;
        }
    }
    below
}

/// Sorts keys that are spread evenly, as hashes are.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn sort(
    keys: &mut Vec<u32>,
    spare: &mut Vec<u32>,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let length = keys.len();
    reserve(keys, MOST)?;
    spare.clear();
    reserve(spare, length + MOST)?;
    // SAFETY: there is room for so many in both.
    unsafe { sort_at(keys.as_mut_ptr(), spare.as_mut_ptr(), length, Spread::Even, proceed) }
}

/// Sorts the keys at `keys`.
///
/// # Safety
///
/// There are as many as `length` says, and room for [`MOST`] more; at `spare` there is room for as many.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
unsafe fn sort_at(
    keys: *mut u32,
    spare: *mut u32,
    length: usize,
    spread: Spread,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's promise. In `spare` keys are written before they are read, what is behind them only here.
    unsafe {
        keys.add(length).write_bytes(0, MOST);
        if length <= MOST {
            network::sort(keys, keys, length);
            return Ok(());
        }
        spare.add(length).write_bytes(0, MOST);
        let (low, high) = range(std::slice::from_raw_parts(keys, length));
        let part = Part { start: 0, end: length, low, high, spread };
        Buffers { keys, spare, proceed }.sort(part, false)
    }
}

/// The lowest and the highest of at least eight keys.
#[inline]
#[target_feature(enable = "avx2")]
fn range(keys: &[u32]) -> (u32, u32) {
    let mut lows = _mm256_set1_epi32(-1);
    let mut highs = _mm256_set1_epi32(0);
    let last = keys.last_chunk().into_iter();
    for eight in keys.as_chunks::<LANES>().0.iter().chain(last) {
        // SAFETY: eight keys are read.
        let lanes = unsafe { load(eight.as_ptr()) };
        lows = _mm256_min_epu32(lows, lanes);
        highs = _mm256_max_epu32(highs, lanes);
    }
    let (mut low, mut high) = ([0_u32; LANES], [0_u32; LANES]);
    // SAFETY: eight keys are written.
    unsafe {
        store(low.as_mut_ptr(), lows);
        store(high.as_mut_ptr(), highs);
    }
    (low.into_iter().fold(u32::MAX, u32::min), high.into_iter().fold(0, u32::max))
}

/// Sorts pairs of a number and a count, of different numbers, if both fit 32 bits together; returns whether they do.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn sort_pairs(
    pairs: &mut [u64],
    spare: &mut Vec<u64>,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<bool> {
    let union = pairs.iter().fold(0, |union, pair| union | pair);
    let count_bits = u32::BITS - (union as u32).leading_zeros();
    if union >> 32 >> (u32::BITS - count_bits) != 0 {
        return Ok(false);
    }
    // The spare room serves as two halves, each with what the sort needs behind its keys.
    let half = pairs.len() + MOST;
    spare.clear();
    reserve(spare, half)?;
    let keys = spare.as_mut_ptr().cast::<u32>();
    // SAFETY: there is room for `half` keys twice; what is read is initialised here, and by the sort in the second half.
    unsafe {
        let second = keys.add(half);
        for (i, pair) in pairs.iter().enumerate() {
            *keys.add(i) = ((pair >> 32) << count_bits) as u32 | *pair as u32;
        }
        sort_at(keys, second, pairs.len(), Spread::Unknown, proceed)?;
        let mask = (1_u64 << count_bits) - 1;
        for (i, pair) in pairs.iter_mut().enumerate() {
            let key = u64::from(*keys.add(i));
            *pair = key >> count_bits << 32 | (key & mask);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::kernel::{Avx2, Kernel};

    #[test]
    fn pairs_with_small_counts_are_sorted_as_keys() {
        let Some(kernel) = Avx2::detect() else { return };
        let mut spare = vec![9; 10];
        for length in (0..200).chain([999, 1000, 5000, 70_000]) {
            for (factor, most) in [(1, 0), (1, 1), (1, 255), (0x9e37, 7), (1 << 14, 3)] {
                // Numbers that differ, scattered below 2^17 and then spread by the factor.
                let number = |i: u64| (i * 0x1_0dcd % (1 << 17)) * factor % (1 << 31);
                let mut pairs: Vec<u64> =
                    (0..length).map(|i| number(i) << 32 | ((i * i) & most)).collect();
                let mut expected = pairs.clone();
                expected.sort_unstable();
                kernel.sort_pairs(&mut pairs, &mut spare, &|| Ok(())).unwrap();
                assert!(pairs == expected, "{length} pairs with counts up to {most}");
            }
        }
    }
}
