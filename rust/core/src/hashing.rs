//! From documents to rows of hashed counts.
//!
//! # Overview
//!
//! A feature is hashed to a *key*: the bucket (its column) in the upper 31 bits, the sign in the lowest.
//! [`hash_documents`] analyses a chunk of documents and counts the keys of each, which gives the rows of
//! a [`Counts`]: columns in ascending order, each with its sum of signs. Sums of 0 stay: scikit-learn
//! stores them as well.
//!
//! [`hash_in_order`] leaves the keys as they come, for features that carry values of their own.
//!
//! # Why
//!
//! Sorting the keys of a document and counting runs needs memory for the tokens of one document only,
//! whatever the number of columns. Counts are integers, so their sums do not depend on the order of
//! the tokens and equal scikit-learn's sums of floating-point ones exactly.

use crate::analyzer::{Analyzer, JoinedTokens, NgramRange, Scratch, Tables};
use crate::documents::{Document, Span, Text};
use crate::error::{Error, Result, reserve};
use crate::kernel::Kernel;
use crate::kernel::short::{self, Texts};
use crate::parallel::Cancel;

/// The columns that features are hashed to.
#[derive(Debug, Clone, Copy)]
pub struct Buckets {
    number: u32,
    /// `number - 1` if that is a bit mask, else 0.
    mask: u32,
    /// Which bits of a key's sign are kept.
    sign: u32,
}

impl Buckets {
    /// A number of columns, between 1 and 2^31 - 1; and whether half of the features count as -1.
    ///
    /// Returns None if the number is out of range.
    #[must_use]
    pub fn new(number: u64, alternate_sign: bool) -> Option<Self> {
        let number = u32::try_from(number).ok().filter(|&n| n >= 1 && i32::try_from(n).is_ok())?;
        let mask = if number.is_power_of_two() { number - 1 } else { 0 };
        Some(Self { number, mask, sign: alternate_sign.into() })
    }

    /// The key of a hash: scikit-learn's `abs(h) % n_features` for a signed hash `h`, and its sign.
    ///
    /// The absolute value of -2^31 is taken as 2^31, as there.
    #[inline(always)]
    #[must_use]
    pub fn key(self, hash: u32) -> u32 {
        let magnitude = hash.cast_signed().unsigned_abs();
        // A single bucket has the mask 0 as well; the remainder is right for it too.
        let bucket = if self.mask == 0 { magnitude % self.number } else { magnitude & self.mask };
        bucket << 1 | (hash >> 31 & self.sign)
    }
}

/// What a kernel needs that computes many keys at once.
#[cfg(target_arch = "x86_64")]
impl Buckets {
    /// How many columns there are.
    pub(crate) const fn number(self) -> u32 {
        self.number
    }

    /// Whether half of the features count as -1.
    pub(crate) const fn alternates(self) -> bool {
        self.sign != 0
    }
}

/// The column of a key.
#[inline(always)]
#[must_use]
pub const fn bucket(key: u32) -> u32 {
    key >> 1
}

/// The sign of a key: 1 or -1.
#[inline(always)]
#[must_use]
pub const fn sign(key: u32) -> i32 {
    1 - 2 * (key & 1).cast_signed()
}

/// Rows of counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries up to the end of each row.
    pub row_ends: Vec<usize>,
    /// The column of each entry, ascending within a row.
    pub columns: Vec<u32>,
    /// The sum of signs of each entry.
    pub sums: Vec<i32>,
}

impl Counts {
    /// Removes all rows.
    pub fn clear(&mut self) {
        self.row_ends.clear();
        self.columns.clear();
        self.sums.clear();
    }
}

/// What turns documents into rows.
#[derive(Clone, Copy)]
pub struct Hasher<'h> {
    /// Analyses texts.
    pub analyzer: &'h Analyzer,
    /// Needed for texts outside ASCII.
    pub tables: Option<Tables<'h>>,
    /// The columns.
    pub buckets: Buckets,
    /// The hot loops.
    pub kernel: &'h dyn Kernel,
}

/// While a document is worked on, the one so many further on is fetched from memory.
pub(crate) const PREFETCHED: usize = 2;

/// Buffers that a thread uses again for each document.
#[derive(Debug, Default)]
pub struct Buffers {
    scratch: Scratch,
    keys: Vec<u32>,
    spare: Vec<u32>,
    short: short::Buffers,
}

/// Hashes the features of documents and appends their counts to `counts`, document by document.
///
/// # Panics
///
/// If a text is not ASCII and there are no tables.
pub fn hash_documents(
    hasher: Hasher<'_>,
    documents: &[Document<'_>],
    buffers: &mut Buffers,
    counts: &mut Counts,
    cancel: &Cancel,
) -> Result<()> {
    reserve(&mut counts.row_ends, documents.len())?;
    let splitting = hasher.analyzer.splitting(hasher.tables);
    let mut done = 0;
    while done < documents.len() {
        if let Some(splitting) = splitting {
            let texts = Texts { documents: &documents[done..], splitting, buckets: hasher.buckets };
            done +=
                hasher.kernel.hash_short(texts, &mut buffers.short, counts, &|| cancel.check())?;
        }
        if let Some(&document) = documents.get(done) {
            if let Some(coming) = documents.get(done + PREFETCHED) {
                coming.prefetch();
            }
            hash_document(hasher, document, buffers, counts, cancel)?;
            done += 1;
        }
    }
    Ok(())
}

/// Appends the row of a document.
fn hash_document(
    hasher: Hasher<'_>,
    document: Document<'_>,
    buffers: &mut Buffers,
    counts: &mut Counts,
    cancel: &Cancel,
) -> Result<()> {
    let Hasher { analyzer, tables, buckets, kernel } = hasher;
    let Buffers { scratch, keys, spare, .. } = buffers;
    keys.clear();
    if let (Document::Text(Text::Ascii(bytes)), Some(lengths)) = (document, analyzer.windows()) {
        analyzer.join_words(bytes, kernel, scratch, &mut |words| {
            hash_windows(words, lengths, buckets, kernel, keys, cancel)
        })?;
    } else if let (Document::Text(text), Some(lengths)) = (document, analyzer.word_ngrams()) {
        let check = &mut || cancel.check();
        let tokens = analyzer.join_tokens(text, tables, kernel, scratch, check)?;
        hash_ngrams(tokens, lengths, buckets, kernel, keys, cancel)?;
    } else {
        analyzer.analyze(document, tables, kernel, scratch, &mut |text, spans| {
            cancel.check()?;
            kernel.hash(text, spans, buckets, keys)
        })?;
    }
    append_row(keys, spare, kernel, counts, cancel)
}

/// Appends the row of the keys of a document, which are sorted on the way. `spare` is scratch space.
pub(crate) fn append_row(
    keys: &mut Vec<u32>,
    spare: &mut Vec<u32>,
    kernel: &dyn Kernel,
    counts: &mut Counts,
    cancel: &Cancel,
) -> Result<()> {
    kernel.sort(keys, spare, &|| cancel.check())?;
    check_runs(keys, i32::MAX as usize)?;
    kernel.count(keys, &mut counts.columns, &mut counts.sums)?;
    reserve(&mut counts.row_ends, 1)?;
    counts.row_ends.push(counts.columns.len());
    Ok(())
}

/// Appends the keys of the n-grams of all `lengths`.
fn hash_ngrams(
    tokens: JoinedTokens<'_>,
    lengths: NgramRange,
    buckets: Buckets,
    kernel: &dyn Kernel,
    keys: &mut Vec<u32>,
    cancel: &Cancel,
) -> Result<()> {
    /// How many lengths are hashed together, of how many tokens.
    const BATCH: (usize, usize) = (4, 1 << 12);
    let number = tokens.number();
    let longest = lengths.max.min(number);
    for min in (lengths.min..=longest).step_by(BATCH.0) {
        let lengths = NgramRange { min, max: longest.min(min + BATCH.0 - 1) };
        for first in (0..=number - min).step_by(BATCH.1) {
            cancel.check()?;
            let firsts = first..number.min(first + BATCH.1);
            kernel.hash_ngrams(tokens, firsts, lengths, buckets, keys)?;
        }
    }
    Ok(())
}

/// Appends the keys of the windows of all `lengths`.
fn hash_windows(
    words: &[u8],
    lengths: NgramRange,
    buckets: Buckets,
    kernel: &dyn Kernel,
    keys: &mut Vec<u32>,
    cancel: &Cancel,
) -> Result<()> {
    for length in lengths.min..=lengths.max {
        cancel.check()?;
        let before = keys.len();
        kernel.hash_windows(words, length, buckets, keys)?;
        if keys.len() == before {
            // No word is that long.
            break;
        }
    }
    Ok(())
}

/// Fails if a bucket is among the sorted `keys` more often than `most` times.
fn check_runs(keys: &[u32], most: usize) -> Result<()> {
    if keys.len() <= most {
        return Ok(());
    }
    let mut runs = keys.chunk_by(|a, b| bucket(*a) == bucket(*b));
    match runs.find(|run| run.len() > most) {
        Some(run) => Err(Error::CountOverflow { count: run.len() }),
        None => Ok(()),
    }
}

/// Appends the keys of features, in order.
pub fn hash_in_order(
    text: &[u8],
    spans: &[Span],
    buckets: Buckets,
    kernel: &dyn Kernel,
    cancel: &Cancel,
) -> Result<Vec<u32>> {
    let mut keys = Vec::new();
    for spans in spans.chunks(1 << 16) {
        cancel.check()?;
        kernel.hash(text, spans, buckets, &mut keys)?;
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_with_too_many_keys_is_refused() {
        // Two keys of bucket 1, with both signs, then three of bucket 4.
        let keys = [2, 3, 8, 8, 9];
        assert_eq!(check_runs(&keys, 3), Ok(()));
        assert_eq!(check_runs(&keys, 2), Err(Error::CountOverflow { count: 3 }));
        assert_eq!(check_runs(&keys[..2], 1), Err(Error::CountOverflow { count: 2 }));
        assert_eq!(check_runs(&[], 0), Ok(()));
    }
}
