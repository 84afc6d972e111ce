//! What the tables make of characters, and what they refuse to be made of.

use std::collections::HashMap;

use shardfit_core::analyzer::unicode::{
    AccentTable, CASE_IGNORABLE, CASED, CODE_POINTS, Lower, SPACE, UnicodeTable, WORD,
};
use shardfit_core::analyzer::{Analyzer, Scratch, Tables};
use shardfit_core::documents::{Document, Span, Text};
use shardfit_core::kernel::available;

use crate::oracle::Setting;

/// The columns of a table that lower-cases nothing and knows no class.
fn columns() -> (Vec<u32>, Vec<u8>) {
    ((0..CODE_POINTS as u32).collect(), vec![0; CODE_POINTS])
}

#[test]
fn wrong_columns_are_refused_by_name() {
    let (lower, flags) = columns();
    let none = HashMap::new;
    let with = |point, expansion: &[u32]| HashMap::from([(point, expansion.into())]);
    let mut outside = lower.clone();
    outside[65] = 0x11_0000;
    let longer: Vec<u32> = lower.iter().copied().chain([0]).collect();
    let cases: [(&[u32], &[u8], HashMap<_, _>, &str); 8] = [
        (&lower[1..], &flags, none(), "must hold 1114112 entries, got 1114111 and 1114112"),
        (&longer, &flags, none(), "got 1114113 and 1114112"),
        (&lower, &flags[1..], none(), "got 1114112 and 1114111"),
        (&[], &[], none(), "got 0 and 0"),
        (&outside, &flags, none(), "0x110000 is not a code point"),
        (&lower, &flags, with(65, &[]), "an expansion is empty"),
        (&lower, &flags, with(65, &[97, 0x11_0000]), "0x110000 is not a code point"),
        (&lower, &flags, with(0x11_0000, &[97, 98]), "0x110000 is not a code point"),
    ];
    for (lower, flags, expansions, message) in cases {
        let error = UnicodeTable::new(lower, flags, expansions).unwrap_err();
        assert!(error.contains(message), "{error:?} does not say {message:?}");
    }
}

#[test]
fn entries_hold_what_the_columns_say() {
    let (mut lower, mut flags) = columns();
    lower[65] = 97;
    let all = [WORD, SPACE, CASED, CASE_IGNORABLE];
    for (point, flags) in flags.iter_mut().enumerate().take(16) {
        *flags = point as u8;
    }
    let expansions = HashMap::from([(0x130, [0x69, 0x307].as_slice().into())]);
    let table = UnicodeTable::new(&lower, &flags, expansions).unwrap();
    for point in 0..16 {
        for (bit, flag) in all.iter().enumerate() {
            assert_eq!(table.entry(point) & flag != 0, point >> bit & 1 == 1);
        }
    }
    assert_eq!(table.lower(65), Lower::One(97));
    assert_eq!(table.lower(0x10_ffff), Lower::One(0x10_ffff));
    assert_eq!(table.lower(0x130), Lower::Several(&[0x69, 0x307]));
    assert_eq!(table.lower(0x3a3), Lower::Sigma);
}

#[test]
fn what_is_no_code_point_belongs_to_no_class() {
    let (lower, mut flags) = columns();
    flags[1..].fill(15);
    let table = UnicodeTable::new(&lower, &flags, HashMap::new()).unwrap();
    for point in [0x11_0000, u32::MAX] {
        assert_eq!(table.entry(point) & (WORD | SPACE | CASED | CASE_IGNORABLE), 0);
    }
}

#[test]
fn accents_are_replaced_kept_or_dropped() {
    let replaced = || {
        vec![
            (0xe9, [0x65].as_slice().into()),
            (0x301, [].as_slice().into()),
            (0xfb01, [0x66, 0x69].as_slice().into()),
            // No text holds it, so nothing asks for it.
            (0x11_0000, [0x78].as_slice().into()),
        ]
    };
    for (keeps_others, others) in [(true, vec![0x65e5]), (false, vec![])] {
        let table = AccentTable::new(replaced(), keeps_others);
        let strip = |point| {
            let mut stripped = Vec::new();
            table.strip(point, |point| stripped.push(point));
            stripped
        };
        assert_eq!(strip(0xe9), [0x65]);
        assert_eq!(strip(0x301), []);
        assert_eq!(strip(0xfb01), [0x66, 0x69]);
        assert_eq!(strip(0x61), [0x61]);
        assert_eq!(strip(0x65e5), others);
    }
}

#[test]
fn what_counts_is_the_class_of_the_lower_case_form() {
    let (mut lower, mut flags) = columns();
    // A letter that becomes a symbol, a symbol that becomes a letter, and a letter.
    (lower[0xe9], lower[0xd7]) = (0xb7, 0xe0);
    for letter in [0xe9, 0xe0, 0xe8] {
        flags[letter] = 1;
    }
    let unicode = UnicodeTable::new(&lower, &flags, HashMap::new()).unwrap();
    let tables = Some(Tables { unicode: &unicode, accents: None });
    let document = Document::Text(Text::Latin1(&[0xe8, 0xe9, 0xe8, 0xd7]));
    for &kernel in available() {
        for (lowercase, expected) in [(true, vec!["è", "èà"]), (false, vec!["èéè"])] {
            let analyzer = Analyzer { lowercase, ..Setting::words(1, (1, 1)).analyzer() };
            let mut tokens = Vec::new();
            let mut sink = |text: &[u8], spans: &[Span]| {
                for span in spans {
                    let token = &text[span.start as usize..span.end as usize];
                    tokens.push(str::from_utf8(token).unwrap().to_owned());
                }
                Ok(())
            };
            analyzer.analyze(document, tables, kernel, &mut Scratch::default(), &mut sink).unwrap();
            assert_eq!(tokens, expected);
        }
    }
}

#[test]
fn lower_case_may_lie_in_another_plane() {
    let (mut lower, mut flags) = columns();
    // Letters of one, two and three bytes for each other and for one of four.
    for (from, to) in [(0x41, 0xe9), (0xc9, 0x1_0428), (0x1_0400, 0x7a), (0x416, 0x65e5)] {
        lower[from] = to;
        flags[from] = 1;
        flags[to as usize] = 1;
    }
    let unicode = UnicodeTable::new(&lower, &flags, HashMap::new()).unwrap();
    let tables = Some(Tables { unicode: &unicode, accents: None });
    let points = [0x41, 0xc9, 0x1_0400, 0x416, 0x20, 0x1_0400, 0xc9];
    for &kernel in available() {
        for (lowercase, expected) in [(true, ["é𐐨z日", "z𐐨"]), (false, ["AÉ𐐀Ж", "𐐀É"])]
        {
            let analyzer = Analyzer { lowercase, ..Setting::words(1, (1, 1)).analyzer() };
            let mut tokens = Vec::new();
            let mut sink = |text: &[u8], spans: &[Span]| {
                let token = |span: &Span| text[span.start as usize..span.end as usize].to_vec();
                tokens.extend(spans.iter().map(token));
                Ok(())
            };
            let document = Document::Text(Text::Ucs4(&points));
            analyzer.analyze(document, tables, kernel, &mut Scratch::default(), &mut sink).unwrap();
            assert_eq!(tokens, expected.map(|token| token.as_bytes().to_vec()));
        }
    }
}
