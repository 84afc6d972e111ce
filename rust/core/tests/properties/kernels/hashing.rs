//! Hashes of ranges and of windows, and records for a vocabulary.

use shardfit_core::analyzer::{JoinedTokens, NgramRange};
use shardfit_core::documents::Span;
use shardfit_core::hashing::{Buckets, bucket, sign};
use shardfit_core::kernel::Kernel;
use shardfit_core::murmur3::PADDING;

use crate::inputs::numbers;
use crate::oracle::column_and_sign;

pub fn hashes_every_length_at_every_place(kernel: &dyn Kernel) {
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

pub fn hashes_spans_of_mixed_lengths(kernel: &dyn Kernel) {
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

pub fn hashes_ngrams_of_tokens_of_every_length(kernel: &dyn Kernel) {
    let letters: Vec<u8> = numbers(11).map(|number| number as u8 | 1).take(60).collect();
    let (mut text, mut starts) = (b" ".to_vec(), vec![1]);
    for length in numbers(12).map(|number| number as usize % if number % 7 == 0 { 60 } else { 12 })
    {
        check_ngrams(kernel, &text, &starts);
        text.extend(&letters[..length]);
        text.push(b' ');
        starts.push(text.len() as u32);
        if starts.len() > 70 {
            break;
        }
    }
}

/// `text` is tokens with a space before and after each, of which these are the `starts`.
fn check_ngrams(kernel: &dyn Kernel, text: &[u8], starts: &[u32]) {
    let padded = [text, [b'x'; PADDING].as_slice()].concat();
    let tokens = JoinedTokens { text: &padded, starts };
    let number = tokens.number();
    for (firsts, min, max) in
        [(0..number, 1, 2), (0..number, 2, 5), (number / 3..number, 3, 90), (1..number / 2, 1, 1)]
    {
        let columns = if max == 2 { 1 << 20 } else { 1_000_003 };
        let buckets = Buckets::new(columns, true).unwrap();
        let mut keys = vec![7];
        let lengths = NgramRange { min, max };
        let firsts = firsts.start.min(firsts.end)..firsts.end;
        kernel.hash_ngrams(tokens, firsts.clone(), lengths, buckets, &mut keys).unwrap();
        assert_eq!(keys.remove(0), 7, "keys are appended");
        let mut got: Vec<_> = keys.iter().map(|&key| (bucket(key), sign(key))).collect();
        let mut expected = Vec::new();
        for first in firsts {
            for end in (first + min..=first + max).take_while(|&end| end <= number) {
                let ngram = &text[starts[first] as usize..starts[end] as usize - 1];
                expected.push(column_and_sign(ngram, columns, true));
            }
        }
        got.sort_unstable();
        expected.sort_unstable();
        assert_eq!(got, expected, "{min} to {max} of {number} tokens");
    }
}

/// The keys of all windows within words, found window by window.
fn naive_windows(words: &[u8], length: usize, n_features: u64) -> Vec<(u32, i32)> {
    let is_within = |window: &&[u8]| !window[1..length - 1].contains(&b' ');
    let windows = words.windows(length).filter(is_within);
    windows.map(|window| column_and_sign(window, n_features, true)).collect()
}

pub fn hashes_windows_of(kernel: &dyn Kernel, words: &[u8], after: u8) {
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

pub fn hashes_windows_of_words_of_every_length(kernel: &dyn Kernel) {
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
