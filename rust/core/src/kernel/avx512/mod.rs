//! The kernel for 512-bit vectors.
//!
//! # Overview
//!
//! **Split.** One instruction looks 64 characters up in a table of 128 (`vpermi2b`), which holds what each
//! becomes and, in the top bit, whether a token may hold it. The top bits make a mask; where it changes, a token
//! starts or ends; and the places of the changes are the numbers 0 to 63 with the others left out (`vpcompressb`):
//!
//! ```text
//! text      T h e   c a t   a   s a t
//! table     t h e . c a t . a . s a t .     . has no top bit
//! mask      1 1 1 0 1 1 1 0 1 0 1 1 1 0
//! singles   1 1 1 0 1 1 1 0 0 0 1 1 1 0     if tokens have two bytes or more
//! edges     ^     ^ ^     ^     ^     ^
//! compress  0 3 4 7 10 13
//! ```
//!
//! Starts and ends come in turn, so these numbers, widened, are the spans. A byte is single if neither
//! neighbour is in the class. The one behind the last of 64 is not known yet, so each step deals with the 64 bytes
//! that end one earlier. Tokens that are longer than two are chosen among the spans afterwards.
//!
//! **Join.** The same mask, and the byte behind each token made a space: `vpcompressb` moves both kinds
//! together. Gathering the bits of the spaces by those of what is kept (`pext`) gives the places where they go.
//!
//! **Fold.** Texts outside ASCII: the ready bytes of 16 characters, one to three each, are moved together by one
//! `vpcompressb` (`fold`).
//!
//! **Short documents.** Many of them are written to one text, 32 characters at a time, which are looked up by pages of
//! 64 (`blocks`, `lookup`), and hashed together (`short`).
//!
//! **Hash.** Sixteen bytes are loaded from each of 16 places, and transposed, so that a register holds the
//! first four bytes of each, and so on; bytes behind an end are made 0, which leaves a hash as it is.
//! Longer ranges leave their unfinished hash in a queue, from which 16 at a time go on with another 16 bytes;
//! the few that are longer still are hashed one by one. For numbers of columns that are no power of two,
//! the remainder is had by multiplying with the reciprocal and setting right by one. N-grams of several lengths that start
//! with the same token share what was loaded, and need no ranges: the end of one is where a later token starts.
//!
//! **Windows.** One `vpermb` per four bytes takes them for 16 windows out of one register. All windows have the
//! same length, so nothing is masked; those with a space inside are known from the mask of spaces and left out in the
//! end (`vpcompressd`).
//!
//! **Sort and count.** Keys are parted by pivots until few enough are left for a sorting network in registers
//! (`sort`, `partition`, `network`); pairs are sorted as keys where they fit (`pairs`); runs are counted by
//! differences of running sums (`count`).
//!
//! **Terms.** To look them up in a vocabulary, sixteen bytes are loaded from each of four places, cut to the length of the
//! term, which becomes the last byte, and hashed where they are: eight products of 32 bits each (`terms`).
//! Numbers are guessed and confirmed as with AVX2: most of that is loads, and wider registers gained nothing.
//!
//! # Why
//!
//! Measured on Zen 4 at about 3.5 GHz, 36 MB of English news with 5.4 million tokens, in ms, against
//! the portable kernel: split 3.1 (30), join 4.1 (70), hash 7.0 (42), pairs of tokens 9.4 (45), windows of 4 bytes
//! 13 (225).
//!
//! - Compressing straight into memory is done in microcode there; every `vpcompress` goes to a register, which is
//!   stored as a whole. So all buffers have room for a vector more.
//! - Only the last 64 bytes of a block are loaded under a mask. Buffers are written through their spare capacity: filling
//!   them with zeros first would take as long as splitting.
//! - Starts that the compiler took out of a vector register, rather than load them a second time, cost 13 % of hashing;
//!   rows put together by three insertions of a quarter instead of two halves, 4 %.
//! - Loading for each length of n-grams anew, from ranges written before, took 5 % longer for everything from text to rows.
//! - Multiplying by 5 was 9 % slower for windows than a shift and an addition, and the same for ranges.
//! - Terms one after the other, with a product of 64 bits each for the hash: 13 ms to pack them, 12 to find their numbers
//!   and 8 to compare their records, where 5, 5 and 5 are taken now; counting took a third longer.
//! - Slots that are gathered: 8 ms; loaded pair by pair, 5.
//! - Dropping short tokens one after the other, with a branch, took 10 ms where eight at a time take 1.
//!
//! # Safety
//!
//! There is a value of [`Avx512`] only where all instructions exist that its methods use. Loads and stores
//! go through arrays whose length the compiler has checked where that costs nothing; where places
//! come from spans, they are compared with the length of the text, 16 at a time.

#![allow(unsafe_code)]
// Every one of their names says where it comes from.
#![allow(clippy::wildcard_imports)]

mod blocks;
mod count;
mod fold;
mod hash;
mod join;
mod lookup;
mod murmur3;
mod network;
mod pairs;
mod partition;
mod scaling;
mod short;
mod sort;
mod split;
mod terms;
mod text;
mod windows;

use std::mem::MaybeUninit;
use std::ops::Range;

use super::short::{Buffers, Texts};
use super::{Kernel, Scalar, avx2, join_by_splitting};
use crate::analyzer::encodings::Encodings;
use crate::analyzer::folding::{Edge, Target, Units};
use crate::analyzer::{JoinedTokens, NgramRange, TokenClass, TokenRule};
use crate::csr::Norm;
use crate::documents::Span;
use crate::error::Result;
use crate::hashing::{Buckets, Counts};
use crate::vocabulary::{Record, Seed, Slot};

/// The kernel for 512-bit vectors. There is a value only where the processor can run it.
#[derive(Debug)]
pub struct Avx512(());

impl Avx512 {
    /// The kernel, if this processor can run it.
    #[must_use]
    pub fn detect() -> Option<&'static Self> {
        let is_supported = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("avx512bitalg")
            && is_x86_feature_detected!("avx512vpopcntdq")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("lzcnt");
        is_supported.then_some(&Self(()))
    }
}

impl Kernel for Avx512 {
    fn name(&self) -> &'static str {
        "avx512"
    }

    fn split_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { split::split(block, rule, lowercase, text, spans) }
    }

    fn join_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        starts: &mut Vec<u32>,
    ) -> Result<()> {
        if rule.min_length > 2 {
            return join_by_splitting(self, block, rule, lowercase, text, starts);
        }
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { join::join(block, rule, lowercase, text, starts) }
    }

    fn fold(
        &self,
        units: Units<'_>,
        encodings: &Encodings,
        class: TokenClass,
        target: Target<'_>,
    ) -> usize {
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { fold::fold(units, encodings, class, target) }
    }

    fn choose_runs(&self, runs: &[[Edge; 2]], min_length: usize, spans: &mut [Span]) -> usize {
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { fold::choose_runs(runs, min_length, spans) }
    }

    fn hash(
        &self,
        text: &[u8],
        spans: &[Span],
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { hash::hash(text, spans, buckets, keys) }
    }

    fn hash_ngrams(
        &self,
        tokens: JoinedTokens<'_>,
        firsts: Range<usize>,
        lengths: NgramRange,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { hash::hash_ngrams(tokens, firsts, lengths, buckets, keys) }
    }

    fn hash_windows(
        &self,
        text: &[u8],
        length: usize,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        if length > windows::LONGEST {
            return Scalar.hash_windows(text, length, buckets, keys);
        }
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { windows::hash(text, length, buckets, keys) }
    }

    fn hash_short(
        &self,
        texts: Texts<'_>,
        buffers: &mut Buffers,
        counts: &mut Counts,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<usize> {
        if texts.splitting.rule.min_length > 2 {
            return Ok(0);
        }
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { short::hash_short(texts, buffers, counts, proceed) }
    }

    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        // SAFETY: the processor can run it, or there would be no value of this type.
        unsafe { sort::sort_keys(keys, spare, proceed) }
    }

    fn count(&self, keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()> {
        // SAFETY: the processor can run it, or there would be no value of this type.
        unsafe { count::count(keys, columns, sums) }
    }

    fn norm(&self, norm: Norm, sums: &[i32]) -> Option<f64> {
        // SAFETY: there is a value of this type only where the processor has the features.
        unsafe { scaling::norm(norm, sums) }
    }

    fn divide<'p>(
        &self,
        sums: &[i32],
        by: f64,
        places: &'p mut [MaybeUninit<f64>],
    ) -> &'p mut [f64] {
        // SAFETY: there is a value of this type only where the processor has the features.
        unsafe { scaling::divide(sums, by, places) }
    }

    fn divide_single<'p>(
        &self,
        sums: &[i32],
        by: f64,
        places: &'p mut [MaybeUninit<f32>],
    ) -> &'p mut [f32] {
        // SAFETY: there is a value of this type only where the processor has the features.
        unsafe { scaling::divide_single(sums, by, places) }
    }

    fn pack(
        &self,
        text: &[u8],
        spans: &[Span],
        seed: Seed,
        records: &mut [Record],
        hashes: &mut [u32],
        long: &mut Vec<Span>,
    ) {
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { terms::pack_all(text, spans, seed, records, hashes, long) };
    }

    fn guess(&self, slots: &[Slot], hashes: &[u32], numbers: &mut [u32]) {
        // SAFETY: there is a kernel, so the processor has AVX2.
        unsafe { avx2::terms::guess(slots, hashes, numbers) };
    }

    fn confirm(
        &self,
        known: &[Record],
        records: &[Record],
        numbers: &mut [u32],
        unknown: &mut Vec<u32>,
    ) {
        // SAFETY: there is a kernel, so the processor has these features.
        unsafe { avx2::terms::confirm(known, records, numbers, unknown) };
    }

    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        // SAFETY: the processor can run it, or there would be no value of this type.
        unsafe { pairs::sort_pairs(pairs, spare, proceed) }
    }
}
