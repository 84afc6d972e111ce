//! The kernel for 256-bit vectors.

#![allow(unsafe_code)]

mod count;
mod hash;
mod join;
mod lanes;
mod network;
mod scaling;
mod sort;
mod split;
mod windows;

use std::mem::MaybeUninit;

use super::{Kernel, Scalar, join_by_splitting};
use crate::analyzer::{TokenClass, TokenRule};
use crate::csr::Norm;
use crate::documents::Span;
use crate::error::Result;
use crate::hashing::Buckets;
use crate::vocabulary::{Record, Seed};

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
        unsafe { sort::sort(keys, spare, true, proceed) }
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
    ) {
        Scalar.pack(text, spans, seed, records, hashes);
    }

    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        Scalar.sort_pairs(pairs, spare, proceed)
    }
}
