//! The runs of a session, recorded one after the other.

use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use wxmcp_run::{
    BoxFuture, Charge, Ledger, Outcome, Policy, RecordingFile, Report, Run, RunError,
    RunnerSession, Source, ToRecord, ToolHost,
};

use super::aside::aside;
use super::{Recorder, Sink, digests, secret_file_of, secret_of};
use crate::capture::{self, Mounts};
use crate::event::{Event, Head};
use crate::file::Writer;

/// Bytes that a recorder takes while it is kept: what the compressor knows of the last 2 MiB, for the most part.
const OWN: u64 = 4 << 20;

/// Records what sessions run, each after the one before, into one file.
pub struct SessionRecorder {
    how: ToRecord,
    /// The words of the command line that began it.
    command: Vec<String>,
    state: Mutex<State>,
}

enum State {
    /// No run has begun.
    New,
    Recording(Recorder),
    /// Nothing more is recorded.
    GaveUp,
}

impl SessionRecorder {
    /// One that has recorded nothing yet.
    pub fn new(how: ToRecord, command: Vec<String>) -> Arc<Self> {
        Arc::new(Self {
            how,
            command,
            state: Mutex::new(State::New),
        })
    }

    fn has_given_up(&self) -> bool {
        matches!(*self.state.lock(), State::GaveUp)
    }

    /// Ends the recording with what it has.
    fn give_up(&self, why: &str) {
        let before = std::mem::replace(&mut *self.state.lock(), State::GaveUp);
        if !matches!(before, State::GaveUp) {
            self.how.file.gave_up(why);
        }
    }

    /// The run as it is to be carried out.
    fn begin(&self, run: Run, head: Head, captured: Option<Vec<Event>>) -> io::Result<Run> {
        let mut state = self.state.lock();
        match &mut *state {
            State::Recording(recorder) => recorder.next(run, head, captured),
            State::New | State::GaveUp => {
                let file = File::new(Arc::clone(&self.how.file))?;
                let captured = captured.unwrap_or_default();
                let (run, recorder) = Recorder::of(run, head, captured, Box::new(file))?;
                *state = State::Recording(recorder);
                Ok(run)
            }
        }
    }

    fn end(
        &self,
        report: &Report,
        written: Vec<Event>,
        tools: Vec<(String, String)>,
    ) -> io::Result<()> {
        match &*self.state.lock() {
            State::Recording(recorder) => {
                written.into_iter().for_each(|event| recorder.push(event));
                recorder.end_run(report, tools)
            }
            State::New | State::GaveUp => Ok(()),
        }
    }
}

/// A session whose runs are recorded.
pub struct RecordedSession {
    inner: Box<dyn RunnerSession>,
    recorder: Arc<SessionRecorder>,
    /// Since its first run.
    kept: Option<Kept>,
}

/// What a session has of its first run.
struct Kept {
    policy: Policy,
    /// What its mounts held.
    mounts: Arc<Mounts>,
    /// How they were different when its last run had ended.
    written: Vec<Event>,
    held: Charge,
}

impl RecordedSession {
    /// A session, none of whose runs have begun. `recorder` may have those of another one that has ended.
    pub fn new(inner: Box<dyn RunnerSession>, recorder: Arc<SessionRecorder>) -> Self {
        Self {
            inner,
            recorder,
            kept: None,
        }
    }

    async fn carry_out(&mut self, mut run: Run) -> Result<Report, RunError> {
        if self.recorder.has_given_up() || self.inner.is_over() {
            return self.inner.run(run).await;
        }
        let (tools, ledger) = (Arc::clone(&run.tools), run.ledger.clone());
        let cancel = Cancel::of(&mut run);
        let run = self.begin(run).await?;
        let ran = self.inner.run(run).await;
        let Ok(report) = &ran else {
            self.recorder.give_up("a run could not begin");
            return ran;
        };
        if let Err(why) = self.end(report, &tools, (&ledger, cancel)).await {
            self.recorder.give_up(&why);
        }
        ran
    }

    /// The run as it is carried out: recorded, unless something forbids that by now.
    #[expect(
        clippy::too_many_lines,
        reason = "one reason not to record after the other"
    )]
    async fn begin(&mut self, run: Run) -> Result<Run, RunError> {
        let how = &self.recorder.how;
        if !how.allows_secrets
            && let Some((name, why)) = secret_of(&run.policy.env)
        {
            return Err(RunError::NotRecorded(format!(
                "the environment variable `{name}` {why}, and would be in the recording"
            )));
        }
        let not_recorded = |error: &dyn std::error::Error| RunError::NotRecorded(in_words(error));
        let head = Head::of(&run, &how.guest, env!("CARGO_PKG_VERSION"));
        let mut head = head.map_err(|error| not_recorded(&error))?;
        head.command.clone_from(&self.recorder.command);
        if let Some(kept) = &self.kept {
            let changes = changes(&kept.policy, &kept.mounts).await;
            let refused = match changes {
                Ok(now) if now == kept.written => None,
                Ok(_) => Some(
                    "files of a mount were changed between two runs, by something else than these"
                        .to_owned(),
                ),
                Err(why) => Some(why),
            };
            return match refused {
                Some(why) => {
                    self.recorder.give_up(&why);
                    Ok(run)
                }
                None => self
                    .recorder
                    .begin(run, head, None)
                    .map_err(|error| not_recorded(&error)),
            };
        }
        let policy = run.policy.clone();
        let reading = policy.clone();
        let mounts = match has_folders(&policy) {
            true => aside(move || capture::capture(&reading)).await,
            false => capture::capture(&reading),
        };
        let mounts = mounts.map_err(|error| not_recorded(&error))?;
        if !how.allows_secrets
            && let Some((path, guest)) = secret_file_of(&policy, &mounts)
        {
            let path = path.escape_debug();
            return Err(RunError::NotRecorded(format!(
                "`{path}` of the mount `{guest}` looks like a secret, and would be in the recording"
            )));
        }
        let payer = match run.script.in_session {
            true => run.ledger.process(),
            false => &run.ledger,
        };
        let held = payer
            .charge(OWN.saturating_add(size(&mounts)))
            .map_err(|error| not_recorded(&error))?;
        let captured = capture::events(&mounts).collect();
        let run = self.recorder.begin(run, head, Some(captured));
        let run = run.map_err(|error| not_recorded(&error))?;
        self.kept = Some(Kept {
            policy,
            mounts: Arc::new(mounts),
            written: Vec::new(),
            held,
        });
        Ok(run)
    }

    async fn end(
        &mut self,
        report: &Report,
        tools: &Arc<dyn ToolHost>,
        (ledger, cancel): (&Ledger, Cancel),
    ) -> Result<(), String> {
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        let written = changes(&kept.policy, &kept.mounts).await?;
        kept.written.clone_from(&written);
        let digests = match report.outcome {
            // Nobody answers any more.
            Outcome::Cancelled => Vec::new(),
            _ => cancel.unless(digests(report, &**tools, ledger)).await,
        };
        self.recorder
            .end(report, written, digests)
            .map_err(|error| in_words(&error))
    }
}

impl RunnerSession for RecordedSession {
    fn run(&mut self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(self.carry_out(run))
    }

    fn is_over(&self) -> bool {
        self.inner.is_over()
    }

    fn memory(&self) -> u64 {
        let held = self.kept.as_ref().map_or(0, |kept| kept.held.bytes());
        self.inner.memory().saturating_add(held)
    }
}

/// How the mounts of a session differ now from what they held.
async fn changes(policy: &Policy, before: &Arc<Mounts>) -> Result<Vec<Event>, String> {
    let changes = match has_folders(policy) {
        true => {
            let (policy, before) = (policy.clone(), Arc::clone(before));
            aside(move || capture::changes(&policy, &before)).await
        }
        false => capture::changes(policy, before),
    };
    changes.map_err(|error| in_words(&error))
}

fn has_folders(policy: &Policy) -> bool {
    let mut mounts = policy.mounts.iter();
    mounts.any(|mount| matches!(mount.source, Source::Host(_)))
}

/// Bytes of what mounts held.
fn size(mounts: &Mounts) -> u64 {
    let entries = mounts.iter().flatten().flat_map(|it| &it.entries);
    let bytes = entries.map(|entry| {
        let body = match &entry.body {
            wxmcp_run::CapturedBody::File(bytes) => bytes.len(),
            _ => 0,
        };
        body.saturating_add(entry.path.len()).saturating_add(128)
    });
    u64::try_from(bytes.sum::<usize>()).unwrap_or(u64::MAX)
}

/// An error, with its causes.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// The file of a session's recording.
struct File {
    writer: Writer<Bytes>,
    to: Arc<dyn RecordingFile>,
}

impl File {
    fn new(to: Arc<dyn RecordingFile>) -> io::Result<Self> {
        let writer = Writer::new(Bytes(Arc::clone(&to)))?;
        Ok(Self { writer, to })
    }
}

impl Sink for File {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        Ok(self.writer.push(event)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush()?)
    }

    fn run_ended(&mut self) -> io::Result<()> {
        let ending = self.writer.ending()?;
        self.to.run_ended(&ending);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        Ok(self.writer.finish()?)
    }
}

struct Bytes(Arc<dyn RecordingFile>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What ends a run as cancelled, and what follows it.
struct Cancel(Arc<Mutex<Option<BoxFuture<'static, ()>>>>);

impl Cancel {
    /// That of a run, which has it still.
    fn of(run: &mut Run) -> Self {
        let taken = std::mem::replace(&mut run.cancel, Box::pin(std::future::pending()));
        let this = Self(Arc::new(Mutex::new(Some(taken))));
        run.cancel = Box::pin(Self(Arc::clone(&this.0)).ended());
        this
    }

    async fn ended(self) {
        std::future::poll_fn(|context| {
            let mut cancel = self.0.lock();
            let polled = match cancel.as_mut() {
                Some(cancel) => cancel.as_mut().poll(context),
                None => Poll::Ready(()),
            };
            if polled.is_ready() {
                *cancel = None;
            }
            polled
        })
        .await;
    }

    /// What something answers, unless it is cancelled before.
    async fn unless<T: Default>(self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut cancelled = pin!(self.ended());
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => cancelled.as_mut().poll(context).map(|()| T::default()),
        })
        .await
    }
}
