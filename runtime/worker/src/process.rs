//! The process of a worker: started, watched and ended by a thread of its own.
//!
//! The thread exists as long as the process does: the kernel ends a worker together with the thread that started it.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;
use wxmcp_run::WorkerEnd;

/// Stack of the thread, in bytes.
const STACK: usize = 128 << 10;

/// Longest line of a worker that is logged, in bytes.
const MAX_LINE: u64 = 1 << 10;

/// Lines of a worker that are logged; it has little to say but why it crashed.
const MAX_LINES: usize = 100;

/// What becomes a worker when it is started with these arguments: it must call [`worker_main`](crate::worker_main).
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The program, usually this one.
    pub program: PathBuf,
    /// What makes it a worker, usually a hidden first argument.
    pub args: Vec<OsString>,
}

/// Takes lines for a log. They are made of printable characters.
pub type LogLine = Arc<dyn Fn(&str) + Send + Sync>;

/// A process that is being started, runs, or has ended.
pub(crate) struct Process {
    state: Arc<Mutex<State>>,
    ended: watch::Receiver<Option<WorkerEnd>>,
}

enum State {
    Starting,
    Running(Pid),
    /// It has ended, or must not be started.
    Over,
}

impl Process {
    /// Starts a process whose standard input is `socket`.
    pub(crate) fn start(command: WorkerCommand, socket: OwnedFd, log: Option<LogLine>) -> Self {
        let state = Arc::new(Mutex::new(State::Starting));
        let (sender, ended) = watch::channel(None);
        let watching = {
            let (state, sender) = (Arc::clone(&state), sender.clone());
            move || {
                let end = watch(&command, socket, &state, log.as_ref());
                *state.lock() = State::Over;
                sender.send_replace(Some(end));
            }
        };
        let thread = std::thread::Builder::new().stack_size(STACK);
        if let Err(error) = thread.spawn(watching) {
            *state.lock() = State::Over;
            sender.send_replace(Some(WorkerEnd::NotStarted(error.to_string())));
        }
        Self { state, ended }
    }

    /// Ends it, however it is.
    pub(crate) fn kill(&self) {
        let mut state = self.state.lock();
        match *state {
            // It is not reaped before the state changes: so the number is its own.
            State::Running(pid) => drop(kill_process(pid, Signal::KILL)),
            State::Starting => *state = State::Over,
            State::Over => {}
        }
    }

    /// How it has ended, when it has.
    pub(crate) async fn ended(&self) -> WorkerEnd {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(WorkerEnd::Shutdown),
            // The thread panicked.
            Err(_) => WorkerEnd::NotStarted("its thread ended".to_owned()),
        }
    }

    /// Its number, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        match *self.state.lock() {
            State::Running(pid) => u32::try_from(pid.as_raw_nonzero().get()).ok(),
            State::Starting | State::Over => None,
        }
    }
}

/// Starts the process and waits for its end.
fn watch(
    command: &WorkerCommand,
    socket: OwnedFd,
    state: &Mutex<State>,
    log: Option<&LogLine>,
) -> WorkerEnd {
    let started = {
        let mut state = state.lock();
        if matches!(*state, State::Over) {
            return WorkerEnd::Shutdown;
        }
        let started = start(command, socket, log.is_some());
        if let Ok((_, pid)) = &started {
            *state = State::Running(*pid);
        }
        started
    };
    let (mut child, pid) = match started {
        Ok(started) => started,
        Err(error) => return WorkerEnd::NotStarted(error.to_string()),
    };
    if let (Some(stderr), Some(log)) = (child.stderr.take(), log) {
        repeat(stderr, log);
    }
    // First seen, then reaped: in between nobody may signal a number that is another's by then.
    let seen = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), seen), Err(rustix::io::Errno::INTR)) {}
    *state.lock() = State::Over;
    match child.wait() {
        Ok(status) => end(status),
        Err(error) => WorkerEnd::NotStarted(error.to_string()),
    }
}

fn start(
    command: &WorkerCommand,
    socket: OwnedFd,
    is_heard: bool,
) -> std::io::Result<(Child, Pid)> {
    let child = Command::new(&command.program)
        .args(&command.args)
        .env_clear()
        .current_dir("/")
        // Not the terminal's: an interrupt is for the parent, which ends its runs in order.
        .process_group(0)
        .stdin(socket)
        .stdout(Stdio::null())
        .stderr(match is_heard {
            true => Stdio::piped(),
            false => Stdio::null(),
        })
        .spawn()?;
    let pid = Pid::from_child(&child);
    Ok((child, pid))
}

fn end(status: ExitStatus) -> WorkerEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => WorkerEnd::Exit(code),
        (None, Some(signal)) => WorkerEnd::Signal(signal),
        (None, None) => WorkerEnd::Exit(-1),
    }
}

/// Repeats lines in the log, until the process has ended. What is too much is read and forgotten.
fn repeat(stderr: impl Read, log: &LogLine) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    for _ in 0..MAX_LINES {
        line.clear();
        match lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text: String = String::from_utf8_lossy(&line)
            .trim_end()
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it })
            .collect();
        log(&format!("worker: {text}"));
    }
    let _rest = std::io::copy(&mut lines, &mut std::io::sink());
}
