//! The arrays of the matrix, against the oracle.

use proptest::prelude::*;
use proptest::sample::select;
use shardfit_core::csr::{Arrays, Index, Norm, Real, Rows, Value, fill, normalize, shape, weigh};
use shardfit_core::error::{Error, Result};
use shardfit_core::hashing::Counts;
use shardfit_core::parallel::Cancel;

use crate::oracle;

/// Rows of (column, sum), by chunk.
pub type Chunks = Vec<Vec<Vec<(u32, i32)>>>;

/// Data, columns and ends of rows.
pub type Plain<V> = (Vec<V>, Vec<usize>, Vec<usize>);

/// What becomes of the rows.
#[derive(Debug, Clone, Copy)]
pub struct Scaling {
    pub binary: bool,
    pub weighted: bool,
    pub norm: Option<Norm>,
}

/// Nothing does.
pub const UNSCALED: Scaling = Scaling { binary: false, weighted: false, norm: None };

/// To double precision, which is what weights are written in.
pub const WIDE: fn(f64) -> f64 = |value| value;
/// To single precision.
pub const NARROW: fn(f64) -> f32 = |value| value as f32;

/// Not all of them good for exact products, in either precision.
const WEIGHTS: [f64; 8] = [1.0, 0.5, 0.0, -3.0, 1.1, 1e-3, 1.0 / 3.0, 1e9];

/// A chunk whose values and columns are known.
pub struct Part(pub Counts);

impl Rows for Part {
    type Scratch = ();

    fn shape(&self) -> (usize, usize) {
        (self.0.row_ends.len(), self.0.columns.len())
    }

    fn write<V: Value, I: Index>(
        &self,
        value: &impl Fn(i32) -> V,
        arrays: &mut Arrays<'_, V, I>,
        (): &mut (),
        _: &Cancel,
    ) -> Result<()> {
        for (stored, &sum) in arrays.data.iter_mut().zip(&self.0.sums) {
            *stored = value(sum);
        }
        for (index, &column) in arrays.indices.iter_mut().zip(&self.0.columns) {
            *index = I::from_usize(column as usize);
        }
        for (row_end, &end) in arrays.row_ends.iter_mut().zip(&self.0.row_ends) {
            *row_end = I::from_usize(end);
        }
        Ok(())
    }
}

fn counts(chunks: &Chunks) -> Vec<Part> {
    let chunk = |rows: &Vec<Vec<(u32, i32)>>| {
        let mut counts = Counts::default();
        for row in rows {
            counts.columns.extend(row.iter().map(|entry| entry.0));
            counts.sums.extend(row.iter().map(|entry| entry.1));
            counts.row_ends.push(counts.columns.len());
        }
        Part(counts)
    };
    chunks.iter().map(chunk).collect()
}

impl Scaling {
    /// The last step of a row, as a caller of the crate would write it.
    pub fn finish<V: Real, I: Index>(self, narrow: fn(f64) -> V) -> impl Fn(&[I], &mut [V]) {
        let weights = WEIGHTS.map(narrow);
        move |columns, row| {
            if self.weighted {
                weigh(&weights, columns, row);
            }
            if let Some(norm) = self.norm {
                normalize(norm, row);
            }
        }
    }

    /// The values of a row, naively.
    fn values(self, row: &[(u32, i32)], round: fn(f64) -> f64) -> Vec<f64> {
        let sum = |entry: &(u32, i32)| if self.binary { 1 } else { entry.1 };
        let weight = |entry: &(u32, i32)| {
            if self.weighted { round(WEIGHTS[entry.0 as usize]) } else { 1.0 }
        };
        let sums: Vec<i32> = row.iter().map(sum).collect();
        let weights: Vec<f64> = row.iter().map(weight).collect();
        oracle::values(&sums, &weights, power(self.norm), round)
    }
}

fn power(norm: Option<Norm>) -> u32 {
    match norm {
        None => 0,
        Some(Norm::L1) => 1,
        Some(Norm::L2) => 2,
    }
}

/// The arrays, made by the crate.
pub fn filled<V: Real, I: Index>(
    chunks: &Chunks,
    scaling: Scaling,
    threads: usize,
    zeros: (V, I),
    narrow: fn(f64) -> V,
) -> Plain<V> {
    let value = |sum| V::from_signs(if scaling.binary { 1 } else { sum });
    written(chunks, value, scaling.finish(narrow), threads, zeros)
}

fn written<V: Value, I: Index>(
    chunks: &Chunks,
    value: impl Fn(i32) -> V + Sync,
    finish: impl Fn(&[I], &mut [V]) + Sync,
    threads: usize,
    zeros: (V, I),
) -> Plain<V> {
    let chunks = counts(chunks);
    let (rows, entries) = shape(&chunks);
    let mut data = vec![zeros.0; entries];
    let mut indices = vec![zeros.1; entries];
    let mut row_ends = vec![zeros.1; rows];
    let arrays = Arrays { data: &mut data, indices: &mut indices, row_ends: &mut row_ends };
    fill(chunks, arrays, value, finish, threads, || Ok::<_, Error>(())).unwrap();
    let plain = |array: Vec<I>| array.into_iter().map(Index::to_usize).collect();
    (data, plain(indices), plain(row_ends))
}

/// The arrays, made by hand.
fn expected(chunks: &Chunks, scaling: Scaling, round: fn(f64) -> f64) -> Plain<f64> {
    let (mut data, mut indices, mut row_ends) = (vec![], vec![], vec![]);
    for row in chunks.iter().flatten() {
        data.extend(scaling.values(row, round));
        indices.extend(row.iter().map(|entry| entry.0 as usize));
        row_ends.push(data.len());
    }
    (data, indices, row_ends)
}

pub fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

pub fn chunks(columns: u32) -> impl Strategy<Value = Chunks> {
    let sum = prop_oneof![4 => -3..4_i32, 1 => any::<i32>().prop_map(|sum| sum >> 8)];
    let row = prop::collection::vec((0..columns, sum), 0..6);
    prop::collection::vec(prop::collection::vec(row, 0..4), 0..6)
}

pub fn norm() -> impl Strategy<Value = Option<Norm>> {
    select(vec![None, Some(Norm::L1), Some(Norm::L2)])
}

fn check(chunks: &Chunks, scaling: Scaling, threads: usize) {
    let doubles = expected(chunks, scaling, WIDE);
    let singles = expected(chunks, scaling, single);
    assert_eq!(filled(chunks, scaling, threads, (0_f64, 0_i32), WIDE), doubles);
    assert_eq!(filled(chunks, scaling, threads, (0_f64, 0_i64), WIDE), doubles);
    let widened = |(data, indices, row_ends): Plain<f32>| {
        (data.into_iter().map(f64::from).collect(), indices, row_ends)
    };
    assert_eq!(widened(filled(chunks, scaling, threads, (0_f32, 0_i32), NARROW)), singles);
    assert_eq!(widened(filled(chunks, scaling, threads, (0_f32, 0_i64), NARROW)), singles);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn arrays_are_those_of_the_oracle(
        chunks in chunks(i32::MAX.cast_unsigned()),
        binary: bool,
        norm in norm(),
        threads in 0..4_usize,
    ) {
        check(&chunks, Scaling { binary, weighted: false, norm }, threads);
    }

    #[test]
    fn weighted_arrays_are_those_of_the_oracle(
        chunks in chunks(WEIGHTS.len() as u32),
        binary: bool,
        norm in norm(),
        threads in 0..4_usize,
    ) {
        check(&chunks, Scaling { binary, weighted: true, norm }, threads);
    }

    #[test]
    fn the_norm_is_what_a_row_is_divided_by(row: Vec<f32>, norm in norm()) {
        prop_assume!(row.iter().all(|value| value.is_finite()));
        let Some(norm) = norm else { return Ok(()) };
        let power = power(Some(norm));
        let doubles: Vec<f64> = row.iter().copied().map(f64::from).collect();
        let length = oracle::norm(&doubles, power, |value| value);
        prop_assert_eq!(normalize(norm, &mut doubles.clone()).to_bits(), length.to_bits());
        let length = oracle::norm(&doubles, power, single);
        let mut divided = row.clone();
        prop_assert_eq!(normalize(norm, &mut divided).to_bits(), length.to_bits());
        let quotient = |value: &f64| if length == 0.0 { *value } else { single(value / length) };
        let expected: Vec<u64> = doubles.iter().map(|value| quotient(value).to_bits()).collect();
        let got: Vec<u64> = divided.into_iter().map(|value| f64::from(value).to_bits()).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn counts_as_integers_are_exact_and_as_singles_rounded(sums: Vec<i32>, threads in 0..3_usize) {
        let chunks: Chunks = sums.iter().map(|&sum| vec![vec![(5, sum)]]).collect();
        let (ints, ..) = written(&chunks, i32::from_count, |_: &[i32], _| {}, threads, (0, 0));
        prop_assert_eq!(&ints, &sums);
        let (longs, ..) = written(&chunks, i64::from_count, |_: &[i64], _| {}, threads, (0, 0));
        prop_assert!(longs.into_iter().eq(sums.iter().copied().map(i64::from)));
        let (doubles, ..) = written(&chunks, f64::from_count, |_: &[i32], _| {}, threads, (0., 0));
        prop_assert!(doubles.into_iter().eq(sums.iter().copied().map(f64::from)));
        let (singles, ..) = written(&chunks, f32::from_count, |_: &[i32], _| {}, threads, (0., 0));
        let rounded = sums.iter().map(|&sum| single(sum.into()));
        prop_assert!(singles.into_iter().map(f64::from).eq(rounded));
    }
}

#[test]
fn rows_of_zeros_are_not_scaled() {
    for norm in [Norm::L1, Norm::L2] {
        let scaling = Scaling { norm: Some(norm), ..UNSCALED };
        let rows = vec![vec![vec![(3, 0), (5, 0)], vec![], vec![(4, -2)]]];
        let (data, indices, row_ends) = filled(&rows, scaling, 1, (0_f64, 0_i32), |value| value);
        assert_eq!(data, [0.0, 0.0, -1.0]);
        assert_eq!(indices, [3, 5, 4]);
        assert_eq!(row_ends, [2, 2, 3]);
    }
}

#[test]
fn single_precision_counts_up_to_two_to_the_24() {
    let limit = 1 << 24;
    let rows = vec![vec![vec![(0, limit), (1, limit + 1), (2, i32::MAX), (3, -limit - 9)]]];
    let (data, ..) = filled(&rows, UNSCALED, 1, (0_f32, 0_i32), |value| value as f32);
    let limit = limit as f32;
    assert_eq!(data, [limit, limit, limit, -limit]);
}

#[test]
fn each_row_is_finished_once_with_its_own_columns() {
    let chunks: Chunks = vec![
        vec![vec![(3, 1), (1, 2)], vec![], vec![(2, 3)]],
        vec![],
        vec![vec![(0, 4), (7, 5), (6, 6)]],
    ];
    for threads in [0, 1, 2] {
        let finish = |columns: &[i64], row: &mut [i64]| {
            assert_eq!(columns.len(), row.len());
            for (value, column) in row.iter_mut().zip(columns) {
                *value = *value * 10 + column;
            }
        };
        let (data, ..) = written(&chunks, i64::from_count, finish, threads, (0, 0));
        assert_eq!(data, [13, 21, 32, 40, 57, 66]);
    }
}

fn fill_arrays_of(entries: usize, indices: usize, rows: usize) {
    let chunks = counts(&vec![vec![vec![(1, 1), (2, 1)]]]);
    let (mut data, mut indices, mut row_ends) =
        (vec![0_f64; entries], vec![0_i32; indices], vec![0_i32; rows]);
    let arrays = Arrays { data: &mut data, indices: &mut indices, row_ends: &mut row_ends };
    fill(chunks, arrays, f64::from_count, |_, _| {}, 1, || Ok::<_, Error>(())).unwrap();
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
