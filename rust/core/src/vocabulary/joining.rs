//! Joining the vocabularies of several counters.
//!
//! # Overview
//!
//! [`join_terms`] numbers the terms of all counters in the order in which the documents have them. Terms are dealt to shards
//! by their hashes, and each shard walks through the chunks in the order of the documents:
//!
//! ```text
//! chunk          0          1          2          3
//! counter        A          B          A          B
//! new to it      the cat    the dog    ran        cat
//! repeated                  the                   cat
//! joined         1   2          3      4
//! ```
//!
//! A counter takes chunks in ascending order. So if a term is first seen in chunk 2, by counter A, then A had not
//! seen it before, and it is among the terms that are new to A there; and wherever else it is
//! new to a counter, that is a later chunk. So what is new to a chunk and repeats no earlier one is numbered in
//! order of first sight, whichever counter counted which chunk.
//!
//! # Why
//!
//! Terms of one shard are never equal to those of another, so shards need not know of each other, and each is
//! found with a table of its own. Interning all terms in one vocabulary took as long as a tenth of the counting,
//! while all threads but one waited; the table that it made is of use only to those who look terms up later.

use std::ops::Range;

use super::slots::slots_for;
use super::{Seed, Terms};
use crate::error::{Result, reserve};
use crate::memory::Array;
use crate::parallel::{self, Cancel};

/// The number of a term at a counter.
#[derive(Debug, Clone, Copy)]
struct Place {
    counter: u32,
    number: u32,
}

/// A term that is new to a counter, and where it was seen first.
struct Repeat {
    here: Place,
    first: Place,
}

/// So few terms are joined before a thread has been started.
const SMALL: usize = 1 << 12;
/// In the place of a joined number: the term repeats one of another counter.
const REPEATED: u32 = u32::MAX;

/// Returns the joined terms, and the joined number of each term of each counter; that of the number 0 is 0.
///
/// `chunks` are as for [`join`](super::counting::join).
pub(super) fn join_terms(
    counters: &[&Terms],
    chunks: &[(usize, Range<u32>)],
    threads: usize,
    cancel: &Cancel,
) -> Result<(Terms, Vec<Vec<u32>>)> {
    let shards = threads.max(1);
    let all: usize = counters.iter().map(|terms| terms.len()).sum();
    let threads = if all <= SMALL { 0 } else { threads };
    let seed = Seed::random();
    let worker = || |counter: usize, _: &Cancel| hashes(counters[counter], seed, cancel);
    let hashes = parallel::run(counters.len(), threads, worker, || cancel.check())?;
    let worker = || {
        |shard: usize, _: &Cancel| {
            let is_own = |hash: u32| (u64::from(hash) * shards as u64) >> 32 == shard as u64;
            find_repeats(counters, &hashes, chunks, is_own, cancel)
        }
    };
    let repeats = parallel::run(shards, threads, worker, || cancel.check())?;
    drop(hashes);
    let mut numbers = Vec::new();
    reserve(&mut numbers, counters.len())?;
    for terms in counters {
        let mut own = Vec::new();
        reserve(&mut own, terms.len() + 1)?;
        own.resize(terms.len() + 1, 0);
        numbers.push(own);
    }
    for repeat in repeats.iter().flatten() {
        numbers[repeat.here.counter as usize][repeat.here.number as usize] = REPEATED;
    }
    let mut joined = Terms::default();
    // Terms that repeat are counted in: memory that is not written to takes no room.
    joined.reserve_short(all)?;
    for (counter, new) in chunks {
        cancel.check()?;
        let numbers = &mut numbers[*counter][new.start as usize..new.end as usize];
        for (number, place) in new.clone().zip(numbers).filter(|(_, place)| **place != REPEATED) {
            *place = joined.push_from(counters[*counter], number)?;
        }
    }
    for Repeat { here, first } in repeats.into_iter().flatten() {
        numbers[here.counter as usize][here.number as usize] =
            numbers[first.counter as usize][first.number as usize];
    }
    Ok((joined, numbers))
}

/// The hashes of the terms, by number; the first is that of none.
fn hashes(terms: &Terms, seed: Seed, cancel: &Cancel) -> Result<Vec<u32>> {
    cancel.check()?;
    let mut hashes = Vec::new();
    reserve(&mut hashes, terms.len() + 1)?;
    hashes.push(0);
    hashes.extend(terms.numbers().map(|number| terms.packed(number, seed).1));
    Ok(hashes)
}

/// Returns those terms of one shard that repeat a term of an earlier chunk.
fn find_repeats(
    counters: &[&Terms],
    hashes: &[Vec<u32>],
    chunks: &[(usize, Range<u32>)],
    is_own: impl Fn(u32) -> bool,
    cancel: &Cancel,
) -> Result<Vec<Repeat>> {
    let count = |hashes: &Vec<u32>| hashes.iter().filter(|&&hash| is_own(hash)).count();
    let most = hashes.iter().map(count).sum();
    // Hash of a term, and a place in `firsts` plus 1; or 0.
    let mut table = Array::<8>::zeroed(slots_for(most))?;
    let slots = table.as_mut_slice();
    let mask = slots.len() - 1;
    let (mut firsts, mut repeats) = (Vec::new(), Vec::new());
    reserve(&mut firsts, most)?;
    for (counter, new) in chunks {
        cancel.check()?;
        let own = &hashes[*counter][new.start as usize..new.end as usize];
        for (number, &hash) in new.clone().zip(own).filter(|(_, hash)| is_own(**hash)) {
            let here = Place { counter: *counter as u32, number };
            let mut slot = hash as usize & mask;
            loop {
                let found = u64::from_ne_bytes(slots[slot]);
                if found == 0 {
                    firsts.push(here);
                    slots[slot] = (u64::from(hash) << 32 | firsts.len() as u64).to_ne_bytes();
                    break;
                }
                if (found >> 32) as u32 == hash {
                    let first: Place = firsts[found as u32 as usize - 1];
                    let (own, other) = (counters[*counter], counters[first.counter as usize]);
                    if own.has_same(number, other, first.number) {
                        reserve(&mut repeats, 1)?;
                        repeats.push(Repeat { here, first });
                        break;
                    }
                }
                slot = (slot + 1) & mask;
            }
        }
    }
    Ok(repeats)
}
