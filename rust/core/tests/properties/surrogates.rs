//! Features of texts that are not Unicode: a lone surrogate has the three bytes that Python's
//! "surrogatepass" gives it.

use proptest::prelude::*;
use proptest::sample::select;
use shardfit_core::documents::Text;

use crate::inputs::{setting, text};
use crate::oracle::{Class, Kind, Setting, features};

/// A surrogate, and a character of no class that stands for it in the oracle.
const STAND_INS: [(u32, char); 4] =
    [(0xd800, '\u{e000}'), (0xdbff, '\u{e001}'), (0xdc00, '\u{e002}'), (0xdfff, '\u{e003}')];

/// The bytes of code points, surrogates among them, bit by bit.
pub fn wtf8(points: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &point in points {
        let continuation = |shift: u32| (0x80 + (point >> shift) % 64) as u8;
        match point {
            0..0x80 => bytes.push(point as u8),
            0x80..0x800 => bytes.extend([(0xc0 + point / 64) as u8, continuation(0)]),
            0x800..0x1_0000 => {
                bytes.extend([(0xe0 + point / 4096) as u8, continuation(6), continuation(0)]);
            }
            _ => {
                let first = (0xf0 + point / (1 << 18)) as u8;
                bytes.extend([first, continuation(12), continuation(6), continuation(0)]);
            }
        }
    }
    bytes
}

/// The code points of a text, with the surrogates that are meant.
fn points(text: &str) -> Vec<u32> {
    let point = |c| STAND_INS.iter().find(|pair| pair.1 == c).map_or(c.into(), |pair| pair.0);
    text.chars().map(point).collect()
}

fn text_with_surrogates() -> impl Strategy<Value = String> {
    let stand_in = select(STAND_INS.map(|pair| pair.1.to_string()).to_vec());
    let piece = prop_oneof![3 => text(), 2 => stand_in.clone(), 1 => select(vec!["a", " ", "É"])
        .prop_map(String::from)];
    (stand_in, prop::collection::vec(piece, 0..8), 0..9_usize).prop_map(
        |(one, mut pieces, place)| {
            pieces.insert(place.min(pieces.len()), one);
            pieces.concat()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_surrogate_is_a_character_like_any_other(
        setting in setting(),
        text in text_with_surrogates(),
    ) {
        let expected: Vec<Vec<u8>> =
            features(&setting, &text).iter().map(|feature| wtf8(&points(feature))).collect();
        let points = points(&text);
        let form = Text::Ucs4(&points);
        prop_assert!(form.has_surrogates());
        prop_assert_eq!(&setting.feature_bytes(form), &expected);
        let units: Vec<u16> = points.iter().filter_map(|&point| point.try_into().ok()).collect();
        if units.len() == points.len() {
            prop_assert_eq!(&setting.feature_bytes(Text::Ucs2(&units)), &expected);
        }
    }

    #[test]
    fn every_code_point_is_written_as_python_writes_it(point in 0..0x11_0000_u32) {
        let setting = Setting { lowercase: false, strip: None, kind: Kind::Chars(1, 1) };
        let got = setting.feature_bytes(Text::Ucs4(&[point]));
        prop_assert_eq!(&got, &[wtf8(&[point])]);
        if let Some(c) = char::from_u32(point) {
            prop_assert_eq!(got.concat(), c.to_string().into_bytes());
        }
    }
}

#[test]
fn a_pair_of_surrogates_stays_two() {
    let units = [0x61, 0xd83d, 0xde00];
    let (first, second) = (b"\xed\xa0\xbd", b"\xed\xb8\x80");
    let joined = [b"a".as_slice(), first, second].concat();
    let padded = [b" ", joined.as_slice(), b" "].concat();
    let non_space =
        Kind::Words { class: Class::NonSpace, min_length: 3, ngrams: (1, 1), stop_words: None };
    let cases = [
        (non_space, vec![joined]),
        (Kind::Chars(1, 1), vec![b"a".to_vec(), first.to_vec(), second.to_vec()]),
        (Kind::CharsInWords(5, 5), vec![padded]),
    ];
    for (kind, expected) in cases {
        let setting = Setting::of(kind);
        let points = units.map(u32::from);
        assert_eq!(setting.feature_bytes(Text::Ucs2(&units)), expected);
        assert_eq!(setting.feature_bytes(Text::Ucs4(&points)), expected);
    }
}

#[test]
fn what_is_no_code_point_is_no_reason_to_panic() {
    for point in [0x11_0000, 0x1f_ffff, 0x20_0000, u32::MAX] {
        for kind in [Kind::Chars(1, 2), Kind::CharsInWords(1, 3), Setting::words(1, (1, 1)).kind] {
            Setting::of(kind).feature_bytes(Text::Ucs4(&[0x61, point, 0x62, point]));
        }
    }
}
