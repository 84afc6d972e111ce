//! Everything that can be interrupted, interrupted in the middle.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shardfit_core::analyzer::{JoinedTokens, NgramRange, TokenRule};
use shardfit_core::csr::{self, Norm};
use shardfit_core::documents::{Document, Span};
use shardfit_core::error::{Error, Result};
use shardfit_core::hashing::{self, Buckets, Counts, Hasher, hash_documents};
use shardfit_core::kernel::{Kernel, Scalar};
use shardfit_core::parallel::{self, Cancel};
use shardfit_core::vocabulary::counting::{Counter, Terminology};
use shardfit_core::vocabulary::entries::{Packed, Store};
use shardfit_core::vocabulary::joining::join;
use shardfit_core::vocabulary::rows::{self, FirstSight, Keys, look_up};
use shardfit_core::vocabulary::sorting::alphabetical;
use shardfit_core::vocabulary::{Record, Seed};

use crate::corpus::{Listed, Term, terminology};
use crate::inputs::Stored;
use crate::oracle::{Kind, Setting};

/// Steps that have been begun.
#[derive(Default)]
struct Steps(AtomicUsize);

impl Steps {
    /// Begins a step, and ends it when the work is no longer wanted.
    fn step(&self, is_wanted: impl Fn() -> Result<()>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        while is_wanted().is_ok() {
            std::thread::yield_now();
        }
    }

    /// Whether to go on: nothing is stopped before it has begun.
    fn proceed(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) == 0 { Ok(()) } else { Err(Error::Cancelled) }
    }
}

/// A kernel during whose first step the work stops being wanted.
struct Overtaken<'s> {
    steps: &'s Steps,
    /// Where it may ask; without it, steps are those of sorting, which asks what it is given for that.
    cancel: Option<&'s Cancel>,
}

impl Overtaken<'_> {
    fn step(&self) {
        if let Some(cancel) = self.cancel {
            self.steps.step(|| cancel.check());
        }
    }
}

impl Kernel for Overtaken<'_> {
    fn name(&self) -> &'static str {
        "overtaken"
    }

    fn join_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        starts: &mut Vec<u32>,
    ) -> Result<()> {
        Scalar.join_ascii(block, rule, lowercase, text, starts)
    }

    fn hash_ngrams(
        &self,
        tokens: JoinedTokens<'_>,
        firsts: Range<usize>,
        lengths: NgramRange,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        self.step();
        Scalar.hash_ngrams(tokens, firsts, lengths, buckets, keys)
    }

    fn hash_windows(
        &self,
        text: &[u8],
        length: usize,
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        self.step();
        Scalar.hash_windows(text, length, buckets, keys)
    }

    fn count(&self, keys: &[u32], columns: &mut Vec<u32>, sums: &mut Vec<i32>) -> Result<()> {
        Scalar.count(keys, columns, sums)
    }

    fn split_ascii(
        &self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        text: &mut Vec<u8>,
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        Scalar.split_ascii(block, rule, lowercase, text, spans)
    }

    fn hash(
        &self,
        text: &[u8],
        spans: &[Span],
        buckets: Buckets,
        keys: &mut Vec<u32>,
    ) -> Result<()> {
        self.step();
        Scalar.hash(text, spans, buckets, keys)
    }

    fn sort(
        &self,
        keys: &mut Vec<u32>,
        spare: &mut Vec<u32>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        if self.cancel.is_none() {
            self.steps.step(proceed);
        }
        Scalar.sort(keys, spare, proceed)
    }

    fn norm(&self, _: Norm, _: &[i32]) -> Option<f64> {
        unreachable!("nothing is scaled")
    }

    fn divide<'p>(&self, _: &[i32], _: f64, _: &'p mut [MaybeUninit<f64>]) -> &'p mut [f64] {
        unreachable!("nothing is scaled")
    }

    fn divide_single<'p>(&self, _: &[i32], _: f64, _: &'p mut [MaybeUninit<f32>]) -> &'p mut [f32] {
        unreachable!("nothing is scaled")
    }

    fn pack(
        &self,
        text: &[u8],
        spans: &[Span],
        seed: Seed,
        records: &mut [Record],
        hashes: &mut [u32],
        long: &mut Vec<Span>,
    ) {
        self.step();
        Scalar.pack(text, spans, seed, records, hashes, long);
    }

    fn sort_pairs(
        &self,
        pairs: &mut Vec<u64>,
        spare: &mut Vec<u64>,
        proceed: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        self.steps.step(proceed);
        Scalar.sort_pairs(pairs, spare, proceed)
    }
}

/// Does two chunks of `work` on one thread, cancels within the first step of the first, and returns how
/// many steps were begun.
fn steps_of_stopped(work: impl Fn(&Overtaken<'_>, &Cancel) -> Result<()> + Sync) -> usize {
    let steps = Steps::default();
    // A panic of a worker would not show behind the error of `proceed`, so results are looked at here.
    let results = Mutex::new(Vec::new());
    let worker = || {
        |_, cancel: &Cancel| {
            let kernel = Overtaken { steps: &steps, cancel: Some(cancel) };
            let result = work(&kernel, cancel);
            results.lock().unwrap().push(result.clone());
            result
        }
    };
    let result = parallel::run(2, 1, worker, || steps.proceed());
    assert_eq!(result, Err(Error::Cancelled));
    assert_eq!(results.into_inner().unwrap(), [Err(Error::Cancelled)]);
    steps.0.into_inner()
}

/// Long documents, and every kind of features to find in them.
fn each_long_document(check: impl Fn(&Setting, Document<'_>)) {
    for word in ["a word ", "un été "] {
        let stored = Stored::new(&word.repeat(100_000));
        for kind in [
            Setting::words(1, (1, 1)).kind,
            Setting::words(1, (1, 2)).kind,
            Kind::Chars(2, 3),
            Kind::CharsInWords(2, 3),
        ] {
            check(&Setting::of(kind), Document::Text(stored.narrowest()));
        }
    }
}

#[test]
fn hashing_stops_within_a_document() {
    each_long_document(|setting, document| {
        let analyzer = setting.analyzer();
        let steps = steps_of_stopped(|kernel, cancel| {
            let buckets = Buckets::new(1 << 20, true).unwrap();
            let tables = Some(setting.tables());
            let hasher = Hasher { analyzer: &analyzer, tables, buckets, kernel };
            let mut buffers = hashing::Buffers::default();
            let mut counts = Counts::default();
            hash_documents(hasher, &[document], &mut buffers, &mut counts, cancel)
        });
        // Of the many batches of the document, and of the second chunk, none was begun.
        assert_eq!(steps, 1);
    });
}

/// A batch of features is packed in so many steps, and there are dozens of batches.
const STEPS: usize = 32 * 1024 / 256;

#[test]
fn counting_stops_within_a_document() {
    each_long_document(|setting, document| {
        let analyzer = setting.analyzer();
        let steps = steps_of_stopped(|kernel, cancel| {
            let tables = Some(setting.tables());
            let terminology = Terminology { analyzer: &analyzer, tables, kernel };
            Counter::default().count(terminology, &[document], true, cancel).map(drop)
        });
        assert!((1..=STEPS).contains(&steps), "{steps} steps");
    });
}

#[test]
fn looking_up_stops_within_a_document() {
    let vocabulary = Listed::new(&[b"a", b"b"]).vocabulary();
    each_long_document(|setting, document| {
        let analyzer = setting.analyzer();
        let steps = steps_of_stopped(|kernel, cancel| {
            let tables = Some(setting.tables());
            let terminology = Terminology { analyzer: &analyzer, tables, kernel };
            let (mut buffers, mut found) = (rows::Buffers::default(), Counts::default());
            let columns = rows::Columns::new(vec![rows::NO_COLUMN, 0, 0]);
            let documents = [document];
            look_up(
                terminology,
                &vocabulary,
                &columns,
                &documents,
                &mut buffers,
                &mut found,
                cancel,
            )
        });
        assert!((1..=STEPS).contains(&steps), "{steps} steps");
    });
}

#[test]
fn joining_stops_before_the_next_chunk() {
    let terms = Listed::new(&[b"a", b"b"]);
    let steps = steps_of_stopped(|kernel, cancel| {
        let mut counters = [Counter::default(), Counter::default()];
        let mut chunks = Vec::new();
        for (place, counter) in counters.iter_mut().enumerate() {
            let chunk = counter.count(terminology(&Scalar), &[terms.document()], true, cancel)?;
            chunks.push((place, chunk));
        }
        kernel.step();
        join(counters.into(), &chunks, 0, cancel).map(drop)
    });
    assert_eq!(steps, 1);
}

/// A document of 70,000 terms, counted.
fn long_entries() -> (Packed, Store) {
    let terms: Vec<Term> = (0..70_000).map(|i| format!("{i}").into_bytes()).collect();
    let terms = Listed::new(&terms);
    let cancel = Cancel::default();
    let mut counter = Counter::default();
    let chunk = counter.count(terminology(&Scalar), &[terms.document()], true, &cancel).unwrap();
    let mut chunks = [(0, chunk)];
    let mut stores = join(vec![counter], &chunks, 0, &cancel).unwrap().stores;
    (std::mem::take(&mut chunks[0].1.entries), stores.remove(0))
}

#[test]
fn rows_stop_within_a_sort() {
    let (entries, store) = long_entries();
    let columns: Vec<u32> = (0..=70_000).collect();
    // Numbers that are not those of the counter, so that rows have to be sorted.
    let joined = columns.clone();
    let steps = Steps::default();
    let kernel = &Overtaken { steps: &steps, cancel: None };
    let first_sight = FirstSight { numbers: Some(&joined), columns: &columns, kernel };
    let worker = || {
        |_, cancel: &Cancel| {
            let (mut keys, mut rows) = (Keys::default(), Counts::default());
            store
                .read(&entries, |entries| first_sight.append(entries, &mut keys, &mut rows, cancel))
        }
    };
    let result = parallel::run(3, 1, worker, || steps.proceed());
    assert_eq!(result, Err(Error::Cancelled));
    assert_eq!(steps.0.into_inner(), 1);
}

#[test]
fn scaling_stops_between_parts() {
    // Each row is long enough to be a part of its own.
    let (rows, length) = (100, 1 << 16);
    let mut data = vec![1.0; rows * length];
    let indices = vec![0_i64; rows * length];
    let row_ends: Vec<i64> = (1..=rows as i64).map(|row| row * length as i64).collect();
    let steps = Steps::default();
    let finish = |_: &[i64], _: &mut [f64]| {
        steps.0.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(2));
    };
    let proceed = || steps.proceed();
    let result = csr::scale(&mut data, &indices, &row_ends, finish, 1, proceed);
    assert_eq!(result, Err(Error::Cancelled));
    assert!(steps.0.into_inner() < rows);
}

#[test]
fn alphabetical_order_can_be_stopped() {
    let terms: Vec<Term> =
        (0..3_000_000_u32).map(|i| format!("{:08x}", i.reverse_bits()).into_bytes()).collect();
    let vocabulary = Listed::new(&terms).vocabulary();
    for threads in [1, 2] {
        let result = alphabetical(vocabulary.terms(), threads, || Err(Error::Cancelled));
        assert_eq!(result, Err(Error::Cancelled));
    }
}
