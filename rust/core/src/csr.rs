//! Assembling rows into the three arrays of a compressed sparse row (CSR) matrix.
//!
//! # Overview
//!
//! [`fill`] writes chunks of [`Counts`] into arrays that the caller has allocated, normalising each row
//! on the way. The arrays are cut at the chunks' borders first, so that threads write side by side.
//!
//! # Why
//!
//! The arrays belong to `NumPy`, which asks the system for huge pages; 4 KiB pages cost more to touch for
//! the first time than their contents to compute.
//!
//! The norm of a row follows scikit-learn's loop to the bit: a sum in double precision over the stored
//! order, each square rounded to the matrix' own precision first, and a division, not a
//! multiplication with the reciprocal.

use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::hashing::Counts;
use crate::parallel::{self, Cancel};

/// How rows are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// To a sum of absolute values of 1.
    L1,
    /// To a Euclidean length of 1.
    L2,
}

/// A type of stored values.
pub trait Value: Copy + Send {
    /// A count as a value.
    fn from_count(count: i32) -> Self;
    /// The absolute value.
    fn magnitude(self) -> f64;
    /// The square, as rounded to this type.
    fn square(self) -> f64;
    /// The quotient, as rounded to this type.
    #[must_use]
    fn divide(self, by: f64) -> Self;
}

impl Value for f64 {
    fn from_count(count: i32) -> Self {
        count.into()
    }
    fn magnitude(self) -> f64 {
        self.abs()
    }
    fn square(self) -> f64 {
        self * self
    }
    fn divide(self, by: f64) -> Self {
        self / by
    }
}

impl Value for f32 {
    fn from_count(count: i32) -> Self {
        // Adding ones in single precision gets no further than 2^24.
        const LIMIT: i32 = 1 << f32::MANTISSA_DIGITS;
        count.clamp(-LIMIT, LIMIT) as f32
    }
    fn magnitude(self) -> f64 {
        self.abs().into()
    }
    fn square(self) -> f64 {
        (self * self).into()
    }
    fn divide(self, by: f64) -> Self {
        (f64::from(self) / by) as f32
    }
}

/// An integer type of index arrays.
pub trait Index: Copy + Send {
    /// A place or column that is known to fit.
    fn from_usize(index: usize) -> Self;
}

impl Index for i32 {
    fn from_usize(index: usize) -> Self {
        index as i32
    }
}

impl Index for i64 {
    fn from_usize(index: usize) -> Self {
        index as i64
    }
}

/// What becomes of counts on their way into the matrix.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    /// Whether every stored value becomes 1.
    pub binary: bool,
    /// How rows are scaled then.
    pub norm: Option<Norm>,
}

impl Scaling {
    fn apply<V: Value>(self, row: &mut [V]) {
        if self.binary {
            row.fill(V::from_count(1));
        }
        let norm = match self.norm {
            None => return,
            Some(Norm::L1) => row.iter().fold(0.0, |sum, value| sum + value.magnitude()),
            Some(Norm::L2) => row.iter().fold(0.0, |sum, value| sum + value.square()).sqrt(),
        };
        if norm != 0.0 {
            for value in row {
                *value = value.divide(norm);
            }
        }
    }
}

/// The arrays of a matrix, or the parts of them that one chunk fills.
#[derive(Debug)]
pub struct Arrays<'a, V, I> {
    /// The stored values.
    pub data: &'a mut [V],
    /// Their columns.
    pub indices: &'a mut [I],
    /// The end of each row, so without the 0 that the whole array starts with.
    pub row_ends: &'a mut [I],
}

/// Number of rows and entries of chunks.
#[must_use]
pub fn shape(chunks: &[Counts]) -> (usize, usize) {
    chunks.iter().fold((0, 0), |(rows, entries), chunk| {
        (rows + chunk.row_ends.len(), entries + chunk.columns.len())
    })
}

/// Writes chunks into the arrays of one matrix, which must have exactly their [`shape`].
///
/// Each chunk is freed when it has been written. `proceed` is as in [`parallel::run`].
///
/// # Panics
///
/// If the arrays do not have the shape of the chunks.
pub fn fill<V: Value, I: Index, E: From<Error>>(
    chunks: Vec<Counts>,
    arrays: Arrays<'_, V, I>,
    scaling: Scaling,
    threads: usize,
    proceed: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let Arrays { mut data, mut indices, mut row_ends } = arrays;
    let mut offset = 0;
    let mut parts = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let entries = chunk.columns.len();
        let part = Arrays {
            data: data.split_off_mut(..entries).expect("as many values as entries"),
            indices: indices.split_off_mut(..entries).expect("as many indices as entries"),
            row_ends: row_ends.split_off_mut(..chunk.row_ends.len()).expect("as many ends as rows"),
        };
        parts.push(Mutex::new(Some((chunk, part, offset))));
        offset += entries;
    }
    assert!(data.is_empty() && indices.is_empty() && row_ends.is_empty(), "arrays are too long");
    let worker = || {
        |part: usize, cancel: &Cancel| -> Result<()> {
            cancel.check()?;
            let part = parts[part].lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((chunk, mut arrays, offset)) = part {
                fill_chunk(&chunk, &mut arrays, offset, scaling);
            }
            Ok(())
        }
    };
    parallel::run(parts.len(), threads, worker, proceed).map(drop)
}

fn fill_chunk<V: Value, I: Index>(
    chunk: &Counts,
    arrays: &mut Arrays<'_, V, I>,
    offset: usize,
    scaling: Scaling,
) {
    for (value, &sum) in arrays.data.iter_mut().zip(&chunk.sums) {
        *value = V::from_count(sum);
    }
    for (index, &column) in arrays.indices.iter_mut().zip(&chunk.columns) {
        *index = I::from_usize(column as usize);
    }
    let mut start = 0;
    for (row_end, &end) in arrays.row_ends.iter_mut().zip(&chunk.row_ends) {
        scaling.apply(&mut arrays.data[start..end]);
        *row_end = I::from_usize(offset + end);
        start = end;
    }
}
