//! Looking terms up, eight at a time.
//!
//! # Overview
//!
//! Two records lie in one register. The length of each is spread over its half, and what it exceeds is inside:
//!
//! ```text
//! bytes    t h e   c a t   s a t   o n t h   c a t   s a t .      16 bytes each
//! length   3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3   3 3 3 3 3 3 3 3      one byte of each length, 16 times
//! inside   1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0   1 1 1 0 0 0 0 0      0 1 2 ... < length
//! record   t h e . . . . . . . . . . . . 3   c a t . . . . .      the last byte from there, too
//! ```
//!
//! The two slots that a number is guessed from are neighbours, unless the first is the last of all, and are read as one.
//!
//! Evens come before odds (0 2 4 6 1 3 5 7) wherever the halves of registers have been put together.

use std::arch::x86_64::{
    __m256i, _mm_cvtsi64_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_setr_epi32,
    _mm_unpacklo_epi64, _mm256_add_epi32, _mm256_add_epi64, _mm256_and_si256, _mm256_andnot_si256,
    _mm256_blend_epi32, _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_castps_si256,
    _mm256_castsi128_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_cmpgt_epi8,
    _mm256_inserti128_si256, _mm256_max_epu32, _mm256_min_epu32, _mm256_movemask_ps,
    _mm256_mul_epu32, _mm256_mullo_epi32, _mm256_or_si256, _mm256_packs_epi16, _mm256_packs_epi32,
    _mm256_permute4x64_epi64, _mm256_permutevar8x32_epi32, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_setr_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_shuffle_ps,
    _mm256_slli_epi64, _mm256_srli_epi64, _mm256_sub_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use super::lanes::{load, set_first, store};
use crate::documents::Span;
use crate::kernel::terms::{self, SLACK};
use crate::murmur3::PADDING;
use crate::vocabulary::{Record, SCATTERER, Seed, Slot, pack};

/// How many terms are looked up at once.
const LANES: usize = 8;

/// [`Kernel::pack`](crate::kernel::Kernel::pack).
#[target_feature(enable = "avx2,bmi1,popcnt")]
pub(super) fn pack_all(
    text: &[u8],
    spans: &[Span],
    seed: Seed,
    records: &mut [Record],
    hashes: &mut [u32],
    long: &mut Vec<Span>,
) {
    let (batches, rest) = spans.as_chunks::<LANES>();
    let (records, last_records) = records[..spans.len()].split_at_mut(spans.len() - rest.len());
    let (hashes, last_hashes) = hashes[..spans.len()].split_at_mut(spans.len() - rest.len());
    let packer = Packer::new(text, seed);
    let targets = records.as_chunks_mut().0.iter_mut().zip(hashes.as_chunks_mut().0);
    for (spans, (records, hashes)) in batches.iter().zip(targets) {
        packer.pack(spans, records, hashes, long);
    }
    terms::pack_all(text, rest, seed, last_records, last_hashes, long);
}

/// Makes records and hashes of the terms in a text.
struct Packer<'t> {
    text: &'t [u8],
    seed: Seed,
    /// Those of the seed, twice.
    keys: __m256i,
    /// The last end that a range may have.
    limit: __m256i,
}

impl<'t> Packer<'t> {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new(text: &'t [u8], seed: Seed) -> Self {
        let [a, b, c, d] = seed.keys().map(u32::cast_signed);
        let limit = text.len().saturating_sub(PADDING).try_into().unwrap_or(u32::MAX);
        let keys = _mm256_broadcastsi128_si256(_mm_setr_epi32(a, b, c, d));
        Self { text, seed, keys, limit: set(limit) }
    }

    /// Writes the records and hashes of eight terms, and appends those to `long` that do not lie in their record.
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    #[inline]
    fn pack(
        &self,
        spans: &[Span; LANES],
        records: &mut [Record; LANES],
        hashes: &mut [u32; LANES],
        long: &mut Vec<Span>,
    ) {
        let (starts, ends) = deinterleave(spans);
        let is_range = _mm256_cmpeq_epi32(_mm256_max_epu32(starts, ends), ends);
        let is_within = _mm256_cmpeq_epi32(_mm256_min_epu32(ends, self.limit), ends);
        let is_inside = _mm256_and_si256(is_range, is_within);
        assert!(mask(is_inside) == 0xff && self.text.len() >= PADDING, "the text is padded");
        let lengths = _mm256_sub_epi32(ends, starts);
        let mut products = [_mm256_setzero_si256(); 4];
        for (i, (products, records)) in
            products.iter_mut().zip(records.as_chunks_mut().0).enumerate()
        {
            // SAFETY: both ranges start the padding before the end of the text, or further.
            *products = unsafe { self.pack_pair(i, spans, lengths, records) };
        }
        write(finish(products), hashes);
        let is_long = _mm256_cmpeq_epi32(_mm256_max_epu32(lengths, set(16)), lengths);
        if mask(is_long) != 0 {
            self.pack_long(mask(in_order(is_long)), spans, records, hashes, long);
        }
    }

    /// Does so for those of eight terms whose bits are set, which are long. Out of line, it leaves the registers to the rest.
    #[cold]
    #[inline(never)]
    fn pack_long(
        &self,
        mut are_long: u8,
        spans: &[Span; LANES],
        records: &mut [Record; LANES],
        hashes: &mut [u32; LANES],
        long: &mut Vec<Span>,
    ) {
        while are_long != 0 {
            let i = are_long.trailing_zeros() as usize;
            (records[i], hashes[i]) = pack(self.text, spans[i], self.seed);
            long.push(spans[i]);
            are_long &= are_long - 1;
        }
    }

    /// Writes the records of two terms, and returns the products that their hashes are made of.
    ///
    /// # Safety
    ///
    /// A record can be read from the start of each of them.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn pack_pair(
        &self,
        pair: usize,
        spans: &[Span; LANES],
        lengths: __m256i,
        records: &mut [Record; 2],
    ) -> __m256i {
        let read = |i: usize| {
            // SAFETY: it reads a number of a reference; and a record can be read, as promised, at any alignment.
            unsafe {
                let start = std::ptr::read_volatile(&raw const spans[2 * pair + i].start);
                _mm_loadu_si128(self.text.as_ptr().add(start as usize).cast())
            }
        };
        let bytes = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(read(0)), read(1));
        let length = _mm256_shuffle_epi8(lengths, _mm256_set1_epi8(4 * pair as i8));
        let places = _mm_set_epi64x(0x0f0e_0d0c_0b0a_0908, 0x0706_0504_0302_0100);
        let is_inside = _mm256_cmpgt_epi8(length, _mm256_broadcastsi128_si256(places));
        let last = _mm256_slli_epi64::<56>(length);
        let last = _mm256_blend_epi32::<0b1000_1000>(_mm256_setzero_si256(), last);
        let packed = _mm256_or_si256(_mm256_and_si256(is_inside, bytes), last);
        // SAFETY: two records can be written, at any alignment.
        unsafe { store(records.as_mut_ptr(), packed) };
        let keyed = _mm256_add_epi32(packed, self.keys);
        _mm256_mul_epu32(keyed, _mm256_srli_epi64::<32>(keyed))
    }
}

/// The hashes of eight terms, from two products each.
#[target_feature(enable = "avx2")]
#[inline]
fn finish(products: [__m256i; 4]) -> __m256i {
    let sums = |a, b| _mm256_add_epi64(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let [a, b, c, d] = products;
    let (low, high) = halves(sums(a, b), sums(c, d));
    // The middle of the product of two numbers of 64 bits is made of those of their halves.
    let folded = _mm256_xor_si256(low, high);
    let (scatterer, upper) = (set(SCATTERER as u32), set((SCATTERER >> 32) as u32));
    let even = _mm256_srli_epi64::<32>(_mm256_mul_epu32(folded, scatterer));
    let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(folded), scatterer);
    let carried = _mm256_blend_epi32::<0b1010_1010>(even, odd);
    let crossed =
        _mm256_add_epi32(_mm256_mullo_epi32(folded, upper), _mm256_mullo_epi32(high, scatterer));
    in_order(_mm256_add_epi32(carried, crossed))
}

/// [`Kernel::guess`](crate::kernel::Kernel::guess).
#[target_feature(enable = "avx2")]
pub(in crate::kernel) fn guess(slots: &[Slot], hashes: &[u32], numbers: &mut [u32]) {
    assert!(slots.len().is_power_of_two(), "places are bits of a hash");
    let Ok(last) = u32::try_from(slots.len() - 1) else {
        return terms::guess(slots, hashes, numbers);
    };
    let (batches, rest) = hashes.as_chunks();
    let (first, last_numbers) = numbers[..hashes.len()].split_at_mut(hashes.len() - rest.len());
    for (hashes, numbers) in batches.iter().zip(first.as_chunks_mut().0) {
        // SAFETY: there is one more slot than `last`.
        unsafe { guess_batch(slots, last, hashes, numbers) };
    }
    terms::guess(slots, rest, last_numbers);
}

/// The numbers for eight hashes.
///
/// # Safety
///
/// There is one more slot than `last`, whose bits are all the lowest.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn guess_batch(
    slots: &[Slot],
    last: u32,
    hashes: &[u32; LANES],
    numbers: &mut [u32; LANES],
) {
    let all = read(hashes);
    let place = _mm256_and_si256(all, set(last));
    if mask(_mm256_cmpeq_epi32(place, set(last))) != 0 {
        return terms::guess(slots, hashes, numbers);
    }
    let pair = |i: usize| {
        // SAFETY: it reads a number of a reference; and no place is the last one, so that another slot follows.
        unsafe {
            let hash = std::ptr::read_volatile(&raw const hashes[i]);
            let place = slots.as_ptr().add((hash & last) as usize);
            place.cast::<i64>().read_unaligned()
        }
    };
    let four = |i: usize| {
        let (a, b) = (_mm_cvtsi64_si128(pair(i)), _mm_cvtsi64_si128(pair(i + 1)));
        let (c, d) = (_mm_cvtsi64_si128(pair(i + 4)), _mm_cvtsi64_si128(pair(i + 5)));
        let (low, high) = (_mm_unpacklo_epi64(a, b), _mm_unpacklo_epi64(c, d));
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
    };
    let (first, second) = halves(four(0), four(2));
    // Of what differs, the rest of the hash.
    let fits = |slots| {
        let differs = _mm256_andnot_si256(set(last), _mm256_xor_si256(slots, all));
        _mm256_cmpeq_epi32(differs, _mm256_setzero_si256())
    };
    let second = _mm256_and_si256(second, fits(second));
    let found = _mm256_blendv_epi8(second, first, fits(first));
    write(_mm256_and_si256(found, set(last)), numbers);
}

/// [`Kernel::confirm`](crate::kernel::Kernel::confirm).
#[target_feature(enable = "avx2,bmi1,popcnt")]
pub(in crate::kernel) fn confirm(
    known: &[Record],
    records: &[Record],
    numbers: &mut [u32],
    unknown: &mut Vec<u32>,
) {
    let highest = known.len().checked_sub(1).expect("the first is that of none");
    let highest = set(highest.try_into().unwrap_or(u32::MAX));
    let room = &mut unknown.spare_capacity_mut()[..numbers.len() + SLACK];
    let (mut first, mut n_unknown) = (0, 0);
    let mut note = |is_known: u8| {
        let places = _mm256_add_epi32(set_first(!is_known), set(first));
        let target = room[n_unknown..].first_chunk_mut::<LANES>().expect("there is room");
        // SAFETY: eight numbers can be written, at any alignment.
        unsafe { store(target.as_mut_ptr(), places) };
        n_unknown += (!is_known).count_ones() as usize;
        first += LANES as u32;
    };
    let (batch_records, last_records) = records[..numbers.len()].as_chunks();
    let (batches, rest) = numbers.as_chunks_mut();
    for (numbers, records) in batches.iter_mut().zip(batch_records) {
        note(confirm_batch(known, highest, records, numbers));
    }
    if !rest.is_empty() {
        // What is not there is confirmed: 0, which is no term.
        let (mut records, mut numbers) = ([known[0]; LANES], [0; LANES]);
        records[..rest.len()].copy_from_slice(last_records);
        numbers[..rest.len()].copy_from_slice(rest);
        note(confirm_batch(known, highest, &records, &mut numbers));
        rest.copy_from_slice(&numbers[..rest.len()]);
    }
    let length = unknown.len() + n_unknown;
    // SAFETY: so many have been written.
    unsafe { unknown.set_len(length) };
}

/// Makes each number 0 whose record is not the one, and returns which were right.
#[target_feature(enable = "avx2")]
#[inline]
fn confirm_batch(
    known: &[Record],
    highest: __m256i,
    records: &[Record; LANES],
    numbers: &mut [u32; LANES],
) -> u8 {
    let found = read(numbers);
    let is_number = _mm256_cmpeq_epi32(_mm256_min_epu32(found, highest), found);
    assert!(mask(is_number) == 0xff, "all numbers are of terms");
    let is_same = |pair: usize| {
        let read = |i: usize| {
            // SAFETY: it reads a number of a reference, and all of them are below the number of records.
            unsafe {
                let number = std::ptr::read_volatile(&raw const numbers[2 * pair + i]);
                _mm_loadu_si128(known.as_ptr().add(number as usize).cast())
            }
        };
        let known = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(read(0)), read(1));
        // SAFETY: two records can be read, at any alignment.
        _mm256_cmpeq_epi32(known, unsafe { load(records[2 * pair..].as_ptr()) })
    };
    // A byte for each four bytes of a record, so that those of a record make a lane.
    let low = _mm256_packs_epi32(is_same(0), is_same(1));
    let high = _mm256_packs_epi32(is_same(2), is_same(3));
    let is_known = _mm256_cmpeq_epi32(_mm256_packs_epi16(low, high), _mm256_set1_epi32(-1));
    let is_known = in_order(is_known);
    write(_mm256_and_si256(is_known, found), numbers);
    mask(is_known)
}

/// The starts and the ends of eight ranges, evens before odds.
#[target_feature(enable = "avx2")]
#[inline]
fn deinterleave(spans: &[Span; LANES]) -> (__m256i, __m256i) {
    // SAFETY: a span is two numbers of 32 bits, so eight of them are two vectors.
    let (low, high) = unsafe { (load(spans.as_ptr()), load(spans.as_ptr().add(4))) };
    // 0 2 1 3 and 4 6 5 7, so that 0 2 4 6 and 1 3 5 7 share a half of a register.
    let [low, high] = [low, high].map(|four| _mm256_permute4x64_epi64::<0b11_01_10_00>(four));
    halves(low, high)
}

/// The lower and the upper halves of numbers of 64 bits, two of `a` and two of `b` in turn.
#[target_feature(enable = "avx2")]
#[inline]
fn halves(a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
    (
        _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(a, b)),
        _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(a, b)),
    )
}

/// Turns evens before odds into ascending order.
#[target_feature(enable = "avx2")]
#[inline]
fn in_order(lanes: __m256i) -> __m256i {
    _mm256_permutevar8x32_epi32(lanes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))
}

/// The highest bit of each lane.
#[target_feature(enable = "avx2")]
#[inline]
fn mask(lanes: __m256i) -> u8 {
    _mm256_movemask_ps(_mm256_castsi256_ps(lanes)) as u8
}

#[target_feature(enable = "avx2")]
#[inline]
fn set(number: u32) -> __m256i {
    _mm256_set1_epi32(number.cast_signed())
}

#[target_feature(enable = "avx2")]
#[inline]
fn read(numbers: &[u32; LANES]) -> __m256i {
    // SAFETY: eight numbers are read.
    unsafe { load(numbers.as_ptr()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn write(numbers: __m256i, target: &mut [u32; LANES]) {
    // SAFETY: eight numbers are written.
    unsafe { store(target.as_mut_ptr(), numbers) };
}
