//! What documents hold, from when it is counted until it is written into a matrix.
//!
//! # Overview
//!
//! A [`Store`] holds the terms and counts of chunks of documents, in five bytes each: the number of the term, and the
//! count if it is small, as nearly all are. A chunk is [`Packed`] into the last of its blocks, and read as [`Entries`]:
//!
//! ```text
//! block 1   numbers of chunk 1 | counts | numbers of chunk 2 | counts | ...
//! block 2   numbers of chunk 9 | counts | ...
//! ```
//!
//! # Why
//!
//! The entries of all documents wait until the last document has been read, and are freed block by block while the
//! matrix is written. So they are in [mapped memory](crate::memory), unless there are few: an allocator would keep the
//! holes. To map and unmap memory for each chunk took a third of the time of writing rows with two threads, which wait for
//! each other there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::error::{Result, reserve};
use crate::hashing::Counts;
use crate::memory::Array;

/// Counts from here on have a place of their own.
const MANY: u8 = u8::MAX;
/// Each block is twice as large as the last one up to this, or as large as a chunk.
const BLOCK_BYTES: usize = 1 << 20;

/// Entries that wait.
#[derive(Debug, Default)]
pub struct Store(Vec<Block>);

#[derive(Debug, Default)]
struct Block {
    memory: RwLock<Array<1>>,
    used: usize,
    /// The chunks that have not been released.
    waiting: AtomicUsize,
}

/// Where the entries of a chunk are in a store.
#[derive(Debug, Default)]
pub struct Packed {
    row_ends: Vec<usize>,
    block: usize,
    start: usize,
    length: usize,
    /// The counts that are not small, in order.
    large: Vec<u32>,
}

impl Packed {
    /// How many entries there are.
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
}

impl Store {
    /// Packs rows of numbers and counts, which are taken out.
    pub fn pack(&mut self, rows: &mut Counts) -> Result<Packed> {
        let length = rows.columns.len();
        let (block, start, memory) = self.room(length * (size_of::<u32>() + 1))?;
        let (numbers, counts) = memory.split_at_mut(length * size_of::<u32>());
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
        Ok(Packed { row_ends, block, start, length, large })
    }

    /// Returns room for a chunk of so many bytes: its block, where it starts there, and the bytes.
    fn room(&mut self, bytes: usize) -> Result<(usize, usize, &mut [u8])> {
        let size = |block: &mut Block| unpoisoned(block.memory.get_mut()).capacity();
        let last = self.0.last_mut().map_or(0, size);
        if self.0.last().is_none_or(|block| last < block.used + bytes) {
            reserve(&mut self.0, 1)?;
            let memory = Array::with_capacity(bytes.max(BLOCK_BYTES.min(2 * last)))?;
            self.0.push(Block { memory: RwLock::new(memory), ..Block::default() });
        }
        let place = self.0.len() - 1;
        let Block { memory, used, waiting } = &mut self.0[place];
        let memory = unpoisoned(memory.get_mut());
        memory.resize(*used + bytes)?;
        let start = std::mem::replace(used, *used + bytes);
        *waiting.get_mut() += 1;
        Ok((place, start, &mut memory.as_mut_slice().as_flattened_mut()[start..]))
    }

    /// Calls `read` with the entries of a chunk.
    pub fn read<T>(&self, packed: &Packed, read: impl FnOnce(Entries<'_>) -> T) -> T {
        let memory = unpoisoned(self.0[packed.block].memory.read());
        let bytes = &memory.as_slice().as_flattened()[packed.start..];
        let Packed { row_ends, large, length, .. } = packed;
        let (numbers, counts) = bytes.split_at(length * size_of::<u32>());
        read(Entries {
            row_ends,
            numbers: numbers.as_chunks().0,
            counts: &counts[..*length],
            large,
        })
    }

    /// Gives the memory of a chunk back, as soon as all of its block is.
    pub fn release(&self, packed: Packed) {
        let block = &self.0[packed.block];
        drop(packed);
        if block.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            *unpoisoned(block.memory.write()) = Array::default();
        }
    }
}

fn unpoisoned<T>(result: std::result::Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// Terms and counts of documents, for each document in ascending order of the numbers of its terms.
#[derive(Debug, Clone, Copy)]
pub struct Entries<'s> {
    row_ends: &'s [usize],
    numbers: &'s [[u8; 4]],
    counts: &'s [u8],
    large: &'s [u32],
}

impl<'s> Entries<'s> {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.numbers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.numbers.is_empty()
    }

    /// How many documents there are.
    #[must_use]
    pub fn n_documents(self) -> usize {
        self.row_ends.len()
    }

    /// How many entries there are up to the end of each document.
    #[must_use]
    pub fn row_ends(self) -> &'s [usize] {
        self.row_ends
    }

    /// The numbers of the terms.
    #[must_use]
    pub fn numbers(self) -> impl ExactSizeIterator<Item = u32> + 's {
        self.numbers.iter().map(|&number| u32::from_ne_bytes(number))
    }

    /// Appends the counts to `sums`, where there is room for them.
    pub fn append_counts(self, sums: &mut Vec<i32>) {
        let start = sums.len();
        sums.extend(self.counts.iter().map(|&count| i32::from(count)));
        if !self.large.is_empty() {
            let places = sums[start..].iter_mut().filter(|sum| **sum == MANY.into());
            for (place, large) in places.zip(self.large) {
                *place = large.cast_signed();
            }
        }
    }

    /// Those of all documents, as if they were one.
    #[must_use]
    pub fn as_one_row(self) -> Row<'s> {
        let Self { numbers, counts, large, .. } = self;
        Row { numbers, counts, large }
    }

    /// The entries of each document.
    pub fn rows(self) -> impl Iterator<Item = Row<'s>> {
        let Self { row_ends, numbers, counts, mut large } = self;
        let mut start = 0;
        row_ends.iter().map(move |&end| {
            let (numbers, counts) = (&numbers[start..end], &counts[start..end]);
            start = end;
            let n_large = counts.iter().map(|&count| usize::from(count == MANY)).sum();
            let own_large;
            (own_large, large) = large.split_at(n_large);
            Row { numbers, counts, large: own_large }
        })
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
