//! What this process has printed and its readers have not taken yet.
//!
//! A write to a pipe or a terminal waits until its reader makes room, which may be never. So nothing but
//! a thread that exists for it writes there in a way that may wait. What can be written without waiting is
//! written at once, by whoever prints it, as long as nothing is queued.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use signal_hook::consts::SIGINT;
use signal_hook::flag::register_conditional_default;
use tokio::sync::Notify;

use crate::streams::Output;

/// Bytes that may wait to be written before a script that prints more has to wait.
const FULL: usize = 64 << 10;

/// How long the last words may take on a stream that is not the one without a reader.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// What both streams have printed, in order: they may be one pipe.
pub(crate) static QUEUE: Queue = Queue {
    state: Mutex::new(State {
        pieces: VecDeque::new(),
        bytes: 0,
        writing: None,
        has_thread: false,
        until: None,
    }),
    changed: Condvar::new(),
    room: Notify::const_new(),
    script_lost: Notify::const_new(),
};

/// See [`QUEUE`].
pub(crate) struct Queue {
    state: Mutex<State>,
    /// A piece was added, or was written.
    changed: Condvar,
    /// The same as the last, for the event loop.
    room: Notify,
    script_lost: Notify,
}

struct State {
    pieces: VecDeque<Piece>,
    /// Bytes of all pieces, and of the one that is being written.
    bytes: usize,
    writing: Option<&'static Output>,
    has_thread: bool,
    /// When what is left is given up at the end of the command.
    until: Option<Instant>,
}

struct Piece {
    output: &'static Output,
    bytes: Vec<u8>,
    matters: Matters,
}

/// What it means that something could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matters {
    /// Nothing.
    Not,
    /// The exit code says so.
    Exit,
    /// The script that printed it ends, too.
    Script,
}

impl State {
    fn is_idle(&self) -> bool {
        self.pieces.is_empty() && self.writing.is_none()
    }
}

impl Queue {
    /// Writes `bytes` now as far as that does not wait, and queues the rest.
    pub(crate) fn put(&'static self, output: &'static Output, bytes: &[u8], matters: Matters) {
        let mut state = self.state.lock();
        let mut rest = bytes;
        if state.is_idle() {
            match output.write_now(bytes) {
                Ok(written) => rest = bytes.get(written..).unwrap_or_default(),
                Err(error) => return self.failed(output, error, matters),
            }
        }
        if rest.is_empty() {
            return;
        }
        state.bytes = state.bytes.saturating_add(rest.len());
        state.pieces.push_back(Piece {
            output,
            bytes: rest.to_vec(),
            matters,
        });
        if !state.has_thread {
            let thread = std::thread::Builder::new().name("printer".to_owned());
            state.has_thread = thread.spawn(|| self.write_for_ever()).is_ok();
        }
        let is_alone = !state.has_thread;
        drop(state);
        self.changed.notify_all();
        // Where the system has no thread for it, printing waits as it does in any program.
        while is_alone && self.write_next() {}
    }

    /// Whether something waits to be written.
    pub(crate) fn is_busy(&self) -> bool {
        !self.state.lock().is_idle()
    }

    /// Whether scripts that print must wait.
    pub(crate) fn is_full(&self) -> bool {
        self.state.lock().bytes > FULL
    }

    /// Ends when there is room for more.
    pub(crate) async fn room(&self) {
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            if !self.is_full() {
                return;
            }
            room.await;
        }
    }

    /// Ends when something that a script printed was lost.
    pub(crate) async fn script_lost(&self) {
        self.script_lost.notified().await;
    }

    /// Says that something was printed that could not be written.
    pub(crate) fn lost(&self, matters: Matters) {
        if matters == Matters::Script {
            self.script_lost.notify_one();
        }
    }

    /// At the end of the command what is left is written for no longer than this. Without it, until it
    /// is written.
    pub(crate) fn give_up_after(&self, patience: Duration) {
        self.state.lock().until = Instant::now().checked_add(patience);
    }

    /// Waits until all is written, however long that takes: what follows is written in another way.
    pub(crate) fn settle(&self) {
        let mut state = self.state.lock();
        while !state.is_idle() {
            self.changed.wait(&mut state);
        }
    }

    /// Waits until all is written; answers the stream that nobody has read in time.
    pub(crate) fn finish(&self) -> Option<&'static Output> {
        if self.is_busy() {
            // The event loop has ended, which took an interrupt for the run's.
            let is_over = Arc::new(AtomicBool::new(true));
            let _heard_no_more = register_conditional_default(SIGINT, is_over);
        }
        let mut state = self.state.lock();
        let until = state.until;
        while !state.is_idle() {
            match until {
                Some(until) if self.changed.wait_until(&mut state, until).timed_out() => break,
                Some(_) => {}
                None => self.changed.wait(&mut state),
            }
        }
        let next = state.pieces.front().map(|piece| piece.output);
        state.writing.or(next)
    }

    /// Writes what is queued for the other stream than the one that nobody reads.
    pub(crate) fn last_words(&'static self, stuck: &'static Output) {
        let pieces: Vec<_> = {
            let mut state = self.state.lock();
            let all = state.pieces.drain(..);
            all.filter(|piece| !std::ptr::eq(piece.output, stuck))
                .collect()
        };
        let (done, written) = mpsc::channel();
        let words = std::thread::Builder::new().spawn(move || {
            pieces.into_iter().for_each(|piece| self.write(piece));
            drop(done);
        });
        if words.is_ok() {
            let _ended_or_late: Result<(), _> = written.recv_timeout(LAST_WORDS);
        }
    }

    fn write_for_ever(&self) {
        loop {
            if !self.write_next() {
                let mut state = self.state.lock();
                if state.pieces.is_empty() {
                    self.changed.wait(&mut state);
                }
            }
        }
    }

    /// Writes one piece, unless there is none.
    fn write_next(&self) -> bool {
        let piece = {
            let mut state = self.state.lock();
            let Some(piece) = state.pieces.pop_front() else {
                return false;
            };
            state.writing = Some(piece.output);
            piece
        };
        let bytes = piece.bytes.len();
        self.write(piece);
        let mut state = self.state.lock();
        state.writing = None;
        state.bytes = state.bytes.saturating_sub(bytes);
        drop(state);
        self.changed.notify_all();
        self.room.notify_waiters();
        true
    }

    fn write(&self, piece: Piece) {
        let Piece {
            output,
            bytes,
            matters,
        } = piece;
        if let Err(error) = output.write_all(&bytes) {
            self.failed(output, error, matters);
        }
    }

    fn failed(&self, output: &Output, error: std::io::Error, matters: Matters) {
        if matters != Matters::Not {
            output.keep_failure(error);
        }
        self.lost(matters);
    }
}
