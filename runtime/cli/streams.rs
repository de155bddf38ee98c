//! This process's standard output and error: every write is checked, and the first that fails
//! is kept for the exit code.
//!
//! Writes go to the descriptors at once. The standard library's own buffers would keep what
//! could not be written, and panic where standard error is the stream that fails.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// One of the two, and what became of it.
pub(crate) struct Output {
    name: &'static str,
    descriptor: fn() -> BorrowedFd<'static>,
    /// Whether it was closed when the process began.
    closed: AtomicBool,
    /// Whether the last byte written was no newline.
    inside_line: AtomicBool,
    failed: OnceLock<io::Error>,
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
        }
    }

    /// Whether it is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        rustix::termios::isatty((self.descriptor)())
    }

    /// Writes all of it, or keeps why that failed. After a failure nothing more is written.
    pub(crate) fn write(&self, bytes: &[u8]) -> bool {
        if self.failed.get().is_some() {
            return false;
        }
        match self.write_all(bytes) {
            Ok(()) => self.ends_with(bytes),
            Err(error) => drop(self.failed.set(error)),
        }
        self.failed.get().is_none()
    }

    /// Writes what may get lost without harm: notes, progress, why the exit code is not 0.
    pub(crate) fn try_write(&self, bytes: &[u8]) {
        if self.failed.get().is_none() && self.write_all(bytes).is_ok() {
            self.ends_with(bytes);
        }
    }

    /// Writes what is taken away again, and so ends no line.
    pub(crate) fn draw(&self, text: &str) {
        if self.failed.get().is_none() {
            let _may_be_lost = self.write_all(text.as_bytes());
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

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        if self.closed.load(Ordering::Relaxed) && !bytes.is_empty() {
            return Err(Errno::BADF.into());
        }
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
