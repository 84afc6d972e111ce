//! Writing characters in UTF-8, and finding the edges of runs among them, 16 at a time.
//!
//! # Overview
//!
//! The entries of 16 characters fill a register: in each four bytes, one to three that are the character. Which bytes
//! count is a mask of 64 bits; by it the bytes are moved together (`vpcompressb`), and where a character goes is
//! the number of its bits below that character. Where the class changes, a place is an edge:
//!
//! ```text
//! text     Ж     у     к     ␠     –     1
//! entries  d0b6  d183  d0ba  20    e28093 31
//! mask     1100  1100  1100  1000  1110  1000
//! packed   d0 b6 d1 83 d0 ba 20 e2 80 93 31
//! places   0     2     4     6     7     10
//! edges    0                 6           10
//! ```
//!
//! A run is an edge and the next; of two registers of edges, the lower halves are the spans of eight runs, the upper ones
//! say how many characters they have.

use std::arch::x86_64::*;

use crate::analyzer::TokenClass;
use crate::analyzer::encodings::{Encodings, PLANE, SPECIAL, class_bit};
use crate::analyzer::folding::{CHARACTER, Edge, SLACK, Target, Units, WINDOW};
use crate::documents::Span;

/// How many characters are looked at together.
const LANES: usize = 16;

/// [`Kernel::fold`](crate::kernel::Kernel::fold).
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512vpopcntdq,bmi1,bmi2,popcnt")]
pub(super) fn fold(
    units: Units<'_>,
    encodings: &Encodings,
    class: TokenClass,
    target: Target<'_>,
) -> usize {
    match units {
        Units::One(units) => fold_units(units, encodings, class, target),
        Units::Two(units) => fold_units(units, encodings, class, target),
        Units::Four(units) => fold_units(units, encodings, class, target),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512vpopcntdq,bmi1,bmi2,popcnt")]
#[inline]
fn fold_units<U: Copy + Into<u32>>(
    units: &[U],
    encodings: &Encodings,
    class: TokenClass,
    Target { state, text, edges }: Target<'_>,
) -> usize {
    let class = class_bit(class);
    // No character has more than three bytes here.
    assert!(state.bytes() + 3 * units.len() <= WINDOW, "there is room for all characters");
    let edges = &mut edges[state.edges..];
    assert!(edges.len() >= units.len() + SLACK, "there is room for an edge for each");
    let first = edges.as_mut_ptr();
    let mut folded = Folded {
        text: text.as_mut_ptr(),
        next: first,
        place: state.place,
        is_inside: state.last & class != 0,
    };
    let class = _mm512_set1_epi32(class.cast_signed());
    let mut appended = 0;
    for sixteen in units.as_chunks::<LANES>().0 {
        let entries = look_up::<U>(load_part(sixteen), encodings);
        if before_special(entries) < LANES {
            break;
        }
        // SAFETY: there is room for all characters, and for more than a register of bytes or of edges behind.
        unsafe { folded.append(entries, class, LANES) };
        appended += LANES;
    }
    let left = &units[appended..units.len().min(appended + LANES)];
    if !left.is_empty() {
        let entries = look_up::<U>(load_part(left), encodings);
        let number = before_special(entries).min(left.len());
        // SAFETY: as before.
        unsafe { folded.append(entries, class, number) };
        appended += number;
    }
    state.place = folded.place;
    // SAFETY: both are places among the edges.
    state.edges += unsafe { folded.next.offset_from_unsigned(first) };
    if let Some(&last) = units[..appended].last() {
        state.last = encodings.entry(last.into());
    }
    appended
}

/// Loads up to 16 code units, followed by zeros.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
#[inline]
fn load_part<U: Copy + Into<u32>>(units: &[U]) -> __m512i {
    debug_assert!(units.len() <= LANES);
    let place = units.as_ptr();
    let mask = _bzhi_u32(0xffff, units.len() as u32) as __mmask16;
    // SAFETY: only as many units are read as the slice holds, of the size they have, at any alignment.
    unsafe {
        match size_of::<U>() {
            1 if mask == 0xffff => _mm512_cvtepu8_epi32(_mm_loadu_si128(place.cast())),
            1 => _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, place.cast())),
            2 if mask == 0xffff => _mm512_cvtepu16_epi32(_mm256_loadu_si256(place.cast())),
            2 => _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, place.cast())),
            4 => _mm512_maskz_loadu_epi32(mask, place.cast()),
            _ => unreachable!("units have one, two or four bytes"),
        }
    }
}

/// The entries of 16 code points that were units of this kind.
#[target_feature(enable = "avx512f")]
#[inline]
fn look_up<U>(points: __m512i, encodings: &Encodings) -> __m512i {
    let table = encodings.table().as_ptr().cast();
    if size_of::<U>() <= 2 {
        // SAFETY: there is an entry for each unit of up to 16 bits.
        return unsafe { _mm512_i32gather_epi32::<4>(points, table) };
    }
    let is_listed = _mm512_cmplt_epu32_mask(points, _mm512_set1_epi32(PLANE as i32));
    let special = _mm512_set1_epi32(SPECIAL as i32);
    // SAFETY: only the entries of points below their number are read.
    unsafe { _mm512_mask_i32gather_epi32::<4>(special, is_listed, points, table) }
}

/// How many of 16 characters come before the first that is special.
#[target_feature(enable = "avx512f,bmi1")]
#[inline]
fn before_special(entries: __m512i) -> usize {
    let special = _mm512_test_epi32_mask(entries, _mm512_set1_epi32(SPECIAL as i32));
    (u32::from(special) | 1 << LANES).trailing_zeros() as usize
}

/// What has been written.
struct Folded {
    text: *mut u8,
    /// Where the next edge goes.
    next: *mut Edge,
    place: Edge,
    /// Whether the last character is of the class.
    is_inside: bool,
}

impl Folded {
    /// Appends the first `number` of 16 characters.
    ///
    /// # Safety
    ///
    /// There is room for all of them and their edges, and for a register behind each.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512vpopcntdq,bmi1,bmi2,popcnt"
    )]
    #[inline]
    unsafe fn append(&mut self, entries: __m512i, class: __m512i, number: usize) {
        // Only U+0000 has a first byte that is zero.
        let bytes = _mm512_test_epi8_mask(entries, _mm512_set1_epi32(0x00ff_ffff));
        let mut bytes = bytes | 0x1111_1111_1111_1111;
        let members = u32::from(_mm512_test_epi32_mask(entries, class));
        let mut changes = members ^ (members << 1 | u32::from(self.is_inside));
        if number == LANES {
            changes &= 0xffff;
            self.is_inside = members >> (LANES - 1) != 0;
        } else {
            bytes = _bzhi_u64(bytes, 4 * number as u32);
            changes = _bzhi_u32(changes, number as u32);
            self.is_inside ^= changes.count_ones() % 2 == 1;
        }
        // SAFETY: there is room for a register more than what has been written.
        unsafe {
            let target = self.text.add(self.place as u32 as usize);
            _mm512_storeu_si512(target.cast(), _mm512_maskz_compress_epi8(bytes, entries));
            self.push(bytes, (changes & 0xff) as __mmask8, 0);
            self.push(bytes, (changes >> 8) as __mmask8, 8);
        }
        let further = Edge::from(bytes.count_ones()) + number as Edge * CHARACTER;
        self.place = self.place.wrapping_add(further);
    }

    /// Appends the places of those of eight characters at which the class changes.
    ///
    /// # Safety
    ///
    /// There is room for eight more edges.
    #[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
    #[inline]
    unsafe fn push(&mut self, bytes: u64, changes: __mmask8, first: usize) {
        /// All bits below those of a character.
        static BELOW: [u64; LANES] = {
            let mut below = [0; LANES];
            let mut i = 0;
            while i < LANES {
                below[i] = (1 << (4 * i)) - 1;
                i += 1;
            }
            below
        };
        /// The places of characters of no bytes.
        static CHARACTERS: [Edge; LANES] = {
            let mut places = [0; LANES];
            let mut i = 0;
            while i < LANES {
                places[i] = i as Edge * CHARACTER;
                i += 1;
            }
            places
        };
        // SAFETY: eight numbers can be read from either table, and written as promised.
        unsafe {
            let below = _mm512_loadu_si512(BELOW[first..].as_ptr().cast());
            let characters = _mm512_loadu_si512(CHARACTERS[first..].as_ptr().cast());
            let bytes = _mm512_and_si512(_mm512_set1_epi64(bytes.cast_signed()), below);
            let places = _mm512_add_epi64(_mm512_popcnt_epi64(bytes), characters);
            let places = _mm512_add_epi64(places, _mm512_set1_epi64(self.place.cast_signed()));
            let places = _mm512_maskz_compress_epi64(changes, places);
            _mm512_storeu_si512(self.next.cast(), places);
            self.next = self.next.add(changes.count_ones() as usize);
        }
    }
}

/// [`Kernel::choose_runs`](crate::kernel::Kernel::choose_runs).
#[target_feature(enable = "avx512f,avx512dq,bmi2,popcnt")]
pub(super) fn choose_runs(runs: &[[Edge; 2]], min_length: usize, spans: &mut [Span]) -> usize {
    /// How many runs fill two registers.
    const RUNS: usize = 8;
    assert!(spans.len() >= runs.len() + SLACK, "there is room for each run");
    let min_length = _mm512_set1_epi64(min_length.try_into().unwrap_or(i64::MAX));
    let bytes = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let starts = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let ends = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    let mut chosen: *mut Span = spans.as_mut_ptr();
    for eight in runs.chunks(RUNS) {
        let place: *const Edge = eight.as_ptr().cast();
        let is_there = _bzhi_u32(0xff, eight.len() as u32) as __mmask8;
        // SAFETY: all edges that are read are there, those of the second register only if there are eight runs or
        // their lanes are chosen. No more spans are written than runs have been read, and a register behind.
        unsafe {
            let (first, second) = if eight.len() == RUNS {
                (_mm512_loadu_si512(place.cast()), _mm512_loadu_si512(place.add(RUNS).cast()))
            } else {
                let edges = _bzhi_u32(0xffff, 2 * eight.len() as u32);
                (
                    _mm512_maskz_loadu_epi64(edges as __mmask8, place.cast()),
                    _mm512_maskz_loadu_epi64(
                        (edges >> RUNS) as __mmask8,
                        place.wrapping_add(RUNS).cast(),
                    ),
                )
            };
            let new = _mm512_permutex2var_epi32(first, bytes, second);
            let starts = _mm512_srli_epi64::<32>(_mm512_permutex2var_epi64(first, starts, second));
            let ends = _mm512_srli_epi64::<32>(_mm512_permutex2var_epi64(first, ends, second));
            // Characters are counted modulo 2^32.
            let lengths = _mm512_sub_epi64(ends, starts);
            let lengths = _mm512_and_si512(lengths, _mm512_set1_epi64(0xffff_ffff));
            let is_long = _mm512_mask_cmpge_epi64_mask(is_there, lengths, min_length);
            _mm512_storeu_si512(chosen.cast(), _mm512_maskz_compress_epi64(is_long, new));
            chosen = chosen.add(is_long.count_ones() as usize);
        }
    }
    // SAFETY: both are places among the spans.
    unsafe { chosen.offset_from_unsigned(spans.as_ptr()) }
}
