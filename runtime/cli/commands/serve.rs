//! `wxmcp serve`: an MCP server for agents.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use wxmcp_run::{Limits, Mount, Policy, Silent, Source, Stdin};
use wxmcp_server::{Log, Server, ServerConfig};

use super::{recordings, serve_config};
use crate::cli::ServeArgs;
use crate::exit::{Exit, Failure};
use crate::place;
use crate::settings::Settings;
use crate::streams::STDERR;

/// Time that a program may take where nothing is said: programs of agents wait for many tools.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How long upstream servers may take to end.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// The same after a second signal: who asks twice does not wait.
const AT_ONCE: Duration = Duration::from_millis(200);

pub(super) fn execute(args: &ServeArgs) -> Result<Exit, Failure> {
    if let Some(client) = args.print_config {
        return serve_config::print(client, args);
    }
    let mut settings = Settings::resolve_for(&args.limits, &args.policy, &args.config, &usual())
        .map_err(Failure::usage)?;
    place::begin_in_project(&mut settings);
    let locked = crate::packages::provide_locked(&mut settings)?;
    let log = log(args.log.as_deref())?;
    missing(&settings.mounts).for_each(|note| log.line(format_args!("{note}")));
    let configured = crate::runtime::configured(&settings)?;
    for note in configured.notes.iter().chain(&configured.itself) {
        log.line(format_args!("{note}"));
    }
    let log_line = {
        let log = log.clone();
        Arc::new(move |line: &str| log.line(format_args!("{line}")))
    };
    let runtime = crate::runtime::open_in_workers(&settings, Arc::new(Silent), log_line)?;
    let runtime = Arc::new(runtime);
    let config = ServerConfig {
        policy: Policy {
            mounts: settings.mounts,
            env: settings.env,
            stdin: Stdin::Empty,
            protected: settings.protected,
            packages: settings.shown,
            workdir: settings.workdir,
            hidden: Vec::new(),
        },
        locked,
        limits: settings.limits,
        max_answer: args.max_answer,
        yield_after: args.yield_after,
        drain: args.drain,
        session_idle: args.session_idle,
        log,
        redactor: recordings::Aside::of(&settings.redact)?
            .map(|it| -> Arc<dyn wxmcp_server::Redactor> { Arc::new(it) }),
        ..ServerConfig::new(Arc::clone(&runtime))
    };
    crate::runtime::event_loop()?.run(serve(config))
}

/// Serves until its client has gone, or a signal comes.
async fn serve(config: ServerConfig) -> Result<Exit, Failure> {
    let runtime = Arc::clone(&config.runtime);
    runtime.start_ahead();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
    let mut signal = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let server = Server::new(config);
    let stop = Notify::new();
    let asked_again = async {
        signal().await;
        if !server.is_draining() {
            stop.notify_one();
            signal().await;
        }
    };
    let served = tokio::select! {
        biased;
        served = server.serve_stdio(stop.notified()) => served,
        () = asked_again => {
            let _left_to_guards = tokio::time::timeout(AT_ONCE, runtime.shutdown()).await;
            return Ok(Exit::Cancelled);
        }
    };
    let _left_to_guards = tokio::time::timeout(SHUTDOWN, runtime.shutdown()).await;
    match served {
        Ok(()) => Ok(Exit::Success),
        Err(error) => Err(Failure::raised(error.into())),
    }
}

/// What the log says of folders that are not there yet: a program hears only that it could not begin.
fn missing(mounts: &[Mount]) -> impl Iterator<Item = String> {
    mounts.iter().filter_map(|mount| match &mount.source {
        Source::Host(folder) if !folder.is_dir() => Some(format!(
            "note: there is no folder `{}` to be seen as `{}`",
            folder.display(),
            mount.guest
        )),
        _ => None,
    })
}

/// Limits of a program where nothing is said.
fn usual() -> Limits {
    Limits {
        wall: TIMEOUT,
        ..Limits::default()
    }
}

fn cannot_listen(error: std::io::Error) -> Failure {
    Failure::fault(anyhow::Error::new(error).context("listen for signals"))
}

/// Standard error, whose reader nobody waits for.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        STDERR.try_write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where the server writes what happens; only its user may read it.
fn log(path: Option<&Path>) -> Result<Log, Failure> {
    let Some(path) = path else {
        return Ok(Log::to(Stderr));
    };
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("open `{}`", path.display()))
        .map_err(Failure::usage)?;
    Ok(Log::to(file))
}
