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
//!
//! # Why
//!
//! Entries are looked up one by one, and read back from the first cache: with 16 gathered by one instruction
//! (`vpgatherdd`) all of this took 40 ms for 22 million characters on Zen 4, against 19 to 36; with the entries of each
//! page of 32 characters that is among 16 permuted, about 60.

use std::arch::x86_64::*;

use crate::analyzer::TokenClass;
use crate::analyzer::encodings::{Encodings, SPECIAL, class_bit};
use crate::analyzer::folding::{CHARACTER, Edge, SLACK, Target, Units, WINDOW};
use crate::documents::Span;

/// How many characters are looked at together.
const LANES: usize = 16;
/// How many are looked up together.
const CHUNK: usize = 256;

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
    let mut folded = Folded {
        text: text[state.bytes()..].as_mut_ptr(),
        edges: edges.as_mut_ptr(),
        members: u32::from(state.last & class != 0) << (LANES - 1),
    };
    let (first_text, first_edge) = (folded.text, folded.edges);
    let class = _mm512_set1_epi32(class.cast_signed());
    let mut appended = 0;
    // SAFETY: both are places in the text.
    let bytes = |folded: &Folded| unsafe { folded.text.offset_from_unsigned(first_text) };
    let place = |folded: &Folded, appended: usize| {
        state.place.wrapping_add(appended as Edge * CHARACTER + bytes(folded) as Edge)
    };
    let mut entries = [0; CHUNK];
    'chunks: for chunk in units.chunks(CHUNK) {
        look_up(chunk, encodings, &mut entries);
        let mut left = chunk.len();
        for sixteen in entries.as_chunks::<LANES>().0.iter().take(left.div_ceil(LANES)) {
            // SAFETY: the array is as large as a register.
            let entries = unsafe { _mm512_loadu_si512(sixteen.as_ptr().cast()) };
            let number = before_special(entries).min(left);
            let place = place(&folded, appended);
            // SAFETY: there is room for all characters, and for more than a register of bytes or of edges behind.
            folded = unsafe { folded.append(entries, class, number as u32, place) };
            appended += number;
            left -= number;
            if left > 0 && number < LANES {
                break 'chunks;
            }
        }
    }
    state.place = place(&folded, appended);
    // SAFETY: both are places among the edges.
    state.edges += unsafe { folded.edges.offset_from_unsigned(first_edge) };
    if let Some(&last) = units[..appended].last() {
        state.last = encodings.entry(last.into());
    }
    appended
}

/// Looks characters up, as many as there are entries or fewer.
#[inline(never)]
fn look_up<U: Copy + Into<u32>>(units: &[U], encodings: &Encodings, entries: &mut [u32; CHUNK]) {
    for (entry, &unit) in entries.iter_mut().zip(units) {
        *entry = encodings.entry(unit.into());
    }
}

/// How many of 16 characters come before the first that is special.
#[target_feature(enable = "avx512f,bmi1")]
#[inline]
fn before_special(entries: __m512i) -> usize {
    let special = _mm512_test_epi32_mask(entries, _mm512_set1_epi32(SPECIAL as i32));
    (u32::from(special) | 1 << LANES).trailing_zeros() as usize
}

/// Where to go on.
///
/// Pointers, since of numbers the compiler would keep two in one vector register, to be taken out again each time.
#[derive(Clone, Copy)]
struct Folded {
    /// Where the next character goes.
    text: *mut u8,
    /// Where the next edge goes.
    edges: *mut Edge,
    /// Which of the last 16 characters are of the class.
    members: u32,
}

impl Folded {
    /// Appends the first `number` of 16 characters, the first of which goes to `place`.
    ///
    /// # Safety
    ///
    /// There is room for all of them and their edges, and for a register behind each.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512vpopcntdq,bmi1,bmi2,popcnt"
    )]
    #[inline]
    unsafe fn append(mut self, entries: __m512i, class: __m512i, number: u32, place: Edge) -> Self {
        // Only U+0000 has a first byte that is zero.
        let bytes = _mm512_test_epi8_mask(entries, _mm512_set1_epi32(0x00ff_ffff));
        let bytes = _bzhi_u64(bytes | 0x1111_1111_1111_1111, 4 * number);
        let members = u32::from(_mm512_test_epi32_mask(entries, class));
        let changes = members ^ (members << 1 | self.members >> (LANES - 1));
        let changes = _bzhi_u32(changes, number);
        self.members = members;
        // SAFETY: there is room for a register more than what has been written.
        unsafe {
            _mm512_storeu_si512(self.text.cast(), _mm512_maskz_compress_epi8(bytes, entries));
            self.text = self.text.add(bytes.count_ones() as usize);
            self.push(bytes, (changes & 0xff) as __mmask8, 0, place);
            self.push(bytes, (changes >> 8) as __mmask8, 8, place);
        }
        self
    }

    /// Appends the places of those of eight characters at which the class changes.
    ///
    /// # Safety
    ///
    /// There is room for eight more edges.
    #[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
    #[inline]
    unsafe fn push(&mut self, bytes: u64, changes: __mmask8, first: usize, place: Edge) {
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
            let places = _mm512_add_epi64(places, _mm512_set1_epi64(place.cast_signed()));
            let places = _mm512_maskz_compress_epi64(changes, places);
            _mm512_storeu_si512(self.edges.cast(), places);
            self.edges = self.edges.add(changes.count_ones() as usize);
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
