//! From counted documents to rows of a matrix.
//!
//! # Overview
//!
//! [`FirstSight`] makes rows of documents counted by [`counting`](super::counting): their terms are given the joined
//! numbers, sorted by these unless they are those of the counter, and then their columns.
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
use super::entries::{Entries, Row};
use super::pipeline::{Consumer, Pipeline};
use super::{Lookup, Vocabulary};
use crate::analyzer::Scratch;
use crate::documents::Document;
use crate::error::{Result, reserve};
use crate::hashing::{Counts, append_row};
use crate::kernel::Kernel;
use crate::parallel::Cancel;

/// In the place of a column: the term has none.
pub const NO_COLUMN: u32 = u32::MAX;

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

/// Where the terms of a counter go.
#[derive(Clone, Copy)]
pub struct FirstSight<'a> {
    /// The joined number of each of the counter's terms, if it is another.
    pub numbers: Option<&'a [u32]>,
    /// The column of each term, by its joined number; below 2^31, or [`NO_COLUMN`].
    pub columns: &'a [u32],
    /// The hot loops.
    pub kernel: &'a dyn Kernel,
}

impl FirstSight<'_> {
    /// Appends those entries of counted documents to `rows` that have a column.
    pub fn append(
        self,
        entries: Entries<'_>,
        keys: &mut Keys,
        rows: &mut Counts,
        cancel: &Cancel,
    ) -> Result<()> {
        reserve(&mut rows.row_ends, entries.n_documents())?;
        reserve(&mut rows.columns, entries.len())?;
        reserve(&mut rows.sums, entries.len())?;
        let (first_row, start) = (rows.row_ends.len(), rows.columns.len());
        let column = |number: u32| self.columns[number as usize];
        if let Some(numbers) = self.numbers {
            let joined = |number: u32| numbers[number as usize];
            for row in entries.rows() {
                self.append_sorted(row, joined, keys, rows, cancel)?;
            }
        } else {
            // A counter sorts by its own numbers.
            rows.columns.extend(entries.numbers().map(column));
            entries.append_counts(&mut rows.sums);
        }
        rows.row_ends.extend(entries.row_ends().iter().map(|end| start + end));
        if rows.columns[start..].contains(&NO_COLUMN) {
            leave_out(rows, first_row, start);
        }
        Ok(())
    }

    /// Appends the entries of a row, for which there is room, sorted by the joined numbers of their terms.
    fn append_sorted(
        self,
        row: Row<'_>,
        joined: impl Fn(u32) -> u32,
        keys: &mut Keys,
        rows: &mut Counts,
        cancel: &Cancel,
    ) -> Result<()> {
        let column = |number: u32| self.columns[number as usize];
        let Keys { narrow, narrow_spare, wide, wide_spare } = keys;
        if let Some(row) = row.small().filter(|_| self.columns.len() <= WIDE) {
            narrow.clear();
            reserve(narrow, row.len())?;
            narrow.extend(row.map(|(number, count)| joined(number) << 8 | u32::from(count)));
            self.kernel.sort(narrow, narrow_spare, &|| cancel.check())?;
            rows.columns.extend(narrow.iter().map(|key| column(key >> 8)));
            rows.sums.extend(narrow.iter().map(|key| (key & 0xff).cast_signed()));
        } else {
            wide.clear();
            reserve(wide, row.len())?;
            wide.extend(
                row.iter()
                    .map(|(number, count)| u64::from(joined(number)) << 32 | u64::from(count)),
            );
            self.kernel.sort_pairs(wide, wide_spare, &|| cancel.check())?;
            rows.columns.extend(wide.iter().map(|key| column((key >> 32) as u32)));
            rows.sums.extend(wide.iter().map(|&key| (key as u32).cast_signed()));
        }
        Ok(())
    }
}

/// Leaves out the entries without a column of the rows from `first_row` on, whose entries start at `start`.
fn leave_out(rows: &mut Counts, first_row: usize, start: usize) {
    let Counts { row_ends, columns, sums } = rows;
    let (mut place, mut end) = (start, start);
    for row_end in &mut row_ends[first_row..] {
        for place in place..*row_end {
            // No branch: which terms are left out cannot be foreseen.
            (columns[end], sums[end]) = (columns[place], sums[place]);
            end += usize::from(columns[place] != NO_COLUMN);
        }
        place = *row_end;
        *row_end = end;
    }
    columns.truncate(end);
    sums.truncate(end);
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

    fn settle(&mut self, kernel: &dyn Kernel, terms: &mut Lookup) -> Result<()> {
        self.vocabulary.settle_known(kernel, terms)
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
