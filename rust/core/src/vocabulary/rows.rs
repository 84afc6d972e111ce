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
//!
//! # Why
//!
//! Terms are counted by number, not by column, though columns have to be sorted in the end: terms that were seen
//! first are the most frequent ones, so the counts that are asked for lie side by side, and only one column is looked up for
//! each term of a document.

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

/// The columns of the terms of a vocabulary.
#[derive(Debug)]
pub struct Columns {
    by_number: Vec<u32>,
    width: usize,
    /// Whether two terms have the same.
    are_shared: bool,
}

impl Columns {
    /// The columns of terms, by number: below 2^31, or [`NO_COLUMN`], as the first is. Two terms may share one.
    pub fn new(by_number: Vec<u32>) -> Result<Self> {
        let columns = || by_number.iter().copied().filter(|&column| column != NO_COLUMN);
        let width = columns().max().map_or(0, |last| last as usize + 1);
        let mut is_taken = Vec::new();
        reserve(&mut is_taken, width)?;
        is_taken.resize(width, false);
        let mut are_shared = false;
        for column in columns() {
            are_shared |= std::mem::replace(&mut is_taken[column as usize], true);
        }
        Ok(Self { by_number, width, are_shared })
    }

    /// One more than the last.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// By number of a term.
    #[must_use]
    pub fn by_number(&self) -> &[u32] {
        &self.by_number
    }
}

/// What a thread uses again for each document. Buffers go with one vocabulary.
#[derive(Debug, Default)]
pub struct Buffers {
    scratch: Scratch,
    lookup: Lookup,
    /// Without places before there is enough text.
    tally: Tally,
    keys: Keys,
}

/// Documents of less than one byte for so many terms are counted without a tally. To make one takes 14 µs with
/// 170,000 terms, three times as long as to vectorize a short document.
const TERMS_PER_BYTE: usize = 64;

/// Counts, in each document, the terms that `vocabulary` has, and appends the counts to `found`. `columns` are those of
/// its terms.
///
/// # Panics
///
/// If a text is not ASCII and there are no tables.
pub fn look_up(
    terminology: Terminology<'_>,
    vocabulary: &Vocabulary,
    columns: &Columns,
    documents: &[Document<'_>],
    buffers: &mut Buffers,
    found: &mut Counts,
    cancel: &Cancel,
) -> Result<()> {
    let Terminology { analyzer, tables, kernel } = terminology;
    let bytes: usize = documents.iter().map(Document::size).sum();
    if bytes.saturating_mul(TERMS_PER_BYTE) < vocabulary.terms().len() {
        return look_up_little(terminology, vocabulary, columns, documents, buffers, found, cancel);
    }
    let Buffers { scratch, lookup, tally, keys } = buffers;
    tally.resize(vocabulary.terms().len())?;
    reserve(&mut found.row_ends, documents.len())?;
    for &document in documents {
        tally.clear();
        analyzer.analyze(document, tables, kernel, scratch, &mut |text, spans| {
            cancel.check()?;
            vocabulary.find(text, spans, kernel, lookup)?;
            // What is not known has the number 0, and so a place beyond the last.
            tally.meet(lookup.numbers.iter().map(|&number| number.wrapping_sub(1)))
        })?;
        let start = found.columns.len();
        sort_by_column(tally.close()?, columns, keys, found, kernel, cancel)?;
        if columns.are_shared {
            add_same(found, start)?;
        }
        found.row_ends.push(found.columns.len());
    }
    Ok(())
}

/// [`look_up`] of so little text that the columns of all tokens are sorted.
fn look_up_little(
    terminology: Terminology<'_>,
    vocabulary: &Vocabulary,
    columns: &Columns,
    documents: &[Document<'_>],
    buffers: &mut Buffers,
    found: &mut Counts,
    cancel: &Cancel,
) -> Result<()> {
    let Terminology { analyzer, tables, kernel } = terminology;
    let Buffers { scratch, lookup, keys: Keys { narrow, narrow_spare, .. }, .. } = buffers;
    reserve(&mut found.row_ends, documents.len())?;
    for &document in documents {
        narrow.clear();
        analyzer.analyze(document, tables, kernel, scratch, &mut |text, spans| {
            cancel.check()?;
            vocabulary.find(text, spans, kernel, lookup)?;
            let columns = lookup.numbers.iter().map(|&number| columns.by_number[number as usize]);
            reserve(narrow, columns.len())?;
            narrow.extend(columns.filter(|&column| column != NO_COLUMN));
            Ok(())
        })?;
        kernel.sort(narrow, narrow_spare, &|| cancel.check())?;
        reserve(&mut found.columns, narrow.len())?;
        reserve(&mut found.sums, narrow.len())?;
        for run in narrow.chunk_by(|a, b| a == b) {
            found.columns.push(run[0]);
            // There is less text than there are terms, and of these less than 2^31.
            found.sums.push(run.len() as i32);
        }
        found.row_ends.push(found.columns.len());
    }
    Ok(())
}

/// Appends the counts of terms to `found`, in ascending order of their columns. The place of a term is one less than its
/// number.
fn sort_by_column(
    (places, counts): (&[u32], &[u32]),
    columns: &Columns,
    keys: &mut Keys,
    found: &mut Counts,
    kernel: &dyn Kernel,
    cancel: &Cancel,
) -> Result<()> {
    reserve(&mut found.columns, places.len())?;
    reserve(&mut found.sums, places.len())?;
    let by_place = columns.by_number.get(1..).unwrap_or_default();
    let entries = || places.iter().map(|&place| by_place[place as usize]).zip(counts);
    let Keys { narrow, narrow_spare, wide, wide_spare } = keys;
    let largest = counts.iter().fold(0, |largest, &count| largest.max(count));
    if columns.width < WIDE && u8::try_from(largest).is_ok() {
        narrow.clear();
        reserve(narrow, places.len())?;
        narrow.extend(entries().map(|(column, &count)| column << 8 | count));
        kernel.sort(narrow, narrow_spare, &|| cancel.check())?;
        // Those without a column are behind all others.
        let kept = &narrow[..narrow.partition_point(|&key| key < NO_COLUMN << 8)];
        found.columns.extend(kept.iter().map(|&key| key >> 8));
        found.sums.extend(kept.iter().map(|&key| (key & 0xff).cast_signed()));
        return Ok(());
    }
    wide.clear();
    reserve(wide, places.len())?;
    let kept = entries().filter(|&(column, _)| column != NO_COLUMN);
    wide.extend(kept.map(|(column, &count)| u64::from(column) << 32 | u64::from(count)));
    if columns.are_shared {
        wide.sort_unstable();
    } else {
        kernel.sort_pairs(wide, wide_spare, &|| cancel.check())?;
    }
    found.columns.extend(wide.iter().map(|&key| (key >> 32) as u32));
    found.sums.extend(wide.iter().map(|&key| (key as u32).cast_signed()));
    Ok(())
}

/// Makes one entry of those with the same column, from `start` on, where columns ascend.
fn add_same(found: &mut Counts, start: usize) -> Result<()> {
    let Counts { columns, sums, .. } = found;
    let mut end = start;
    for i in start..columns.len() {
        if end > start && columns[end - 1] == columns[i] {
            let all = i64::from(sums[end - 1]) + i64::from(sums[i]);
            sums[end - 1] =
                i32::try_from(all).map_err(|_| Error::CountOverflow { count: all as usize })?;
        } else {
            (columns[end], sums[end]) = (columns[i], sums[i]);
            end += 1;
        }
    }
    columns.truncate(end);
    sums.truncate(end);
    Ok(())
}
