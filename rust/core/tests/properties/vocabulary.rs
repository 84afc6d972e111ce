//! Terms and their numbers, against a hash map.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use shardfit_core::documents::Span;
use shardfit_core::error::Error;
use shardfit_core::kernel::{Kernel, available};
use shardfit_core::vocabulary::{Lookup, Seed, Terms, Vocabulary, pack};

use crate::corpus::{Listed, Term, distinct, listed, term};
use crate::inputs::{Drawn, kernel, numbers};

/// The crate and the oracle side by side.
struct Pair {
    kernel: &'static dyn Kernel,
    vocabulary: Vocabulary,
    lookup: Lookup,
    numbers: HashMap<Term, u32>,
}

impl Pair {
    fn new(kernel: &'static dyn Kernel) -> Self {
        let (vocabulary, lookup) = (Vocabulary::default(), Lookup::default());
        Self { kernel, vocabulary, lookup, numbers: HashMap::new() }
    }

    fn intern(&mut self, terms: &[Term]) {
        let Listed { text, spans } = Listed::new(terms);
        self.vocabulary.intern(&text, &spans, self.kernel, &mut self.lookup).unwrap();
        let expected: Vec<u32> = terms.iter().map(|term| self.number(term)).collect();
        assert!(self.lookup.numbers == expected, "{terms:?}");
    }

    /// The number that a term has or gets.
    fn number(&mut self, term: &Term) -> u32 {
        let next = self.numbers.len() as u32 + 1;
        *self.numbers.entry(term.clone()).or_insert(next)
    }

    fn find(&mut self, terms: &[Term]) {
        let Listed { text, spans } = Listed::new(terms);
        self.vocabulary.find(&text, &spans, self.kernel, &mut self.lookup).unwrap();
        let expected = terms.iter().map(|term| self.numbers.get(term).copied().unwrap_or(0));
        assert!(self.lookup.numbers.iter().copied().eq(expected), "{terms:?}");
    }

    /// Every term is where its number says, and there is no other.
    fn check(&self) {
        assert_eq!(self.vocabulary.terms().len(), self.numbers.len());
        for (term, &number) in &self.numbers {
            assert_eq!(self.vocabulary.terms().bytes(number), term);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn terms_are_numbered_by_first_sight(
        batches in vec(vec(term(), 0..100), 0..6),
        others in vec(term(), 0..20),
        Drawn(kernel) in kernel(),
    ) {
        let mut pair = Pair::new(kernel);
        for batch in &batches {
            pair.find(batch);
            pair.intern(batch);
            pair.find(&others);
        }
        pair.find(&batches.concat());
        pair.check();
        prop_assert_eq!(listed(pair.vocabulary.terms()), distinct(&batches.concat()));
    }

    #[test]
    fn terms_of_another_vocabulary_are_numbered_by_first_sight(
        own in vec(term(), 0..40),
        others in vec(term(), 0..40),
        border in 0..40_u32,
        Drawn(kernel) in kernel(),
    ) {
        let mut pair = Pair::new(kernel);
        pair.intern(&own);
        let others = distinct(&others);
        let other = Listed::new(&others).vocabulary();
        let end = others.len() as u32 + 1;
        let border = 1 + border.min(end - 1);
        let mut got = vec![7];
        for range in [1..border, border..end] {
            pair.vocabulary.intern_terms(other.terms(), range, &mut got).unwrap();
        }
        prop_assert_eq!(got.remove(0), 7, "numbers are appended");
        let expected: Vec<u32> = others.iter().map(|term| pair.number(term)).collect();
        prop_assert_eq!(got, expected);
        pair.check();
        pair.find(&[own, others].concat());
    }

    #[test]
    fn a_list_of_terms_is_a_vocabulary_unless_it_repeats_one(terms in vec(term(), 0..60)) {
        let Listed { text, spans } = Listed::new(&terms);
        let repeated = (0..terms.len()).find(|&place| terms[..place].contains(&terms[place]));
        match (Vocabulary::from_terms(&text, &spans), repeated) {
            (Ok(vocabulary), None) => prop_assert_eq!(listed(vocabulary.terms()), terms),
            (Err(Error::RepeatedTerm { place }), Some(expected)) => {
                prop_assert_eq!(place, expected);
            }
            (got, expected) => prop_assert!(false, "{got:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn making_room_changes_nothing_that_shows(
        own in vec(term(), 0..40),
        others in vec(term(), 0..200),
        Drawn(kernel) in kernel(),
    ) {
        let mut pair = Pair::new(kernel);
        pair.intern(&own);
        let others = Listed::new(&distinct(&others)).vocabulary();
        pair.vocabulary.reserve(others.terms()).unwrap();
        pair.check();
        pair.find(&own);
        pair.find(&listed(others.terms()));
        pair.intern(&listed(others.terms()));
        pair.check();
    }

    #[test]
    fn a_copy_goes_its_own_way(
        own in vec(term(), 0..40),
        others in vec(term(), 0..40),
        Drawn(kernel) in kernel(),
    ) {
        let mut pair = Pair::new(kernel);
        pair.intern(&own);
        let mut copy = Pair { vocabulary: pair.vocabulary.try_clone().unwrap(), ..Pair::new(kernel) };
        copy.numbers.clone_from(&pair.numbers);
        copy.intern(&others);
        copy.check();
        pair.check();
        pair.find(&others);
    }

    #[test]
    fn a_short_term_is_packed_as_it_is(term in term(), before: Vec<u8>, after in vec(any::<u8>(), 16..30)) {
        let text = [before.as_slice(), &term, &after].concat();
        let (start, end) = (before.len() as u32, (before.len() + term.len()) as u32);
        let seed = Seed::random();
        let (record, hash) = pack(&text, Span { start, end }, seed);
        if let Ok(length) = u8::try_from(term.len()) && length <= 15 {
            let mut expected = [0; 16];
            expected[..term.len()].copy_from_slice(&term);
            expected[15] = length;
            prop_assert_eq!(record, expected);
        } else {
            prop_assert!(record[15] > 15);
        }
        // The hash is that of the term, wherever it stands.
        let alone = Listed::new(&[&term]);
        prop_assert_eq!(pack(&alone.text, alone.spans[0], seed), (record, hash));
    }
}

/// So many different terms, of each length there is.
fn many_terms(number: usize) -> Vec<Term> {
    let term = |i: usize| {
        let mut term = format!("{i:x}").into_bytes();
        term.resize(term.len() + i % 40, b'-');
        term
    };
    (0..number).map(term).collect()
}

#[test]
fn a_table_grows_and_loses_nothing() {
    let terms = many_terms(100_000);
    for &kernel in available() {
        let mut pair = Pair::new(kernel);
        for terms in terms.chunks(997) {
            pair.intern(terms);
        }
        pair.check();
        pair.find(&terms);
        let absent: Vec<Term> = terms.iter().map(|term| [term.as_slice(), b"!"].concat()).collect();
        pair.find(&absent);
        pair.intern(&terms);
        assert_eq!(pair.vocabulary.terms().len(), 100_000);
        let bytes: usize = terms.iter().map(Vec::len).sum();
        assert!(pair.vocabulary.size() > bytes);
    }
}

#[test]
fn a_batch_of_one_term_has_one_number() {
    for &kernel in available() {
        for term in [b"".as_slice(), b"\0", b"the", &[b'x'; 15], &[b'x'; 16], &[b'x'; 4000]] {
            let mut pair = Pair::new(kernel);
            pair.intern(&vec![term.to_vec(); 1000]);
            pair.find(&vec![term.to_vec(); 1000]);
            assert_eq!(pair.vocabulary.terms().len(), 1);
        }
    }
}

#[test]
fn batches_of_every_length_around_the_borders() {
    let terms = many_terms(1100);
    for &kernel in available() {
        for length in (0..3).chain(62..67).chain(254..259).chain(511..515).chain(1022..1026) {
            let mut pair = Pair::new(kernel);
            pair.intern(&terms[..length]);
            pair.find(&terms[length..]);
            pair.intern(&terms);
            pair.check();
        }
    }
}

#[test]
fn terms_that_differ_in_zeros_only_are_different() {
    let zeros: Vec<Term> = (0..40).map(|length| vec![0; length]).collect();
    let ends: Vec<Term> = (0..40).map(|length| [b"a".repeat(length), vec![0]].concat()).collect();
    let records: Vec<Term> = (0..=255).map(|byte| vec![byte; 16]).collect();
    let terms = distinct(&[zeros, ends, records].concat());
    assert_eq!(terms.len(), 40 + 39 + 255);
    for &kernel in available() {
        let mut pair = Pair::new(kernel);
        pair.intern(&terms);
        assert_eq!(pair.vocabulary.terms().len(), terms.len());
        pair.check();
        pair.find(&terms);
    }
}

#[test]
fn equal_hashes_do_not_make_equal_terms() {
    // Among so many terms dozens share a hash of 32 bits with another.
    for start in ["", "the same sixteen bytes in each of them "] {
        let terms: Vec<Term> =
            (0..600_000_u32).map(|i| format!("{start}{i}").into_bytes()).collect();
        let vocabulary = Listed::new(&terms).vocabulary();
        assert!(listed(vocabulary.terms()) == terms);
    }
}

#[test]
fn an_empty_vocabulary_has_nothing() {
    for &kernel in available() {
        let mut pair = Pair::new(kernel);
        pair.find(&[vec![], vec![0], vec![255; 16], vec![255; 12], b"the".to_vec()]);
        pair.intern(&[]);
        let mut got = Vec::new();
        pair.vocabulary.intern_terms(&Terms::default(), 1..1, &mut got).unwrap();
        pair.vocabulary.reserve(&Terms::default()).unwrap();
        assert!(got.is_empty() && pair.vocabulary.terms().is_empty());
    }
}

#[test]
fn random_numbers_as_terms() {
    // Of four and eight bytes, so with zeros in every place.
    let halves: Vec<u32> = numbers(5).map(|number| number % 3000).take(40_000).collect();
    let terms = halves.chunks(2).map(|pair| pair.iter().flat_map(|n| n.to_le_bytes()).collect());
    let shorter = halves.iter().map(|number| number.to_le_bytes().to_vec());
    let terms: Vec<Term> = terms.chain(shorter).collect();
    for &kernel in available() {
        let mut pair = Pair::new(kernel);
        pair.intern(&terms);
        pair.check();
    }
}

#[test]
#[should_panic(expected = "0 is no term")]
fn zero_is_no_term() {
    let _ = Terms::default().bytes(0);
}

#[test]
fn room_for_no_terms_is_room() {
    for &kernel in available() {
        let mut vocabulary = Vocabulary::default();
        vocabulary.reserve(Vocabulary::default().terms()).unwrap();
        let (text, spans) = ([&b"word"[..], &[0; 16]].concat(), [Span { start: 0, end: 4 }]);
        let mut lookup = Lookup::default();
        vocabulary.find(&text, &spans, kernel, &mut lookup).unwrap();
        assert_eq!(lookup.numbers, [0]);
        vocabulary.intern(&text, &spans, kernel, &mut lookup).unwrap();
        assert_eq!(lookup.numbers, [1]);
    }
}
