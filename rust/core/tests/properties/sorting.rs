//! Alphabetical order, against sorting lists of bytes and of code points.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use shardfit_core::error::Error;
use shardfit_core::vocabulary::Vocabulary;
use shardfit_core::vocabulary::sorting::alphabetical;

use crate::corpus::{Listed, Term, distinct, term};
use crate::inputs::numbers;
use crate::surrogates::wtf8;

fn order(vocabulary: &Vocabulary, threads: usize) -> Vec<u32> {
    alphabetical(vocabulary.terms(), threads, || Ok::<_, Error>(())).unwrap()
}

/// Terms, each of them once, come in the order of their bytes.
fn check(terms: &[Term]) {
    let mut expected: Vec<u32> = (1..=terms.len() as u32).collect();
    expected.sort_by_key(|&number| &terms[number as usize - 1]);
    let vocabulary = Listed::new(terms).vocabulary();
    for threads in [0, 1, 2] {
        assert!(
            order(&vocabulary, threads) == expected,
            "{} terms: {:?}",
            terms.len(),
            terms.first()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_is_that_of_the_bytes(terms in vec(term(), 0..200)) {
        check(&distinct(&terms));
    }

    #[test]
    fn order_is_that_of_the_code_points(
        points in vec(vec(select(vec![
            0, 0x20, 0x61, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff,
            0xe000, 0xffff, 0x1_0000, 0x1_f600, 0x10_ffff,
        ]), 0..9), 0..100),
    ) {
        let mut points: Vec<Vec<u32>> = points;
        let terms: Vec<Term> = points.iter().map(|points| wtf8(points)).collect();
        let vocabulary = Listed::new(&distinct(&terms)).vocabulary();
        let sorted = order(&vocabulary, 0).into_iter();
        let got: Vec<Term> = sorted.map(|number| vocabulary.terms().bytes(number).into()).collect();
        points.sort();
        points.dedup();
        let expected: Vec<Term> = points.iter().map(|points| wtf8(points)).collect();
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn every_end_after_every_common_start() {
    // All strings of up to 4 of these bytes, after starts that bring their ends to the borders of what
    // is compared at once: 2, 8, 15 and 16 bytes.
    let mut ends: Vec<Term> = vec![vec![]];
    for start in 0..40 {
        for byte in [0, b'a', 0xff] {
            ends.push([ends[start].as_slice(), &[byte]].concat());
        }
    }
    for byte in [0, b'a', 0xff] {
        for length in (0..18).chain([29, 30, 31]) {
            let start = vec![byte; length];
            let terms: Vec<Term> = ends.iter().map(|end| [&start[..], end].concat()).collect();
            check(&distinct(&terms));
        }
    }
    let starts = [0, b'a', 0xff].iter().flat_map(|&byte| (0..40).map(move |n| vec![byte; n]));
    let all: Vec<Term> =
        starts.flat_map(|start| ends.iter().map(move |end| [&start[..], end].concat())).collect();
    check(&distinct(&all));
}

#[test]
fn many_terms_of_every_spread() {
    let of = |term: fn(u32) -> String| {
        let terms: Vec<Term> = numbers(3).take(60_000).map(|n| term(n).into_bytes()).collect();
        distinct(&terms)
    };
    check(&of(|number| format!("{number:x}")));
    // All in one bin, and all with the same 8, 15 and 16 bytes first.
    check(&of(|number| format!("aa{number:x}")));
    check(&of(|number| format!("a common{number:x}")));
    check(&of(|number| format!("a common start {number:x}")));
    check(&of(|number| format!("a common start: {number:x}")));
    // Some bins with many, most with none, and the very last one.
    check(&of(|number| format!("{}{number}", char::from_u32(number % 7 * 30 + 1).unwrap())));
    let bytes: Vec<Term> = numbers(4).take(60_000).map(|n| n.to_be_bytes().to_vec()).collect();
    check(&distinct(&bytes));
}

#[test]
fn few_terms() {
    check(&[]);
    check(&[vec![]]);
    check(&[vec![255; 40]]);
    check(&[vec![255; 16], vec![255; 15], vec![255; 2], vec![255], vec![], vec![0]]);
}

#[test]
fn many_terms_with_a_long_common_start() {
    // Around the length from which on terms are compared where they lie.
    for length in [0, 7, 20, 223, 224, 225, 3000] {
        let start = "x".repeat(length);
        let mut terms: Vec<Term> =
            (0..3000).rev().map(|i| format!("{start}{i:05}").into_bytes()).collect();
        terms.extend((0..length).map(|length| start.as_bytes()[..length].to_vec()));
        check(&terms);
    }
}
