//! Terms on their way to their numbers.

use super::Slot;
use super::terms::{LONG, Record, Seed, Terms};
use crate::documents::Span;
use crate::error::{Result, grow, reserve};
use crate::kernel::Kernel;
use crate::kernel::terms::SLACK;

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
    /// Where they are in the text at hand.
    long_spans: Vec<Span>,
    /// The places of the terms whose guess was wrong.
    unknown: Vec<u32>,
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
        reserve(&mut self.long_spans, spans.len())?;
        let (records, hashes) = (&mut self.records[start..], &mut self.hashes[start..]);
        kernel.pack(text, spans, seed, records, hashes, &mut self.long_spans);
        self.length = length;
        for span in self.long_spans.drain(..) {
            // The text that a term lies in will be gone before it is settled.
            let term = &text[span.start as usize..span.end as usize];
            reserve(&mut self.long, term.len())?;
            reserve(&mut self.long_ends, 1)?;
            self.long.extend_from_slice(term);
            self.long_ends.push(self.long.len());
        }
        Ok(())
    }

    /// Guesses the number of each term from the slots that its hash points to.
    pub(super) fn guess(&mut self, slots: &[Slot], kernel: &dyn Kernel) -> Result<&[u32]> {
        self.numbers.clear();
        reserve(&mut self.numbers, self.length)?;
        self.numbers.resize(self.length, 0);
        kernel.guess(slots, &self.hashes[..self.length], &mut self.numbers);
        Ok(&self.numbers)
    }

    /// Sets the number of each term to 0 whose guess was wrong.
    pub(super) fn confirm(&mut self, terms: &Terms, kernel: &dyn Kernel) -> Result<()> {
        let known = terms.records();
        self.unknown.clear();
        reserve(&mut self.unknown, self.length + SLACK)?;
        if known.is_empty() {
            // Without terms, all slots are free.
            self.unknown.extend(0..self.length as u32);
        } else {
            kernel.confirm(known, &self.records, &mut self.numbers, &mut self.unknown);
        }
        Ok(())
    }

    /// Asks `settle` for the numbers of those terms whose guess was wrong, in order, with the record, the hash and, of a long
    /// term, the bytes. The guess for a long term is always wrong.
    pub(super) fn settle(
        &mut self,
        mut settle: impl FnMut(Record, u32, &[u8]) -> Result<u32>,
    ) -> Result<()> {
        let mut long = self.long_ends.iter().scan(0, |start, &end| {
            let term = &self.long[*start..end];
            *start = end;
            Some(term)
        });
        for place in self.unknown.iter().map(|&place| place as usize) {
            let record = self.records[place];
            let term = if record[15] == LONG { long.next().expect("has been pushed") } else { &[] };
            self.numbers[place] = settle(record, self.hashes[place], term)?;
        }
        Ok(())
    }
}
