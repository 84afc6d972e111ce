//! Norms and quotients of sums, to the bit.

use std::mem::MaybeUninit;

use proptest::collection::vec;
use proptest::prelude::*;
use shardfit_core::assembly::Values;
use shardfit_core::csr::{Norm, Real, normalize};
use shardfit_core::finishing::Scaled;
use shardfit_core::kernel::Kernel;

use crate::inputs::numbers;

/// Squares up to that of this number are exact in single precision.
const LARGEST: i32 = 1 << 12;
const NORMS: [Norm; 2] = [Norm::L1, Norm::L2];

/// The norm without any rounding before the root.
fn naive_norm(norm: Norm, sums: &[i32]) -> f64 {
    let magnitudes = sums.iter().map(|&sum| u128::from(sum.unsigned_abs()));
    match norm {
        Norm::L1 => magnitudes.sum::<u128>() as f64,
        Norm::L2 => (magnitudes.map(|magnitude| magnitude * magnitude).sum::<u128>() as f64).sqrt(),
    }
}

/// Rows of sums whose magnitude is at most a limit, among them zeros only and the limit only.
fn rows_up_to(limit: i32, length: usize) -> Vec<Vec<i32>> {
    let row = |sum: &dyn Fn(u32) -> i32| numbers(length as u64).take(length).map(sum).collect();
    vec![
        row(&|_| 0),
        row(&|_| limit),
        row(&|_| -limit),
        row(&|random| random.cast_signed() % (limit + 1)),
        row(&|random| if random % 2 == 0 { 1 } else { -1 }),
        row(&|random| if random % 9 == 0 { -limit } else { random.cast_signed() % 3 }),
    ]
}

pub fn knows_the_norm_of_every_length(kernel: &dyn Kernel) {
    for length in (0..=300).chain([4096, 100_000]) {
        for limit in [0, 1, 7, 300, LARGEST] {
            for sums in rows_up_to(limit, length) {
                for norm in NORMS {
                    let got = kernel.norm(norm, &sums).map(f64::to_bits);
                    let expected = naive_norm(norm, &sums).to_bits();
                    assert_eq!(got, Some(expected), "{norm:?} of {length} up to {limit}");
                }
            }
        }
    }
}

/// Where partial sums might not be integers that a type holds, only adding in order is right.
pub fn knows_no_norm_that_might_be_rounded(kernel: &dyn Kernel) {
    for length in 1..=100 {
        for place in 0..length {
            for large in [LARGEST + 1, -LARGEST - 1, 1 << 16, 1 << 24, i32::MAX, i32::MIN] {
                let mut sums: Vec<i32> = (0..length).map(|i| i % 5 - 2).collect();
                sums[place as usize] = large;
                for norm in NORMS {
                    assert_eq!(kernel.norm(norm, &sums), None, "{norm:?} with {large}");
                }
            }
        }
    }
}

fn check_quotients(kernel: &dyn Kernel, sums: &[i32], by: f64) {
    let mut places = vec![MaybeUninit::uninit(); sums.len()];
    let got = kernel.divide(sums, by, &mut places).iter().map(|quotient| quotient.to_bits());
    let expected = sums.iter().map(|&sum| (f64::from(sum) / by).to_bits());
    assert!(got.eq(expected), "{sums:?} by {by}");
    let mut places = vec![MaybeUninit::uninit(); sums.len()];
    let got = kernel.divide_single(sums, by, &mut places).iter().map(|quotient| quotient.to_bits());
    let expected = sums.iter().map(|&sum| ((f64::from(sum) / by) as f32).to_bits());
    assert!(got.eq(expected), "{sums:?} by {by}, in single precision");
}

pub fn divides_every_length(kernel: &dyn Kernel) {
    for length in 0..=100 {
        let mut rows = rows_up_to(LARGEST, length);
        rows.push(numbers(3).map(u32::cast_signed).take(length).collect());
        rows.push([i32::MIN, i32::MAX].into_iter().cycle().take(length).collect());
        for sums in rows {
            for by in [1.0, 3.0, 2_f64.sqrt(), 1e9, 1e-30] {
                check_quotients(kernel, &sums, by);
            }
        }
    }
}

/// Quotients that lie between two numbers of single precision, or are too small for it.
pub fn divides_whatever_there_is(kernel: &dyn Kernel) {
    let sums: Vec<i32> = numbers(4).map(u32::cast_signed).take(1000).collect();
    for seed in 0..500 {
        let by =
            f64::from_bits(numbers(seed).take(2).fold(0, |bits, n| (bits << 32) | u64::from(n)));
        if by.is_finite() && by != 0.0 {
            check_quotients(kernel, &sums, by);
        }
    }
    for by in (1..2000_u32).map(|square| f64::from(square).sqrt()) {
        check_quotients(kernel, &sums, by);
    }
}

/// Rows as short and small as they mostly are, and some with a sum that is large.
pub fn sums() -> impl Strategy<Value = Vec<i32>> {
    prop_oneof![
        4 => vec(-3..4_i32, 0..200),
        2 => vec(-LARGEST - 2..LARGEST + 3, 0..100),
        1 => vec(prop_oneof![9 => -9..9_i32, 1 => any::<i32>()], 0..100),
        1 => vec(Just(0), 0..40),
    ]
}

/// A row is what comes of adding values in order, whatever the kernel knows.
pub fn scales_as_adding_in_order<V>(
    kernel: &dyn Kernel,
    sums: &[i32],
    norm: Option<Norm>,
    binary: bool,
) where
    V: Real + Into<f64>,
{
    let mut expected: Vec<V> =
        sums.iter().map(|&sum| V::from_signs(if binary { 1 } else { sum })).collect();
    if let Some(norm) = norm {
        normalize(norm, &mut expected);
    }
    let mut places = vec![MaybeUninit::uninit(); sums.len()];
    let got = Scaled { binary, norm, kernel }.write(&[], sums, &mut places);
    let bits = |row: &[V]| row.iter().map(|&value| value.into().to_bits()).collect::<Vec<u64>>();
    assert_eq!(bits(got), bits(&expected), "{norm:?}, binary: {binary}, {sums:?}");
}
