//! Windows so long that a vector does not hold them.

use shardfit_core::hashing::{Buckets, bucket, sign};
use shardfit_core::kernel::available;
use shardfit_core::murmur3::PADDING;

use crate::inputs::numbers;
use crate::oracle::column_and_sign;

#[test]
fn long_windows() {
    let n_features = 1_000_003;
    let buckets = Buckets::new(n_features, true).unwrap();
    let mut words = b" ".to_vec();
    for (number, letter) in numbers(1).take(40).zip((b'a'..=b'z').cycle()) {
        words.extend(std::iter::repeat_n(letter, number as usize % 150 + 1));
        words.push(b' ');
    }
    let text = [words.as_slice(), &[b' '; PADDING]].concat();
    for length in 17..=80 {
        let inside = |window: &&[u8]| !window[1..length - 1].contains(&b' ');
        let windows = words.windows(length).filter(inside);
        let mut expected: Vec<_> =
            windows.map(|window| column_and_sign(window, n_features, true)).collect();
        expected.sort_unstable();
        for kernel in available() {
            let mut keys = Vec::new();
            kernel.hash_windows(&text, length, buckets, &mut keys).unwrap();
            let mut got: Vec<_> = keys.iter().map(|&key| (bucket(key), sign(key))).collect();
            got.sort_unstable();
            assert_eq!(got, expected, "{length}, {}", kernel.name());
        }
    }
}
