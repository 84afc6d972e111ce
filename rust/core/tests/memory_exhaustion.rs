//! Every allocation fails once, and none ends the process.
//!
//! # Overview
//!
//! The allocator of this test binary can be told to fail on one thread from its n-th allocation on, or just then. Each
//! piece of work is done with n = 0, 1, 2, ... until it succeeds; before, it must return
//! [`Error::OutOfMemory`]. An allocation whose failure nobody handles aborts the process, and so this binary.
//!
//! # Why
//!
//! A limit on a process' memory finds such an allocation by chance, once in hundreds of runs.
//!
//! # Safety
//!
//! The allocator is the system's, with a failure now and then, which any allocator may have.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::ptr;
use std::sync::{LazyLock, Mutex};

use shardfit_core::analyzer::unicode::{AccentTable, CODE_POINTS, UnicodeTable};
use shardfit_core::analyzer::{
    Analyzer, Features, NgramRange, StopWords, Tables, TokenClass, TokenRule,
};
use shardfit_core::assembly::Assembly;
use shardfit_core::csr::{Norm, scale};
use shardfit_core::documents::{Document, Span, Text};
use shardfit_core::error::{Error, Result};
use shardfit_core::finishing::{AsCounted, Scaled};
use shardfit_core::hashing::{self, Buckets, Counts, Hasher, hash_documents};
use shardfit_core::kernel::available;
use shardfit_core::parallel::{self, Cancel};
use shardfit_core::vocabulary::Vocabulary;
use shardfit_core::vocabulary::counting::{Chunk, Counter, Terminology};
use shardfit_core::vocabulary::joining::join;
use shardfit_core::vocabulary::rows::{self, Columns, FirstSight, Keys, NO_COLUMN, look_up};

/// Which allocations of a thread fail.
#[derive(Clone, Copy)]
enum Failing {
    None,
    /// The one after so many others.
    One(usize),
    /// That one, and all that follow.
    All(usize),
}

thread_local! {
    // Neither made nor dropped by a call that could allocate.
    static FAILING: Cell<Failing> = const { Cell::new(Failing::None) };
}

struct Unreliable;

impl Unreliable {
    /// Whether the allocation that is asked for now fails.
    fn fails() -> bool {
        let (fails, next) = match FAILING.get() {
            Failing::None => (false, Failing::None),
            Failing::One(0) => (true, Failing::None),
            Failing::One(others) => (false, Failing::One(others - 1)),
            Failing::All(0) => (true, Failing::All(0)),
            Failing::All(others) => (false, Failing::All(others - 1)),
        };
        FAILING.set(next);
        fails
    }
}

// SAFETY: all work is the system allocator's; to return null is to say that there is no memory.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Unreliable {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::fails() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promises are those that it asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::fails() {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Memory that is made smaller stays where it is.
        if size > layout.size() && Self::fails() {
            return ptr::null_mut();
        }
        // SAFETY: as above; memory that was given out is the system allocator's.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Unreliable = Unreliable;

/// Does `work` with what `prepare` makes, failing each of its allocations in turn, and returns what it returns
/// when none fails.
fn exhaust<S, T>(prepare: impl Fn() -> S, work: impl Fn(S) -> Result<T>) -> T {
    let mut failed = 0;
    for failing in [Failing::All, Failing::One] {
        let mut others = 0;
        loop {
            let state = prepare();
            FAILING.set(failing(others));
            let result = work(state);
            // If it has come to that, it is off already.
            let all_served =
                !matches!(FAILING.replace(Failing::None), Failing::None | Failing::All(0));
            match result {
                Err(Error::OutOfMemory { .. }) => failed += 1,
                Err(error) => panic!("{error}"),
                Ok(result) if all_served => {
                    if matches!(failing(0), Failing::One(_)) {
                        assert!(failed > 0, "nothing was allocated");
                        return result;
                    }
                    break;
                }
                // There was another way.
                Ok(_) => {}
            }
            others += 1;
            assert!(others < 10_000, "work without end");
        }
    }
    unreachable!("the second round ends by returning")
}

/// What Rust knows of characters, with one that becomes two and one that becomes many.
static UNICODE: LazyLock<UnicodeTable> = LazyLock::new(|| {
    let mut lower: Vec<u32> = (0..CODE_POINTS as u32).collect();
    let mut flags = vec![0; CODE_POINTS];
    for character in '\0'..=char::MAX {
        let point = character as usize;
        lower[point] = character.to_lowercase().next().map_or(0, u32::from);
        flags[point] = u8::from(character.is_alphanumeric() || character == '_')
            | u8::from(character.is_whitespace()) << 1;
    }
    let expansions = HashMap::from([(0x130, [0x69, 0x307].into())]);
    UnicodeTable::new(&lower, &flags, expansions).unwrap()
});

static ACCENTS: LazyLock<AccentTable> = LazyLock::new(|| {
    let many = vec![u32::from('x'); 30].into();
    AccentTable::new(vec![(0xfdfa, many), (0xe9, [u32::from('e')].into())], true)
});

const TEXTS: [&str; 4] = [
    "The cat and the dog met a hippopotamus, twice.  No _underscore_ was 17 years old!\t",
    "Ganz schön viele Wörter: Straße, Größe, Café.",
    "Ὀδυσσεὺς, İstanbul ΣΊΣΥΦΟΣ; \u{fdfa}\u{fdfa} déjà vu\u{2003}\u{2003}etc",
    "",
];

/// Long enough for several parts and batches.
fn texts() -> Vec<String> {
    TEXTS.map(|text| text.repeat(6_000 / text.len().max(1))).to_vec()
}

fn documents(texts: &[String]) -> Vec<Document<'_>> {
    let text =
        |text| if str::is_ascii(text) { Text::Ascii(text.as_bytes()) } else { Text::Utf8(text) };
    texts.iter().map(|string| Document::Text(text(string))).collect()
}

/// Settings, and whether accents are stripped.
fn settings() -> Vec<(Analyzer, bool)> {
    let rule = TokenRule { class: TokenClass::Word, min_length: 2 };
    let words =
        |max, stop_words| Features::Words { rule, ngrams: NgramRange { min: 1, max }, stop_words };
    let stop_words = || Some(StopWords::new([b"the".as_slice(), b"and"]).unwrap());
    let all = [
        (words(1, None), false),
        (words(1, None), true),
        (words(1, stop_words()), false),
        (words(2, None), false),
        (words(3, stop_words()), true),
        (Features::Chars(NgramRange { min: 1, max: 3 }), true),
        (Features::CharsInWords(NgramRange { min: 1, max: 4 }), false),
        (Features::CharsInWords(NgramRange { min: 3, max: 5 }), true),
    ];
    all.map(|(features, strip)| (Analyzer { lowercase: true, features }, strip)).into()
}

fn tables(strip: bool) -> Tables<'static> {
    Tables { unicode: &UNICODE, accents: strip.then_some(&*ACCENTS) }
}

/// Every setting with every kernel.
fn each(work: impl Fn(Terminology<'_>)) {
    for (analyzer, strip) in &settings() {
        for &kernel in available() {
            work(Terminology { analyzer, tables: Some(tables(*strip)), kernel });
        }
    }
}

fn hasher(Terminology { analyzer, tables, kernel }: Terminology<'_>) -> Hasher<'_> {
    Hasher { analyzer, tables, buckets: Buckets::new(1 << 20, true).unwrap(), kernel }
}

/// Calls `work` with each part and with what was `made`, as a call without threads does. The last part comes first, so
/// that it has to wait for the others.
fn run<S: Send>(
    parts: usize,
    made: &mut Option<S>,
    work: impl Fn(usize, &mut S, &Cancel) -> Result<()> + Sync,
) -> Result<()> {
    let made = Mutex::new(made);
    let worker = || {
        let mut state = made.lock().unwrap().take().unwrap();
        let work = &work;
        move |part: usize, cancel: &Cancel| work((part + parts - 1) % parts, &mut state, cancel)
    };
    parallel::run(parts, 0, worker, || Ok(())).map(drop)
}

#[test]
fn hashing_documents() {
    let texts = texts();
    let documents = documents(&texts);
    each(|terminology| {
        let (hasher, kernel) = (hasher(terminology), terminology.kernel);
        let prepare = || {
            let scaled = Scaled { binary: false, norm: Some(Norm::L2), kernel };
            let made = (hashing::Buffers::default(), Counts::default());
            (Some(made), Assembly::<f64, _>::new(scaled))
        };
        let matrix = exhaust(prepare, |(mut made, assembly)| {
            assembly.expect(documents.len());
            run(documents.len(), &mut made, |part, (buffers, counts), cancel| {
                hash_documents(hasher, &documents[part..=part], buffers, counts, cancel)?;
                *counts = assembly.place(part, std::mem::take(counts))?;
                Ok(())
            })?;
            Ok(assembly.finish())
        });
        assert_eq!(matrix.row_ends.len(), documents.len());
        assert!(!matrix.data.is_empty());
    });
}

#[test]
fn counting_terms() {
    let texts = texts();
    let documents = documents(&texts);
    let cancel = Cancel::default();
    each(|terminology| {
        let (counter, chunk) = exhaust(Counter::default, |mut counter| {
            let chunk = counter.count(terminology, &documents, true, &cancel)?;
            Ok((counter, chunk))
        });
        let chunks = [(0, chunk)];
        let store = join(vec![counter], &chunks, 0, &cancel).unwrap().stores.remove(0);
        let [(_, Chunk { new, entries })] = chunks;
        let n_terms = new.end as usize;
        assert_eq!(entries.row_ends().len(), documents.len());
        // On to the matrix, in which each term is in the column before its number.
        let columns: Vec<u32> = (0..n_terms as u32).map(|number| number.wrapping_sub(1)).collect();
        // Numbers that are not the counter's own, by which rows are sorted.
        let joined: Vec<u32> = (0..n_terms as u32).collect();
        let first_sight =
            FirstSight { numbers: Some(&joined), columns: &columns, kernel: terminology.kernel };
        let prepare = || {
            let assembly =
                Assembly::<i64, _>::with_capacity(AsCounted { binary: false }, entries.len());
            (Some((Keys::default(), Counts::default())), assembly)
        };
        let matrix = exhaust(prepare, |(mut made, assembly)| {
            assembly.expect(1);
            run(1, &mut made, |part, (keys, rows), cancel| {
                store.read(&entries, |entries| first_sight.append(entries, keys, rows, cancel))?;
                *rows = assembly.place(part, std::mem::take(rows))?;
                Ok(())
            })?;
            Ok(assembly.finish())
        });
        assert_eq!(matrix.data.len(), entries.len());
    });
}

#[test]
fn looking_up_terms() {
    let texts = texts();
    let documents = documents(&texts);
    let known = b"the cat and dog caf\xc3\xa9 \xe1\xbd\x80\xce\xb4                    ";
    let spans =
        [(0, 3), (4, 7), (0, 7), (12, 15), (16, 21)].map(|(start, end)| Span { start, end });
    let vocabulary = Vocabulary::from_terms(known, &spans).unwrap();
    // Two terms share a column, and one has none.
    let columns = Columns::new(vec![NO_COLUMN, 1, 0, NO_COLUMN, 1, 2]);
    each(|terminology| {
        let look_up = |documents: &[Document<'_>], buffers: &mut _, found: &mut _, cancel: &_| {
            look_up(terminology, &vocabulary, &columns, documents, buffers, found, cancel)
        };
        let prepare = || {
            let assembly = Assembly::<i64, _>::new(AsCounted { binary: false });
            (Some((rows::Buffers::default(), Counts::default())), assembly)
        };
        let matrix = exhaust(prepare, |(mut made, assembly)| {
            assembly.expect(documents.len());
            run(documents.len(), &mut made, |part, (buffers, found), cancel| {
                look_up(&documents[part..=part], buffers, found, cancel)?;
                *found = assembly.place(part, std::mem::take(found))?;
                Ok(())
            })?;
            Ok(assembly.finish())
        });
        assert_eq!(matrix.row_ends.len(), documents.len());
    });
}

#[test]
fn scaling_rows() {
    let columns: Vec<i32> = (0..200_000).collect();
    let row_ends: Vec<i32> = (0..200_000).map(|row| row + 1).collect();
    let data = exhaust(
        || vec![1.0; 200_000],
        |mut data| {
            let double =
                |_: &[i32], row: &mut [f64]| row.iter_mut().for_each(|value| *value *= 2.0);
            scale(&mut data, &columns, &row_ends, double, 0, || Ok::<_, Error>(()))?;
            Ok(data)
        },
    );
    assert_eq!(data, vec![2.0; 200_000]);
}
