//! Documents as lists of terms, and what comes of counting them naively.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use shardfit_core::analyzer::Analyzer;
use shardfit_core::documents::{Document, Span, Tokens};
use shardfit_core::kernel::Kernel;
use shardfit_core::murmur3::PADDING;
use shardfit_core::parallel::Cancel;
use shardfit_core::vocabulary::counting::{Counter, Terminology};
use shardfit_core::vocabulary::entries::{Packed, Store};
use shardfit_core::vocabulary::joining::{Joined, Renumbering, join};
use shardfit_core::vocabulary::term_counts::TermCounts;
use shardfit_core::vocabulary::{Terms, Vocabulary};

use crate::oracle::Setting;

pub type Term = Vec<u8>;

/// Terms as the crate reads them: in one text.
pub struct Listed {
    pub text: Vec<u8>,
    pub spans: Vec<Span>,
}

impl Listed {
    pub fn new<T: AsRef<[u8]>>(terms: &[T]) -> Self {
        let mut text = Vec::new();
        let mut spans = Vec::new();
        for term in terms {
            let start = text.len() as u32;
            text.extend_from_slice(term.as_ref());
            spans.push(Span { start, end: text.len() as u32 });
        }
        // Not zeros: what stands behind a term must not matter.
        text.extend([0xa5; PADDING]);
        Self { text, spans }
    }

    pub fn document(&self) -> Document<'_> {
        Document::Tokens(Tokens { text: &self.text, spans: &self.spans })
    }

    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary::from_terms(&self.text, &self.spans).unwrap()
    }
}

/// For documents that need no analysis.
pub fn terminology(kernel: &dyn Kernel) -> Terminology<'_> {
    static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Setting::words(1, (1, 1)).analyzer());
    Terminology { analyzer: &ANALYZER, tables: None, kernel }
}

/// The terms of a vocabulary, by number.
pub fn listed(terms: &Terms) -> Vec<Term> {
    let listed: Vec<Term> = terms.numbers().map(|number| terms.bytes(number).to_vec()).collect();
    assert_eq!((terms.len(), terms.is_empty()), (listed.len(), listed.is_empty()));
    listed
}

/// Terms without repetition, in order of first sight.
pub fn distinct(terms: &[Term]) -> Vec<Term> {
    let mut seen = BTreeSet::new();
    terms.iter().filter(|term| seen.insert(*term)).cloned().collect()
}

/// Terms of 0 to 40 bytes: any, of few different bytes, with a long common start, and about as long as
/// a record.
pub fn term() -> impl Strategy<Value = Term> {
    let few = select(b"\0\0ab\xff".to_vec());
    let related = (0..38_usize, vec(few.clone(), 0..3))
        .prop_map(|(length, end)| [vec![b'x'; length], end].concat());
    let repeated = (select(vec![0, 1, 7, 8, 14, 15, 16, 17, 31, 32, 33, 40]), few.clone())
        .prop_map(|(length, byte)| vec![byte; length]);
    prop_oneof![vec(any::<u8>(), 0..41), vec(few, 0..18), related, repeated]
}

/// Documents that share many terms.
pub fn documents() -> impl Strategy<Value = Vec<Vec<Term>>> {
    (vec(term(), 1..30), vec(vec(any::<Index>(), 0..40), 0..12)).prop_map(|(pool, documents)| {
        let pick = |place: &Index| place.get(&pool).clone();
        documents.iter().map(|places| places.iter().map(pick).collect()).collect()
    })
}

/// Which counter counts a document, if it is not in one chunk with the document before it.
pub type Deal = Vec<(usize, bool)>;

/// As many deals as there can be documents.
pub fn deal() -> impl Strategy<Value = Deal> {
    vec((0..4_usize, any::<bool>()), 12)
}

/// What the crate has counted.
pub struct Dealt {
    pub counts: TermCounts,
    pub renumbering: Renumbering,
    pub entries: Vec<(usize, Packed)>,
    pub stores: Vec<Store>,
    pub largest: u32,
}

/// Counts documents, each chunk by the counter it is dealt to among so many.
pub fn count_dealt(
    terminology: Terminology<'_>,
    documents: &[Document<'_>],
    deal: &Deal,
    counters: usize,
) -> Dealt {
    let mut crew: Vec<Counter> = (0..counters).map(|_| Counter::default()).collect();
    let mut chunks = Vec::new();
    let mut start = 0;
    for end in 1..=documents.len() {
        if end < documents.len() && !deal[end].1 {
            continue;
        }
        let place = deal[start].0 % counters;
        let counter = &mut crew[place];
        let chunk =
            counter.count(terminology, &documents[start..end], true, &Cancel::default()).unwrap();
        chunks.push((place, chunk));
        start = end;
    }
    let largest = crew.iter().map(Counter::largest).max().unwrap_or(0);
    let joined = join(crew, &chunks, counters / 2, &Cancel::default()).unwrap();
    let Joined { counts, renumbering, stores } = joined;
    let entries = chunks.into_iter().map(|(place, chunk)| (place, chunk.entries)).collect();
    Dealt { counts, renumbering, entries, stores, largest }
}

/// What there is to know of documents of terms.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// In order of first sight.
    pub terms: Vec<Term>,
    pub documents: Vec<u64>,
    pub totals: Vec<u64>,
    pub n_documents: u64,
}

impl Counted {
    /// What the crate says.
    pub fn of(counts: &TermCounts) -> Self {
        Self {
            terms: listed(counts.vocabulary.terms()),
            documents: counts.documents.clone(),
            totals: counts.totals.clone(),
            n_documents: counts.n_documents,
        }
    }
}

/// Counts documents one after the other. Also returns, for each, how often it has which term, by the
/// place of the term in the order of first sight.
pub fn counted(documents: &[Vec<Term>]) -> (Counted, Vec<BTreeMap<usize, i32>>) {
    let mut counted = Counted { n_documents: documents.len() as u64, ..Counted::default() };
    let mut places = BTreeMap::new();
    let mut rows = Vec::new();
    for document in documents {
        let mut row = BTreeMap::new();
        for term in document {
            let next = places.len();
            let place = *places.entry(term).or_insert(next);
            if place == next {
                counted.terms.push(term.clone());
                counted.documents.push(0);
                counted.totals.push(0);
            }
            if !row.contains_key(&place) {
                counted.documents[place] += 1;
            }
            counted.totals[place] += 1;
            *row.entry(place).or_insert(0) += 1;
        }
        rows.push(row);
    }
    (counted, rows)
}
