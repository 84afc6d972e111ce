//! The hot loops, behind one trait.
//!
//! # Overview
//!
//! A [`Kernel`] does the steps in which the time goes: splitting ASCII text into tokens, hashing ranges of
//! text to columns or looking them up in a vocabulary, writing characters outside ASCII in UTF-8, sorting what a document
//! holds and counting it. Everything around them (stop words, special characters, assembling rows) is the same for every
//! kernel.
//!
//! | kernel | for | tokens, keys at a time |
//! |---|---|---|
//! | [`Scalar`] | every processor; the only one on aarch64 | 8 bytes, 1 key |
//! | `Avx2` | x86-64 since about 2013 | 32 bytes, 8 keys |
//! | `Avx512` | x86-64 with VBMI2: Ice Lake, Zen 4, and later | 64 bytes, 16 keys |
//!
//! [`available`] lists those that the processor at hand can run. Each is tested against the naive loops in `tests/` by
//! the same macro.
//!
//! # Why
//!
//! The steps are whole blocks, not single tokens, so that a kernel may keep its data in vector registers
//! from one end of a block to the other, and so that a dynamic call costs nothing. Choosing at run time costs a few
//! percent against a build for one processor, and one wheel serves all.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
mod scaling;
pub mod short;
pub mod terms;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use scalar::Scalar;

use std::iter;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::LazyLock;

use self::short::{Buffers, Texts};
use crate::analyzer::encodings::Encodings;
use crate::analyzer::folding::{Edge, Target, Units, choose_portably, fold_portably};
use crate::analyzer::{JoinedTokens, NgramRange, TokenClass, TokenRule};
use crate::csr::Norm;
use crate::documents::Span;
use crate::error::{Result, reserve};
use crate::hashing::{Buckets, Counts};
use crate::vocabulary::{Record, Seed, Slot};

/// The hot loops.
pub trait Kernel: Send + Sync {
    /// What users call it.
    fn name(&self) -> &'static str;

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

    /// Appends the tokens of the block to `text`, lower-cased if `lowercase`, each followed by a space; and to `starts`
    /// the place behind each of these spaces, where the next token goes.
    ///
    /// `text` ends with a space and will stay shorter than 4 GiB; the block is as for
    /// [`split_ascii`](Self::split_ascii).
    fn join_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        starts: &mut Vec<u32>,
    ) -> Result<()>;

    /// Appends characters, in the form that `encodings` gives them, and the edges of the runs of a class. Ends before
    /// the first that is special, if there is one, and returns how many were appended.
    fn fold(
        &self,
        units: Units<'_>,
        encodings: &Encodings,
        class: TokenClass,
        target: Target<'_>,
    ) -> usize {
        fold_portably(units, encodings, class, target)
    }

    /// Writes those of the runs to the start of `spans` that have `min_length` characters or more, and returns how many
    /// these are. There is room for all runs, and for [`SLACK`](crate::analyzer::folding::SLACK) more.
    fn choose_runs(&self, runs: &[[Edge; 2]], min_length: usize, spans: &mut [Span]) -> usize {
        choose_portably(runs, min_length, spans)
    }

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

    /// Appends the keys of the n-grams of these `lengths` that start with any of the tokens `firsts`, in any order.
    fn hash_ngrams(
        &self,
        tokens: JoinedTokens<'_>,
        firsts: Range<usize>,
        lengths: NgramRange,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        let mut spans = [Span { start: 0, end: 0 }; 256];
        for length in lengths.min..=lengths.max.min(tokens.number()) {
            for first in firsts.clone().step_by(spans.len()) {
                let firsts = first..firsts.end.min(first + spans.len());
                let ngrams = tokens.ngrams(length, firsts);
                let number = ngrams.len();
                for (place, ngram) in spans.iter_mut().zip(ngrams) {
                    *place = ngram;
                }
                self.hash(tokens.text, &spans[..number], buckets, keys)?;
            }
        }
        Ok(())
    }

    /// Appends the keys of all windows of `length` bytes, 2 or more, that lie within a word and the spaces around it,
    /// in any order.
    ///
    /// `text` is words that are ASCII, with one space before each and after the last, then
    /// [`PADDING`](crate::murmur3::PADDING) bytes of any kind.
    fn hash_windows(
        &self,
        text: &[u8],
        length: usize,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()>;

    /// Appends the rows of short documents to `counts`, from the first one on, and returns how many: to the next, if there
    /// is one, the other methods are to be applied. `proceed` is as for [`sort`](Self::sort).
    ///
    /// There is room for the ends of all rows.
    fn hash_short(
        &self,
        _texts: Texts<'_>,
        _buffers: &mut Buffers,
        _counts: &mut Counts,
        _proceed: &dyn Fn() -> Result<()>,
    ) -> Result<usize> {
        Ok(0)
    }

    /// Sorts keys. `spare` is scratch space; `proceed` is asked now and then, and stops the work with
    /// its error.
    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()>;

    /// Appends each [`bucket`](crate::hashing::bucket) of the sorted `keys` once to `columns`, and the sum of the
    /// [`sign`](crate::hashing::sign)s of its keys to `sums`.
    ///
    /// There are less than 2^31 keys of a bucket.
    fn count(&self, keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()>;

    /// The norm of a row of sums, if it is sure that it is the same to the bit as that of the values added in order, in
    /// single precision as well as in double.
    fn norm(&self, norm: Norm, sums: &[i32]) -> Option<f64> {
        scaling::norm(norm, sums)
    }

    /// Writes each sum, divided by a number, to `places`, of which there are as many, and returns the quotients.
    fn divide<'p>(
        &self,
        sums: &[i32],
        by: f64,
        places: &'p mut [MaybeUninit<f64>],
    ) -> &'p mut [f64] {
        scaling::divide(sums, by, places)
    }

    /// The same, rounded to single precision.
    fn divide_single<'p>(
        &self,
        sums: &[i32],
        by: f64,
        places: &'p mut [MaybeUninit<f32>],
    ) -> &'p mut [f32] {
        scaling::divide_single(sums, by, places)
    }

    /// Writes what [`pack`](crate::vocabulary::pack) makes of each range of `text` to the start of `records` and
    /// `hashes`, which are at least as long as `spans`; and appends those to `long` that do not lie in their record.
    ///
    /// `text` goes on for [`PADDING`](crate::murmur3::PADDING) bytes after the last range. There is room in `long` for all
    /// spans.
    fn pack(
        &self,
        text: &[u8],
        spans: &[Span],
        seed: Seed,
        records: &mut [Record],
        hashes: &mut [u32],
        long: &mut Vec<Span>,
    ) {
        terms::pack_all(text, spans, seed, records, hashes, long);
    }

    /// Writes the number for each hash that the first of two slots has for it, from the one on that the hash points to, or
    /// 0. There are as many slots as a power of two.
    fn guess(&self, slots: &[Slot], hashes: &[u32], numbers: &mut [u32]) {
        terms::guess(slots, hashes, numbers);
    }

    /// Makes each number 0 whose record in `known` is not the one at its place in `records`, and appends its place to
    /// `unknown`, where there is room for [`SLACK`](terms::SLACK) more than there are numbers. The first of `known`, which
    /// there is, is none of `records`.
    fn confirm(
        &self,
        known: &[Record],
        records: &[Record],
        numbers: &mut [u32],
        unknown: &mut Vec<u32>,
    ) {
        terms::confirm(known, records, numbers, unknown);
    }

    /// Sorts pairs of a number and a count by the numbers, their upper halves, of which no two are equal.
    /// `spare` and `proceed` are as for [`sort`](Self::sort).
    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()>;
}

/// The kernels that this processor can run, the fastest last.
#[must_use]
pub fn available() -> &'static [&'static dyn Kernel] {
    static AVAILABLE: LazyLock<Vec<&'static dyn Kernel>> = LazyLock::new(|| {
        let kernels = iter::once::<&'static dyn Kernel>(&Scalar);
        #[cfg(target_arch = "x86_64")]
        let kernels = kernels
            .chain(Avx2::detect().map(|kernel| kernel as &dyn Kernel))
            .chain(Avx512::detect().map(|kernel| kernel as &dyn Kernel));
        kernels.collect()
    });
    &AVAILABLE
}

/// [`Kernel::join_ascii`] by way of [`Kernel::split_ascii`].
fn join_by_splitting(
    kernel: &dyn Kernel,
    block: &[u8],
    rule: TokenRule,
    lowercase: bool,
    text: &mut Vec<u8>,
    starts: &mut Vec<u32>,
) -> Result<()> {
    let (mut folded, mut spans) = (Vec::new(), Vec::new());
    kernel.split_ascii(block, rule, lowercase, &mut folded, &mut spans)?;
    reserve(text, block.len() + 1)?;
    reserve(starts, spans.len())?;
    for span in spans {
        text.extend_from_slice(&folded[span.start as usize..span.end as usize]);
        text.push(b' ');
        starts.push(text.len() as u32);
    }
    Ok(())
}
