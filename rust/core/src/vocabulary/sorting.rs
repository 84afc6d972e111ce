//! Alphabetical order of terms: by code point, as Python compares strings.
//!
//! # Overview
//!
//! Terms are dealt to bins by their first two bytes, and the bins are sorted side by side: by the next
//! characters first, which lie beside the number, and only where these are equal by the terms themselves.
//!
//! # Why
//!
//! The bytes of UTF-8 are ordered as the code points are, so no text needs to be decoded. Comparing
//! terms where they lie would miss the cache twice per comparison.

use std::sync::{Mutex, PoisonError};

use super::Terms;
use crate::error::{Error, Result, reserve};
use crate::parallel::{self, Cancel};

const BINS: usize = 1 << 16;
/// Terms that a thread sorts at a time, at least, where bins are small.
const PART: usize = 1 << 13;

/// The start of a term as a number that compares like it, and its number.
type Entry = (u64, u32);

fn bin(prefix: u64) -> usize {
    (prefix >> 48) as usize
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
    for &end in &ends {
        let end = end as usize;
        if end - start >= PART || end == terms.len() {
            parts.push(Mutex::new(rest.split_off_mut(..end - start)));
            start = end;
        }
    }
    let worker = || {
        |part: usize, cancel: &Cancel| -> Result<()> {
            let part = parts[part].lock().unwrap_or_else(PoisonError::into_inner).take();
            for bin in
                part.into_iter().flat_map(|part| part.chunk_by_mut(|a, b| bin(a.0) == bin(b.0)))
            {
                cancel.check()?;
                bin.sort_unstable_by(|a, b| compare(terms, *a, *b));
            }
            Ok(())
        }
    };
    parallel::run(parts.len(), threads, worker, proceed)?;
    drop(parts);
    let mut order = Vec::new();
    reserve(&mut order, entries.len())?;
    order.extend(entries.iter().map(|&(_, number)| number));
    Ok(order)
}

/// Returns the terms ordered by bin, and the end of each bin.
fn deal(terms: &Terms) -> Result<(Vec<Entry>, Vec<u32>)> {
    let numbers = 1..=terms.len() as u32;
    let prefix = |number| (terms.rank_prefix(number) >> 64) as u64;
    let mut ends = vec![0_u32; BINS];
    for number in numbers.clone() {
        ends[bin(prefix(number))] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += std::mem::replace(end, sum);
    }
    let mut entries = Vec::new();
    reserve(&mut entries, terms.len())?;
    entries.resize(terms.len(), (0, 0));
    for number in numbers {
        let prefix = prefix(number);
        let end = &mut ends[bin(prefix)];
        entries[*end as usize] = (prefix, number);
        *end += 1;
    }
    Ok((entries, ends))
}

fn compare(terms: &Terms, a: Entry, b: Entry) -> std::cmp::Ordering {
    a.0.cmp(&b.0).then_with(|| {
        terms
            .rank_prefix(a.1)
            .cmp(&terms.rank_prefix(b.1))
            .then_with(|| terms.bytes(a.1).cmp(terms.bytes(b.1)))
    })
}
