//! Documents whose terms are looked up while the next documents are analysed.
//!
//! # Overview
//!
//! A [`Pipeline`] takes the terms of documents, and hands them to a [`Consumer`] when they have numbers. Whenever a batch
//! is full, all go on by one stage, and each stage has the processor fetch what the next one reads:
//!
//! ```text
//! batch 4    its terms come, slots are fetched
//! batch 3    slots are read, records are fetched
//! batch 2    records are compared: its terms have numbers
//! ```
//!
//! # Why
//!
//! With 170,000 terms, slots and records outgrow the second cache, and looking terms up was waiting for memory, though
//! the processor waits for dozens of places at once. What is fetched while texts are split, and rows are sorted, is
//! there when it is needed. That takes a twentieth to a sixth off the time of counting, the more the busier the memory is.
//!
//! Tried instead, and slower: buckets of one cache line with three records, of which one is waited for and not two, but
//! which make the table three times as large; and a small table of recent terms before the large one, which finds three
//! terms in four, but those that were in a cache anyway.

use super::counting::Terminology;
use super::{Lookup, Vocabulary};
use crate::analyzer::Scratch;
use crate::documents::Document;
use crate::error::{Result, reserve};
use crate::hashing::PREFETCHED;
use crate::kernel::Kernel;
use crate::parallel::Cancel;

/// Terms of a batch: what is fetched for them stays in the second cache until it is read.
const BATCH: usize = 512;

/// What becomes of terms that have numbers.
pub(super) trait Consumer {
    /// Where terms are looked up.
    fn vocabulary(&self) -> &Vocabulary;

    /// Gives terms their numbers, as far as they have any.
    fn settle(&mut self, kernel: &dyn Kernel, terms: &mut Lookup) -> Result<()>;

    /// Takes terms of the document at hand.
    fn take(&mut self, numbers: &[u32]) -> Result<()>;

    /// Ends the document at hand.
    fn end_document(&mut self, kernel: &dyn Kernel, cancel: &Cancel) -> Result<()>;
}

/// Terms, and where among them documents end.
#[derive(Debug, Default)]
struct Batch {
    terms: Lookup,
    document_ends: Vec<usize>,
}

/// Batches on their way, by stage.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    batches: [Batch; 3],
}

impl Pipeline {
    /// Analyses documents and hands their terms to a consumer.
    ///
    /// # Panics
    ///
    /// If a text is not ASCII and there are no tables.
    pub(super) fn run(
        &mut self,
        terminology: Terminology<'_>,
        documents: &[Document<'_>],
        scratch: &mut Scratch,
        consumer: &mut impl Consumer,
        cancel: &Cancel,
    ) -> Result<()> {
        let Terminology { analyzer, tables, kernel } = terminology;
        for (number, &document) in documents.iter().enumerate() {
            if let Some(coming) = documents.get(number + PREFETCHED) {
                coming.prefetch();
            }
            analyzer.analyze(document, tables, kernel, scratch, &mut |text, spans| {
                cancel.check()?;
                for spans in spans.chunks(BATCH) {
                    let terms = &mut self.batches[0].terms;
                    consumer.vocabulary().enter(text, spans, kernel, terms)?;
                    if terms.len() >= BATCH {
                        self.advance(consumer, kernel, cancel)?;
                    }
                }
                Ok(())
            })?;
            let Batch { terms, document_ends } = &mut self.batches[0];
            reserve(document_ends, 1)?;
            document_ends.push(terms.len());
        }
        for _ in 0..self.batches.len() {
            self.advance(consumer, kernel, cancel)?;
        }
        Ok(())
    }

    /// Moves all batches on by one stage.
    fn advance(
        &mut self,
        consumer: &mut impl Consumer,
        kernel: &dyn Kernel,
        cancel: &Cancel,
    ) -> Result<()> {
        let [_, waiting, last] = &mut self.batches;
        consumer.vocabulary().foresee(kernel, &mut waiting.terms)?;
        consumer.settle(kernel, &mut last.terms)?;
        let mut start = 0;
        for &end in &last.document_ends {
            consumer.take(&last.terms.numbers[start..end])?;
            consumer.end_document(kernel, cancel)?;
            start = end;
        }
        consumer.take(&last.terms.numbers[start..])?;
        last.terms.clear();
        last.document_ends.clear();
        self.batches.rotate_right(1);
        Ok(())
    }
}
