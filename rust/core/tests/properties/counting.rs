//! Terms and counts, whichever counter has counted which document, against the oracle.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use shardfit_core::documents::Document;
use shardfit_core::kernel::{Scalar, available};
use shardfit_core::parallel::Cancel;
use shardfit_core::vocabulary::Lookup;
use shardfit_core::vocabulary::counting::{Counter, Terminology};
use shardfit_core::vocabulary::joining::join;
use shardfit_core::vocabulary::term_counts::TermCounts;

use crate::corpus::{
    Counted, Deal, Dealt, Listed, Term, count_dealt, counted, deal, documents, listed, terminology,
};
use crate::inputs::{Drawn, Stored, kernel, setting, text};
use crate::oracle;

fn store(documents: &[Vec<Term>]) -> Vec<Listed> {
    documents.iter().map(|terms| Listed::new(terms)).collect()
}

fn views(stored: &[Listed]) -> Vec<Document<'_>> {
    stored.iter().map(Listed::document).collect()
}

fn count(documents: &[Vec<Term>]) -> TermCounts {
    let one_chunk = vec![(0, false); documents.len()];
    count_dealt(terminology(&Scalar), &views(&store(documents)), &one_chunk, 1).counts
}

/// Counts of each document in ascending order of the joined numbers.
fn joined_entries(dealt: &Dealt) -> Vec<Vec<(u32, u32)>> {
    let mut rows: Vec<Vec<(u32, u32)>> = Vec::new();
    for (counter, entries) in &dealt.entries {
        let joined = |number: u32| match &dealt.renumbering[*counter] {
            Some(joined) => joined[number as usize],
            None => number,
        };
        dealt.stores[*counter].read(entries, |entries| {
            for row in entries.rows() {
                let numbers = row.iter().map(|entry| entry.0);
                assert!(numbers.is_sorted_by(|a, b| a < b), "in order of the counter's numbers");
                rows.push(row.iter().map(|(number, count)| (joined(number), count)).collect());
                rows.last_mut().unwrap().sort_unstable();
            }
        });
    }
    rows
}

/// How often each document has each of its terms.
fn expected_entries(documents: &[Vec<Term>], terms: &[Term]) -> Vec<Vec<(u32, u32)>> {
    let row = |document: &Vec<Term>| {
        let mut row: BTreeMap<u32, u32> = BTreeMap::new();
        for term in document {
            let number = 1 + terms.iter().position(|known| known == term).unwrap() as u32;
            *row.entry(number).or_default() += 1;
        }
        row.into_iter().collect()
    };
    documents.iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn it_does_not_matter_who_counts_what(
        documents in documents(),
        deal in deal(),
        counters in 1..5_usize,
        Drawn(kernel) in kernel(),
    ) {
        let stored = store(&documents);
        let dealt = count_dealt(terminology(kernel), &views(&stored), &deal, counters);
        let (expected, rows) = counted(&documents);
        prop_assert_eq!(Counted::of(&dealt.counts), expected);
        let largest = rows.iter().flat_map(|row| row.values()).max();
        prop_assert_eq!(dealt.largest, largest.map_or(0, |&count| count as u32));
        let terms = listed(dealt.counts.vocabulary.terms());
        prop_assert_eq!(joined_entries(&dealt), expected_entries(&documents, &terms));
        prop_assert_eq!(dealt.renumbering.len(), counters);
    }

    #[test]
    fn terms_of_texts_are_the_features_of_the_oracle(
        setting in setting(),
        texts in prop::collection::vec(text(), 0..12),
        deal in deal(),
        counters in 1..5_usize,
        Drawn(kernel) in kernel(),
    ) {
        let features = |text: &String| oracle::features(&setting, text).into_iter();
        let documents: Vec<Vec<Term>> =
            texts.iter().map(|text| features(text).map(String::into_bytes).collect()).collect();
        let analyzer = setting.analyzer();
        let tables = Some(setting.tables());
        let terminology = Terminology { analyzer: &analyzer, tables, kernel };
        let stored: Vec<Stored> = texts.iter().map(|text| Stored::new(text)).collect();
        let views: Vec<_> = stored.iter().map(|text| Document::Text(text.narrowest())).collect();
        let dealt = count_dealt(terminology, &views, &deal, counters);
        prop_assert_eq!(Counted::of(&dealt.counts), counted(&documents).0);
    }

    #[test]
    fn absorbing_is_counting_the_whole(
        documents in documents(),
        borders: [u8; 2],
        Drawn(kernel) in kernel(),
    ) {
        let mut borders = borders.map(|border| usize::from(border) % (documents.len() + 1));
        borders.sort_unstable();
        let parts = [&documents[..borders[0]], &documents[borders[0]..borders[1]], &documents[borders[1]..]];
        let mut whole = TermCounts::default();
        for part in parts {
            let part_counts = count(part);
            // Somebody else may still read the vocabulary as it was.
            let before = Arc::clone(&whole.vocabulary);
            let length = before.terms().len();
            whole.absorb(&part_counts).unwrap();
            prop_assert_eq!(before.terms().len(), length);
            prop_assert_eq!(Counted::of(&part_counts), counted(part).0);
        }
        let (expected, _) = counted(&documents);
        let Listed { text, spans } = Listed::new(&expected.terms);
        let mut lookup = Lookup::default();
        whole.vocabulary.find(&text, &spans, kernel, &mut lookup).unwrap();
        prop_assert!(lookup.numbers.iter().copied().eq(1..=expected.terms.len() as u32));
        prop_assert_eq!(Counted::of(&whole), expected);
    }

    #[test]
    fn trimming_keeps_the_most_frequent_terms(
        documents in documents(),
        bytes in 0..12_000_usize,
        Drawn(kernel) in kernel(),
    ) {
        let mut counts = count(&documents);
        let size = counts.size();
        let before = Counted::of(&counts);
        counts.trim(bytes).unwrap();
        let after = Counted::of(&counts);
        if size <= bytes {
            prop_assert_eq!(after, before);
            return Ok(());
        }
        let mut ranks: Vec<usize> = (0..before.terms.len()).collect();
        ranks.sort_by_key(|&place| (std::cmp::Reverse(before.totals[place]), place));
        ranks.truncate(after.terms.len());
        ranks.sort_unstable();
        let expected = Counted {
            terms: ranks.iter().map(|&place| before.terms[place].clone()).collect(),
            documents: ranks.iter().map(|&place| before.documents[place]).collect(),
            totals: ranks.iter().map(|&place| before.totals[place]).collect(),
            n_documents: before.n_documents,
        };
        prop_assert_eq!(after, expected);
        let size = counts.size();
        prop_assert!(size <= bytes / 2 + SMALLEST, "{size} bytes of {bytes}");
        let listed = Listed::new(&before.terms);
        let mut lookup = Lookup::default();
        counts.vocabulary.find(&listed.text, &listed.spans, kernel, &mut lookup).unwrap();
        let found = lookup.numbers.iter().filter(|&&number| number != 0).count();
        prop_assert_eq!(found, ranks.len());
    }
}

/// A table for next to nothing takes about as much.
const SMALLEST: usize = 1 << 10;

#[test]
fn trimming_leaves_half_of_what_is_allowed() {
    for length in [6, 40, 1000] {
        // The later the more frequent.
        let term = |i: u32| format!("{i:0length$}").into_bytes();
        let document: Vec<Term> =
            (0..3000_u32).flat_map(|i| vec![term(i); 1 + i as usize / 500]).collect();
        for percent in (5..100).step_by(5) {
            let mut counts = count(std::slice::from_ref(&document));
            let allowed = counts.size() * percent / 100;
            counts.trim(allowed).unwrap();
            let size = counts.size();
            assert!(size <= allowed / 2 + SMALLEST, "{size} bytes of {allowed}, terms of {length}");
            assert!(size >= allowed / 8, "{size} bytes of {allowed}, terms of {length}");
            assert_eq!(*counts.totals.last().unwrap(), 6);
        }
    }
}

#[test]
fn counts_are_kept_only_if_they_are_wanted() {
    let stored = store(&[vec![b"a".to_vec(), b"b".to_vec()]]);
    let mut counter = Counter::default();
    let cancel = Cancel::default();
    let chunk = counter.count(terminology(&Scalar), &views(&stored), false, &cancel).unwrap();
    assert_eq!(chunk.new, 1..3);
    assert!(chunk.entries.row_ends().is_empty() && chunk.entries.is_empty());
    let chunk = counter.count(terminology(&Scalar), &views(&stored), true, &cancel).unwrap();
    assert_eq!(chunk.new, 3..3);
    assert_eq!(chunk.entries.row_ends(), [2]);
}

#[test]
fn counts_that_need_more_than_a_byte_or_two() {
    let documents: Vec<Vec<Term>> = [
        &[(b"a", 253), (b"b", 254), (b"c", 255), (b"d", 256)][..],
        &[(b"d", 65_534), (b"c", 65_535), (b"b", 65_536), (b"a", 65_537)],
        &[],
        &[(b"e", 1_000_000), (b"a", 1)],
    ]
    .iter()
    .map(|document| document.iter().flat_map(|&(term, n)| vec![term.to_vec(); n]).collect())
    .collect();
    for counters in [1, 2] {
        let deal = vec![(0, true), (1, true), (0, true), (1, true)];
        let dealt = count_dealt(terminology(&Scalar), &views(&store(&documents)), &deal, counters);
        let terms = listed(dealt.counts.vocabulary.terms());
        assert_eq!(joined_entries(&dealt), expected_entries(&documents, &terms));
        assert_eq!(dealt.largest, 1_000_000);
        assert_eq!(dealt.counts.totals[0], 253 + 65_537 + 1);
        assert_eq!(dealt.counts.documents, [3, 2, 2, 2, 1]);
    }
}

#[test]
fn a_document_in_many_batches_is_one_document() {
    // A text is analysed in blocks, each of which is a batch of its own.
    let text = "the cat ".repeat(50_000);
    let setting = oracle::Setting::words(1, (1, 1));
    let analyzer = setting.analyzer();
    let stored = Stored::new(&text);
    let views = [Document::Text(stored.narrowest()), Document::Text(stored.narrowest())];
    for &kernel in available() {
        let terminology = Terminology { analyzer: &analyzer, tables: None, kernel };
        let counts = count_dealt(terminology, &views, &vec![(0, true); 2], 1).counts;
        assert_eq!(Counted::of(&counts).terms, [b"the", b"cat"]);
        assert_eq!(counts.documents, [2, 2]);
        assert_eq!(counts.totals, [100_000, 100_000]);
    }
}

#[test]
fn many_terms_are_joined_by_many_threads() {
    // Each document brings new terms, repeats some of its own counter, and some of others.
    let terms = |range: std::ops::Range<u32>, step| -> Vec<Term> {
        range.step_by(step).map(|i| format!("{i:0>w$}", w = i as usize % 30).into_bytes()).collect()
    };
    let documents: Vec<Vec<Term>> = (0..40_u32)
        .map(|i| [terms(i * 500..i * 500 + 700, 1), terms(0..i * 500, 7)].concat())
        .collect();
    let (expected, _) = counted(&documents);
    assert!(expected.terms.len() > 1 << 14);
    let stored = store(&documents);
    let deal: Deal = (0..40).map(|i| (i * i % 11, i % 3 != 0)).collect();
    for counters in [1, 2, 3, 4, 9] {
        for &kernel in available() {
            let dealt = count_dealt(terminology(kernel), &views(&stored), &deal, counters);
            assert!(Counted::of(&dealt.counts) == expected, "{}", kernel.name());
        }
    }
}

#[test]
fn counts_are_the_same_whether_rows_are_kept_or_not() {
    let term = |i: u32| format!("{i}").into_bytes();
    // Some terms come more often than a byte can count.
    let document =
        |i: u32| -> Vec<Term> { (0..i % 900).map(|j| term(j % (i % 7 * 40 + 1))).collect() };
    let documents: Vec<Vec<Term>> = (0..60).map(|i| document(i * 37)).collect();
    let (expected, _) = counted(&documents);
    let stored = store(&documents);
    for kept in [0, 1, 2, 3] {
        let mut counters = vec![Counter::default(), Counter::default()];
        let mut chunks = Vec::new();
        for (i, documents) in views(&stored).chunks(5).enumerate() {
            let keep = kept >> (i % 2) & 1 != 0;
            let (place, cancel) = (i % 3 % 2, Cancel::default());
            let chunk = counters[place].count(terminology(&Scalar), documents, keep, &cancel);
            chunks.push((place, chunk.unwrap()));
        }
        let joined = join(counters, &chunks, 2, &Cancel::default()).unwrap();
        assert_eq!(Counted::of(&joined.counts), expected);
    }
}

#[test]
fn nothing_counted_is_nothing_joined() {
    for counters in [0, 1, 3] {
        let counters: Vec<Counter> = (0..counters).map(|_| Counter::default()).collect();
        let expected = counters.len();
        let joined = join(counters, &[], 2, &Cancel::default()).unwrap();
        let counts = joined.counts;
        assert_eq!(Counted::of(&counts), Counted::default());
        assert_eq!(joined.renumbering.len(), expected);
        let mut other = TermCounts::default();
        other.absorb(&counts).unwrap();
        assert_eq!(Counted::of(&other), Counted::default());
        assert!(counts.size() == 0);
    }
}

#[test]
fn absorbing_the_same_again_and_again_adds_counts_only() {
    let documents: Vec<Vec<Term>> =
        vec![(0..500_u32).map(|i| format!("term {i:040}").into_bytes()).collect(); 2];
    let part = count(&documents);
    let mut whole = TermCounts::default();
    whole.absorb(&part).unwrap();
    let size = whole.size();
    for _ in 0..50 {
        whole.absorb(&part).unwrap();
    }
    assert_eq!(whole.documents, vec![102; 500]);
    assert_eq!(whole.n_documents, 102);
    assert!(whole.size() <= 4 * size, "{} bytes for {size}", whole.size());
}
