//! How often one document has each term.
//!
//! # Overview
//!
//! A [`Tally`] has a place for each term. [`Tally::meet`] counts the terms of the document at hand and
//! lists each that is new to it; [`Tally::close`] returns the counts and is ready for the next document.
//!
//! # Why
//!
//! A count is one byte, since every token touches one: those of 170,000 terms stay in the second cache,
//! where counts of four bytes beside those of all documents did not. Whenever a byte has come
//! full circle, that is noted apart.

use crate::error::{Error, Result, reserve};
use crate::memory::Array;

/// The counts of one document.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// One place more than there are: what has no place goes there, and is not counted.
    here: Array<1>,
    met: Vec<u32>,
    /// Places whose byte went from [`CIRCLE`] to 1 again.
    often: Vec<u32>,
    counts: Vec<u32>,
}

const CIRCLE: u8 = u8::MAX;

impl Tally {
    /// Begins a document.
    pub(super) fn clear(&mut self) {
        self.met.clear();
    }

    /// Makes room for so many places, no fewer than there are.
    pub(super) fn resize(&mut self, places: usize) -> Result<()> {
        self.here.resize(places + 1)
    }

    /// Counts what the document has at these places; those beyond the last are passed over.
    pub(super) fn meet(&mut self, places: impl ExactSizeIterator<Item = u32>) -> Result<()> {
        let here = self.here.as_mut_slice();
        let none = here.len() - 1;
        let mut length = self.met.len();
        reserve(&mut self.met, places.len())?;
        self.met.resize(length + places.len(), 0);
        let met = self.met.as_mut_slice();
        for place in places {
            let [count] = &mut here[(place as usize).min(none)];
            let is_one = (place as usize) < none;
            // Whether a word has been met before is a coin toss, so there is no branch.
            met[length] = place;
            length += usize::from(is_one) & usize::from(*count == 0);
            if *count == CIRCLE {
                reserve(&mut self.often, 1)?;
                self.often.push(place);
                *count = 0;
            }
            *count += u8::from(is_one);
        }
        self.met.truncate(length);
        Ok(())
    }

    /// Ends a document: its places, by first sight, and how often it has each.
    pub(super) fn close(&mut self) -> Result<(&[u32], &[u32])> {
        let Self { here, met, often, counts } = self;
        let here = here.as_mut_slice();
        counts.clear();
        reserve(counts, met.len())?;
        counts.extend(
            met.iter().map(|&place| u32::from(std::mem::take(&mut here[place as usize])[0])),
        );
        if !often.is_empty() {
            often.sort_unstable();
            for (place, count) in met.iter().zip(&mut *counts) {
                let circles = often.partition_point(|often| often <= place)
                    - often.partition_point(|often| often < place);
                let all = circles * usize::from(CIRCLE) + *count as usize;
                if all > i32::MAX as usize {
                    return Err(Error::CountOverflow { count: all });
                }
                *count = all as u32;
            }
            often.clear();
        }
        Ok((met, counts))
    }
}
