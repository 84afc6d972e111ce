//! Sorting up to 256 keys in vector registers.
//!
//! # Overview
//!
//! The keys are loaded as rows of 16 lanes. A sorting network over the rows sorts all columns at once: a comparator is a
//! minimum and a maximum. Then neighbouring columns are merged, two by two, and groups of two, four, and eight of them.
//! To merge two groups, each key is compared with the one mirrored at the middle of both, then at the middle of each
//! half of the rows, and so on, down to single rows:
//!
//! ```text
//!        columns sorted    groups of two     one group of four
//! row 0     1 4 2 8          1 3  2 6            1 2 3 4
//! row 1     3 5 6 9          4 5  8 8            5 6 6 7
//! row 2     7 6 8 9          6 7  9 9            8 8 9 9
//! ```
//!
//! Since sorted keys go along the rows, what is missing from the last rows is filled with the largest number, stays there,
//! and is not written back; and rows that would hold nothing else are left out of the code. So there are networks of 1
//! to 16 rows from one text.
//!
//! # Why
//!
//! Vectors of 8 lanes need a quarter fewer operations for 128 keys, and no registers beyond 32, but lost 8 % on rows of
//! 290 keys and a fifth on those of thousands: there are twice as many parts to sort. Stores of whole rows with places behind the keys
//! instead of masked ones won nothing. A compiler that knows the constants made things 8 % slower.

#[allow(clippy::wildcard_imports)] // intrinsics name themselves
use std::arch::x86_64::*;

/// Up to how many keys [`sort`] takes.
pub(super) const LARGEST: usize = 256;
const LANES: usize = 16;

/// For each pair of rows, smaller keys to the first, larger ones to the second.
macro_rules! exchange {
    ($rows:ident, $($i:literal $j:literal),*) => {$(
        if $j < ROWS {
            let (a, b) = ($rows[$i], $rows[$j]);
            $rows[$i] = _mm512_min_epu32(a, b);
            $rows[$j] = _mm512_max_epu32(a, b);
        }
    )*};
}

/// As [`exchange`], each lane with the one across the middle of its group of lanes.
macro_rules! exchange_mirrored {
    ($rows:ident, $reverse:expr, $($i:literal $j:literal),*) => {$(
        if $j < ROWS {
            let (a, b) = ($rows[$i], $reverse($rows[$j]));
            $rows[$i] = _mm512_min_epu32(a, b);
            $rows[$j] = _mm512_max_epu32(a, b);
        }
    )*};
}

/// Within each row: smaller keys to the lanes out of `upper`, larger ones to their partners within.
macro_rules! exchange_lanes {
    ($rows:ident, $partner:expr, $upper:expr) => {
        exchange_lanes!($rows, $partner, $upper, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($rows:ident, $partner:expr, $upper:expr, $($i:literal)*) => {$(
        if $i < ROWS {
            let (a, b) = ($rows[$i], $partner($rows[$i]));
            $rows[$i] = _mm512_mask_max_epu32(_mm512_min_epu32(a, b), $upper, a, b);
        }
    )*};
}

/// Merges neighbouring groups of lanes as far as the rows go.
macro_rules! merge_rows {
    ($rows:ident, $reverse:expr) => {
        if ROWS > 8 {
            exchange_mirrored!($rows, $reverse, 0 15, 1 14, 2 13, 3 12, 4 11, 5 10, 6 9, 7 8);
        }
        if ROWS > 4 {
            exchange_mirrored!($rows, $reverse, 0 7, 1 6, 2 5, 3 4, 8 15, 9 14, 10 13, 11 12);
        }
        if ROWS > 2 {
            exchange_mirrored!($rows, $reverse, 0 3, 1 2, 4 7, 5 6, 8 11, 9 10, 12 15, 13 14);
        }
        exchange_mirrored!($rows, $reverse, 0 1, 2 3, 4 5, 6 7, 8 9, 10 11, 12 13, 14 15);
    };
}

/// Sorts up to [`LARGEST`] keys from `source` to `target`, which may be the same place but not overlap otherwise.
///
/// # Safety
///
/// There are `number` keys to read from `source` and to write to `target`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2")]
pub(super) unsafe fn sort(source: *const u32, target: *mut u32, number: usize) {
    // SAFETY: as the caller promises; and more than FULL rows of keys are there.
    unsafe {
        match number.div_ceil(LANES) {
            0 | 1 => sort_rows::<1, 0>(source, target, number),
            2 => sort_rows::<2, 1>(source, target, number),
            3..=4 => sort_rows::<4, 2>(source, target, number),
            5..=6 => sort_rows::<6, 4>(source, target, number),
            7..=8 => sort_rows::<8, 6>(source, target, number),
            9..=10 => sort_rows::<10, 8>(source, target, number),
            11..=12 => sort_rows::<12, 10>(source, target, number),
            13..=14 => sort_rows::<14, 12>(source, target, number),
            _ => sort_rows::<16, 14>(source, target, number),
        }
    }
}

/// # Safety
///
/// As for [`sort`]; and `number` lies between 16 * `FULL` and 16 * `ROWS`.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2")]
unsafe fn sort_rows<const ROWS: usize, const FULL: usize>(
    source: *const u32,
    target: *mut u32,
    number: usize,
) {
    let present = |row| _bzhi_u32(0xffff, number.saturating_sub(row * LANES) as u32) as __mmask16;
    // Keys that are not there sort behind all others. So do real ones of this value, which look the same.
    let mut rows = [_mm512_set1_epi32(-1); ROWS];
    for (row, keys) in rows.iter_mut().enumerate() {
        // SAFETY: the first FULL rows are there; of others, lanes that are not there are not read, and no address
        // is farther from `source` than LARGEST keys.
        *keys = unsafe {
            let place = source.wrapping_add(row * LANES).cast();
            if row < FULL {
                _mm512_loadu_epi32(place)
            } else {
                _mm512_mask_loadu_epi32(*keys, present(row), place)
            }
        };
    }
    let rows = merge(sort_columns(rows));
    for (row, &keys) in rows.iter().enumerate() {
        // SAFETY: as above.
        unsafe {
            let place = target.wrapping_add(row * LANES).cast();
            if row < FULL {
                _mm512_storeu_epi32(place, keys);
            } else {
                _mm512_mask_storeu_epi32(place, present(row), keys);
            }
        }
    }
}

/// Sorts the keys of each lane: Green's network of 60 comparators, or what fewer rows leave of it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn sort_columns<const ROWS: usize>(mut rows: [__m512i; ROWS]) -> [__m512i; ROWS] {
    exchange!(rows, 0 1, 2 3, 4 5, 6 7, 8 9, 10 11, 12 13, 14 15);
    exchange!(rows, 0 2, 1 3, 4 6, 5 7, 8 10, 9 11, 12 14, 13 15);
    exchange!(rows, 0 4, 1 5, 2 6, 3 7, 8 12, 9 13, 10 14, 11 15);
    exchange!(rows, 0 8, 1 9, 2 10, 3 11, 4 12, 5 13, 6 14, 7 15);
    exchange!(rows, 5 10, 6 9, 3 12, 13 14, 4 8, 7 11, 1 2);
    exchange!(rows, 1 4, 7 13, 2 8, 11 14);
    exchange!(rows, 2 4, 5 6, 9 10, 11 13, 3 8, 7 12);
    exchange!(rows, 6 8, 10 12, 3 5, 7 9);
    exchange!(rows, 3 4, 5 6, 7 8, 9 10, 11 12);
    exchange!(rows, 6 7, 8 9);
    rows
}

/// Merges sorted columns: two by two, then groups of two, four, and eight of them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn merge<const ROWS: usize>(mut rows: [__m512i; ROWS]) -> [__m512i; ROWS] {
    let constants = std::hint::black_box(&CONSTANTS);
    let [upper_1, upper_2, upper_4, upper_8] = constants.upper;
    // SAFETY: there are 16 lanes of either.
    let (lanes_8, lanes_16) = unsafe {
        (
            _mm512_loadu_epi32(constants.reverse_8.as_ptr().cast()),
            _mm512_loadu_epi32(constants.reverse_16.as_ptr().cast()),
        )
    };
    let reverse_8 = |keys| _mm512_permutexvar_epi32(lanes_8, keys);
    let reverse_16 = |keys| _mm512_permutexvar_epi32(lanes_16, keys);

    merge_rows!(rows, reverse_2);
    exchange_lanes!(rows, reverse_2, upper_1);

    merge_rows!(rows, reverse_4);
    exchange_lanes!(rows, reverse_4, upper_2);
    exchange_lanes!(rows, reverse_2, upper_1);

    merge_rows!(rows, reverse_8);
    exchange_lanes!(rows, reverse_8, upper_4);
    exchange_lanes!(rows, swap_2, upper_2);
    exchange_lanes!(rows, reverse_2, upper_1);

    merge_rows!(rows, reverse_16);
    exchange_lanes!(rows, reverse_16, upper_8);
    exchange_lanes!(rows, swap_4, upper_4);
    exchange_lanes!(rows, swap_2, upper_2);
    exchange_lanes!(rows, reverse_2, upper_1);
    rows
}

/// What the steps across lanes need. The compiler must not know the values: it would make two instructions of most
/// masked ones and of most permutations, a fifth more in all.
struct Constants {
    /// The upper half of each group of two, four, eight, and sixteen lanes.
    upper: [__mmask16; 4],
    reverse_8: [u32; LANES],
    reverse_16: [u32; LANES],
}

static CONSTANTS: Constants = Constants {
    upper: [
        0b1010_1010_1010_1010,
        0b1100_1100_1100_1100,
        0b1111_0000_1111_0000,
        0b1111_1111_0000_0000,
    ],
    reverse_8: [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8],
    reverse_16: [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
};

#[inline]
#[target_feature(enable = "avx512f")]
fn reverse_2(keys: __m512i) -> __m512i {
    _mm512_shuffle_epi32::<0b10_11_00_01>(keys)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn reverse_4(keys: __m512i) -> __m512i {
    _mm512_shuffle_epi32::<0b00_01_10_11>(keys)
}

/// Swaps neighbouring pairs of lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn swap_2(keys: __m512i) -> __m512i {
    _mm512_shuffle_epi32::<0b01_00_11_10>(keys)
}

/// Swaps neighbouring groups of four lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn swap_4(keys: __m512i) -> __m512i {
    _mm512_shuffle_i32x4::<0b10_11_00_01>(keys, keys)
}
