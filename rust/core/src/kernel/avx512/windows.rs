//! Keys of windows, 64 of them from each place in the text on.

use std::arch::x86_64::*;

use super::murmur3::{Keys, finish, mix, rotate, set};
use super::text::load;
use crate::error::{Result, reserve};
use crate::hashing::Buckets;
use crate::murmur3::PADDING;

/// How many windows are looked at in one step.
const STEP: usize = 64;
/// The longest windows that a vector holds 16 of, one from each byte on, with their last blocks as a whole.
pub(super) const LONGEST: usize = 48;
/// How many bytes a step reads.
const READ: usize = STEP - 16 + 64;

/// [`Kernel::hash_windows`](crate::kernel::Kernel::hash_windows), for windows of up to [`LONGEST`] bytes.
#[target_feature(enable = "avx512vbmi,popcnt")]
pub(super) fn hash(
    text: &[u8],
    length: usize,
    buckets: Buckets,
    keys: &mut Vec<u32>,
) -> Result<()> {
    // Each step writes whole vectors.
    reserve(keys, text.len() + STEP)?;
    if buckets.number().is_power_of_two() {
        hash_lengths(text, length, Keys::<true>::new(buckets), keys);
    } else {
        hash_lengths(text, length, Keys::<false>::new(buckets), keys);
    }
    Ok(())
}

/// Makes the usual lengths known to the compiler.
#[target_feature(enable = "avx512vbmi,popcnt")]
fn hash_lengths<const POWER_OF_TWO: bool>(
    text: &[u8],
    length: usize,
    keys_of: Keys<POWER_OF_TWO>,
    keys: &mut Vec<u32>,
) {
    match length {
        2 => hash_all::<2, POWER_OF_TWO>(text, length, keys_of, keys),
        3 => hash_all::<3, POWER_OF_TWO>(text, length, keys_of, keys),
        4 => hash_all::<4, POWER_OF_TWO>(text, length, keys_of, keys),
        5 => hash_all::<5, POWER_OF_TWO>(text, length, keys_of, keys),
        _ => hash_all::<0, POWER_OF_TWO>(text, length, keys_of, keys),
    }
}

/// Appends the keys to `keys`, where there is room for as many as the text has bytes, and for a step more.
/// `LENGTH` is `length`, or 0 for any.
#[target_feature(enable = "avx512vbmi,popcnt")]
#[inline]
fn hash_all<const LENGTH: usize, const POWER_OF_TWO: bool>(
    text: &[u8],
    length: usize,
    keys_of: Keys<POWER_OF_TWO>,
    keys: &mut Vec<u32>,
) {
    let length = if LENGTH == 0 { length } else { LENGTH };
    let windows = (text.len() - PADDING + 1).saturating_sub(length);
    let mut room = keys.spare_capacity_mut()[..windows + STEP].as_mut_ptr().cast();
    let step = Step { length, keys_of };
    let old = room;
    let mut start = 0;
    while start < windows {
        let possible = u64::MAX >> STEP.saturating_sub(windows - start);
        let rest = &text[start..];
        // SAFETY: there is room for all windows before, and a step more.
        room = unsafe {
            if let Some(bytes) = rest.first_chunk() {
                step.hash(bytes, possible, room)
            } else {
                let mut bytes = [0; READ];
                bytes[..rest.len()].copy_from_slice(rest);
                step.hash(&bytes, possible, room)
            }
        };
        start += STEP;
    }
    // SAFETY: so many have been written.
    unsafe {
        let number = room.offset_from_unsigned(old);
        keys.set_len(keys.len() + number);
    }
}

#[derive(Clone, Copy)]
struct Step<const POWER_OF_TWO: bool> {
    length: usize,
    keys_of: Keys<POWER_OF_TWO>,
}

impl<const POWER_OF_TWO: bool> Step<POWER_OF_TWO> {
    /// Writes the keys of the windows that are `possible` and lie within a word, and returns where the next key goes.
    ///
    /// # Safety
    ///
    /// As many keys can be written as bits of `possible` are set, and 16 more.
    #[target_feature(enable = "avx512vbmi,popcnt")]
    #[inline]
    unsafe fn hash(self, bytes: &[u8; READ], possible: u64, mut target: *mut u32) -> *mut u32 {
        let valid = possible & !self.crossing(bytes);
        for group in 0..STEP / 16 {
            let part: &[u8; 64] = bytes[16 * group..].first_chunk().expect("READ is long enough");
            let keys = self.keys(load(part));
            let is_valid = (valid >> (16 * group)) as u16;
            let packed =
                if self.length == 2 { keys } else { _mm512_maskz_compress_epi32(is_valid, keys) };
            // SAFETY: as promised.
            unsafe {
                _mm512_storeu_si512(target.cast(), packed);
                target = target.add(is_valid.count_ones() as usize);
            }
        }
        target
    }

    /// The windows that have a space between their ends.
    #[target_feature(enable = "avx512bw")]
    #[inline]
    fn crossing(self, bytes: &[u8; READ]) -> u64 {
        let spaces = |start: usize| {
            let bytes = load(bytes[start..].first_chunk().expect("READ is long enough"));
            _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b' '.cast_signed()))
        };
        // The upper part holds the last 16 once more, and so those that belong there.
        let mut behind = u128::from(spaces(0)) | u128::from(spaces(READ - 64)) << (READ - 64);
        let mut crossing = 0;
        for _ in 2..self.length {
            behind >>= 1;
            crossing |= behind as u64;
        }
        crossing
    }

    /// The keys of windows from each of the first 16 bytes on.
    #[target_feature(enable = "avx512vbmi")]
    #[inline]
    fn keys(self, bytes: __m512i) -> __m512i {
        // The four bytes from each on.
        let mut places = _mm512_add_epi32(first_places(), set(0x0302_0100));
        let mut hashes = _mm512_setzero_si512();
        for _ in 0..self.length / 4 {
            let blocks = _mm512_permutexvar_epi8(places, bytes);
            hashes = rotate(mix(hashes, blocks), 0xffff);
            places = _mm512_add_epi8(places, _mm512_set1_epi8(4));
        }
        let tail = self.length % 4;
        if tail != 0 {
            let is_inside = 0x1111_1111_1111_1111 * ((1 << tail) - 1);
            hashes = mix(hashes, _mm512_maskz_permutexvar_epi8(is_inside, places, bytes));
        }
        self.keys_of.of(finish(hashes, set(self.length as u32)))
    }
}

/// The numbers 0 to 15, each four times.
#[target_feature(enable = "avx512f")]
#[inline]
fn first_places() -> __m512i {
    let places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    _mm512_mullo_epi32(places, set(0x0101_0101))
}
