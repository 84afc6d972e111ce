//! Answers of scikit-learn, which the oracle and the crate must both give.
//!
//! `golden/make.py` wrote the file; its first line names the version.

use shardfit_core::assembly::{Assembly, Matrix};
use shardfit_core::csr::Norm;
use shardfit_core::documents::Document;
use shardfit_core::finishing::Scaled;
use shardfit_core::hashing::{Buckets, Buffers, Counts, Hasher, hash_documents};
use shardfit_core::kernel::Scalar;
use shardfit_core::murmur3::murmur3;
use shardfit_core::parallel::Cancel;

use crate::inputs::Stored;
use crate::oracle::{self, Class, Kind, Setting, Strip};

const GOLDEN: &str = include_str!("../golden/scikit-learn.txt");

/// The parameters behind a name in the file.
fn setting(name: &str) -> Setting {
    let words = |class, min_length, ngrams, stop_words: &[&str]| Kind::Words {
        class,
        min_length,
        ngrams,
        stop_words: (!stop_words.is_empty())
            .then(|| stop_words.iter().map(|word| (*word).into()).collect()),
    };
    let mut setting = Setting::of(match name {
        "words" | "cased" | "unicode accents" | "ascii accents" => {
            words(Class::Word, 2, (1, 1), &[])
        }
        "all words" => words(Class::Word, 1, (1, 1), &[]),
        "non-space" => words(Class::NonSpace, 3, (1, 1), &[]),
        "word n-grams" => words(Class::Word, 2, (1, 3), &[]),
        "stop words" => words(Class::Word, 2, (1, 2), &["the", "on"]),
        "characters" => Kind::Chars(1, 3),
        "characters in words" => Kind::CharsInWords(2, 5),
        _ => panic!("the file holds an unknown setting {name:?}"),
    });
    setting.lowercase = name != "cased";
    setting.strip = match name {
        "unicode accents" => Some(Strip::Unicode),
        "ascii accents" => Some(Strip::Ascii),
        _ => None,
    };
    setting
}

fn numbers<N: std::str::FromStr>(line: &str) -> Vec<N> {
    line.split_whitespace().map(|number| number.parse().ok().expect("a number")).collect()
}

/// The lines that start with a keyword, without it.
fn lines<'a>(part: &'a str, keyword: &'a str) -> impl Iterator<Item = &'a str> {
    part.lines().filter_map(move |line| line.strip_prefix(keyword)?.strip_prefix(": "))
}

#[test]
fn hashes() {
    let mut tried = 0;
    for line in lines(GOLDEN, "hash") {
        let (hash, key) = line.split_once(' ').unwrap();
        let hash: i32 = hash.parse().unwrap();
        assert_eq!(murmur3(key.as_bytes()).cast_signed(), hash, "{key:?}");
        assert_eq!(oracle::murmur3(key.as_bytes()), hash, "{key:?}");
        tried += 1;
    }
    assert!(tried > 20);
}

#[test]
fn features() {
    let documents: Vec<&str> = lines(GOLDEN, "document").collect();
    let settings = GOLDEN.split("\nsetting: ").skip(1);
    let mut tried = 0;
    for part in settings {
        let name = part.lines().next().unwrap();
        let setting = setting(name);
        let lists: Vec<&str> = lines(part, "features").collect();
        assert_eq!(lists.len(), documents.len(), "{name}");
        for (document, list) in documents.iter().zip(lists) {
            let expected: Vec<&str> = list.split_terminator('|').collect();
            assert_eq!(oracle::features(&setting, document), expected, "{name}");
            for form in Stored::new(document).forms() {
                assert_eq!(setting.features(form), expected, "{name}");
            }
        }
        tried += 1;
    }
    assert_eq!(tried, 10);
}

#[test]
fn matrices() {
    let texts: Vec<Stored> = lines(GOLDEN, "document").map(Stored::new).collect();
    let documents: Vec<_> = texts.iter().map(|text| Document::Text(text.narrowest())).collect();
    for part in GOLDEN.split("\nsetting: ").skip(1) {
        let name = part.lines().next().unwrap();
        let setting = setting(name);
        let analyzer = setting.analyzer();
        let mut tried = 0;
        for matrix in part.split("\nmatrix: ").skip(1) {
            let how = matrix.lines().next().unwrap();
            let [n_features, norm] = numbers::<u64>(how)[..] else {
                panic!("{how:?} is not a number of columns and a norm")
            };
            let hasher = Hasher {
                analyzer: &analyzer,
                tables: Some(setting.tables()),
                buckets: Buckets::new(n_features, true).unwrap(),
                kernel: &Scalar,
            };
            let mut counts = Counts::default();
            let mut buffers = Buffers::default();
            let cancel = Cancel::default();
            hash_documents(hasher, &documents, &mut buffers, &mut counts, &cancel).unwrap();
            let norm = [None, Some(Norm::L1), Some(Norm::L2)][norm as usize];
            let assembly = Assembly::new(Scaled { binary: false, norm, kernel: &Scalar });
            assembly.expect(1, 0);
            assembly.place(0, counts).unwrap();
            let Matrix::<f64> { data, columns: indices, row_ends } = assembly.finish();
            let line = |keyword| lines(matrix, keyword).next().unwrap();
            // Decimals are the shortest that stand for the value, so equality is to the bit.
            assert_eq!(data, numbers::<f64>(line("data")), "{name}, {how}");
            assert_eq!(indices, numbers::<u32>(line("indices")), "{name}, {how}");
            assert_eq!(row_ends, numbers::<usize>(line("row ends")), "{name}, {how}");
            tried += 1;
        }
        assert_eq!(tried, 3, "{name}");
    }
}
