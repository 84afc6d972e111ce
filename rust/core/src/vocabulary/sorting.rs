//! Alphabetical order of terms: by code point, as Python compares strings.
//!
//! # Overview
//!
//! Each thread deals a range of the terms to bins by their first bits, and then the bins are sorted side by side. A
//! term is sorted by what follows, of which as much as there is room for lies above its number in 64 bits; where
//! that is equal, by what follows then, and so on:
//!
//! ```text
//! bin         entry
//! 0000 0111   0100 0110 1000 0110 0101 ...   000001
//! t           h         e                    number
//! ```
//!
//! # Why
//!
//! The bytes of UTF-8 are ordered as the code points are, so no text needs to be decoded. Comparing
//! terms where they lie would miss the cache twice per comparison: three million addresses of web pages took
//! 15 s. Entries of 16 bytes, a number beside seven bytes of the term, took half as long again to deal and to sort.
//! Smaller bins are sorted sooner, but there are more to go through, and most are empty: words begin with few of all
//! pairs of bytes. 65,536 bins took a quarter longer for 170,000 terms than 4096.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::Terms;
use crate::error::{Error, Result, reserve};
use crate::parallel::{self, Cancel};

/// Terms that a thread deals or sorts at a time, at least, where bins are small.
const PART: usize = 1 << 13;
/// There are 2^5 terms per bin, or up to twice as many, ...
const BIN_BITS: u32 = 5;
/// ... unless there are so many bins.
const MOST_BITS: u32 = 16;
/// So few terms are compared where they lie, ...
const FEW: usize = 8;
/// ... and so are terms that are the same for this many bytes.
const MOST_SKIPPED: usize = 256;

/// How entries are made of terms.
#[derive(Clone, Copy)]
struct Layout<'t> {
    terms: &'t Terms,
    /// The bits of an entry that are the number of its term; above are bits of the term.
    number: u64,
    /// The first bits of a term, which make its bin.
    bin_bits: u32,
}

impl<'t> Layout<'t> {
    fn new(terms: &'t Terms) -> Self {
        let number = (terms.len() as u64 + 1).next_power_of_two() - 1;
        let bits = terms.len().checked_ilog2().unwrap_or(0);
        Self { terms, number, bin_bits: bits.saturating_sub(BIN_BITS).min(MOST_BITS) }
    }

    fn n_bins(self) -> usize {
        1 << self.bin_bits
    }

    /// The bin of a term, given its first bytes.
    fn bin(self, piece: u64) -> usize {
        (piece >> 1 >> (63 - self.bin_bits)) as usize
    }

    fn number(self, entry: u64) -> u32 {
        (entry & self.number) as u32
    }

    /// How many bits of an entry are the term's.
    fn free(self) -> usize {
        self.number.leading_zeros() as usize
    }

    /// Sorts terms that are the same up to `skip`, as their entries have been compared.
    fn sort(self, entries: &mut [u64], skip: usize, cancel: &Cancel) -> Result<()> {
        cancel.check()?;
        entries.sort_unstable();
        let same = entries.chunk_by_mut(|a, b| (a ^ b) & !self.number == 0);
        for same in same.filter(|same| same.len() > 1) {
            if same.len() <= FEW || skip >= MOST_SKIPPED {
                cancel.check()?;
                same.sort_unstable_by(|&a, &b| self.terms.compare(self.number(a), self.number(b)));
            } else {
                for entry in &mut *same {
                    let number = self.number(*entry);
                    *entry = self.terms.piece(number, skip) & !self.number | u64::from(number);
                }
                self.sort(same, skip + self.free() / 8, cancel)?;
            }
        }
        Ok(())
    }

    /// Deals terms to bins.
    fn deal(self, numbers: Range<u32>, cancel: &Cancel) -> Result<Dealt> {
        cancel.check()?;
        let mut ends: Vec<u32> = Vec::new();
        reserve(&mut ends, self.n_bins())?;
        ends.resize(self.n_bins(), 0);
        let pieces = || self.terms.pieces(numbers.clone());
        for piece in pieces() {
            ends[self.bin(piece)] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut entries = Vec::new();
        reserve(&mut entries, numbers.len())?;
        entries.resize(numbers.len(), 0);
        for (number, piece) in numbers.clone().zip(pieces()) {
            let end = &mut ends[self.bin(piece)];
            entries[*end as usize] = piece << self.bin_bits & !self.number | u64::from(number);
            *end += 1;
        }
        Ok(Dealt { entries, ends })
    }
}

/// Some of the terms, ordered by bin.
struct Dealt {
    entries: Vec<u64>,
    /// The end of each bin.
    ends: Vec<u32>,
}

impl Dealt {
    fn range(&self, bin: usize) -> Range<usize> {
        bin.checked_sub(1).map_or(0, |before| self.ends[before] as usize)..self.ends[bin] as usize
    }
}

/// Bins that are sorted by one thread, and where their numbers go.
struct Share<'a> {
    bins: Range<usize>,
    order: &'a mut [u32],
}

impl Share<'_> {
    fn sort(
        self,
        dealt: &[Dealt],
        layout: Layout<'_>,
        entries: &mut Vec<u64>,
        cancel: &Cancel,
    ) -> Result<()> {
        let Self { bins, mut order } = self;
        let compared = (layout.bin_bits as usize + layout.free()) / 8;
        for bin in bins {
            entries.clear();
            for dealt in dealt {
                let own = &dealt.entries[dealt.range(bin)];
                reserve(entries, own.len())?;
                entries.extend_from_slice(own);
            }
            layout.sort(entries, compared, cancel)?;
            let places = order.split_off_mut(..entries.len()).expect("there is a place for each");
            for (place, &entry) in places.iter_mut().zip(&*entries) {
                *place = layout.number(entry);
            }
        }
        Ok(())
    }
}

/// Returns the numbers of all terms in alphabetical order. `proceed` is as in [`parallel::run`].
pub fn alphabetical<E: From<Error>>(
    terms: &Terms,
    threads: usize,
    mut proceed: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Vec<u32>, E> {
    let layout = Layout::new(terms);
    let parts = (terms.len() / PART).clamp(1, threads.max(1)).min(terms.len());
    let start = |part: usize| (terms.len() * part / parts) as u32 + 1;
    let worker =
        || |part: usize, cancel: &Cancel| layout.deal(start(part)..start(part + 1), cancel);
    let dealt = parallel::run(parts, threads, worker, &mut proceed)?;
    let mut order = Vec::new();
    reserve(&mut order, terms.len())?;
    order.resize(terms.len(), 0);
    let mut shares = Vec::new();
    let (mut rest, mut length, mut first) = (order.as_mut_slice(), 0, 0);
    for bin in 0..layout.n_bins() {
        length += dealt.iter().map(|dealt| dealt.range(bin).len()).sum::<usize>();
        if length >= PART || length == rest.len() && length > 0 {
            let order;
            (order, rest) = rest.split_at_mut(length);
            reserve(&mut shares, 1)?;
            shares.push(Mutex::new(Some(Share { bins: first..bin + 1, order })));
            (length, first) = (0, bin + 1);
        }
    }
    let worker = || {
        let mut entries = Vec::new();
        let (shares, dealt) = (&shares, &dealt);
        move |share: usize, cancel: &Cancel| {
            let share = shares[share].lock().unwrap_or_else(PoisonError::into_inner).take();
            share.map_or(Ok(()), |share| share.sort(dealt, layout, &mut entries, cancel))
        }
    };
    parallel::run(shares.len(), threads, worker, proceed)?;
    drop(shares);
    Ok(order)
}
