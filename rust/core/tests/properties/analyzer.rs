//! Features and their order, against the oracle.

use proptest::prelude::*;
use shardfit_core::analyzer::Scratch;
use shardfit_core::documents::{Document, Span, Text, Tokens};
use shardfit_core::kernel::{Scalar, available};

use crate::inputs::{Stored, numbers, setting, text};
use crate::oracle::{Class, Kind, Setting, Strip, features};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_form_of_a_text_has_the_features_of_the_oracle(
        setting in setting(),
        text in text(),
    ) {
        let expected = features(&setting, &text);
        for form in Stored::new(&text).forms() {
            // What is read as ASCII cannot have accents, so stripping them changes nothing.
            prop_assert_eq!(&setting.features(form), &expected, "{:?}", form);
        }
    }

    #[test]
    fn any_string_has_the_features_of_the_oracle(setting in setting(), text: String) {
        let expected = features(&setting, &text);
        let stored = Stored::new(&text);
        prop_assert_eq!(setting.features(stored.narrowest()), expected);
    }

    #[test]
    fn ascii_bytes_have_the_features_of_the_oracle(setting in setting(), text in "[\\x00-\\x7f]{0,200}") {
        let expected = features(&setting, &text);
        prop_assert_eq!(setting.features(Text::Ascii(text.as_bytes())), expected);
    }
}

/// One setting for each way through the analyzer.
fn all_kinds() -> Vec<Setting> {
    let stopped = Kind::Words {
        class: Class::NonSpace,
        min_length: 1,
        ngrams: (2, 2),
        stop_words: Some(vec!["aa".into(), "é".into()]),
    };
    let mut stripped = Setting::words(1, (1, 1));
    stripped.strip = Some(Strip::Unicode);
    vec![
        Setting::words(2, (1, 1)),
        Setting::words(1, (1, 2)),
        Setting::of(stopped),
        Setting::of(Kind::Chars(1, 2)),
        Setting::of(Kind::CharsInWords(2, 3)),
        stripped,
    ]
}

fn check_all_kinds(text: &str) {
    for setting in all_kinds() {
        let expected = features(&setting, text);
        for form in Stored::new(text).forms() {
            let got = setting.features(form);
            // Not assert_eq: megabytes of features help nobody.
            assert!(got == expected, "{setting:?}, {} bytes", text.len());
        }
    }
}

/// Documents are analysed by blocks of this many bytes; the tests hold for any other size, but find
/// less.
const BLOCK: usize = 32 * 1024;

#[test]
fn tokens_on_the_border_of_a_block_stay_whole() {
    for letter in ["a", "é"] {
        for shift in 0..8 {
            // Words of 7 letters and a gap: a border meets each place of a word.
            let word = format!("{} ", letter.repeat(7));
            check_all_kinds(&(letter.repeat(shift) + &word.repeat(BLOCK / 8 + 9)));
        }
    }
}

#[test]
fn tokens_longer_than_a_block_stay_whole() {
    for letter in ["X", "É", "日"] {
        for length in [BLOCK, BLOCK + 1, 2 * BLOCK + 1] {
            let long = letter.repeat(length);
            check_all_kinds(&long);
            check_all_kinds(&format!(" {long} {long} the end"));
        }
    }
}

#[test]
fn long_documents_without_tokens_have_no_tokens() {
    for gap in [" ", "-", "\u{a0}", "\u{3000}"] {
        check_all_kinds(&gap.repeat(2 * BLOCK + 5));
    }
}

#[test]
fn long_documents_of_random_words() {
    let pieces = ["a", "bc", "DEF", "_", " ", "  ", ",", "\n"];
    let others = ["é", "ΑΣ", "日本", "İ"];
    for all in [&pieces[..], &[pieces.as_slice(), &others].concat()] {
        let pick = |number| all[number as usize % all.len()];
        let text: String = numbers(1).take(100_000).map(pick).collect();
        check_all_kinds(&text);
    }
}

#[test]
fn scratch_space_leaves_no_trace() {
    let texts = ["A longer text, with words. ".repeat(50), "ab".into(), String::new()];
    for &kernel in available() {
        let mut scratch = Scratch::default();
        for setting in all_kinds().iter().cycle().take(20) {
            for text in &texts {
                let stored = Stored::new(text);
                let mut got = Vec::new();
                let document = Document::Text(stored.narrowest());
                let tables = Some(setting.tables());
                let mut sink = |text: &[u8], spans: &[Span]| {
                    let feature = |span: &Span| &text[span.start as usize..span.end as usize];
                    got.extend(spans.iter().map(|span| feature(span).to_vec()));
                    Ok(())
                };
                setting
                    .analyzer()
                    .analyze(document, tables, kernel, &mut scratch, &mut sink)
                    .unwrap();
                let expected = features(setting, text);
                assert!(got.iter().eq(expected.iter().map(String::as_bytes)));
            }
        }
    }
}

#[test]
fn a_capital_sigma_is_final_where_a_word_ends() {
    for (text, lowered) in [
        ("ΟΔΟΣ", "οδος"),
        ("Σ", "σ"),
        ("ΣΑΣ", "σας"),
        ("Α'Σ", "ας"),
        ("ΑΣ'Α", "ασα"),
        ("ΑΣ.", "ας"),
        ("1Σ", "1σ"),
        ("ΑΣΣ", "ασς"),
    ] {
        let mut setting = Setting::words(1, (1, 1));
        let Kind::Words { class, .. } = &mut setting.kind else { unreachable!("words are words") };
        *class = Class::NonSpace;
        for form in Stored::new(text).forms() {
            let got = setting.features(form).concat();
            assert_eq!(got.replace(['\'', '.'], ""), lowered, "{form:?}");
        }
    }
}

#[test]
fn a_lone_surrogate_ends_a_word() {
    let setting = Setting::words(1, (1, 2));
    for surrogate in [0xd800_u16, 0xdbff, 0xdc00, 0xdfff] {
        let units = [0x61, 0x62, surrogate, 0x63];
        let points = units.map(u32::from);
        for form in [Text::Ucs2(&units), Text::Ucs4(&points)] {
            assert!(form.has_surrogates());
            assert_eq!(setting.features(form), ["ab", "c", "ab c"]);
        }
    }
    for other in [0xd7ff_u16, 0xe000] {
        assert!(!Text::Ucs2(&[other]).has_surrogates());
        assert!(!Text::Ucs4(&[other.into()]).has_surrogates());
    }
}

#[test]
fn only_some_features_can_hold_a_surrogate() {
    let words =
        |class| Setting::of(Kind::Words { class, min_length: 1, ngrams: (1, 1), stop_words: None });
    for (setting, can) in [
        (words(Class::Word), false),
        (words(Class::NonSpace), true),
        (Setting::of(Kind::Chars(1, 1)), true),
        (Setting::of(Kind::CharsInWords(1, 1)), true),
    ] {
        assert_eq!(setting.analyzer().can_emit_surrogates(), can);
    }
}

#[test]
fn tokens_are_passed_on_as_they_are() {
    let text = [b"one two".as_slice(), &[0; 16]].concat();
    let spans = [(4, 7), (0, 3), (0, 0)].map(|(start, end)| Span { start, end });
    let mut got = Vec::new();
    Setting::words(9, (2, 2))
        .analyzer()
        .analyze(
            Document::Tokens(Tokens { text: &text, spans: &spans }),
            None,
            &Scalar,
            &mut Scratch::default(),
            &mut |text, spans| {
                got.push((text.to_vec(), spans.to_vec()));
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(got, [(text.clone(), spans.to_vec())]);
}
