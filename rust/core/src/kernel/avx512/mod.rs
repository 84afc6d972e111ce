//! The kernel for 512-bit vectors.
//!
//! # Overview
//!
//! **Sort and count.** Keys are parted by pivots until few enough are left for a sorting network in registers
//! (`sort`, `partition`, `network`); pairs are sorted as keys where they fit (`pairs`); runs are counted by
//! differences of running sums (`count`).

#![allow(unsafe_code)]

mod count;
mod network;
mod pairs;
mod partition;
mod sort;

use super::{Kernel, Scalar, join_by_splitting};
use crate::analyzer::TokenRule;
use crate::documents::Span;
use crate::error::Result;
use crate::hashing::Buckets;
use crate::vocabulary::{Record, Seed};

/// The kernel for 512-bit vectors. There is a value only where the processor can run it.
#[derive(Debug)]
pub struct Avx512(());

impl Avx512 {
    /// The kernel, if this processor can run it.
    #[must_use]
    pub fn detect() -> Option<&'static Self> {
        let is_supported = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
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
        Scalar.split_ascii(block, rule, lowercase, text, spans)
    }

    fn join_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        starts: &mut Vec<u32>,
    ) -> Result<()> {
        join_by_splitting(self, block, rule, lowercase, text, starts)
    }

    fn hash(
        &self,
        text: &[u8],
        spans: &[Span],
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        Scalar.hash(text, spans, buckets, keys)
    }

    fn hash_windows(
        &self,
        text: &[u8],
        length: usize,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        Scalar.hash_windows(text, length, buckets, keys)
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
        // SAFETY: the processor can run it, or there would be no value of this type.
        unsafe { pairs::sort_pairs(pairs, spare, proceed) }
    }
}
