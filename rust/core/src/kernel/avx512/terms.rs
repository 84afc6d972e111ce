//! Records of terms and their hashes, 16 at a time.
//!
//! ```text
//! bytes    t h e   c a t   s a t   o n t h   c a t   s a t .      16 bytes each
//! length   3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3   3 3 3 3 3 3 3 3      one byte of each length, 16 times
//! inside   1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0   1 1 1 0 0 0 0 0      0 1 2 ... < length
//! record   t h e . . . . . . . . . . . . 3   c a t . . . . .      the last byte from there, too
//! ```

use std::arch::x86_64::*;

use super::hash::deinterleave;
use crate::documents::Span;
use crate::murmur3::PADDING;
use crate::vocabulary::{Record, SCATTERER, Seed, pack};

/// How many terms are packed at once.
const LANES: usize = 16;
/// Terms that one register holds.
const QUARTER: usize = LANES / 4;

/// [`Kernel::pack`](crate::kernel::Kernel::pack).
#[target_feature(enable = "avx512bw,avx512dq,avx512vbmi")]
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
    if !rest.is_empty() {
        let mut spans = [Span { start: 0, end: 0 }; LANES];
        spans[..rest.len()].copy_from_slice(rest);
        let (mut records, mut hashes) = ([[0; 16]; LANES], [0; LANES]);
        packer.pack(&spans, &mut records, &mut hashes, long);
        last_records.copy_from_slice(&records[..rest.len()]);
        last_hashes.copy_from_slice(&hashes[..rest.len()]);
    }
}

/// Makes records and hashes of the terms in a text.
struct Packer<'t> {
    text: &'t [u8],
    seed: Seed,
    /// Those of the seed, four times.
    keys: __m512i,
    /// The last end that a range may have.
    limit: __m512i,
}

impl<'t> Packer<'t> {
    #[target_feature(enable = "avx512f,avx512dq")]
    #[inline]
    fn new(text: &'t [u8], seed: Seed) -> Self {
        let [a, b, c, d] = seed.keys().map(u32::cast_signed);
        let limit = text.len().saturating_sub(PADDING).try_into().unwrap_or(u32::MAX);
        let keys = _mm512_broadcast_i32x4(_mm_setr_epi32(a, b, c, d));
        Self { text, seed, keys, limit: set(limit) }
    }

    /// Writes the records and hashes of 16 terms, and appends those to `long` that do not lie in their record.
    #[target_feature(enable = "avx512bw,avx512dq,avx512vbmi")]
    #[inline]
    fn pack(
        &self,
        spans: &[Span; LANES],
        records: &mut [Record; LANES],
        hashes: &mut [u32; LANES],
        long: &mut Vec<Span>,
    ) {
        let (starts, ends) = deinterleave(spans);
        let is_range = _mm512_cmple_epu32_mask(starts, ends);
        let is_inside = _mm512_mask_cmple_epu32_mask(is_range, ends, self.limit);
        assert!(is_inside == 0xffff && self.text.len() >= PADDING, "the text is padded");
        let lengths = _mm512_sub_epi32(ends, starts);
        let quarters = records.as_chunks_mut::<QUARTER>().0;
        let mut products = [_mm512_setzero_si512(); 4];
        for (i, (products, records)) in products.iter_mut().zip(quarters).enumerate() {
            // SAFETY: all of the ranges start the padding before the end of the text, or further.
            *products = unsafe { self.pack_quarter(i, spans, lengths, records) };
        }
        store(finish(products), hashes);
        let is_long = _mm512_cmpgt_epu32_mask(lengths, set(15));
        if is_long != 0 {
            for i in (0..LANES).filter(|i| is_long >> i & 1 != 0) {
                (records[i], hashes[i]) = pack(self.text, spans[i], self.seed);
                long.push(spans[i]);
            }
        }
    }

    /// Writes records of four terms, and returns the products that their hashes are made of.
    ///
    /// # Safety
    ///
    /// A record can be read from the start of each of them.
    #[target_feature(enable = "avx512bw,avx512dq,avx512vbmi")]
    #[inline]
    unsafe fn pack_quarter(
        &self,
        quarter: usize,
        spans: &[Span; LANES],
        lengths: __m512i,
        records: &mut [Record; QUARTER],
    ) -> __m512i {
        /// The last byte of each record.
        const LAST: __mmask64 = 0x8000_8000_8000_8000;
        let load = |i: usize| {
            // SAFETY: it reads a number of a reference; and a record can be read, as promised, at any alignment.
            unsafe {
                let start = std::ptr::read_volatile(&raw const spans[QUARTER * quarter + i].start);
                _mm_loadu_si128(self.text.as_ptr().add(start as usize).cast())
            }
        };
        let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load(0)), load(1));
        let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load(2)), load(3));
        let bytes = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
        // The length of each of the four, 16 times.
        let of_lane = _mm512_add_epi8(lane_bytes(), _mm512_set1_epi8((16 * quarter) as i8));
        let length = _mm512_permutexvar_epi8(of_lane, lengths);
        let is_inside = _mm512_cmplt_epu8_mask(bytes_in_lane(), length);
        let packed = _mm512_mask_mov_epi8(_mm512_maskz_mov_epi8(is_inside, bytes), LAST, length);
        // SAFETY: four records can be written, at any alignment.
        unsafe { _mm512_storeu_si512(records.as_mut_ptr().cast(), packed) };
        let keyed = _mm512_add_epi32(packed, self.keys);
        _mm512_mul_epu32(keyed, _mm512_srli_epi64::<32>(keyed))
    }
}

/// The hashes of 16 terms, from two products each.
#[target_feature(enable = "avx512dq")]
#[inline]
fn finish(products: [__m512i; 4]) -> __m512i {
    let sums = |a, b| _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let scatter = |sums| {
        let folded = _mm512_xor_si512(sums, _mm512_srli_epi64::<32>(sums));
        _mm512_mullo_epi64(folded, _mm512_set1_epi64(SCATTERER.cast_signed()))
    };
    let [a, b, c, d] = products;
    let (low, high) = (scatter(sums(a, b)), scatter(sums(c, d)));
    // Of the first term of each quarter, then of the second, and so on: those of the first, third, second, fourth quarter.
    let mixed = _mm512_mask_mov_epi32(_mm512_srli_epi64::<32>(low), 0xaaaa, high);
    let order = _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15);
    _mm512_permutexvar_epi32(order, mixed)
}

/// Four times the number of the quarter of the register that each byte is in: where a number of 32 bits for it begins.
#[target_feature(enable = "avx512f")]
#[inline]
fn lane_bytes() -> __m512i {
    _mm512_set_epi64(
        0x0c0c_0c0c_0c0c_0c0c,
        0x0c0c_0c0c_0c0c_0c0c,
        0x0808_0808_0808_0808,
        0x0808_0808_0808_0808,
        0x0404_0404_0404_0404,
        0x0404_0404_0404_0404,
        0,
        0,
    )
}

/// The number of each byte in its quarter of the register.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn bytes_in_lane() -> __m512i {
    _mm512_broadcast_i64x2(_mm_set_epi64x(0x0f0e_0d0c_0b0a_0908, 0x0706_0504_0302_0100))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn set(number: u32) -> __m512i {
    _mm512_set1_epi32(number.cast_signed())
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(numbers: __m512i, target: &mut [u32; LANES]) {
    // SAFETY: 16 numbers can be written, at any alignment.
    unsafe { _mm512_storeu_si512(target.as_mut_ptr().cast(), numbers) };
}
