//! Recordings of sessions: their runs once more, one after the other.

use std::sync::Arc;

use anyhow::Context as _;
use wxmcp_host::{Guests, Runtime, Session, StartError};
use wxmcp_recording::{Afterwards, HowToReplay, Recorded, Replay, Replayed};
use wxmcp_run::{Ledger, Limits, Observer, Report};

use super::differs::in_words;
use super::load::Loaded;
use crate::cli::ReplayArgs;
use crate::exit::{Exit, Failure};
use crate::render::{self, Terminal};

/// The runs of a recording, replayed one at a time.
pub(in crate::commands) struct Again<'l> {
    runs: Vec<&'l Arc<Recorded>>,
    other_guest: bool,
    runtime: Runtime,
    /// The interpreter, and the run that it replayed last.
    open: Option<(Session, Replay)>,
    next: usize,
    limits: Limits,
}

impl<'l> Again<'l> {
    /// All of them are to come.
    ///
    /// # Errors
    ///
    /// When no runtime can be made.
    pub(in crate::commands) fn of(
        loaded: &'l Loaded,
        guests: &Arc<Guests>,
    ) -> Result<Self, Failure> {
        let runtime = Runtime::with_guests(Arc::clone(guests))
            .build()
            .context("make a runtime without tools")
            .map_err(Failure::fault)?;
        Ok(Self {
            runs: loaded.runs().map(|(_, run)| run).collect(),
            other_guest: loaded.other_guest,
            runtime,
            open: None,
            next: 0,
            limits: Limits::default(),
        })
    }

    /// The next run, if it begins before an event; whether it is the last one that does.
    pub(in crate::commands) fn upcoming(&self, until: Option<usize>) -> Option<bool> {
        let begins = |at: usize| {
            let run = self.runs.get(at)?;
            until.is_none_or(|until| run.first <= until).then_some(())
        };
        begins(self.next)?;
        Some(begins(self.next.saturating_add(1)).is_none())
    }

    /// Replays the next run.
    ///
    /// # Errors
    ///
    /// When it cannot begin.
    pub(in crate::commands) async fn replay(
        &mut self,
        how: HowToReplay,
        observer: Arc<dyn Observer>,
    ) -> Result<(Replayed, Report), Failure> {
        let Some(recorded) = self.runs.get(self.next).map(|run| Arc::clone(run)) else {
            return Err(Failure::fault(anyhow::anyhow!("there is no next run")));
        };
        self.next = self.next.saturating_add(1);
        let how = HowToReplay {
            other_guest: self.other_guest,
            ..how
        };
        let name = recorded.head.name.clone();
        let failure = |error| super::super::run::failure(error, &name, true);
        // Where a run ended its session, the next one began another.
        let before = self.open.take().filter(|(session, _)| !session.is_over());
        let (session, replay) = match before {
            Some((session, before)) => (Some(session), before.next(recorded, how)),
            None => (None, Replay::of(recorded, how)),
        };
        let run = replay.run(&Ledger::unbounded(), observer);
        let run = run
            .context("the recording cannot be replayed")
            .map_err(Failure::usage)?;
        let mut session = match session {
            Some(session) => session,
            None => self.runtime.session(run.script.language).map_err(failure)?,
        };
        self.limits = run.limits.clone();
        let report = session.run_given(run).await;
        let mut report = report.map_err(|error| match error {
            StartError::Run(error) => failure(error),
            other => Failure::fault(other.into()),
        })?;
        let replayed = replay.finish(&mut report);
        self.open = Some((session, replay));
        Ok((replayed, report))
    }

    /// What there is to look up of tools after a replay.
    pub(in crate::commands) fn afterwards(&self) -> Arc<Afterwards> {
        Arc::new(Afterwards::of(self.runs.iter().copied()))
    }

    /// What goes on after the run that was replayed last: the interpreter, with the limits of that run.
    pub(in crate::commands) fn into_session(self) -> (Runtime, Option<Session>, Limits) {
        (
            self.runtime,
            self.open.map(|(session, _)| session),
            self.limits,
        )
    }
}

/// Replays all runs up to an event, or to the first that differs: what became of the last.
///
/// # Errors
///
/// When one cannot begin.
pub(super) async fn replay(
    loaded: &Loaded,
    until: Option<usize>,
    guests: &Arc<Guests>,
    observer: Arc<dyn Observer>,
) -> Result<(Replayed, Report), Failure> {
    let mut again = Again::of(loaded, guests)?;
    loop {
        let is_last = again.upcoming(until).unwrap_or(true);
        let how = HowToReplay {
            until: until.filter(|_| is_last),
            ..HowToReplay::default()
        };
        let (replayed, report) = again.replay(how, Arc::clone(&observer)).await?;
        if is_last || replayed.divergence.is_some() {
            return Ok((replayed, report));
        }
    }
}

/// `wxmcp replay` of a session: each run prints what it printed, and its value or report.
pub(super) fn execute(
    args: &ReplayArgs,
    loaded: &Loaded,
    guests: &Arc<Guests>,
) -> Result<Exit, Failure> {
    for (is_said, flag) in [
        (args.script.is_some(), "--script"),
        (args.live.live, "--live"),
    ] {
        if is_said {
            return Err(Failure::usage(anyhow::anyhow!(
                "`{}` is the recording of a session: `{flag}` is for that of one run",
                args.file.display()
            )));
        }
    }
    crate::runtime::event_loop()?.run(replay_all(args, loaded, guests))
}

async fn replay_all(
    args: &ReplayArgs,
    loaded: &Loaded,
    guests: &Arc<Guests>,
) -> Result<Exit, Failure> {
    let mut again = Again::of(loaded, guests)?;
    let mut exit = Exit::Success;
    while let Some(is_last) = again.upcoming(args.until) {
        let terminal = Arc::new(Terminal::new(!args.json, !args.quiet && !args.json));
        let how = HowToReplay {
            until: args.until.filter(|_| is_last),
            ..HowToReplay::default()
        };
        let (replayed, report) = again.replay(how, terminal.clone()).await?;
        terminal.finish();
        if let Some(divergence) = &replayed.divergence {
            let file = args.file.display().to_string();
            render::failed(&in_words(divergence, loaded, None, &file));
            return Ok(Exit::Diverged);
        }
        if let Some(event) = args.until.filter(|_| is_last) {
            render::note(&format!("stopped before event {event}"));
        }
        if args.json {
            render::line(&replayed.report.to_string());
        } else {
            render::report(&report, false, args.usage, args.quiet);
        }
        exit = Exit::from(&report.outcome);
    }
    Ok(exit)
}
