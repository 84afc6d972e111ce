//! The portable kernel: plain Rust, eight bytes at a time in a `u64`.
//!
//! # Overview
//!
//! **Split.** Eight bytes are lower-cased and classified at once by adding constants whose carries end
//! in each byte's top bit; a multiplication gathers the eight top bits into one byte of a bit mask.
//! Where the mask changes from one bit to the next, a token starts or ends:
//!
//! ```text
//! text   T h e   c a t s .   I t
//! mask   1 1 1 0 1 1 1 1 0 0 1 1
//! edges  ^     ^ ^       ^   ^    ^
//! ```
//!
//! The edges of 64 bytes are written out eight at a time without asking how many there are.
//!
//! **Hash.** One token after the other; tokens do not depend on each other, so the processor overlaps
//! them by itself.
//!
//! **Sort.** Keys come from a hash function, so they are spread evenly: dealing them to about as many
//! bins as there are keys, by their upper bits, leaves next to nothing to do within a bin. Numbers of terms are not: a
//! document has about as many terms from the first hundred as from the next thousand. So they are dealt by
//! their logarithm, which the upper bits of a floating-point number nearly are. From 64 Ki elements on
//! a radix sort takes over, which can be interrupted between its steps.
//!
//! # Why
//!
//! A byte at a time with a table of classes and a branch per edge ran at less than half the speed: text
//! has an edge every three bytes, and every other one is mispredicted.

mod sort;
mod split;

use super::{Kernel, join_by_splitting};
use crate::analyzer::{TokenClass, TokenRule};
use crate::documents::Span;
use crate::error::{Result, reserve};
use crate::hashing::{Buckets, bucket, sign};
use crate::murmur3::{PADDING, murmur3_padded};

/// The portable kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scalar;

impl Kernel for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn split_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        let padded = (block.len() / 64 + 1) * 64 + PADDING;
        reserve(text, padded.saturating_sub(text.len()))?;
        text.resize(padded, 0);
        spans.clear();
        reserve(spans, block.len() / 2 + 1)?;
        let min_length = rule.min_length.try_into().unwrap_or(u32::MAX);
        let split = match (rule.class, lowercase) {
            (TokenClass::Word, true) => split::split::<true, true>,
            (TokenClass::Word, false) => split::split::<true, false>,
            (TokenClass::NonSpace, true) => split::split::<false, true>,
            (TokenClass::NonSpace, false) => split::split::<false, false>,
        };
        split(block, text, min_length, spans);
        Ok(())
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
        reserve(keys, spans.len())?;
        keys.extend(
            spans.iter().map(|span| {
                buckets.key(murmur3_padded(text, span.start as usize, span.end as usize))
            }),
        );
        Ok(())
    }

    fn hash_windows(
        &self,
        text: &[u8],
        length: usize,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        let words = &text[..text.len() - PADDING];
        reserve(keys, words.len())?;
        let mut start = 0;
        // A word begins with the space before it and ends with the one behind it.
        for (space, _) in words.iter().enumerate().skip(1).filter(|&(_, &byte)| byte == b' ') {
            for first in start..(space + 2).saturating_sub(length) {
                keys.push(buckets.key(murmur3_padded(text, first, first + length)));
            }
            start = space;
        }
        Ok(())
    }

    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        sort::sort_keys(keys, spare, proceed)
    }

    fn count(&self, keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()> {
        reserve(columns, keys.len())?;
        reserve(sums, keys.len())?;
        // One place per key is written, whether or not the next key begins a new entry and so keeps it:
        // which it does is a coin toss that no processor predicts.
        let start = columns.len();
        columns.resize(start + keys.len(), 0);
        sums.resize(start + keys.len(), 0);
        let (new_columns, new_sums) = (&mut columns[start..], &mut sums[start..]);
        let (mut entries, mut sum) = (0, 0);
        for (i, &key) in keys.iter().enumerate() {
            sum += sign(key);
            new_columns[entries] = bucket(key);
            new_sums[entries] = sum;
            let ends = keys.get(i + 1).is_none_or(|&next| bucket(next) != bucket(key));
            entries += usize::from(ends);
            sum = if ends { 0 } else { sum };
        }
        columns.truncate(start + entries);
        sums.truncate(start + entries);
        Ok(())
    }

    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        sort::sort_pairs(pairs, spare, proceed)
    }
}
