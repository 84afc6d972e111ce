//! Memory of results that nobody holds any more, for the results that come next.
//!
//! # Overview
//!
//! A [`Piece`] is the memory of a large vector whose elements others use for as long as they like. When it is dropped,
//! its pages are offered to the system, which takes them if it needs them, and it is kept as a spare:
//!
//! ```text
//! transform   take()  ->  fresh or spare memory  ->  matrix  ->  Piece
//!                              ^                                   |  the matrix is dropped
//!                              +-------- up to two spares ---------+
//! ```
//!
//! [`take`] hands out a spare if it is of about the size that is asked for. If none is, there will be no use for them
//! soon, and they are given up before fresh memory comes, so what is held at once gets no larger by them.
//!
//! # Why
//!
//! The system clears memory before it hands it out. For the matrix of 32 million character n-grams of 36 MB of text, that
//! took a third of the time of everything, for one of 8 million n-grams of words a sixth, and twice as long while other
//! programs kept the memory busy. Who transforms batch by batch drops the matrix before the last about when the next
//! one is made, so two arrays are all that is ever needed.
//!
//! Memory that is offered (`MADV_FREE`) costs nothing to take back by writing to it, and no other program has to do
//! without it: it is the first to go where memory is short, before anything is swapped out or killed. Until then it counts
//! as this process', as a spare, and as what an allocator holds, would anyway.
//!
//! Limits on a process' address space know nothing of such offers, so spares are [given up](give_up) wherever memory is
//! refused, and what is larger than 256 MiB is not kept at all.
//!
//! What grows by more than its estimate, in parts of 64 MB of text, is moved by the system as before.
//!
//! An allocator's own holes do the same for less than 32 MiB (glibc); to raise that limit for the whole process is not
//! for a library to do.

#![allow(unsafe_code)]

use std::alloc::Layout;
use std::mem::ManuallyDrop;
use std::sync::Mutex;

/// What is smaller than this is left to the allocator.
pub const LARGE: usize = 1 << 22;
/// What is larger is not kept: nobody expects a process to stay that large.
const LARGEST: usize = 1 << 28;
/// Data and columns of a matrix.
const MOST: usize = 2;

/// The spares, the last one the newest. Nobody waits for them: in a forked child, the lock could stay closed forever.
static SPARES: Mutex<Vec<Memory>> = Mutex::new(Vec::new());

/// The memory of a vector without its elements.
#[derive(Debug)]
struct Memory {
    start: *mut u8,
    layout: Layout,
}

// SAFETY: it is memory that nobody else knows of.
unsafe impl Send for Memory {}
// SAFETY: a reference to it does not lead to the memory.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it has come from a vector, which got it for this layout.
        unsafe { std::alloc::dealloc(self.start, self.layout) };
    }
}

/// Memory that becomes a spare when it is dropped.
#[derive(Debug)]
pub struct Piece(Option<Memory>);

impl Piece {
    /// The memory of this vector, which has some; its elements stay where they are until the piece is dropped.
    #[must_use]
    pub fn new<T: Copy>(elements: Vec<T>) -> Self {
        let mut elements = ManuallyDrop::new(elements);
        let layout =
            Layout::array::<T>(elements.capacity()).ok().filter(|layout| layout.size() > 0);
        Self(layout.map(|layout| Memory { start: elements.as_mut_ptr().cast(), layout }))
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let Some(memory) =
            self.0.take().filter(|memory| (LARGE..=LARGEST).contains(&memory.layout.size()))
        else {
            return;
        };
        let Ok(mut spares) = SPARES.try_lock() else { return };
        if spares.try_reserve(1).is_err() || !offer(&memory) {
            return;
        }
        spares.push(memory);
        if spares.len() > MOST {
            spares.remove(0);
        }
    }
}

/// An empty vector with room for about `capacity` elements, if there is a spare of about this size.
pub fn take<T>(capacity: usize) -> Option<Vec<T>> {
    let wanted = capacity.saturating_mul(size_of::<T>());
    if wanted < LARGE {
        return None;
    }
    let mut spares = SPARES.try_lock().ok()?;
    let fits = |memory: &Memory| {
        let size = memory.layout.size();
        let is_like = size >= wanted / 4 * 3 && size / 2 <= wanted;
        is_like && memory.layout.align() == align_of::<T>() && size.is_multiple_of(size_of::<T>())
    };
    let Some(place) = spares.iter().rposition(fits) else {
        spares.clear();
        return None;
    };
    let memory = ManuallyDrop::new(spares.remove(place));
    // SAFETY: the memory has come from a vector of elements of the same alignment, so many of which have this size, and
    // is given away once.
    Some(unsafe {
        Vec::from_raw_parts(memory.start.cast(), 0, memory.layout.size() / size_of::<T>())
    })
}

/// Gives all spares up, before somebody is told that there is no memory. Limits on address space count them.
#[cold]
pub fn give_up() {
    if let Ok(mut spares) = SPARES.try_lock() {
        spares.clear();
    }
}

/// Offers the pages of some memory to the system, whole huge ones only. Fails where systems cannot take such an offer.
#[cfg(target_os = "linux")]
fn offer(memory: &Memory) -> bool {
    const HUGE: usize = 1 << 21;
    let before = memory.start.addr().next_multiple_of(HUGE) - memory.start.addr();
    let length = memory.layout.size().saturating_sub(before) / HUGE * HUGE;
    let first = memory.start.wrapping_add(before);
    // SAFETY: these pages lie within memory of which nobody expects that it keeps what is in it.
    length > 0 && unsafe { libc::madvise(first.cast(), length, libc::MADV_FREE) } == 0
}

/// Elsewhere there are no spares.
#[cfg(not(target_os = "linux"))]
fn offer(_: &Memory) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The only test that makes spares, or it would meet those of others.
    #[test]
    fn spares_are_handed_out_for_about_their_size() {
        let number = LARGE / 8 * 3;
        let fresh = |number| vec![1_u64; number];
        assert!(take::<u64>(number).is_none());
        drop(Piece::new(fresh(number)));
        drop(Piece::new(fresh(LARGE / 8 - 1)));
        let spare = take::<u64>(number / 4 * 5).unwrap();
        assert!(spare.is_empty());
        assert_eq!(spare.capacity(), number);
        assert!(take::<u64>(number).is_none(), "a spare is handed out once");

        drop(Piece::new(spare));
        assert!(take::<f32>(2 * number).is_none(), "of another alignment");
        assert!(take::<u64>(number).is_none(), "given up");

        for size in [number, number + 1, number + 2] {
            drop(Piece::new(fresh(size)));
        }
        let sizes = [0; 3].map(|_| take::<u64>(number).map(|spare| spare.capacity()));
        assert_eq!(sizes, [Some(number + 2), Some(number + 1), None], "two are kept");

        drop(Piece::new(fresh(number)));
        assert!(take::<u64>(3 * number).is_none(), "too small");
        drop(Piece::new(Vec::<u64>::new()));
    }
}
