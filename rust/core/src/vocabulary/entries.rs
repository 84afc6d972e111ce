//! What documents hold, from when it is counted until it is written into a matrix.
//!
//! # Overview
//!
//! [`Entries`] are the terms and counts of a chunk of documents, in five bytes each: the number of the term, and the
//! count if it is small, as nearly all are.
//!
//! # Why
//!
//! The entries of all documents wait until the last document has been read, and are freed one chunk after the
//! other while the matrix is written. So they are in [mapped memory](crate::memory), unless there are few: to map and
//! unmap a page takes longer than to count a short document.

use crate::error::{Result, reserve};
use crate::hashing::Counts;
use crate::memory::Array;

/// Counts from here on have a place of their own.
const MANY: u8 = u8::MAX;

/// Terms and counts of documents, for each document in ascending order of the numbers of its terms.
#[derive(Debug, Default)]
pub struct Entries {
    row_ends: Vec<usize>,
    /// First all numbers, then all counts.
    memory: Array<1>,
    length: usize,
    /// The counts that are not small, in order.
    large: Vec<u32>,
}

impl Entries {
    /// Packs rows of numbers and counts, which are taken out.
    pub fn new(rows: &mut Counts) -> Result<Self> {
        let length = rows.columns.len();
        let mut memory = Array::zeroed(length * (size_of::<u32>() + 1))?;
        let bytes = memory.as_mut_slice().as_flattened_mut();
        let (numbers, counts) = bytes.split_at_mut(length * size_of::<u32>());
        for (place, number) in numbers.as_chunks_mut().0.iter_mut().zip(&rows.columns) {
            *place = number.to_ne_bytes();
        }
        let mut large = Vec::new();
        for (place, &count) in counts.iter_mut().zip(&rows.sums) {
            *place = count.min(MANY.into()) as u8;
        }
        if counts.contains(&MANY) {
            let all = rows.sums.iter().map(|count| count.cast_unsigned());
            let many = all.filter(|&count| count >= MANY.into());
            reserve(&mut large, many.clone().count())?;
            large.extend(many);
        }
        let row_ends = std::mem::take(&mut rows.row_ends);
        rows.clear();
        Ok(Self { row_ends, memory, length, large })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many there are up to the end of each document.
    #[must_use]
    pub fn row_ends(&self) -> &[usize] {
        &self.row_ends
    }

    /// The numbers of the terms.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.parts().0.iter().map(|&number| u32::from_ne_bytes(number))
    }

    /// The entries of each document.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let (numbers, counts) = self.parts();
        let mut start = 0;
        let mut large = self.large.as_slice();
        self.row_ends.iter().map(move |&end| {
            let (numbers, counts) = (&numbers[start..end], &counts[start..end]);
            start = end;
            let n_large = counts.iter().map(|&count| usize::from(count == MANY)).sum();
            let own_large;
            (own_large, large) = large.split_at(n_large);
            Row { numbers, counts, large: own_large }
        })
    }

    fn parts(&self) -> (&[[u8; 4]], &[u8]) {
        let memory = self.memory.as_slice().as_flattened();
        let (numbers, counts) = memory.split_at(self.length * size_of::<u32>());
        (numbers.as_chunks().0, &counts[..self.length])
    }
}

/// The entries of one document.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    numbers: &'a [[u8; 4]],
    counts: &'a [u8],
    large: &'a [u32],
}

impl Row<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The number of each term and its count, if all counts are small.
    #[must_use]
    pub fn small(&self) -> Option<impl ExactSizeIterator<Item = (u32, u8)>> {
        let numbers = self.numbers.iter().map(|&number| u32::from_ne_bytes(number));
        self.large.is_empty().then(|| numbers.zip(self.counts.iter().copied()))
    }

    /// The number of each term, and its count.
    #[expect(clippy::missing_panics_doc, reason = "as many counts are large as say so")]
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        let mut large = self.large.iter();
        self.numbers.iter().zip(self.counts).map(move |(&number, &count)| {
            let count = match count {
                MANY => *large.next().expect("each large count has a place"),
                count => count.into(),
            };
            (u32::from_ne_bytes(number), count)
        })
    }
}
