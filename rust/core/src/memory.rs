//! Large arrays in memory that goes back to the system when they are dropped.
//!
//! # Overview
//!
//! [`map`] asks the system for memory. An [`Array`] grows like a vector, and lives on the heap only as long as it is
//! small. Its elements are arrays of bytes, in which others keep their numbers.
//!
//! # Why
//!
//! An allocator keeps what it gets back, as holes in its heap, and so tables that are outgrown or joined would
//! still be in memory when the matrix comes. Memory that has never been written to takes no room, so an
//! array that grows may map much more than it needs and hardly ever has to move. What will be written to
//! everywhere is asked for at once, and what grows by and by in pieces: fault by fault it takes several times as long, and
//! threads hold each other up, by a fifth of the time of counting terms with two of them. Of what is large then, pages are
//! 2 MiB each: looking up 170,000 terms in pages of 4 KiB, the processor waited for the addresses of pages, too.
//!
//! Elements are bytes because turning bytes into numbers in place takes `unsafe` code, and reading a number
//! from eight bytes costs nothing.

use std::io;
use std::mem::MaybeUninit;

use memmap2::{MmapMut, MmapOptions};

use crate::error::{Error, Result, reserve};
use crate::spare;

/// Smaller arrays are on the heap: mapping takes longer than filling them.
const SMALL_BYTES: usize = 1 << 16;
/// What an array that grows will be written to next is asked for in pieces of this size.
const STEP_BYTES: usize = 1 << 17;
/// A mapping that is outgrown is followed by one this many times as large.
const GROWTH: usize = 8;
/// From this size on, memory that will be written to everywhere is asked for in pages of 2 MiB.
const HUGE_BYTES: usize = 1 << 21;

/// Maps memory that is zero, at least one byte of it, which will be written to everywhere.
fn map(bytes: usize) -> Result<MmapMut> {
    if bytes < HUGE_BYTES {
        let map = || MmapOptions::new().len(bytes).populate().map_anon();
        return map().or_else(|_| again(map)).map_err(|_| Error::OutOfMemory { bytes });
    }
    let map = map_sparsely(bytes)?;
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    // Where a system knows no such advice, memory comes page by page as it is written to.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::PopulateWrite);
    Ok(map)
}

/// Maps memory that is zero, and may be written to only in parts.
fn map_sparsely(bytes: usize) -> Result<MmapMut> {
    let map = || MmapMut::map_anon(bytes);
    map().or_else(|_| again(map)).map_err(|_| Error::OutOfMemory { bytes })
}

/// Maps memory once more, when there was none but for spares.
fn again(map: impl Fn() -> io::Result<MmapMut>) -> io::Result<MmapMut> {
    spare::give_up();
    map()
}

/// Fails if so much memory cannot be had at the moment.
pub(crate) fn check_room(bytes: usize) -> Result<()> {
    // Not by way of the allocator, which would keep it, or let it change how it treats pieces of this size.
    map_sparsely(bytes).map(drop)
}

/// Writes elements to all of `places`, and returns them.
///
/// # Panics
///
/// If there are fewer elements than places.
#[inline(always)]
#[allow(unsafe_code)]
pub fn write_all<T>(places: &mut [MaybeUninit<T>], elements: impl Iterator<Item = T>) -> &mut [T] {
    let mut number = 0;
    for (place, element) in places.iter_mut().zip(elements) {
        place.write(element);
        number += 1;
    }
    assert_eq!(number, places.len(), "there is an element for each place");
    // SAFETY: all places have been written, and the types have the same layout.
    unsafe { &mut *(std::ptr::from_mut(places) as *mut [T]) }
}

/// Asks the system to back a large piece of memory by huge pages, of which there are hundreds of times fewer to touch
/// for the first time.
#[cfg(target_os = "linux")]
pub fn advise_huge_pages<T>(memory: &[T]) {
    /// For less, one huge page or none could be had.
    const LARGE: usize = 1 << 22;
    if size_of_val(memory) >= LARGE {
        advise(memory, libc::MADV_HUGEPAGE);
    }
}

/// Elsewhere the system decides by itself.
#[cfg(not(target_os = "linux"))]
pub fn advise_huge_pages<T>(_: &[T]) {}

/// Asks the system for the memory that a vector has room for all at once, which takes a third of the time that it takes
/// page by page.
#[cfg(target_os = "linux")]
pub(crate) fn populate<T>(vector: &mut Vec<T>) {
    let room = vector.spare_capacity_mut();
    if size_of_val(room) >= SMALL_BYTES {
        advise(room, libc::MADV_POPULATE_WRITE);
    }
}

/// Elsewhere memory comes page by page.
#[cfg(not(target_os = "linux"))]
pub(crate) fn populate<T>(_: &mut Vec<T>) {}

/// Gives the system advice that changes neither the contents of any memory nor what may be done with it.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn advise<T>(memory: &[T], advice: libc::c_int) {
    /// No page is smaller, and where all are larger, the advice may be refused.
    const PAGE: usize = 1 << 12;
    assert!(
        matches!(advice, libc::MADV_HUGEPAGE | libc::MADV_POPULATE_WRITE),
        "advice is harmless"
    );
    // All of the pages it lies on: pieces of different advice in what an allocator has mapped as one could not be
    // moved by the system any more when the memory grows.
    let before = memory.as_ptr().addr() % PAGE;
    let first = memory.as_ptr().cast::<u8>().wrapping_sub(before);
    let length = (size_of_val(memory) + before).next_multiple_of(PAGE);
    // SAFETY: the range consists of pages that are mapped, since the slice lies on each of them. Neither kind of advice
    // changes the contents of any memory nor what may be done with it, and if it is refused, pages stay small, or come
    // when they are touched.
    unsafe { libc::madvise(first.cast_mut().cast(), length, advice) };
}

#[derive(Debug)]
enum Storage<const N: usize> {
    Heap(Vec<[u8; N]>),
    Mapped(MmapMut),
}

/// An array of elements of `N` bytes.
#[derive(Debug)]
pub struct Array<const N: usize> {
    /// Everything behind the elements is zero.
    storage: Storage<N>,
    length: usize,
    /// Memory has been asked for for so many elements.
    ready: usize,
}

impl<const N: usize> Default for Array<N> {
    fn default() -> Self {
        Self { storage: Storage::Heap(Vec::new()), length: 0, ready: 0 }
    }
}

impl<const N: usize> Array<N> {
    /// An array of no elements that has room for so many; the memory comes as they do.
    pub fn with_capacity(capacity: usize) -> Result<Self> {
        let bytes = capacity.saturating_mul(N);
        let storage = if bytes < SMALL_BYTES {
            let mut elements = Vec::new();
            reserve(&mut elements, capacity)?;
            elements.resize(capacity, [0; N]);
            Storage::Heap(elements)
        } else {
            Storage::Mapped(map_sparsely(bytes)?)
        };
        let ready = if let Storage::Heap(_) = storage { capacity } else { 0 };
        Ok(Self { storage, length: 0, ready })
    }

    /// An array of elements that are zero.
    pub fn zeroed(length: usize) -> Result<Self> {
        let bytes = length.saturating_mul(N);
        if bytes < SMALL_BYTES {
            let mut array = Self::default();
            array.resize(length)?;
            return Ok(array);
        }
        Ok(Self { storage: Storage::Mapped(map(bytes)?), length, ready: length })
    }

    /// The elements.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[[u8; N]] {
        let all = match &self.storage {
            Storage::Heap(elements) => elements,
            Storage::Mapped(bytes) => bytes.as_chunks().0,
        };
        &all[..self.length]
    }

    /// The elements, to be changed.
    #[inline]
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [[u8; N]] {
        let all = match &mut self.storage {
            Storage::Heap(elements) => elements,
            Storage::Mapped(bytes) => bytes.as_chunks_mut().0,
        };
        &mut all[..self.length]
    }

    /// Adds an element.
    #[inline]
    pub fn push(&mut self, element: [u8; N]) -> Result<()> {
        let place = self.length;
        self.resize(place + 1)?;
        self.as_mut_slice()[place] = element;
        Ok(())
    }

    /// Adds elements that are zero, until there are `length`, which is no less than there are now.
    pub fn resize(&mut self, length: usize) -> Result<()> {
        self.reserve(length - self.length)?;
        self.length = length;
        Ok(())
    }

    /// Makes room for so many more elements.
    #[inline]
    pub fn reserve(&mut self, additional: usize) -> Result<()> {
        let needed = self.length.saturating_add(additional);
        if needed <= self.ready {
            return Ok(());
        }
        self.make_ready(needed)
    }

    /// Has memory come for `needed` elements and some more.
    #[cold]
    fn make_ready(&mut self, needed: usize) -> Result<()> {
        if needed > self.capacity() {
            return self.move_to(needed);
        }
        if let Storage::Mapped(map) = &self.storage {
            let end = (needed * N).saturating_add(STEP_BYTES).min(map.len());
            #[cfg(target_os = "linux")]
            advise(&map[self.ready * N..end], libc::MADV_POPULATE_WRITE);
            self.ready = end / N;
        }
        Ok(())
    }

    /// Moves to where there is room for `needed` elements and some more.
    #[cold]
    fn move_to(&mut self, needed: usize) -> Result<()> {
        let capacity = needed.max(self.capacity().saturating_mul(2)).max(8);
        let mut moved = if capacity.saturating_mul(N) < SMALL_BYTES {
            Self::with_capacity(capacity)?
        } else {
            // Where address space is scarce, less must do.
            let ample = Self::with_capacity(needed.saturating_mul(GROWTH));
            ample.or_else(|_| Self::with_capacity(capacity))?
        };
        moved.reserve(needed)?;
        moved.length = self.length;
        moved.as_mut_slice().copy_from_slice(self.as_slice());
        *self = moved;
        Ok(())
    }

    /// How many elements there is room for where it is.
    #[must_use]
    pub fn capacity(&self) -> usize {
        match &self.storage {
            Storage::Heap(elements) => elements.len(),
            Storage::Mapped(bytes) => bytes.len() / N,
        }
    }

    /// A copy.
    pub fn try_clone(&self) -> Result<Self> {
        let mut copy = Self::zeroed(self.length)?;
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        Ok(copy)
    }

    /// Size in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.length * N
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_grows_from_the_heap_into_a_mapping() {
        let mut array = Array::<8>::default();
        for number in 0..100_000_u64 {
            array.push(number.to_ne_bytes()).unwrap();
        }
        assert!(matches!(array.storage, Storage::Mapped(_)));
        let copy = array.try_clone().unwrap();
        array.resize(200_000).unwrap();
        for (place, element) in (0..).zip(array.as_slice()) {
            let expected = if place < 100_000 { place } else { 0_u64 };
            assert_eq!(u64::from_ne_bytes(*element), expected);
        }
        assert_eq!(copy.as_slice(), &array.as_slice()[..100_000]);
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let error = Array::<8>::zeroed(usize::MAX / 16).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { .. }));
        assert!(Array::<8>::default().reserve(usize::MAX).is_err());
    }
}
