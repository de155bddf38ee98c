//! This process's standard output and error: every write is checked, and the first that fails
//! is kept for the exit code.
//!
//! Writes go to the descriptors, by way of `queue.rs` where their readers have no room. The standard
//! library's own buffers would keep what could not be written, and panic where standard error is the
//! stream that fails.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, ReadWriteFlags};

use crate::queue::{Matters, QUEUE};

/// Where `pwritev2` writes that is given no place: where the descriptor stands.
const HERE: u64 = u64::MAX;

/// One of the two, and what became of it.
pub(crate) struct Output {
    name: &'static str,
    descriptor: fn() -> BorrowedFd<'static>,
    /// Whether it was closed when the process began.
    closed: AtomicBool,
    /// Whether the last byte written was no newline.
    inside_line: AtomicBool,
    failed: OnceLock<io::Error>,
    /// Whether it is a file, whose writes wait for nobody.
    is_file: OnceLock<bool>,
}

/// Standard output.
pub(crate) static STDOUT: Output = Output::new("standard output", rustix::stdio::stdout);

/// Standard error.
pub(crate) static STDERR: Output = Output::new("standard error", rustix::stdio::stderr);

/// How output was lost.
pub(crate) enum Loss {
    /// Its reader has gone.
    ReaderGone,
    /// It could not be written: the stream, and why.
    Failed(&'static str, &'static io::Error),
    /// Its reader did not take it in time: the stream.
    Unread(&'static str),
}

/// The output that was lost, if any was.
pub(crate) fn lost() -> Option<Loss> {
    let failures = [&STDOUT, &STDERR].map(|stream| Some((stream.name, stream.failed.get()?)));
    let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    let mut reader_gone = false;
    for (name, error) in failures.into_iter().flatten() {
        if !is_gone(error) {
            return Some(Loss::Failed(name, error));
        }
        reader_gone = true;
    }
    reader_gone.then_some(Loss::ReaderGone)
}

impl Output {
    const fn new(name: &'static str, descriptor: fn() -> BorrowedFd<'static>) -> Self {
        Self {
            name,
            descriptor,
            closed: AtomicBool::new(false),
            inside_line: AtomicBool::new(false),
            failed: OnceLock::new(),
            is_file: OnceLock::new(),
        }
    }

    /// Whether it is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        rustix::termios::isatty((self.descriptor)())
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Prints it, or keeps why that failed. After a failure nothing more is written.
    pub(crate) fn write(&'static self, bytes: &[u8]) {
        self.put(bytes, Matters::Exit);
    }

    /// Prints what a script printed: one whose output is lost is cancelled.
    pub(crate) fn stream(&'static self, bytes: &[u8]) {
        self.put(bytes, Matters::Script);
    }

    /// Prints what may get lost without harm: notes, progress, why the exit code is not 0.
    pub(crate) fn try_write(&'static self, bytes: &[u8]) {
        self.put(bytes, Matters::Not);
    }

    /// Prints what is taken away again, and so ends no line.
    pub(crate) fn draw(&'static self, text: &str) {
        if self.failed.get().is_none() {
            QUEUE.put(self, text.as_bytes(), Matters::Not);
        }
    }

    /// What has to be written first so that the next text begins a line.
    pub(crate) fn line_end(&self) -> &'static str {
        if self.inside_line.load(Ordering::Relaxed) {
            "\n"
        } else {
            ""
        }
    }

    fn ends_with(&self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.inside_line.store(*last != b'\n', Ordering::Relaxed);
        }
    }

    fn put(&'static self, bytes: &[u8], matters: Matters) {
        if self.failed.get().is_some() {
            QUEUE.lost(matters);
            return;
        }
        QUEUE.put(self, bytes, matters);
        if self.failed.get().is_none() {
            self.ends_with(bytes);
        }
    }

    /// Keeps why something that matters could not be written; the first reason counts.
    pub(crate) fn keep_failure(&self, error: io::Error) {
        drop(self.failed.set(error));
    }

    /// Writes as much as the reader has room for, and answers how much that was.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_file() {
            return self.write_all(bytes).map(|()| bytes.len());
        }
        self.check_open(bytes)?;
        let mut written = 0_usize;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let slices = [IoSlice::new(rest)];
            let descriptor = (self.descriptor)();
            match rustix::io::pwritev2(descriptor, &slices, HERE, ReadWriteFlags::NOWAIT) {
                Ok(0) => break,
                Ok(count) => written = written.saturating_add(count),
                Err(Errno::INTR) => {}
                Err(Errno::PIPE) => return Err(Errno::PIPE.into()),
                // There is no room, or no way to ask for it: the thread will see.
                Err(_) => break,
            }
        }
        Ok(written)
    }

    /// Writes all, however long that takes.
    pub(crate) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        self.check_open(bytes)?;
        let descriptor = (self.descriptor)();
        while !bytes.is_empty() {
            match rustix::io::write(descriptor, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // Others who have the same pipe may have made it non-blocking.
                Err(Errno::AGAIN) => wait_until_writable(descriptor)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn check_open(&self, bytes: &[u8]) -> io::Result<()> {
        if self.closed.load(Ordering::Relaxed) && !bytes.is_empty() {
            return Err(Errno::BADF.into());
        }
        Ok(())
    }

    fn is_file(&self) -> bool {
        *self.is_file.get_or_init(|| {
            fstat((self.descriptor)())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
        })
    }
}

fn wait_until_writable(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let descriptor = descriptor.as_fd();
    match poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes writing a file beyond its limit (`ulimit -f`) an error of the write: by default the
/// signal ends the process. Programs that are started from here have the default again.
pub(crate) fn survive_file_limit() {
    let seen = std::sync::Arc::default();
    // Without the handler such a write ends the process, as it would have anyway.
    let _unchanged = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen);
}

/// Runs before the standard library starts, which opens `/dev/null` in place of standard
/// streams that are closed: then nobody could tell that output is lost.
#[used]
#[expect(
    unsafe_code,
    reason = "SAFETY: the section holds pointers to functions of this type, called once before \
              `main`; this one makes two system calls and stores two flags"
)]
#[unsafe(link_section = ".init_array")]
static NOTE_CLOSED: extern "C" fn() = note_closed;

extern "C" fn note_closed() {
    for stream in [&STDOUT, &STDERR] {
        let flags = rustix::io::fcntl_getfd((stream.descriptor)());
        stream.closed.store(flags.is_err(), Ordering::Relaxed);
    }
}
