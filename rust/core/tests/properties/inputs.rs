//! Settings, texts and tables to try, and how the crate is called with them.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use shardfit_core::analyzer::unicode::{AccentTable, CODE_POINTS, UnicodeTable};
use shardfit_core::analyzer::{
    Analyzer, Features, NgramRange, Scratch, StopWords, Tables, TokenClass, TokenRule,
};
use shardfit_core::documents::{Document, Text};
use shardfit_core::kernel::{Kernel, available};
use shardfit_core::murmur3::PADDING;

use crate::oracle::{self, Class, Kind, Setting, Strip};

static UNICODE: LazyLock<UnicodeTable> = LazyLock::new(|| {
    // Surrogates stay as they are and belong to no class, as in Python.
    let mut lower: Vec<u32> = (0..CODE_POINTS as u32).collect();
    let mut flags = vec![0; CODE_POINTS];
    let mut expansions = HashMap::new();
    for c in '\0'..=char::MAX {
        let point = u32::from(c);
        let lowered: Vec<u32> = c.to_lowercase().map(u32::from).collect();
        lower[point as usize] = lowered[0];
        if lowered.len() > 1 {
            expansions.insert(point, lowered.into());
        }
        flags[point as usize] = u8::from(oracle::is_word(c))
            | u8::from(oracle::is_space(c)) << 1
            | u8::from(oracle::is_cased(c)) << 2
            | u8::from(oracle::is_case_ignorable(c)) << 3;
    }
    UnicodeTable::new(&lower, &flags, expansions).unwrap()
});

fn accents(keeps_others: bool) -> AccentTable {
    let replaced = oracle::REPLACED
        .iter()
        .map(|(from, to)| (u32::from(*from), to.chars().map(u32::from).collect()))
        .collect();
    AccentTable::new(replaced, keeps_others)
}

static STRIP_UNICODE: LazyLock<AccentTable> = LazyLock::new(|| accents(true));
static STRIP_ASCII: LazyLock<AccentTable> = LazyLock::new(|| accents(false));

impl Setting {
    /// Words of one or more letters, as they are.
    pub fn words(min_length: usize, ngrams: (usize, usize)) -> Self {
        Self {
            lowercase: true,
            strip: None,
            kind: Kind::Words { class: Class::Word, min_length, ngrams, stop_words: None },
        }
    }

    pub fn of(kind: Kind) -> Self {
        Self { lowercase: true, strip: None, kind }
    }

    /// The same for the crate.
    pub fn analyzer(&self) -> Analyzer {
        let features = match &self.kind {
            Kind::Words { class, min_length, ngrams: (min, max), stop_words } => Features::Words {
                rule: rule(*class, *min_length),
                ngrams: NgramRange { min: *min, max: *max },
                stop_words: stop_words
                    .as_ref()
                    .map(|words| StopWords::new(words.iter().map(String::as_bytes)).unwrap()),
            },
            &Kind::Chars(min, max) => Features::Chars(NgramRange { min, max }),
            &Kind::CharsInWords(min, max) => Features::CharsInWords(NgramRange { min, max }),
        };
        Analyzer { lowercase: self.lowercase, features }
    }

    pub fn tables(&self) -> Tables<'static> {
        Tables {
            unicode: &UNICODE,
            accents: self.strip.map(|strip| match strip {
                Strip::Unicode => &*STRIP_UNICODE,
                Strip::Ascii => &*STRIP_ASCII,
            }),
        }
    }

    /// The features that the crate finds, which are UTF-8.
    pub fn features(&self, text: Text<'_>, kernel: &dyn Kernel) -> Vec<String> {
        let features = self.feature_bytes(text, kernel).into_iter();
        features.map(|feature| String::from_utf8(feature).unwrap()).collect()
    }

    /// The features that the crate finds.
    pub fn feature_bytes(&self, text: Text<'_>, kernel: &dyn Kernel) -> Vec<Vec<u8>> {
        let mut features = Vec::new();
        self.analyzer()
            .analyze(
                Document::Text(text),
                Some(self.tables()),
                kernel,
                &mut Scratch::default(),
                &mut |text, spans| {
                    for span in spans {
                        let (start, end) = (span.start as usize, span.end as usize);
                        assert!(end + PADDING <= text.len(), "a text without padding");
                        features.push(text[start..end].to_vec());
                    }
                    Ok(())
                },
            )
            .unwrap();
        features
    }
}

pub fn rule(class: Class, min_length: usize) -> TokenRule {
    let class = match class {
        Class::Word => TokenClass::Word,
        Class::NonSpace => TokenClass::NonSpace,
    };
    TokenRule { class, min_length }
}

/// A kernel that a failing case can name.
#[derive(Clone, Copy)]
pub struct Drawn(pub &'static dyn Kernel);

impl fmt::Debug for Drawn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.name())
    }
}

/// The kernels that this processor can run.
pub fn kernel() -> impl Strategy<Value = Drawn> {
    prop::sample::select(available().iter().copied().map(Drawn).collect::<Vec<_>>())
}

/// The characters of a text in every form there is.
pub struct Stored {
    text: String,
    points: Vec<u32>,
    units: Vec<u16>,
    bytes: Vec<u8>,
}

impl Stored {
    pub fn new(text: &str) -> Self {
        let points: Vec<u32> = text.chars().map(u32::from).collect();
        let units = points.iter().map_while(|&p| u16::try_from(p).ok());
        let bytes = points.iter().map_while(|&p| u8::try_from(p).ok());
        Self { text: text.into(), units: units.collect(), bytes: bytes.collect(), points }
    }

    /// The forms that can hold this text, the narrowest last.
    pub fn forms(&self) -> Vec<Text<'_>> {
        let length = self.points.len();
        let mut forms = vec![Text::Utf8(&self.text), Text::Ucs4(&self.points)];
        if self.units.len() == length {
            forms.push(Text::Ucs2(&self.units));
        }
        if self.bytes.len() == length {
            forms.push(Text::Latin1(&self.bytes));
        }
        if self.text.is_ascii() {
            forms.push(Text::Ascii(self.text.as_bytes()));
        }
        forms
    }

    /// The form in which `CPython` would keep this text.
    pub fn narrowest(&self) -> Text<'_> {
        self.forms().pop().expect("UTF-8 holds every text")
    }
}

/// Texts whose characters meet often: few different ones, but of every kind that matters.
pub fn text() -> impl Strategy<Value = String> {
    let gaps = prop::sample::select(vec![" ", " ", "  ", "\t\n", "\u{1c}", "-", ".", "\0"]);
    let letters = prop::sample::select(vec!["a", "b", "B", "Z", "_", "7", "the", "It"]);
    let latin1 = prop::sample::select(vec!["é", "É", "ï", "\u{a0}", "\u{ad}", "ß", "\u{85}"]);
    let others = prop::sample::select(vec![
        "Σ", "ΑΣ", "σ", "İ", "Ж", "日", "本語", "한", "ﬁ", "…", "\u{301}", "\u{307}", "\u{3000}",
        "\u{2028}", "𝒳", "𐐀", "😀", "٣",
    ]);
    let ascii = prop_oneof![3 => letters.clone(), 2 => gaps.clone()];
    let western = prop_oneof![3 => letters.clone(), 2 => gaps.clone(), 2 => latin1.clone()];
    let any = prop_oneof![3 => letters, 3 => gaps, 1 => latin1, 4 => others];
    prop_oneof![vec(ascii, 0..60), vec(western, 0..60), vec(any, 0..60),]
        .prop_map(|pieces| pieces.concat())
}

fn range(longest: usize) -> impl Strategy<Value = (usize, usize)> {
    (1..=longest, 0..3_usize).prop_map(|(min, more)| (min, min + more))
}

fn kind() -> impl Strategy<Value = Kind> {
    let class = prop::sample::select(vec![Class::Word, Class::NonSpace]);
    let stop_words = prop::sample::subsequence(vec!["the", "it", "b", "σ", "日"], 0..4)
        .prop_map(|words| words.into_iter().map(String::from).collect());
    prop_oneof![
        3 => (class, 1..5_usize, range(3), prop::option::of(stop_words)).prop_map(
            |(class, min_length, ngrams, stop_words)| Kind::Words {
                class,
                min_length,
                ngrams,
                stop_words,
            }
        ),
        1 => range(5).prop_map(|(min, max)| Kind::Chars(min, max)),
        1 => range(5).prop_map(|(min, max)| Kind::CharsInWords(min, max)),
    ]
}

pub fn setting() -> impl Strategy<Value = Setting> {
    let strip = prop::sample::select(vec![None, Some(Strip::Unicode), Some(Strip::Ascii)]);
    (any::<bool>(), strip, kind()).prop_map(|(lowercase, strip, kind)| Setting {
        lowercase,
        strip,
        kind,
    })
}

/// Numbers that look random and are the same each time.
pub fn numbers(seed: u64) -> impl Iterator<Item = u32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    std::iter::repeat_with(move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 ^ (state >> 11) as u32
    })
}
