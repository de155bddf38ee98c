//! The process between wxmcp and an upstream, so that no upstream outlives it.
//!
//! wxmcp starts itself as a guard, and the guard starts the server:
//!
//! ```text
//! wxmcp ── guard (watch) ── server (was: become) ── its children ..
//!   └──── stderr socket ────┘
//! ```
//!
//! * The guard's and the server's stderr is one end of a socket whose other end
//!   only wxmcp has. When wxmcp dies, however it dies, the guard sees the hang-up
//!   and ends everything below it.
//! * On Linux the guard is a *subreaper*: descendants that are orphaned, even by
//!   `setsid` and a double fork, become its children, so that it finds them all.
//! * When the server ends, what it left behind is ended too, and the guard ends
//!   as the server did: same exit code, same signal.
//! * If the guard itself is killed, the kernel kills the server with it
//!   (`PR_SET_PDEATHSIG`, which a process can only ask for itself; hence the
//!   second step, `become`, which asks and then turns into the server). The
//!   server's own children then only see their stdin end.
//!
//! Elsewhere than on Linux the server gets a process group of its own and that
//! group is signalled; processes that leave the group are not found.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process};

/// The program that becomes a guard when it is run with these arguments and
/// then those that the broker adds; it must call [`guard_main`] with the latter.
#[derive(Clone, Debug)]
pub struct GuardCommand {
    /// The program, usually `/proc/self/exe` or its like.
    pub program: PathBuf,
    /// What makes it a guard, usually the name of a hidden subcommand.
    pub args: Vec<OsString>,
}

/// First argument: start the rest as a server and watch over it.
const WATCH: &str = "watch";

/// First argument: tie this process to its parent, the second argument, and
/// turn into the rest.
const BECOME: &str = "become";

/// After the hang-up, how long the server may take to end on its own: its
/// stdin ended too.
const EOF_GRACE: Duration = Duration::from_millis(250);

/// How long the server may take to heed SIGTERM.
const TERM_GRACE: Duration = Duration::from_millis(750);

/// How long what a server left behind may take. Its end is reported only then.
const LEFT_GRACE: Duration = Duration::from_millis(100);

/// How long processes are sent SIGKILL before the guard gives up on them.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// Exit codes of shells for what cannot be run; so do we.
pub(crate) const NOT_FOUND: u8 = 127;
pub(crate) const NOT_EXECUTABLE: u8 = 126;

/// What the broker appends to the guard's command line.
pub(crate) fn arguments(command: &OsStr, args: &[OsString]) -> Vec<OsString> {
    [OsStr::new(WATCH), command]
        .into_iter()
        .map(OsStr::to_owned)
        .chain(args.iter().cloned())
        .collect()
}

/// The guard's main function. `args` are those that the broker appended. Must
/// be called on the main thread, before anything else is started.
pub fn guard_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match args.split_first() {
        Some((mode, rest)) if mode == WATCH && !rest.is_empty() => watch(rest),
        Some((mode, rest)) if mode == BECOME => turn_into(rest),
        _ => {
            say("this command is for wxmcp itself");
            ExitCode::from(2)
        }
    }
}

/// Turns into the server; returns only if that fails.
fn turn_into(args: &[OsString]) -> ExitCode {
    let [parent, command, args @ ..] = args else {
        return ExitCode::from(2);
    };
    #[cfg(target_os = "linux")]
    {
        // Survives the exec below. A parent that died before this line is
        // noticed by the comparison after it.
        let tied = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
        let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
        if !tied || now.map(OsString::from).as_ref() != Some(parent) {
            return ExitCode::from(2);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    let error = Command::new(command).args(args).exec();
    // The name only: where programs are is not for scripts to read.
    let name = Path::new(command).file_name().unwrap_or(command);
    say(&format!("cannot run `{}`: {error}", name.display()));
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound {
        NOT_FOUND
    } else {
        NOT_EXECUTABLE
    })
}

fn watch(command: &[OsString]) -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        say(&format!("cannot watch over processes: {error}"));
        return ExitCode::from(NOT_EXECUTABLE);
    }
    let server = match start(command) {
        Ok(server) => server,
        Err(error) => {
            say(&format!("cannot start a process: {error}"));
            return ExitCode::from(NOT_EXECUTABLE);
        }
    };
    // The server's pipes end with the server, not with the guard.
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
    }
    let (ended, when_ended) = channel();
    std::thread::spawn(move || end_with_parent(server, &when_ended));
    let status = wait_for(server);
    drop(ended);
    end_what_is_left(server);
    end_as(status)
}

fn start(command: &[OsString]) -> std::io::Result<Pid> {
    let mut starting = if cfg!(target_os = "linux") {
        // This program again, by the arguments that made it a guard.
        let all: Vec<OsString> = std::env::args_os().collect();
        let ours = command.len().saturating_add(1);
        let prefix = all
            .get(1..all.len().saturating_sub(ours))
            .unwrap_or_default();
        let mut starting = Command::new("/proc/self/exe");
        starting
            .args(prefix)
            .arg(BECOME)
            .arg(std::process::id().to_string())
            .args(command);
        starting
    } else {
        let (program, args) = command
            .split_first()
            .ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut starting = Command::new(program);
        starting.args(args).process_group(0);
        starting
    };
    let child = starting.spawn()?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

/// Waits until the other end of stderr is gone, then ends the server.
fn end_with_parent(server: Pid, server_ended: &Receiver<()>) {
    let stderr = rustix::stdio::stderr();
    loop {
        // Hang-ups are always reported; nothing else is asked for.
        let mut watched = [PollFd::new(&stderr, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            // Not being able to watch is no reason to leave orphans.
            Err(_) => break,
        }
    }
    for (grace, signal) in [(EOF_GRACE, Signal::TERM), (TERM_GRACE, Signal::KILL)] {
        // A disconnected channel means that the server has ended.
        if server_ended.recv_timeout(grace) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            return;
        }
        signal_all(server, signal);
    }
}

/// Waits for the server, and reaps other processes that become children of the guard.
fn wait_for(server: Pid) -> Option<WaitStatus> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == server => return Some(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Ends the descendants that the server left behind.
fn end_what_is_left(server: Pid) {
    let started = Instant::now();
    let mut signal = Signal::TERM;
    let mut signalled = false;
    loop {
        // Reap, so that orphans of the reaped show up as children.
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        if descendants().is_empty() || started.elapsed() > KILL_GRACE {
            break;
        }
        if started.elapsed() > LEFT_GRACE {
            signal = Signal::KILL;
        }
        if signal == Signal::KILL || !signalled {
            signal_all(server, signal);
            signalled = true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    if cfg!(not(target_os = "linux")) {
        let _ = rustix::process::kill_process_group(server, Signal::KILL);
    }
}

fn signal_all(server: Pid, signal: Signal) {
    if cfg!(target_os = "linux") {
        for pid in descendants() {
            let _ = kill_process(pid, signal);
        }
    } else {
        let _ = rustix::process::kill_process_group(server, signal);
    }
}

/// All processes below this one, the dead but unreaped left out. Empty
/// elsewhere than on Linux.
fn descendants() -> Vec<Pid> {
    let processes = living_processes();
    let mut found = vec![rustix::process::getpid()];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        at = at.saturating_add(1);
        for &(pid, its_parent) in &processes {
            if its_parent == parent && !found.contains(&pid) {
                found.push(pid);
            }
        }
    }
    found.remove(0);
    found
}

/// Every process on the machine that is alive, with its parent.
fn living_processes() -> Vec<(Pid, Pid)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let pid: i32 = name.to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // `pid (name) state parent ..`; the name may hold anything.
            let (_, after_name) = stat.rsplit_once(')')?;
            let mut fields = after_name.split_whitespace();
            let state = fields.next()?;
            let parent: i32 = fields.next()?.parse().ok()?;
            if matches!(state, "Z" | "X") {
                return None;
            }
            Some((Pid::from_raw(pid)?, Pid::from_raw(parent)?))
        })
        .collect()
}

/// Ends this process as the server ended.
fn end_as(status: Option<WaitStatus>) -> ExitCode {
    let Some(status) = status else {
        return ExitCode::FAILURE;
    };
    if let Some(code) = status.exit_status() {
        return ExitCode::from(u8::try_from(code & 0xff).unwrap_or(u8::MAX));
    }
    let number = status.terminating_signal().unwrap_or_default();
    if let Some(signal) = Signal::from_named_raw(number) {
        // One core file, of the server, is enough.
        let none = rustix::process::Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
        let _ = kill_process(rustix::process::getpid(), signal);
    }
    ExitCode::from(u8::try_from(number.saturating_add(128)).unwrap_or(u8::MAX))
}

/// Writes to stderr, which the broker reads.
fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
