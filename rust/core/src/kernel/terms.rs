//! Looking terms up, one after the other.

use crate::documents::Span;
use crate::vocabulary::{Record, Seed, Slot, number_in, pack};

/// Room behind what is written.
pub const SLACK: usize = 16;

/// See [`Kernel::pack`](super::Kernel::pack).
pub(super) fn pack_all(
    text: &[u8],
    spans: &[Span],
    seed: Seed,
    records: &mut [Record],
    hashes: &mut [u32],
    long: &mut Vec<Span>,
) {
    for ((&span, record), hash) in spans.iter().zip(records).zip(hashes) {
        // Where this is known, a record goes to its place without a detour through the stack, where it would be
        // written by halves and read as a whole, and the processor would wait: 7 ns a term against 2.
        if span.end as usize - span.start as usize >= size_of::<Record>() {
            pack_long(text, span, seed, record, hash);
            long.push(span);
        } else {
            (*record, *hash) = pack(text, span, seed);
        }
    }
}

#[cold]
#[inline(never)]
fn pack_long(text: &[u8], span: Span, seed: Seed, record: &mut Record, hash: &mut u32) {
    (*record, *hash) = pack(text, span, seed);
}

/// See [`Kernel::guess`](super::Kernel::guess).
pub(super) fn guess(slots: &[Slot], hashes: &[u32], numbers: &mut [u32]) {
    for (number, &hash) in numbers.iter_mut().zip(hashes) {
        let place = hash as usize & (slots.len() - 1);
        let next = (place + 1) & (slots.len() - 1);
        // No branch: which of many terms is not in its first slot cannot be foreseen.
        let second = number_in(slots, next, hash).unwrap_or(0);
        *number = number_in(slots, place, hash).unwrap_or(second);
    }
}

/// See [`Kernel::confirm`](super::Kernel::confirm).
pub(super) fn confirm(
    known: &[Record],
    records: &[Record],
    numbers: &mut [u32],
    unknown: &mut Vec<u32>,
) {
    for (place, (number, record)) in (0..).zip(numbers.iter_mut().zip(records)) {
        // No branch: which of many terms is not in its first slot cannot be foreseen.
        *number = if known[*number as usize] == *record { *number } else { 0 };
        if *number == 0 {
            unknown.push(place);
        }
    }
}
