//! Counting the terms of documents, on several threads.
//!
//! # Overview
//!
//! Each thread has a [`Counter`] with a vocabulary of its own. [`Counter::count`] counts a chunk of documents and
//! notes which terms the thread saw for the first time in it. [`join`](super::joining::join) makes one vocabulary of those
//! of all threads, and adds up the counts.
//!
//! # Why
//!
//! The terms of a document are counted by sorting their numbers. A table of counts, with a place for each term, was a
//! random access per token and took twice as long, and left rows to be sorted when the matrix is written.
//!
//! One table for all threads would need a lock or an atomic operation per token, and would number terms in an
//! order that depends on luck. A table per chunk would see every frequent word as new again and again.

use std::ops::Range;

use super::entries::{Packed, Store};
use super::frequencies::Frequencies;
use super::joining::Counted;
use super::pipeline::{Consumer, Pipeline};
use super::{Lookup, Vocabulary};
use crate::analyzer::{Analyzer, Scratch, Tables};
use crate::documents::Document;
use crate::error::{Error, Result, reserve};
use crate::hashing::{Counts, append_row};
use crate::kernel::Kernel;
use crate::parallel::Cancel;

/// What turns documents into terms.
#[derive(Clone, Copy)]
pub struct Terminology<'t> {
    /// Analyses texts.
    pub analyzer: &'t Analyzer,
    /// Needed for texts outside ASCII.
    pub tables: Option<Tables<'t>>,
    /// The hot loops.
    pub kernel: &'t dyn Kernel,
}

/// What one thread has counted.
#[derive(Debug, Default)]
pub struct Counter {
    learned: Learned,
    scratch: Scratch,
    pipeline: Pipeline,
    store: Store,
}

/// The terms of a counter, and where they were met.
#[derive(Debug, Default)]
struct Learned {
    vocabulary: Vocabulary,
    frequencies: Frequencies,
    n_documents: u32,
    largest: i32,
    /// The terms of the document at hand, as keys that [`append_row`] counts.
    keys: Vec<u32>,
    spare: Vec<u32>,
    /// The rows of the chunk at hand, or of the document if they are not kept.
    rows: Counts,
    keep: bool,
}

/// What one chunk of documents holds, in the numbers of the counter that counted it.
#[derive(Debug)]
pub struct Chunk {
    /// The terms that are new to the counter.
    pub new: Range<u32>,
    /// Counts per document, if they are wanted, in the counter's store.
    pub entries: Packed,
}

impl Counter {
    /// The largest count of a term in one document so far.
    #[must_use]
    pub fn largest(&self) -> u32 {
        self.learned.largest.cast_unsigned()
    }

    /// How many documents it has counted.
    pub(super) fn n_documents(&self) -> u64 {
        self.learned.n_documents.into()
    }

    /// Adds up the entries that were kept, given all chunks that it has counted.
    pub(super) fn finish<'c>(
        self,
        chunks: impl Iterator<Item = &'c Chunk>,
        cancel: &Cancel,
    ) -> Result<Counted> {
        let Self { learned: Learned { vocabulary, mut frequencies, .. }, store, .. } = self;
        for chunk in chunks {
            cancel.check()?;
            store.read(&chunk.entries, |entries| frequencies.add_entries(entries))?;
        }
        frequencies.settle();
        Ok(Counted { vocabulary, frequencies, store })
    }

    /// Counts the terms of documents, and keeps the counts of each document if `keep`.
    ///
    /// After an error the counter is good for nothing.
    ///
    /// # Panics
    ///
    /// If a text is not ASCII and there are no tables.
    pub fn count(
        &mut self,
        terminology: Terminology<'_>,
        documents: &[Document<'_>],
        keep: bool,
        cancel: &Cancel,
    ) -> Result<Chunk> {
        let Self { learned, scratch, pipeline, store } = self;
        let first = learned.vocabulary.terms().len() as u32 + 1;
        learned.keep = keep;
        pipeline.run(terminology, documents, scratch, learned, cancel)?;
        let new = first..learned.vocabulary.terms().len() as u32 + 1;
        Ok(Chunk { new, entries: store.pack(&mut learned.rows)? })
    }
}

impl Consumer for Learned {
    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn settle(&mut self, kernel: &dyn Kernel, terms: &mut Lookup) -> Result<()> {
        self.vocabulary.settle(kernel, terms)?;
        self.frequencies.resize(self.vocabulary.terms().len())
    }

    fn take(&mut self, numbers: &[u32]) -> Result<()> {
        reserve(&mut self.keys, numbers.len())?;
        self.keys.extend(numbers.iter().map(|&number| number << 1));
        Ok(())
    }

    fn end_document(&mut self, kernel: &dyn Kernel, cancel: &Cancel) -> Result<()> {
        self.n_documents = self.n_documents.checked_add(1).ok_or(Error::TooManyDocuments)?;
        let start = self.rows.columns.len();
        append_row(&mut self.keys, &mut self.spare, kernel, &mut self.rows, cancel)?;
        self.keys.clear();
        let counts = &self.rows.sums[start..];
        self.largest = counts.iter().fold(self.largest, |largest, &count| largest.max(count));
        if !self.keep {
            let numbers = self.rows.columns.iter().copied();
            let counts = self.rows.sums.iter().map(|count| count.cast_unsigned());
            self.frequencies.add(numbers.zip(counts))?;
            self.rows.clear();
        }
        Ok(())
    }
}
