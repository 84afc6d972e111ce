//! Text analysis, feature hashing and CSR assembly, without Python.
//!
//! # Overview
//!
//! Documents go in as they lie in memory ([`documents`]); an analyzer finds their features
//! ([`analyzer`]), which are hashed ([`murmur3`]) to buckets and counted ([`hashing`]), or counted by the terms
//! themselves ([`vocabulary`]); the rows get their values ([`finishing`]) and are assembled into the arrays of a sparse
//! matrix ([`assembly`]). Chunks of documents are dealt to threads ([`parallel`]), and the loops where the time goes stand
//! behind one trait ([`kernel`]).
//!
//! # Example
//!
//! ```
//! use shardfit_core::analyzer::{Analyzer, Features, NgramRange, TokenClass, TokenRule};
//! use shardfit_core::documents::{Document, Text};
//! use shardfit_core::hashing::{Buckets, Buffers, Counts, Hasher, hash_documents};
//! use shardfit_core::kernel::Scalar;
//! use shardfit_core::parallel::Cancel;
//!
//! let analyzer = Analyzer {
//!     lowercase: true,
//!     features: Features::Words {
//!         rule: TokenRule { class: TokenClass::Word, min_length: 2 },
//!         ngrams: NgramRange { min: 1, max: 1 },
//!         stop_words: None,
//!     },
//! };
//! let hasher = Hasher {
//!     analyzer: &analyzer,
//!     tables: None, // needed for texts outside ASCII only
//!     buckets: Buckets::new(1 << 20, true).unwrap(),
//!     kernel: &Scalar,
//! };
//! let documents = [Document::Text(Text::Ascii(b"The cat, the cat."))];
//! let mut counts = Counts::default();
//! hash_documents(hasher, &documents, &mut Buffers::default(), &mut counts, &Cancel::default())?;
//! assert_eq!(counts.row_ends, [2]);
//! assert_eq!(counts.sums, [-2, 2]);
//! # Ok::<(), shardfit_core::error::Error>(())
//! ```
//!
//! # Why
//!
//! The crate knows nothing of Python, so its tests and benchmarks need no interpreter, and what it
//! promises can be stated without one. What must come from the interpreter, the properties of
//! characters, is handed in as tables.
//!
//! # Invariants
//!
//! `unsafe` code is in the vector kernels, where threads write to one piece of memory ([`assembly`]), where memory
//! is used again ([`spare`]), and around two hints that change nothing: huge pages ([`memory`]) and reading ahead
//! ([`documents`]). Results do not depend on the number of threads or on the kernel. No input makes it panic, and memory that grows with the text of the input is reserved fallibly.

#![deny(unsafe_code)]

pub mod analyzer;
pub mod assembly;
pub mod csr;
pub mod documents;
pub mod error;
pub mod finishing;
pub mod hashing;
pub mod kernel;
pub mod memory;
pub mod murmur3;
pub mod parallel;
pub mod spare;
pub mod vocabulary;
