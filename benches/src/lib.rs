//! Holds nothing: the benchmarks are in the files named in `Cargo.toml`.
