use shardfit_core::documents::Span;
use shardfit_core::kernel::Kernel;
use shardfit_core::kernel::terms::SLACK;
use shardfit_core::murmur3::PADDING;
use shardfit_core::vocabulary::{Record, Seed, Slot, pack};

use crate::inputs::numbers;

pub fn packs_every_length_at_every_place(kernel: &dyn Kernel) {
    let bytes: Vec<u8> = numbers(12).map(|number| number as u8).take(200).collect();
    let seed = Seed::random();
    for length in 0..=40_u32 {
        let spans: Vec<Span> = (0..64).map(|start| Span { start, end: start + length }).collect();
        // Exactly the bytes that are promised behind the last range.
        let text = &bytes[..63 + length as usize + PADDING];
        for number in [0, 1, 2, 3, 5, 8, 15, 16, 17, 33, 64] {
            packs(kernel, text, &spans[64 - number..], seed);
        }
    }
}

pub fn packs_terms_of_mixed_lengths(kernel: &dyn Kernel) {
    let text: Vec<u8> = numbers(13).map(|number| number as u8).take(1000).collect();
    let mut random = numbers(14);
    let mut next = |below: u32| random.next().unwrap() % below;
    for _ in 0..200 {
        let span = |longest| {
            let start = next(900 - longest);
            Span { start, end: start + next(longest) }
        };
        let spans: Vec<Span> = [20, 16, 40, 300].repeat(9).into_iter().map(span).collect();
        packs(kernel, &text, &spans, Seed::random());
    }
}

fn packs(kernel: &dyn Kernel, text: &[u8], spans: &[Span], seed: Seed) {
    let (mut records, mut hashes) = (vec![[7; 16]; 66], vec![7_u32; 66]);
    let before = Span { start: 7, end: 7 };
    let mut long = Vec::with_capacity(1 + spans.len());
    long.push(before);
    kernel.pack(text, spans, seed, &mut records, &mut hashes, &mut long);
    let packed = records.iter().copied().zip(hashes.iter().copied());
    let expected = spans.iter().map(|&span| pack(text, span, seed));
    let untouched = std::iter::repeat_n(([7; 16], 7), 66 - spans.len());
    assert!(packed.eq(expected.chain(untouched)), "{spans:?}");
    let is_long = |span: &&Span| span.end - span.start > 15;
    let expected: Vec<Span> =
        std::iter::once(&before).chain(spans.iter().filter(is_long)).copied().collect();
    assert!(long == expected, "{spans:?}");
}

pub fn guesses_from_two_slots(kernel: &dyn Kernel) {
    let mut random = numbers(15);
    for bits in [6, 7, 13] {
        let mask = (1_u32 << bits) - 1;
        let mut slots: Vec<Slot> = vec![[0; 4]; 1 << bits];
        // Some point to the last slot, behind which is the first.
        let point = |(i, hash)| if i % 9 == 4 { hash | mask } else { hash };
        let hashes: Vec<u32> = random.by_ref().take(70).enumerate().map(point).collect();
        let places = |hash: u32| [hash & mask, (hash + 1) & mask].map(|place| place as usize);
        for (i, &hash) in hashes.iter().enumerate() {
            // What the hash says, what another one says with other bits, and nothing.
            for place in places(hash) {
                let other = random.next().unwrap();
                let rest = if other.is_multiple_of(3) { hash } else { other };
                if !other.is_multiple_of(5) {
                    slots[place] = (rest & !mask | (i as u32 + 1) & mask).to_ne_bytes();
                }
            }
        }
        let guess = |&hash: &u32| {
            let slots = places(hash).map(|place| u32::from_ne_bytes(slots[place]));
            let fits = slots.into_iter().find(|slot| slot & !mask == hash & !mask);
            fits.map_or(0, |slot| slot & mask)
        };
        let expected: Vec<u32> = hashes.iter().map(guess).collect();
        assert!(expected.iter().any(|&number| number != 0), "some are found");
        for number in 0..=hashes.len() {
            let mut numbers = vec![7; number];
            kernel.guess(&slots, &hashes[..number], &mut numbers);
            assert_eq!(numbers, expected[..number]);
        }
    }
}

pub fn confirms_nothing_where_nothing_is_known(kernel: &dyn Kernel) {
    for number in [1, 8, 16, 40] {
        let confirm = || {
            let mut numbers = vec![500_000_000; number];
            kernel.confirm(&[], &vec![[0; 16]; number], &mut numbers, &mut Vec::with_capacity(99));
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(confirm)).is_err());
    }
}

pub fn confirms_what_is_right(kernel: &dyn Kernel) {
    let mut random = numbers(16);
    let mut next = |below: u32| random.next().unwrap() % below;
    // Records that differ in one byte, in each of their places.
    let record = |i: u8| -> Record { std::array::from_fn(|place| u8::from(place == i.into())) };
    let known: Vec<Record> = (0..17).map(record).collect();
    for length in 0..=70 {
        let guesses: Vec<u32> = (0..length).map(|_| next(17)).collect();
        let right = guesses.iter().map(|&guess| if next(3) == 0 { 16 } else { guess as usize });
        // Nothing is the first.
        let right = right.map(|number| if number == 0 { 1 } else { number });
        let records: Vec<Record> = right.map(|number| known[number]).chain([[9; 16]; 5]).collect();
        let (mut numbers, mut unknown) = (guesses.clone(), Vec::with_capacity(1 + length + SLACK));
        unknown.push(77);
        kernel.confirm(&known, &records, &mut numbers, &mut unknown);
        let is_right = |place: &usize| known[guesses[*place] as usize] == records[*place];
        let expected = (0..length).map(|place| if is_right(&place) { guesses[place] } else { 0 });
        assert!(numbers.iter().copied().eq(expected), "{length}");
        let wrong = (0..length).filter(|place| !is_right(place)).map(|place| place as u32);
        assert!(unknown.iter().copied().eq([77].into_iter().chain(wrong)), "{length}");
    }
}
