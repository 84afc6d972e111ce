//! Finding the edges of tokens, 64 bytes at a time.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::text::{Classifier, load, load_part, store_places};
use crate::analyzer::TokenRule;
use crate::documents::Span;
use crate::error::{Result, reserve};
use crate::murmur3::PADDING;

/// [`Kernel::split_ascii`](crate::kernel::Kernel::split_ascii).
#[target_feature(enable = "avx512vbmi,avx512vbmi2,popcnt")]
pub(super) fn split(
    block: &[u8],
    rule: TokenRule,
    lowercase: bool,
    text: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<()> {
    let classifier = Classifier::new(rule.class, lowercase);
    // At least one byte more than the padding: the last edge must be found.
    let vectors = (block.len() + PADDING) / 64 + 1;
    text.clear();
    reserve(text, 64 * vectors)?;
    spans.clear();
    reserve(spans, 32 * vectors)?;
    let targets = text.spare_capacity_mut()[..64 * vectors].as_chunks_mut().0;
    let places = spans.as_mut_ptr().cast();
    // SAFETY: there is room for 64 places for each of the vectors.
    let edges = unsafe {
        if rule.min_length == 1 {
            split_blocks::<1>(block, classifier, targets, places)
        } else {
            split_blocks::<2>(block, classifier, targets, places)
        }
    };
    // SAFETY: all of these bytes have been written, and as many places, of which two make a span.
    unsafe {
        text.set_len(64 * vectors);
        spans.set_len(edges / 2);
    }
    if rule.min_length > 2 {
        spans.retain(|span| (span.end - span.start) as usize >= rule.min_length);
    }
    Ok(())
}

/// Writes the block to `text`, filled up with spaces, and the edges of tokens to `places`, starts and ends in turn. Returns
/// how many edges there are.
///
/// # Safety
///
/// 64 places can be written for each 64 bytes of `text`.
#[target_feature(enable = "avx512vbmi,avx512vbmi2,popcnt")]
#[inline]
unsafe fn split_blocks<const MIN_LENGTH: usize>(
    block: &[u8],
    classifier: Classifier,
    text: &mut [[MaybeUninit<u8>; 64]],
    places: *mut u32,
) -> usize {
    let mut edges = Edges::<MIN_LENGTH> { places, number: 0, base: u32::MAX, before: 0, kept: 0 };
    let (whole, part) = block.as_chunks();
    let (first, last) = text.split_at_mut(whole.len());
    for (bytes, target) in whole.iter().zip(first) {
        // SAFETY: as promised.
        unsafe { edges.push(classifier, load(bytes), target) };
    }
    // The rest and the padding take one vector or two.
    for (i, target) in last.iter_mut().enumerate() {
        let bytes = if i == 0 { load_part(part) } else { load_part(&[]) };
        // SAFETY: as promised.
        unsafe { edges.push(classifier, bytes, target) };
    }
    edges.number
}

/// The edges so far, and what is carried from 64 bytes to the next.
struct Edges<const MIN_LENGTH: usize> {
    places: *mut u32,
    number: usize,
    /// The place before the next 64 bytes.
    base: u32,
    /// Which of the 64 bytes before belong to the class.
    before: u64,
    /// Bit 0: whether the last byte looked at belongs to a token that is kept.
    kept: u64,
}

impl<const MIN_LENGTH: usize> Edges<MIN_LENGTH> {
    /// # Safety
    ///
    /// 64 places can be written behind those that have been.
    #[target_feature(enable = "avx512vbmi,avx512vbmi2,popcnt")]
    #[inline]
    unsafe fn push(
        &mut self,
        classifier: Classifier,
        bytes: __m512i,
        target: &mut [MaybeUninit<u8>; 64],
    ) {
        let (folded, members) = classifier.fold(bytes);
        // SAFETY: 64 bytes can be written, at any alignment.
        unsafe { _mm512_storeu_si512(target.as_mut_ptr().cast(), folded) };
        // A byte is kept if its class is right and, where single ones do not count, that of a byte
        // beside it. For the last of the 64 bytes this is not known yet; so the 64 that end one
        // before it are dealt with, and each is seen here between its neighbours.
        let this = members << 1 | self.before >> 63;
        let kept = if MIN_LENGTH == 1 {
            this
        } else {
            this & (members | members << 2 | self.before >> 62)
        };
        let edges = kept ^ (kept << 1 | self.kept);
        // SAFETY: as promised.
        self.number += unsafe { store_places(edges, self.base, self.places.add(self.number)) };
        self.base = self.base.wrapping_add(64);
        self.before = members;
        self.kept = kept >> 63;
    }
}
