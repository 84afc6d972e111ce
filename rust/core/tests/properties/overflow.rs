//! Counts that do not fit: a document that holds one term 2^31 times.

use std::mem::MaybeUninit;

use shardfit_core::analyzer::TokenRule;
use shardfit_core::csr::Norm;
use shardfit_core::documents::{Document, Span, Text};
use shardfit_core::error::{Error, Result};
use shardfit_core::hashing::{Buckets, Counts};
use shardfit_core::kernel::{Kernel, Scalar};
use shardfit_core::parallel::Cancel;
use shardfit_core::vocabulary::counting::{Counter, Terminology};
use shardfit_core::vocabulary::rows::{Buffers, Columns, NO_COLUMN, look_up};
use shardfit_core::vocabulary::{Record, Seed};

use crate::corpus::Listed;
use crate::oracle::Setting;

/// A kernel that finds the letter `a` a million times in each block, so that the text need not be 4 GiB
/// long.
struct Stutter;

/// How often.
const TIMES: usize = 1 << 20;
/// A block of the analyzer is at most this long.
const BLOCK: usize = 1 << 13;

impl Kernel for Stutter {
    fn name(&self) -> &'static str {
        "stutter"
    }

    fn join_ascii(
        &self,
        _: &[u8],
        _: TokenRule,
        _: bool,
        _: &mut Vec<u8>,
        _: &mut Vec<u32>,
    ) -> Result<()> {
        unreachable!("there are no n-grams")
    }

    fn hash_windows(&self, _: &[u8], _: usize, _: Buckets, _: &mut Vec<u32>) -> Result<()> {
        unreachable!("nothing is hashed")
    }

    fn count(&self, _: &[u32], _: &mut Vec<u32>, _: &mut Vec<i32>) -> Result<()> {
        unreachable!("nothing is hashed")
    }

    fn split_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        if spans.len() != TIMES {
            Scalar.split_ascii(block, rule, lowercase, text, spans)?;
            spans.clear();
            spans.resize(TIMES, Span { start: 1, end: 2 });
        }
        Ok(())
    }

    fn hash(&self, _: &[u8], _: &[Span], _: Buckets, _: &mut Vec<u32>) -> Result<()> {
        unreachable!("nothing is hashed")
    }

    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        Scalar.sort(keys, spare, proceed)
    }

    fn norm(&self, _: Norm, _: &[i32]) -> Option<f64> {
        unreachable!("nothing is scaled")
    }

    fn divide<'p>(&self, _: &[i32], _: f64, _: &'p mut [MaybeUninit<f64>]) -> &'p mut [f64] {
        unreachable!("nothing is scaled")
    }

    fn divide_single<'p>(&self, _: &[i32], _: f64, _: &'p mut [MaybeUninit<f32>]) -> &'p mut [f32] {
        unreachable!("nothing is scaled")
    }

    fn pack(
        &self,
        text: &[u8],
        spans: &[Span],
        seed: Seed,
        records: &mut [Record],
        hashes: &mut [u32],
    ) {
        // They are all the same, and lie there from the time before.
        if records[0] == records[1] && records[0][15] == 1 {
            return;
        }
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

/// Calls `work` with a document that has a token `a` so many times `TIMES`.
fn with_repetition<T>(times: usize, work: impl Fn(Terminology<'_>, &[Document<'_>]) -> T) -> T {
    // A block ends where the next one starts with a gap.
    let text = format!(" {}", "a".repeat(BLOCK - 2)).repeat(times);
    let analyzer = Setting::words(1, (1, 1)).analyzer();
    let terminology = Terminology { analyzer: &analyzer, tables: None, kernel: &Stutter };
    work(terminology, &[Document::Text(Text::Ascii(text.as_bytes()))])
}

fn count(terminology: Terminology<'_>, documents: &[Document<'_>]) -> Result<u32> {
    let mut counter = Counter::default();
    counter.count(terminology, documents, true, &Cancel::default())?;
    Ok(counter.largest())
}

fn look_up_a(terminology: Terminology<'_>, documents: &[Document<'_>]) -> Result<Vec<i32>> {
    let vocabulary = Listed::new(&[b"a"]).vocabulary();
    let columns = Columns::new(vec![NO_COLUMN, 0])?;
    let (mut buffers, mut found, cancel) =
        (Buffers::default(), Counts::default(), Cancel::default());
    look_up(terminology, &vocabulary, &columns, documents, &mut buffers, &mut found, &cancel)
        .map(|()| found.sums)
}

#[test]
fn counts_beyond_31_bits_are_refused() {
    assert_eq!(with_repetition(3, count), Ok(3 << 20));
    let refused = Error::CountOverflow { count: 1 << 31 };
    assert_eq!(with_repetition(1 << 11, count), Err(refused));
}

#[test]
fn sums_beyond_31_bits_are_refused() {
    assert_eq!(with_repetition(3, look_up_a), Ok(vec![3 << 20]));
    let refused = Error::CountOverflow { count: 1 << 31 };
    assert_eq!(with_repetition(1 << 11, look_up_a), Err(refused));
}
