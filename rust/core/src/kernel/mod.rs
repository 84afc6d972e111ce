//! The hot loops, behind one trait.
//!
//! # Overview
//!
//! A [`Kernel`] does the three steps in which the time of hashing goes: splitting ASCII text into
//! tokens, hashing ranges of text, and sorting the keys of a document. Everything around them (n-grams,
//! stop words, characters outside ASCII, assembling rows) is the same for every kernel.
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
}
