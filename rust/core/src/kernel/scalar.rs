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

use super::Kernel;
use crate::analyzer::{TokenClass, TokenRule};
use crate::documents::Span;
use crate::error::{Result, reserve};
use crate::hashing::Buckets;
use crate::murmur3::{PADDING, murmur3_padded};
use crate::vocabulary::{Record, Seed, pack};

/// The portable kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scalar;

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x80 * ONES;

/// The top bit of each byte that is at least `low`; all bytes and `low` are below 128.
#[inline(always)]
const fn at_least(bytes: u64, low: u8) -> u64 {
    bytes + (0x80 - low as u64) * ONES
}

/// The top bit of each byte between `low` and `high`, both included; the other bits are anything.
#[inline(always)]
const fn between(bytes: u64, low: u8, high: u8) -> u64 {
    at_least(bytes, low) & !at_least(bytes, high + 1)
}

#[inline(always)]
const fn lower(bytes: u64) -> u64 {
    bytes | (between(bytes, b'A', b'Z') & TOPS) >> 2
}

/// Bit i is set if byte i belongs to the class.
#[inline(always)]
const fn classify<const WORD: bool>(bytes: u64) -> u64 {
    let member = if WORD {
        // Setting bit 5 maps capitals onto small letters and nothing else onto either.
        between(bytes | (0x20 * ONES), b'a', b'z')
            | between(bytes, b'0', b'9')
            | between(bytes, b'_', b'_')
    } else {
        !(between(bytes, 9, 13) | between(bytes, 28, 32))
    };
    // Each of the eight bits is moved to its place in the top byte; no two sums meet.
    ((member & TOPS) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Folds 64 bytes into `text` and returns the mask of those that belong to the class.
#[inline(always)]
fn fold<const WORD: bool, const LOWER: bool>(block: &[u8; 64], text: &mut [u8; 64]) -> u64 {
    let mut mask = 0;
    for (i, (source, target)) in
        block.as_chunks::<8>().0.iter().zip(text.as_chunks_mut::<8>().0).enumerate()
    {
        let bytes = u64::from_le_bytes(*source);
        *target = if LOWER { lower(bytes) } else { bytes }.to_le_bytes();
        mask |= classify::<WORD>(bytes) << (8 * i);
    }
    mask
}

/// Turns edges into tokens: every other edge is a start, the next one an end.
struct Edges {
    /// A start whose end has not been seen yet, then the edges of the current 64 bytes, then slack.
    places: [u32; 1 + 64],
    /// Whether there is such a start.
    open: bool,
}

impl Edges {
    /// Adds the edges of 64 bytes, `base` being the place of the first, and appends the tokens that
    /// end there and have at least `min_length` bytes.
    #[inline(always)]
    fn push(&mut self, mut bits: u64, base: u32, min_length: u32, spans: &mut Vec<Span>) {
        let new = bits.count_ones() as usize;
        let first = usize::from(self.open);
        // Eight at a time whether there are that many or not: a loop that ends after an unpredictable
        // number of rounds costs more than the surplus.
        for eight in
            self.places[first..first + 64].as_chunks_mut::<8>().0.iter_mut().take(new.div_ceil(8))
        {
            for place in eight {
                *place = base.wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
        }
        let total = first + new;
        let mut tokens = [Span { start: 0, end: 0 }; 32];
        let mut count = 0;
        for pair in self.places[..total & !1].as_chunks::<2>().0 {
            tokens[count] = Span { start: pair[0], end: pair[1] };
            count += usize::from(pair[1] - pair[0] >= min_length);
        }
        spans.extend_from_slice(&tokens[..count]);
        self.open = total % 2 == 1;
        if self.open {
            self.places[0] = self.places[total - 1];
        }
    }
}

fn split<const WORD: bool, const LOWER: bool>(
    block: &[u8],
    text: &mut [u8],
    min_length: u32,
    spans: &mut Vec<Span>,
) {
    let (blocks, rest) = block.as_chunks::<64>();
    // The rest is filled up with spaces, which no token holds and which end the last one.
    let mut last = [b' '; 64];
    last[..rest.len()].copy_from_slice(rest);
    let mut edges = Edges { places: [0; 65], open: false };
    let (mut carry, mut base) = (0, 0);
    for (block, text) in blocks.iter().chain([&last]).zip(text.as_chunks_mut::<64>().0) {
        let mask = fold::<WORD, LOWER>(block, text);
        edges.push(mask ^ (mask << 1 | carry), base, min_length, spans);
        carry = mask >> 63;
        base += 64;
    }
}

/// Below this many keys, dealing them to bins is not worth it.
const FEW: usize = 32;
/// From this many keys on, sorting must be interruptible.
const LARGE: usize = 1 << 16;

impl Kernel for Scalar {
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
            (TokenClass::Word, true) => split::<true, true>,
            (TokenClass::Word, false) => split::<true, false>,
            (TokenClass::NonSpace, true) => split::<false, true>,
            (TokenClass::NonSpace, false) => split::<false, false>,
        };
        split(block, text, min_length, spans);
        Ok(())
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

    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        match keys.len() {
            0..FEW => keys.sort_unstable(),
            FEW..LARGE => {
                const MAX_BITS: u32 = 10;
                let used =
                    u32::BITS - keys.iter().fold(0, |union, key| union | key).leading_zeros();
                let bits = (keys.len().ilog2() + 1).min(MAX_BITS).min(used);
                let mut ends = [0; 1 << MAX_BITS];
                bin_sort(keys, spare, &mut ends[..1 << bits], |key| {
                    (key >> (used - bits)) as usize
                })?;
            }
            _ => radix_sort(keys, spare, |key| key, proceed)?,
        }
        Ok(())
    }

    fn pack(
        &self,
        text: &[u8],
        spans: &[Span],
        seed: Seed,
        records: &mut [Record],
        hashes: &mut [u32],
    ) {
        for ((span, record), hash) in spans.iter().zip(records).zip(hashes) {
            (*record, *hash) = pack(text, *span, seed);
        }
    }

    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let number = |pair: u64| (pair >> 32) as u32;
        match pairs.len() {
            0..FEW => pairs.sort_unstable(),
            FEW..LARGE => {
                // Sign, exponent and three bits more: eight bins for each power of two.
                let bin = |pair| (number(pair) as f32).to_bits() as usize >> 20;
                let offset = bin(1 << 32);
                let largest = pairs.iter().fold(0, |union, pair| union | pair);
                let mut ends = [0; 32 * 8 + 1];
                let ends = &mut ends[..=bin(largest).saturating_sub(offset)];
                // The number 0 shares the bin of 1.
                bin_sort(pairs, spare, ends, |pair| bin(pair).saturating_sub(offset))?;
            }
            _ => radix_sort(pairs, spare, number, proceed)?,
        }
        Ok(())
    }
}

/// Deals elements to bins, then sorts within the bins. `ends` holds a 0 for each bin.
fn bin_sort<T: Copy + Default + Ord>(
    elements: &mut Vec<T>,
    spare: &mut Vec<T>,
    ends: &mut [u32],
    bin: impl Fn(T) -> usize,
) -> Result<()> {
    for &element in elements.iter() {
        ends[bin(element)] += 1;
    }
    let mut sum = 0;
    for end in ends.iter_mut() {
        sum += std::mem::replace(end, sum);
    }
    if spare.len() < elements.len() {
        reserve(spare, elements.len() - spare.len())?;
        spare.resize(elements.len(), T::default());
    }
    spare.truncate(elements.len());
    for &element in elements.iter() {
        let end = &mut ends[bin(element)];
        spare[*end as usize] = element;
        *end += 1;
    }
    let mut start = 0;
    for &end in ends.iter() {
        let bin = &mut spare[start as usize..end as usize];
        match bin {
            [] | [_] => {}
            [a, b] => (*a, *b) = ((*a).min(*b), (*a).max(*b)),
            // Equal keys share a bin, and a document of someone's making may fill one with others:
            // this has no bad case.
            _ => bin.sort_unstable(),
        }
        start = end;
    }
    std::mem::swap(elements, spare);
    Ok(())
}

/// Sorts by 11 bits of a key at a time, lowest first; steps whose bits are all alike are left out.
fn radix_sort<T: Copy + Default>(
    elements: &mut Vec<T>,
    spare: &mut Vec<T>,
    key: impl Fn(T) -> u32,
    proceed: &dyn Fn() -> Result<()>,
) -> Result<()> {
    const BITS: u32 = 11;
    spare.clear();
    reserve(spare, elements.len())?;
    spare.resize(elements.len(), T::default());
    for shift in [0, BITS, 2 * BITS] {
        let digit = |element: T| (key(element) >> shift) as usize & ((1 << BITS) - 1);
        let mut places = [0_usize; 1 << BITS];
        for part in elements.chunks(1 << 20) {
            for &element in part {
                places[digit(element)] += 1;
            }
            proceed()?;
        }
        if places.contains(&elements.len()) {
            continue;
        }
        let mut sum = 0;
        for place in &mut places {
            sum += std::mem::replace(place, sum);
        }
        for part in elements.chunks(1 << 20) {
            for &element in part {
                let place = &mut places[digit(element)];
                spare[*place] = element;
                *place += 1;
            }
            proceed()?;
        }
        std::mem::swap(elements, spare);
    }
    Ok(())
}
