//! The arrays of a matrix whose rows come in parts, from several threads.
//!
//! # Overview
//!
//! A thread gathers the rows of a chunk of documents in a [`Part`] that stays in its cache, and hands it to an
//! [`Assembly`]. The place of a part is known as soon as all parts before it have come; it is copied there
//! by the thread that made it known:
//!
//! ```text
//! comes        part 1       part 0        part 3    part 2
//! waits        1                          3
//! is copied                 0 1                     2 3
//! ```
//!
//! Threads copy side by side, and what waits is about as many parts as there are threads.
//!
//! # Why
//!
//! How many entries there will be is known at the end only. Gathering all parts first and copying them then
//! would write everything to memory twice, and need it twice. Here memory is reserved for as many entries as
//! there will be if the rest is like what has come, and touched only where entries go.
//!
//! # Safety
//!
//! Several threads write to one piece of memory. Each has a [`Place`] of its own there, which cannot be copied and
//! of which no two overlap, and the memory moves only while nobody writes.

use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::error::{Result, reserve};
use crate::memory;

/// Rows in compressed form.
#[derive(Debug)]
pub struct Part<V> {
    /// The stored values.
    pub data: Vec<V>,
    /// Their columns.
    pub columns: Vec<u32>,
    /// The number of entries up to the end of each row.
    pub row_ends: Vec<usize>,
}

impl<V> Default for Part<V> {
    fn default() -> Self {
        Self { data: Vec::new(), columns: Vec::new(), row_ends: Vec::new() }
    }
}

impl<V> Part<V> {
    fn clear(&mut self) {
        self.data.clear();
        self.columns.clear();
        self.row_ends.clear();
    }
}

/// Gathers parts into one.
#[derive(Debug)]
pub struct Assembly<V> {
    order: Mutex<Order<V>>,
    data: Shared<V>,
    columns: Shared<u32>,
}

/// What has come so far.
#[derive(Debug)]
struct Order<V> {
    /// The part whose place is the next to be known.
    next: usize,
    waiting: BTreeMap<usize, Part<V>>,
    /// Parts that have been copied, to be used again.
    empty: Vec<Part<V>>,
    row_ends: Vec<usize>,
    entries: usize,
    /// How many parts there will be, as far as is known.
    expected: usize,
}

impl<V: Copy + Send + Sync> Assembly<V> {
    /// An assembly of no parts.
    #[must_use]
    pub fn new() -> Self {
        let order = Order {
            next: 0,
            waiting: BTreeMap::new(),
            empty: Vec::new(),
            row_ends: Vec::new(),
            entries: 0,
            expected: 0,
        };
        Self { order: Mutex::new(order), data: Shared::new(), columns: Shared::new() }
    }

    /// Announces so many more parts, of about so many entries together. Returns the number of the first.
    pub fn expect(&self, parts: usize, entries: usize) -> usize {
        let mut order = self.order();
        let first = order.expected;
        order.expected += parts;
        // A guess that cannot be had is no reason to fail.
        let _ = self.data.reserve(entries).and_then(|()| self.columns.reserve(entries));
        first
    }

    /// Takes the part of this number, and returns an empty one. Every part that was announced must come once.
    pub fn place(&self, number: usize, part: Part<V>) -> Result<Part<V>> {
        let mut placed = Vec::new();
        let mut order = self.order();
        order.waiting.insert(number, part);
        loop {
            let next = order.next;
            let Some(part) = order.waiting.remove(&next) else { break };
            let places = self.claim(&mut order, &part)?;
            placed.push((part, places));
        }
        drop(order);
        for (part, (data_place, columns_place)) in &mut placed {
            self.data.fill(data_place, &part.data);
            self.columns.fill(columns_place, &part.columns);
            part.clear();
        }
        let mut order = self.order();
        order.empty.extend(placed.into_iter().map(|(part, _)| part));
        Ok(order.empty.pop().unwrap_or_default())
    }

    fn order(&self) -> MutexGuard<'_, Order<V>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a place for the next part.
    fn claim(&self, order: &mut Order<V>, part: &Part<V>) -> Result<(Place, Place)> {
        reserve(&mut order.row_ends, part.row_ends.len())?;
        let entries = order.entries;
        order.row_ends.extend(part.row_ends.iter().map(|end| entries + end));
        order.entries += part.columns.len();
        order.next += 1;
        // If the rest is like what has come, with something to spare.
        let total = order.entries as f64 / order.next as f64 * order.expected as f64 * 1.125;
        Ok((
            self.data.claim(part.data.len(), total as usize)?,
            self.columns.claim(part.columns.len(), total as usize)?,
        ))
    }

    /// The rows of all parts, in the order of their numbers.
    ///
    /// # Panics
    ///
    /// If a part has not come.
    pub fn finish(self) -> Part<V> {
        let order = self.order.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(order.next, order.expected, "a part has not come");
        let (data, columns) = (self.data.into_vec(), self.columns.into_vec());
        Part { data, columns, row_ends: order.row_ends }
    }
}

impl<V: Copy + Send + Sync> Default for Assembly<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory that several threads write to.
#[derive(Debug)]
struct Shared<T> {
    /// Its length is its capacity.
    elements: RwLock<Vec<Cell<T>>>,
    claimed: AtomicUsize,
    filled: AtomicUsize,
}

type Cell<T> = UnsafeCell<MaybeUninit<T>>;

/// Elements that nobody else writes to: from the first on, so many.
#[derive(Debug)]
struct Place {
    first: usize,
    length: usize,
}

// SAFETY: elements are only written to by `fill`, to a place that one thread holds, and read after `into_vec` has the
// memory for itself.
#[allow(unsafe_code)]
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T: Copy> Shared<T> {
    fn new() -> Self {
        let (claimed, filled) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { elements: RwLock::new(Vec::new()), claimed, filled }
    }

    /// Makes room for so many more elements.
    fn reserve(&self, additional: usize) -> Result<()> {
        let capacity = self.claimed.load(Ordering::Relaxed).saturating_add(additional);
        let mut elements = self.elements.write().unwrap_or_else(PoisonError::into_inner);
        let missing = capacity.saturating_sub(elements.len());
        reserve(&mut elements, missing)?;
        let capacity = elements.capacity();
        elements.resize_with(capacity, || UnsafeCell::new(MaybeUninit::uninit()));
        memory::advise_huge_pages(&elements);
        Ok(())
    }

    /// A place of so many elements. If there is no room, it is made, for `total` elements if these can be had. One
    /// thread at a time may call this.
    fn claim(&self, length: usize, total: usize) -> Result<Place> {
        let first = self.claimed.load(Ordering::Relaxed);
        let capacity = self.elements.read().unwrap_or_else(PoisonError::into_inner).len();
        if first + length > capacity {
            let ample = total.max(capacity + capacity / 2).saturating_sub(first).max(length);
            self.reserve(ample).or_else(|_| self.reserve(length))?;
        }
        self.claimed.store(first + length, Ordering::Relaxed);
        Ok(Place { first, length })
    }

    /// Writes to a place, which is used up.
    #[allow(unsafe_code)]
    fn fill(&self, place: &mut Place, source: &[T]) {
        assert_eq!(place.length, source.len(), "a place is filled as a whole");
        let elements = self.elements.read().unwrap_or_else(PoisonError::into_inner);
        let cells = &elements[place.first..place.first + place.length];
        // SAFETY: the cells are in the memory, which does not move while the lock is held. Nobody else writes to them:
        // places are made by `claim` only, which never gives out an element twice, and this one is used up below.
        // Nobody reads them either, since reading takes the whole of `self`. The types have the same layout.
        unsafe {
            let target = UnsafeCell::raw_get(cells.as_ptr()).cast::<T>();
            target.copy_from_nonoverlapping(source.as_ptr(), source.len());
        }
        self.filled.fetch_add(place.length, Ordering::Release);
        place.length = 0;
    }

    /// The elements.
    #[allow(unsafe_code)]
    fn into_vec(self) -> Vec<T> {
        let claimed = self.claimed.into_inner();
        assert_eq!(claimed, self.filled.into_inner(), "a place has not been filled");
        let elements = self.elements.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut elements = ManuallyDrop::new(elements);
        let (start, capacity) = (elements.as_mut_ptr(), elements.capacity());
        // SAFETY: the vector is forgotten, so its memory is given away once; `Cell<T>` and `T` have the same layout. The
        // first `claimed` elements are within the capacity and have been written, since every place was filled.
        let mut elements = unsafe { Vec::from_raw_parts(start.cast::<T>(), claimed, capacity) };
        elements.shrink_to_fit();
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn part(number: usize) -> Part<f64> {
        let length = number * 7 % 40;
        Part {
            data: vec![number as f64; length],
            columns: (0..length as u32).collect(),
            row_ends: vec![length / 2, length / 2, length],
        }
    }

    #[test]
    fn parts_come_to_their_places_in_any_order() {
        for threads in [1, 2, 5] {
            let assembly = Assembly::new();
            // Too few, too many, and in two goes.
            assert_eq!(assembly.expect(100, 3), 0);
            assert_eq!(assembly.expect(200, 1 << 20), 100);
            thread::scope(|scope| {
                for thread in 0..threads {
                    let assembly = &assembly;
                    scope.spawn(move || {
                        for number in (0..300).rev().filter(|number| number % threads == thread) {
                            let empty = assembly.place(number, part(number)).unwrap();
                            assert!(empty.data.is_empty() && empty.row_ends.is_empty());
                        }
                    });
                }
            });
            let all = assembly.finish();
            let parts: Vec<_> = (0..300).map(part).collect();
            assert_eq!(all.data, parts.iter().flat_map(|p| p.data.clone()).collect::<Vec<_>>());
            assert_eq!(all.data.capacity(), all.data.len());
            let columns = parts.iter().flat_map(|part| part.columns.clone());
            assert_eq!(all.columns, columns.collect::<Vec<_>>());
            let mut start = 0;
            for (part, ends) in parts.iter().zip(all.row_ends.chunks(3)) {
                assert_eq!(ends, part.row_ends.iter().map(|end| start + end).collect::<Vec<_>>());
                start += part.data.len();
            }
        }
    }

    #[test]
    #[should_panic(expected = "a part has not come")]
    fn a_missing_part_is_noticed() {
        let assembly = Assembly::new();
        assembly.expect(2, 0);
        assembly.place(1, part(1)).unwrap();
        assembly.finish();
    }
}
