//! The kernel for 256-bit vectors.
//!
//! # Overview
//!
//! **Split.** A byte is looked up twice, by its upper and by its lower half, in tables of 16 bytes; it is in the class if
//! what is found shares a bit. So 64 bytes become a mask of 64 bits. Bits without a neighbour are
//! tokens of one letter and are taken out, for which the mask of the next 64 bytes must be known. Where the
//! mask changes a token starts or ends, and a table that has the places of the bits of all bytes turns eight bits
//! into eight numbers, of which as many are kept as bits are set:
//!
//! ```text
//! text    T h e   c a t   a   d      bits 10001001   table 0 3 7 - - - - -
//! mask    1 1 1 0 1 1 1 0 1 0 1            + place of the eight   64
//! kept    1 1 1 0 1 1 1 0 0 0 1      written      64 67 71 x x x x x
//! edges   ^     ^ ^     ^     ^      next writes from here ^
//! ```
//!
//! Starts and ends alternate, so what is written is the spans themselves.
//!
//! **Join.** The same table read as the indices of a shuffle moves the bytes that are kept to the front, eight at a
//! time. What separates tokens has become a space before. The places of the spaces are found in a second pass over what
//! was written.
//!
//! **Hash.** 16 bytes of each of eight tokens are read and transposed; then each vector has the same four bytes of
//! all eight, and the four blocks go through the hash function without a branch: bytes behind the end of a token
//! are shifted out, and a lane whose token has ended keeps its hash. Longer features wait until there are eight of them.
//! Windows need no transposing: a shuffle of 16 bytes has the four bytes of eight windows in a row.
//!
//! **Sort.** Up to 64 keys are sorted by a network of exchanges ([`network`]). A few hundred are first dealt to the two sides
//! of a pivot, again and again: their range is known and they are spread evenly, so the pivot needs no looking for.
//! More are dealt to bins of about 24, and as many bins in a row as fit go through the network together.
//! Where keys are not spread as they should be, pivots are taken from among them, and whenever such a pivot
//! was a bad one, the next one halves the range, so that no input takes more than some 60 rounds.
//!
//! Pairs of a number and a count are sorted as keys where both fit 32 bits together, as those of documents nearly always do.
//!
//! **Count.** A key that differs from the next one ends a run. The sums of all signs up to there are kept, and what
//! lies between two of them is the sum of a run.
//!
//! **Terms.** To look them up in a vocabulary, sixteen bytes are loaded from each of two places, cut to the length of the
//! term, which becomes the last byte, and hashed where they are: four products of 32 bits each. The two slots that a hash
//! points to are read as one, and the records that eight numbers lead to compared two by two ([`terms`]).
//!
//! # Why
//!
//! Times are for 18,773 English messages, 36 MB with 5.4 million tokens, on one core of a Zen 4:
//!
//! | step | scalar | here |
//! |---|---|---|
//! | split | 32 ms | 8.2 ms |
//! | join | 76 ms | 10.3 ms |
//! | hash tokens | 41 ms | 9.7 ms |
//! | hash 86 million windows | 816 ms | 43 ms |
//! | sort tokens | 35 ms | 10 ms |
//! | sort windows | 512 ms | 201 ms |
//! | count tokens | 7.7 ms | 2.2 ms |
//! | sort pairs of terms and counts | 28 ms | 10 ms |
//! | pack terms | 15.5 ms | 5.9 ms |
//! | guess their numbers | 10.6 ms | 4.8 ms |
//! | compare their records | 6.3 ms | 4.9 ms |
//!
//! Dealing the 4,600 windows of a message by pivots alone took 288 ms: each of its eight rounds costs a cycle a key,
//! mostly for writing, against five for bins altogether. Dealing the tokens of a message, which are some 290, to bins was
//! slower by a quarter than by pivots. Bins of 10 or of 24 keys and more made no difference, nor did, for the numbers of
//! terms, pivots that are the middle one of sixteen keys and not of three.
//!
//! Gathering the slots, two numbers of 32 bits or one of 64 for each hash, took 1.6 and 1.3 times as long as loading them
//! one by one, and gathers are slower still on many other processors.
//!
//! `pext` would find the places of spaces while joining, but is slow on processors of AMD before Zen 3.

#![allow(unsafe_code)]

mod count;
mod hash;
mod join;
mod lanes;
mod network;
mod scaling;
mod sort;
mod split;
pub(super) mod terms;
mod windows;

use std::mem::MaybeUninit;

use super::{Kernel, Scalar, join_by_splitting};
use crate::analyzer::{TokenClass, TokenRule};
use crate::csr::Norm;
use crate::documents::Span;
use crate::error::Result;
use crate::hashing::Buckets;
use crate::vocabulary::{Record, Seed, Slot};

/// The kernel for 256-bit vectors. There is a value only where the processor can run it.
#[derive(Debug)]
pub struct Avx2(());

impl Avx2 {
    /// The kernel, if this processor can run it.
    #[must_use]
    pub fn detect() -> Option<&'static Self> {
        let is_supported = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("lzcnt");
        is_supported.then_some(&Self(()))
    }
}

impl Kernel for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
    }

    fn split_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        let split = match (rule.class, lowercase) {
            (TokenClass::Word, true) => split::split::<true, true>,
            (TokenClass::Word, false) => split::split::<true, false>,
            (TokenClass::NonSpace, true) => split::split::<false, true>,
            (TokenClass::NonSpace, false) => split::split::<false, false>,
        };
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { split(block, rule, text, spans) }
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
        let join = match (rule.class, lowercase) {
            (TokenClass::Word, true) => join::join::<true, true>,
            (TokenClass::Word, false) => join::join::<true, false>,
            (TokenClass::NonSpace, true) => join::join::<false, true>,
            (TokenClass::NonSpace, false) => join::join::<false, false>,
        };
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { join(block, rule, text, starts) }
    }

    fn hash(
        &self,
        text: &[u8],
        spans: &[Span],
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        let hash =
            if hash::Keys::is_mask(buckets) { hash::hash::<true> } else { hash::hash::<false> };
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { hash(text, spans, buckets, keys) }
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
        let hash = if hash::Keys::is_mask(buckets) {
            windows::hash::<true>
        } else {
            windows::hash::<false>
        };
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { hash(text, length, buckets, keys) }
    }

    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { sort::sort(keys, spare, proceed) }
    }

    fn count(&self, keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()> {
        // SAFETY: there is a value only where the processor has the instructions.
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
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { terms::pack_all(text, spans, seed, records, hashes, long) }
    }

    fn guess(&self, slots: &[Slot], hashes: &[u32], numbers: &mut [u32]) {
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { terms::guess(slots, hashes, numbers) }
    }

    fn confirm(
        &self,
        known: &[Record],
        records: &[Record],
        numbers: &mut [u32],
        unknown: &mut Vec<u32>,
    ) {
        // SAFETY: there is a value only where the processor has the instructions.
        unsafe { terms::confirm(known, records, numbers, unknown) }
    }

    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        // SAFETY: there is a value only where the processor has the instructions.
        if unsafe { sort::sort_pairs(pairs, spare, proceed)? } {
            return Ok(());
        }
        Scalar.sort_pairs(pairs, spare, proceed)
    }
}
