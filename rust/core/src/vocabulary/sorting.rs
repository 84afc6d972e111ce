//! Alphabetical order of terms: by code point, as Python compares strings.
//!
//! # Overview
//!
//! Terms are dealt to bins by their first two bytes, and the bins are sorted side by side. A bin is sorted by
//! the first seven bytes of its terms, which lie beside the number; where these are equal, by the next
//! seven, and so on.
//!
//! # Why
//!
//! The bytes of UTF-8 are ordered as the code points are, so no text needs to be decoded. Comparing
//! terms where they lie would miss the cache twice per comparison: three million addresses of web pages took
//! 15 s.

use std::sync::{Mutex, PoisonError};

use super::Terms;
use crate::error::{Error, Result, reserve};
use crate::parallel::{self, Cancel};

const BINS: usize = 1 << 16;
/// Terms that a thread sorts at a time, at least, where bins are small.
const PART: usize = 1 << 13;
/// So few terms are sorted as one: to count bins takes 40 µs, whatever is in them.
const TOO_FEW_FOR_BINS: usize = 1 << 11;
/// So few terms are compared where they lie, ...
const FEW: usize = 8;
/// ... and so are terms that are the same for this many bytes.
const MOST_SKIPPED: usize = 7 * 32;

/// A piece of a term, and its number.
type Entry = (u64, u32);

fn bin(piece: u64) -> usize {
    (piece >> 48) as usize
}

/// Returns the numbers of all terms in alphabetical order. `proceed` is as in [`parallel::run`].
pub fn alphabetical<E: From<Error>>(
    terms: &Terms,
    threads: usize,
    proceed: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Vec<u32>, E> {
    let (mut entries, ends) = deal(terms)?;
    let mut parts = Vec::new();
    let (mut rest, mut start) = (entries.as_mut_slice(), 0);
    for end in ends.iter().map(|&end| end as usize) {
        if end - start >= PART || (end == terms.len() && end > start) {
            reserve(&mut parts, 1)?;
            parts.push(Mutex::new(rest.split_off_mut(..end - start)));
            start = end;
        }
    }
    let worker = || {
        |part: usize, cancel: &Cancel| -> Result<()> {
            let part = parts[part].lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut bins =
                part.into_iter().flat_map(|part| part.chunk_by_mut(|a, b| bin(a.0) == bin(b.0)));
            bins.try_for_each(|bin| sort(terms, bin, 0, cancel))
        }
    };
    parallel::run(parts.len(), threads, worker, proceed)?;
    drop(parts);
    let mut order = Vec::new();
    reserve(&mut order, entries.len())?;
    order.extend(entries.iter().map(|&(_, number)| number));
    Ok(order)
}

/// Returns the terms ordered by bin, and the end of each bin, or of all that go to one thread.
fn deal(terms: &Terms) -> Result<(Vec<Entry>, Vec<u32>)> {
    if terms.len() <= TOO_FEW_FOR_BINS {
        let mut entries = Vec::new();
        reserve(&mut entries, terms.len())?;
        entries.extend(terms.numbers().map(|number| (terms.piece(number, 0), number)));
        entries.sort_unstable_by_key(|&(piece, _)| bin(piece));
        let mut ends = Vec::new();
        reserve(&mut ends, 1)?;
        ends.push(entries.len() as u32);
        return Ok((entries, ends));
    }
    let mut ends: Vec<u32> = Vec::new();
    reserve(&mut ends, BINS)?;
    ends.resize(BINS, 0);
    for number in terms.numbers() {
        ends[bin(terms.piece(number, 0))] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += std::mem::replace(end, sum);
    }
    let mut entries = Vec::new();
    reserve(&mut entries, terms.len())?;
    entries.resize(terms.len(), (0, 0));
    for number in terms.numbers() {
        let piece = terms.piece(number, 0);
        let end = &mut ends[bin(piece)];
        entries[*end as usize] = (piece, number);
        *end += 1;
    }
    Ok((entries, ends))
}

/// Sorts terms that are the same up to `skip`, given the pieces from there on.
fn sort(terms: &Terms, entries: &mut [Entry], skip: usize, cancel: &Cancel) -> Result<()> {
    cancel.check()?;
    entries.sort_unstable_by_key(|entry| entry.0);
    for same in entries.chunk_by_mut(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        debug_assert_eq!(same[0].0 & 0xff, Terms::MORE, "terms differ");
        if same.len() <= FEW || skip >= MOST_SKIPPED {
            cancel.check()?;
            same.sort_unstable_by(|a, b| terms.bytes(a.1).cmp(terms.bytes(b.1)));
        } else {
            for (piece, number) in &mut *same {
                *piece = terms.piece(*number, skip + 7);
            }
            sort(terms, same, skip + 7, cancel)?;
        }
    }
    Ok(())
}
