//! Texts that end where their memory ends, and buffers that begin empty.
//!
//! An access outside of either is found by `AddressSanitizer`, with which `make sanitize` runs these tests.

use std::panic::{AssertUnwindSafe, catch_unwind};

use shardfit_core::documents::Span;
use shardfit_core::hashing::Buckets;
use shardfit_core::kernel::available;
use shardfit_core::murmur3::PADDING;

use crate::inputs::{numbers, rule};
use crate::oracle::Class;

/// Texts of one length: all letters, all spaces, letters alone, and a mixture.
fn texts(length: usize) -> Vec<Box<[u8]>> {
    let mixed = numbers(length as u64).map(|number| b"ab C. "[number as usize % 6]);
    vec![
        vec![b'x'; length].into(),
        vec![b' '; length].into(),
        b"a ".iter().copied().cycle().take(length).collect(),
        mixed.take(length).collect(),
    ]
}

#[test]
fn splitting_and_joining_stay_inside() {
    for block in (0..=260).flat_map(texts) {
        for kernel in available() {
            for rule in [1, 2, 3].map(|min_length| rule(Class::Word, min_length)) {
                let (mut text, mut spans) = (Vec::new(), Vec::new());
                kernel.split_ascii(&block, rule, true, &mut text, &mut spans).unwrap();
                let (mut joined, mut starts) = (vec![b' '], vec![1]);
                kernel.join_ascii(&block, rule, true, &mut joined, &mut starts).unwrap();
                let tokens = spans.iter().map(|span| &text[span.start as usize..span.end as usize]);
                let between = starts.windows(2).map(|pair| pair[0] as usize..pair[1] as usize - 1);
                assert!(tokens.eq(between.map(|place| &joined[place])), "{}", kernel.name());
            }
        }
    }
}

#[test]
fn hashing_stays_inside() {
    let buckets = Buckets::new(1 << 20, true).unwrap();
    for length in 0..=100_u32 {
        let text = vec![b'x'; length as usize + PADDING].into_boxed_slice();
        // Ranges of all lengths that end where the padding begins.
        let spans: Box<[Span]> = (0..=length).map(|start| Span { start, end: length }).collect();
        for kernel in available() {
            let mut keys = Vec::new();
            kernel.hash(&text, &spans, buckets, &mut keys).unwrap();
            assert_eq!(keys.len(), spans.len(), "{}", kernel.name());
        }
    }
}

#[test]
fn hashing_windows_stays_inside() {
    let buckets = Buckets::new(1 << 20, true).unwrap();
    for letters in 1..=200 {
        let word = [b" ".as_slice(), &vec![b'x'; letters], b" ", &[b'y'; PADDING]].concat();
        for length in (2..=60).filter(|length| *length <= letters + 2) {
            for kernel in available() {
                let mut keys = Vec::new();
                kernel.hash_windows(&word, length, buckets, &mut keys).unwrap();
                assert_eq!(keys.len(), letters + 3 - length, "{}", kernel.name());
            }
        }
    }
}

#[test]
fn a_range_outside_of_the_text_is_refused() {
    let buckets = Buckets::new(1 << 20, true).unwrap();
    let spans = [Span { start: 0, end: 3 }, Span { start: 60, end: 300 }];
    for kernel in available() {
        // How it is refused is up to the kernel: that nothing is read there is what counts.
        let hash = || kernel.hash(&[0; 100], &spans, buckets, &mut Vec::new());
        assert!(catch_unwind(AssertUnwindSafe(hash)).is_err(), "{}", kernel.name());
    }
}
