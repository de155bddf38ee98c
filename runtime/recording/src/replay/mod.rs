//! Replaying: a run is given what a recorded run was given, and compared with it event by event.
//!
//! A replay needs no tool, no network, no clock and no file of the host, and waits for nothing. Its first difference stops it.

mod afterwards;
mod answers;
mod clocks;
mod cut;
mod divergence;
mod host;
mod live;
mod order;
mod printed;
mod recorded;
mod state;
mod words;
mod written;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use wxmcp_run::{
    Language, Ledger, Limits, Observer, Policy, Report, Run, RunId, Script, Source, Sources, Stdin,
    ToolHost,
};

use crate::capture::{self, Mounts};
use crate::deterministic;
use crate::event::{End, Head};
pub use afterwards::Afterwards;
pub use divergence::{Divergence, difference};
use host::ReplayedHost;
pub use live::{Answered, Live};
use printed::Printed;
pub use recorded::{Recorded, RecordedError};
use state::State;

/// Wall-clock time that a replay may take: it waits for nothing, so only a script that computes needs any.
const WALL: Duration = Duration::from_secs(600);

/// Wall-clock time that a script which is not the recorded one may take beyond twice the recorded limit: this machine may be
/// slower.
const SLACK: Duration = Duration::from_secs(5);

/// Replays one recorded run.
pub struct Replay {
    state: Arc<State>,
    /// The mounts of the run, as they were captured.
    mounts: Mutex<Option<(Policy, Mounts)>>,
}

/// How a replay went.
#[derive(Debug)]
pub struct Replayed {
    /// The report of the replay, in canonical form: that of the recorded run, if nothing differs.
    pub report: serde_json::Value,
    /// The first difference.
    pub divergence: Option<Divergence>,
    /// Whether it ended before the recorded run did: where the recording was cut short, or where it was to stop.
    pub ended_early: bool,
}

/// How a recorded run is replayed.
#[derive(Clone, Debug, Default)]
pub struct HowToReplay {
    /// Stop before the event with this number.
    pub until: Option<usize>,
    /// Whether another guest carries it out: fuel and memory are not compared.
    pub other_guest: bool,
    /// Whether the script goes on afterwards, as one of a session.
    pub in_session: bool,
    /// The text of the script as it is now, where that is not the recorded one: what it does is compared all the same,
    /// but fuel and memory.
    pub edited: Option<String>,
    /// Whether values of the recording were replaced: what counts their bytes is not compared.
    pub redacted: bool,
    /// Another script that is to be given the recorded answers, instead of the recorded one.
    pub script: Option<OtherScript>,
}

/// A script that is given the answers of another's recording. It is a deterministic run; a call is answered as the first
/// such call of the recording that was not answered yet, and one that has none is the first difference.
#[derive(Clone, Debug)]
pub struct OtherScript {
    /// Its name, for tracebacks.
    pub name: String,
    /// Its source text.
    pub source: String,
    /// Tools whose calls something else answers: recorded ones need not be made.
    pub stubbed: Vec<String>,
}

impl Replay {
    /// A replay.
    pub fn of(recorded: Arc<Recorded>, how: HowToReplay) -> Self {
        Self {
            state: Arc::new(State::new(recorded, how, None)),
            mounts: Mutex::default(),
        }
    }

    /// A replay of the next run of a session, which goes on with what this one left.
    #[must_use]
    pub fn next(&self, recorded: Arc<Recorded>, how: HowToReplay) -> Self {
        let last = Arc::clone(&self.state.last);
        Self {
            state: Arc::new(State::new(recorded, how, Some(last))),
            mounts: Mutex::new(self.mounts.lock().clone()),
        }
    }

    /// The run that replays it, with the mounts as they were captured.
    ///
    /// # Errors
    ///
    /// When the recording says what no run can be.
    pub fn run(&self, ledger: &Ledger, observer: Arc<dyn Observer>) -> Result<Run, RecordedError> {
        let head = &self.state.recorded.head;
        let before = self.mounts.lock().take();
        let sources = match &before {
            Some((policy, _)) => policy.mounts.iter().map(|it| it.source.clone()).collect(),
            None => self.state.recorded.mounts(),
        };
        let captured = sources.iter().map(|source| match source {
            Source::Captured(captured) => Some(Arc::clone(captured)),
            Source::Host(_) | Source::Memory { .. } | Source::Bundle(_) => None,
        });
        let captured: Mounts = captured.collect();
        let policy = policy(head, sources)?;
        *self.mounts.lock() = Some((policy.clone(), captured));
        let limits = self.limits(head);
        if self.state.cut.is_at_once() {
            self.state.ends();
        }
        let host: Arc<dyn ToolHost> = Arc::new(ReplayedHost::new(Arc::clone(&self.state)));
        Ok(Run {
            id: RunId::random(),
            script: script(head, &self.state.how)?,
            policy,
            ledger: ledger.for_run(limits.host_memory),
            limits,
            sources: self.sources(),
            tools: host,
            observer: Arc::new(Printed::new(Arc::clone(&self.state), observer)),
            cancel: Box::pin(state::ended(Arc::clone(&self.state))),
        })
    }

    /// What the run is given by chance.
    fn sources(&self) -> Sources {
        let head = &self.state.recorded.head;
        match self.state.how.script {
            Some(_) => {
                let randomness = wxmcp_run::Randomness::Seeded(head.seed);
                deterministic::from(Duration::from_nanos(head.began), randomness)
            }
            None => state::sources(&self.state, 0, head.seed),
        }
    }

    fn limits(&self, head: &Head) -> Limits {
        let limits = &head.limits;
        let fuel = self.state.recorded.stopped_by_time_at();
        let fuel = fuel.filter(|_| self.state.how.script.is_none());
        // Another script may never end. One that is as it was computes as long as the machine takes.
        let is_other = self.state.how.script.is_some() || self.state.how.edited.is_some();
        let twice = Duration::from_nanos(limits.wall.saturating_mul(2));
        let wall = if is_other {
            twice.saturating_add(SLACK).min(WALL)
        } else {
            match self.state.recorded.end {
                Some(_) => WALL,
                // How far it came is not known: it may have computed for ever, but for no longer than it was allowed.
                None => WALL.min(Duration::from_nanos(limits.wall)),
            }
        };
        Limits {
            fuel: fuel.or(limits.fuel),
            wall,
            ..Limits::from(limits)
        }
    }

    /// Compares the end of the run with that of the recorded one. A run that something outside of it ended is replayed as
    /// far as it came: its report then says how the recorded one ended.
    pub fn finish(&self, report: &mut Report) -> Replayed {
        let mut replayed = self.state.finish(report);
        let is_whole = self.state.recorded.end.is_some() && self.state.how.until.is_none();
        if is_whole && replayed.divergence.is_none() && self.state.how.script.is_none() {
            let mounts = self.mounts.lock().clone();
            replayed.divergence =
                mounts.and_then(
                    |(policy, before)| match capture::changes(&policy, &before) {
                        Ok(written) => self.state.compare_written(&written),
                        Err(error) => Some(self.state.cannot_compare(&error)),
                    },
                );
        }
        replayed
    }

    /// How the recorded run ended, if the recording is complete.
    pub fn recorded_end(&self) -> Option<&End> {
        self.state.recorded.end.as_ref()
    }
}

fn script(head: &Head, how: &HowToReplay) -> Result<Script, RecordedError> {
    let recorded = Script {
        name: head.name.clone(),
        path: head.path.clone(),
        language: language(&head.language)?,
        source: how.edited.as_ref().unwrap_or(&head.source).clone(),
        args: head.args.clone(),
        in_session: head.in_session || how.in_session,
        task: None,
    };
    Ok(match &how.script {
        Some(other) => Script {
            name: other.name.clone(),
            path: None,
            source: other.source.clone(),
            ..recorded
        },
        None => recorded,
    })
}

/// The language of a recorded script.
///
/// # Errors
///
/// When there is none of this name.
pub fn language(name: &str) -> Result<Language, RecordedError> {
    Ok(match name {
        "python" => Language::Python,
        "javascript" => Language::JavaScript,
        "typescript" => Language::TypeScript,
        "component" => Language::Component,
        other => return Err(RecordedError::Language(other.to_owned())),
    })
}

fn policy(head: &Head, sources: Vec<Source>) -> Result<Policy, RecordedError> {
    if sources.len() != head.mounts.len() {
        return Err(RecordedError::Mounts);
    }
    let mounts = head.mounts.iter().zip(sources);
    let mounts = mounts.map(|(mount, source)| wxmcp_run::Mount {
        source,
        guest: mount.guest.clone(),
        access: match mount.is_writable {
            true => wxmcp_run::Access::ReadWrite,
            false => wxmcp_run::Access::ReadOnly,
        },
        quota: wxmcp_run::Quota {
            bytes: mount.quota_bytes,
            files: mount.quota_files,
        },
    });
    Ok(Policy {
        mounts: mounts.collect(),
        env: head.env.clone(),
        stdin: match head.stdin.0.is_empty() {
            true => Stdin::Empty,
            false => Stdin::Bytes(head.stdin.0.clone()),
        },
        protected: wxmcp_run::Protected::default(),
        workdir: head.workdir.clone(),
        packages: head.packages.clone(),
        hidden: Vec::new(),
    })
}
