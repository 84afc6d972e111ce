//! Terms in one piece of memory, and how a term is compared with one.
//!
//! # Overview
//!
//! Every term has a [`Record`] of 16 bytes. A term of up to 15 bytes, and hardly any word is longer, lies in it as a
//! whole, followed by zeros and, in the last byte, its length. A longer one lies in an arena, and its record
//! says where:
//!
//! ```text
//! short   t h e 0 0 0 0 0 0 0 0 0 0 0 0 3
//! long    length  |   offset      | 0 0 0 255
//! ```
//!
//! So two short terms are equal if and only if two 128-bit numbers are.
//!
//! # Why
//!
//! An allocation per term would take several times the memory, and a miss of the cache per comparison more.
//! Records of 32 bytes with longer terms in them were slower: fewer of them stay in the cache.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use crate::documents::{Span, prefetch};
use crate::error::{Error, Result, reserve};
use crate::memory::Array;
use crate::murmur3::PADDING;

/// What stands for a term when terms are compared.
pub type Record = [u8; 16];

/// Terms up to this length lie in their record.
pub(super) const SHORT: usize = 15;
/// In the place of a length: the term lies in the arena.
pub(super) const LONG: u8 = 0xff;
/// A record that no term has.
const NOTHING: Record = [LONG; 16];

/// Masks that keep the first 0 to 15 bytes of a record.
static KEEP: [u128; SHORT + 1] = {
    let mut keep = [0; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        keep[length] = keep[length - 1] << 8 | 0xff;
        length += 1;
    }
    keep
};

/// The secret of a hash function.
///
/// A record is four numbers of 32 bits. A part of the secret is added to each, and the products of the first two and of
/// the last two are added: NH, of which it is known that no two records have the same sum for more than one in 2^32
/// secrets; `scatter` makes 32 bits of the sum. Nobody who does not know the secret can choose terms that collide, as
/// anyone can for `MurmurHash3` with any seed. It never shows in a result: terms are numbered by first sight. Vectors
/// multiply numbers of 32 bits.
#[derive(Debug, Clone, Copy)]
pub struct Seed([u32; 4]);

impl Seed {
    /// A new secret.
    #[must_use]
    pub fn random() -> Self {
        let random = RandomState::new();
        let (low, high) = (random.hash_one(0), random.hash_one(1));
        Self([low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32])
    }

    /// What is added to the numbers of a record.
    #[cfg(target_arch = "x86_64")]
    #[must_use]
    pub(crate) fn keys(self) -> [u32; 4] {
        self.0
    }

    #[inline(always)]
    fn mix(self, record: u128) -> u64 {
        let [a, b, c, d] = [0, 1, 2, 3]
            .map(|i| u64::from(((record >> (32 * i)) as u32).wrapping_add(self.0[i as usize])));
        (a * b).wrapping_add(c * d)
    }

    /// The hash of a short term.
    #[inline(always)]
    fn hash_short(self, record: u128) -> u32 {
        scatter(self.mix(record))
    }

    fn hash_long(self, term: &[u8]) -> u32 {
        let (blocks, rest) = term.as_chunks::<16>();
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        let mut mixed = term.len() as u64;
        for block in blocks.iter().chain([&last]) {
            mixed = self.mix(u128::from_le_bytes(*block) ^ u128::from(mixed) << 32);
        }
        scatter(mixed)
    }
}

/// What [`scatter`] multiplies with.
pub(crate) const SCATTERER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes 32 bits of 64. For terms of up to 8 bytes one factor in [`Seed::mix`] is constant; so patterns of their
/// bits are still there in the sum, and taking a part of it would let terms made of two equal halves collide.
#[inline(always)]
const fn scatter(mixed: u64) -> u32 {
    ((mixed ^ mixed >> 32).wrapping_mul(SCATTERER) >> 32) as u32
}

/// The record of the range `span` of a text that goes on for [`PADDING`] bytes after it, and its hash. The
/// record of a long term has no place in an arena yet and equals none.
///
/// # Panics
///
/// If the text ends before that.
#[inline(always)]
#[must_use]
pub fn pack(text: &[u8], span: Span, seed: Seed) -> (Record, u32) {
    const { assert!(PADDING >= size_of::<Record>()) };
    let (start, end) = (span.start as usize, span.end as usize);
    let length = end - start;
    // Both halves stay in registers until they are stored: a record that is put together in memory from halves
    // and loaded as a whole right afterwards makes the processor wait for both.
    let (record, hash) = if length > SHORT {
        (long_record(length, u64::MAX), hash_long(&text[start..end], seed))
    } else {
        let bytes = *text[start..].first_chunk().expect("the text is padded");
        let record = u128::from_le_bytes(bytes) & KEEP[length] | (length as u128) << 120;
        (record, seed.hash_short(record))
    };
    (record.to_le_bytes(), hash)
}

#[cold]
fn hash_long(term: &[u8], seed: Seed) -> u32 {
    seed.hash_long(term)
}

/// The record of a long term that lies at `offset` in an arena.
const fn long_record(length: usize, offset: u64) -> u128 {
    (LONG as u128) << 120 | (offset as u128) << 32 | length as u32 as u128
}

/// Terms by number. Numbers start at 1; 0 is no term.
#[derive(Debug, Default)]
pub struct Terms {
    /// By number; the first, which there is as soon as there is a term, is that of none.
    records: Array<16>,
    arena: Vec<u8>,
}

impl Terms {
    /// Numbers are columns of a matrix in the end, whose indices have 31 bits.
    pub(super) const MAX: usize = i32::MAX as usize;

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.as_slice().len().saturating_sub(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of all terms.
    #[must_use]
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = u32> + use<> {
        (0..self.len() as u32).map(|place| place + 1)
    }

    /// The bytes of a term.
    ///
    /// # Panics
    ///
    /// If there is no term of this number.
    #[must_use]
    pub fn bytes(&self, number: u32) -> &[u8] {
        assert!(number != 0, "0 is no term");
        self.bytes_of(self.record(number))
    }

    #[inline(always)]
    fn bytes_of<'a>(&'a self, record: &'a Record) -> &'a [u8] {
        match record[15] {
            LONG => {
                let (length, offset) = long_place(record);
                &self.arena[offset..offset + length]
            }
            length => &record[..length.into()],
        }
    }

    /// The record of a term, as [`pack`] would make it, and its hash.
    pub(super) fn packed(&self, number: u32, seed: Seed) -> (Record, u32) {
        let record = *self.record(number);
        if record[15] == LONG {
            let term = self.bytes(number);
            (long_record(term.len(), u64::MAX).to_le_bytes(), seed.hash_long(term))
        } else {
            (record, seed.hash_short(u128::from_le_bytes(record)))
        }
    }

    /// Eight bytes of a term from `skip` on, with zeros behind its end, as a number that compares like them.
    #[inline(always)]
    pub(super) fn piece(&self, number: u32, skip: usize) -> u64 {
        self.piece_of(self.record(number), skip)
    }

    /// The first [pieces](Self::piece) of these terms.
    pub(super) fn pieces(&self, numbers: Range<u32>) -> impl Iterator<Item = u64> {
        let records = &self.records.as_slice()[numbers.start as usize..numbers.end as usize];
        records.iter().map(|record| self.piece_of(record, 0))
    }

    #[inline(always)]
    fn piece_of(&self, record: &Record, skip: usize) -> u64 {
        if record[15] != LONG && skip < SHORT {
            // Behind a short term there are zeros, up to its length.
            let bytes = (u128::from_le_bytes(*record) & KEEP[SHORT]) >> (8 * skip);
            return (bytes as u64).swap_bytes();
        }
        Self::piece_of_bytes(self.bytes_of(record), skip)
    }

    #[cold]
    fn piece_of_bytes(term: &[u8], skip: usize) -> u64 {
        let rest = term.get(skip..).unwrap_or_default();
        let mut piece = [0; 8];
        let length = rest.len().min(8);
        piece[..length].copy_from_slice(&rest[..length]);
        u64::from_be_bytes(piece)
    }

    /// Compares two terms by their bytes.
    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        let (first, second) = (self.record(a), self.record(b));
        if first[15] == LONG || second[15] == LONG {
            return self.bytes(a).cmp(self.bytes(b));
        }
        // Of two that differ in zeros at the end, the longer one comes later, and the length is in the last byte.
        u128::from_be_bytes(*first).cmp(&u128::from_be_bytes(*second))
    }

    fn record(&self, number: u32) -> &Record {
        &self.records.as_slice()[number as usize]
    }

    /// The records by number. That of a long term is not as [`pack`] makes it, and the first is that of none.
    #[inline(always)]
    pub(super) fn records(&self) -> &[Record] {
        self.records.as_slice()
    }

    /// Whether the term of this number is `term`, whose record is `record`.
    pub(super) fn is(&self, number: u32, record: Record, term: &[u8]) -> bool {
        let own = self.record(number);
        if record[15] == LONG {
            own[15] == LONG && self.bytes(number) == term
        } else {
            *own == record
        }
    }

    /// Whether the term of this number is the one that another has given the number `others`.
    pub(super) fn has_same(&self, number: u32, other: &Self, others: u32) -> bool {
        let (own, record) = (self.record(number), other.record(others));
        if own[15] == LONG {
            record[15] == LONG && self.bytes(number) == other.bytes(others)
        } else {
            own == record
        }
    }

    /// Makes a term that another has given the number `others` the term of this number.
    #[inline(always)]
    pub(super) fn set(&mut self, number: u32, other: &Self, others: u32) -> Result<()> {
        let mut record = *other.record(others);
        if record[15] == LONG {
            let term = other.bytes(others);
            record = long_record(term.len(), self.arena.len() as u64).to_le_bytes();
            reserve(&mut self.arena, term.len())?;
            self.arena.extend_from_slice(term);
        }
        self.records.as_mut_slice()[number as usize] = record;
        Ok(())
    }

    /// Whether the record of this term says all about it.
    #[inline(always)]
    pub(super) fn is_short(&self, number: u32) -> bool {
        self.record(number)[15] != LONG
    }

    /// Fetches the record of a term, if there is one.
    #[inline(always)]
    pub(super) fn fetch(&self, number: u32) {
        prefetch(self.records.as_slice().as_ptr().wrapping_add(number as usize).cast());
    }

    /// Adds a term and returns its number.
    #[inline]
    pub(super) fn push(&mut self, record: Record, term: &[u8]) -> Result<u32> {
        if self.len() == Self::MAX {
            return Err(Error::TooManyTerms);
        }
        if self.records.as_slice().is_empty() {
            self.records.push(NOTHING)?;
        }
        if record[15] == LONG {
            reserve(&mut self.arena, term.len())?;
            self.records.push(long_record(term.len(), self.arena.len() as u64).to_le_bytes())?;
            self.arena.extend_from_slice(term);
        } else {
            self.records.push(record)?;
        }
        Ok(self.len() as u32)
    }

    /// Makes room for as many terms as another has.
    pub(super) fn reserve(&mut self, other: &Self) -> Result<()> {
        if self.len() + other.len() > Self::MAX {
            return Err(Error::TooManyTerms);
        }
        self.records.reserve(1 + other.len())?;
        reserve(&mut self.arena, other.arena.len())
    }

    /// So many terms that are still to be [set](Self::set).
    pub(super) fn unset(terms: usize) -> Result<Self> {
        if terms == 0 {
            return Ok(Self::default());
        }
        let mut records = Array::zeroed(1 + terms)?;
        records.as_mut_slice()[0] = NOTHING;
        Ok(Self { records, arena: Vec::new() })
    }

    /// A copy.
    pub(super) fn try_clone(&self) -> Result<Self> {
        let mut arena = Vec::new();
        reserve(&mut arena, self.arena.len())?;
        arena.extend_from_slice(&self.arena);
        Ok(Self { records: self.records.try_clone()?, arena })
    }

    /// Size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.records.size() + self.arena.capacity()
    }
}

/// Length and offset of a long term.
fn long_place(record: &Record) -> (usize, usize) {
    let length = u32::from_le_bytes(*record.first_chunk().expect("a record has 16 bytes"));
    let offset = u64::from_le_bytes(*record[4..].first_chunk().expect("a record has 16 bytes"));
    (length as usize, offset as usize)
}
