//! `MurmurHash3` of 16 features at a time, and their keys.

use std::arch::x86_64::*;

use crate::hashing::Buckets;

/// A part of a hash that four bytes more go into, before the rotation that only four whole bytes bring about.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn mix(hashes: __m512i, blocks: __m512i) -> __m512i {
    let scrambled = _mm512_mullo_epi32(blocks, set(0xcc9e_2d51));
    let scrambled = _mm512_mullo_epi32(_mm512_rol_epi32::<15>(scrambled), set(0x1b87_3593));
    _mm512_xor_si512(hashes, scrambled)
}

/// What comes after [`mix`] of four whole bytes; hashes whose bit in `whole` is not set stay as they are.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn rotate(mixed: __m512i, whole: __mmask16) -> __m512i {
    let rotated = _mm512_rol_epi32::<13>(mixed);
    let rotated = _mm512_add_epi32(rotated, _mm512_slli_epi32::<2>(rotated));
    _mm512_mask_add_epi32(mixed, whole, rotated, set(0xe654_6b64))
}

/// The end of it.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn finish(hashes: __m512i, lengths: __m512i) -> __m512i {
    let h = _mm512_xor_si512(hashes, lengths);
    let h = _mm512_xor_si512(h, _mm512_srli_epi32::<16>(h));
    let h = _mm512_mullo_epi32(h, set(0x85eb_ca6b));
    let h = _mm512_xor_si512(h, _mm512_srli_epi32::<13>(h));
    let h = _mm512_mullo_epi32(h, set(0xc2b2_ae35));
    _mm512_xor_si512(h, _mm512_srli_epi32::<16>(h))
}

/// [`Buckets::key`] of 16 hashes. `POWER_OF_TWO` is whether the number of columns is one.
#[derive(Clone, Copy)]
pub(super) struct Keys<const POWER_OF_TWO: bool> {
    number: __m512i,
    /// 2^32 divided by the number, rounded down; or the columns' bits, moved to their place in a key.
    factor: __m512i,
    /// By how much a hash is shifted to leave its sign, or nothing.
    shift: __m128i,
}

impl<const POWER_OF_TWO: bool> Keys<POWER_OF_TWO> {
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(super) fn new(buckets: Buckets) -> Self {
        let number = buckets.number();
        debug_assert_eq!(number.is_power_of_two(), POWER_OF_TWO);
        let factor = if POWER_OF_TWO {
            (number - 1) << 1
        } else {
            ((1_u64 << 32) / u64::from(number)) as u32
        };
        let shift = if buckets.alternates() { 31 } else { 32 };
        Self { number: set(number), factor: set(factor), shift: _mm_cvtsi32_si128(shift) }
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(super) fn of(self, hashes: __m512i) -> __m512i {
        // As an unsigned number, the absolute value of -2^31 is what it ought to be.
        let magnitudes = _mm512_abs_epi32(hashes);
        let signs = _mm512_srl_epi32(hashes, self.shift);
        if POWER_OF_TWO {
            const AND_OR: i32 = 0xea;
            let doubled = _mm512_slli_epi32::<1>(magnitudes);
            _mm512_ternarylogic_epi32::<AND_OR>(doubled, self.factor, signs)
        } else {
            let buckets = self.remainders(magnitudes);
            _mm512_or_si512(_mm512_slli_epi32::<1>(buckets), signs)
        }
    }

    /// The remainders of dividing by the number of columns.
    ///
    /// With f = floor(2^32 / n), the quotient floor(m f / 2^32) is the right one or 1 less, since m / n is at most
    /// m / 2^32 < 1 larger than m f / 2^32. So what is left is less than 2 n, which has 32 bits, and
    /// where it is not less than n, n less is the smaller unsigned number.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn remainders(self, magnitudes: __m512i) -> __m512i {
        let even = _mm512_srli_epi64::<32>(_mm512_mul_epu32(magnitudes, self.factor));
        let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(magnitudes), self.factor);
        let quotients = _mm512_mask_mov_epi32(even, 0xaaaa, odd);
        let left = _mm512_sub_epi32(magnitudes, _mm512_mullo_epi32(quotients, self.number));
        _mm512_min_epu32(left, _mm512_sub_epi32(left, self.number))
    }
}

/// The same number 16 times.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn set(number: u32) -> __m512i {
    _mm512_set1_epi32(number.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[target_feature(enable = "avx512f")]
    fn check_remainders(number: u32, magnitudes: [u32; 16]) {
        let keys_of = Keys::<false>::new(Buckets::new(number.into(), true).unwrap());
        let mut got = [0; 16];
        // SAFETY: both are 16 numbers, at any alignment.
        unsafe {
            let magnitudes = _mm512_loadu_si512(magnitudes.as_ptr().cast());
            _mm512_storeu_si512(got.as_mut_ptr().cast(), keys_of.remainders(magnitudes));
        }
        assert_eq!(got, magnitudes.map(|magnitude| magnitude % number), "{number}: {magnitudes:?}");
    }

    #[test]
    fn remainders_are_exact() {
        if !is_x86_feature_detected!("avx512f") {
            return;
        }
        let small = 3..2000;
        let around_powers = (11..31).flat_map(|bits| (1 << bits) - 2..=(1 << bits) + 2);
        let large = (0..2000).map(|i| i32::MAX.cast_unsigned() - i);
        let any = (1..2000_u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> (i % 20)) >> 1);
        let numbers = small.chain(around_powers).chain(large).chain(any);
        for number in numbers.filter(|n| !n.is_power_of_two() && *n > 2 && *n < 1 << 31) {
            let largest = 1_u32 << 31;
            let multiple = largest - largest % number;
            for multiple in [multiple, multiple / 2 - multiple / 2 % number, number] {
                let near = |i: u32| multiple.wrapping_add(i).wrapping_sub(8).min(largest);
                // SAFETY: the processor has just been asked.
                unsafe { check_remainders(number, std::array::from_fn(|i| near(i as u32))) };
            }
            let random = |i: u32| number.wrapping_mul(0x85eb_ca6b).wrapping_mul(2 * i + 1) >> 1;
            let mut magnitudes = std::array::from_fn(|i| random(i as u32));
            magnitudes[..5].copy_from_slice(&[0, 1, largest - 2, largest - 1, largest]);
            // SAFETY: as before.
            unsafe { check_remainders(number, magnitudes) };
        }
    }
}
