//! Texts outside ASCII around the borders at which they are read and passed on, and characters that are
//! not in the table of ready bytes at every place there.

use proptest::prelude::*;
use proptest::sample::select;
use shardfit_core::documents::Text;

use crate::inputs::{Stored, text};
use crate::oracle::{Class, Kind, Setting, Strip, features};
use crate::surrogates::wtf8;

/// So many code units are read at a time.
const PART: usize = 2048;
/// So many bytes are passed on at a time.
const BLOCK: usize = 16 * 1024;
/// So many bytes the hot loop can address.
const WINDOW: usize = 64 * 1024;

/// Characters of every length, and those that lower-casing makes longer, shorter, or depend on others.
const CHARACTERS: [&str; 12] =
    ["a", " ", "é", "Ж", "日", "\u{3000}", "😀", "𐐀", "Σ", "İ", "\u{212a}", "ẞ"];

fn words(class: Class, min_length: usize) -> Setting {
    Setting::of(Kind::Words { class, min_length, ngrams: (1, 1), stop_words: None })
}

fn words_setting() -> impl Strategy<Value = Setting> {
    let strip = select(vec![None, None, Some(Strip::Unicode), Some(Strip::Ascii)]);
    (any::<bool>(), strip, select(vec![Class::Word, Class::NonSpace]), 1..5_usize).prop_map(
        |(lowercase, strip, class, min_length)| Setting {
            lowercase,
            strip,
            ..words(class, min_length)
        },
    )
}

/// Not `assert_eq`: kilobytes of features help nobody.
fn check(setting: &Setting, text: &str) {
    let expected = features(setting, text);
    for form in Stored::new(text).forms() {
        let is_equal = setting.features(form) == expected;
        let end: String = text.chars().rev().take(40).collect();
        assert!(is_equal, "{setting:?}, {} bytes, reversed: {end:?}", text.len());
    }
}

/// A text that ends shortly before a border, whichever its characters are.
fn up_to_a_border() -> impl Strategy<Value = String> {
    let filling = select(CHARACTERS.to_vec());
    let gap = select(vec!["", " ", "-"]);
    let border = select(vec![0, PART, 2 * PART, BLOCK, WINDOW]);
    (filling, gap, 1..40_usize, border, any::<bool>(), 0..12_usize).prop_map(
        |(filling, gap, letters, border, in_bytes, before)| {
            let word = filling.repeat(letters) + gap;
            let size = if in_bytes { word.len() } else { word.chars().count() };
            word.repeat(border / size) + &"é".repeat((border % size).saturating_sub(before))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_border_changes_nothing(
        setting in words_setting(),
        beginning in up_to_a_border(),
        middle in text(),
        again in up_to_a_border(),
        end in text(),
    ) {
        check(&setting, &[beginning, middle, again, end].concat());
    }
}

#[test]
fn special_characters_may_be_anywhere() {
    for special in ["Σ", "İ", "😀", "𐐀", "\u{212a}"] {
        for filling in ["a", "é", "日", "a ", "Жж "] {
            for before in 0..10 {
                for after in 0..10 {
                    let text = filling.repeat(before) + special + &filling.repeat(after);
                    for min_length in 1..5 {
                        check(&words(Class::Word, min_length), &text);
                    }
                }
            }
        }
    }
}

#[test]
fn special_characters_may_be_at_any_distance() {
    for filling in ["é", "日", "жЖ "] {
        for between in (0..70).chain([255, 256, 257, 600]) {
            let filling = filling.repeat(between);
            let text = format!("{filling}Σ{filling}İ{filling}");
            for min_length in 1..4 {
                check(&words(Class::Word, min_length), &text);
            }
        }
    }
}

#[test]
fn a_sigma_looks_beyond_its_part() {
    for ignorable in ["'", "\u{301}"] {
        for before in [PART - 2, PART - 1, PART, 2 * PART] {
            for after in [0, 1, PART, 2 * PART] {
                for end in ["", "α", " "] {
                    let (before, after) = (ignorable.repeat(before), ignorable.repeat(after));
                    check(&words(Class::NonSpace, 1), &format!("Α{before}Σ{after}{end}"));
                }
            }
        }
    }
}

#[test]
fn surrogates_at_every_place_of_a_part() {
    for place in (0..20).chain(PART - 6..PART + 6) {
        let mut points = vec![0x436; PART + 20];
        points[place] = 0xd800;
        let units: Vec<u16> = points.iter().map(|&point| point as u16).collect();
        let setting = words(Class::NonSpace, 1);
        for form in [Text::Ucs2(&units), Text::Ucs4(&points)] {
            assert!(setting.feature_bytes(form) == [wtf8(&points)], "{place}");
        }
    }
}

#[test]
fn one_part_may_become_several() {
    let mut setting = words(Class::NonSpace, 1);
    setting.strip = Some(Strip::Unicode);
    for repeated in ["…", "… ", "é…"] {
        check(&setting, &repeated.repeat(WINDOW / 2));
    }
}
