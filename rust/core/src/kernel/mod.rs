//! The hot loops, behind one trait.
//!
//! # Overview
//!
//! A [`Kernel`] does the steps in which the time goes: splitting ASCII text into tokens, hashing ranges of
//! text to columns or packing them for a vocabulary, and sorting what a document holds. Everything around them
//! (n-grams, stop words, characters outside ASCII, assembling rows) is the same for every kernel.
//!
//! Each kernel is tested against the naive loops in `tests/` by the same macro. There is one so far,
//! [`Scalar`], in portable Rust.
//!
//! # Why
//!
//! The steps are whole blocks, not single tokens, so that a kernel may keep its data in vector registers
//! from one end of a block to the other, and so that a dynamic call costs nothing.

mod scalar;

pub use scalar::Scalar;

use crate::analyzer::TokenRule;
use crate::documents::Span;
use crate::error::Result;
use crate::hashing::Buckets;
use crate::vocabulary::{Record, Seed};

/// The hot loops.
pub trait Kernel: Send + Sync {
    /// Replaces `text` by the block, lower-cased if `lowercase`, and at least
    /// [`PADDING`](crate::murmur3::PADDING) bytes more, and `spans` by the tokens in it.
    ///
    /// The block is ASCII, shorter than 4 GiB, and starts and ends outside or at the edge of a token.
    fn split_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        spans: &mut Vec<Span>,
    ) -> Result<()>;

    /// Appends the key of each range of `text` to `keys`, in order.
    ///
    /// `text` goes on for [`PADDING`](crate::murmur3::PADDING) bytes after the last range.
    fn hash(
        &self,
        text: &[u8],
        spans: &[Span],
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()>;

    /// Sorts keys. `spare` is scratch space; `proceed` is asked now and then, and stops the work with
    /// its error.
    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()>;

    /// Writes what [`pack`](crate::vocabulary::pack) makes of each range of `text` to the start of `records` and
    /// `hashes`, which are at least as long as `spans`.
    ///
    /// `text` goes on for [`PADDING`](crate::murmur3::PADDING) bytes after the last range.
    fn pack(
        &self,
        text: &[u8],
        spans: &[Span],
        seed: Seed,
        records: &mut [Record],
        hashes: &mut [u32],
    );

    /// Sorts pairs of a number and a count by the numbers, their upper halves, of which no two are equal.
    /// `spare` and `proceed` are as for [`sort`](Self::sort).
    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()>;
}
