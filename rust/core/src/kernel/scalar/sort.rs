//! Sorting by dealing to bins.

use crate::error::{Result, reserve};

/// Below this many keys, dealing them to bins is not worth it.
const FEW: usize = 32;
/// From this many keys on, sorting must be interruptible.
const LARGE: usize = 1 << 16;

/// Sorts keys that are spread evenly, as hashes are.
pub(super) fn sort_keys(
    keys: &mut Vec<u32>,
    spare: &mut Vec<u32>,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    match keys.len() {
        0..FEW => keys.sort_unstable(),
        FEW..LARGE => {
            const MAX_BITS: u32 = 10;
            let used = u32::BITS - keys.iter().fold(0, |union, key| union | key).leading_zeros();
            let bits = (keys.len().ilog2() + 1).min(MAX_BITS).min(used);
            let mut ends = [0; 1 << MAX_BITS];
            bin_sort(keys, spare, &mut ends[..1 << bits], |key| (key >> (used - bits)) as usize)?;
        }
        _ => radix_sort(keys, spare, |key| key, proceed)?,
    }
    Ok(())
}

/// Sorts pairs by their upper halves, which differ and of which small ones are frequent.
pub(super) fn sort_pairs(
    pairs: &mut Vec<u64>,
    spare: &mut Vec<u64>,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let number = |pair: u64| (pair >> 32) as u32;
    match pairs.len() {
        0..FEW => pairs.sort_unstable(),
        FEW..LARGE => {
            // Sign, exponent and three bits more: eight bins for each power of two.
            let bin = |pair| (number(pair) as f32).to_bits() as usize >> 20;
            let offset = bin(1 << 32);
            let largest = pairs.iter().fold(0, |union, pair| union | pair);
            let mut ends = [0; 32 * 8 + 1];
            let ends = &mut ends[..=bin(largest).saturating_sub(offset)];
            // The number 0 shares the bin of 1.
            bin_sort(pairs, spare, ends, |pair| bin(pair).saturating_sub(offset))?;
        }
        _ => radix_sort(pairs, spare, number, proceed)?,
    }
    Ok(())
}

/// Deals elements to bins, then sorts within the bins. `ends` holds a 0 for each bin.
fn bin_sort<T: Copy + Default + Ord>(
    elements: &mut Vec<T>,
    spare: &mut Vec<T>,
    ends: &mut [u32],
    bin: impl Fn(T) -> usize,
) -> Result<()> {
    for &element in elements.iter() {
        ends[bin(element)] += 1;
    }
    let mut sum = 0;
    for end in ends.iter_mut() {
        sum += std::mem::replace(end, sum);
    }
    if spare.len() < elements.len() {
        reserve(spare, elements.len() - spare.len())?;
        spare.resize(elements.len(), T::default());
    }
    spare.truncate(elements.len());
    for &element in elements.iter() {
        let end = &mut ends[bin(element)];
        spare[*end as usize] = element;
        *end += 1;
    }
    let mut start = 0;
    for &end in ends.iter() {
        let bin = &mut spare[start as usize..end as usize];
        match bin {
            [] | [_] => {}
            [a, b] => (*a, *b) = ((*a).min(*b), (*a).max(*b)),
            // Equal keys share a bin, and a document of someone's making may fill one with others:
            // this has no bad case.
            _ => bin.sort_unstable(),
        }
        start = end;
    }
    std::mem::swap(elements, spare);
    Ok(())
}

/// Sorts by 11 bits of a key at a time, lowest first; steps whose bits are all alike are left out.
fn radix_sort<T: Copy + Default>(
    elements: &mut Vec<T>,
    spare: &mut Vec<T>,
    key: impl Fn(T) -> u32,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    const BITS: u32 = 11;
    spare.clear();
    reserve(spare, elements.len())?;
    spare.resize(elements.len(), T::default());
    for shift in [0, BITS, 2 * BITS] {
        let digit = |element: T| (key(element) >> shift) as usize & ((1 << BITS) - 1);
        let mut places = [0_usize; 1 << BITS];
        for part in elements.chunks(1 << 20) {
            for &element in part {
                places[digit(element)] += 1;
            }
            proceed()?;
        }
        if places.contains(&elements.len()) {
            continue;
        }
        let mut sum = 0;
        for place in &mut places {
            sum += std::mem::replace(place, sum);
        }
        for part in elements.chunks(1 << 20) {
            for &element in part {
                let place = &mut places[digit(element)];
                spare[*place] = element;
                *place += 1;
            }
            proceed()?;
        }
        std::mem::swap(elements, spare);
    }
    Ok(())
}
