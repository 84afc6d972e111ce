//! The values of the matrix, against the oracle.

use proptest::prelude::*;
use proptest::sample::select;
use shardfit_core::assembly::{Assembly, Values};
use shardfit_core::csr::{Index, Norm, Real, normalize, weigh};
use shardfit_core::error::Error;
use shardfit_core::finishing::{AsCounted, Weighted};
use shardfit_core::hashing::Counts;
use shardfit_core::parallel::{self, Cancel};

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

fn counts(rows: &[Vec<(u32, i32)>]) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        counts.columns.extend(row.iter().map(|entry| entry.0));
        counts.sums.extend(row.iter().map(|entry| entry.1));
        counts.row_ends.push(counts.columns.len());
    }
    counts
}

impl Scaling {
    /// What becomes of a row of a matrix that exists, as a caller of the crate would write it.
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
pub fn filled<V: Real>(
    chunks: &Chunks,
    scaling: Scaling,
    threads: usize,
    narrow: fn(f64) -> V,
) -> Plain<V> {
    let weights = WEIGHTS.map(narrow);
    let Scaling { binary, weighted, norm } = scaling;
    let counted = AsCounted { binary };
    let weights = weighted.then_some(weights.as_slice());
    written(chunks, Weighted { counted, tf: None, weights, norm }, threads)
}

fn written<V: Copy + Send + Sync, F: Values<V>>(
    chunks: &Chunks,
    values: F,
    threads: usize,
) -> Plain<V> {
    let assembly = Assembly::new(values);
    assembly.expect(chunks.len());
    let place =
        |number: usize, _: &Cancel| assembly.place(number, counts(&chunks[number])).map(drop);
    parallel::run(chunks.len(), threads, || place, || Ok::<_, Error>(())).unwrap();
    let matrix = assembly.finish();
    let columns = matrix.columns.into_iter().map(|column| column as usize).collect();
    (matrix.data, columns, matrix.row_ends)
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
    assert_eq!(filled(chunks, scaling, threads, WIDE), doubles);
    let (data, indices, row_ends) = filled(chunks, scaling, threads, NARROW);
    let widened: Vec<f64> = data.into_iter().map(f64::from).collect();
    assert_eq!((widened, indices, row_ends), singles);
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
        let counted = AsCounted { binary: false };
        let (ints, ..): Plain<i32> = written(&chunks, counted, threads);
        prop_assert_eq!(&ints, &sums);
        let (longs, ..): Plain<i64> = written(&chunks, counted, threads);
        prop_assert!(longs.into_iter().eq(sums.iter().copied().map(i64::from)));
        let (doubles, ..): Plain<f64> = written(&chunks, counted, threads);
        prop_assert!(doubles.into_iter().eq(sums.iter().copied().map(f64::from)));
        let (singles, ..): Plain<f32> = written(&chunks, counted, threads);
        let rounded = sums.iter().map(|&sum| single(sum.into()));
        prop_assert!(singles.into_iter().map(f64::from).eq(rounded));
    }

    #[test]
    fn counts_are_replaced_before_they_are_weighted(
        counts: Vec<u8>,
        binary: bool,
        weighted: bool,
        threads in 0..3_usize,
    ) {
        let chunks: Chunks = counts.iter().map(|&count| vec![vec![(4, count.into())]]).collect();
        let tf: Vec<f64> = (0..256).map(|count| f64::from(count).sqrt() + 0.25).collect();
        let values = Weighted {
            counted: AsCounted { binary },
            tf: Some(&tf),
            weights: weighted.then_some(WEIGHTS.as_slice()),
            norm: None,
        };
        let (data, ..) = written(&chunks, values, threads);
        let expected = counts.iter().map(|&count| {
            let replaced = tf[if binary { 1 } else { count.into() }];
            if weighted { replaced * WEIGHTS[4] } else { replaced }
        });
        prop_assert!(data.into_iter().eq(expected));
    }
}

#[test]
fn rows_of_zeros_are_not_scaled() {
    for norm in [Norm::L1, Norm::L2] {
        let scaling = Scaling { norm: Some(norm), ..UNSCALED };
        let rows = vec![vec![vec![(3, 0), (5, 0)], vec![], vec![(4, -2)]]];
        let (data, indices, row_ends) = filled(&rows, scaling, 1, WIDE);
        assert_eq!(data, [0.0, 0.0, -1.0]);
        assert_eq!(indices, [3, 5, 4]);
        assert_eq!(row_ends, [2, 2, 3]);
    }
}

#[test]
fn single_precision_counts_up_to_two_to_the_24() {
    let limit = 1 << 24;
    let sums = [limit, limit + 1, i32::MAX, -limit - 9];
    let limit = limit as f32;
    let expected = [limit, limit, limit, -limit];
    assert_eq!(sums.map(|sum| f32::from_signs(sum).to_bits()), expected.map(f32::to_bits));
}
