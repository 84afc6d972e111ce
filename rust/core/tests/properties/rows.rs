//! From counted documents to rows of a matrix, against scikit-learn's order written down naively.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index as Place, select};
use shardfit_core::documents::Document;
use shardfit_core::hashing::Counts;
use shardfit_core::kernel::available;
use shardfit_core::parallel::Cancel;
use shardfit_core::vocabulary::Vocabulary;
use shardfit_core::vocabulary::rows::{Buffers, Columns, FirstSight, Keys, NO_COLUMN, look_up};

use crate::corpus::{
    Deal, Dealt, Listed, Term, count_dealt, counted, deal, distinct, documents, term, terminology,
};

fn store(documents: &[Vec<Term>]) -> Vec<Listed> {
    documents.iter().map(|terms| Listed::new(terms)).collect()
}

fn views(stored: &[Listed]) -> Vec<Document<'_>> {
    stored.iter().map(Listed::document).collect()
}

/// The rows of documents, made by the crate. `columns` are by place in the order of first sight.
fn rows(documents: &[Vec<Term>], (deal, counters): (&Deal, usize), columns: &[u32]) -> Counts {
    let stored = store(documents);
    // All of them have their turn.
    let kernel = available()[(documents.len() + counters) % available().len()];
    let Dealt { entries, stores, renumbering, counts, .. } =
        count_dealt(terminology(kernel), &views(&stored), deal, counters);
    let terms = counts.vocabulary.terms().len();
    // What stands in the place of the number 0 is never asked for.
    let columns = [&[12_345_678], &columns[..terms]].concat();
    let (mut keys, mut rows, cancel) = (Keys::default(), Counts::default(), Cancel::default());
    for (counter, entries) in entries {
        let numbers = renumbering[counter].as_deref();
        let first_sight = FirstSight { numbers, columns: &columns, kernel };
        stores[counter]
            .read(&entries, |entries| first_sight.append(entries, &mut keys, &mut rows, &cancel))
            .unwrap();
        stores[counter].release(entries);
    }
    rows
}

/// As `fit_transform` has it: entries by first sight of their terms in all documents, whatever their
/// columns, and those of terms that have been left out left out.
fn expected(documents: &[Vec<Term>], columns: &[u32]) -> Counts {
    let mut rows = Counts::default();
    for row in counted(documents).1 {
        for (place, count) in row {
            if columns[place] != NO_COLUMN {
                rows.columns.push(columns[place]);
                rows.sums.push(count);
            }
        }
        rows.row_ends.push(rows.columns.len());
    }
    rows
}

/// Columns for as many terms as there can be: any order, some left out.
fn columns() -> impl Strategy<Value = Vec<u32>> {
    let columns = Just((0..30).collect::<Vec<u32>>()).prop_shuffle();
    (columns, vec(select(vec![true, true, true, false]), 30), any::<bool>()).prop_map(
        |(mut columns, kept, all)| {
            for (column, kept) in columns.iter_mut().zip(kept) {
                if !(kept || all) {
                    *column = NO_COLUMN;
                }
            }
            columns
        },
    )
}

/// Documents some of whose terms come very often.
fn heavy_documents() -> impl Strategy<Value = Vec<Vec<Term>>> {
    let times = select(vec![1, 2, 253, 254, 255, 256, 510, 65_534, 65_535, 65_536, 65_791]);
    vec(vec((0..6_u8, times), 0..4), 0..6).prop_map(|documents| {
        let document = |runs: Vec<(u8, usize)>| {
            runs.iter().flat_map(|&(name, times)| vec![vec![name; 3]; times]).collect()
        };
        documents.into_iter().map(document).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn rows_are_those_of_fit_transform(
        documents in documents(),
        deal in deal(),
        counters in 1..5_usize,
        columns in columns(),
    ) {
        let got = rows(&documents, (&deal, counters), &columns);
        prop_assert_eq!(got, expected(&documents, &columns));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn large_counts_stay_with_their_terms(
        documents in heavy_documents(),
        deal in deal(),
        counters in 1..4_usize,
        columns in columns(),
    ) {
        let got = rows(&documents, (&deal, counters), &columns);
        prop_assert_eq!(got, expected(&documents, &columns));
    }
}

#[test]
fn rows_of_very_many_terms() {
    // The second document has the terms of the first the other way round, and those sort by radix.
    let terms: Vec<Term> = (0..70_000).map(|i| format!("{i}").into_bytes()).collect();
    let back = terms.iter().rev().cloned().collect();
    let documents = [terms, back];
    let columns: Vec<u32> = (0..70_000).map(|i| if i % 7 == 0 { NO_COLUMN } else { i }).collect();
    for counters in [1, 2] {
        let deal = vec![(0, true), (1, true)];
        let got = rows(&documents, (&deal, counters), &columns);
        assert!(got == expected(&documents, &columns));
    }
}

/// What the crate finds in documents.
fn found(
    vocabulary: &Vocabulary,
    by_number: &[u32],
    documents: &[Document<'_>],
    buffers: &mut Buffers,
) -> Counts {
    let columns = Columns::new(by_number.to_vec());
    let by_each_kernel: Vec<Counts> = available()
        .iter()
        .map(|kernel| {
            let mut found = Counts::default();
            // Rows are appended to those that there are.
            for document in documents {
                let (documents, cancel) = (std::slice::from_ref(document), Cancel::default());
                let terminology = terminology(*kernel);
                look_up(terminology, vocabulary, &columns, documents, buffers, &mut found, &cancel)
                    .unwrap();
            }
            found
        })
        .collect();
    assert!(by_each_kernel.windows(2).all(|pair| pair[0] == pair[1]));
    by_each_kernel.into_iter().next().unwrap()
}

/// What looking up is, naively: columns ascend, terms that share one are one.
fn looked_up(terms: &[Term], columns: &[u32], documents: &[Vec<Term>]) -> Counts {
    let mut counts = Counts::default();
    for document in documents {
        let place = |term| terms.iter().position(|known| known == term);
        let found = document.iter().filter_map(place).map(|place| columns[place]);
        let mut found: Vec<u32> = found.filter(|&column| column != NO_COLUMN).collect();
        found.sort_unstable();
        for run in found.chunk_by(|a, b| a == b) {
            counts.columns.push(run[0]);
            counts.sums.push(run.len() as i32);
        }
        counts.row_ends.push(counts.columns.len());
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn looking_up_counts_columns(
        pool in vec(term(), 1..40),
        known in vec(any::<Place>(), 0..30),
        columns in vec(prop_oneof![4 => 0..20_u32, 1 => Just(NO_COLUMN)], 30),
        documents in vec(vec(any::<Place>(), 0..60), 0..6),
    ) {
        let pick = |places: &[Place]| -> Vec<Term> {
            places.iter().map(|place| place.get(&pool).clone()).collect()
        };
        let terms = distinct(&pick(&known));
        let documents: Vec<Vec<Term>> = documents.iter().map(|places| pick(places)).collect();
        let vocabulary = Listed::new(&terms).vocabulary();
        let by_number = [&[NO_COLUMN], &columns[..terms.len()]].concat();
        let mut buffers = Buffers::default();
        let stored = store(&documents);
        // Buffers leave no trace from one call to the next.
        for documents in [&documents[..], &documents[..documents.len() / 2]] {
            let views = views(&stored[..documents.len()]);
            let got = found(&vocabulary, &by_number, &views, &mut buffers);
            prop_assert_eq!(got, looked_up(&terms, &columns, documents));
        }
    }
}

#[test]
fn counts_of_any_size_stand_side_by_side() {
    let of = |counts: &[usize]| -> Vec<Term> {
        let terms = counts.iter().enumerate();
        terms.flat_map(|(i, &count)| vec![format!("{i}").into_bytes(); count]).collect()
    };
    let documents = [
        of(&[1, 255, 2]),
        of(&[254, 3, 0, 1]),
        of(&[0, 1, 256, 70_000, 255, 510, 511, 765]),
        of(&[3, 0, 0, 0, 1]),
        of(&[1, 0, 0, 0, 0, 1]),
    ];
    let columns: Vec<u32> = (0..30).rev().collect();
    for pruned in [None, Some(0), Some(3)] {
        let mut columns = columns.clone();
        if let Some(place) = pruned {
            columns[place] = NO_COLUMN;
        }
        let deal = vec![(0, false), (1, true), (0, true), (2, true), (1, true)];
        let got = rows(&documents, (&deal, 3), &columns);
        assert_eq!(got, expected(&documents, &columns));
    }
    let terms: Vec<Term> = (0..8).map(|i| format!("{i}").into_bytes()).collect();
    let vocabulary = Listed::new(&terms).vocabulary();
    let by_number = [&[NO_COLUMN], &columns[..8]].concat();
    let stored = store(&documents);
    let mut buffers = Buffers::default();
    let got = found(&vocabulary, &by_number, &views(&stored), &mut buffers);
    assert_eq!(got, looked_up(&terms, &columns, &documents));
    // Terms that share columns are one, whatever their counts.
    let columns: Vec<u32> = (0..8).map(|i| i % 3).collect();
    let by_number = [&[NO_COLUMN], columns.as_slice()].concat();
    let got = found(&vocabulary, &by_number, &views(&stored), &mut buffers);
    assert_eq!(got, looked_up(&terms, &columns, &documents));
}

#[test]
fn looking_up_in_an_empty_vocabulary_finds_nothing() {
    let documents = [vec![b"a".to_vec()], vec![], vec![vec![], vec![0; 40]]];
    let stored = store(&documents);
    let vocabulary = Listed::new::<Term>(&[]).vocabulary();
    let mut buffers = Buffers::default();
    let views = views(&stored);
    let got = found(&vocabulary, &[NO_COLUMN], &views, &mut buffers);
    assert_eq!(got, Counts { row_ends: vec![0; 3], ..Counts::default() });
}

#[test]
fn looking_up_very_many_columns() {
    let terms: Vec<Term> = (0..70_000).map(|i| format!("{i}").into_bytes()).collect();
    let columns: Vec<u32> = (0..70_000).rev().collect();
    let document: Vec<Term> = terms.iter().flat_map(|term| vec![term.clone(); 3]).collect();
    let vocabulary = Listed::new(&terms).vocabulary();
    let by_number = [&[NO_COLUMN], columns.as_slice()].concat();
    let stored = store(&[document]);
    let mut buffers = Buffers::default();
    let got = found(&vocabulary, &by_number, &views(&stored), &mut buffers);
    assert!(got.columns.iter().copied().eq(0..70_000));
    assert!(got.sums.iter().all(|&sum| sum == 3));
}

#[test]
fn little_text_is_looked_up_among_many_terms() {
    let terms: Vec<Term> = (0..20_000).map(|i| format!("{i}").into_bytes()).collect();
    // Each column belongs to two terms, and every third term has none.
    let columns: Vec<u32> =
        (0..20_000).map(|i| if i % 3 == 0 { NO_COLUMN } else { (19_999 - i) / 2 }).collect();
    let vocabulary = Listed::new(&terms).vocabulary();
    let by_number = [&[NO_COLUMN], columns.as_slice()].concat();
    let words = |numbers: &[usize]| numbers.iter().map(|&number| terms[number].clone()).collect();
    let unknown = vec![b"unknown".to_vec()];
    let documents = [words(&[4, 5, 4, 19_999, 3, 4, 7]), vec![], unknown, words(&[1])];
    let stored = store(&documents);
    let got = found(&vocabulary, &by_number, &views(&stored), &mut Buffers::default());
    assert_eq!(got, looked_up(&terms, &columns, &documents));
}
