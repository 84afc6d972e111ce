//! From the text of a document to its features: words, word n-grams or character n-grams.
//!
//! # Overview
//!
//! An [`Analyzer`] is the part of scikit-learn's vectorizer parameters that decides what a document's
//! features are. [`Analyzer::analyze`] passes them to a sink as ranges of a text, in the order in which
//! scikit-learn's own analyzer would list them.
//!
//! - `unicode`: what the running Python knows about characters
//! - `encodings`: what of it can be written without further thought
//! - `pages`: the same, for many characters at once
//! - `preprocess`: decoding, lower-casing and accent stripping
//! - `folding`: lower-casing, encoding and finding runs of a class at once
//! - `tokens`: splitting into runs of a class
//! - `ngrams`: n-grams of tokens and characters, stop words
//!
//! # Invariants
//!
//! Each text given to a sink ends with [`PADDING`](crate::murmur3::PADDING) bytes that belong to no
//! feature. Memory that grows with a document is reserved fallibly.

pub(crate) mod encodings;
pub(crate) mod folding;
mod ngrams;
#[cfg(target_arch = "x86_64")]
pub(crate) mod pages;
mod preprocess;
mod tokens;
pub mod unicode;

pub use ngrams::{JoinedTokens, NgramRange, StopWords};
pub use preprocess::Tables;
pub use tokens::{TokenClass, TokenRule};

use self::encodings::Encodings;
use crate::documents::{Document, Span, Text};
use crate::error::Result;
use crate::kernel::Kernel;

/// What receives features: the text and the range of each feature in it.
pub type Sink<'s> = dyn FnMut(&[u8], &[Span]) -> Result<()> + 's;

/// Which features a document has.
#[derive(Debug)]
pub enum Features {
    /// Tokens and their n-grams.
    Words {
        /// What a token is.
        rule: TokenRule,
        /// Lengths of the n-grams, in tokens.
        ngrams: NgramRange,
        /// Tokens to leave out, before n-grams are formed.
        stop_words: Option<StopWords>,
    },
    /// Character n-grams of the whole text.
    Chars(NgramRange),
    /// Character n-grams within words, padded with a space on both sides.
    CharsInWords(NgramRange),
}

/// How to split a text into tokens.
#[derive(Debug, Clone, Copy)]
pub struct Splitting<'t> {
    /// Which runs are tokens.
    pub rule: TokenRule,
    /// Whether to lower-case first.
    pub lowercase: bool,
    /// Characters outside ASCII, unless there are none or more is to be done to them.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no kernel asks"))]
    pub(crate) encodings: Option<&'t Encodings>,
}

/// Turns texts into features.
#[derive(Debug)]
pub struct Analyzer {
    /// Whether to lower-case first.
    pub lowercase: bool,
    /// What to extract then.
    pub features: Features,
}

/// Buffers that a thread uses again for each document.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    spans: Vec<Span>,
    boundaries: Vec<u32>,
    folding: folding::Buffers,
    points: [Vec<u32>; 2],
    joined: ngrams::Joined,
    sieve: ngrams::Sieve,
}

impl Analyzer {
    /// Whether a surrogate in a text could become part of a feature. Such features have no UTF-8 form that
    /// Python would hash, so where features are to be hashed, the text must then be left to Python.
    #[must_use]
    pub fn can_emit_surrogates(&self) -> bool {
        match &self.features {
            Features::Words { rule, .. } => rule.class != TokenClass::Word,
            Features::Chars(_) | Features::CharsInWords(_) => true,
        }
    }

    /// About how many bytes of features a byte of text gives rise to.
    #[must_use]
    pub fn expansion(&self) -> usize {
        let (Features::Words { ngrams, .. }
        | Features::Chars(ngrams)
        | Features::CharsInWords(ngrams)) = &self.features;
        let lengths = ngrams.max - ngrams.min + 1;
        lengths.saturating_mul(ngrams.min.saturating_add(ngrams.max) / 2)
    }

    /// What is needed to split short texts without further thought: if the features are just tokens.
    #[must_use]
    pub fn splitting<'t>(&self, tables: Option<Tables<'t>>) -> Option<Splitting<'t>> {
        let Features::Words { rule, ngrams: NgramRange { max: 1, .. }, stop_words: None } =
            &self.features
        else {
            return None;
        };
        let encodings = tables
            .filter(|tables| tables.accents.is_none())
            .map(|tables| tables.unicode.encodings(self.lowercase));
        Some(Splitting { rule: *rule, lowercase: self.lowercase, encodings })
    }

    /// The lengths of the windows that are the features of an ASCII text: if these are character n-grams within words,
    /// and every one of them is a window of a word and the spaces around it.
    ///
    /// A word of one character has three with its spaces. If n-grams are longer than that, a short word counts
    /// as a whole, which is no window of that length; and if they are single characters, the space between two words
    /// counts twice.
    #[must_use]
    pub fn windows(&self) -> Option<NgramRange> {
        match self.features {
            Features::CharsInWords(range) if matches!(range.min, 2..=3) => Some(range),
            _ => None,
        }
    }

    /// Passes the words of an ASCII text to `sink`, in parts, as [`Kernel::hash_windows`] takes them.
    pub fn join_words(
        &self,
        bytes: &[u8],
        kernel: &dyn Kernel,
        scratch: &mut Scratch,
        sink: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let rule = TokenRule { class: TokenClass::NonSpace, min_length: 1 };
        tokens::each_ascii_block(bytes, rule.class, |block| {
            scratch.joined.clear()?;
            scratch.joined.extend_ascii(block, rule, self.lowercase, kernel)?;
            sink(scratch.joined.padded()?)
        })
    }

    /// The lengths of word n-grams, unless these are single words.
    #[must_use]
    pub fn word_ngrams(&self) -> Option<NgramRange> {
        match self.features {
            Features::Words { ngrams, .. } if ngrams.max > 1 => Some(ngrams),
            _ => None,
        }
    }

    /// The tokens of a text, without stop words. `proceed` is asked now and then, and stops the work with its error.
    ///
    /// # Panics
    ///
    /// If features are not made of tokens, or the text is not ASCII and `tables` is None.
    pub fn join_tokens<'s>(
        &self,
        text: Text<'_>,
        tables: Option<Tables<'_>>,
        kernel: &dyn Kernel,
        scratch: &'s mut Scratch,
        proceed: &mut dyn FnMut() -> Result<()>,
    ) -> Result<JoinedTokens<'s>> {
        let Features::Words { rule, stop_words, .. } = &self.features else {
            panic!("features are made of tokens");
        };
        let (rule, lowercase) = (*rule, self.lowercase);
        let mut joined = std::mem::take(&mut scratch.joined);
        joined.clear()?;
        if let (Text::Ascii(bytes), None) = (text, stop_words) {
            tokens::each_ascii_block(bytes, rule.class, |block| {
                proceed()?;
                joined.extend_ascii(block, rule, lowercase, kernel)
            })?;
        } else {
            let mut sieve = std::mem::take(&mut scratch.sieve);
            let mut extend = |text: &[u8], spans: &[Span]| {
                proceed()?;
                let kept = match stop_words {
                    None => spans,
                    Some(words) => words.leave_out(text, spans, kernel, &mut sieve)?,
                };
                joined.extend(text, kept)
            };
            tokens::split(text, rule, lowercase, tables, kernel, scratch, &mut extend)?;
            scratch.sieve = sieve;
        }
        joined.padded()?;
        scratch.joined = joined;
        Ok(scratch.joined.tokens())
    }

    /// Passes the features of a document to `sink`, in order, in batches.
    ///
    /// # Panics
    ///
    /// If the text is not ASCII and `tables` is None.
    pub fn analyze(
        &self,
        document: Document<'_>,
        tables: Option<Tables<'_>>,
        kernel: &dyn Kernel,
        scratch: &mut Scratch,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        match document {
            Document::Tokens(tokens) => sink(tokens.text, tokens.spans),
            Document::Text(text) => self.analyze_text(text, tables, kernel, scratch, sink),
        }
    }

    fn analyze_text(
        &self,
        text: Text<'_>,
        tables: Option<Tables<'_>>,
        kernel: &dyn Kernel,
        scratch: &mut Scratch,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let lowercase = self.lowercase;
        match &self.features {
            Features::Chars(range) => {
                ngrams::char_ngrams(text, *range, lowercase, tables, scratch, sink)
            }
            Features::Words { rule, ngrams: NgramRange { max: 1, .. }, stop_words: None } => {
                tokens::split(text, *rule, lowercase, tables, kernel, scratch, sink)
            }
            Features::Words {
                rule,
                ngrams: NgramRange { max: 1, .. },
                stop_words: Some(words),
            } => {
                let mut sieve = std::mem::take(&mut scratch.sieve);
                tokens::split(
                    text,
                    *rule,
                    lowercase,
                    tables,
                    kernel,
                    scratch,
                    &mut |text, spans| {
                        sink(text, words.leave_out(text, spans, kernel, &mut sieve)?)
                    },
                )?;
                scratch.sieve = sieve;
                Ok(())
            }
            Features::Words { ngrams, .. } => {
                self.join_tokens(text, tables, kernel, scratch, &mut || sink(&[], &[]))?;
                scratch.joined.word_ngrams(*ngrams, &mut scratch.spans, sink)
            }
            Features::CharsInWords(range) => {
                let rule = TokenRule { class: TokenClass::NonSpace, min_length: 1 };
                let mut joined = std::mem::take(&mut scratch.joined);
                let (mut spans, mut boundaries) = (Vec::new(), Vec::new());
                tokens::split(
                    text,
                    rule,
                    lowercase,
                    tables,
                    kernel,
                    scratch,
                    &mut |text, words| {
                        joined.clear()?;
                        joined.extend(text, words)?;
                        joined.char_ngrams_in_words(*range, &mut spans, &mut boundaries, sink)
                    },
                )?;
                scratch.joined = joined;
                Ok(())
            }
        }
    }
}
