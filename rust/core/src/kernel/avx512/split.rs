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
        if rule.min_length < 2 {
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
        drop_short(rule.min_length, spans);
    }
    Ok(())
}

/// Drops spans of less than `min_length` bytes.
#[target_feature(enable = "avx512f,popcnt")]
fn drop_short(min_length: usize, spans: &mut Vec<Span>) {
    const LANES: usize = 8;
    let min_length = _mm512_set1_epi64(min_length.try_into().unwrap_or(i64::MAX));
    let (whole, left) = (spans.len() / LANES, spans.len() % LANES);
    let source: *mut Span = spans.as_mut_ptr();
    let mut kept = 0;
    for eight in 0..whole {
        // SAFETY: these are eight of the spans. No more are kept than have been read.
        kept += unsafe { move_long(min_length, 0xff, source.add(LANES * eight), source.add(kept)) };
    }
    let mut last = [Span { start: 0, end: 0 }; LANES];
    last[..left].copy_from_slice(&spans[LANES * whole..]);
    let mut moved = last;
    // SAFETY: both are eight spans.
    let more = unsafe { move_long(min_length, (1 << left) - 1, last.as_ptr(), moved.as_mut_ptr()) };
    spans[kept..kept + more].copy_from_slice(&moved[..more]);
    spans.truncate(kept + more);
}

/// Copies those of eight spans that are `possible` and long enough, and returns how many they are. What is written behind
/// them is anything.
///
/// # Safety
///
/// Eight spans can be read from `source` and written to `target`.
#[target_feature(enable = "avx512f,popcnt")]
#[inline]
unsafe fn move_long(
    min_length: __m512i,
    possible: __mmask8,
    source: *const Span,
    target: *mut Span,
) -> usize {
    // SAFETY: as promised, at any alignment.
    let spans = unsafe { _mm512_loadu_si512(source.cast()) };
    // A start is the lower half of 64 bits, an end the upper one.
    let starts = _mm512_and_si512(spans, _mm512_set1_epi64(0xffff_ffff));
    let lengths = _mm512_sub_epi64(_mm512_srli_epi64::<32>(spans), starts);
    let is_long = _mm512_mask_cmpge_epi64_mask(possible, lengths, min_length);
    // SAFETY: as promised, at any alignment.
    unsafe { _mm512_storeu_si512(target.cast(), _mm512_maskz_compress_epi64(is_long, spans)) };
    is_long.count_ones() as usize
}

/// Writes the block to `text`, filled up with spaces, and the edges of tokens to `places`, starts and ends in
/// turn. Returns how many edges there are.
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
