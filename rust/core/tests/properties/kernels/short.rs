//! Many short documents at once, against one by one.

use shardfit_core::documents::Document;
use shardfit_core::hashing::{Buckets, Buffers, Counts, Hasher, hash_documents};
use shardfit_core::kernel::{Kernel, Scalar};
use shardfit_core::parallel::Cancel;

use crate::inputs::{Stored, numbers};
use crate::oracle::{Class, Kind, Setting};

/// Scripts: of one, two, and three bytes, of many pages, and with characters that need more than a table.
const SCRIPTS: [&str; 9] = [
    "ab C. ",
    "ab É. \u{b5}",
    "жЖ у.ъҐ",
    "देव ।१a",
    "日本語。 한a",
    "aé\u{2019} ж日\u{ffff}",
    "ሀለ ሐጀ።ፐⴀ",
    "σΣ İi\u{307}.",
    "a😀 𐐀.",
];

/// As many characters of a script.
fn text(script: &str, length: usize) -> String {
    let characters: Vec<char> = script.chars().collect();
    numbers(length as u64)
        .take(length)
        .map(|number| characters[number as usize % characters.len()])
        .collect()
}

fn rows(kernel: &dyn Kernel, setting: &Setting, texts: &[Stored]) -> Counts {
    let analyzer = setting.analyzer();
    let buckets = Buckets::new(1 << 20, true).unwrap();
    let hasher = Hasher { analyzer: &analyzer, tables: Some(setting.tables()), buckets, kernel };
    let documents: Vec<_> = texts.iter().map(|text| Document::Text(text.narrowest())).collect();
    let mut counts = Counts::default();
    let buffers = &mut Buffers::default();
    hash_documents(hasher, &documents, buffers, &mut counts, &Cancel::default()).unwrap();
    counts
}

pub fn hashes_short_documents_of_every_length(kernel: &dyn Kernel) {
    let lengths = (0..200).chain(1000..1050);
    let mut texts: Vec<Stored> = lengths
        .flat_map(|length| SCRIPTS.map(|script| Stored::new(&text(script, length))))
        .collect();
    // Runs of every length that end, or do not, where the text does.
    texts.extend((0..200).map(|length| Stored::new(&"я".repeat(length))));
    texts.extend((0..200).map(|length| Stored::new(&("-".repeat(length) + "日"))));
    // More empty ones than go together.
    texts.extend((0..2000).map(|_| Stored::new("")));
    texts.extend((0..2000).map(|length| Stored::new(&text(SCRIPTS[length % 6], length % 40))));
    for class in [Class::Word, Class::NonSpace] {
        for min_length in 1..4 {
            for lowercase in [false, true] {
                let kind = Kind::Words { class, min_length, ngrams: (1, 1), stop_words: None };
                let setting = Setting { lowercase, ..Setting::of(kind) };
                // Not `assert_eq`: thousands of rows help nobody.
                let is_equal = rows(kernel, &setting, &texts) == rows(&Scalar, &setting, &texts);
                assert!(is_equal, "{setting:?}");
            }
        }
    }
}
