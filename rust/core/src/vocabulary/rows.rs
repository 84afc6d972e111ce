//! From counted documents to rows of a matrix.
//!
//! # Overview
//!
//! [`FirstSight`] is a chunk of documents counted by [`counting`](super::counting), on its way into a matrix:
//! its terms are given their joined numbers, sorted by these unless they are those of the counter, and then their columns.
//! So the entries of a row are in order of first sight of their terms in the corpus, not of their columns,
//! as `fit_transform` of scikit-learn has them.
//!
//! [`look_up`] counts, in each document, the terms that a vocabulary has. The columns of a row ascend then.
//!
//! # Why
//!
//! Terms of a document are counted by sorting them, the columns of all its tokens when they are looked up. To count them
//! in a table first, with a place for each term, and to sort what was found took a sixth longer, and needed another way
//! for short documents, for which such a table is too dear.

use super::counting::Terminology;
use super::entries::Entries;
use super::pipeline::{Consumer, Pipeline};
use super::{Lookup, Vocabulary};
use crate::analyzer::Scratch;
use crate::csr::{Arrays, Index, Rows, Value};
use crate::documents::Document;
use crate::error::{Result, reserve};
use crate::hashing::{Counts, append_row};
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
            let kept = if self.numbers.is_none() {
                // Sorted already.
                let entries = row.iter().map(|(number, count)| (number, count.cast_signed()));
                self.place(entries, value, indices, data)
            } else if let Some(row) = row.small().filter(|_| self.columns.len() <= WIDE) {
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
}

impl Columns {
    /// The columns of terms, by number: below 2^31, or [`NO_COLUMN`], as the first is. Two terms may share one.
    #[must_use]
    pub fn new(by_number: Vec<u32>) -> Self {
        let columns = by_number.iter().copied().filter(|&column| column != NO_COLUMN);
        let width = columns.max().map_or(0, |last| last as usize + 1);
        Self { by_number, width }
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

/// What a thread uses again for each document.
#[derive(Debug, Default)]
pub struct Buffers {
    scratch: Scratch,
    pipeline: Pipeline,
    keys: Vec<u32>,
    spare: Vec<u32>,
}

/// Counts, in each document, the terms that `vocabulary` has, and appends the counts to `found`. `columns` are those of
/// its terms.
///
/// After an error the buffers are good for nothing.
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
    let Buffers { scratch, pipeline, keys, spare } = buffers;
    let columns = columns.by_number.as_slice();
    let mut search = Search { vocabulary, columns, keys, spare, found };
    pipeline.run(terminology, documents, scratch, &mut search, cancel)
}

/// Documents whose terms are looked up.
struct Search<'a> {
    vocabulary: &'a Vocabulary,
    columns: &'a [u32],
    /// The columns of the document at hand, as keys that [`append_row`] counts.
    keys: &'a mut Vec<u32>,
    spare: &'a mut Vec<u32>,
    found: &'a mut Counts,
}

impl Consumer for Search<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        self.vocabulary
    }

    fn settle(&mut self, terms: &mut Lookup) -> Result<()> {
        self.vocabulary.settle_known(terms)
    }

    fn take(&mut self, numbers: &[u32]) -> Result<()> {
        let mut length = self.keys.len();
        reserve(self.keys, numbers.len())?;
        self.keys.resize(length + numbers.len(), 0);
        for &number in numbers {
            let column = self.columns[number as usize];
            // No branch: which terms are known cannot be foreseen.
            self.keys[length] = column << 1;
            length += usize::from(column != NO_COLUMN);
        }
        self.keys.truncate(length);
        Ok(())
    }

    fn end_document(&mut self, kernel: &dyn Kernel, cancel: &Cancel) -> Result<()> {
        append_row(self.keys, self.spare, kernel, self.found, cancel)?;
        self.keys.clear();
        Ok(())
    }
}
