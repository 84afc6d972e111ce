//! From counted documents to rows of a matrix.
//!
//! # Overview
//!
//! [`FirstSight`] is a chunk of documents counted by [`counting`](super::counting), on its way into a matrix:
//! its terms are given their joined numbers, sorted by these, and then their columns.
//! So the entries of a row are in order of first sight of their terms in the corpus, not of their columns,
//! as `fit_transform` of scikit-learn has them.
//!
//! [`look_up`] counts, in each document, the terms that a vocabulary has. The columns of a row ascend then.

use super::counting::Terminology;
use super::entries::Entries;
use super::tally::Tally;
use super::{Lookup, Vocabulary};
use crate::analyzer::Scratch;
use crate::csr::{Arrays, Index, Rows, Value};
use crate::documents::Document;
use crate::error::{Error, Result, reserve};
use crate::hashing::Counts;
use crate::kernel::Kernel;
use crate::parallel::Cancel;

/// In the place of a column: the term has none.
pub const NO_COLUMN: u32 = u32::MAX;

/// A chunk of counted documents.
pub struct FirstSight<'a> {
    entries: Entries,
    /// The joined number of each of the counter's terms, if it is another.
    numbers: Option<&'a [u32]>,
    /// The column of each term, by its joined number; below 2^31, or [`NO_COLUMN`].
    columns: &'a [u32],
    kernel: &'a dyn Kernel,
    /// How many entries have a column.
    kept: usize,
}

impl<'a> FirstSight<'a> {
    /// A chunk whose terms go to these columns; `kept` of its entries have one.
    #[must_use]
    pub fn new(
        entries: Entries,
        numbers: Option<&'a [u32]>,
        columns: &'a [u32],
        kept: usize,
        kernel: &'a dyn Kernel,
    ) -> Self {
        Self { entries, numbers, columns, kernel, kept }
    }
}

/// The joined number of a term that a counter has given `number`.
#[inline(always)]
fn joined(numbers: Option<&[u32]>, number: u32) -> u32 {
    numbers.map_or(number, |numbers| numbers[number as usize])
}

/// How many entries have a column; `numbers` and `columns` are as in [`FirstSight::new`].
#[must_use]
pub fn count_kept(entries: &Entries, numbers: Option<&[u32]>, columns: &[u32]) -> usize {
    let has_column = |&number: &u32| columns[joined(numbers, number) as usize] != NO_COLUMN;
    entries.numbers().filter(has_column).count()
}

/// A number and a count in one key, and room for sorting.
#[derive(Debug, Default)]
pub struct Keys {
    /// The count in the lowest byte.
    narrow: Vec<u32>,
    narrow_spare: Vec<u32>,
    /// The count in the lower half.
    wide: Vec<u64>,
    wide_spare: Vec<u64>,
}

/// From this number on, a count of 8 bits does not fit beside a number in 32 bits.
const WIDE: usize = 1 << 24;

impl Rows for FirstSight<'_> {
    type Scratch = Keys;

    fn shape(&self) -> (usize, usize) {
        (self.entries.row_ends().len(), self.kept)
    }

    fn write<V: Value, I: Index>(
        &self,
        value: &impl Fn(i32) -> V,
        arrays: &mut Arrays<'_, V, I>,
        scratch: &mut Keys,
        cancel: &Cancel,
    ) -> Result<()> {
        let Keys { narrow, narrow_spare, wide, wide_spare } = scratch;
        let (mut indices, mut data) = (&mut *arrays.indices, &mut *arrays.data);
        let mut end = 0;
        for (row, row_end) in self.entries.rows().zip(&mut *arrays.row_ends) {
            let kept = if let Some(row) = row.small().filter(|_| self.columns.len() <= WIDE) {
                narrow.clear();
                reserve(narrow, row.len())?;
                narrow.extend(
                    row.map(|(number, count)| joined(self.numbers, number) << 8 | u32::from(count)),
                );
                self.kernel.sort(narrow, narrow_spare, &|| cancel.check())?;
                let split = |key: u32| (key >> 8, (key & 0xff).cast_signed());
                self.place(narrow.iter().map(|&key| split(key)), value, indices, data)
            } else {
                wide.clear();
                reserve(wide, row.len())?;
                wide.extend(row.iter().map(|(number, count)| {
                    u64::from(joined(self.numbers, number)) << 32 | u64::from(count)
                }));
                self.kernel.sort_pairs(wide, wide_spare, &|| cancel.check())?;
                let split = |key: u64| ((key >> 32) as u32, (key as u32).cast_signed());
                self.place(wide.iter().map(|&key| split(key)), value, indices, data)
            };
            (indices, data) = (&mut indices[kept..], &mut data[kept..]);
            end += kept;
            *row_end = I::from_usize(end);
        }
        Ok(())
    }
}

impl FirstSight<'_> {
    /// Writes the entries that have a column, and returns how many these are.
    #[inline(always)]
    fn place<V: Value, I: Index>(
        &self,
        entries: impl ExactSizeIterator<Item = (u32, i32)>,
        value: &impl Fn(i32) -> V,
        indices: &mut [I],
        data: &mut [V],
    ) -> usize {
        let length = entries.len();
        let columns = entries.map(|(number, count)| (self.columns[number as usize], count));
        if self.kept == self.entries.len() {
            for ((index, datum), (column, count)) in indices.iter_mut().zip(data).zip(columns) {
                *index = I::from_usize(column as usize);
                *datum = value(count);
            }
            return length;
        }
        let mut place = 0;
        for (column, count) in columns.filter(|&(column, _)| column != NO_COLUMN) {
            indices[place] = I::from_usize(column as usize);
            data[place] = value(count);
            place += 1;
        }
        place
    }
}

/// What a thread uses again for each document.
#[derive(Debug)]
pub struct Buffers {
    scratch: Scratch,
    lookup: Lookup,
    n_columns: usize,
    /// Without places before there is enough text.
    tally: Tally,
    /// The column of each token of a document.
    listed: Vec<u32>,
    spare: Vec<u32>,
}

/// Documents of less than one byte for so many columns are counted without a tally. To make one takes 14 µs with
/// 170,000 columns, three times as long as to vectorize a short document.
const COLUMNS_PER_BYTE: usize = 64;

impl Buffers {
    /// Buffers for a matrix of so many columns.
    #[must_use]
    pub fn new(n_columns: usize) -> Self {
        Self {
            scratch: Scratch::default(),
            lookup: Lookup::default(),
            n_columns,
            tally: Tally::default(),
            listed: Vec::new(),
            spare: Vec::new(),
        }
    }
}

/// Counts, in each document, the terms that `vocabulary` has. `columns` are those of its terms, by number: one that
/// there are `buffers` for, or [`NO_COLUMN`]. Two terms may share one.
///
/// # Panics
///
/// If a text is not ASCII and there are no tables.
pub fn look_up(
    terminology: Terminology<'_>,
    vocabulary: &Vocabulary,
    columns: &[u32],
    documents: &[Document<'_>],
    buffers: &mut Buffers,
    cancel: &Cancel,
) -> Result<Counts> {
    let Terminology { analyzer, tables, kernel } = terminology;
    let Buffers { scratch, lookup, n_columns, tally, listed, spare } = buffers;
    let bytes: usize = documents.iter().map(Document::size).sum();
    let is_little = bytes.saturating_mul(COLUMNS_PER_BYTE) < *n_columns;
    if !is_little {
        tally.resize(*n_columns)?;
    }
    let mut found = Counts::default();
    reserve(&mut found.row_ends, documents.len())?;
    for &document in documents {
        listed.clear();
        tally.clear();
        analyzer.analyze(document, tables, kernel, scratch, &mut |text, spans| {
            cancel.check()?;
            vocabulary.find(text, spans, kernel, lookup)?;
            let columns = lookup.numbers.iter().map(|&number| columns[number as usize]);
            if !is_little {
                return tally.meet(columns);
            }
            reserve(listed, columns.len())?;
            listed.extend(columns.filter(|&column| column != NO_COLUMN));
            Ok(())
        })?;
        if is_little {
            kernel.sort(listed, spare, &|| cancel.check())?;
            count_runs(listed, &mut found)?;
        } else {
            // Fewer columns are left to sort than there were tokens, by half in prose.
            kernel.sort(tally.met(), spare, &|| cancel.check())?;
            let (met, counts) = tally.close()?;
            reserve(&mut found.columns, met.len())?;
            reserve(&mut found.sums, met.len())?;
            found.columns.extend_from_slice(met);
            found.sums.extend(counts.iter().map(|count| count.cast_signed()));
        }
        found.row_ends.push(found.columns.len());
    }
    Ok(found)
}

/// Appends each of the sorted columns once, and how often it is there.
fn count_runs(sorted: &[u32], found: &mut Counts) -> Result<()> {
    reserve(&mut found.columns, sorted.len())?;
    reserve(&mut found.sums, sorted.len())?;
    for run in sorted.chunk_by(|a, b| a == b) {
        let overflow = |_| Error::CountOverflow { count: run.len() };
        found.columns.push(run[0]);
        found.sums.push(i32::try_from(run.len()).map_err(overflow)?);
    }
    Ok(())
}
