//! Every kernel against naive loops.
//!
//! A new kernel is tested by one more line at the end of this file.

mod hashing;
mod scaling;
mod short;
mod sorting;
mod splitting;
mod terms;

use std::collections::HashMap;

use proptest::prelude::*;
use shardfit_core::kernel::{Kernel, Scalar, available};

/// A test for each function, which it calls with the kernel.
macro_rules! tests_of {
    ($($room:ident::$function:ident,)*) => {
        $(
            #[test]
            fn $function() {
                super::$room::$function(kernel());
            }
        )*
    };
}

macro_rules! kernel_tests {
    ($name:ident, $kernel:expr) => {
        mod $name {
            use super::*;

            /// Where the processor lacks what the kernel needs, the portable one is tested once more.
            fn kernel() -> &'static dyn Kernel {
                $kernel
            }

            tests_of! {
                splitting::splits_every_length_at_every_alignment,
                splitting::splits_where_blocks_meet,
                splitting::joins_every_length_at_every_alignment,
                hashing::hashes_every_length_at_every_place,
                hashing::hashes_spans_of_mixed_lengths,
                hashing::hashes_ngrams_of_tokens_of_every_length,
                hashing::hashes_windows_of_words_of_every_length,
                terms::packs_every_length_at_every_place,
                terms::packs_terms_of_mixed_lengths,
                terms::guesses_from_two_slots,
                terms::confirms_what_is_right,
                terms::confirms_nothing_where_nothing_is_known,
                short::hashes_short_documents_of_every_length,
                sorting::counts_every_pattern,
                sorting::sorts_every_pattern,
                sorting::sorts_pairs_of_every_pattern,
                sorting::stops_sorting_whenever_it_is_told,
                scaling::knows_the_norm_of_every_length,
                scaling::knows_no_norm_that_might_be_rounded,
                scaling::divides_every_length,
                scaling::divides_whatever_there_is,
            }

            proptest! {
                #[test]
                fn splits_any_text(block in prop::collection::vec(0..128_u8, 0..1000)) {
                    splitting::Used::default().check_split(kernel(), &block);
                }

                #[test]
                fn joins_any_text(block in prop::collection::vec(0..128_u8, 0..1000)) {
                    splitting::joins_any_block(kernel(), &block);
                }

                #[test]
                fn hashes_any_windows(words in prop::collection::vec("[!-~]{1,30}", 0..60)) {
                    let mut text = " ".to_string();
                    text.extend(words.iter().flat_map(|word| [word.as_str(), " "]));
                    hashing::hashes_windows_of(kernel(), text.as_bytes(), b' ');
                }

                #[test]
                fn counts_any_keys(mut keys in prop::collection::vec(0..2000_u32, 0..3000)) {
                    keys.sort_unstable();
                    sorting::counts_keys(kernel(), &keys);
                }

                #[test]
                fn sorts_any_keys(mut keys: Vec<u32>, mut spare: Vec<u32>) {
                    let mut expected = keys.clone();
                    expected.sort_unstable();
                    kernel().sort(&mut keys, &mut spare, &|| Ok(())).unwrap();
                    prop_assert_eq!(keys, expected);
                }

                #[test]
                fn sorts_any_pairs(counts: HashMap<u32, u32>, mut spare: Vec<u64>) {
                    let pair = |(number, count)| (u64::from(number) << 32) | u64::from(count);
                    let mut pairs: Vec<u64> = counts.into_iter().map(pair).collect();
                    let mut expected = pairs.clone();
                    expected.sort_unstable();
                    kernel().sort_pairs(&mut pairs, &mut spare, &|| Ok(())).unwrap();
                    prop_assert_eq!(pairs, expected);
                }

                #[test]
                fn scales_any_row(
                    sums in scaling::sums(),
                    norm in crate::csr::norm(),
                    binary: bool,
                ) {
                    scaling::scales_as_adding_in_order::<f64>(kernel(), &sums, norm, binary);
                    scaling::scales_as_adding_in_order::<f32>(kernel(), &sums, norm, binary);
                }
            }
        }
    };
}

fn named(name: &str) -> &'static dyn Kernel {
    let found = available().iter().find(|kernel| kernel.name() == name);
    found.copied().unwrap_or(&Scalar)
}

kernel_tests!(scalar, &Scalar);
kernel_tests!(avx2, named("avx2"));
kernel_tests!(avx512, named("avx512"));
