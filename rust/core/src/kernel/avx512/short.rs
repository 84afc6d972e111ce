//! Hashing many short documents together.
//!
//! # Overview
//!
//! As many documents as fit the first cache are written to one text (`blocks`). The tokens in it are found in one pass over
//! the blocks, hashed 16 at a time, whichever document they are of, sorted document by document, and counted
//! together.
//!
//! # Why
//!
//! A sentence has some 18 tokens: of two batches of 16, half would be empty. Hashing takes a third of the time that
//! it takes document by document.

use std::arch::x86_64::*;

use super::blocks::{BYTES, gather};
use super::text::store_places;
use super::{count, hash, sort};
use crate::error::{Result, reserve};
use crate::hashing::Counts;
use crate::kernel::short::{Block, Buffers, Texts};

/// [`Kernel::hash_short`](crate::kernel::Kernel::hash_short).
#[target_feature(
    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,avx512vpopcntdq,bmi1,bmi2,popcnt"
)]
pub(super) fn hash_short(
    texts: Texts<'_>,
    buffers: &mut Buffers,
    counts: &mut Counts,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<usize> {
    let Texts { documents, splitting, buckets } = texts;
    let mut done = 0;
    let mut is_stopped = false;
    while done < documents.len() && !is_stopped {
        proceed()?;
        let gathered;
        (gathered, is_stopped) = gather(&documents[done..], splitting, buffers)?;
        if gathered == 0 {
            break;
        }
        done += gathered;
        find_tokens(buffers, splitting.rule.min_length)?;
        let Buffers { text, ends, spans, keys, spare, .. } = &mut *buffers;
        keys.clear();
        hash::hash(text, spans, buckets, keys)?;
        let mut start = 0;
        for &end in &*ends {
            sort::sort_keys(&mut keys[start..end as usize], spare, proceed)?;
            start = end as usize;
        }
        let mut start = 0;
        let rows = ends.iter().map(|&end| {
            let row = &keys[start..end as usize];
            start = end as usize;
            row
        });
        let Counts { row_ends, columns, sums } = counts;
        count::count_rows(rows, keys.len(), columns, sums, |end| row_ends.push(end))?;
    }
    Ok(done)
}

/// Finds the tokens in the blocks of all documents. Replaces the ends of documents, which are numbers of blocks, by
/// numbers of tokens.
#[target_feature(enable = "avx512f,avx512vbmi2,bmi2,popcnt")]
fn find_tokens(buffers: &mut Buffers, min_length: usize) -> Result<()> {
    let Buffers { blocks, ends, spans, .. } = buffers;
    let number = ends.last().map_or(0, |&end| end as usize);
    let characters: usize = blocks[..number].iter().map(|block| block.last as usize + 1).sum();
    spans.clear();
    reserve(spans, (characters + BYTES).div_ceil(2))?;
    let places = spans.as_mut_ptr().cast();
    // SAFETY: there is room for an edge at each character, and for 64 more.
    let edges = unsafe {
        if min_length == 1 {
            find_edges::<1>(&mut blocks[..=number], places)
        } else {
            find_edges::<2>(&mut blocks[..=number], places)
        }
    };
    // SAFETY: so many have been written, of which two make a span: no run goes on behind the end of a document.
    unsafe { spans.set_len(edges / 2) };
    for end in ends {
        *end = end.checked_sub(1).map_or(0, |last| blocks[last as usize].edges / 2);
    }
    Ok(())
}

/// Writes the edges of runs of at least so many characters to `places`, and returns how many these are. The last block is
/// there to be looked at only.
///
/// # Safety
///
/// There is room for as many edges as there are characters, and for 64 more.
#[target_feature(enable = "avx512f,avx512vbmi2,bmi2,popcnt")]
#[inline]
unsafe fn find_edges<const MIN_LENGTH: usize>(blocks: &mut [Block], places: *mut u32) -> usize {
    let (mut number, mut before, mut kept_before) = (0, 0, 0);
    for i in 0..blocks.len() - 1 {
        let next = blocks[i + 1].members & 1;
        let block = &mut blocks[i];
        let Block { members, starts, place, last, .. } = *block;
        let kept = if MIN_LENGTH == 1 {
            members
        } else {
            members & (members << 1 | before | members >> 1 | next << last)
        };
        let edges = _pdep_u64(kept ^ (kept << 1 | kept_before), starts);
        // SAFETY: as promised.
        number += unsafe { store_places(edges, place, places.add(number)) };
        block.edges = number as u32;
        before = members >> last;
        kept_before = kept >> last;
    }
    number
}
