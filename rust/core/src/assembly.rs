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
//! there will be if the rest is like what has come, and touched only where entries go. Where the number is known, memory
//! for one more is a part of a huge page more that is touched. It is memory of an earlier matrix,
//! if there is some ([`spare`]).
//!
//! # Safety
//!
//! Several threads write to one piece of memory. Each has a [`Place`] of its own there, which cannot be copied and
//! of which no two overlap, and the memory moves only while nobody writes.

use std::cell::UnsafeCell;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::error::{Result, reserve};
use crate::hashing::Counts;
use crate::{memory, spare};

/// Rows in compressed form.
#[derive(Debug)]
pub struct Matrix<V> {
    /// The stored values.
    pub data: Vec<V>,
    /// Their columns.
    pub columns: Vec<u32>,
    /// The number of entries up to the end of each row.
    pub row_ends: Vec<usize>,
}

/// Makes values of the rows of a part.
pub trait Values<V>: Sync {
    /// Writes the values of a row, given its columns and sums, of which there are as many as places; returns what has
    /// been written, which must be all places.
    fn write<'p>(
        &self,
        columns: &[u32],
        sums: &[i32],
        places: &'p mut [MaybeUninit<V>],
    ) -> &'p mut [V];
}

/// Gathers parts into a matrix.
#[derive(Debug)]
pub struct Assembly<V, F> {
    values: F,
    order: Mutex<Order>,
    data: Shared<V>,
    columns: Shared<u32>,
}

/// What has come so far.
#[derive(Debug, Default)]
struct Order {
    /// The part whose place is the next to be known.
    next: usize,
    /// Few, in any order.
    waiting: Vec<(usize, Counts)>,
    /// Parts that have been copied, to be used again.
    empty: Vec<Counts>,
    row_ends: Vec<usize>,
    entries: usize,
    /// How many parts there will be, as far as is known.
    expected: usize,
    /// How many entries there will be at the most, if that is known.
    capacity: Option<usize>,
}

impl<V: Copy + Send + Sync, F: Values<V>> Assembly<V, F> {
    /// An assembly of no parts.
    pub fn new(values: F) -> Self {
        let (data, columns) = (Shared::new(), Shared::new());
        Self { values, order: Mutex::new(Order::default()), data, columns }
    }

    /// An assembly of no parts, which will have no more than so many entries.
    pub fn with_capacity(values: F, entries: usize) -> Self {
        let assembly = Self::new(values);
        assembly.order().capacity = Some(entries);
        assembly
    }

    /// Announces so many more parts. Returns the number of the first.
    pub fn expect(&self, parts: usize) -> usize {
        let mut order = self.order();
        let first = order.expected;
        order.expected += parts;
        first
    }

    /// Takes the part of this number, and returns an empty one. Every part that was announced must come once.
    pub fn place(&self, number: usize, part: Counts) -> Result<Counts> {
        let mut claimed = Vec::new();
        let mut order = self.order();
        reserve(&mut order.waiting, 1)?;
        order.waiting.push((number, part));
        while let Some(place) = order.waiting.iter().position(|(number, _)| *number == order.next) {
            reserve(&mut claimed, 1)?;
            let (_, part) = order.waiting.swap_remove(place);
            let places = self.claim(&mut order, &part)?;
            claimed.push((part, places));
        }
        drop(order);
        for (part, places) in &mut claimed {
            let (data, columns) = places;
            self.columns.fill(columns, |places| {
                memory::write_all(places, part.columns.iter().copied());
            });
            self.data.fill(data, |places| self.write_values(part, places));
            part.clear();
        }
        let mut order = self.order();
        reserve(&mut order.empty, claimed.len())?;
        order.empty.extend(claimed.into_iter().map(|(part, _)| part));
        Ok(order.empty.pop().unwrap_or_default())
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_values(&self, part: &Counts, mut places: &mut [MaybeUninit<V>]) {
        let mut start = 0;
        for &end in &part.row_ends {
            let row = places.split_off_mut(..end - start).expect("as many places as entries");
            let (first, length) = (row.as_ptr(), row.len());
            let values = self.values.write(&part.columns[start..end], &part.sums[start..end], row);
            // A slice of values is the proof that they have been written.
            let is_all = ptr::eq(values.as_ptr(), first.cast()) && values.len() == length;
            assert!(is_all, "all values of a row are written");
            start = end;
        }
        assert!(places.is_empty(), "all entries belong to rows");
    }

    /// Finds a place for the next part.
    fn claim(&self, order: &mut Order, part: &Counts) -> Result<(Place, Place)> {
        reserve(&mut order.row_ends, part.row_ends.len())?;
        let entries = order.entries;
        order.row_ends.extend(part.row_ends.iter().map(|end| entries + end));
        order.entries += part.columns.len();
        order.next += 1;
        let total = order.capacity.unwrap_or_else(|| {
            // If the rest is like what has come, with something to spare.
            let density = order.entries as f64 / order.next as f64;
            (density * order.expected as f64 * 1.125) as usize
        });
        Ok((
            self.data.claim(part.columns.len(), total)?,
            self.columns.claim(part.columns.len(), total)?,
        ))
    }

    /// The rows of all parts, in the order of their numbers.
    ///
    /// # Panics
    ///
    /// If a part has not come.
    pub fn finish(self) -> Matrix<V> {
        let order = self.order.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(order.next, order.expected, "a part has not come");
        let (data, columns) = (self.data.into_vec(), self.columns.into_vec());
        Matrix { data, columns, row_ends: order.row_ends }
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

/// Makes the length of a vector its capacity.
fn use_capacity<T>(elements: &mut Vec<Cell<T>>) {
    elements.resize_with(elements.capacity(), || UnsafeCell::new(MaybeUninit::uninit()));
}

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
        use_capacity(&mut elements);
        memory::advise_huge_pages(&elements);
        Ok(())
    }

    /// Takes spare memory for `total` elements or somewhat less, but no less than `length`. Returns whether there was some.
    fn reserve_spare(&self, length: usize, total: usize) -> bool {
        let spare = spare::take(total).filter(|spare| spare.capacity() >= length);
        let Some(mut spare) = spare else { return false };
        use_capacity(&mut spare);
        *self.elements.write().unwrap_or_else(PoisonError::into_inner) = spare;
        true
    }

    /// A place of so many elements. If there is no room, it is made, for `total` elements if these can be had. One
    /// thread at a time may call this.
    fn claim(&self, length: usize, total: usize) -> Result<Place> {
        let first = self.claimed.load(Ordering::Relaxed);
        let capacity = self.elements.read().unwrap_or_else(PoisonError::into_inner).len();
        if first + length > capacity {
            let ample = total.max(capacity + capacity / 2).saturating_sub(first).max(length);
            if capacity > 0 || !self.reserve_spare(length, ample) {
                self.reserve(ample).or_else(|_| self.reserve(length))?;
            }
        }
        self.claimed.store(first + length, Ordering::Relaxed);
        Ok(Place { first, length })
    }

    /// Lets `write`, which must write to all of it, write to a place, which is used up.
    #[allow(unsafe_code)]
    fn fill(&self, place: &mut Place, write: impl FnOnce(&mut [MaybeUninit<T>])) {
        let elements = self.elements.read().unwrap_or_else(PoisonError::into_inner);
        let cells = &elements[place.first..place.first + place.length];
        // SAFETY: the cells are in the memory, which does not move while the lock is held. Nobody else has a reference to
        // their insides: places are made by `claim` only, which never gives out an element twice, this one is used up
        // below, and reading takes the whole of `self`. The types have the same layout.
        let target = unsafe {
            let start = UnsafeCell::raw_get(cells.as_ptr());
            std::slice::from_raw_parts_mut(start, cells.len())
        };
        write(target);
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
        // What has not been touched takes no room, and as much as this one was given is what the next matrix will ask for.
        if elements.capacity() - elements.len() > elements.len() / 4 {
            elements.shrink_to_fit();
        }
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// The value of an entry is a tenth of its sum, and what is written may be less than all.
    struct Tenths {
        missing: usize,
    }

    impl Values<f64> for Tenths {
        fn write<'p>(
            &self,
            columns: &[u32],
            sums: &[i32],
            places: &'p mut [MaybeUninit<f64>],
        ) -> &'p mut [f64] {
            assert_eq!(columns.len(), sums.len());
            let number = places.len().saturating_sub(self.missing);
            let tenths = sums.iter().map(|&sum| f64::from(sum) / 10.0);
            memory::write_all(&mut places[..number], tenths)
        }
    }

    fn part(number: usize) -> Counts {
        let length = number * 7 % 40;
        Counts {
            row_ends: vec![length / 2, length / 2, length],
            columns: (0..length as u32).collect(),
            sums: (0..length as i32).map(|i| i + number as i32).collect(),
        }
    }

    #[test]
    fn parts_come_to_their_places_in_any_order() {
        for threads in [1, 2, 5] {
            let assembly = Assembly::new(Tenths { missing: 0 });
            // In two goes.
            assert_eq!(assembly.expect(100), 0);
            assert_eq!(assembly.expect(200), 100);
            thread::scope(|scope| {
                for thread in 0..threads {
                    let assembly = &assembly;
                    scope.spawn(move || {
                        for number in (0..300).rev().filter(|number| number % threads == thread) {
                            let empty = assembly.place(number, part(number)).unwrap();
                            assert_eq!(empty, Counts::default());
                        }
                    });
                }
            });
            let all = assembly.finish();
            let parts: Vec<_> = (0..300).map(part).collect();
            let sums = parts.iter().flat_map(|part| &part.sums);
            assert!(sums.map(|&sum| f64::from(sum) / 10.0).eq(all.data.iter().copied()));
            assert!(all.data.capacity() - all.data.len() <= all.data.len() / 4);
            let columns = parts.iter().flat_map(|part| &part.columns);
            assert!(columns.eq(&all.columns));
            let mut start = 0;
            for (part, ends) in parts.iter().zip(all.row_ends.chunks(3)) {
                assert_eq!(ends, part.row_ends.iter().map(|end| start + end).collect::<Vec<_>>());
                start += part.sums.len();
            }
        }
    }

    #[test]
    #[should_panic(expected = "a part has not come")]
    fn a_missing_part_is_noticed() {
        let assembly = Assembly::new(Tenths { missing: 0 });
        assembly.expect(2);
        assembly.place(1, part(1)).unwrap();
        assembly.finish();
    }

    #[test]
    #[should_panic(expected = "all values of a row are written")]
    fn a_missing_value_is_noticed() {
        let assembly = Assembly::new(Tenths { missing: 1 });
        assembly.expect(1);
        drop(assembly.place(0, part(0)));
        drop(assembly.place(0, part(1)));
        let _ = assembly.expect(1);
        drop(assembly.place(1, part(1)));
    }
}
