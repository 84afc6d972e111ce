//! Hashing and counting by class of input: each step alone, and all of them from documents to rows.
//!
//! Throughput is in bytes of the documents as they lie in memory.
//!
//! `cargo bench` runs everything with each kernel that the processor has, `cargo bench -- cjk` one class,
//! `cargo bench -- sort` one step, `cargo bench -- cjk/avx2/sort` one step of one class with one kernel.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use shardfit_benches::{Class, classes};
use shardfit_core::analyzer::unicode::{CODE_POINTS, UnicodeTable};
use shardfit_core::analyzer::{
    Analyzer, Features, NgramRange, Scratch, Tables, TokenClass, TokenRule,
};
use shardfit_core::documents::{Document, Span, Text};
use shardfit_core::error::Error;
use shardfit_core::hashing::{Buckets, Buffers, Counts, Hasher, bucket, hash_documents};
use shardfit_core::kernel::{self, Kernel, Scalar};
use shardfit_core::murmur3::murmur3;
use shardfit_core::parallel::Cancel;
use shardfit_core::vocabulary::counting::{Counter, Terminology};
use shardfit_core::vocabulary::joining::join;
use shardfit_core::vocabulary::rows;
use shardfit_core::vocabulary::sorting::alphabetical;

fn buckets() -> Buckets {
    Buckets::new(1 << 20, true).expect("2^20 is in range")
}

/// Rust's idea of letters: nearly Python's, and no slower.
fn unicode() -> UnicodeTable {
    let (mut lower, mut flags) = (vec![0; CODE_POINTS], vec![0; CODE_POINTS]);
    for c in '\0'..=char::MAX {
        let point = u32::from(c) as usize;
        let mut lowered = c.to_lowercase();
        lower[point] = lowered.next().map_or(0, u32::from);
        flags[point] = u8::from(c.is_alphanumeric() || c == '_') | u8::from(c.is_whitespace()) << 1;
    }
    UnicodeTable::new(&lower, &flags, HashMap::new()).expect("columns of the right length")
}

/// A text as `CPython` would keep it.
enum Stored<'a> {
    Ascii(&'a [u8]),
    Latin1(Vec<u8>),
    Ucs2(Vec<u16>),
}

impl<'a> Stored<'a> {
    fn new(text: &'a str) -> Self {
        if text.is_ascii() {
            return Self::Ascii(text.as_bytes());
        }
        let latin1: Option<_> = text.chars().map(|c| u8::try_from(c).ok()).collect();
        latin1.map_or_else(|| Self::Ucs2(text.encode_utf16().collect()), Self::Latin1)
    }

    fn document(&self) -> Document<'_> {
        Document::Text(match self {
            Self::Ascii(bytes) => Text::Ascii(bytes),
            Self::Latin1(bytes) => Text::Latin1(bytes),
            Self::Ucs2(units) => Text::Ucs2(units),
        })
    }
}

/// What the steps are given.
struct Input<'a> {
    documents: Vec<Document<'a>>,
    analyzer: Analyzer,
    tables: Option<Tables<'a>>,
    kernel: &'a dyn Kernel,
}

impl Input<'_> {
    fn split(&self, scratch: &mut Scratch, mut sink: impl FnMut(usize, &[u8], &[Span])) {
        for (number, &document) in self.documents.iter().enumerate() {
            let mut sink = |text: &[u8], spans: &[Span]| {
                sink(number, text, spans);
                Ok(())
            };
            self.analyzer
                .analyze(document, self.tables, self.kernel, scratch, &mut sink)
                .expect("memory for a small text");
        }
    }
}

fn hash(kernel: &dyn Kernel, batches: &[(Vec<u8>, Vec<Span>)], keys: &mut Vec<u32>) {
    keys.clear();
    for (text, spans) in batches {
        kernel.hash(text, spans, buckets(), keys).expect("memory for keys");
    }
}

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, input: &Input<'_>) {
    let kernel = input.kernel;
    let mut scratch = Scratch::default();
    group.bench_function("split", |bencher| {
        bencher.iter(|| input.split(&mut scratch, |_, text, spans| _ = black_box((text, spans))));
    });
    let mut tokens = vec![Vec::new(); input.documents.len()];
    input.split(&mut scratch, |number, text, spans| {
        tokens[number].push((text.to_vec(), spans.to_vec()));
    });
    let mut keys = Vec::new();
    group.bench_function("hash", |bencher| {
        bencher.iter(|| {
            for batches in &tokens {
                hash(kernel, batches, &mut keys);
                black_box(&keys);
            }
        });
    });
    let mut unsorted = vec![Vec::new(); tokens.len()];
    tokens.iter().zip(&mut unsorted).for_each(|(batches, keys)| hash(kernel, batches, keys));
    let mut spare = Vec::new();
    group.bench_function("sort", |bencher| {
        bencher.iter(|| {
            for unsorted in &unsorted {
                keys.clone_from(unsorted);
                kernel.sort(&mut keys, &mut spare, &|| Ok(())).expect("memory for keys");
                black_box(&keys);
            }
        });
    });
    let Input { documents, analyzer, tables, .. } = input;
    let hasher = Hasher { analyzer, tables: *tables, buckets: buckets(), kernel };
    let (mut buffers, cancel) = (Buffers::default(), Cancel::default());
    let mut counts = Counts::default();
    group.bench_function("hash_documents", |bencher| {
        bencher.iter(|| {
            counts.clear();
            hash_documents(hasher, documents, &mut buffers, &mut counts, &cancel)
                .expect("memory for rows");
        });
    });
}

/// The steps of a vocabulary: learning it, on two threads' counters, and using it.
fn bench_vocabulary(group: &mut BenchmarkGroup<'_, WallTime>, input: &Input<'_>) {
    let Input { documents, analyzer, tables, kernel } = input;
    let terminology = Terminology { analyzer, tables: *tables, kernel: *kernel };
    let cancel = Cancel::default();
    let count = || {
        let mut counters = vec![Counter::default(), Counter::default()];
        let mut chunks = Vec::new();
        for (number, documents) in documents.chunks(documents.len().div_ceil(8)).enumerate() {
            let counter = number % 2;
            let chunk = counters[counter].count(terminology, documents, true, &cancel);
            chunks.push((counter, chunk.expect("memory for counts")));
        }
        (counters, chunks)
    };
    let join = |(counters, chunks): (_, Vec<_>)| {
        join(counters, &chunks, 2, &cancel).expect("memory for terms").counts
    };
    group.bench_function("count", |bencher| bencher.iter_with_large_drop(count));
    group.bench_function("join", |bencher| {
        bencher.iter_batched(count, join, BatchSize::LargeInput);
    });
    let vocabulary = join(count()).vocabulary;
    let columns = (0..=vocabulary.terms().len() as u32).collect();
    let columns = rows::Columns::new(columns);
    let (mut buffers, mut found) = (rows::Buffers::default(), Counts::default());
    group.bench_function("look_up", |bencher| {
        bencher.iter(|| {
            found.clear();
            let (buffers, found) = (&mut buffers, &mut found);
            rows::look_up(terminology, &vocabulary, &columns, documents, buffers, found, &cancel)
                .expect("memory for rows");
        });
    });
    group.bench_function("alphabetical", |bencher| {
        bencher.iter(|| alphabetical(vocabulary.terms(), 0, || Ok::<_, Error>(())));
    });
}

fn hashing(criterion: &mut Criterion) {
    let unicode = unicode();
    let column = |word: &[u8]| bucket(buckets().key(murmur3(word)));
    for Class { name, documents, min_length } in classes(column) {
        let stored: Vec<_> = documents.iter().map(|text| Stored::new(text)).collect();
        let features = Features::Words {
            rule: TokenRule { class: TokenClass::Word, min_length },
            ngrams: NgramRange { min: 1, max: 1 },
            stop_words: None,
        };
        let mut input = Input {
            documents: stored.iter().map(Stored::document).collect(),
            analyzer: Analyzer { lowercase: true, features },
            tables: Some(Tables { unicode: &unicode, accents: None }),
            kernel: &Scalar,
        };
        let bytes: usize = input.documents.iter().map(Document::size).sum();
        for &kernel in kernel::available() {
            input.kernel = kernel;
            let mut group = criterion.benchmark_group(format!("{name}/{}", kernel.name()));
            group
                .throughput(Throughput::Bytes(bytes as u64))
                .sample_size(10)
                .warm_up_time(Duration::from_millis(300))
                .measurement_time(Duration::from_secs(1));
            bench(&mut group, &input);
            bench_vocabulary(&mut group, &input);
            group.finish();
        }
    }
}

criterion_group!(benches, hashing);
criterion_main!(benches);
