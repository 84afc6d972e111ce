//! Terms, numbered in the order in which they are first seen.
//!
//! # Overview
//!
//! A [`Vocabulary`] maps terms to numbers: [`Vocabulary::intern`] adds those it has not met,
//! [`Vocabulary::find`] does not. [`counting`] counts the terms of documents with one vocabulary per thread and
//! joins these; `pipeline` looks terms up while the next documents are analysed; [`entries`] holds what the documents
//! held, until [`rows`] writes it into a matrix; [`sorting`] puts terms into alphabetical order.
//!
//! A hash table with linear probing holds the numbers of terms; the terms themselves are elsewhere (`terms`). A number
//! takes as many bits of a slot as a place in the table does, and these bits of the hash say where to look first; the
//! others are in the slot:
//!
//! ```text
//! slots     | hash 2 |        | hash 1 | hash 3 |  ...     32 bits each
//! records   (none) | the | cat | sat
//! ```
//!
//! # Why
//!
//! Terms are looked up in passes: all records and hashes; then, for all, the number in one of the two slots that the hash
//! points to; then, whether the term of this number is the one; then, one after the other, what these did not settle. The
//! passes in the middle are where memory is waited for, and since their steps are short and do not depend on each other
//! the processor waits for dozens at once. One pass per term took twice as long with 170,000 terms, one pass for slots
//! and records together half as long again.
//!
//! Slots that hold short terms themselves were slower: the table outgrows the cache. So were slots of eight bytes with
//! whole hashes. Slots without any of the hash made every search that goes on from a slot wait for the record of a term
//! that it passes.
//!
//! scikit-learn numbers terms by first sight, and entries of its matrices come in that order, so the
//! numbers must not depend on which thread saw a term first; `counting` says how that is kept.

pub mod counting;
pub mod entries;
mod joining;
mod lookup;
mod pipeline;
pub mod rows;
pub mod sorting;
mod terms;

pub use lookup::Lookup;
pub use terms::{Record, Seed, Terms, pack};

use std::sync::OnceLock;

use crate::documents::{Span, prefetch};
use crate::error::{Error, Result, reserve};
use crate::kernel::Kernel;
use crate::memory::Array;

/// In a slot: there is no term.
const FREE: [u8; 4] = [0; 4];
/// Slots of the smallest table.
const FEWEST_SLOTS: usize = 1 << 6;

/// Terms and their numbers, from 1 in the order in which they were added.
#[derive(Debug)]
pub struct Vocabulary {
    seed: Seed,
    terms: Terms,
    /// Numbers of terms beside some of their hashes, or 0. As many as a power of two. There are none before they are needed.
    slots: OnceLock<Array<4>>,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self::from(Terms::default())
    }
}

impl From<Terms> for Vocabulary {
    /// A vocabulary of these terms, whose table will be made when it is needed.
    fn from(terms: Terms) -> Self {
        Self { seed: Seed::random(), terms, slots: OnceLock::new() }
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
        lookup.clear();
        self.enter(text, spans, kernel, lookup)?;
        self.foresee(lookup)?;
        self.settle_known(lookup)
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
        lookup.clear();
        self.enter(text, spans, kernel, lookup)?;
        self.foresee(lookup)?;
        self.settle(lookup)
    }

    /// Looks up terms of another vocabulary, adds those that are new, and appends their numbers here to
    /// `numbers`. This cannot fail if there is [room](Self::reserve) for them, and for their numbers.
    pub fn intern_terms(
        &mut self,
        terms: &Terms,
        others: impl ExactSizeIterator<Item = u32>,
        numbers: &mut Vec<u32>,
    ) -> Result<()> {
        reserve(numbers, others.len())?;
        for number in others {
            let (record, hash) = terms.packed(number, self.seed);
            numbers.push(self.insert(record, hash, terms.bytes(number))?);
        }
        Ok(())
    }

    /// Adds terms to those that will be looked up, and fetches their slots.
    fn enter(
        &self,
        text: &[u8],
        spans: &[Span],
        kernel: &dyn Kernel,
        lookup: &mut Lookup,
    ) -> Result<()> {
        let slots = self.slots()?.as_slice();
        let start = lookup.len();
        lookup.pack(text, spans, self.seed, kernel)?;
        for &hash in &lookup.hashes()[start..] {
            prefetch(slots[hash as usize & (slots.len() - 1)].as_ptr());
        }
        Ok(())
    }

    /// Reads the slots of terms, and fetches the records that these lead to.
    fn foresee(&self, lookup: &mut Lookup) -> Result<()> {
        let slots = self.slots()?.as_slice();
        let records = self.terms.records().as_ptr();
        let mut numbers = std::mem::take(&mut lookup.numbers);
        reserve(&mut numbers, lookup.len())?;
        numbers.extend(lookup.hashes().iter().map(|&hash| {
            let place = hash as usize & (slots.len() - 1);
            let next = (place + 1) & (slots.len() - 1);
            // No branch: which of many terms is not in its first slot cannot be foreseen.
            let second = number_in(slots, next, hash).unwrap_or(0);
            let number = number_in(slots, place, hash).unwrap_or(second);
            prefetch(records.wrapping_add(number as usize).cast());
            number
        }));
        lookup.numbers = numbers;
        Ok(())
    }

    /// Gives the terms that there are their numbers, and others 0.
    fn settle_known(&self, lookup: &mut Lookup) -> Result<()> {
        lookup.verify(&self.terms);
        let slots = self.slots()?.as_slice();
        lookup.settle(|record, hash, term| {
            Ok(probe(slots, &self.terms, record, hash, term).unwrap_or(0))
        })
    }

    /// Gives terms their numbers, and adds those that are new.
    fn settle(&mut self, lookup: &mut Lookup) -> Result<()> {
        lookup.verify(&self.terms);
        lookup.settle(|record, hash, term| self.insert(record, hash, term))
    }

    #[inline(never)]
    fn insert(&mut self, record: Record, hash: u32, term: &[u8]) -> Result<u32> {
        if slots_for(self.terms.len() + 1) > self.slots()?.as_slice().len() {
            self.slots = self.table(slots_for(self.terms.len() + 1))?.into();
        }
        let slots = self.slots.get_mut().expect("made above").as_mut_slice();
        let place = match probe(slots, &self.terms, record, hash, term) {
            Ok(number) => return Ok(number),
            Err(place) => place,
        };
        let number = self.terms.push(record, term)?;
        fill(slots, place, hash, number);
        Ok(number)
    }

    /// The table, made if there is none.
    fn slots(&self) -> Result<&Array<4>> {
        if let Some(slots) = self.slots.get() {
            return Ok(slots);
        }
        let slots = self.table(slots_for(self.terms.len()))?;
        // Another thread may have been faster.
        Ok(self.slots.get_or_init(|| slots))
    }

    /// Makes the table that [`find`](Self::find) needs, unless there is one.
    pub fn prepare(&self) -> Result<()> {
        self.slots().map(drop)
    }

    /// Makes room for all terms of another vocabulary, so that interning them cannot fail any more.
    pub fn reserve(&mut self, terms: &Terms) -> Result<()> {
        self.terms.reserve(terms)?;
        let length = slots_for(self.terms.len() + terms.len());
        if length > self.slots()?.as_slice().len() {
            self.slots = self.table(length)?.into();
        }
        Ok(())
    }

    /// A table of all terms, of `length` slots.
    fn table(&self, length: usize) -> Result<Array<4>> {
        let mut table = Array::<4>::zeroed(length)?;
        let (slots, mask) = (table.as_mut_slice(), length - 1);
        // Those that were seen first are the most frequent ones, and get the slots that are looked at first.
        for number in self.terms.numbers() {
            let hash = self.terms.packed(number, self.seed).1;
            let mut place = hash as usize & mask;
            while slots[place] != FREE {
                place = (place + 1) & mask;
            }
            fill(slots, place, hash, number);
        }
        Ok(table)
    }

    /// A copy.
    pub fn try_clone(&self) -> Result<Self> {
        let slots = self.slots.get().map(Array::try_clone).transpose()?;
        let slots = slots.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self { seed: self.seed, terms: self.terms.try_clone()?, slots })
    }

    /// Size in memory, in bytes, including that of the table, whether there is one yet or not.
    #[must_use]
    pub fn size(&self) -> usize {
        let slots = match self.slots.get() {
            Some(slots) => slots.as_slice().len(),
            None if self.terms.is_empty() => 0,
            None => slots_for(self.terms.len()),
        };
        self.terms.size() + slots * size_of::<u32>()
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

/// Slots for so many terms. At least half of them remain free, for a search for what is not there ends at a free one.
fn slots_for(terms: usize) -> usize {
    (terms * 2).next_power_of_two().max(FEWEST_SLOTS)
}

/// Puts the number of a term into a slot.
#[inline(always)]
fn fill(slots: &mut [[u8; 4]], place: usize, hash: u32, number: u32) {
    let mask = (slots.len() - 1) as u32;
    slots[place] = (hash & !mask | number).to_ne_bytes();
}

/// The number in a slot, if the rest of the hash is that of this one.
#[inline(always)]
fn number_in(slots: &[[u8; 4]], place: usize, hash: u32) -> Option<u32> {
    let mask = (slots.len() - 1) as u32;
    let slot = u32::from_ne_bytes(slots[place]);
    ((slot ^ hash) & !mask == 0).then_some(slot & mask)
}

/// Looks for a term: its number, or the free slot where it would go.
fn probe(
    slots: &[[u8; 4]],
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
