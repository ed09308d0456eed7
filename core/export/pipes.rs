//! Byte pipes with a capacity of so many bytes, which no kernel object has: a shared count, and eventfds through which
//! the driver of the runtime that polls a waiting end wakes it.

use std::os::unix::io::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;

extern "C" {
    fn eventfd(value: u32, flags: i32) -> i32;
    fn write(fd: i32, from: *const u8, bytes: usize) -> isize;
    fn close(fd: i32) -> i32;
}
const NON_BLOCKING: i32 = 0o4000;

#[derive(Clone)]
struct Event(Arc<Fd>);
struct Fd(RawFd);
impl Event {
    fn new() -> Event {
        Event(Arc::new(Fd(unsafe { eventfd(0, NON_BLOCKING) })))
    }
    fn signal(&self) {
        unsafe { write(self.0 .0, 1u64.to_ne_bytes().as_ptr(), 8) };
    }
}
impl AsRawFd for Event {
    fn as_raw_fd(&self) -> RawFd {
        self.0 .0
    }
}
impl Drop for Fd {
    fn drop(&mut self) {
        unsafe { close(self.0) };
    }
}

struct State {
    bytes: i64,
    room: Option<i64>,
    open: [bool; 2],           // the writing end, the reading one
    waits: [Option<Event>; 2],
}
struct Pipe {
    state: Mutex<State>,
    /// A read or write that gets on uses up budget of its task, as much as a permit does.
    permits: Semaphore,
}
const READER: usize = 1;

#[derive(Debug)]
pub struct End<const SIDE: usize>(Arc<Pipe>);
pub type PipeTx = End<0>;
pub type PipeRx = End<1>;
impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a pipe")
    }
}
pub fn pipe(room: Option<i64>) -> (PipeTx, PipeRx) {
    let state = Mutex::new(State { bytes: 0, room, open: [true, true], waits: [None, None] });
    let pipe = Arc::new(Pipe { state, permits: Semaphore::new(2) });
    (End(pipe.clone()), End(pipe))
}
impl State {
    /// How many of `wanted` bytes can go at once.
    fn ready(&self, side: usize, wanted: i64) -> i64 {
        let most = match (side, self.open[READER]) {
            (READER, _) => self.bytes,
            (_, false) => 0,
            (_, true) => self.room.map_or(wanted, |room| room - self.bytes),
        };
        most.min(wanted)
    }
}
impl<const SIDE: usize> End<SIDE> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
    /// As `read_exact` and `write_all`: a part goes at once, the end waits for the rest.
    async fn transfer(&mut self, bytes: i64) -> Result<(), &'static str> {
        let event = Event::new();
        let registered = AsyncFd::new(event.clone());   // panics without a runtime that drives I/O
        let mut left = bytes;
        loop {
            if self.state().ready(SIDE, left) > 0 {
                drop(self.0.permits.acquire().await);
            }
            {
                let mut state = self.state();
                let now = state.ready(SIDE, left);
                if now > 0 {
                    state.bytes += if SIDE == READER { -now } else { now };
                    left -= now;
                    if let Some(other) = &state.waits[1 - SIDE] {
                        other.signal();
                    }
                }
                if left == 0 {
                    state.waits[SIDE] = None;
                    return Ok(());
                }
                if !state.open[1 - SIDE] {
                    state.waits[SIDE] = None;
                    return Err(if SIDE == READER { "the pipe is at its end" } else { "the pipe is broken" });
                }
                state.waits[SIDE] = Some(event.clone());
            }
            let gone = "A Tokio 1.x context was found, but it is being shutdown.";
            match &registered {
                Ok(fd) => fd.readable().await.map_err(|_| gone)?.clear_ready(),
                Err(_) => return Err(gone),
            }
        }
    }
}
impl PipeTx {
    pub async fn write(&mut self, bytes: i64) -> Result<(), &'static str> {
        self.transfer(bytes).await
    }
}
impl PipeRx {
    pub async fn read(&mut self, bytes: i64) -> Result<(), &'static str> {
        self.transfer(bytes).await
    }
}
impl<const SIDE: usize> Drop for End<SIDE> {
    fn drop(&mut self) {
        let mut state = self.state();
        state.open[SIDE] = false;
        if let Some(other) = &state.waits[1 - SIDE] {
            other.signal();
        }
    }
}
