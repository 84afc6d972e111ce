//! The naive implementation: the steps of scikit-learn's vectorizer on lists of characters and strings.
//!
//! Nothing here is fast, shared with the crate, or clever. The properties of characters are those that
//! Rust knows; tables for the crate are made of the same ones.

use std::collections::BTreeMap;

/// The characters that a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Word,
    NonSpace,
}

/// What a document's features are.
#[derive(Debug, Clone)]
pub enum Kind {
    Words {
        class: Class,
        min_length: usize,
        ngrams: (usize, usize),
        stop_words: Option<Vec<String>>,
    },
    Chars(usize, usize),
    CharsInWords(usize, usize),
}

/// How accents are stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strip {
    /// What has no replacement stays.
    Unicode,
    /// What has no replacement goes, unless it is ASCII.
    Ascii,
}

/// The parameters of a vectorizer, as far as they decide what the features are.
#[derive(Debug, Clone)]
pub struct Setting {
    pub lowercase: bool,
    pub strip: Option<Strip>,
    pub kind: Kind,
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Python's white space: also four control characters that Unicode does not count.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

pub fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase()
}

pub fn is_case_ignorable(c: char) -> bool {
    matches!(c, '\'' | '.' | ':' | '\u{ad}' | '\u{300}'..='\u{36f}')
}

/// What stripping accents makes of a few characters; the others stay or go.
pub const REPLACED: [(char, &str); 10] = [
    ('é', "e"),
    ('É', "E"),
    ('ï', "i"),
    ('ﬁ', "fi"),
    ('…', "..."),
    ('\u{301}', ""),
    ('\u{307}', ""),
    ('\u{a0}', " "),
    ('\u{3000}', " "),
    ('𝒳', "X"),
];

pub fn lower(text: &[char]) -> Vec<char> {
    let mut lowered = Vec::new();
    for (i, &c) in text.iter().enumerate() {
        if c == 'Σ' {
            let mut before = text[..i].iter().rev().filter(|c| !is_case_ignorable(**c));
            let mut after = text[i + 1..].iter().filter(|c| !is_case_ignorable(**c));
            let ends_word = before.next().is_some_and(|&c| is_cased(c))
                && !after.next().is_some_and(|&c| is_cased(c));
            lowered.push(if ends_word { 'ς' } else { 'σ' });
        } else {
            lowered.extend(c.to_lowercase());
        }
    }
    lowered
}

fn strip(text: &[char], how: Strip) -> Vec<char> {
    let mut stripped = Vec::new();
    for &c in text {
        if let Some((_, replacement)) = REPLACED.iter().find(|(from, _)| *from == c) {
            stripped.extend(replacement.chars());
        } else if how == Strip::Unicode || c.is_ascii() {
            stripped.push(c);
        }
    }
    stripped
}

/// Cuts a text wherever `is_inside` says no, into pieces none of which is empty.
fn runs(text: &[char], is_inside: impl Fn(char) -> bool) -> Vec<Vec<char>> {
    text.split(|&c| !is_inside(c)).filter(|run| !run.is_empty()).map(<[char]>::to_vec).collect()
}

fn string(characters: &[char]) -> String {
    characters.iter().collect()
}

fn words(
    text: &[char],
    class: Class,
    min_length: usize,
    (shortest, longest): (usize, usize),
    stop_words: Option<&[String]>,
) -> Vec<String> {
    let is_inside = |c| match class {
        Class::Word => is_word(c),
        Class::NonSpace => !is_space(c),
    };
    let tokens: Vec<String> = runs(text, is_inside)
        .iter()
        .filter(|run| run.len() >= min_length)
        .map(|run| string(run))
        .filter(|token| !stop_words.is_some_and(|words| words.contains(token)))
        .collect();
    (shortest..=longest)
        .flat_map(|length| tokens.windows(length))
        .map(|ngram| ngram.join(" "))
        .collect()
}

fn chars(text: &[char], shortest: usize, longest: usize) -> Vec<String> {
    let mut folded: Vec<char> = Vec::new();
    let mut rest = text;
    while let [first, ..] = rest {
        let spaces = rest.iter().take_while(|&&c| is_space(c)).count();
        folded.push(if spaces > 1 { ' ' } else { *first });
        rest = &rest[spaces.max(1)..];
    }
    (shortest..=longest).flat_map(|length| folded.windows(length)).map(string).collect()
}

fn chars_in_words(text: &[char], shortest: usize, longest: usize) -> Vec<String> {
    let mut ngrams = Vec::new();
    for word in runs(text, |c| !is_space(c)) {
        let padded = [&[' '], word.as_slice(), &[' ']].concat();
        for length in shortest..=longest {
            if length >= padded.len() {
                // As a whole, and once, whatever lengths are still to come.
                ngrams.push(string(&padded));
                break;
            }
            ngrams.extend(padded.windows(length).map(string));
        }
    }
    ngrams
}

/// The features of a text, in scikit-learn's order.
pub fn features(setting: &Setting, text: &str) -> Vec<String> {
    let mut text: Vec<char> = text.chars().collect();
    if setting.lowercase {
        text = lower(&text);
    }
    if let Some(how) = setting.strip {
        text = strip(&text, how);
    }
    match &setting.kind {
        Kind::Words { class, min_length, ngrams, stop_words } => {
            words(&text, *class, *min_length, *ngrams, stop_words.as_deref())
        }
        Kind::Chars(shortest, longest) => chars(&text, *shortest, *longest),
        Kind::CharsInWords(shortest, longest) => chars_in_words(&text, *shortest, *longest),
    }
}

/// `MurmurHash3_x86_32` with seed 0, byte by byte.
pub fn murmur3(key: &[u8]) -> i32 {
    let scrambled = |bytes: &[u8]| {
        let block =
            bytes.iter().enumerate().map(|(i, &byte)| u32::from(byte) << (8 * i)).sum::<u32>();
        block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
    };
    let mut hash = 0_u32;
    for bytes in key.chunks(4) {
        hash ^= scrambled(bytes);
        if bytes.len() == 4 {
            hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
        }
    }
    hash ^= key.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 16;
    hash.cast_signed()
}

/// The column of a feature, and 1 or -1.
pub fn column_and_sign(feature: &[u8], n_features: u64, alternate: bool) -> (u32, i32) {
    let hash = i64::from(murmur3(feature));
    let column = hash.unsigned_abs() % n_features;
    (column as u32, if alternate && hash < 0 { -1 } else { 1 })
}

/// Each column that a document's features fall into, with the sum of their signs.
pub fn row(features: &[String], n_features: u64, alternate: bool) -> BTreeMap<u32, i32> {
    let mut row = BTreeMap::new();
    for feature in features {
        let (column, sign) = column_and_sign(feature.as_bytes(), n_features, alternate);
        *row.entry(column).or_insert(0) += sign;
    }
    row
}

/// The values of a row whose entries have these sums, times the weights of their columns. `round` rounds
/// to the type of the matrix, and `power` is that of the norm: 1, 2, or 0 for none.
pub fn values(sums: &[i32], weights: &[f64], power: u32, round: fn(f64) -> f64) -> Vec<f64> {
    let sums = sums.iter().map(|&sum| round(sum.into()));
    let mut values: Vec<f64> =
        sums.zip(weights).map(|(value, weight)| round(value * weight)).collect();
    let norm = norm(&values, power, round);
    if norm != 0.0 {
        for value in &mut values {
            *value = round(*value / norm);
        }
    }
    values
}

/// The norm of a row, or 0 if `power` is.
pub fn norm(values: &[f64], power: u32, round: fn(f64) -> f64) -> f64 {
    let mut norm = 0.0;
    for value in values {
        match power {
            1 => norm += value.abs(),
            2 => norm += round(value * value),
            _ => {}
        }
    }
    if power == 2 { norm.sqrt() } else { norm }
}
