//! Joining what several counters have counted.
//!
//! # Overview
//!
//! [`join`] adds up the entries that each counter has kept, gives its terms the numbers that they have in all documents
//! (`numbering`), and adds up how often they were met. Terms, documents and totals are written side by side.

use std::sync::{Arc, Mutex, PoisonError};

use super::counting::{Chunk, Counter};
use super::entries::Store;
use super::frequencies::Frequencies;
use super::numbering::{SMALL, number_terms};
use super::term_counts::TermCounts;
use super::{Terms, Vocabulary};
use crate::error::{Result, reserve};
use crate::memory::populate;
use crate::parallel::{self, Cancel};

/// For each counter, the joined number of each of its terms; no list for a counter whose numbers are the joined
/// ones.
pub type Renumbering = Vec<Option<Vec<u32>>>;

/// What several counters have counted.
#[derive(Debug, Default)]
pub struct Joined {
    /// All terms.
    pub counts: TermCounts,
    /// The numbers that the terms of each counter have among them.
    pub renumbering: Renumbering,
    /// Where the entries of each counter are.
    pub stores: Vec<Store>,
}

/// What is left of a counter when all has been counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) vocabulary: Vocabulary,
    pub(super) frequencies: Frequencies,
    pub(super) store: Store,
}

/// Joins what counters have counted.
///
/// `chunks` are, in the order of the documents, which counter counted each and what it found there; a counter's own
/// come in the order in which it counted them.
pub fn join(
    counters: Vec<Counter>,
    chunks: &[(usize, Chunk)],
    threads: usize,
    cancel: &Cancel,
) -> Result<Joined> {
    let n_documents = counters.iter().map(Counter::n_documents).sum();
    let mut joined = Joined::default();
    joined.counts.n_documents = n_documents;
    reserve(&mut joined.renumbering, counters.len())?;
    reserve(&mut joined.stores, counters.len())?;
    let mut finished = finish(counters, chunks, threads, cancel)?;
    if let [Counted { vocabulary, frequencies, .. }] = finished.as_mut_slice() {
        let numbers = || vocabulary.terms().numbers();
        joined.counts.documents = listed(numbers().map(|number| frequencies.documents(number)))?;
        joined.counts.totals = listed(numbers().map(|number| frequencies.total(number)))?;
        joined.counts.vocabulary = Arc::new(std::mem::take(vocabulary));
        joined.renumbering.push(None);
        joined.stores.extend(finished.into_iter().map(|counted| counted.store));
        return Ok(joined);
    }
    let mut counted = Vec::new();
    reserve(&mut counted, finished.len())?;
    for Counted { vocabulary, frequencies, store } in finished {
        // The tables of the counters have done their work, and make room.
        counted.push((vocabulary.into_terms(), frequencies));
        joined.stores.push(store);
    }
    let (n_terms, numbers) = number_terms(&counted, chunks, threads, cancel)?;
    let joining = Joining { counted: &counted, chunks, numbers: &numbers, n_terms, cancel };
    let worker = || |part: usize, _: &Cancel| joining.part(part);
    let threads = if n_terms <= SMALL { 0 } else { threads };
    for part in parallel::run(Joining::PARTS, threads, worker, || cancel.check())? {
        match part {
            Part::Terms(terms) => joined.counts.vocabulary = Arc::new(Vocabulary::from(terms)),
            Part::Documents(documents) => joined.counts.documents = documents,
            Part::Totals(totals) => joined.counts.totals = totals,
        }
    }
    joined.renumbering.extend(numbers.into_iter().map(Some));
    Ok(joined)
}

/// Finishes all counters, side by side.
fn finish(
    counters: Vec<Counter>,
    chunks: &[(usize, Chunk)],
    threads: usize,
    cancel: &Cancel,
) -> Result<Vec<Counted>> {
    let mut waiting = Vec::new();
    reserve(&mut waiting, counters.len())?;
    waiting.extend(counters.into_iter().map(|counter| Mutex::new(Some(counter))));
    let worker = || {
        |place: usize, _: &Cancel| {
            let counter = waiting[place].lock().unwrap_or_else(PoisonError::into_inner).take();
            let own = chunks.iter().filter(|(counter, _)| *counter == place);
            counter.map_or(Ok(Counted::default()), |counter| {
                counter.finish(own.map(|(_, chunk)| chunk), cancel)
            })
        }
    };
    let entries: usize = chunks.iter().map(|(_, chunk)| chunk.entries.len()).sum();
    let threads = if waiting.len() == 1 || entries <= SMALL { 0 } else { threads };
    parallel::run(waiting.len(), threads, worker, || cancel.check())
}

/// A list of numbers.
fn listed(numbers: impl ExactSizeIterator<Item = u64>) -> Result<Vec<u64>> {
    let mut list = Vec::new();
    reserve(&mut list, numbers.len())?;
    populate(&mut list);
    list.extend(numbers);
    Ok(list)
}

/// What is joined by one thread.
enum Part {
    Terms(Terms),
    Documents(Vec<u64>),
    Totals(Vec<u64>),
}

/// Counters whose terms have been given joined numbers.
struct Joining<'a> {
    counted: &'a [(Terms, Frequencies)],
    chunks: &'a [(usize, Chunk)],
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
        for (counter, Chunk { new, .. }) in self.chunks {
            self.cancel.check()?;
            let terms = &self.counted[*counter].0;
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
        let mut sums = listed(std::iter::repeat_n(0, self.n_terms))?;
        for (counter, Chunk { new, .. }) in self.chunks {
            self.cancel.check()?;
            let frequencies = &self.counted[*counter].1;
            let numbers = &self.numbers[*counter][new.start as usize..new.end as usize];
            for (own, &number) in new.clone().zip(numbers) {
                sums[number as usize - 1] += count(frequencies, own);
            }
        }
        Ok(sums)
    }
}
