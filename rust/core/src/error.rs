//! Everything that can go wrong in the core, as one enum.
//!
//! The bindings map each variant onto the builtin Python exception that fits; nothing here panics on
//! account of its input.

use crate::spare;

/// A failure of the core.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The caller asked to stop, for instance because the user pressed Ctrl-C.
    #[error("the computation was cancelled")]
    Cancelled,
    /// An allocation that grows with the input failed.
    #[error(
        "{bytes} bytes could not be allocated; pass fewer documents at a time, or shorter n-grams"
    )]
    OutOfMemory {
        /// Size of the allocation that failed.
        bytes: usize,
    },
    /// One document holds the same bucket too often for a 32-bit count.
    #[error(
        "one document holds {count} tokens of the same column, the limit is {limit}; \
         split the document",
        limit = i32::MAX
    )]
    CountOverflow {
        /// How often it was met.
        count: usize,
    },
    /// A text is longer than its offsets can address.
    #[error("a document or token of {bytes} bytes is over the limit of {limit} bytes; split it",
            limit = u32::MAX)]
    TextTooLong {
        /// Its length.
        bytes: usize,
    },
    /// More different terms than a matrix can have columns.
    #[error(
        "the documents hold more than {limit} different terms, more than a matrix can have columns; \
         extract fewer n-grams, or use HashingVectorizer",
        limit = i32::MAX
    )]
    TooManyTerms,
    /// More documents than their frequencies are counted in.
    #[error("more than {limit} documents cannot be counted in one call; pass them in parts",
            limit = u32::MAX)]
    TooManyDocuments,
    /// A list of terms holds one of them again.
    #[error("the term with index {place} is among those before it; pass each term once")]
    RepeatedTerm {
        /// Where it is, counted from 0.
        place: usize,
    },
    /// A worker thread panicked: a defect of this crate, never of the input.
    #[error("internal error in a worker thread: {message}; please report it")]
    Panicked {
        /// What the panic said.
        message: String,
    },
}

/// A result whose error is [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Reserves room for `additional` more elements, or says how many bytes could not be had.
///
/// `Vec::push` aborts the process when memory runs out, which no Python caller can catch; whatever
/// grows with the input is therefore reserved here first.
pub fn reserve<T>(vector: &mut Vec<T>, additional: usize) -> Result<()> {
    if vector.try_reserve(additional).is_ok() {
        return Ok(());
    }
    spare::give_up();
    vector
        .try_reserve(additional)
        .map_err(|_| Error::OutOfMemory { bytes: additional.saturating_mul(size_of::<T>()) })
}

/// Makes a buffer at least so long.
pub(crate) fn grow<T: Copy>(buffer: &mut Vec<T>, length: usize, filling: T) -> Result<()> {
    if buffer.len() < length {
        reserve(buffer, length - buffer.len())?;
        buffer.resize(buffer.capacity(), filling);
    }
    Ok(())
}
