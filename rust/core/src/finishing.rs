//! From sums of signs to the values of rows.
//!
//! # Overview
//!
//! [`finish`] turns the rows of [`Counts`] into those of a [`Part`]: values, divided by the norm of their row.
//!
//! # Why
//!
//! The sums are small integers. So the norm of a row is the root of an integer, which does not depend on
//! the order of adding and needs no chain of additions that wait for each other. It has the same bits as
//! scikit-learn's, as long as every partial sum is an integer that its type can hold. Where that is not sure,
//! [`normalize`] adds in order.
//!
//! A table of the quotients of a row, of which there are few, gained nothing: dividing many numbers at once takes no
//! longer than looking them up.

use crate::assembly::Part;
use crate::csr::{Norm, Real, normalize};
use crate::error::{Result, reserve};
use crate::hashing::Counts;
use crate::kernel::Kernel;

/// Moves rows from `counts`, which is empty then, to `part`, which was empty. With `binary` every value is 1 before the
/// row is scaled.
pub fn finish<V: Real>(
    counts: &mut Counts,
    binary: bool,
    norm: Option<Norm>,
    kernel: &dyn Kernel,
    part: &mut Part<V>,
) -> Result<()> {
    reserve(&mut part.data, counts.sums.len())?;
    if binary {
        counts.sums.fill(1);
    }
    let mut start = 0;
    for &end in &counts.row_ends {
        append_row(&counts.sums[start..end], norm, kernel, &mut part.data);
        start = end;
    }
    std::mem::swap(&mut counts.columns, &mut part.columns);
    std::mem::swap(&mut counts.row_ends, &mut part.row_ends);
    counts.clear();
    Ok(())
}

/// Appends the values of a row, for which there is room.
fn append_row<V: Real>(sums: &[i32], norm: Option<Norm>, kernel: &dyn Kernel, data: &mut Vec<V>) {
    let length = norm.map(|norm| (norm, kernel.norm(norm, sums)));
    if let Some((_, Some(length))) = length
        && length != 0.0
    {
        V::append_quotients(sums, length, kernel, data);
        return;
    }
    let start = data.len();
    data.extend(sums.iter().map(|&sum| V::from_signs(sum)));
    if let Some((norm, None)) = length {
        normalize(norm, &mut data[start..]);
    }
}
