//! Terms and how often they were met.

use std::cmp::Reverse;
use std::sync::Arc;

use super::Vocabulary;
use crate::error::{Result, reserve};

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

/// Adds to a sum, or makes it the sum of the next term.
#[inline(always)]
fn add(sums: &mut Vec<u64>, number: u32, count: u64) {
    match sums.get_mut(number as usize - 1) {
        Some(sum) => *sum += count,
        None => sums.push(count),
    }
}
