//! Rows of hashed counts against the oracle.

use proptest::prelude::*;
use shardfit_core::documents::{Document, Span};
use shardfit_core::hashing::{
    Buckets, Buffers, Counts, Hasher, bucket, hash_documents, hash_in_order, sign,
};
use shardfit_core::kernel::{Kernel, available};
use shardfit_core::murmur3::PADDING;
use shardfit_core::parallel::Cancel;

use crate::inputs::{Drawn, Stored, kernel, numbers, setting, text};
use crate::oracle::{self, Setting};

/// Numbers of columns: masks, remainders and both ends.
const N_FEATURES: [u64; 8] = [1, 2, 3, 7, 16, 1000, 1 << 20, (1 << 31) - 1];

fn hash(
    setting: &Setting,
    texts: &[Stored],
    n_features: u64,
    alternate: bool,
    (kernel, buffers): (&dyn Kernel, &mut Buffers),
) -> Counts {
    let analyzer = setting.analyzer();
    let hasher = Hasher {
        analyzer: &analyzer,
        tables: Some(setting.tables()),
        buckets: Buckets::new(n_features, alternate).unwrap(),
        kernel,
    };
    let documents: Vec<_> = texts.iter().map(|text| Document::Text(text.narrowest())).collect();
    let mut counts = Counts::default();
    hash_documents(hasher, &documents, buffers, &mut counts, &Cancel::default()).unwrap();
    counts
}

fn expected(setting: &Setting, texts: &[String], n_features: u64, alternate: bool) -> Counts {
    let mut counts = Counts::default();
    for text in texts {
        let features = oracle::features(setting, text);
        let row = oracle::row(&features, n_features, alternate);
        counts.columns.extend(row.keys());
        counts.sums.extend(row.values());
        counts.row_ends.push(counts.columns.len());
    }
    counts
}

fn store(texts: &[String]) -> Vec<Stored> {
    texts.iter().map(|text| Stored::new(text)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn rows_are_those_of_the_oracle(
        setting in setting(),
        texts in prop::collection::vec(text(), 0..4),
        n_features in prop::sample::select(N_FEATURES.to_vec()),
        alternate: bool,
        Drawn(kernel) in kernel(),
    ) {
        let with = (kernel, &mut Buffers::default());
        let got = hash(&setting, &store(&texts), n_features, alternate, with);
        prop_assert_eq!(got, expected(&setting, &texts, n_features, alternate));
    }

    #[test]
    fn rows_do_not_depend_on_how_documents_are_chunked(
        setting in setting(),
        texts in prop::collection::vec(text(), 0..12),
        border in 0..12_usize,
        Drawn(kernel) in kernel(),
    ) {
        let texts = store(&texts);
        let mut buffers = Buffers::default();
        let whole = hash(&setting, &texts, 16, true, (kernel, &mut buffers));
        let (front, back) = texts.split_at(border.min(texts.len()));
        let mut joined = hash(&setting, front, 16, true, (kernel, &mut buffers));
        let back = hash(&setting, back, 16, true, (kernel, &mut buffers));
        let offset = joined.columns.len();
        joined.row_ends.extend(back.row_ends.iter().map(|end| offset + end));
        joined.columns.extend(back.columns);
        joined.sums.extend(back.sums);
        prop_assert_eq!(whole, joined);
    }

    #[test]
    fn keys_are_column_and_sign(hash: u32, n_features in 1..1_u64 << 31, alternate: bool) {
        let key = Buckets::new(n_features, alternate).unwrap().key(hash);
        let signed = i64::from(hash.cast_signed());
        prop_assert_eq!(u64::from(bucket(key)), signed.unsigned_abs() % n_features);
        prop_assert_eq!(sign(key), if alternate && signed < 0 { -1 } else { 1 });
    }
}

#[test]
fn the_smallest_hash_has_a_magnitude_too() {
    let hash = i32::MIN.cast_unsigned();
    for n_features in N_FEATURES {
        let key = Buckets::new(n_features, true).unwrap().key(hash);
        assert_eq!(u64::from(bucket(key)), (1 << 31) % n_features);
        assert_eq!(sign(key), -1);
    }
}

#[test]
fn numbers_of_columns_out_of_range_are_refused() {
    for n_features in [0, 1 << 31, 1 << 32, u64::MAX] {
        assert!(Buckets::new(n_features, true).is_none(), "{n_features}");
    }
}

#[test]
fn sums_of_zero_stay() {
    let setting = Setting::words(1, (1, 1));
    // One column: as many positive as negative hashes leave an entry of 0.
    let signs = |token: &str| oracle::column_and_sign(token.as_bytes(), 1, true).1;
    let tokens: Vec<String> = ('a'..='z').map(String::from).collect();
    let positive = tokens.iter().find(|token| signs(token) > 0).unwrap();
    let negative = tokens.iter().find(|token| signs(token) < 0).unwrap();
    let texts = store(&[format!("{positive} {negative}"), String::new()]);
    for &kernel in available() {
        let counts = hash(&setting, &texts, 1, true, (kernel, &mut Buffers::default()));
        assert_eq!(counts.row_ends, [1, 1]);
        assert_eq!((counts.columns, counts.sums), (vec![0], vec![0]));
    }
}

#[test]
fn rows_of_documents_with_very_many_tokens() {
    let pick = |number: u32| format!("{:x} ", number % 50_000);
    let text: String = numbers(2).take(200_000).map(pick).collect();
    let texts = [text.clone(), "one".into(), text];
    let setting = Setting::words(1, (1, 1));
    for n_features in N_FEATURES {
        let expected = expected(&setting, &texts, n_features, true);
        for &kernel in available() {
            let with = (kernel, &mut Buffers::default());
            let got = hash(&setting, &store(&texts), n_features, true, with);
            assert!(got == expected, "{n_features}, {}", kernel.name());
        }
    }
}

#[test]
fn hashing_in_order_keeps_order_and_repetition() {
    let text = [b"the cat the".as_slice(), &[0; PADDING]].concat();
    let words = [(0, 3), (4, 7), (8, 11)].map(|(start, end)| Span { start, end });
    let spans: Vec<_> = words.iter().copied().cycle().take(150_000).collect();
    let buckets = Buckets::new(1 << 20, true).unwrap();
    let expected = spans
        .iter()
        .map(|span| &text[span.start as usize..span.end as usize])
        .map(|word| oracle::column_and_sign(word, 1 << 20, true));
    for &kernel in available() {
        let keys = hash_in_order(&text, &spans, buckets, kernel, &Cancel::default()).unwrap();
        let got = keys.iter().map(|&key| (bucket(key), sign(key)));
        assert!(got.eq(expected.clone()), "{}", kernel.name());
    }
}
