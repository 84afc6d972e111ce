//! From sums of signs to the values of rows.
//!
//! # Overview
//!
//! [`finish`] turns the rows of [`Counts`] into those of a [`Part`]: values, divided by the norm of their row.
//!
//! # Why
//!
//! The sums are small integers. So the norm of a row is the root of an integer, which does not depend on
//! the order of adding and needs no chain of additions that wait for each other; and there are only a
//! few different quotients in a row, which are computed once. All of it gives the same bits as scikit-learn's loop,
//! as long as every partial sum of it is an integer that its type can hold. Where that is not sure,
//! [`normalize`] does what the loop does.

use crate::assembly::Part;
use crate::csr::{Norm, Real, normalize};
use crate::error::{Result, reserve};
use crate::hashing::Counts;

/// Sums from `-SMALL` to `SMALL - 1` have their quotients computed once a row.
const SMALL: i32 = 8;

/// Moves rows from `counts`, which is empty then, to `part`, which was empty. With `binary` every value is 1 before the
/// row is scaled.
pub fn finish<V: Real>(
    counts: &mut Counts,
    binary: bool,
    norm: Option<Norm>,
    part: &mut Part<V>,
) -> Result<()> {
    reserve(&mut part.data, counts.sums.len())?;
    if binary {
        counts.sums.fill(1);
    }
    let mut start = 0;
    for &end in &counts.row_ends {
        append_row(&counts.sums[start..end], norm, &mut part.data);
        start = end;
    }
    std::mem::swap(&mut counts.columns, &mut part.columns);
    std::mem::swap(&mut counts.row_ends, &mut part.row_ends);
    counts.clear();
    Ok(())
}

/// Appends the values of a row, for which there is room.
fn append_row<V: Real>(sums: &[i32], norm: Option<Norm>, data: &mut Vec<V>) {
    let start = data.len();
    let Some(norm) = norm else {
        data.extend(sums.iter().map(|&sum| V::from_signs(sum)));
        return;
    };
    let Some(total) = small_total(norm, sums) else {
        data.extend(sums.iter().map(|&sum| V::from_signs(sum)));
        normalize(norm, &mut data[start..]);
        return;
    };
    let length = match norm {
        Norm::L1 => f64::from(total),
        Norm::L2 => f64::from(total).sqrt(),
    };
    let mut quotients = [V::from_signs(0); 2 * SMALL as usize];
    for (quotient, sum) in quotients.iter_mut().zip(-SMALL..) {
        // A row of zeros only stays as it is.
        let value = V::from_signs(sum);
        *quotient = if total == 0 { value } else { value.divide(length) };
    }
    data.extend(sums.iter().map(|&sum| quotients[place(sum) as usize % quotients.len()]));
}

/// Where the quotient of a small sum is.
const fn place(sum: i32) -> u32 {
    sum.wrapping_add(SMALL).cast_unsigned()
}

/// What the norm is of, if all sums are small.
fn small_total(norm: Norm, sums: &[i32]) -> Option<u32> {
    // Up to here no total exceeds 2^31.
    const LONGEST: usize = 1 << 24;
    let places = sums.iter().fold(0, |union, &sum| union | place(sum));
    if places >= 2 * SMALL.cast_unsigned() || sums.len() > LONGEST {
        return None;
    }
    let part = |sum: i32| match norm {
        Norm::L1 => sum.unsigned_abs(),
        Norm::L2 => (sum * sum).cast_unsigned(),
    };
    Some(sums.iter().map(|&sum| part(sum)).sum())
}
