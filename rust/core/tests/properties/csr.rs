//! The arrays of the matrix, against the oracle.

use std::fmt::Debug;

use proptest::prelude::*;
use shardfit_core::csr::{Arrays, Index, Norm, Scaling, Value, fill, shape};
use shardfit_core::error::Error;
use shardfit_core::hashing::Counts;

use crate::oracle;

/// Rows of (column, sum), by chunk.
type Chunks = Vec<Vec<Vec<(u32, i32)>>>;

fn counts(chunks: &Chunks) -> Vec<Counts> {
    let chunk = |rows: &Vec<Vec<(u32, i32)>>| {
        let mut counts = Counts::default();
        for row in rows {
            counts.columns.extend(row.iter().map(|entry| entry.0));
            counts.sums.extend(row.iter().map(|entry| entry.1));
            counts.row_ends.push(counts.columns.len());
        }
        counts
    };
    chunks.iter().map(chunk).collect()
}

/// The arrays, made by the crate.
fn filled<V: Value, I: Index + TryInto<usize, Error: Debug>>(
    chunks: &Chunks,
    scaling: Scaling,
    threads: usize,
    zeros: (V, I),
) -> (Vec<V>, Vec<usize>, Vec<usize>) {
    let chunks = counts(chunks);
    let (rows, entries) = shape(&chunks);
    let mut data = vec![zeros.0; entries];
    let mut indices = vec![zeros.1; entries];
    let mut row_ends = vec![zeros.1; rows];
    let arrays = Arrays { data: &mut data, indices: &mut indices, row_ends: &mut row_ends };
    fill(chunks, arrays, scaling, threads, || Ok::<_, Error>(())).unwrap();
    let plain = |array: Vec<I>| array.into_iter().map(|index| index.try_into().unwrap()).collect();
    (data, plain(indices), plain(row_ends))
}

/// The arrays, made by hand.
fn expected(
    chunks: &Chunks,
    scaling: Scaling,
    round: fn(f64) -> f64,
) -> (Vec<f64>, Vec<usize>, Vec<usize>) {
    let power = match scaling.norm {
        None => 0,
        Some(Norm::L1) => 1,
        Some(Norm::L2) => 2,
    };
    let (mut data, mut indices, mut row_ends) = (vec![], vec![], vec![]);
    for row in chunks.iter().flatten() {
        let sums: Vec<i32> = row.iter().map(|entry| entry.1).collect();
        data.extend(oracle::values(&sums, scaling.binary, power, round));
        indices.extend(row.iter().map(|entry| entry.0 as usize));
        row_ends.push(data.len());
    }
    (data, indices, row_ends)
}

fn chunks() -> impl Strategy<Value = Chunks> {
    let sum = prop_oneof![4 => -3..4_i32, 1 => any::<i32>().prop_map(|sum| sum >> 8)];
    let row = prop::collection::vec((0..i32::MAX.cast_unsigned(), sum), 0..6);
    prop::collection::vec(prop::collection::vec(row, 0..4), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn arrays_are_those_of_the_oracle(
        chunks in chunks(),
        binary: bool,
        norm in prop::sample::select(vec![None, Some(Norm::L1), Some(Norm::L2)]),
        threads in 0..4_usize,
    ) {
        let scaling = Scaling { binary, norm };
        let single: fn(f64) -> f64 = |value| f64::from(value as f32);
        let doubles = expected(&chunks, scaling, |value| value);
        let singles = expected(&chunks, scaling, single);
        prop_assert_eq!(&filled(&chunks, scaling, threads, (0_f64, 0_i32)), &doubles);
        prop_assert_eq!(&filled(&chunks, scaling, threads, (0_f64, 0_i64)), &doubles);
        let widened = |(data, indices, row_ends): (Vec<f32>, _, _)| {
            (data.into_iter().map(f64::from).collect(), indices, row_ends)
        };
        prop_assert_eq!(&widened(filled(&chunks, scaling, threads, (0_f32, 0_i32))), &singles);
        prop_assert_eq!(&widened(filled(&chunks, scaling, threads, (0_f32, 0_i64))), &singles);
    }
}

#[test]
fn rows_of_zeros_are_not_scaled() {
    for norm in [Norm::L1, Norm::L2] {
        let scaling = Scaling { binary: false, norm: Some(norm) };
        let rows = vec![vec![vec![(3, 0), (5, 0)], vec![], vec![(4, -2)]]];
        let (data, indices, row_ends) = filled(&rows, scaling, 1, (0_f64, 0_i32));
        assert_eq!(data, [0.0, 0.0, -1.0]);
        assert_eq!(indices, [3, 5, 4]);
        assert_eq!(row_ends, [2, 2, 3]);
    }
}

#[test]
fn single_precision_counts_up_to_two_to_the_24() {
    let scaling = Scaling { binary: false, norm: None };
    let limit = 1 << 24;
    let rows = vec![vec![vec![(0, limit), (1, limit + 1), (2, i32::MAX), (3, -limit - 9)]]];
    let (data, ..) = filled(&rows, scaling, 1, (0_f32, 0_i32));
    let limit = limit as f32;
    assert_eq!(data, [limit, limit, limit, -limit]);
}

#[test]
fn cancelling_stops_between_chunks() {
    let chunks: Chunks = vec![vec![vec![(1, 1)]]; 100_000];
    let mut arrays = (vec![0_f64; 100_000], vec![0_i32; 100_000], vec![0_i32; 100_000]);
    let arrays = Arrays { data: &mut arrays.0, indices: &mut arrays.1, row_ends: &mut arrays.2 };
    let scaling = Scaling { binary: false, norm: None };
    let result = fill(counts(&chunks), arrays, scaling, 2, || Err(Error::Cancelled));
    assert_eq!(result, Err(Error::Cancelled));
}

fn fill_arrays_of(entries: usize, indices: usize, rows: usize) {
    let chunks = counts(&vec![vec![vec![(1, 1), (2, 1)]]]);
    let (mut data, mut indices, mut row_ends) =
        (vec![0_f64; entries], vec![0_i32; indices], vec![0_i32; rows]);
    let arrays = Arrays { data: &mut data, indices: &mut indices, row_ends: &mut row_ends };
    let scaling = Scaling { binary: false, norm: None };
    fill(chunks, arrays, scaling, 1, || Ok::<_, Error>(())).unwrap();
}

#[test]
#[should_panic(expected = "arrays are too long")]
fn arrays_that_are_too_long_are_refused() {
    fill_arrays_of(3, 2, 1);
}

#[test]
#[should_panic(expected = "as many values as entries")]
fn too_few_values_are_refused() {
    fill_arrays_of(1, 2, 1);
}

#[test]
#[should_panic(expected = "as many indices as entries")]
fn too_few_indices_are_refused() {
    fill_arrays_of(2, 1, 1);
}

#[test]
#[should_panic(expected = "as many ends as rows")]
fn too_few_rows_are_refused() {
    fill_arrays_of(2, 2, 0);
}
