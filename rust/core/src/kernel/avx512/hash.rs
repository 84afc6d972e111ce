//! Keys of ranges, 16 at a time.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;
use std::ops::Range;

use super::murmur3::{Keys, finish, mix, rotate, set};
use crate::analyzer::{JoinedTokens, NgramRange};
use crate::documents::Span;
use crate::error::{Result, reserve};
use crate::hashing::Buckets;
use crate::murmur3::{PADDING, murmur3_padded};

/// How many ranges are hashed at once.
const LANES: usize = 16;
/// How many bytes of each.
const PIECE: usize = 16;

/// [`Kernel::hash`](crate::kernel::Kernel::hash).
#[target_feature(enable = "avx512bw,avx512dq,popcnt")]
pub(super) fn hash(
    text: &[u8],
    spans: &[Span],
    buckets: Buckets,
    keys: &mut Vec<u32>,
) -> Result<()> {
    // The last vector of keys is written as a whole.
    reserve(keys, spans.len() + LANES)?;
    if buckets.number().is_power_of_two() {
        hash_all(text, spans, buckets, Keys::<true>::new(buckets), keys);
    } else {
        hash_all(text, spans, buckets, Keys::<false>::new(buckets), keys);
    }
    Ok(())
}

/// Appends the keys to `keys`, where there is room for [`LANES`] more than there are spans.
#[target_feature(enable = "avx512bw,avx512dq,popcnt")]
#[inline]
fn hash_all<const POWER_OF_TWO: bool>(
    text: &[u8],
    spans: &[Span],
    buckets: Buckets,
    keys_of: Keys<POWER_OF_TWO>,
    keys: &mut Vec<u32>,
) {
    let room = &mut keys.spare_capacity_mut()[..spans.len() + LANES];
    let mut long = Long { number: 0, entries: [[0; 2 * LANES]; 4] };
    let limit = set(text.len().saturating_sub(PADDING).try_into().unwrap_or(u32::MAX));
    let (batches, rest) = spans.as_chunks();
    let mut last = [Span { start: 0, end: 0 }; LANES];
    last[..rest.len()].copy_from_slice(rest);
    for (batch, spans) in batches.iter().chain((!rest.is_empty()).then_some(&last)).enumerate() {
        let (starts, ends) = deinterleave(spans);
        let is_inside =
            _mm512_mask_cmple_epu32_mask(_mm512_cmple_epu32_mask(starts, ends), ends, limit);
        let target = room[batch * LANES..].first_chunk_mut().expect("there is room for one more");
        if is_inside != 0xffff || text.len() < PADDING {
            hash_one_by_one(text, spans.iter().copied(), buckets, target);
            continue;
        }
        // The starts are in a register already, from where the compiler would take them one by one, by way of
        // the units that everything else here waits for. A volatile read is a load.
        // SAFETY: it reads a number of a reference; and all of the ranges start the padding before the
        // end of the text, or further.
        let blocks = unsafe {
            load_pieces(text, |i| std::ptr::read_volatile(&raw const spans[i].start) as usize)
        };
        let lengths = _mm512_sub_epi32(ends, starts);
        let hashes = absorb(blocks, _mm512_setzero_si512(), lengths);
        store(keys_of.of(finish(hashes, lengths)), target);
        let is_long = _mm512_cmpgt_epu32_mask(lengths, set(PIECE as u32));
        if is_long != 0 {
            let places = _mm512_add_epi32(set((batch * LANES) as u32), places());
            long.push(is_long, [hashes, lengths, starts, places]);
            if long.number >= LANES {
                // SAFETY: all of them lie in the text, the padding before its end.
                unsafe { long.finish(text, buckets, keys_of, room) };
            }
        }
    }
    // SAFETY: as before.
    unsafe { long.finish(text, buckets, keys_of, room) };
    let length = keys.len() + spans.len();
    // SAFETY: a key has been written for each span.
    unsafe { keys.set_len(length) };
}

/// [`Kernel::hash_ngrams`](crate::kernel::Kernel::hash_ngrams): n-grams that start with the same token share its bytes.
#[target_feature(enable = "avx512bw,avx512dq,bmi2,popcnt")]
pub(super) fn hash_ngrams(
    tokens: JoinedTokens<'_>,
    firsts: Range<usize>,
    lengths: NgramRange,
    buckets: Buckets,
    keys: &mut Vec<u32>,
) -> Result<()> {
    let max = lengths.max.min(tokens.number());
    let lengths = NgramRange { max, ..lengths };
    let number = (max + 1).saturating_sub(lengths.min);
    // The last vector of keys is written as a whole.
    reserve(keys, firsts.len().saturating_mul(number).saturating_add(LANES))?;
    if buckets.number().is_power_of_two() {
        hash_all_ngrams(tokens, firsts, lengths, buckets, Keys::<true>::new(buckets), keys);
    } else {
        hash_all_ngrams(tokens, firsts, lengths, buckets, Keys::<false>::new(buckets), keys);
    }
    Ok(())
}

/// Appends the keys to `keys`, where there is room for [`LANES`] more than there are n-grams.
#[target_feature(enable = "avx512bw,avx512dq,bmi2,popcnt")]
#[inline]
fn hash_all_ngrams<const POWER_OF_TWO: bool>(
    tokens: JoinedTokens<'_>,
    firsts: Range<usize>,
    lengths: NgramRange,
    buckets: Buckets,
    keys_of: Keys<POWER_OF_TWO>,
    keys: &mut Vec<u32>,
) {
    let JoinedTokens { text, starts } = tokens;
    let room = keys.spare_capacity_mut();
    let mut long = Long { number: 0, entries: [[0; 2 * LANES]; 4] };
    let limit = set(text.len().saturating_sub(PADDING).try_into().unwrap_or(u32::MAX));
    let mut written = 0;
    for first in firsts.clone().step_by(LANES) {
        let rest = &starts[first..];
        let mut last = [0; LANES];
        let starts = rest.first_chunk().unwrap_or_else(|| {
            last[..rest.len()].copy_from_slice(rest);
            &last
        });
        let first_bytes = load(starts);
        let are_inside = text.len() >= PADDING && _mm512_cmpgt_epu32_mask(first_bytes, limit) == 0;
        // SAFETY: starts are in a register already, see `hash_all`; and all of them lie the padding before the end of
        // the text, or further.
        let blocks = are_inside.then(|| unsafe {
            load_pieces(text, |i| std::ptr::read_volatile(&raw const starts[i]) as usize)
        });
        for length in lengths.min..=lengths.max {
            let Some(ends) = rest.get(length..) else { break };
            let number = ends.len().min(LANES).min(firsts.end - first);
            let present = _bzhi_u32(0xffff, number as u32) as __mmask16;
            // SAFETY: lanes of ends that are not there are not read.
            let ends = unsafe { _mm512_maskz_loadu_epi32(present, ends.as_ptr().cast()) };
            let ends = _mm512_mask_sub_epi32(first_bytes, present, ends, set(1));
            let are_ranges = _mm512_cmple_epu32_mask(first_bytes, ends);
            let are_inside = _mm512_mask_cmple_epu32_mask(are_ranges, ends, limit);
            let target = room[written..].first_chunk_mut().expect("there is room for one more");
            let (Some(blocks), 0xffff) = (blocks, are_inside) else {
                let ngrams = tokens.ngrams(length, first..first + number);
                hash_one_by_one(text, ngrams, buckets, target);
                written += number;
                continue;
            };
            let lengths = _mm512_sub_epi32(ends, first_bytes);
            let hashes = absorb(blocks, _mm512_setzero_si512(), lengths);
            store(keys_of.of(finish(hashes, lengths)), target);
            let is_long = _mm512_cmpgt_epu32_mask(lengths, set(PIECE as u32));
            if is_long != 0 {
                let places = _mm512_add_epi32(set(written as u32), places());
                long.push(is_long, [hashes, lengths, first_bytes, places]);
                if long.number >= LANES {
                    // SAFETY: all of them lie in the text, the padding before its end.
                    unsafe { long.finish(text, buckets, keys_of, room) };
                }
            }
            written += number;
        }
    }
    // SAFETY: as before.
    unsafe { long.finish(text, buckets, keys_of, room) };
    let length = keys.len() + written;
    // SAFETY: so many have been written.
    unsafe { keys.set_len(length) };
}

/// For ranges that do not all lie where they should: this panics where one cannot be read.
#[cold]
fn hash_one_by_one(
    text: &[u8],
    spans: impl Iterator<Item = Span>,
    buckets: Buckets,
    target: &mut [MaybeUninit<u32>; LANES],
) {
    for (span, key) in spans.zip(target) {
        key.write(buckets.key(murmur3_padded(text, span.start as usize, span.end as usize)));
    }
}

/// Ranges longer than a piece, of which the first piece has been hashed.
struct Long {
    number: usize,
    /// Hashes so far, lengths, starts, and places among the keys.
    entries: [[u32; 2 * LANES]; 4],
}

impl Long {
    /// Adds those of 16 ranges that are long. There are less than 16 before.
    #[target_feature(enable = "avx512f,popcnt")]
    #[inline]
    fn push(&mut self, is_long: __mmask16, entries: [__m512i; 4]) {
        for (column, new) in self.entries.iter_mut().zip(entries) {
            let target = column[self.number..].first_chunk_mut::<LANES>().expect("room for 16");
            let packed = _mm512_maskz_compress_epi32(is_long, new);
            // SAFETY: 16 numbers can be written, at any alignment.
            unsafe { _mm512_storeu_si512(target.as_mut_ptr().cast(), packed) };
        }
        self.number += is_long.count_ones() as usize;
    }

    /// Writes the keys of the first 16 and removes them.
    ///
    /// # Safety
    ///
    /// They lie in the text, their ends the padding before its own.
    #[target_feature(enable = "avx512bw,avx512dq")]
    #[inline]
    unsafe fn finish<const POWER_OF_TWO: bool>(
        &mut self,
        text: &[u8],
        buckets: Buckets,
        keys_of: Keys<POWER_OF_TWO>,
        keys: &mut [MaybeUninit<u32>],
    ) {
        let number = self.number.min(LANES);
        if number == 0 {
            return;
        }
        let [hashes, lengths, starts, places] =
            self.entries.each_ref().map(|column| column.first_chunk::<LANES>().expect("more"));
        // SAFETY: there is a range, so the text is longer than a piece and the padding. The second pieces of
        // ranges start before their ends; what is not a range is 0 or has been one.
        let blocks = unsafe { load_pieces(text, |i| starts[i] as usize + PIECE) };
        let all_lengths = load(lengths);
        let left = _mm512_sub_epi32(all_lengths, set(PIECE as u32));
        let hashes = finish(absorb(blocks, load(hashes), left), all_lengths);
        let mut new = [MaybeUninit::new(0); LANES];
        store(keys_of.of(hashes), &mut new);
        for i in 0..number {
            let (start, length) = (starts[i] as usize, lengths[i] as usize);
            keys[places[i] as usize] = if length > 2 * PIECE {
                MaybeUninit::new(buckets.key(murmur3_padded(text, start, start + length)))
            } else {
                new[i]
            };
        }
        for column in &mut self.entries {
            column.copy_within(LANES.., 0);
        }
        self.number -= number;
    }
}

/// Goes on hashing with up to a piece of what is left, which is so many bytes long.
#[target_feature(enable = "avx512bw")]
#[inline]
fn absorb(blocks: [__m512i; 4], mut hashes: __m512i, lengths: __m512i) -> __m512i {
    let byte_lengths =
        _mm512_mullo_epi32(_mm512_min_epu32(lengths, set(PIECE as u32)), set(0x0101_0101));
    for (block, bytes) in (0..).zip(blocks) {
        // A block behind the end is 0, and leaves a hash as it is.
        let is_inside =
            _mm512_cmpgt_epu8_mask(byte_lengths, set(0x0302_0100 + block * 0x0404_0404));
        let mixed = mix(hashes, _mm512_maskz_mov_epi8(is_inside, bytes));
        hashes = rotate(mixed, _mm512_cmpge_epu32_mask(lengths, set(4 * block + 4)));
    }
    hashes
}

/// Loads a piece from each of 16 places: first the first four bytes of each, and so on.
///
/// # Safety
///
/// A piece can be read from each of them.
#[target_feature(enable = "avx512dq")]
#[inline]
unsafe fn load_pieces(text: &[u8], start: impl Fn(usize) -> usize) -> [__m512i; 4] {
    let load = |i| {
        // SAFETY: as promised, at any alignment.
        unsafe { _mm_loadu_si128(text.as_ptr().add(start(i)).cast()) }
    };
    let row = |i| {
        let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load(i)), load(i + 4));
        let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load(i + 8)), load(i + 12));
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
    };
    let rows = [row(0), row(1), row(2), row(3)];
    let low = [_mm512_unpacklo_epi32(rows[0], rows[1]), _mm512_unpacklo_epi32(rows[2], rows[3])];
    let high = [_mm512_unpackhi_epi32(rows[0], rows[1]), _mm512_unpackhi_epi32(rows[2], rows[3])];
    [
        _mm512_unpacklo_epi64(low[0], low[1]),
        _mm512_unpackhi_epi64(low[0], low[1]),
        _mm512_unpacklo_epi64(high[0], high[1]),
        _mm512_unpackhi_epi64(high[0], high[1]),
    ]
}

/// The starts and the ends of ranges.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn deinterleave(spans: &[Span; LANES]) -> (__m512i, __m512i) {
    // SAFETY: 16 spans are 32 numbers, starts and ends in turn.
    let (low, high) = unsafe {
        let numbers: *const u32 = spans.as_ptr().cast();
        (_mm512_loadu_si512(numbers.cast()), _mm512_loadu_si512(numbers.add(16).cast()))
    };
    let even = _mm512_add_epi32(places(), places());
    let odd = _mm512_add_epi32(even, set(1));
    (_mm512_permutex2var_epi32(low, even, high), _mm512_permutex2var_epi32(low, odd, high))
}

/// The numbers 0 to 15.
#[target_feature(enable = "avx512f")]
#[inline]
fn places() -> __m512i {
    _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(numbers: &[u32; LANES]) -> __m512i {
    // SAFETY: 16 numbers can be read, at any alignment.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(numbers: __m512i, target: &mut [MaybeUninit<u32>; LANES]) {
    // SAFETY: 16 numbers can be written, at any alignment.
    unsafe { _mm512_storeu_si512(target.as_mut_ptr().cast(), numbers) };
}
