//! What a kernel needs to hash many short documents together.

use crate::analyzer::Splitting;
use crate::documents::{Document, Span};
use crate::hashing::Buckets;

/// Documents to hash, and how.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'t> {
    /// The documents.
    pub documents: &'t [Document<'t>],
    /// What their tokens are.
    pub splitting: Splitting<'t>,
    /// The columns.
    pub buckets: Buckets,
}

/// Characters of a document as they lie in a text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Block {
    /// Which of the characters are of the class.
    pub members: u64,
    /// At which bytes characters begin.
    pub starts: u64,
    /// Where the first of these bytes is in the text.
    pub place: u32,
    /// The number of the last character, counted from 0.
    pub last: u32,
    /// How many edges there are up to the end of this block.
    pub edges: u32,
}

/// Buffers that a thread uses again for all documents.
#[derive(Debug, Default)]
pub struct Buffers {
    /// What the documents become in UTF-8.
    pub text: Vec<u8>,
    /// Where what is in there.
    pub blocks: Vec<Block>,
    /// The number of blocks up to the end of each document, then that of tokens.
    pub ends: Vec<u32>,
    /// Tokens of all documents.
    pub spans: Vec<Span>,
    /// Their keys.
    pub keys: Vec<u32>,
    /// Scratch space.
    pub spare: Vec<u32>,
}
