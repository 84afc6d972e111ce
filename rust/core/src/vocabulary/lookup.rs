//! Terms on their way to their numbers.

use super::terms::{LONG, Record, SHORT, Seed, Terms};
use crate::documents::Span;
use crate::error::{Result, grow, reserve};
use crate::kernel::Kernel;

/// Terms that are looked up together. A thread uses one again and again.
#[derive(Debug, Default)]
pub struct Lookup {
    /// Their numbers, 0 where there is none; guesses before they are settled.
    pub numbers: Vec<u32>,
    /// How many terms there are. The next two have room for more.
    length: usize,
    records: Vec<Record>,
    hashes: Vec<u32>,
    /// The bytes of long terms, one after the other, and where each ends.
    long: Vec<u8>,
    long_ends: Vec<usize>,
}

impl Lookup {
    /// How many terms there are.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Removes all terms.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.length = 0;
        self.long.clear();
        self.long_ends.clear();
    }

    /// The hash of each term.
    #[inline(always)]
    pub(super) fn hashes(&self) -> &[u32] {
        &self.hashes[..self.length]
    }

    /// Adds the terms at `spans`.
    pub(super) fn pack(
        &mut self,
        text: &[u8],
        spans: &[Span],
        seed: Seed,
        kernel: &dyn Kernel,
    ) -> Result<()> {
        let start = self.length;
        let length = start + spans.len();
        grow(&mut self.records, length, [0; 16])?;
        grow(&mut self.hashes, length, 0)?;
        kernel.pack(text, spans, seed, &mut self.records[start..], &mut self.hashes[start..]);
        self.length = length;
        for span in spans.iter().filter(|span| (span.end - span.start) as usize > SHORT) {
            self.push_long(&text[span.start as usize..span.end as usize])?;
        }
        Ok(())
    }

    /// The text that a term lies in will be gone before it is settled.
    fn push_long(&mut self, term: &[u8]) -> Result<()> {
        reserve(&mut self.long, term.len())?;
        reserve(&mut self.long_ends, 1)?;
        self.long.extend_from_slice(term);
        self.long_ends.push(self.long.len());
        Ok(())
    }

    /// Sets the number of each term to 0 whose record is not the one it leads to.
    pub(super) fn verify(&mut self, terms: &Terms) {
        let known = terms.records();
        if known.is_empty() {
            // Without terms, all slots are free.
            return;
        }
        for (number, record) in self.numbers.iter_mut().zip(&self.records) {
            // No branch: which of many terms is not in its first slot cannot be foreseen.
            *number = if known[*number as usize] == *record { *number } else { 0 };
        }
    }

    /// Asks `settle` for the numbers of those terms that have none, in order, with the record, the hash and, of a long
    /// term, the bytes. No long term has a number.
    pub(super) fn settle(
        &mut self,
        mut settle: impl FnMut(Record, u32, &[u8]) -> Result<u32>,
    ) -> Result<()> {
        let mut long = self.long_ends.iter().scan(0, |start, &end| {
            let term = &self.long[*start..end];
            *start = end;
            Some(term)
        });
        for (i, number) in self.numbers.iter_mut().enumerate().filter(|(_, number)| **number == 0) {
            let record = self.records[i];
            let term = if record[15] == LONG { long.next().expect("has been pushed") } else { &[] };
            *number = settle(record, self.hashes[i], term)?;
        }
        Ok(())
    }
}
