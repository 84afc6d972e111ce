//! Terms, numbered in the order in which they are first seen.
//!
//! # Overview
//!
//! A [`Vocabulary`] maps terms to numbers: [`Vocabulary::intern`] adds those it has not met,
//! [`Vocabulary::find`] does not. [`counting`] counts the terms of documents with one vocabulary per thread, of which
//! [`joining`] makes one (`numbering`), together with how often each was met (`frequencies`, [`term_counts`]); `pipeline`
//! looks terms up while the next documents are analysed; [`entries`] holds what the documents held, until [`rows`] writes
//! it into a matrix; [`sorting`] puts terms into alphabetical order.
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
mod frequencies;
pub mod joining;
mod lookup;
mod numbering;
mod pipeline;
pub mod rows;
mod slots;
pub mod sorting;
pub mod term_counts;
mod terms;

pub use lookup::Lookup;
pub use slots::Slot;
pub(crate) use slots::number_in;
#[cfg(target_arch = "x86_64")]
pub(crate) use terms::SCATTERER;
pub use terms::{Record, Seed, Terms, pack};

use std::sync::OnceLock;

use crate::documents::{Span, prefetch};
use crate::error::{Error, Result, reserve};
use crate::kernel::Kernel;
use crate::memory::Array;
use slots::{fill, probe, slots_for, table};

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
        self.foresee(kernel, lookup)?;
        self.settle_known(kernel, lookup)
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
        self.foresee(kernel, lookup)?;
        self.settle(kernel, lookup)
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
    fn foresee(&self, kernel: &dyn Kernel, lookup: &mut Lookup) -> Result<()> {
        let slots = self.slots()?.as_slice();
        let records = self.terms.records().as_ptr();
        let numbers = lookup.guess(slots, kernel)?;
        for &number in numbers {
            prefetch(records.wrapping_add(number as usize).cast());
        }
        Ok(())
    }

    /// Gives the terms that there are their numbers, and others 0.
    fn settle_known(&self, kernel: &dyn Kernel, lookup: &mut Lookup) -> Result<()> {
        lookup.confirm(&self.terms, kernel)?;
        let slots = self.slots()?.as_slice();
        lookup.settle(|record, hash, term| {
            Ok(probe(slots, &self.terms, record, hash, term).unwrap_or(0))
        })
    }

    /// Gives terms their numbers, and adds those that are new.
    fn settle(&mut self, kernel: &dyn Kernel, lookup: &mut Lookup) -> Result<()> {
        lookup.confirm(&self.terms, kernel)?;
        lookup.settle(|record, hash, term| self.insert(record, hash, term))
    }

    #[inline(never)]
    fn insert(&mut self, record: Record, hash: u32, term: &[u8]) -> Result<u32> {
        if slots_for(self.terms.len() + 1) > self.slots()?.as_slice().len() {
            self.slots = table(&self.terms, self.seed, slots_for(self.terms.len() + 1))?.into();
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
        let slots = table(&self.terms, self.seed, slots_for(self.terms.len()))?;
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
            self.slots = table(&self.terms, self.seed, length)?.into();
        }
        Ok(())
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
