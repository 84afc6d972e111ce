//! Hashing by class of input: each step alone, and all of them from documents to rows.
//!
//! `cargo bench` runs everything, `cargo bench -- cjk` one class, `cargo bench -- sort` one step.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shardfit_benches::{Class, classes};
use shardfit_core::analyzer::unicode::{CODE_POINTS, UnicodeTable};
use shardfit_core::analyzer::{
    Analyzer, Features, NgramRange, Scratch, Tables, TokenClass, TokenRule,
};
use shardfit_core::documents::{Document, Span, Text};
use shardfit_core::hashing::{Buckets, Buffers, Hasher, bucket, hash_documents};
use shardfit_core::kernel::{Kernel, Scalar};
use shardfit_core::murmur3::murmur3;
use shardfit_core::parallel::Cancel;

const KERNEL: Scalar = Scalar;

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

/// The characters of a text, two bytes each, if that is how `CPython` keeps them.
fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// The texts of a class as `CPython` would keep them.
fn stored(class: &Class) -> Vec<(&str, Vec<u16>, Vec<u8>)> {
    let latin1 = |text: &str| text.chars().map_while(|c| u8::try_from(c).ok()).collect();
    class.documents.iter().map(|text| (text.as_str(), units(text), latin1(text))).collect()
}

fn documents<'a>(stored: &'a [(&str, Vec<u16>, Vec<u8>)]) -> Vec<Document<'a>> {
    let text = |(text, units, latin1): &'a (&str, Vec<u16>, Vec<u8>)| {
        if text.is_ascii() {
            Text::Ascii(text.as_bytes())
        } else if latin1.len() == units.len() {
            Text::Latin1(latin1)
        } else {
            Text::Ucs2(units)
        }
    };
    stored.iter().map(|stored| Document::Text(text(stored))).collect()
}

/// What a sink is given for one document.
type Batches = Vec<(Vec<u8>, Vec<Span>)>;

fn hashing(criterion: &mut Criterion) {
    let unicode = unicode();
    let tables = Some(Tables { unicode: &unicode, accents: None });
    let column = |word: &[u8]| bucket(buckets().key(murmur3(word)));
    for class in classes(column) {
        let rule = TokenRule { class: TokenClass::Word, min_length: class.min_length };
        let ngrams = NgramRange { min: 1, max: 1 };
        let features = Features::Words { rule, ngrams, stop_words: None };
        let analyzer = Analyzer { lowercase: true, features };
        let stored = stored(&class);
        let documents = documents(&stored);
        let bytes = documents.iter().map(Document::size).sum::<usize>() as u64;

        let mut scratch = Scratch::default();
        let mut split = |sink: &mut dyn FnMut(usize, &[u8], &[Span])| {
            for (number, &document) in documents.iter().enumerate() {
                analyzer
                    .analyze(document, tables, &KERNEL, &mut scratch, &mut |text, spans| {
                        sink(number, text, spans);
                        Ok(())
                    })
                    .expect("memory for a small text");
            }
        };
        let mut tokens: Vec<Batches> = vec![Vec::new(); documents.len()];
        split(&mut |number, text, spans| tokens[number].push((text.to_vec(), spans.to_vec())));
        let hash = |batches: &Batches, keys: &mut Vec<u32>| {
            keys.clear();
            for (text, spans) in batches {
                KERNEL.hash(text, spans, buckets(), keys).expect("memory for keys");
            }
        };
        let mut unsorted = vec![Vec::new(); documents.len()];
        tokens.iter().zip(&mut unsorted).for_each(|(batches, keys)| hash(batches, keys));

        let mut group = criterion.benchmark_group(class.name);
        group
            .throughput(Throughput::Bytes(bytes))
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1));
        group.bench_function("split", |bencher| {
            bencher.iter(|| split(&mut |_, text, spans| _ = black_box((text, spans))));
        });
        group.bench_function("hash", |bencher| {
            let mut keys = Vec::new();
            bencher.iter(|| {
                for batches in &tokens {
                    hash(batches, &mut keys);
                    black_box(&keys);
                }
            });
        });
        group.bench_function("sort", |bencher| {
            let (mut keys, mut spare) = (Vec::new(), Vec::new());
            bencher.iter(|| {
                for unsorted in &unsorted {
                    keys.clone_from(unsorted);
                    KERNEL.sort(&mut keys, &mut spare, &|| Ok(())).expect("memory for keys");
                    black_box(&keys);
                }
            });
        });
        let hasher = Hasher { analyzer: &analyzer, tables, buckets: buckets(), kernel: &KERNEL };
        group.bench_function(BenchmarkId::from_parameter("hash_documents"), |bencher| {
            let (mut buffers, cancel) = (Buffers::default(), Cancel::default());
            bencher.iter(|| {
                hash_documents(hasher, &documents, &mut buffers, &cancel).expect("memory for rows")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, hashing);
criterion_main!(benches);
