//! Every kernel against naive loops.
//!
//! A new kernel is tested by one more line at the end of this file.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;
use shardfit_core::documents::Span;
use shardfit_core::error::{Error, Result};
use shardfit_core::hashing::{Buckets, bucket, sign};
use shardfit_core::kernel::{Kernel, Scalar, available};
use shardfit_core::murmur3::PADDING;
use shardfit_core::vocabulary::{Seed, pack};

use crate::inputs::{numbers, rule};
use crate::oracle::{Class, column_and_sign, is_space, is_word};

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
struct Used {
    text: Vec<u8>,
    spans: Vec<Span>,
}

impl Used {
    fn check_split(&mut self, kernel: &dyn Kernel, block: &[u8]) {
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

fn splits_every_length_at_every_alignment(kernel: &dyn Kernel) {
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

fn splits_where_blocks_meet(kernel: &dyn Kernel) {
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

fn hashes_every_length_at_every_place(kernel: &dyn Kernel) {
    let bytes: Vec<u8> = numbers(6).map(|number| number as u8).take(120).collect();
    for n_features in [1, 2, 3, 7, 16, 1000, 1 << 20, (1 << 31) - 1] {
        for alternate in [false, true] {
            let buckets = Buckets::new(n_features, alternate).unwrap();
            for length in 0..=40_u32 {
                let spans: Vec<Span> =
                    (0..64).map(|start| Span { start, end: start + length }).collect();
                // Exactly the bytes that are promised behind the last range.
                let text = &bytes[..63 + length as usize + PADDING];
                for number in [0, 1, 2, 3, 5, 8, 15, 16, 17, 33, 64] {
                    check_hash(kernel, text, &spans[64 - number..], buckets, n_features);
                }
            }
        }
    }
}

fn check_hash(kernel: &dyn Kernel, text: &[u8], spans: &[Span], buckets: Buckets, n_features: u64) {
    let alternate = spans.iter().any(|_| buckets.key(u32::MAX) & 1 == 1);
    let mut keys = vec![7];
    kernel.hash(text, spans, buckets, &mut keys).unwrap();
    assert_eq!(keys.remove(0), 7, "keys are appended");
    let expected = spans
        .iter()
        .map(|span| &text[span.start as usize..span.end as usize])
        .map(|feature| column_and_sign(feature, n_features, alternate));
    let got = keys.iter().map(|&key| (bucket(key), sign(key)));
    assert!(got.eq(expected), "{n_features} columns, {spans:?}");
}

fn joins_any_block(kernel: &dyn Kernel, block: &[u8]) {
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

fn joins_every_length_at_every_alignment(kernel: &dyn Kernel) {
    for text in ascii_texts() {
        for length in 0..=200 {
            for offset in (length % 13..64).step_by(13) {
                joins_any_block(kernel, &text[offset..offset + length]);
            }
        }
    }
}

/// The keys of all windows within words, found window by window.
fn naive_windows(words: &[u8], length: usize, n_features: u64) -> Vec<(u32, i32)> {
    let is_within = |window: &&[u8]| !window[1..length - 1].contains(&b' ');
    let windows = words.windows(length).filter(is_within);
    windows.map(|window| column_and_sign(window, n_features, true)).collect()
}

fn hashes_windows_of(kernel: &dyn Kernel, words: &[u8], after: u8) {
    for length in 2..=20 {
        for n_features in [1 << 20, 1_000_003] {
            let buckets = Buckets::new(n_features, true).unwrap();
            let text = [words, [after; PADDING].as_slice()].concat();
            let mut keys = vec![7];
            kernel.hash_windows(&text, length, buckets, &mut keys).unwrap();
            assert_eq!(keys.remove(0), 7, "keys are appended");
            let mut got: Vec<_> = keys.iter().map(|&key| (bucket(key), sign(key))).collect();
            let mut expected = naive_windows(words, length, n_features);
            got.sort_unstable();
            expected.sort_unstable();
            assert_eq!(got, expected, "{length} of {:?}", str::from_utf8(words));
        }
    }
}

fn hashes_windows_of_words_of_every_length(kernel: &dyn Kernel) {
    hashes_windows_of(kernel, b" ", b'x');
    for first in 1..=40 {
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-!".iter();
        let mut letters = letters.copied().cycle();
        let mut words = b" ".to_vec();
        for length in (first..first + 30).map(|length| length % 41 + 1) {
            words.extend(letters.by_ref().take(length));
            words.push(b' ');
            // What lies behind the words may look like one more or like a gap.
            hashes_windows_of(kernel, &words, if length % 2 == 0 { b' ' } else { b'x' });
        }
    }
}

fn counts_every_pattern(kernel: &dyn Kernel) {
    for length in (0..=300).chain([4096, 70_000]) {
        let mut patterns = key_patterns(length);
        // Runs of every length, of either sign and of both.
        patterns.push((0..length as u32).map(|i| i.isqrt() << 1 | i % 2).collect());
        patterns.push((0..length as u32).map(|i| (i / 40) << 1).collect());
        patterns.push((0..length as u32).map(|i| (i / 17) << 1 | 1).collect());
        for mut keys in patterns {
            keys.sort_unstable();
            let (mut columns, mut sums) = (vec![5], vec![6]);
            kernel.count(&keys, &mut columns, &mut sums).unwrap();
            let runs = keys.chunk_by(|a, b| bucket(*a) == bucket(*b));
            let expected = runs.map(|run| (bucket(run[0]), run.iter().map(|&key| sign(key)).sum()));
            let expected = [(5, 6)].into_iter().chain(expected);
            assert!(expected.eq(columns.into_iter().zip(sums)), "{length} keys");
        }
    }
}

fn hashes_spans_of_mixed_lengths(kernel: &dyn Kernel) {
    let text: Vec<u8> = numbers(8).map(|number| number as u8).take(5000).collect();
    let places: Vec<u32> = numbers(9).map(|number| number % 4000).take(999).collect();
    let lengths = numbers(10).map(|number| number % if number % 9 == 0 { 900 } else { 20 });
    let spans: Vec<Span> = places
        .iter()
        .zip(lengths)
        .map(|(&start, length)| Span { start, end: start + length })
        .collect();
    for n_features in [1 << 18, 1_000_003] {
        let buckets = Buckets::new(n_features, true).unwrap();
        check_hash(kernel, &text, &spans, buckets, n_features);
    }
}

/// Keys in every order and with every spread that a sort might not expect.
fn key_patterns(length: usize) -> Vec<Vec<u32>> {
    let keys = |key: fn(usize, u32) -> u32| {
        let keys = (0..length).zip(numbers(length as u64));
        keys.map(|(i, random)| key(i, random)).collect()
    };
    vec![
        keys(|_, _| 0),
        keys(|_, _| u32::MAX),
        keys(|i, _| i as u32),
        keys(|i, _| u32::MAX - i as u32),
        keys(|_, random| random),
        keys(|_, random| random % (1 << 21)),
        keys(|_, random| random % 2),
        keys(|i, random| if i == 0 { u32::MAX } else { random % 1000 }),
        keys(|i, random| ((i as u32 % 2) << 31) | (random % 16)),
        keys(|i, _| (i as u32 % 5) << 11),
        keys(|i, random| (1 << (random % 32)) | (i as u32 % 2)),
        keys(|_, random| u32::MAX - random % 3),
        keys(|_, random| random >> (random % 32)),
        keys(|_, random| if random % 9 == 0 { u32::MAX } else { random | 1 }),
    ]
}

fn sorts_every_pattern(kernel: &dyn Kernel) {
    let mut spare = vec![9; 100];
    let borders = [511, 1023, 4096, 65_535, 65_536, 65_537, 300_000];
    for length in (0..=1100).chain(borders) {
        for mut keys in key_patterns(length) {
            let mut expected = keys.clone();
            expected.sort_unstable();
            kernel.sort(&mut keys, &mut spare, &|| Ok(())).unwrap();
            assert!(keys == expected, "{length} keys");
        }
    }
}

fn stops_sorting_whenever_it_is_told(kernel: &dyn Kernel) {
    let keys: Vec<u32> = numbers(11).take(300_000).collect();
    stops_whenever_it_is_told(|proceed| kernel.sort(&mut keys.clone(), &mut Vec::new(), proceed));
    let pairs: Vec<u64> = keys.iter().zip(0..).map(|(&n, i)| u64::from(n) << 32 | i).collect();
    stops_whenever_it_is_told(|proceed| {
        kernel.sort_pairs(&mut pairs.clone(), &mut Vec::new(), proceed)
    });
}

fn stops_whenever_it_is_told(sort: impl Fn(&dyn Fn() -> Result<()>) -> Result<()>) {
    let questions = Cell::new(0);
    let ask = || {
        questions.set(questions.get() + 1);
        Ok(())
    };
    sort(&ask).unwrap();
    assert!(questions.get() > 0, "a long sort asks whether to go on");
    for refused in 0..questions.get() {
        let left: Cell<usize> = Cell::new(refused);
        let refuse = || {
            let error = (left.get() == 0).then_some(Error::Cancelled);
            left.set(left.get().wrapping_sub(1));
            error.map_or(Ok(()), Err)
        };
        assert_eq!(sort(&refuse), Err(Error::Cancelled));
    }
}

/// Sets of different numbers: dense, skewed as those of words are, sparse, and with both ends.
fn number_patterns(length: usize) -> Vec<Vec<u32>> {
    let numbers = |number: fn(u32, u32) -> u32| {
        let mut set: BTreeSet<u32> =
            (0..length as u32).zip(numbers(5)).map(|(i, random)| number(i, random)).collect();
        for number in 0.. {
            if set.len() == length {
                break;
            }
            set.insert(number);
        }
        let mut set: Vec<u32> = set.into_iter().collect();
        for (i, random) in (1..length).zip(self::numbers(6)) {
            set.swap(i, random as usize % (i + 1));
        }
        set
    };
    vec![
        numbers(|i, _| i),
        numbers(|i, _| u32::MAX - i),
        numbers(|_, random| random),
        numbers(|i, random| (1 << (i % 32)) | random >> (i % 32)),
        numbers(|i, random| if i % 2 == 0 { i } else { random >> 8 }),
        numbers(|i, random| if i == 0 { u32::MAX } else { random % 100_000 }),
        numbers(|i, _| i << 16),
        numbers(|i, _| 0x0100_0000 + i),
    ]
}

fn sorts_pairs_of_every_pattern(kernel: &dyn Kernel) {
    let mut spare = vec![9; 100];
    let borders = [511, 1023, 4096, 65_535, 65_536, 65_537, 200_000];
    for length in (0..=300).step_by(3).chain(borders) {
        for numbers in number_patterns(length) {
            for largest_count in [0, 1, 200, u32::MAX] {
                let counts = self::numbers(7).map(|number| number >> (number % 32));
                let counts = counts.map(|count| u64::from(count.min(largest_count)));
                let mut pairs: Vec<u64> = numbers
                    .iter()
                    .zip(counts)
                    .map(|(&number, count)| u64::from(number) << 32 | count)
                    .collect();
                let mut expected = pairs.clone();
                expected.sort_unstable();
                kernel.sort_pairs(&mut pairs, &mut spare, &|| Ok(())).unwrap();
                assert!(pairs == expected, "{length} pairs");
            }
        }
    }
}

fn packs_every_length_at_every_place(kernel: &dyn Kernel) {
    let bytes: Vec<u8> = numbers(12).map(|number| number as u8).take(200).collect();
    let seed = Seed::random();
    for length in 0..=40_u32 {
        let spans: Vec<Span> = (0..64).map(|start| Span { start, end: start + length }).collect();
        // Exactly the bytes that are promised behind the last range.
        let text = &bytes[..63 + length as usize + PADDING];
        for number in [0, 1, 2, 3, 5, 8, 15, 16, 17, 33, 64] {
            let spans = &spans[64 - number..];
            let (mut records, mut hashes) = (vec![[7; 16]; 66], vec![7; 66]);
            kernel.pack(text, spans, seed, &mut records, &mut hashes);
            let packed = records.iter().copied().zip(hashes.iter().copied());
            let expected = spans.iter().map(|&span| pack(text, span, seed));
            let untouched = std::iter::repeat_n(([7; 16], 7), 66 - number);
            assert!(packed.eq(expected.chain(untouched)), "{number} of {length} bytes");
        }
    }
}

macro_rules! kernel_tests {
    ($name:ident, $kernel:expr) => {
        mod $name {
            use super::*;

            /// Where the processor lacks what the kernel needs, the portable one is tested once more.
            fn kernel() -> &'static dyn Kernel {
                $kernel
            }

            #[test]
            fn splits_every_length_at_every_alignment() {
                super::splits_every_length_at_every_alignment(kernel());
            }

            #[test]
            fn splits_where_blocks_meet() {
                super::splits_where_blocks_meet(kernel());
            }

            #[test]
            fn joins_every_length_at_every_alignment() {
                super::joins_every_length_at_every_alignment(kernel());
            }

            #[test]
            fn hashes_windows_of_words_of_every_length() {
                super::hashes_windows_of_words_of_every_length(kernel());
            }

            #[test]
            fn counts_every_pattern() {
                super::counts_every_pattern(kernel());
            }

            #[test]
            fn hashes_every_length_at_every_place() {
                super::hashes_every_length_at_every_place(kernel());
            }

            #[test]
            fn hashes_spans_of_mixed_lengths() {
                super::hashes_spans_of_mixed_lengths(kernel());
            }

            #[test]
            fn sorts_every_pattern() {
                super::sorts_every_pattern(kernel());
            }

            #[test]
            fn stops_sorting_whenever_it_is_told() {
                super::stops_sorting_whenever_it_is_told(kernel());
            }

            #[test]
            fn sorts_pairs_of_every_pattern() {
                super::sorts_pairs_of_every_pattern(kernel());
            }

            #[test]
            fn packs_every_length_at_every_place() {
                super::packs_every_length_at_every_place(kernel());
            }

            proptest! {
                #[test]
                fn splits_any_text(block in prop::collection::vec(0..128_u8, 0..1000)) {
                    Used::default().check_split(kernel(), &block);
                }

                #[test]
                fn joins_any_text(block in prop::collection::vec(0..128_u8, 0..1000)) {
                    joins_any_block(kernel(), &block);
                }

                #[test]
                fn hashes_any_windows(words in prop::collection::vec("[!-~]{1,30}", 0..60)) {
                    let mut text = " ".to_string();
                    text.extend(words.iter().flat_map(|word| [word.as_str(), " "]));
                    hashes_windows_of(kernel(), text.as_bytes(), b' ');
                }

                #[test]
                fn counts_any_keys(mut keys in prop::collection::vec(0..2000_u32, 0..3000)) {
                    keys.sort_unstable();
                    let (mut columns, mut sums) = (Vec::new(), Vec::new());
                    kernel().count(&keys, &mut columns, &mut sums).unwrap();
                    let (mut all_columns, mut all_sums) = (Vec::new(), Vec::new());
                    Scalar.count(&keys, &mut all_columns, &mut all_sums).unwrap();
                    prop_assert_eq!((columns, sums), (all_columns, all_sums));
                }

                #[test]
                fn sorts_any_keys(mut keys: Vec<u32>, mut spare: Vec<u32>) {
                    let mut expected = keys.clone();
                    expected.sort_unstable();
                    kernel().sort(&mut keys, &mut spare, &|| Ok(())).unwrap();
                    prop_assert_eq!(keys, expected);
                }

                #[test]
                fn sorts_any_pairs(counts: HashMap<u32, u32>, mut spare: Vec<u64>) {
                    let pair = |(number, count): (u32, u32)| u64::from(number) << 32 | u64::from(count);
                    let mut pairs: Vec<u64> = counts.into_iter().map(pair).collect();
                    let mut expected = pairs.clone();
                    expected.sort_unstable();
                    kernel().sort_pairs(&mut pairs, &mut spare, &|| Ok(())).unwrap();
                    prop_assert_eq!(pairs, expected);
                }
            }
        }
    };
}

fn named(name: &str) -> &'static dyn Kernel {
    let found = available().iter().find(|kernel| kernel.name() == name);
    found.copied().unwrap_or(&Scalar)
}

kernel_tests!(scalar, &Scalar);
kernel_tests!(avx2, named("avx2"));
kernel_tests!(avx512, named("avx512"));
