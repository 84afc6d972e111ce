//! Sorting up to 64 keys without a branch.
//!
//! # Overview
//!
//! Keys are read into rows of eight. A sorting network exchanges rows as a whole, after which each of the eight
//! columns is sorted. Then columns become pairs, fours and eights of columns that are sorted together: first
//! each key meets the one at the mirrored place of the other half, so that each half holds what
//! belongs there, going first up and then down; then keys meet at half the distance, and half of that,
//! until they are neighbours. Up to the height of a column, that again exchanges whole rows.
//!
//! ```text
//! rows       columns    pairs      all        transposed
//! h c b f    a c b d    a g b e    a c e g    a b c d
//! a g e d    h g e f    c h d f    b d f h    e f g h
//! ```

use std::arch::x86_64::{
    __m256i, _mm256_blend_epi32, _mm256_blendv_epi8, _mm256_cmpgt_epi32, _mm256_max_epu32,
    _mm256_min_epu32, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_permute4x64_epi64,
    _mm256_set1_epi32, _mm256_setr_epi32, _mm256_shuffle_epi32, _mm256_sub_epi32,
    _mm256_unpackhi_epi32, _mm256_unpacklo_epi32,
};

use super::lanes::{load, store, transpose_halves};

/// The most keys that are sorted at once.
pub(super) const MOST: usize = 64;

/// Exchanges rows so that of each pair of places the first has the smaller keys.
macro_rules! exchange {
    ($rows:ident, $($a:literal $b:literal),*) => {{$(
        ($rows[$a], $rows[$b]) =
            (_mm256_min_epu32($rows[$a], $rows[$b]), _mm256_max_epu32($rows[$a], $rows[$b]));
    )*}};
}

/// Sorts each column.
#[inline]
#[target_feature(enable = "avx2")]
fn sort_columns<const ROWS: usize>(mut rows: [__m256i; ROWS]) -> [__m256i; ROWS] {
    match ROWS {
        2 => exchange!(rows, 0 1),
        4 => exchange!(rows, 0 1, 2 3, 0 2, 1 3, 1 2),
        // The network of 19 exchanges, which are as few as there can be.
        _ => {
            exchange!(rows, 0 2, 1 3, 4 6, 5 7, 0 4, 1 5, 2 6, 3 7, 0 1, 2 3, 4 5, 6 7);
            exchange!(rows, 2 4, 3 5, 1 4, 3 6, 1 2, 3 4, 5 6);
        }
    }
    rows
}

/// Sorts columns that go first up and then down or the other way round.
#[inline]
#[target_feature(enable = "avx2")]
fn merge_columns<const ROWS: usize>(mut rows: [__m256i; ROWS]) -> [__m256i; ROWS] {
    match ROWS {
        2 => exchange!(rows, 0 1),
        4 => exchange!(rows, 0 2, 1 3, 0 1, 2 3),
        _ => exchange!(rows, 0 4, 1 5, 2 6, 3 7, 0 2, 1 3, 4 6, 5 7, 0 1, 2 3, 4 5, 6 7),
    }
    rows
}

/// The lanes of a vector in another order, which is its own inverse: 1 and 2 exchange neighbours that far apart; 3 and 7 turn
/// each four or all eight round.
#[inline]
#[target_feature(enable = "avx2")]
fn swap<const DISTANCE: usize>(lanes: __m256i) -> __m256i {
    match DISTANCE {
        1 => _mm256_shuffle_epi32::<0b10_11_00_01>(lanes),
        2 => _mm256_shuffle_epi32::<0b01_00_11_10>(lanes),
        3 => _mm256_shuffle_epi32::<0b00_01_10_11>(lanes),
        _ => {
            _mm256_shuffle_epi32::<0b00_01_10_11>(_mm256_permute4x64_epi64::<0b01_00_11_10>(lanes))
        }
    }
}

/// Compares lanes with others, and keeps the smaller one in the first lanes of those that [`swap`] exchanges, the
/// larger one in the others.
#[inline]
#[target_feature(enable = "avx2")]
fn meet<const DISTANCE: usize>(lanes: __m256i, others: __m256i) -> __m256i {
    let others = swap::<DISTANCE>(others);
    let (low, high) = (_mm256_min_epu32(lanes, others), _mm256_max_epu32(lanes, others));
    match DISTANCE {
        1 => _mm256_blend_epi32::<0b1010_1010>(low, high),
        2 | 3 => _mm256_blend_epi32::<0b1100_1100>(low, high),
        _ => _mm256_blend_epi32::<0b1111_0000>(low, high),
    }
}

/// Lets keys meet those at the mirrored place of the other half.
#[inline]
#[target_feature(enable = "avx2")]
fn meet_mirrored<const DISTANCE: usize, const ROWS: usize>(
    rows: [__m256i; ROWS],
) -> [__m256i; ROWS] {
    let mut met = rows;
    for i in 0..ROWS {
        met[i] = meet::<DISTANCE>(rows[i], rows[ROWS - 1 - i]);
    }
    met
}

/// Lets keys meet those of another column.
#[inline]
#[target_feature(enable = "avx2")]
fn meet_columns<const DISTANCE: usize, const ROWS: usize>(
    mut rows: [__m256i; ROWS],
) -> [__m256i; ROWS] {
    for row in &mut rows {
        *row = meet::<DISTANCE>(*row, *row);
    }
    rows
}

/// Turns columns into rows.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose<const ROWS: usize>(rows: [__m256i; ROWS]) -> [__m256i; ROWS] {
    let mut turned = rows;
    match ROWS {
        2 => {
            let low = _mm256_unpacklo_epi32(rows[0], rows[1]);
            let high = _mm256_unpackhi_epi32(rows[0], rows[1]);
            turned[0] = _mm256_permute2x128_si256::<0x20>(low, high);
            turned[1] = _mm256_permute2x128_si256::<0x31>(low, high);
        }
        4 => {
            let fours = transpose_halves([rows[0], rows[1], rows[2], rows[3]]);
            for i in 0..2 {
                let (a, b) = (fours[2 * i], fours[2 * i + 1]);
                turned[i] = _mm256_permute2x128_si256::<0x20>(a, b);
                turned[i + 2] = _mm256_permute2x128_si256::<0x31>(a, b);
            }
        }
        _ => {
            let upper = transpose_halves([rows[0], rows[1], rows[2], rows[3]]);
            let lower = transpose_halves([rows[4], rows[5], rows[6], rows[7]]);
            for i in 0..4 {
                turned[i] = _mm256_permute2x128_si256::<0x20>(upper[i], lower[i]);
                turned[i + 4] = _mm256_permute2x128_si256::<0x31>(upper[i], lower[i]);
            }
        }
    }
    turned
}

/// Sorts `length` keys, up to eight for each row, from `source` to `target`, which may be the same.
///
/// # Safety
///
/// Eight keys for each row can be read at `source` and written at `target`; those behind the first `length` stay
/// as they are.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sort_rows<const ROWS: usize>(source: *const u32, target: *mut u32, length: usize) {
    let mut rows = [_mm256_set1_epi32(-1); ROWS];
    // Lane by lane, what a place must be less than to be one of the keys.
    let ends = _mm256_sub_epi32(
        _mm256_set1_epi32(length as i32),
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
    );
    for (i, row) in (0..).zip(&mut rows) {
        let is_behind = _mm256_cmpgt_epi32(_mm256_set1_epi32(8 * i + 1), ends);
        // SAFETY: the caller's promise. What is behind the keys becomes the largest number, and so comes last.
        *row = _mm256_or_si256(unsafe { load(source.add(8 * i as usize)) }, is_behind);
    }
    rows = sort_columns(rows);
    rows = merge_columns(meet_mirrored::<1, ROWS>(rows));
    rows = merge_columns(meet_columns::<1, ROWS>(meet_mirrored::<3, ROWS>(rows)));
    rows = meet_columns::<2, ROWS>(meet_mirrored::<7, ROWS>(rows));
    rows = merge_columns(meet_columns::<1, ROWS>(rows));
    for (i, row) in (0..).zip(transpose(rows)) {
        let is_behind = _mm256_cmpgt_epi32(_mm256_set1_epi32(8 * i + 1), ends);
        // SAFETY: the caller's promise.
        unsafe {
            let place = target.add(8 * i as usize);
            store(place, _mm256_blendv_epi8(row, load(place), is_behind));
        }
    }
}

/// Sorts up to [`MOST`] keys from `source` to `target`, which may be the same.
///
/// # Safety
///
/// [`MOST`] keys can be read at `source` and written at `target`; those behind the first `length` stay as they are.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sort(source: *const u32, target: *mut u32, length: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match length {
            0..=16 => sort_rows::<2>(source, target, length),
            17..=32 => sort_rows::<4>(source, target, length),
            _ => sort_rows::<8>(source, target, length),
        }
    }
}
