//! Properties of the core, each against a naive implementation of the same thing.
//!
//! # Overview
//!
//! - `oracle`: what scikit-learn does, written down as simply as possible
//! - `inputs`: settings, texts and tables to try
//! - `kernels`: every kernel against naive loops, all by the same macro
//! - `analyzer`: features and their order
//! - `hashing`: rows of counts, and stopping in the middle of one
//! - `csr`: the arrays of the matrix
//! - `unicode`: what the tables refuse
//! - `golden`: answers of scikit-learn itself
//!
//! # Why
//!
//! The modules are one test binary, so that the oracle is compiled once and may hold what only one of
//! them needs. A failing case is shrunk to a small one by proptest; a fixed bug leaves that here as a
//! test of its own.

mod analyzer;
mod csr;
mod golden;
mod hashing;
mod inputs;
mod kernels;
mod oracle;
mod unicode;
