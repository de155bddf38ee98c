//! An upstream's process, from start to end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{oneshot, watch};

use super::guard::{self, GuardCommand};
use super::log::Log;
use crate::config::Launch;
use wxmcp_policy::Redactor;

/// How long a server may take to end once its stdin is closed, before the
/// guard ends it.
const EOF_GRACE: Duration = Duration::from_secs(1);

/// How long the guard may take then; longer than the guard itself waits.
const GUARD_GRACE: Duration = Duration::from_secs(7);

/// How long stderr may go on after the process ended.
const STDERR_GRACE: Duration = Duration::from_millis(200);

/// A started upstream. It ends when its [`Lifeline`] is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    log: Arc<Log>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// The pipes of a started upstream.
pub(crate) struct Pipes {
    /// What wxmcp says.
    pub(crate) stdin: ChildStdin,
    /// What the server says.
    pub(crate) stdout: ChildStdout,
    /// Keeps the server alive.
    pub(crate) lifeline: Lifeline,
}

/// Keeps an upstream alive until it is dropped.
#[derive(Debug)]
pub(crate) struct Lifeline {
    _held: oneshot::Sender<()>,
}

impl Process {
    /// Starts a server behind a guard.
    ///
    /// # Errors
    ///
    /// Only if the guard cannot be started. A server that cannot be run looks
    /// like one that ended at once, with the reason on its stderr.
    pub(crate) fn start(
        launch: &Launch,
        redactor: Redactor,
        guard: &GuardCommand,
    ) -> io::Result<(Self, Pipes)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let ours = UnixStream::from_std(ours)?;
        let mut command = Command::new(&guard.program);
        command
            .args(&guard.args)
            .args(guard::arguments(&launch.command, &launch.args))
            .env_clear()
            .envs(&launch.env)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(OwnedFd::from(theirs)));
        if let Some(cwd) = &launch.cwd {
            command.current_dir(cwd);
        }
        let mut child = command.spawn()?;
        // The command holds a copy of the guard's end of the socket.
        drop(command);
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let log = Arc::new(Log::new(redactor));
        let (held, released) = oneshot::channel();
        let (report, ended) = watch::channel(None);
        tokio::spawn({
            let log = Arc::clone(&log);
            async move {
                let status = look_after(child, ours, &log, released).await;
                report.send_replace(status);
            }
        });
        let lifeline = Lifeline { _held: held };
        Ok((
            Self { log, ended },
            Pipes {
                stdin,
                stdout,
                lifeline,
            },
        ))
    }

    /// What the server wrote to stderr.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Whether the server has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some() || self.ended.has_changed().is_err()
    }

    /// Waits until the server, and all that it started, has ended. `None` if
    /// how is not known.
    pub(crate) async fn end(&self) -> Option<ExitStatus> {
        let mut ended = self.ended.clone();
        ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|status| *status)
    }
}

/// Keeps processes of the same user from reading this one's memory and environment. By now the engine has opened the
/// page map that it reads, which could not be opened after this.
pub(crate) fn conceal_this_process() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Where it fails, a server reads what every program of the user can read.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Reads stderr and waits for the end; ends the process when it is released.
async fn look_after(
    mut child: Child,
    mut stderr: UnixStream,
    log: &Log,
    released: oneshot::Receiver<()>,
) -> Option<ExitStatus> {
    let in_use = async {
        // An error means that the other side was dropped, which is the signal.
        let _ = released.await;
        tokio::time::sleep(EOF_GRACE).await;
    };
    tokio::pin!(in_use);
    let mut is_open = true;
    loop {
        tokio::select! {
            status = child.wait() => {
                let rest = async { while read(&mut stderr, log).await {} };
                let _ = tokio::time::timeout(STDERR_GRACE, rest).await;
                return status.ok();
            }
            // A server that closes its stderr does not thereby end: the socket
            // stays, since it is what the guard watches.
            more = read(&mut stderr, log), if is_open => is_open = more,
            () = &mut in_use => break,
        }
    }
    // The guard sees the hang-up and ends the server.
    drop(stderr);
    if let Ok(status) = tokio::time::timeout(GUARD_GRACE, child.wait()).await {
        return status.ok();
    }
    // The guard hangs or was stopped. It is not reaped yet, so its id, which is
    // that of its group, is still its own.
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait().await.ok()
}

/// Reads some of stderr; false at its end.
async fn read(stderr: &mut UnixStream, log: &Log) -> bool {
    let mut buffer = Vec::with_capacity(4096);
    match stderr.read_buf(&mut buffer).await {
        Ok(1..) => {
            log.push(&buffer);
            true
        }
        _ => false,
    }
}

/// How a process ended, in words.
pub(crate) fn describe(status: Option<ExitStatus>) -> String {
    match status {
        None => "ended".to_owned(),
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with status {code}"),
            (None, Some(signal)) => match Signal::from_named_raw(signal) {
                Some(named) => format!("was ended by signal {signal} ({named:?})"),
                None => format!("was ended by signal {signal}"),
            },
            (None, None) => "ended".to_owned(),
        },
    }
}
