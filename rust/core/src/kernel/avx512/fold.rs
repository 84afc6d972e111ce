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
//! # Why
//!
//! Looking the entries up one by one takes one load and one store each, and leaves them in the first cache.

use std::arch::x86_64::*;

use crate::analyzer::TokenClass;
use crate::analyzer::encodings::{Encodings, SPECIAL, class_bit};
use crate::analyzer::folding::{CHARACTER, Edge, SLACK, Target, Units, WINDOW};

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
    assert!(edges.len() - state.edges >= units.len() + SLACK, "there is room for an edge for each");
    let mut folded = Folded {
        text: text.as_mut_ptr(),
        edges: edges[state.edges..].as_mut_ptr(),
        place: state.place,
        is_inside: state.last & class != 0,
        number: 0,
    };
    let class = _mm512_set1_epi32(class.cast_signed());
    let mut appended = 0;
    let mut entries = [0; CHUNK];
    for units in units.chunks(CHUNK) {
        look_up(units, encodings, &mut entries);
        let before = appended;
        let mut end = 0;
        for sixteen in entries[..units.len().next_multiple_of(LANES)].as_chunks::<LANES>().0 {
            // SAFETY: the array is as large as a register. There is room for all characters, and for more than a register
            // of bytes or of edges behind.
            let new = unsafe {
                folded.append(_mm512_loadu_si512(sixteen.as_ptr().cast()), class, units.len() - end)
            };
            end += new;
            if new < LANES {
                break;
            }
        }
        appended += end;
        if end > 0 {
            state.last = entries[end - 1];
        }
        if appended - before < units.len() {
            break;
        }
    }
    state.place = folded.place;
    state.edges += folded.number;
    appended
}

/// Looks characters up, at most as many as there is room for.
#[inline(never)]
fn look_up<U: Copy + Into<u32>>(units: &[U], encodings: &Encodings, entries: &mut [u32; CHUNK]) {
    for (entry, &unit) in entries.iter_mut().zip(units) {
        *entry = encodings.entry(unit.into());
    }
}

/// What has been written.
struct Folded {
    text: *mut u8,
    /// Where edges go.
    edges: *mut Edge,
    place: Edge,
    /// Whether the last character is of the class.
    is_inside: bool,
    /// How many edges were written.
    number: usize,
}

impl Folded {
    /// Appends those of 16 characters that come before the first that is special, or, if there are only `left`, before
    /// their end; and returns how many these are.
    ///
    /// # Safety
    ///
    /// There is room for all of them and their edges, and for a register behind each.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512vpopcntdq,bmi1,bmi2,popcnt"
    )]
    #[inline]
    unsafe fn append(&mut self, entries: __m512i, class: __m512i, left: usize) -> usize {
        let special = _mm512_test_epi32_mask(entries, _mm512_set1_epi32(SPECIAL as i32));
        let number = (u32::from(special) | 1 << left.min(LANES)).trailing_zeros();
        // Only U+0000 has a first byte that is zero.
        let bytes = _mm512_test_epi8_mask(entries, _mm512_set1_epi32(0x00ff_ffff));
        let bytes = _bzhi_u64(bytes | 0x1111_1111_1111_1111, 4 * number);
        let members = u32::from(_mm512_test_epi32_mask(entries, class));
        let changes = members ^ (members << 1 | u32::from(self.is_inside));
        let changes = _bzhi_u32(changes, number);
        // SAFETY: there is room for a register more than what has been written.
        unsafe {
            let target = self.text.add(self.place as u32 as usize);
            _mm512_storeu_si512(target.cast(), _mm512_maskz_compress_epi8(bytes, entries));
            self.push(bytes, (changes & 0xff) as __mmask8, 0);
            self.push(bytes, (changes >> 8) as __mmask8, 8);
        }
        if number > 0 {
            self.is_inside = members >> (number - 1) & 1 != 0;
        }
        let further = Edge::from(bytes.count_ones()) + Edge::from(number) * CHARACTER;
        self.place = self.place.wrapping_add(further);
        number as usize
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
            _mm512_storeu_si512(self.edges.add(self.number).cast(), places);
        }
        self.number += changes.count_ones() as usize;
    }
}
