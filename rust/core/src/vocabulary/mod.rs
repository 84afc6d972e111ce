//! Terms, numbered in the order in which they are first seen.
//!
//! # Overview
//!
//! A [`Vocabulary`] maps terms to numbers: [`Vocabulary::intern`] adds those it has not met,
//! [`Vocabulary::find`] does not. [`counting`] counts the terms of documents with one vocabulary per thread and
//! joins these; [`entries`] holds what the documents held, until [`rows`] writes it into a matrix;
//! [`sorting`] puts terms into alphabetical order.
//!
//! A hash table with linear probing holds, in 64 bits a slot, the hash of a term and its number; the terms
//! themselves are elsewhere ([`terms`]):
//!
//! ```text
//! slots     | hash 4b2e, number 2 |  | hash 9c01, number 1 | hash 9c07, number 3 |  ...
//! records   (none) | the | cat | sat
//! ```
//!
//! # Why
//!
//! Both look-ups work on a batch of terms in three passes: all records and hashes; then, for all, the term in
//! the slot the hash points to; then, one after the other, what these did not settle. The second pass is where memory is waited
//! for, and since its steps do not depend on each other the processor waits for many at once. One pass
//! per term was half as fast with 170,000 terms. Slots that hold short terms themselves were slower: the
//! table outgrows the cache.
//!
//! scikit-learn numbers terms by first sight, and entries of its matrices come in that order, so the
//! numbers must not depend on which thread saw a term first; `counting` says how that is kept.

pub mod counting;
pub mod entries;
pub mod rows;
pub mod sorting;
mod tally;
mod terms;

pub use terms::{Record, Seed, Terms, pack};

use crate::documents::Span;
use crate::error::{Error, Result, reserve};
use crate::kernel::Kernel;
use crate::memory::Array;

/// Terms are looked up so many at a time: their records and hashes stay in the first cache.
const BATCH: usize = 256;
/// Slots of the smallest table.
const FEWEST_SLOTS: usize = 1 << 6;

/// Terms and their numbers, from 1 in the order in which they were added.
#[derive(Debug)]
pub struct Vocabulary {
    seed: Seed,
    terms: Terms,
    /// Hash and number of a term, or 0. As many as a power of two, or none before the first term.
    slots: Array<8>,
}

/// Terms on their way to their numbers. A thread uses one again and again.
#[derive(Debug)]
pub struct Lookup {
    /// The numbers of the terms that were looked up last; 0 where there is none.
    pub numbers: Vec<u32>,
    records: Vec<Record>,
    hashes: Vec<u32>,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { numbers: Vec::new(), records: vec![[0; 16]; BATCH], hashes: vec![0; BATCH] }
    }
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self { seed: Seed::random(), terms: Terms::default(), slots: Array::default() }
    }
}

impl Vocabulary {
    /// The terms by number.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The terms without the table to find them.
    #[must_use]
    pub fn into_terms(self) -> Terms {
        self.terms
    }

    /// Looks up the terms at `spans`.
    ///
    /// `text` goes on for [`PADDING`](crate::murmur3::PADDING) bytes after the last range.
    pub fn find(
        &self,
        text: &[u8],
        spans: &[Span],
        kernel: &dyn Kernel,
        lookup: &mut Lookup,
    ) -> Result<()> {
        lookup.numbers.clear();
        reserve(&mut lookup.numbers, spans.len())?;
        if self.terms.is_empty() {
            lookup.numbers.resize(spans.len(), 0);
            return Ok(());
        }
        for spans in spans.chunks(BATCH) {
            kernel.pack(text, spans, self.seed, &mut lookup.records, &mut lookup.hashes);
            let first = self.guess(lookup, spans.len());
            for (i, number) in lookup.numbers[first..].iter_mut().enumerate() {
                if *number == 0 {
                    let term = &text[spans[i].start as usize..spans[i].end as usize];
                    *number = self.probe(lookup.records[i], lookup.hashes[i], term).unwrap_or(0);
                }
            }
        }
        Ok(())
    }

    /// Looks up the terms at `spans`, and adds those that are new.
    ///
    /// `text` goes on for [`PADDING`](crate::murmur3::PADDING) bytes after the last range.
    pub fn intern(
        &mut self,
        text: &[u8],
        spans: &[Span],
        kernel: &dyn Kernel,
        lookup: &mut Lookup,
    ) -> Result<()> {
        lookup.numbers.clear();
        reserve(&mut lookup.numbers, spans.len())?;
        for spans in spans.chunks(BATCH) {
            kernel.pack(text, spans, self.seed, &mut lookup.records, &mut lookup.hashes);
            let term = |i: usize| &text[spans[i].start as usize..spans[i].end as usize];
            self.intern_batch(lookup, spans.len(), term)?;
        }
        Ok(())
    }

    /// Looks up terms of another vocabulary, adds those that are new, and appends their numbers here to
    /// `numbers`.
    pub fn intern_terms(
        &mut self,
        terms: &Terms,
        others: impl ExactSizeIterator<Item = u32>,
        numbers: &mut Vec<u32>,
    ) -> Result<()> {
        let mut lookup = Lookup { numbers: std::mem::take(numbers), ..Lookup::default() };
        reserve(&mut lookup.numbers, others.len())?;
        let mut others = others.peekable();
        let mut batch = [0; BATCH];
        while others.peek().is_some() {
            let mut length = 0;
            for (place, number) in batch.iter_mut().zip(&mut others) {
                *place = number;
                (lookup.records[length], lookup.hashes[length]) = terms.packed(number, self.seed);
                length += 1;
            }
            self.intern_batch(&mut lookup, length, |i| terms.bytes(batch[i]))?;
        }
        *numbers = lookup.numbers;
        Ok(())
    }

    fn intern_batch<'t>(
        &mut self,
        lookup: &mut Lookup,
        length: usize,
        term: impl Fn(usize) -> &'t [u8],
    ) -> Result<()> {
        let first = self.guess(lookup, length);
        for (i, number) in lookup.numbers[first..].iter_mut().enumerate() {
            if *number == 0 {
                *number = self.insert(lookup.records[i], lookup.hashes[i], term(i))?;
            }
        }
        Ok(())
    }

    /// Appends, for each of `length` terms, its number if the first slot it could be in holds it, else 0.
    /// Returns where these numbers start.
    fn guess(&self, lookup: &mut Lookup, length: usize) -> usize {
        let Lookup { numbers, records, hashes } = lookup;
        let first = numbers.len();
        let (slots, known) = (self.slots.as_slice(), self.terms.records());
        if known.is_empty() {
            numbers.resize(first + length, 0);
            return first;
        }
        let mask = slots.len() - 1;
        // Loops this short let the processor wait for dozens of slots, and then of records, at once.
        numbers.extend(hashes[..length].iter().map(|&hash| {
            u64::from_ne_bytes(slots[hash as usize & mask]) as u32
        }));
        for (number, record) in numbers[first..].iter_mut().zip(records) {
            // No branch: which of many terms is not in its first slot cannot be predicted.
            *number = if known[*number as usize] == *record { *number } else { 0 };
        }
        first
    }

    /// Looks for a term: its number, or the free slot where it would go. There must be slots.
    fn probe(&self, record: Record, hash: u32, term: &[u8]) -> std::result::Result<u32, usize> {
        let slots = self.slots.as_slice();
        let mask = slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = u64::from_ne_bytes(slots[place]);
            if slot == 0 {
                return Err(place);
            }
            let number = slot as u32;
            if (slot >> 32) as u32 == hash && self.terms.is(number, record, term) {
                return Ok(number);
            }
            place = (place + 1) & mask;
        }
    }

    #[inline(never)]
    fn insert(&mut self, record: Record, hash: u32, term: &[u8]) -> Result<u32> {
        // A free slot must remain, or a search for what is not there would never end.
        if (self.terms.len() + 1) * 2 > self.slots.as_slice().len() {
            self.resize((self.slots.as_slice().len() * 2).max(FEWEST_SLOTS))?;
        }
        let place = match self.probe(record, hash, term) {
            Ok(number) => return Ok(number),
            Err(place) => place,
        };
        let number = self.terms.push(record, term)?;
        let slot = u64::from(hash) << 32 | u64::from(number);
        self.slots.as_mut_slice()[place] = slot.to_ne_bytes();
        Ok(number)
    }

    /// Makes room for all terms of another vocabulary, so that interning them cannot fail any more.
    pub fn reserve(&mut self, terms: &Terms) -> Result<()> {
        self.terms.reserve(terms)?;
        let needed = (self.terms.len() + terms.len()) * 2;
        let length = needed.next_power_of_two().max(FEWEST_SLOTS);
        if length > self.slots.as_slice().len() { self.resize(length) } else { Ok(()) }
    }

    /// Puts all hashes and numbers into a table of `length` slots.
    fn resize(&mut self, length: usize) -> Result<()> {
        let mut larger = Array::<8>::zeroed(length)?;
        let (slots, mask) = (larger.as_mut_slice(), length - 1);
        let mut by_number = Vec::new();
        reserve(&mut by_number, self.terms.len())?;
        by_number.resize(self.terms.len(), [0; 8]);
        for &slot in self.slots.as_slice().iter().filter(|&&slot| slot != [0; 8]) {
            by_number[u64::from_ne_bytes(slot) as u32 as usize - 1] = slot;
        }
        for slot in by_number {
            let mut place = (u64::from_ne_bytes(slot) >> 32) as usize & mask;
            while slots[place] != [0; 8] {
                place = (place + 1) & mask;
            }
            slots[place] = slot;
        }
        self.slots = larger;
        Ok(())
    }

    /// A copy.
    pub fn try_clone(&self) -> Result<Self> {
        let (terms, slots) = (self.terms.try_clone()?, self.slots.try_clone()?);
        Ok(Self { seed: self.seed, terms, slots })
    }

    /// Size in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.terms.size() + self.slots.size()
    }

    /// A vocabulary of these terms, in this order.
    ///
    /// `text` goes on for [`PADDING`](crate::murmur3::PADDING) bytes after the last range.
    pub fn from_terms(text: &[u8], spans: &[Span]) -> Result<Self> {
        let mut vocabulary = Self::default();
        for (place, &span) in spans.iter().enumerate() {
            let (record, hash) = pack(text, span, vocabulary.seed);
            let term = &text[span.start as usize..span.end as usize];
            if vocabulary.insert(record, hash, term)? as usize != place + 1 {
                return Err(Error::RepeatedTerm { place });
            }
        }
        Ok(vocabulary)
    }
}
