//! Keys and pairs in order, and keys counted.

use std::cell::Cell;
use std::collections::BTreeSet;

use shardfit_core::error::{Error, Result};
use shardfit_core::hashing::{bucket, sign};
use shardfit_core::kernel::Kernel;

use crate::inputs::numbers;

/// Keys in every order and with every spread that a sort might not expect.
fn key_patterns(length: usize) -> Vec<Vec<u32>> {
    let keys = |key: fn(usize, u32) -> u32| {
        let keys = (0..length).zip(numbers(length as u64));
        keys.map(|(i, random)| key(i, random)).collect()
    };
    vec![
        keys(|_, _| 0),
        keys(|_, _| u32::MAX),
        keys(|i, _| i as u32),
        keys(|i, _| u32::MAX - i as u32),
        keys(|_, random| random),
        keys(|_, random| random % (1 << 21)),
        keys(|_, random| random % 2),
        keys(|i, random| if i == 0 { u32::MAX } else { random % 1000 }),
        keys(|i, random| ((i as u32 % 2) << 31) | (random % 16)),
        keys(|i, _| (i as u32 % 5) << 11),
        keys(|i, random| (1 << (random % 32)) | (i as u32 % 2)),
        keys(|_, random| u32::MAX - random % 3),
        keys(|_, random| random >> (random % 32)),
        keys(|_, random| if random % 9 == 0 { u32::MAX } else { random | 1 }),
    ]
}

pub fn sorts_every_pattern(kernel: &dyn Kernel) {
    let mut spare = vec![9; 100];
    let borders = [511, 1023, 4096, 65_535, 65_536, 65_537, 300_000];
    for length in (0..=1100).chain(borders) {
        for mut keys in key_patterns(length) {
            let mut expected = keys.clone();
            expected.sort_unstable();
            kernel.sort(&mut keys, &mut spare, &|| Ok(())).unwrap();
            assert!(keys == expected, "{length} keys");
        }
    }
}

pub fn stops_sorting_whenever_it_is_told(kernel: &dyn Kernel) {
    let keys: Vec<u32> = numbers(11).take(300_000).collect();
    stops_whenever_it_is_told(|proceed| kernel.sort(&mut keys.clone(), &mut Vec::new(), proceed));
    let pairs: Vec<u64> = keys.iter().zip(0..).map(|(&n, i)| (u64::from(n) << 32) | i).collect();
    stops_whenever_it_is_told(|proceed| {
        kernel.sort_pairs(&mut pairs.clone(), &mut Vec::new(), proceed)
    });
}

fn stops_whenever_it_is_told(sort: impl Fn(&dyn Fn() -> Result<()>) -> Result<()>) {
    let questions = Cell::new(0);
    let ask = || {
        questions.set(questions.get() + 1);
        Ok(())
    };
    sort(&ask).unwrap();
    assert!(questions.get() > 0, "a long sort asks whether to go on");
    for refused in 0..questions.get() {
        let left: Cell<usize> = Cell::new(refused);
        let refuse = || {
            let error = (left.get() == 0).then_some(Error::Cancelled);
            left.set(left.get().wrapping_sub(1));
            error.map_or(Ok(()), Err)
        };
        assert_eq!(sort(&refuse), Err(Error::Cancelled));
    }
}

/// Sets of different numbers: dense, skewed as those of words are, sparse, and with both ends.
fn number_patterns(length: usize) -> Vec<Vec<u32>> {
    let numbers = |number: fn(u32, u32) -> u32| {
        let mut set: BTreeSet<u32> =
            (0..length as u32).zip(numbers(5)).map(|(i, random)| number(i, random)).collect();
        for number in 0.. {
            if set.len() == length {
                break;
            }
            set.insert(number);
        }
        let mut set: Vec<u32> = set.into_iter().collect();
        for (i, random) in (1..length).zip(self::numbers(6)) {
            set.swap(i, random as usize % (i + 1));
        }
        set
    };
    vec![
        numbers(|i, _| i),
        numbers(|i, _| u32::MAX - i),
        numbers(|_, random| random),
        numbers(|i, random| (1 << (i % 32)) | (random >> (i % 32))),
        numbers(|i, random| if i % 2 == 0 { i } else { random >> 8 }),
        numbers(|i, random| if i == 0 { u32::MAX } else { random % 100_000 }),
        numbers(|i, _| i << 16),
        numbers(|i, _| 0x0100_0000 + i),
    ]
}

pub fn sorts_pairs_of_every_pattern(kernel: &dyn Kernel) {
    let mut spare = vec![9; 100];
    let borders = [511, 1023, 4096, 65_535, 65_536, 65_537, 200_000];
    for length in (0..=300).step_by(3).chain(borders) {
        for numbers in number_patterns(length) {
            for largest_count in [0, 1, 200, u32::MAX] {
                let counts = self::numbers(7).map(|number| number >> (number % 32));
                let counts = counts.map(|count| u64::from(count.min(largest_count)));
                let mut pairs: Vec<u64> = numbers
                    .iter()
                    .zip(counts)
                    .map(|(&number, count)| (u64::from(number) << 32) | count)
                    .collect();
                let mut expected = pairs.clone();
                expected.sort_unstable();
                kernel.sort_pairs(&mut pairs, &mut spare, &|| Ok(())).unwrap();
                assert!(pairs == expected, "{length} pairs");
            }
        }
    }
}

/// Counts sorted keys.
pub fn counts_keys(kernel: &dyn Kernel, keys: &[u32]) {
    let (mut columns, mut sums) = (vec![5], vec![6]);
    kernel.count(keys, &mut columns, &mut sums).unwrap();
    let runs = keys.chunk_by(|a, b| bucket(*a) == bucket(*b));
    let expected = runs.map(|run| (bucket(run[0]), run.iter().map(|&key| sign(key)).sum()));
    let expected = [(5, 6)].into_iter().chain(expected);
    assert!(expected.eq(columns.into_iter().zip(sums)), "{} keys", keys.len());
}

pub fn counts_every_pattern(kernel: &dyn Kernel) {
    for length in (0..=300).chain([4096, 70_000]) {
        let mut patterns = key_patterns(length);
        // Runs of every length, of either sign and of both.
        patterns.push((0..length as u32).map(|i| (i.isqrt() << 1) | (i % 2)).collect());
        patterns.push((0..length as u32).map(|i| (i / 40) << 1).collect());
        patterns.push((0..length as u32).map(|i| ((i / 17) << 1) | 1).collect());
        for mut keys in patterns {
            keys.sort_unstable();
            counts_keys(kernel, &keys);
        }
    }
}
