//! Counting the terms of documents, on several threads.
//!
//! # Overview
//!
//! Each thread has a [`Counter`] with a vocabulary of its own. [`Counter::count`] counts a chunk of documents and
//! notes which terms the thread saw for the first time in it. [`join`] makes one vocabulary of those of all
//! threads (`joining`), and adds up the counts.
//!
//! # Why
//!
//! The terms of a document are counted by sorting their numbers. A table of counts, with a place for each term, was a
//! random access per token and took twice as long, and left rows to be sorted when the matrix is written.
//!
//! One table for all threads would need a lock or an atomic operation per token, and would number terms in an
//! order that depends on luck. A table per chunk would see every frequent word as new again and again.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use super::entries::{Packed, Store};
use super::joining::{SMALL, number_terms};
use super::pipeline::{Consumer, Pipeline};
use super::{Lookup, Terms, Vocabulary};
use crate::analyzer::{Analyzer, Scratch, Tables};
use crate::documents::Document;
use crate::error::{Error, Result, reserve};
use crate::hashing::{Counts, append_row};
use crate::kernel::Kernel;
use crate::memory::{Array, populate};
use crate::parallel::{self, Cancel};

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

/// In how many documents each term was met, and how often in all, in the bytes of one number: its lower and its
/// upper half. Those of the term with number `i` are at `i`.
#[derive(Debug, Default)]
struct Frequencies {
    both: Array<8>,
    /// Terms whose upper half has overflowed.
    often: Vec<u32>,
}

impl Frequencies {
    /// Makes ready for being asked.
    fn settle(&mut self) {
        self.often.sort_unstable();
    }

    /// In how many documents a term was met.
    fn documents(&self, number: u32) -> u64 {
        u64::from_ne_bytes(self.both.as_slice()[number as usize]) & u64::from(u32::MAX)
    }

    /// How often a term was met in all.
    fn total(&self, number: u32) -> u64 {
        let total = u64::from_ne_bytes(self.both.as_slice()[number as usize]) >> 32;
        if self.often.is_empty() {
            return total;
        }
        let rest = &self.often[self.often.partition_point(|&often| often < number)..];
        total + ((rest.partition_point(|&often| often == number) as u64) << 32)
    }

    /// Adds a document that has each of these terms so many times.
    fn add(&mut self, numbers: &[u32], counts: &[i32]) -> Result<()> {
        let both = self.both.as_mut_slice();
        for (&number, &count) in numbers.iter().zip(counts) {
            let both = &mut both[number as usize];
            // There are no more documents than 32 bits can count.
            let more = u64::from(count.cast_unsigned()) << 32 | 1;
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

    /// What holds the counts of each document, taken out.
    #[must_use]
    pub fn take_store(&mut self) -> Store {
        std::mem::take(&mut self.store)
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
        self.frequencies.both.resize(self.vocabulary.terms().len() + 1)
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
        let (numbers, counts) = (&self.rows.columns[start..], &self.rows.sums[start..]);
        self.frequencies.add(numbers, counts)?;
        self.largest = counts.iter().fold(self.largest, |largest, &count| largest.max(count));
        if !self.keep {
            self.rows.clear();
        }
        Ok(())
    }
}

/// Terms in order of first sight, and how often they were met.
#[derive(Debug, Default)]
pub struct TermCounts {
    /// The terms.
    pub vocabulary: Arc<Vocabulary>,
    /// In how many documents each term was met; that of the term with number `i` is at `i - 1`.
    pub documents: Vec<u64>,
    /// How often each term was met in all.
    pub totals: Vec<u64>,
    /// How many documents have been counted.
    pub n_documents: u64,
}

impl TermCounts {
    /// Adds terms and counts of others, as if their documents came after those counted here. Either all of it
    /// happens or nothing.
    pub fn absorb(&mut self, other: &Self) -> Result<()> {
        let terms = other.vocabulary.terms();
        let mut numbers = Vec::new();
        reserve(&mut numbers, terms.len())?;
        reserve(&mut self.documents, terms.len())?;
        reserve(&mut self.totals, terms.len())?;
        let mut copy = None;
        let vocabulary = match Arc::get_mut(&mut self.vocabulary) {
            Some(own) => own,
            None => copy.insert(self.vocabulary.try_clone()?),
        };
        vocabulary.reserve(terms)?;
        // Nothing can fail from here on.
        vocabulary.intern_terms(terms, terms.numbers(), &mut numbers)?;
        if let Some(copy) = copy {
            self.vocabulary = Arc::new(copy);
        }
        for (number, (&documents, &total)) in
            numbers.iter().zip(other.documents.iter().zip(&other.totals))
        {
            add(&mut self.documents, *number, documents);
            add(&mut self.totals, *number, total);
        }
        self.n_documents += other.n_documents;
        Ok(())
    }

    /// Forgets the rarest terms if all take more than `bytes`, until they take half of that.
    ///
    /// Of terms that were met equally often, those stay that were seen first.
    pub fn trim(&mut self, bytes: usize) -> Result<()> {
        if self.size() <= bytes {
            return Ok(());
        }
        let terms = self.vocabulary.terms();
        let mut numbers = Vec::new();
        reserve(&mut numbers, terms.len())?;
        numbers.extend(1..=terms.len() as u32);
        numbers.sort_unstable_by_key(|&number| (Reverse(self.totals[number as usize - 1]), number));
        let mut size = 0;
        let mut fits = |number: u32| {
            size += BYTES_PER_TERM + 2 * terms.bytes(number).len();
            size <= bytes / 2
        };
        let kept = numbers.iter().take_while(|&&number| fits(number)).count();
        numbers.truncate(kept);
        numbers.sort_unstable();
        let mut trimmed = Self { n_documents: self.n_documents, ..Self::default() };
        let mut vocabulary = Vocabulary::default();
        vocabulary.intern_terms(terms, numbers.iter().copied(), &mut Vec::new())?;
        trimmed.vocabulary = Arc::new(vocabulary);
        reserve(&mut trimmed.documents, kept)?;
        reserve(&mut trimmed.totals, kept)?;
        for &number in &numbers {
            trimmed.documents.push(self.documents[number as usize - 1]);
            trimmed.totals.push(self.totals[number as usize - 1]);
        }
        *self = trimmed;
        Ok(())
    }

    /// Size in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.vocabulary.size() + 8 * (self.documents.capacity() + self.totals.capacity())
    }
}

/// What a term takes beside its bytes, at the most, since memory is doubled when it is full: two records, four
/// slots, two pairs of counts.
const BYTES_PER_TERM: usize = 2 * 16 + 4 * 4 + 2 * 2 * 8;

/// For each counter, the joined number of each of its terms; no list for a counter whose numbers are the joined
/// ones.
pub type Renumbering = Vec<Option<Vec<u32>>>;

/// Joins the vocabularies and counts of counters.
///
/// `chunks` are, in the order of the documents, which counter counted each and what was new to it; a counter's own
/// come in the order in which it counted them.
pub fn join(
    mut counters: Vec<Counter>,
    chunks: &[(usize, Range<u32>)],
    threads: usize,
    cancel: &Cancel,
) -> Result<(TermCounts, Renumbering)> {
    let n_documents = counters.iter().map(|counter| u64::from(counter.learned.n_documents)).sum();
    let mut joined = TermCounts { n_documents, ..TermCounts::default() };
    if let [counter] = counters.as_mut_slice() {
        let Learned { vocabulary, frequencies, .. } = &mut counter.learned;
        frequencies.settle();
        let terms = vocabulary.terms().len() as u32;
        reserve(&mut joined.documents, terms as usize)?;
        reserve(&mut joined.totals, terms as usize)?;
        populate(&mut joined.documents);
        populate(&mut joined.totals);
        joined.documents.extend((1..=terms).map(|number| frequencies.documents(number)));
        joined.totals.extend((1..=terms).map(|number| frequencies.total(number)));
        joined.vocabulary = Arc::new(std::mem::take(vocabulary));
        return Ok((joined, vec![None]));
    }
    // The tables of the counters have done their work, and make room.
    let mut counters: Vec<(Terms, Frequencies)> = counters
        .into_iter()
        .map(|Counter { learned, .. }| (learned.vocabulary.into_terms(), learned.frequencies))
        .collect();
    for (_, frequencies) in &mut counters {
        frequencies.settle();
    }
    let terms: Vec<&Terms> = counters.iter().map(|(terms, _)| terms).collect();
    let (n_terms, numbers) = number_terms(&terms, chunks, threads, cancel)?;
    let joining = Joining { counters: &counters, chunks, numbers: &numbers, n_terms, cancel };
    let worker = || |part: usize, _: &Cancel| joining.part(part);
    let threads = if n_terms <= SMALL { 0 } else { threads };
    for part in parallel::run(Joining::PARTS, threads, worker, || cancel.check())? {
        match part {
            Part::Terms(terms) => joined.vocabulary = Arc::new(Vocabulary::from(terms)),
            Part::Documents(documents) => joined.documents = documents,
            Part::Totals(totals) => joined.totals = totals,
        }
    }
    Ok((joined, numbers.into_iter().map(Some).collect()))
}

/// Adds to a sum, or makes it the sum of the next term.
#[inline(always)]
fn add(sums: &mut Vec<u64>, number: u32, count: u64) {
    match sums.get_mut(number as usize - 1) {
        Some(sum) => *sum += count,
        None => sums.push(count),
    }
}

/// What is joined by one thread.
enum Part {
    Terms(Terms),
    Documents(Vec<u64>),
    Totals(Vec<u64>),
}

/// Counters whose terms have been given joined numbers.
struct Joining<'a> {
    counters: &'a [(Terms, Frequencies)],
    chunks: &'a [(usize, Range<u32>)],
    numbers: &'a [Vec<u32>],
    n_terms: usize,
    cancel: &'a Cancel,
}

impl Joining<'_> {
    /// How many parts there are.
    const PARTS: usize = 3;

    fn part(&self, part: usize) -> Result<Part> {
        Ok(match part {
            0 => Part::Terms(self.terms()?),
            1 => Part::Documents(self.sums(Frequencies::documents)?),
            _ => Part::Totals(self.sums(Frequencies::total)?),
        })
    }

    fn terms(&self) -> Result<Terms> {
        let mut joined = Terms::unset(self.n_terms)?;
        let mut last = 0;
        for (counter, new) in self.chunks {
            self.cancel.check()?;
            let terms = &self.counters[*counter].0;
            let numbers = &self.numbers[*counter][new.start as usize..new.end as usize];
            for (own, &number) in new.clone().zip(numbers) {
                // Setting short ones again costs less than a branch that cannot be foreseen.
                if terms.is_short(own) || number > last {
                    joined.set(number, terms, own)?;
                }
                last = last.max(number);
            }
        }
        Ok(joined)
    }

    /// The sum of what the counters have counted of each term.
    fn sums(&self, count: impl Fn(&Frequencies, u32) -> u64) -> Result<Vec<u64>> {
        let mut sums = Vec::new();
        reserve(&mut sums, self.n_terms)?;
        populate(&mut sums);
        sums.resize(self.n_terms, 0);
        for (counter, new) in self.chunks {
            self.cancel.check()?;
            let frequencies = &self.counters[*counter].1;
            let numbers = &self.numbers[*counter][new.start as usize..new.end as usize];
            for (own, &number) in new.clone().zip(numbers) {
                sums[number as usize - 1] += count(frequencies, own);
            }
        }
        Ok(sums)
    }
}
