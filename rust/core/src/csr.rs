//! The values of a compressed sparse row (CSR) matrix, and what becomes of them row by row.
//!
//! # Overview
//!
//! Stored values are of a type that is a [`Value`], or [`Real`] if it can be weighted. [`weigh`] multiplies the values of a
//! row by the weights of their columns, [`normalize`] divides them by their norm, and [`scale`] does whatever is
//! asked for to all rows of a matrix that exists.
//!
//! # Why
//!
//! The norm of a row follows scikit-learn's loop to the bit: a sum in double precision over the stored
//! order, each square rounded to the matrix' own precision first, and a division, not a
//! multiplication with the reciprocal.

use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result, reserve};
use crate::kernel::Kernel;
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
pub trait Value: Copy + Send + Sync {
    /// A count as a value, rounded if it has to be.
    fn from_count(count: i32) -> Self;
}

/// A type of stored values that can be weighted.
pub trait Real: Value {
    /// A sum of ones and minus ones, as adding them one by one would give it.
    fn from_signs(sum: i32) -> Self;
    /// The absolute value.
    fn magnitude(self) -> f64;
    /// The square, as rounded to this type.
    fn square(self) -> f64;
    /// The product, as rounded to this type.
    #[must_use]
    fn times(self, factor: Self) -> Self;
    /// The quotient, as rounded to this type.
    #[must_use]
    fn divide(self, by: f64) -> Self;
    /// Writes sums of signs, divided by a number, to `places`, of which there are as many, and returns the quotients.
    fn quotients<'p>(
        sums: &[i32],
        by: f64,
        kernel: &dyn Kernel,
        places: &'p mut [MaybeUninit<Self>],
    ) -> &'p mut [Self];
}

impl Value for i32 {
    fn from_count(count: i32) -> Self {
        count
    }
}

impl Value for i64 {
    fn from_count(count: i32) -> Self {
        count.into()
    }
}

impl Value for f64 {
    fn from_count(count: i32) -> Self {
        count.into()
    }
}

impl Value for f32 {
    fn from_count(count: i32) -> Self {
        count as f32
    }
}

impl Real for f64 {
    fn from_signs(sum: i32) -> Self {
        sum.into()
    }
    fn magnitude(self) -> f64 {
        self.abs()
    }
    fn square(self) -> f64 {
        self * self
    }
    fn times(self, factor: Self) -> Self {
        self * factor
    }
    fn divide(self, by: f64) -> Self {
        self / by
    }
    fn quotients<'p>(
        sums: &[i32],
        by: f64,
        kernel: &dyn Kernel,
        places: &'p mut [MaybeUninit<Self>],
    ) -> &'p mut [Self] {
        kernel.divide(sums, by, places)
    }
}

impl Real for f32 {
    fn from_signs(sum: i32) -> Self {
        // Adding ones in single precision gets no further than 2^24.
        const LIMIT: i32 = 1 << f32::MANTISSA_DIGITS;
        sum.clamp(-LIMIT, LIMIT) as f32
    }
    fn magnitude(self) -> f64 {
        self.abs().into()
    }
    fn square(self) -> f64 {
        (self * self).into()
    }
    fn times(self, factor: Self) -> Self {
        self * factor
    }
    fn divide(self, by: f64) -> Self {
        (f64::from(self) / by) as f32
    }
    fn quotients<'p>(
        sums: &[i32],
        by: f64,
        kernel: &dyn Kernel,
        places: &'p mut [MaybeUninit<Self>],
    ) -> &'p mut [Self] {
        kernel.divide_single(sums, by, places)
    }
}

/// An integer type of index arrays.
pub trait Index: Copy + Send + Sync {
    /// The place or column, which is not negative.
    fn to_usize(self) -> usize;
}

impl Index for i32 {
    fn to_usize(self) -> usize {
        self as usize
    }
}

impl Index for i64 {
    fn to_usize(self) -> usize {
        self as usize
    }
}

/// Divides a row by its norm, unless that is 0, and returns the norm.
pub fn normalize<V: Real>(norm: Norm, row: &mut [V]) -> f64 {
    let length = match norm {
        Norm::L1 => row.iter().fold(0.0, |sum, value| sum + value.magnitude()),
        Norm::L2 => row.iter().fold(0.0, |sum, value| sum + value.square()).sqrt(),
    };
    if length != 0.0 {
        for value in row {
            *value = value.divide(length);
        }
    }
    length
}

/// Multiplies each value by the weight of its column.
pub fn weigh<V: Real, I: Index>(weights: &[V], columns: &[I], row: &mut [V]) {
    for (value, column) in row.iter_mut().zip(columns) {
        *value = value.times(weights[column.to_usize()]);
    }
}

/// Calls `finish` for each row of a matrix, with the columns and values of the row. `row_ends` are the ends of
/// the rows, without the 0 that `indptr` starts with; `proceed` is as in [`parallel::run`].
///
/// # Panics
///
/// If the ends of the rows do not ascend, or exceed the number of entries.
pub fn scale<V: Real, I: Index, E: From<Error>>(
    data: &mut [V],
    indices: &[I],
    row_ends: &[I],
    finish: impl Fn(&[I], &mut [V]) + Sync,
    threads: usize,
    proceed: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    /// Rows and entries that a thread takes at a time, together.
    const PART: usize = 1 << 16;
    let mut parts = Vec::new();
    let (mut rest, mut first, mut start) = (data, 0, 0);
    for (row, end) in row_ends.iter().map(|end| end.to_usize()).enumerate() {
        if end - start + row - first >= PART || row + 1 == row_ends.len() {
            let values = rest.split_off_mut(..end - start).expect("row ends lie in the data");
            reserve(&mut parts, 1)?;
            parts.push(Mutex::new(Some((first..row + 1, start, values))));
            (first, start) = (row + 1, end);
        }
    }
    let worker = || {
        |part: usize, cancel: &Cancel| -> Result<()> {
            cancel.check()?;
            let part = parts[part].lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((rows, base, values)) = part {
                let mut start = base;
                for end in row_ends[rows].iter().map(|end| end.to_usize()) {
                    finish(&indices[start..end], &mut values[start - base..end - base]);
                    start = end;
                }
            }
            Ok(())
        }
    };
    parallel::run(parts.len(), threads, worker, proceed).map(drop)
}
