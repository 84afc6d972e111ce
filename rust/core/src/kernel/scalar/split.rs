//! Finding the edges of tokens, eight bytes at a time.

use crate::documents::Span;

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

/// Writes the block to `text`, lower-cased if `LOWER`, with at least one byte more, and appends its tokens.
pub(super) fn split<const WORD: bool, const LOWER: bool>(
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
