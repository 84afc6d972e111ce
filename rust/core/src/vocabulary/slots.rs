//! The table in which numbers of terms are found by hashes.

use super::terms::{Record, Seed, Terms};
use crate::documents::prefetch;
use crate::error::Result;
use crate::memory::Array;

/// The number of a term beside some of its hash, or 0.
pub type Slot = [u8; 4];

/// In a slot: there is no term.
const FREE: Slot = [0; 4];
/// Slots of the smallest table.
const FEWEST_SLOTS: usize = 1 << 6;

/// Slots for so many terms. At least half of them remain free, for a search for what is not there ends at a free one.
pub(super) fn slots_for(terms: usize) -> usize {
    (terms * 2).next_power_of_two().max(FEWEST_SLOTS)
}

/// A table of all terms, of `length` slots.
pub(super) fn table(terms: &Terms, seed: Seed, length: usize) -> Result<Array<4>> {
    /// Slots that are fetched before the first of them is needed.
    const FETCHED: usize = 64;
    let mut table = Array::<4>::zeroed(length)?;
    let (slots, mask) = (table.as_mut_slice(), length - 1);
    let mut hashes = [0; FETCHED];
    // Those that were seen first are the most frequent ones, and get the slots that are looked at first.
    for first in (1..=terms.len() as u32).step_by(FETCHED) {
        let numbers = first..(first + FETCHED as u32).min(terms.len() as u32 + 1);
        for (number, hash) in numbers.clone().zip(&mut hashes) {
            *hash = terms.packed(number, seed).1;
            prefetch(slots[*hash as usize & mask].as_ptr());
        }
        for (number, hash) in numbers.zip(hashes) {
            let mut place = hash as usize & mask;
            while slots[place] != FREE {
                place = (place + 1) & mask;
            }
            fill(slots, place, hash, number);
        }
    }
    Ok(table)
}

/// Puts the number of a term into a slot.
#[inline(always)]
pub(super) fn fill(slots: &mut [Slot], place: usize, hash: u32, number: u32) {
    let mask = (slots.len() - 1) as u32;
    slots[place] = (hash & !mask | number).to_ne_bytes();
}

/// The number in a slot, if the rest of the hash is that of this one.
#[inline(always)]
pub(crate) fn number_in(slots: &[Slot], place: usize, hash: u32) -> Option<u32> {
    let mask = (slots.len() - 1) as u32;
    let slot = u32::from_ne_bytes(slots[place]);
    ((slot ^ hash) & !mask == 0).then_some(slot & mask)
}

/// Looks for a term: its number, or the free slot where it would go.
pub(super) fn probe(
    slots: &[Slot],
    terms: &Terms,
    record: Record,
    hash: u32,
    term: &[u8],
) -> std::result::Result<u32, usize> {
    let mask = slots.len() - 1;
    let mut place = hash as usize & mask;
    loop {
        if slots[place] == FREE {
            return Err(place);
        }
        if let Some(number) = number_in(slots, place, hash)
            && terms.is(number, record, term)
        {
            return Ok(number);
        }
        place = (place + 1) & mask;
    }
}
