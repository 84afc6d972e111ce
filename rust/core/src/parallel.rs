//! Dealing chunks of work to threads, and stopping them.
//!
//! # Overview
//!
//! [`run`] calls a function for each of a number of chunks, on as many threads as it is told, and
//! returns the results in order. Threads take the next chunk when they have finished one; which thread
//! did which chunk leaves no trace in the result. Meanwhile the calling thread does nothing but ask
//! `proceed` a few times a second, which is how Ctrl-C gets in.
//!
//! # Why
//!
//! Threads live for one call. Starting them costs some 20 µs each, against milliseconds of work; in
//! return there is no pool to be found broken in a forked child, none to be shared between callers that
//! asked for different numbers of threads, and no idle thread in a process that has stopped vectorizing.
//! A pool of rayon's, kept per process id, was the alternative; it needs a lock that a fork can
//! catch closed.
//!
//! A thread that cannot have the little memory that it needs to start is aborted by the C library, and with it the
//! process. So it is looked beforehand whether there is enough for all, and no thread works, which may
//! take whatever there is, before all have [started](Gate).

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::error::{Error, Result, reserve};
use crate::memory;

/// How often the calling thread asks whether to go on.
const POLL: Duration = Duration::from_millis(20);
/// Room for what a thread has on its stack: a few tables of 16 KiB, and no deep recursion.
const STACK_BYTES: usize = 1 << 20;
/// What a thread needs beside that to start, several times over: its thread-locals, its name, a handle.
const START_BYTES: usize = 1 << 18;

/// Says whether the work is still wanted.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// Fails once the work is no longer wanted.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls a worker for each number below `chunks` and returns the results in this order.
///
/// `worker` makes the function of one thread, with the buffers it uses again and again. `proceed` is
/// called on the calling thread while the others work; an error of it cancels the work. With no thread
/// at all the calling thread does the work itself, without asking: right for work that takes less time
/// than starting a thread, and for nothing else.
///
/// # Errors
///
/// The error of `proceed`, else that of the lowest chunk that failed. Too little memory to start a thread is an error;
/// a limit on their number is not, as long as there is one to do the work.
pub fn run<T, W, E>(
    chunks: usize,
    threads: usize,
    worker: impl Fn() -> W + Sync,
    mut proceed: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Vec<T>, E>
where
    T: Send,
    W: FnMut(usize, &Cancel) -> Result<T>,
    E: From<Error>,
{
    let cancel = Cancel::default();
    let mut outputs = Vec::new();
    reserve(&mut outputs, chunks)?;
    if threads == 0 || chunks == 0 {
        let mut work = worker();
        for chunk in 0..chunks {
            outputs.push(work(chunk, &cancel)?);
        }
        return Ok(outputs);
    }
    let threads = startable(threads.min(chunks))?;
    let next = AtomicUsize::new(0);
    let mut results: Vec<Option<Result<T>>> = Vec::new();
    reserve(&mut results, chunks)?;
    results.resize_with(chunks, || None);
    let results = Mutex::new(results);
    let drain = || {
        let mut work = worker();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks {
                return;
            }
            let result = cancel.check().and_then(|()| work(chunk, &cancel));
            if result.is_err() {
                // Chunks are taken in order, so every lower one has been started, and its error,
                // if it has one, will be found; higher ones need not be started.
                next.store(chunks, Ordering::Relaxed);
            }
            results.lock().unwrap_or_else(PoisonError::into_inner)[chunk] = Some(result);
        }
    };
    let crew = Crew { running: AtomicUsize::new(0), caller: thread::current() };
    let gate = Gate::new(threads);
    thread::scope(|scope| {
        let mut workers = Vec::new();
        reserve(&mut workers, threads)?;
        for _ in 0..threads {
            let shift = crew.begin();
            let body = || {
                let _shift = shift;
                gate.pass();
                drain();
            };
            let builder = thread::Builder::new().name("shardfit".into()).stack_size(STACK_BYTES);
            match builder.spawn_scoped(scope, body) {
                Ok(worker) => workers.push(worker),
                // A limit on threads is no reason to fail while there is one to do the work.
                Err(_) => break,
            }
        }
        gate.expect_no_more(threads - workers.len());
        if workers.is_empty() {
            drain();
        }
        let mut outcome = crew.wait(&cancel, &mut proceed);
        // Every thread is joined, whatever happened: the scope would panic over one that has.
        for worker in workers {
            if let Err(payload) = worker.join()
                && outcome.is_ok()
            {
                let message = panic_message(payload.as_ref());
                outcome = Err(Error::Panicked { message }.into());
            }
        }
        outcome
    })?;
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    // After an error the chunks behind it may be missing, which are passed over on the way to it.
    for result in results.into_iter().flatten() {
        outputs.push(result?);
    }
    Ok(outputs)
}

/// How many of so many threads there is memory for.
fn startable(mut threads: usize) -> Result<usize> {
    while let Err(error) = memory::check_room(threads.saturating_mul(STACK_BYTES + START_BYTES)) {
        threads /= 2;
        if threads == 0 {
            return Err(error);
        }
    }
    Ok(threads)
}

/// Where threads wait until all have started.
struct Gate {
    missing: Mutex<usize>,
    open: Condvar,
}

impl Gate {
    /// A gate that opens when so many have come.
    fn new(missing: usize) -> Self {
        Self { missing: Mutex::new(missing), open: Condvar::new() }
    }

    /// Waits for all others.
    fn pass(&self) {
        self.expect_no_more(1);
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.open.wait_while(missing, |missing| *missing > 0));
    }

    /// So many have come, or will not.
    fn expect_no_more(&self, threads: usize) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        *missing -= threads;
        if *missing == 0 {
            self.open.notify_all();
        }
    }
}

/// The threads at work, and the one that waits for them.
struct Crew {
    running: AtomicUsize,
    caller: Thread,
}

impl Crew {
    /// Counts a thread in, until what is returned is dropped: when it leaves by its own will, by a
    /// panic, or without having been started.
    fn begin(&self) -> Shift<'_> {
        self.running.fetch_add(1, Ordering::AcqRel);
        Shift(self)
    }

    /// Waits for all threads, asking now and then whether to go on.
    fn wait<E>(
        &self,
        cancel: &Cancel,
        proceed: &mut impl FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut outcome = Ok(());
        while self.running.load(Ordering::Acquire) > 0 {
            thread::park_timeout(POLL);
            if outcome.is_ok() {
                outcome = proceed();
                if outcome.is_err() {
                    cancel.cancel();
                }
            }
        }
        outcome
    }
}

struct Shift<'a>(&'a Crew);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.caller.unpark();
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(threads: usize) -> Vec<usize> {
        run(1000, threads, || |chunk, _: &Cancel| Ok(chunk * chunk), || Ok::<_, Error>(())).unwrap()
    }

    #[test]
    fn results_come_in_order_for_any_number_of_threads() {
        let expected: Vec<_> = (0..1000).map(|chunk| chunk * chunk).collect();
        for threads in [0, 1, 2, 7, 64] {
            assert_eq!(squares(threads), expected);
        }
    }

    #[test]
    fn the_lowest_error_wins() {
        for threads in [1, 2, 8] {
            let result = run(
                100,
                threads,
                || {
                    |chunk, _: &Cancel| match chunk {
                        0..30 => Ok(chunk),
                        _ => Err(Error::TextTooLong { bytes: chunk }),
                    }
                },
                || Ok::<_, Error>(()),
            );
            assert_eq!(result, Err(Error::TextTooLong { bytes: 30 }));
        }
    }

    #[test]
    fn cancelling_stops_a_long_chunk() {
        let result = run(
            2,
            2,
            || {
                |_, cancel: &Cancel| -> Result<()> {
                    loop {
                        cancel.check()?;
                        thread::yield_now();
                    }
                }
            },
            || Err(Error::Cancelled),
        );
        assert_eq!(result, Err(Error::Cancelled));
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let result = run(
            2,
            2,
            || |_, _: &Cancel| -> Result<()> { panic!("on purpose") },
            || Ok::<_, Error>(()),
        );
        assert_eq!(result, Err(Error::Panicked { message: "on purpose".into() }));
    }
}
