//! How often terms were met.
//!
//! # Why
//!
//! Entries that are kept are added up when all documents have been counted, one after the other: while documents are
//! counted, terms have the cache to themselves, and afterwards the sums have it. Added up document by document, they took
//! 2 ms more of 72. Two arrays, the second one for terms that a document repeats, took longer still, though the first was
//! half as large.

use super::entries::Entries;
use crate::error::{Result, reserve};
use crate::memory::Array;

/// In how many documents each term was met, and how often in all, in the bytes of one number: its lower and its
/// upper half. Those of the term with number `i` are at `i`.
#[derive(Debug, Default)]
pub(super) struct Frequencies {
    both: Array<8>,
    /// Terms whose upper half has overflowed.
    often: Vec<u32>,
}

impl Frequencies {
    /// Makes ready for being asked.
    pub(super) fn settle(&mut self) {
        self.often.sort_unstable();
    }

    /// In how many documents a term was met.
    pub(super) fn documents(&self, number: u32) -> u64 {
        u64::from_ne_bytes(self.both.as_slice()[number as usize]) & u64::from(u32::MAX)
    }

    /// How often a term was met in all.
    pub(super) fn total(&self, number: u32) -> u64 {
        let total = u64::from_ne_bytes(self.both.as_slice()[number as usize]) >> 32;
        if self.often.is_empty() {
            return total;
        }
        let rest = &self.often[self.often.partition_point(|&often| often < number)..];
        total + ((rest.partition_point(|&often| often == number) as u64) << 32)
    }

    /// Makes room for so many terms.
    pub(super) fn resize(&mut self, terms: usize) -> Result<()> {
        self.both.resize(terms + 1)
    }

    /// Adds entries of documents.
    pub(super) fn add_entries(&mut self, entries: Entries<'_>) -> Result<()> {
        let all = entries.as_one_row();
        match all.small() {
            Some(all) => self.add(all.map(|(number, count)| (number, count.into()))),
            None => self.add(all.iter()),
        }
    }

    /// Adds documents that have each of these terms so many times.
    #[inline(always)]
    pub(super) fn add(&mut self, entries: impl Iterator<Item = (u32, u32)>) -> Result<()> {
        let both = self.both.as_mut_slice();
        for (number, count) in entries {
            let both = &mut both[number as usize];
            // There are no more documents than 32 bits can count.
            let more = u64::from(count) << 32 | 1;
            let (sum, is_over) = u64::from_ne_bytes(*both).overflowing_add(more);
            *both = sum.to_ne_bytes();
            if is_over {
                reserve(&mut self.often, 1)?;
                self.often.push(number);
            }
        }
        Ok(())
    }
}
