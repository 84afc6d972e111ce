//! Tokens of a block, as ranges and side by side.

use shardfit_core::documents::Span;
use shardfit_core::kernel::Kernel;
use shardfit_core::murmur3::PADDING;

use crate::inputs::{numbers, rule};
use crate::oracle::{Class, is_space, is_word};

const CLASSES: [Class; 2] = [Class::Word, Class::NonSpace];

/// The tokens of an ASCII text, found byte by byte.
fn naive_spans(block: &[u8], class: Class, min_length: usize) -> Vec<Span> {
    let is_inside = |byte: u8| match class {
        Class::Word => is_word(byte.into()),
        Class::NonSpace => !is_space(byte.into()),
    };
    let mut spans = Vec::new();
    let mut start = 0;
    for end in 0..=block.len() {
        if end == block.len() || !is_inside(block[end]) {
            if end > start && end - start >= min_length {
                spans.push(Span { start: start as u32, end: end as u32 });
            }
            start = end + 1;
        }
    }
    spans
}

/// Buffers that a kernel finds as earlier calls have left them.
#[derive(Default)]
pub struct Used {
    text: Vec<u8>,
    spans: Vec<Span>,
}

impl Used {
    pub fn check_split(&mut self, kernel: &dyn Kernel, block: &[u8]) {
        for class in CLASSES {
            for lowercase in [false, true] {
                let folded = if lowercase { block.to_ascii_lowercase() } else { block.to_vec() };
                for min_length in 1..=4 {
                    kernel
                        .split_ascii(
                            block,
                            rule(class, min_length),
                            lowercase,
                            &mut self.text,
                            &mut self.spans,
                        )
                        .unwrap();
                    let expected = naive_spans(block, class, min_length);
                    assert_eq!(self.spans, expected, "{class:?} {min_length} {block:?}");
                    assert_eq!(self.text[..block.len()], folded);
                    assert!(self.text.len() >= block.len() + PADDING);
                }
            }
        }
    }
}

/// Texts of 300 bytes with tokens and gaps of different lengths.
fn ascii_texts() -> Vec<Vec<u8>> {
    let of = |alphabet: &[u8], seed| {
        let pick = |number| alphabet[number as usize % alphabet.len()];
        numbers(seed).take(300).map(pick).collect()
    };
    let all: Vec<u8> = (0..128).collect();
    vec![
        of(&all, 1),
        of(b"abcdefghijklmnoPQRSTUVWXYZ_09 ", 2),
        of(b"a ", 3),
        of(b"a", 4),
        of(b".", 5),
        b"A ".repeat(150),
        b" a".repeat(150),
        all.repeat(3),
    ]
}

pub fn splits_every_length_at_every_alignment(kernel: &dyn Kernel) {
    let mut used = Used::default();
    for text in ascii_texts() {
        for length in 0..=200 {
            // Every alignment is met at every remainder of a block, at a tenth of the cost of all pairs.
            for offset in (length % 7..64).step_by(7) {
                used.check_split(kernel, &text[offset..offset + length]);
            }
        }
    }
}

pub fn splits_where_blocks_meet(kernel: &dyn Kernel) {
    let mut used = Used::default();
    for border in [64, 128, 192, 4096] {
        for before in 0..6 {
            for after in 0..6 {
                // A token that ends `after` bytes behind the border, and one that follows it at once.
                let mut text = vec![b' '; border + 70];
                text[border - before..border + after].fill(b'X');
                text[border + after + 1..border + after + 3].fill(b'Y');
                for length in border - 1..=border + 9 {
                    used.check_split(kernel, &text[..length]);
                }
            }
        }
    }
}

pub fn joins_any_block(kernel: &dyn Kernel, block: &[u8]) {
    for class in CLASSES {
        for lowercase in [false, true] {
            let folded = if lowercase { block.to_ascii_lowercase() } else { block.to_vec() };
            for min_length in 1..=4 {
                // As an earlier block has left them.
                let (mut text, mut starts) = (b" before ".to_vec(), vec![1, 8]);
                let (mut expected, mut expected_starts) = (text.clone(), starts.clone());
                for span in naive_spans(block, class, min_length) {
                    expected.extend(&folded[span.start as usize..span.end as usize]);
                    expected.push(b' ');
                    expected_starts.push(expected.len() as u32);
                }
                kernel
                    .join_ascii(block, rule(class, min_length), lowercase, &mut text, &mut starts)
                    .unwrap();
                assert_eq!(text, expected, "{class:?} {min_length} {block:?}");
                assert_eq!(starts, expected_starts, "{class:?} {min_length} {block:?}");
            }
        }
    }
}

pub fn joins_every_length_at_every_alignment(kernel: &dyn Kernel) {
    for text in ascii_texts() {
        for length in 0..=200 {
            for offset in (length % 13..64).step_by(13) {
                joins_any_block(kernel, &text[offset..offset + length]);
            }
        }
    }
}
