//! N-grams of tokens and of characters.
//!
//! # Overview
//!
//! Tokens are copied into one text with a space before and after each, so that every n-gram, of words
//! or of a word's characters, is one contiguous range of it; nothing is ever concatenated again.
//!
//! Features come in scikit-learn's order: word n-grams and character n-grams by length and then by
//! place, those within words by word, then length, then place. Hashing does not care; a vocabulary in
//! order of first sight does.
//!
//! # Why
//!
//! What hashes word n-grams is given the [`JoinedTokens`], whose starts say all: no ranges have to be written, and n-grams
//! of several lengths can be hashed side by side.
//!
//! Many tokens of prose are stop words, and each token has to be looked up among them. So they are a [`Vocabulary`],
//! which takes a batch of tokens at a time, and single tokens are passed on where they lie. A set of the standard
//! library's, and a copy of each token that was not in it, took a quarter of the time of learning a vocabulary.

use std::ops::Range;

use super::encodings::encode;
use super::preprocess::{Tables, preprocess};
use super::tokens::{TokenRule, check_length, is_ascii_space};
use super::unicode::SPACE;
use super::{Scratch, Sink};
use crate::documents::{Span, Text};
use crate::error::{Result, reserve};
use crate::kernel::{Kernel, Scalar};
use crate::murmur3::PADDING;
use crate::vocabulary::{Lookup, Vocabulary};

/// Features are passed on in batches of about this many.
const BATCH: usize = 4096;

/// The lengths of n-grams: `min..=max`, with `1 <= min <= max`.
#[derive(Debug, Clone, Copy)]
pub struct NgramRange {
    /// The shortest.
    pub min: usize,
    /// The longest.
    pub max: usize,
}

/// The tokens of a document, as one text of which every n-gram is a range.
#[derive(Debug, Clone, Copy)]
pub struct JoinedTokens<'a> {
    /// The tokens, with a space before and after each, and the padding.
    pub text: &'a [u8],
    /// The start of each token, and one past the space behind the last.
    pub starts: &'a [u32],
}

impl JoinedTokens<'_> {
    /// How many there are.
    #[must_use]
    pub fn number(self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Those of the n-grams of this length that start with any of the tokens `firsts`.
    #[inline]
    #[must_use]
    pub fn ngrams(
        self,
        length: usize,
        firsts: Range<usize>,
    ) -> impl ExactSizeIterator<Item = Span> {
        let ends = self.starts.get(firsts.start + length..).unwrap_or_default();
        let starts = &self.starts[firsts];
        starts.iter().zip(ends).map(|(&start, &end)| Span { start, end: end - 1 })
    }
}

/// Words that are left out before n-grams are formed.
#[derive(Debug, Default)]
pub struct StopWords(Vocabulary);

/// Buffers for leaving out stop words.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    /// Made when it is needed.
    lookup: Option<Lookup>,
    kept: Vec<Span>,
}

impl StopWords {
    /// These words; some may come more than once.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w [u8]>) -> Result<Self> {
        let (mut stop_words, mut text) = (Self::default(), Vec::new());
        let mut lookup = Lookup::default();
        for word in words {
            check_length(word.len())?;
            text.clear();
            reserve(&mut text, word.len() + PADDING)?;
            text.extend_from_slice(word);
            text.resize(word.len() + PADDING, 0);
            let span = Span { start: 0, end: word.len() as u32 };
            stop_words.0.intern(&text, &[span], &Scalar, &mut lookup)?;
        }
        Ok(stop_words)
    }

    /// The tokens that are none of them. `text` goes on for [`PADDING`] bytes after the last token.
    pub(super) fn leave_out<'s>(
        &self,
        text: &[u8],
        tokens: &[Span],
        kernel: &dyn Kernel,
        sieve: &'s mut Sieve,
    ) -> Result<&'s [Span]> {
        let Sieve { lookup, kept } = sieve;
        let lookup = lookup.get_or_insert_default();
        self.0.find(text, tokens, kernel, lookup)?;
        kept.clear();
        reserve(kept, tokens.len())?;
        kept.resize(tokens.len(), Span { start: 0, end: 0 });
        let mut length = 0;
        for (&token, &number) in tokens.iter().zip(&lookup.numbers) {
            // No branch: in prose every other token is one.
            kept[length] = token;
            length += usize::from(number == 0);
        }
        kept.truncate(length);
        Ok(kept)
    }
}

/// A text `" token token token "` and where its tokens start.
#[derive(Debug, Default)]
pub struct Joined {
    text: Vec<u8>,
    /// The start of each token, and one past the space behind the last.
    starts: Vec<u32>,
}

impl Joined {
    pub(super) fn clear(&mut self) -> Result<()> {
        self.text.clear();
        reserve(&mut self.text, 1)?;
        self.text.push(b' ');
        self.starts.clear();
        reserve(&mut self.starts, 1)?;
        self.starts.push(1);
        Ok(())
    }

    /// Appends tokens.
    pub(super) fn extend(&mut self, text: &[u8], spans: &[Span]) -> Result<()> {
        reserve(&mut self.starts, spans.len())?;
        for span in spans {
            let token = &text[span.start as usize..span.end as usize];
            reserve(&mut self.text, token.len() + 1 + PADDING)?;
            self.text.extend_from_slice(token);
            self.text.push(b' ');
            check_length(self.text.len())?;
            self.starts.push(self.text.len() as u32);
        }
        Ok(())
    }

    /// Appends the tokens of an ASCII block.
    pub(super) fn extend_ascii(
        &mut self,
        block: &[u8],
        rule: TokenRule,
        lowercase: bool,
        kernel: &dyn Kernel,
    ) -> Result<()> {
        check_length(self.text.len() + block.len() + 1)?;
        kernel.join_ascii(block, rule, lowercase, &mut self.text, &mut self.starts)
    }

    /// The text of all tokens, with a space before and after each, and the padding.
    pub(super) fn padded(&mut self) -> Result<&[u8]> {
        reserve(&mut self.text, PADDING)?;
        self.text.extend_from_slice(&[0; PADDING]);
        Ok(&self.text)
    }

    /// The tokens, once the text is padded.
    pub(super) fn tokens(&self) -> JoinedTokens<'_> {
        JoinedTokens { text: &self.text, starts: &self.starts }
    }

    /// Passes on the word n-grams. The text is padded.
    pub(super) fn word_ngrams(
        &self,
        range: NgramRange,
        spans: &mut Vec<Span>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let tokens = self.tokens();
        for length in range.min..=range.max.min(tokens.number()) {
            for first in (0..=tokens.number() - length).step_by(BATCH) {
                spans.clear();
                let ngrams = tokens.ngrams(length, first..tokens.number().min(first + BATCH));
                reserve(spans, ngrams.len())?;
                spans.extend(ngrams);
                sink(&self.text, spans)?;
            }
        }
        Ok(())
    }

    /// Passes on the character n-grams of each token with the spaces around it.
    pub(super) fn char_ngrams_in_words(
        &mut self,
        range: NgramRange,
        spans: &mut Vec<Span>,
        boundaries: &mut Vec<u32>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        self.padded()?;
        spans.clear();
        for pair in self.starts.windows(2) {
            let (start, end) = (pair[0] - 1, pair[1]);
            find_boundaries(&self.text[start as usize..end as usize], start, boundaries)?;
            let characters = boundaries.len() - 1;
            for length in range.min..=range.max {
                if length >= characters {
                    // A word that is no longer than the n-gram counts once, as a whole.
                    reserve(spans, 1)?;
                    spans.push(Span { start, end });
                    break;
                }
                windows(boundaries, length, &self.text, spans, sink)?;
            }
            if spans.len() >= BATCH {
                sink(&self.text, spans)?;
                spans.clear();
            }
        }
        sink(&self.text, spans)
    }
}

/// Passes on the character n-grams of a whole text, in which every run of two or more white space
/// characters counts as one space.
pub(super) fn char_ngrams(
    text: Text<'_>,
    range: NgramRange,
    lowercase: bool,
    tables: Option<Tables<'_>>,
    scratch: &mut Scratch,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let Scratch { text: folded, spans, boundaries, points, .. } = scratch;
    folded.clear();
    if let Text::Ascii(bytes) = text {
        reserve(folded, bytes.len() + PADDING)?;
        let mut spaces = Spaces::default();
        for part in bytes.chunks(BATCH) {
            for &byte in part {
                let byte = if lowercase { byte.to_ascii_lowercase() } else { byte };
                spaces.push(byte.into(), is_ascii_space(byte), folded);
            }
            sink(&[], &[])?;
        }
        spaces.close(folded);
    } else {
        let tables = tables.expect("a text outside ASCII comes with the tables");
        let mut spaces = Spaces::default();
        preprocess(text, lowercase, tables, points, &mut |points| {
            reserve(folded, 4 * points.len() + PADDING)?;
            for &point in points {
                let is_space = tables.unicode.entry(point) & SPACE != 0;
                spaces.push(point, is_space, folded);
            }
            sink(&[], &[])
        })?;
        spaces.close(folded);
    }
    check_length(folded.len())?;
    find_boundaries(folded, 0, boundaries)?;
    reserve(folded, PADDING)?;
    folded.extend_from_slice(&[0; PADDING]);
    let characters = boundaries.len() - 1;
    spans.clear();
    for length in range.min..=range.max.min(characters) {
        windows(boundaries, length, folded, spans, sink)?;
    }
    sink(folded, spans)
}

/// Folds white space: a single one stays what it is, several in a row become one space.
#[derive(Default)]
struct Spaces {
    pending: Option<u32>,
}

impl Spaces {
    #[inline]
    fn push(&mut self, point: u32, is_space: bool, text: &mut Vec<u8>) {
        if is_space {
            self.pending = Some(if self.pending.is_some() { u32::from(b' ') } else { point });
        } else {
            self.close(text);
            push_utf8(text, point);
        }
    }

    #[inline]
    fn close(&mut self, text: &mut Vec<u8>) {
        if let Some(space) = self.pending.take() {
            push_utf8(text, space);
        }
    }
}

#[inline(always)]
fn push_utf8(text: &mut Vec<u8>, point: u32) {
    let (bytes, length) = encode(point);
    let length = text.len() + length;
    // Four bytes are always copied: a copy whose length varies is a call.
    text.extend_from_slice(&bytes);
    text.truncate(length);
}

/// Fills `boundaries` with the place of each character of a UTF-8 text, and its end.
fn find_boundaries(text: &[u8], offset: u32, boundaries: &mut Vec<u32>) -> Result<()> {
    boundaries.clear();
    reserve(boundaries, text.len() + 1)?;
    let starts_character = |byte: u8| byte & 0xc0 != 0x80;
    boundaries.extend(
        (offset..).zip(text).filter(|&(_, &byte)| starts_character(byte)).map(|(place, _)| place),
    );
    boundaries.push(offset + text.len() as u32);
    Ok(())
}

/// Collects all windows of `length` characters, passing them on whenever a batch is full.
fn windows(
    boundaries: &[u32],
    length: usize,
    text: &[u8],
    spans: &mut Vec<Span>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let starts = &boundaries[..boundaries.len() - length];
    let ends = &boundaries[length..];
    for (starts, ends) in starts.chunks(BATCH).zip(ends.chunks(BATCH)) {
        reserve(spans, starts.len())?;
        spans.extend(starts.iter().zip(ends).map(|(&start, &end)| Span { start, end }));
        if spans.len() >= BATCH {
            sink(text, spans)?;
            spans.clear();
        }
    }
    Ok(())
}
