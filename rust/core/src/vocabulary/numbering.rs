//! Numbering the terms of several counters.
//!
//! # Overview
//!
//! [`number_terms`] numbers the terms of all counters in the order in which the documents have them. Terms are dealt to
//! shards by their hashes, and each shard walks through the chunks in the order of the documents:
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
//!
//! The table of a shard lies in the cache, but the records of terms do not. They are fetched for some dozens of terms
//! before the first of them is compared, or most of the time would go by waiting for them.

use super::counting::Chunk;
use super::frequencies::Frequencies;
use super::slots::slots_for;
use super::{Seed, Terms};
use crate::error::{Error, Result, reserve};
use crate::memory::{Array, populate};
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
pub(super) const SMALL: usize = 1 << 12;
/// A shard has about so many terms, whose table stays in the cache, ...
const SHARD: usize = 1 << 14;
/// ... unless there are so many shards.
const MOST_SHARDS: usize = 1 << 7;
/// Terms whose records are fetched before the first of them is needed.
const FETCHED: usize = 64;
/// In the place of a joined number: the term repeats one of another counter.
const REPEATED: u32 = u32::MAX;

/// Returns how many different terms the counters have, and the joined number of each term of each counter; that of the
/// number 0 is 0.
///
/// `chunks` are as for [`join`](super::joining::join).
pub(super) fn number_terms(
    counters: &[(Terms, Frequencies)],
    chunks: &[(usize, Chunk)],
    threads: usize,
    cancel: &Cancel,
) -> Result<(usize, Vec<Vec<u32>>)> {
    let all: usize = counters.iter().map(|(terms, _)| terms.len()).sum();
    let threads = if all <= SMALL { 0 } else { threads };
    let shards = (all / SHARD).max(threads).clamp(1, MOST_SHARDS.max(threads));
    let seed = Seed::random();
    let worker =
        || |counter: usize, _: &Cancel| Dealt::new(&counters[counter].0, seed, shards, cancel);
    let dealt = parallel::run(counters.len(), threads, worker, || cancel.check())?;
    let worker = || {
        let (dealt, mut table) = (&dealt, Table::default());
        move |shard: usize, _: &Cancel| {
            find_repeats(counters, dealt, chunks, shard, &mut table, cancel)
        }
    };
    let repeats = parallel::run(shards, threads, worker, || cancel.check())?;
    let mut numbers = Vec::new();
    reserve(&mut numbers, counters.len())?;
    numbers.extend(dealt.into_iter().map(|dealt| dealt.numbers));
    let repeats = || repeats.iter().flatten();
    for Repeat { here, .. } in repeats() {
        numbers[here.counter as usize][here.number as usize] = REPEATED;
    }
    let mut last = 0;
    for (counter, Chunk { new, .. }) in chunks {
        cancel.check()?;
        for number in &mut numbers[*counter][new.start as usize..new.end as usize] {
            last += u32::from(*number != REPEATED);
            *number = last;
        }
        if last as usize > Terms::MAX {
            return Err(Error::TooManyTerms);
        }
    }
    for Repeat { here, first } in repeats() {
        numbers[here.counter as usize][here.number as usize] =
            numbers[first.counter as usize][first.number as usize];
    }
    Ok((last as usize, numbers))
}

/// The terms of a counter by shards: of each its hash, and its number in the lower half.
struct Dealt {
    entries: Array<8>,
    /// The end of each shard.
    ends: Vec<usize>,
    /// Room for the joined number of each term; all are 0.
    numbers: Vec<u32>,
}

impl Dealt {
    fn new(terms: &Terms, seed: Seed, shards: usize, cancel: &Cancel) -> Result<Self> {
        cancel.check()?;
        let shard = |hash: u32| ((u64::from(hash) * shards as u64) >> 32) as usize;
        let mut hashes = Vec::new();
        reserve(&mut hashes, terms.len() + 1)?;
        populate(&mut hashes);
        hashes.push(0);
        let mut ends = Vec::new();
        reserve(&mut ends, shards)?;
        ends.resize(shards, 0);
        hashes.extend(terms.numbers().map(|number| {
            let hash = terms.packed(number, seed).1;
            ends[shard(hash)] += 1;
            hash
        }));
        cancel.check()?;
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut entries = Array::zeroed(terms.len())?;
        let places = entries.as_mut_slice();
        for (number, &hash) in terms.numbers().zip(&hashes[1..]) {
            let end = &mut ends[shard(hash)];
            places[*end] = (u64::from(hash) << 32 | u64::from(number)).to_ne_bytes();
            *end += 1;
        }
        // They have done their work, and there is no better place for the numbers.
        hashes.fill(0);
        Ok(Self { entries, ends, numbers: hashes })
    }

    /// The terms of one shard, by number.
    fn shard(&self, shard: usize) -> &[[u8; 8]] {
        let start = shard.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.entries.as_slice()[start..self.ends[shard]]
    }
}

/// What a thread finds terms with.
#[derive(Default)]
struct Table {
    /// Hash of a term, and a place in `firsts`, where the first is that of none.
    slots: Array<8>,
    firsts: Vec<Place>,
}

impl Table {
    /// An empty table for so many terms. Memory is used again: to give it back holds up all threads.
    fn for_terms(&mut self, terms: usize) -> Result<(&mut [[u8; 8]], &mut Vec<Place>)> {
        let length = slots_for(terms);
        if self.slots.as_slice().len() < length {
            self.slots = Array::zeroed(length)?;
        } else {
            self.slots.as_mut_slice()[..length].fill([0; 8]);
        }
        self.firsts.clear();
        reserve(&mut self.firsts, terms + 1)?;
        self.firsts.push(Place { counter: 0, number: 0 });
        Ok((&mut self.slots.as_mut_slice()[..length], &mut self.firsts))
    }
}

/// The upper and the lower half of a number.
#[inline(always)]
fn parts(both: [u8; 8]) -> (u32, u32) {
    let both = u64::from_ne_bytes(both);
    ((both >> 32) as u32, both as u32)
}

/// Returns those terms of one shard that repeat a term of an earlier chunk.
fn find_repeats(
    counters: &[(Terms, Frequencies)],
    dealt: &[Dealt],
    chunks: &[(usize, Chunk)],
    shard: usize,
    table: &mut Table,
    cancel: &Cancel,
) -> Result<Vec<Repeat>> {
    let mut waiting = Vec::new();
    reserve(&mut waiting, dealt.len())?;
    waiting.extend(dealt.iter().map(|dealt| dealt.shard(shard)));
    let most = waiting.iter().map(|terms| terms.len()).sum();
    let (slots, firsts) = table.for_terms(most)?;
    let mask = slots.len() - 1;
    let mut repeats = Vec::new();
    for (counter, Chunk { new, .. }) in chunks {
        cancel.check()?;
        let own = &counters[*counter].0;
        let is_new = |&entry: &[u8; 8]| (u64::from_ne_bytes(entry) as u32) < new.end;
        let end = waiting[*counter].partition_point(is_new);
        let terms = waiting[*counter].split_off(..end).expect("it is within");
        // No term of a chunk repeats another one of it.
        for terms in terms.chunks(FETCHED) {
            for &entry in terms {
                let (hash, number) = parts(entry);
                let (found_hash, place) = parts(slots[hash as usize & mask]);
                let place = if found_hash == hash { place as usize } else { 0 };
                let first: Place = firsts[place];
                own.fetch(number);
                counters[first.counter as usize].0.fetch(first.number);
            }
            for &entry in terms {
                let (hash, number) = parts(entry);
                let here = Place { counter: *counter as u32, number };
                let mut slot = hash as usize & mask;
                loop {
                    let (found_hash, place) = parts(slots[slot]);
                    if place == 0 {
                        slots[slot] = (u64::from(hash) << 32 | firsts.len() as u64).to_ne_bytes();
                        firsts.push(here);
                        break;
                    }
                    let first: Place = firsts[place as usize];
                    let other = &counters[first.counter as usize].0;
                    if found_hash == hash && own.has_same(number, other, first.number) {
                        reserve(&mut repeats, 1)?;
                        repeats.push(Repeat { here, first });
                        break;
                    }
                    slot = (slot + 1) & mask;
                }
            }
        }
    }
    Ok(repeats)
}
