//! From sums of signs, and from counts, to the values of rows.
//!
//! # Overview
//!
//! [`Scaled`] makes the values of a row of hashed features: its sums, divided by its norm. [`Weighted`] makes those of a
//! row of terms: counts or what replaces them, times the weights of their columns, divided by the norm; [`AsCounted`]
//! leaves the counts as they are.
//!
//! # Why
//!
//! The sums of hashed features are small integers. So the norm of a row is the root of an integer, which does not depend on
//! the order of adding and needs no chain of additions that wait for each other. It has the same bits as
//! scikit-learn's, as long as every partial sum is an integer that its type can hold. Where that is not sure,
//! [`normalize`] adds in order.
//!
//! A table of the quotients of a row, of which there are few, gained nothing: dividing many numbers at once takes no
//! longer than looking them up.

use std::mem::MaybeUninit;

use crate::assembly::Values;
use crate::csr::{Norm, Real, Value, normalize};
use crate::kernel::Kernel;
use crate::memory::write_all;

/// How rows of sums of signs are scaled.
#[derive(Clone, Copy)]
pub struct Scaled<'k> {
    /// Whether every value is 1 before.
    pub binary: bool,
    /// What rows are divided by.
    pub norm: Option<Norm>,
    /// The hot loops.
    pub kernel: &'k dyn Kernel,
}

impl<V: Real> Values<V> for Scaled<'_> {
    fn write<'p>(&self, _: &[u32], sums: &[i32], places: &'p mut [MaybeUninit<V>]) -> &'p mut [V] {
        let Self { binary, norm, kernel } = *self;
        if let (Some(norm), false) = (norm, binary)
            && let Some(length) = kernel.norm(norm, sums)
            && length != 0.0
        {
            return V::quotients(sums, length, kernel, places);
        }
        let value = |&sum: &i32| V::from_signs(if binary { 1 } else { sum });
        let values = write_all(places, sums.iter().map(value));
        if let Some(norm) = norm {
            normalize(norm, values);
        }
        values
    }
}

/// How counts become values.
#[derive(Debug, Clone, Copy)]
pub struct AsCounted {
    /// Whether every value is 1.
    pub binary: bool,
}

impl AsCounted {
    #[inline(always)]
    fn value<V: Value>(self, count: i32) -> V {
        V::from_count(if self.binary { 1 } else { count })
    }
}

impl<V: Value> Values<V> for AsCounted {
    fn write<'p>(
        &self,
        _: &[u32],
        counts: &[i32],
        places: &'p mut [MaybeUninit<V>],
    ) -> &'p mut [V] {
        write_all(places, counts.iter().map(|&count| self.value(count)))
    }
}

/// How rows of counts are weighted.
#[derive(Debug, Clone, Copy)]
pub struct Weighted<'w, V> {
    /// What the values are before.
    pub counted: AsCounted,
    /// What counts are replaced by, by count.
    pub tf: Option<&'w [V]>,
    /// What the values of each column are multiplied by.
    pub weights: Option<&'w [V]>,
    /// What rows are divided by.
    pub norm: Option<Norm>,
}

impl<V: Real> Weighted<'_, V> {
    #[inline(always)]
    fn value(&self, count: i32) -> V {
        match self.tf {
            None => self.counted.value(count),
            Some(tf) => tf[if self.counted.binary { 1 } else { count as usize }],
        }
    }
}

impl<V: Real> Values<V> for Weighted<'_, V> {
    fn write<'p>(
        &self,
        columns: &[u32],
        counts: &[i32],
        places: &'p mut [MaybeUninit<V>],
    ) -> &'p mut [V] {
        let values = match self.weights {
            None => write_all(places, counts.iter().map(|&count| self.value(count))),
            Some(weights) => {
                let entries = counts.iter().zip(columns);
                let weighted = |(&count, &column): (&i32, &u32)| {
                    self.value(count).times(weights[column as usize])
                };
                write_all(places, entries.map(weighted))
            }
        };
        if let Some(norm) = self.norm {
            normalize(norm, values);
        }
        values
    }
}
