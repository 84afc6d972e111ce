//! Moving tokens together, with one space behind each, 64 bytes at a time.

use std::arch::x86_64::*;

use super::text::{Classifier, load, load_part, store_places};
use crate::analyzer::TokenRule;
use crate::error::{Result, reserve};

/// [`Kernel::join_ascii`](crate::kernel::Kernel::join_ascii) for tokens of at least one or two bytes.
#[target_feature(enable = "avx512vbmi,avx512vbmi2,bmi2,popcnt")]
pub(super) fn join(
    block: &[u8],
    rule: TokenRule,
    lowercase: bool,
    text: &mut Vec<u8>,
    starts: &mut Vec<u32>,
) -> Result<()> {
    debug_assert!(rule.min_length <= 2);
    let classifier = Classifier::new(rule.class, lowercase);
    // One byte more than the block: behind its last token a space goes, too.
    let vectors = block.len() / 64 + 1;
    reserve(text, 64 * vectors)?;
    // Two bytes make a token and its space; what is written behind the starts needs room, too.
    reserve(starts, 32 * vectors + 32)?;
    // SAFETY: there is room behind both vectors for 64 bytes and 32 starts of each 64 bytes, and 32 more.
    let (bytes, tokens) = unsafe {
        let end = text.as_mut_ptr().add(text.len());
        let last = starts.as_mut_ptr().add(starts.len());
        let mut joiner = Joiner {
            text: end,
            bytes: 0,
            starts: last,
            tokens: 0,
            base: text.len() as u32 + 1,
            kept: 0,
            before: 0,
        };
        if rule.min_length < 2 {
            joiner.join_blocks::<1>(block, classifier);
        } else {
            joiner.join_blocks::<2>(block, classifier);
        }
        (joiner.bytes, joiner.tokens)
    };
    // SAFETY: so many have been written.
    unsafe {
        text.set_len(text.len() + bytes);
        starts.set_len(starts.len() + tokens);
    }
    Ok(())
}

/// What has been appended, and what is carried from 64 bytes to the next.
struct Joiner {
    text: *mut u8,
    bytes: usize,
    starts: *mut u32,
    tokens: usize,
    /// One behind the place where the next byte goes.
    base: u32,
    /// Bit 0: whether the last byte belongs to the class.
    before: u64,
    /// Bit 0: whether it belongs to a token that is kept.
    kept: u64,
}

impl Joiner {
    /// Appends the tokens of a block.
    ///
    /// # Safety
    ///
    /// For each 64 bytes of the block and those left over, as many bytes can be written, and 32 starts, and 32 more.
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,bmi2,popcnt")]
    #[inline]
    unsafe fn join_blocks<const MIN_LENGTH: usize>(
        &mut self,
        block: &[u8],
        classifier: Classifier,
    ) {
        let (whole, part) = block.as_chunks::<64>();
        let (last, last_members) = classifier.fold(load_part(part));
        let Some((first, rest)) = whole.split_first() else {
            // SAFETY: as promised.
            unsafe { self.push::<MIN_LENGTH>(last, last_members, 0) };
            return;
        };
        let (mut folded, mut members) = classifier.fold(load(first));
        for bytes in rest {
            let next = classifier.fold(load(bytes));
            // SAFETY: as promised.
            unsafe { self.push::<MIN_LENGTH>(folded, members, next.1) };
            (folded, members) = next;
        }
        // SAFETY: as promised.
        unsafe {
            self.push::<MIN_LENGTH>(folded, members, last_members);
            self.push::<MIN_LENGTH>(last, last_members, 0);
        }
    }

    /// Appends what is kept of 64 bytes: `members` is the mask of the bytes of the class, `next` that of the 64
    /// bytes behind.
    ///
    /// # Safety
    ///
    /// 64 bytes and 64 starts can be written behind those that have been.
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,bmi2,popcnt")]
    #[inline]
    unsafe fn push<const MIN_LENGTH: usize>(&mut self, folded: __m512i, members: u64, next: u64) {
        let kept = if MIN_LENGTH == 1 {
            members
        } else {
            members & (members << 1 | self.before | members >> 1 | next << 63)
        };
        let behind = (kept << 1 | self.kept) & !kept;
        let moved = kept | behind;
        let spaced = _mm512_mask_mov_epi8(_mm512_set1_epi8(b' '.cast_signed()), kept, folded);
        let joined = _mm512_maskz_compress_epi8(moved, spaced);
        // SAFETY: as promised.
        unsafe {
            _mm512_storeu_si512(self.text.add(self.bytes).cast(), joined);
            let places = self.starts.add(self.tokens);
            self.tokens += store_places(_pext_u64(behind, moved), self.base, places);
        }
        let number = moved.count_ones();
        self.bytes += number as usize;
        self.base = self.base.wrapping_add(number);
        self.before = members >> 63;
        self.kept = kept >> 63;
    }
}
