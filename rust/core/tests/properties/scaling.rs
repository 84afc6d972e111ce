//! Finishing the rows of a matrix that exists, against filling one with finished rows.

use std::sync::Mutex;

use proptest::prelude::*;
use shardfit_core::csr::{Index, Norm, Real, scale};
use shardfit_core::error::Error;

use crate::csr::{Chunks, NARROW, Plain, Scaling, UNSCALED, WIDE, chunks, filled, norm};
use crate::inputs::numbers;

/// Scales without ever wanting to stop.
fn scale_all<V: Real, I: Index>(
    data: &mut [V],
    indices: &[I],
    row_ends: &[I],
    finish: impl Fn(&[I], &mut [V]) + Sync,
    threads: usize,
) {
    scale(data, indices, row_ends, finish, threads, || Ok::<_, Error>(())).unwrap();
}

/// The matrix without scaling, scaled then.
fn scaled<V: Real, I: Index>(
    (mut data, indices, row_ends): Plain<V>,
    to_index: fn(usize) -> I,
    finish: impl Fn(&[I], &mut [V]) + Sync,
    threads: usize,
) -> Vec<V> {
    let index = |array: Vec<usize>| array.into_iter().map(to_index).collect();
    let (indices, row_ends): (Vec<I>, Vec<I>) = (index(indices), index(row_ends));
    scale_all(&mut data, &indices, &row_ends, finish, threads);
    data
}

fn check(chunks: &Chunks, scaling: Scaling, threads: usize) {
    let (expected, ..) = filled(chunks, scaling, 0, WIDE);
    let doubles = filled(chunks, UNSCALED, 0, WIDE);
    let got = scaled(doubles, |index| index as i32, scaling.finish(WIDE), threads);
    assert!(got == expected, "{scaling:?}");
    let (expected, ..) = filled(chunks, scaling, 0, NARROW);
    let singles = filled(chunks, UNSCALED, 0, NARROW);
    let got = scaled(singles, |index| index as i64, scaling.finish(NARROW), threads);
    assert!(got == expected, "{scaling:?}");
}

/// So many rows of up to `longest` entries, every third of them empty.
fn many_rows(rows: usize, longest: u32) -> Chunks {
    let lengths = numbers(7).map(|number| if number % 3 == 0 { 0 } else { number % longest });
    let entry = |number: u32| (number % 8, number.cast_signed() >> 20);
    let row = |length: u32| numbers(length.into()).take(length as usize).map(entry).collect();
    vec![lengths.take(rows).map(row).collect()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn scaling_later_is_scaling_at_once(
        chunks in chunks(8),
        weighted: bool,
        norm in norm(),
        threads in 0..4_usize,
    ) {
        check(&chunks, Scaling { binary: false, weighted, norm }, threads);
    }
}

#[test]
fn matrices_that_are_scaled_in_parts() {
    let scaling = Scaling { binary: false, weighted: true, norm: Some(Norm::L2) };
    // Parts end within rows of some length, with rows as long as parts, and among empty rows.
    let mut long = many_rows(5, 100);
    long[0].insert(2, many_rows(1, 1 << 18).concat().concat().repeat(9));
    for length in [(1 << 16) - 1, 1 << 16, (1 << 16) + 1, 200_000] {
        long[0].push(vec![(3, 1); length]);
    }
    for chunks in [many_rows(20_000, 40), long, vec![vec![vec![]; 300_000]]] {
        for threads in [0, 1, 3] {
            check(&chunks, scaling, threads);
        }
    }
}

#[test]
fn matrices_of_nothing() {
    for threads in [0, 2] {
        let seen = Mutex::new(0);
        let count = |_: &[i32], row: &mut [f64]| {
            assert!(row.is_empty());
            *seen.lock().unwrap() += 1;
        };
        scale_all(&mut [], &[], &[], count, threads);
        scale_all(&mut [], &[], &[0, 0, 0], count, threads);
        assert_eq!(seen.into_inner().unwrap(), 3);
    }
}

#[test]
#[should_panic(expected = "row ends lie in the data")]
fn row_ends_outside_the_data_are_refused() {
    scale_all(&mut [1.0], &[0], &[2_i32], |_, _| {}, 0);
}
