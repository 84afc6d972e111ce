//! The texts that the benchmarks run on, by the nature of the input.
//!
//! # Overview
//!
//! [`classes`] makes a corpus for each class, always the same one: no file, no clock, no seed from
//! outside. Words are drawn so that few of them are frequent and many are rare, as in any language.
//!
//! # Why
//!
//! A single corpus hides what a change costs elsewhere. The adversarial classes are texts that
//! somebody could send in order to keep a server busy.

/// Size of a corpus in bytes, roughly.
const SIZE: usize = 1 << 20;
/// How many different words a language has.
const VOCABULARY: usize = 30_000;

/// A class of input.
pub struct Class {
    /// Its name.
    pub name: &'static str,
    /// The texts.
    pub documents: Vec<String>,
    /// How many characters a token has at least.
    pub min_length: usize,
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    /// Small numbers more often than large ones: each doubling is as likely as the one before it.
    fn rank(&mut self, limit: usize) -> usize {
        let doublings = self.below(limit.ilog2() as usize + 1);
        self.below(1 << doublings).min(limit - 1)
    }

    fn word(&mut self, letters: &[char], longest: usize) -> String {
        let length = 1 + self.below(longest);
        (0..length).map(|_| letters[self.rank(letters.len())]).collect()
    }
}

/// Documents of about `length` bytes made of `words`.
fn prose(numbers: &mut Numbers, words: &[String], gap: &str, length: usize) -> Vec<String> {
    let mut documents = Vec::new();
    for _ in 0..SIZE.div_ceil(length) {
        let mut text = String::new();
        while text.len() < length {
            text += &words[numbers.rank(words.len())];
            text += if numbers.below(8) == 0 { ", " } else { gap };
        }
        documents.push(text);
    }
    documents
}

fn language(alphabet: &str, longest: usize, gap: &str, length: usize) -> Vec<String> {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut numbers = Numbers(1);
    let words: Vec<String> = (0..VOCABULARY).map(|_| numbers.word(&letters, longest)).collect();
    prose(&mut numbers, &words, gap, length)
}

/// Words whose columns, of 2^20, are all below 2^10: one bin for a sort by upper bits.
fn crowded_words(column: impl Fn(&[u8]) -> u32) -> Vec<String> {
    let words = (0_u32..).map(|number| format!("{number:x}"));
    words.filter(|word| column(word.as_bytes()) < 1 << 10).take(2000).collect()
}

/// Words of twelve letters and digits. `last` makes the last four of the first eight and of four others.
fn words_of_twelve(last: impl Fn([u32; 2], u32) -> u32) -> Vec<String> {
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut numbers = Numbers(3);
    let mut block = || u32::from_le_bytes([0; 4].map(|_| letters[numbers.below(letters.len())]));
    let words = std::iter::repeat_with(|| {
        let first = [block(), block()];
        [first[0], first[1], last(first, block())].map(u32::to_le_bytes).concat()
    });
    words
        .filter(|word| word.iter().all(|byte| letters.contains(byte)))
        .filter_map(|word| String::from_utf8(word).ok())
        .take(4000)
        .collect()
}

/// Words with one and the same `MurmurHash3`: the last block undoes what the first two have done.
fn colliding_words() -> Vec<String> {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    // An odd number is its own inverse in three bits, and each round doubles them.
    let inverse =
        |odd: u32| (0..4).fold(odd, |x, _| x.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(x))));
    let (inverse1, inverse2) = (inverse(C1), inverse(C2));
    let absorb = |hash: u32, block: u32| {
        let scrambled = block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
        (hash ^ scrambled).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    };
    words_of_twelve(|first, _| {
        let state = first.into_iter().fold(0, absorb);
        (0x5eed ^ state).wrapping_mul(inverse2).rotate_right(15).wrapping_mul(inverse1)
    })
}

/// All classes. `column` is the column of a word among 2^20, for those who aim at it.
#[must_use]
pub fn classes(column: impl Fn(&[u8]) -> u32) -> Vec<Class> {
    const ENGLISH: &str = "etaoinshrdlucmfwypvbgkjqxzTAIS";
    let cjk: String = ('\u{4e00}'..'\u{5e00}').collect();
    let mut numbers = Numbers(2);
    let unique: Vec<String> = (0..SIZE / 8).map(|number| format!("{number:07x}")).collect();
    let class = |name, documents| Class { name, documents, min_length: 2 };
    vec![
        class("ascii", language(ENGLISH, 9, " ", 1500)),
        class("accented", language("etaoinsrdlucmpvéèàçêôûïbgfqhxjzTAIÉ", 9, " ", 1500)),
        class("cyrillic", language("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъПВ", 10, " ", 1500)),
        class("cjk", language(&cjk, 6, "，", 1500)),
        class("many short", language(ENGLISH, 9, " ", 10)),
        class("few long", language(ENGLISH, 9, " ", SIZE)),
        class("all unique", vec![unique.join(" ")]),
        class("one word", vec!["spam ".repeat(SIZE / 5)]),
        class("one token", vec!["x".repeat(SIZE)]),
        Class { name: "one letter", documents: vec!["a ".repeat(SIZE / 2)], min_length: 1 },
        class("colliding words", prose(&mut numbers, &colliding_words(), " ", 50_000)),
        class(
            "words of that shape",
            prose(&mut numbers, &words_of_twelve(|_, last| last), " ", 50_000),
        ),
        class("crowded columns", prose(&mut numbers, &crowded_words(column), " ", 50_000)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use shardfit_core::murmur3::murmur3;

    #[test]
    fn colliding_words_collide() {
        let words = colliding_words();
        assert!(words.iter().all(|word| murmur3(word.as_bytes()) == murmur3(words[0].as_bytes())));
        assert!(words.windows(2).all(|pair| pair[0] != pair[1] && pair[0].len() == 12));
    }
}
