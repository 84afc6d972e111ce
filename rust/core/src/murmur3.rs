//! `MurmurHash3_x86_32` with seed 0, the hash function of scikit-learn's feature hashing.
//!
//! # Overview
//!
//! [`murmur3`] is the plain form, for one key. [`murmur3_padded`] hashes a range of a longer text that
//! is followed by at least [`PADDING`] readable bytes. Keys of up to 16 bytes, and tokens hardly ever
//! are longer, take one path without a branch: four blocks, masked to the key's length, where a block
//! that lies beyond the end is 0 and changes nothing.
//!
//! # Why
//!
//! Austin Appleby's function is in the public domain; a crate would have to be trusted to stay the same
//! for ever, since a model that was hashed with one function is wrong with any other. The algorithm is
//! 20 lines and its known answers are tests.
//!
//! A loop over the blocks of a short key is left after an unpredictable number of rounds, which costs
//! more than computing blocks that are not there: 10 ns a token against 4.

/// Bytes that must be readable behind the last key given to [`murmur3_padded`].
pub const PADDING: usize = 16;

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

#[inline(always)]
const fn scramble(block: u32) -> u32 {
    block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

#[inline(always)]
const fn absorb(hash: u32, block: u32) -> u32 {
    (hash ^ scramble(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

#[inline(always)]
const fn finish(mut hash: u32, length: usize) -> u32 {
    // The reference implementation takes the length as a 32-bit number as well.
    hash ^= length as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// The masks that keep the first 0 to 16 bytes.
static KEEP: [u128; 17] = {
    let mut keep = [0; 17];
    let mut length = 1;
    while length < 17 {
        keep[length] = keep[length - 1] << 8 | 0xff;
        length += 1;
    }
    keep
};

/// Hashes one key.
///
/// # Example
///
/// ```
/// assert_eq!(shardfit_core::murmur3::murmur3(b"the") as i32, -1_132_748_958);
/// ```
#[must_use]
pub fn murmur3(key: &[u8]) -> u32 {
    let (blocks, tail) = key.as_chunks::<4>();
    let hash = blocks.iter().fold(0, |hash, block| absorb(hash, u32::from_le_bytes(*block)));
    let last = tail.iter().rev().fold(0, |last, &byte| last << 8 | u32::from(byte));
    finish(hash ^ scramble(last), key.len())
}

/// Hashes `text[start..end]`, the same as [`murmur3`] of that slice.
///
/// # Panics
///
/// If fewer than [`PADDING`] bytes follow `end` in `text`.
#[inline(always)]
#[must_use]
pub fn murmur3_padded(text: &[u8], start: usize, end: usize) -> u32 {
    let length = end - start;
    if length > 16 {
        return murmur3(&text[start..end]);
    }
    let bytes = *text[start..].first_chunk::<16>().expect("the text is padded");
    let key = u128::from_le_bytes(bytes) & KEEP[length];
    let mut hash = 0;
    for block in 0..4 {
        let partial = hash ^ scramble((key >> (32 * block)) as u32);
        let whole = partial.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
        hash = if length >= 4 * (block + 1) { whole } else { partial };
    }
    finish(hash, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        // From scikit-learn's murmurhash3_bytes_s32 with seed 0.
        for (key, hash) in [
            ("a", 1_009_084_850),
            ("ab", -1_681_926_305),
            ("the", -1_132_748_958),
            ("İ", -651_154_587),
            ("日本", -992_347_838),
            ("naïve", 992_511_445),
            ("foo", -156_908_512),
            ("", 0),
        ] {
            assert_eq!(murmur3(key.as_bytes()) as i32, hash, "{key}");
        }
        assert_eq!(murmur3(b"U\x07o\x83") as i32, i32::MIN);
    }

    proptest! {
        #[test]
        fn padded_equals_plain(key: Vec<u8>, before: Vec<u8>, after: [u8; PADDING]) {
            let text = [before.as_slice(), &key, &after].concat();
            let end = before.len() + key.len();
            prop_assert_eq!(murmur3_padded(&text, before.len(), end), murmur3(&key));
        }
    }
}
