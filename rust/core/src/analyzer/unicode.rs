//! What the running Python interpreter knows about characters.
//!
//! # Overview
//!
//! A [`UnicodeTable`] holds, for every code point, what `str.lower` and the regular expression classes
//! `\w` and `\s` of one interpreter say; an [`AccentTable`] holds what scikit-learn's accent stripping
//! makes of each. Both are filled by the interpreter itself, once per process, when the first document
//! that is not ASCII arrives.
//!
//! # Why
//!
//! Identity with scikit-learn means identity with `CPython`, whose Unicode version is neither Rust's nor
//! the same from one `CPython` to the next. `char::is_alphanumeric` differs from `\w` on 1,442 assigned
//! code points of Unicode 14, the `regex` crate's `\w` on over 3,000. Tables compiled into the wheel would
//! have to be made anew for every `CPython` release; asking costs some milliseconds, once.
//!
//! A flat table of 4.4 MB is simpler than a two-stage one, and a text touches only the few cache lines
//! of its own scripts.

use std::collections::HashMap;

use super::encodings::{self, Encodings};

/// One past the last code point.
pub const CODE_POINTS: usize = 0x11_0000;

const LOWER_MASK: u32 = (1 << 21) - 1;

/// The character matches `\w`.
pub const WORD: u32 = 1 << 21;
/// The character matches `\s`; `str.split` and `str.isspace` agree with it.
pub const SPACE: u32 = 1 << 22;
/// The character has case, in the sense of the rule for the final sigma.
pub const CASED: u32 = 1 << 23;
/// The rule for the final sigma looks past this character.
pub const CASE_IGNORABLE: u32 = 1 << 24;
/// Lower-casing gives more than one character, or depends on the neighbours.
const SPECIAL: u32 = 1 << 25;

pub(super) const CAPITAL_SIGMA: u32 = 0x3a3;

/// The lower-case form of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lower<'a> {
    /// One character, of the same classes.
    One(u32),
    /// U+03A3, whose lower-case form is U+03C2 at the end of a word and U+03C3 elsewhere.
    Sigma,
    /// Several characters, or one of other classes.
    Several(&'a [u32]),
}

/// Character classes and lower-case forms.
#[derive(Debug)]
pub struct UnicodeTable {
    /// Per code point: its simple lower-case form in the low 21 bits, flags above.
    entries: Box<[u32]>,
    expansions: HashMap<u32, Box<[u32]>>,
    /// Each character as it is, and in lower case.
    encodings: [Encodings; 2],
}

impl UnicodeTable {
    /// Builds the table from its columns.
    ///
    /// `lower[c]` is the lower-case form of code point `c`; `flags[c]` has bit 0 set for `\w`, 1 for
    /// `\s`, 2 for cased and 3 for case-ignorable; `expansions` lists the characters whose lower-case
    /// form is longer than one character.
    ///
    /// # Errors
    ///
    /// A message if a column is not [`CODE_POINTS`] long or holds what is not a code point.
    pub fn new(
        lower: &[u32],
        flags: &[u8],
        mut expansions: HashMap<u32, Box<[u32]>>,
    ) -> std::result::Result<Self, String> {
        if lower.len() != CODE_POINTS || flags.len() != CODE_POINTS {
            return Err(format!(
                "both columns must hold {CODE_POINTS} entries, got {} and {}",
                lower.len(),
                flags.len()
            ));
        }
        if expansions.values().any(|expansion| expansion.is_empty()) {
            return Err("an expansion is empty".into());
        }
        let mut points = lower.iter().chain(expansions.keys()).chain(expansions.values().flatten());
        if let Some(point) = points.find(|&&point| point as usize >= CODE_POINTS) {
            return Err(format!("{point:#x} is not a code point"));
        }
        let mut entries: Box<[u32]> = lower
            .iter()
            .zip(flags)
            .map(|(&lower, &flags)| lower | u32::from(flags & 15) << 21)
            .collect();
        for point in 0..CODE_POINTS as u32 {
            // Where lower-casing changes the class of a character, its entry must not be taken for
            // that of its lower-case form, so it counts as an expansion, to one character.
            let lowered = lower[point as usize];
            if (flags[point as usize] ^ flags[lowered as usize]) & 3 != 0 {
                expansions.entry(point).or_insert_with(|| [lowered].into());
            }
        }
        for &point in expansions.keys().chain([&CAPITAL_SIGMA]) {
            entries[point as usize] |= SPECIAL;
        }
        let encodings = [false, true].map(|lowercase| encodings(&entries, lowercase));
        Ok(Self { entries, expansions, encodings })
    }

    /// The characters of the Basic Multilingual Plane in UTF-8, in lower case or as they are.
    pub(super) fn encodings(&self, lowercase: bool) -> &Encodings {
        &self.encodings[usize::from(lowercase)]
    }

    /// The classes of a code point, as in an entry of [`Encodings`].
    pub(super) fn classes(&self, point: u32) -> u32 {
        classes(self.entry(point))
    }

    /// The entry of a code point; what is not a code point has the entry of U+0000, which belongs to
    /// no class.
    #[inline(always)]
    #[must_use]
    pub fn entry(&self, point: u32) -> u32 {
        self.entries.get(point as usize).copied().unwrap_or(0)
    }

    /// The lower-case form of a code point.
    #[inline(always)]
    #[must_use]
    pub fn lower(&self, point: u32) -> Lower<'_> {
        let entry = self.entry(point);
        if entry & SPECIAL == 0 {
            return Lower::One(entry & LOWER_MASK);
        }
        match self.expansions.get(&point) {
            Some(points) => Lower::Several(points),
            None => Lower::Sigma,
        }
    }

    /// The lower-case form of a capital sigma between the characters `before`, nearest first, and
    /// `after`: `CPython`'s rule, which is Unicode's `Final_Sigma`.
    pub fn lower_sigma(
        &self,
        mut before: impl Iterator<Item = u32>,
        mut after: impl Iterator<Item = u32>,
    ) -> u32 {
        let decides = |point: &u32| self.entry(*point) & CASE_IGNORABLE == 0;
        let is_cased = |point: u32| self.entry(point) & CASED != 0;
        let ends_word = before.find(decides).is_some_and(is_cased)
            && !after.find(decides).is_some_and(is_cased);
        if ends_word { 0x3c2 } else { 0x3c3 }
    }
}

fn classes(entry: u32) -> u32 {
    encodings::classes(entry & WORD != 0, entry & SPACE != 0)
}

fn encodings(entries: &[u32], lowercase: bool) -> Encodings {
    Encodings::new(lowercase, |point| {
        let entry = entries[point as usize];
        let becomes = match entry & SPECIAL {
            _ if !lowercase => point.try_into().ok(),
            0 => (entry & LOWER_MASK).try_into().ok(),
            _ => None,
        };
        (becomes, classes(entry))
    })
}

/// What stripping accents makes of each character.
#[derive(Debug)]
pub struct AccentTable {
    /// Per code point: 0 where the default applies, else one more than an index of `replacements`.
    numbers: Box<[u32]>,
    replacements: Vec<Box<[u32]>>,
    keeps_others: bool,
}

impl AccentTable {
    /// Builds the table from the characters that are replaced, each by any number of others.
    ///
    /// The other characters are kept if `keeps_others`; if not, ASCII is kept and the rest dropped.
    #[must_use]
    pub fn new(replaced: Vec<(u32, Box<[u32]>)>, keeps_others: bool) -> Self {
        let mut numbers = vec![0; CODE_POINTS].into_boxed_slice();
        let mut replacements = Vec::with_capacity(replaced.len());
        for (point, replacement) in replaced {
            replacements.push(replacement);
            if let Some(number) = numbers.get_mut(point as usize) {
                *number = replacements.len() as u32;
            }
        }
        Self { numbers, replacements, keeps_others }
    }

    /// Calls `emit` for each character that `point` becomes.
    #[inline]
    pub fn strip(&self, point: u32, mut emit: impl FnMut(u32)) {
        match self.numbers.get(point as usize) {
            None | Some(0) => {
                if self.keeps_others || point < 128 {
                    emit(point);
                }
            }
            Some(&number) => {
                self.replacements[number as usize - 1].iter().copied().for_each(emit);
            }
        }
    }
}
