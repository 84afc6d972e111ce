//! Properties of the core, each against a naive implementation of the same thing.
//!
//! # Overview
//!
//! - `oracle`: what scikit-learn does, written down as simply as possible
//! - `inputs`: settings, texts and tables to try
//! - `kernels`: every kernel against naive loops, all by the same macro
//! - `memory`: places that are written to
//! - `analyzer`: features and their order
//! - `surrogates`: features of texts that are not Unicode
//! - `hashing`: rows of hashed counts
//! - `corpus`: documents as lists of terms, counted naively
//! - `vocabulary`: terms and their numbers
//! - `collisions`: terms that somebody has chosen to slow the vocabulary down
//! - `counting`: terms and counts, whichever counter has counted which document
//! - `entries`: counts on their way to the matrix
//! - `sorting`: alphabetical order
//! - `rows`: from counted documents to rows
//! - `overflow`: counts that do not fit
//! - `csr`: the arrays of the matrix
//! - `scaling`: rows of a matrix that exists
//! - `stopping`: everything that can be interrupted, interrupted
//! - `borders`: texts around the borders of the parts and blocks in which they are read
//! - `allocations`: texts that end where their memory ends
//! - `windows`: character n-grams that a vector does not hold
//! - `unicode`: what the tables refuse
//! - `golden`: answers of scikit-learn itself
//!
//! # Why
//!
//! The modules are one test binary, so that the oracle is compiled once and may hold what only one of
//! them needs. A failing case is shrunk to a small one by proptest; a fixed bug leaves that here as a
//! test of its own.

mod allocations;
mod analyzer;
mod borders;
mod collisions;
mod corpus;
mod counting;
mod csr;
mod entries;
mod golden;
mod hashing;
mod inputs;
mod kernels;
mod memory;
mod oracle;
mod rows;
mod scaling;
mod sorting;
mod stopping;
mod surrogates;
mod unicode;
mod vocabulary;
mod windows;
