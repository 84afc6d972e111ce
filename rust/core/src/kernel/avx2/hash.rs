//! Hashing eight features at a time.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm256_abs_epi32, _mm256_add_epi32,
    _mm256_and_si256, _mm256_blend_epi32, _mm256_blendv_epi8, _mm256_castps_si256,
    _mm256_castsi128_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_cmpgt_epi32,
    _mm256_inserti128_si256, _mm256_max_epi32, _mm256_max_epu32, _mm256_movemask_ps,
    _mm256_mul_epu32, _mm256_mullo_epi32, _mm256_or_si256, _mm256_permute4x64_epi64,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_shuffle_ps, _mm256_slli_epi32,
    _mm256_slli_epi64, _mm256_srl_epi64, _mm256_srli_epi32, _mm256_srli_epi64, _mm256_srlv_epi32,
    _mm256_sub_epi32, _mm256_xor_si256,
};
use std::array::from_fn;

use super::lanes::{load, set_first, store, transpose_halves};
use crate::documents::Span;
use crate::error::{Result, reserve};
use crate::hashing::Buckets;
use crate::murmur3::{PADDING, murmur3};

/// Features that are hashed at once.
const LANES: usize = 8;

#[inline]
#[target_feature(enable = "avx2")]
fn splat(number: u32) -> __m256i {
    _mm256_set1_epi32(number.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn rotate_left<const BITS: i32, const REST: i32>(lanes: __m256i) -> __m256i {
    const { assert!(BITS + REST == 32) };
    _mm256_or_si256(_mm256_slli_epi32::<BITS>(lanes), _mm256_srli_epi32::<REST>(lanes))
}

/// What a block of four bytes is before it is added to a hash. Of a block of zeros nothing is left.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn scramble(block: __m256i) -> __m256i {
    let block = _mm256_mullo_epi32(block, splat(0xcc9e_2d51));
    _mm256_mullo_epi32(rotate_left::<15, 17>(block), splat(0x1b87_3593))
}

/// Ends a block of four bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn stir(hash: __m256i) -> __m256i {
    let hash = rotate_left::<13, 19>(hash);
    let fivefold = _mm256_add_epi32(hash, _mm256_slli_epi32::<2>(hash));
    _mm256_add_epi32(fivefold, splat(0xe654_6b64))
}

/// Ends a hash.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn finish(hash: __m256i, lengths: __m256i) -> __m256i {
    let hash = _mm256_xor_si256(hash, lengths);
    let hash = _mm256_xor_si256(hash, _mm256_srli_epi32::<16>(hash));
    let hash = _mm256_mullo_epi32(hash, splat(0x85eb_ca6b));
    let hash = _mm256_xor_si256(hash, _mm256_srli_epi32::<13>(hash));
    let hash = _mm256_mullo_epi32(hash, splat(0xc2b2_ae35));
    _mm256_xor_si256(hash, _mm256_srli_epi32::<16>(hash))
}

/// Adds the four bytes from `PLACE` on, of which some may lie behind the end of a feature.
#[inline]
#[target_feature(enable = "avx2")]
fn absorb(hash: __m256i, block: __m256i, place: u32, lengths: __m256i) -> __m256i {
    // How many bits are too many: none or less if the block is whole, 32 or more if there is none of it.
    let surplus = _mm256_sub_epi32(splat(8 * (place + 4)), _mm256_slli_epi32::<3>(lengths));
    let kept =
        _mm256_srlv_epi32(splat(u32::MAX), _mm256_max_epi32(surplus, _mm256_setzero_si256()));
    let partial = _mm256_xor_si256(hash, scramble(_mm256_and_si256(block, kept)));
    let is_partial = _mm256_cmpgt_epi32(surplus, _mm256_setzero_si256());
    _mm256_blendv_epi8(stir(partial), partial, is_partial)
}

/// How hashes become keys.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    /// The number of columns less 1 where that is a bit mask, else the number.
    divisor: u32,
    /// `x * factor >> shift` is `x` divided by the number of columns, for all `x` up to 2^31.
    factor: u32,
    shift: u32,
    sign: u32,
}

impl Keys {
    /// Whether the remainder is a bit mask.
    pub(super) fn is_mask(buckets: Buckets) -> bool {
        buckets.number().is_power_of_two()
    }

    pub(super) fn new(buckets: Buckets) -> Self {
        let number = buckets.number();
        let sign = u32::from(buckets.alternates());
        if Self::is_mask(buckets) {
            return Self { divisor: number - 1, factor: 0, shift: 0, sign };
        }
        // With 2^(b - 1) < number < 2^b, the factor is 2^(31 + b) / number, rounded up by less than 1. So a quotient comes out
        // too large by less than 2^31 / 2^(31 + b) < 1 / number, which never reaches the next whole number.
        let shift = 31 + (u32::BITS - number.leading_zeros());
        let factor = ((1_u64 << shift) / u64::from(number) + 1) as u32;
        Self { divisor: number, factor, shift, sign }
    }

    /// [`Buckets::key`] of eight hashes.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn keys<const MASK: bool>(self, hashes: __m256i) -> __m256i {
        let magnitudes = _mm256_abs_epi32(hashes);
        let divisor = splat(self.divisor);
        let bucket = if MASK {
            _mm256_and_si256(magnitudes, divisor)
        } else {
            let (factor, shift) = (splat(self.factor), _mm_cvtsi32_si128(self.shift.cast_signed()));
            let even = _mm256_srl_epi64(_mm256_mul_epu32(magnitudes, factor), shift);
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(magnitudes), factor);
            let odd = _mm256_slli_epi64::<32>(_mm256_srl_epi64(odd, shift));
            let quotients = _mm256_blend_epi32::<0b1010_1010>(even, odd);
            _mm256_sub_epi32(magnitudes, _mm256_mullo_epi32(quotients, divisor))
        };
        let signs = _mm256_and_si256(_mm256_srli_epi32::<31>(hashes), splat(self.sign));
        _mm256_or_si256(_mm256_add_epi32(bucket, bucket), signs)
    }
}

/// Four blocks of each of eight features: reads 16 bytes at each place.
///
/// # Safety
///
/// 16 bytes of the text are at each place.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn blocks(text: *const u8, places: [usize; LANES]) -> [__m256i; 4] {
    let mut rows = [_mm256_setzero_si256(); 4];
    for (i, row) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let (low, high): (__m128i, __m128i) = unsafe {
            (
                _mm_loadu_si128(text.add(places[i]).cast()),
                _mm_loadu_si128(text.add(places[i + 4]).cast()),
            )
        };
        *row = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
    }
    transpose_halves(rows)
}

#[inline]
#[target_feature(enable = "avx2")]
fn lengths(spans: &[Span; LANES]) -> __m256i {
    // SAFETY: a span is two numbers of 32 bits, so eight of them are two vectors.
    let (a, b) = unsafe { (load(spans.as_ptr()), load(spans.as_ptr().add(4))) };
    let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
    let starts = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
    let ends = _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(a, b));
    _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_sub_epi32(ends, starts))
}

/// Hashes features whose length is no more than 16, or, if `LONG`, between 17 and 32.
///
/// # Safety
///
/// The text goes on for [`PADDING`] bytes behind each feature.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn hash_eight<const LONG: bool>(text: *const u8, spans: &[Span; LANES]) -> __m256i {
    let lengths = lengths(spans);
    let mut places = spans.map(|span| span.start as usize);
    let mut hash = _mm256_setzero_si256();
    if LONG {
        // SAFETY: the caller's promise.
        for block in unsafe { blocks(text, places) } {
            hash = stir(_mm256_xor_si256(hash, scramble(block)));
        }
        places = places.map(|place| place + 16);
    }
    // SAFETY: each place is in its feature or at its end.
    let blocks = unsafe { blocks(text, places) };
    let first = if LONG { 16 } else { 0 };
    for (i, block) in (0..4).zip(blocks) {
        hash = absorb(hash, block, first + 4 * i, lengths);
    }
    finish(hash, lengths)
}

/// [`Kernel::hash`](crate::kernel::Kernel::hash).
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn hash<const MASK: bool>(
    text: &[u8],
    spans: &[Span],
    buckets: Buckets,
    keys: &mut Vec<u32>,
) -> Result<()> {
    if spans.is_empty() {
        return Ok(());
    }
    check(text, spans);
    reserve(keys, spans.len() + LANES)?;
    let rule = Keys::new(buckets);
    let first = keys.len();
    // SAFETY: the old length is within the vector.
    let target = unsafe { keys.as_mut_ptr().add(first) };
    let (eights, rest) = spans.as_chunks::<LANES>();
    // The last one over and over stands in for those that are not there.
    let last: [Span; LANES] = from_fn(|i| spans[(LANES * eights.len() + i).min(spans.len() - 1)]);
    let mut long = Waiting { places: [0; 2 * LANES], length: 0 };
    let mut place = 0_u32;
    for eight in eights.iter().chain((!rest.is_empty()).then_some(&last)) {
        // SAFETY: all spans have been checked. There is room for eight keys behind those that are wanted.
        unsafe {
            let hashes = hash_eight::<false>(text.as_ptr(), eight);
            store(target.add(place as usize), rule.keys::<MASK>(hashes));
        }
        let lengths = lengths(eight);
        let is_long = _mm256_cmpeq_epi32(_mm256_max_epu32(lengths, splat(17)), lengths);
        let are_long = _mm256_movemask_ps(_mm256_castsi256_ps(is_long)) as u8;
        if are_long != 0 {
            long.push(place, are_long);
            if long.length >= LANES {
                // SAFETY: all spans have been checked; those that wait are long, and their keys have room.
                unsafe { long.hash::<MASK>(text, spans, buckets, target) };
            }
        }
        place += LANES as u32;
    }
    if long.length > 0 {
        // SAFETY: as above.
        unsafe { long.hash::<MASK>(text, spans, buckets, target) };
    }
    // SAFETY: the keys up to the new length have been written.
    unsafe { keys.set_len(first + spans.len()) };
    Ok(())
}

/// Places of features that are longer than 16 bytes, until there are eight.
struct Waiting {
    places: [u32; 2 * LANES],
    length: usize,
}

impl Waiting {
    /// Adds those of the eight features from `place` on whose bits are set. Fewer than eight wait before.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn push(&mut self, place: u32, are_long: u8) {
        let places = _mm256_add_epi32(splat(place), set_first(are_long));
        let free = self.places[self.length..].first_chunk_mut::<LANES>().expect("few wait");
        // SAFETY: there is room for eight.
        unsafe { store(free.as_mut_ptr(), places) };
        self.length += are_long.count_ones() as usize;
    }

    /// Hashes up to eight of them.
    ///
    /// # Safety
    ///
    /// At least one waits. All are long, and the text goes on for [`PADDING`] bytes behind each. There is room for the
    /// keys of all spans, and eight more.
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
    unsafe fn hash<const MASK: bool>(
        &mut self,
        text: &[u8],
        spans: &[Span],
        buckets: Buckets,
        target: *mut u32,
    ) {
        // Again, the last one stands in for those that are not there.
        let places: [u32; LANES] = from_fn(|i| self.places[i.min(self.length - 1)]);
        let eight = places.map(|place| spans[(place as usize).min(spans.len() - 1)]);
        let mut keys = [0; LANES];
        // SAFETY: the caller's promise.
        unsafe {
            let hashes = hash_eight::<true>(text.as_ptr(), &eight);
            store(keys.as_mut_ptr(), Keys::new(buckets).keys::<MASK>(hashes));
        }
        for ((place, span), mut key) in places.into_iter().zip(eight).zip(keys) {
            if span.end - span.start > 32 {
                key = buckets.key(murmur3(&text[span.start as usize..span.end as usize]));
            }
            // SAFETY: the caller's promise.
            unsafe { *target.add(place as usize) = key };
        }
        self.places.copy_within(LANES.., 0);
        self.length = self.length.saturating_sub(LANES);
    }
}

/// Stops where a span is none or the text ends too early.
#[target_feature(enable = "avx2")]
fn check(text: &[u8], spans: &[Span]) {
    let (mut furthest, mut surplus) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    let (fours, rest) = spans.as_chunks::<4>();
    for four in fours {
        // SAFETY: four spans are eight numbers of 32 bits.
        let numbers = unsafe { load(four.as_ptr()) };
        // The end of each span comes to where its start is, 0 to where its end is.
        let ends = _mm256_srli_epi64::<32>(numbers);
        furthest = _mm256_max_epu32(furthest, numbers);
        let larger = _mm256_max_epu32(ends, numbers);
        surplus = _mm256_or_si256(surplus, _mm256_sub_epi32(larger, ends));
    }
    let (mut places, mut surpluses) = ([0_u32; LANES], [0_u32; LANES]);
    // SAFETY: there is room for eight numbers.
    unsafe {
        store(places.as_mut_ptr(), furthest);
        store(surpluses.as_mut_ptr(), surplus);
    }
    let mut end = places.into_iter().fold(0, u32::max);
    let mut is_ordered = surpluses.into_iter().step_by(2).all(|surplus| surplus == 0);
    for span in rest {
        end = end.max(span.end);
        is_ordered &= span.start <= span.end;
    }
    assert!(is_ordered, "a span ends before it starts");
    assert!(end as usize + PADDING <= text.len(), "the text is padded");
}
