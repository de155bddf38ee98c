//! A run that was assigned to a worker, as its parent has it: who answers its calls, and all that the worker may say
//! of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use wxmcp_run::{
    CallContext, CallEnd, CallId, CallProgress, CallRecord, Charge, ClockHandle, ClockSink,
    ForTool, Held, Ledger, Limit, Limits, Observer, OwnedEvent, RecordingFile, Report, RunError,
    RunId, Seen, ToolErrorKind, ToolHost, WorkerEnd,
};

use crate::breach::Breach;
use crate::clock::MirrorClock;
use crate::line::Line;
use crate::load::Load;
use crate::message::{self, Answer, Ended, Failure, FromWorker, Question, ToWorker};
use crate::questions::answer;

/// How long a worker may take to begin a run beyond its time: one that is just starting, on a machine that has much to do.
const BEGINNING: Duration = Duration::from_secs(5);

/// How much later than the worker the parent ends a run whose time is over.
const GRACE: Duration = Duration::from_secs(1);

/// Bytes of a name that a report keeps.
const MAX_NAME: usize = 256;

/// Longest message of progress, in bytes.
const MAX_PROGRESS: usize = 1 << 10;

/// Bytes of output that are taken before the worker hears of it.
const TAKEN: u64 = 64 << 10;

/// Bytes of a message beside what its run may print and return: arguments of one call, or artifacts.
pub(crate) const MESSAGE: usize = 24 << 20;

/// Bytes that the record of a call takes in a report, its name included.
const RECORD: u64 = 512;

/// A run and what became of it so far.
pub(crate) struct Assigned {
    pub(crate) id: RunId,
    line: Arc<Line>,
    limits: Limits,
    tools: Arc<dyn ToolHost>,
    observer: Arc<dyn Observer>,
    /// Takes its recording, if it is recorded.
    recording: Option<Arc<dyn RecordingFile>>,
    ledger: Ledger,
    clock: Arc<MirrorClock>,
    seen: Seen,
    sent: Instant,
    /// Told when it begins: its time ends sooner than it could have.
    pub(crate) begins: Notify,
    state: Mutex<State>,
}

struct State {
    asks: HashMap<u64, AbortHandle>,
    calls_left: u64,
    records: Vec<CallRecord>,
    /// Bytes that it may still print.
    output_left: u64,
    /// Bytes that were taken, and that the worker has not heard of.
    taken: u64,
    /// What waits until the observer takes more.
    full: Option<AbortHandle>,
    /// What the worker holds for it.
    held: Charge,
    /// When its worker has said that it begins.
    begun: Option<Instant>,
    /// Why it is being ended.
    stopped: Option<Limit>,
    done: Option<oneshot::Sender<Done>>,
}

/// How a run ended, and what its worker still holds for it.
pub(crate) struct Done {
    pub(crate) report: Result<Report, RunError>,
    pub(crate) is_over: bool,
    pub(crate) held: Option<Charge>,
    /// Bytes that the instance of a session takes while it is kept.
    pub(crate) memory: u64,
    /// Whether it began: one that did not can be given to another worker.
    pub(crate) has_begun: bool,
}

impl Assigned {
    /// `held` is what is charged for the run already.
    pub(crate) fn new(
        run: &Load,
        line: Arc<Line>,
        held: Charge,
        done: oneshot::Sender<Done>,
    ) -> Self {
        let clock = MirrorClock::new(run.id, run.limits.start, Arc::clone(&line));
        Self {
            id: run.id,
            line,
            tools: Arc::clone(&run.tools),
            observer: Arc::clone(&run.observer),
            recording: run.recording.clone(),
            ledger: run.ledger.clone(),
            clock: Arc::new(clock),
            seen: Seen::now(),
            sent: Instant::now(),
            begins: Notify::new(),
            state: Mutex::new(State {
                asks: HashMap::new(),
                calls_left: run.limits.tool_calls,
                records: Vec::new(),
                output_left: run.limits.output,
                taken: 0,
                full: None,
                held,
                begun: None,
                stopped: None,
                done: Some(done),
            }),
            limits: run.limits.clone(),
        }
    }

    /// Longest message that its worker may send about it.
    pub(crate) fn longest_message(&self) -> usize {
        let calls = self.limits.tool_calls.saturating_mul(RECORD);
        let own = self.limits.value.saturating_add(self.limits.output);
        let own = own.saturating_add(calls);
        usize::try_from(own)
            .unwrap_or(usize::MAX)
            .saturating_add(MESSAGE)
    }

    /// Bytes that its worker may hold for it: the guest's memory, and what is charged beside that.
    pub(crate) fn may_use(&self) -> u64 {
        let held = self.state.lock().held.bytes();
        self.limits.memory.saturating_add(held)
    }

    /// When its worker should have ended it for its time, at the latest.
    pub(crate) fn due(&self) -> Instant {
        let begun = self.state.lock().begun;
        // The run's own time begins with it, or a little before.
        let from = begun.unwrap_or_else(|| later(self.sent, BEGINNING));
        let time = self.limits.wall.saturating_add(self.clock.still());
        later(from, time.saturating_add(GRACE))
    }

    /// Ends it for a limit that its worker does not know of.
    pub(crate) fn stop(&self, limit: Limit) {
        self.state.lock().stopped.get_or_insert(limit);
        self.cancel();
    }

    /// Asks the worker to end it.
    pub(crate) fn cancel(&self) {
        self.line.tell(self.id, &ToWorker::Cancel);
    }

    /// Nobody waits for it any more: it is cancelled, and so are its calls.
    pub(crate) fn abandon(&self) {
        self.cancel();
        let mut state = self.state.lock();
        state.done = None;
        let open = std::mem::take(&mut state.asks);
        drop(state);
        open.into_values().for_each(|abort| abort.abort());
    }

    /// Takes what the worker says of it.
    ///
    /// # Errors
    ///
    /// What it may not say.
    pub(crate) fn take(self: &Arc<Self>, message: FromWorker) -> Result<(), Breach> {
        match message {
            FromWorker::Ready | FromWorker::Ended(_) => Err(Breach::NoRun),
            FromWorker::Begun => {
                self.state.lock().begun.get_or_insert_with(Instant::now);
                self.begins.notify_one();
                Ok(())
            }
            FromWorker::Heard(heard) => self.hear(&heard),
            FromWorker::Ask { ask, question } => self.ask(ask, question),
            FromWorker::Forget(ask) => {
                if let Some(abort) = self.state.lock().asks.remove(&ask) {
                    abort.abort();
                }
                Ok(())
            }
            FromWorker::Recorded(recorded) => recorded.hand_to(self.recording.as_deref()),
            FromWorker::Held(bytes) => {
                let refused = self.state.lock().held.resize(bytes).err();
                if let Some(error) = refused {
                    self.stop(error.limit());
                }
                Ok(())
            }
        }
    }

    fn hear(self: &Arc<Self>, heard: &OwnedEvent) -> Result<(), Breach> {
        match heard {
            OwnedEvent::Output { bytes, .. } => self.spend_output(bytes.len())?,
            OwnedEvent::Progress {
                message: Some(message),
                ..
            } if message.len() > MAX_PROGRESS => return Err(Breach::TooLongEvent),
            // Calls are answered here, and so is it known here how far they are.
            OwnedEvent::CallProgress { .. } => return Err(Breach::NotItsEvent),
            OwnedEvent::CallStarted { name, .. } if name.len() > MAX_NAME => {
                return Err(Breach::TooLongEvent);
            }
            _ => {}
        }
        self.observer.event(heard.as_event());
        if let OwnedEvent::Output { .. } = heard {
            self.acknowledge();
        }
        Ok(())
    }

    fn spend_output(&self, bytes: usize) -> Result<(), Breach> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut state = self.state.lock();
        let left = state.output_left.checked_sub(bytes);
        state.output_left = left.ok_or(Breach::TooMuchOutput)?;
        state.taken = state.taken.saturating_add(bytes);
        Ok(())
    }

    /// Tells the worker what was taken, once the observer has room for more: the worker does not print much before.
    fn acknowledge(self: &Arc<Self>) {
        let full = self.observer.full();
        let mut state = self.state.lock();
        match full {
            _ if state.full.is_some() => {}
            None if state.taken >= TAKEN => {
                let taken = std::mem::take(&mut state.taken);
                self.line.tell(self.id, &ToWorker::Taken(taken));
            }
            None => {}
            Some(room) => {
                let run = Arc::clone(self);
                let waiting = tokio::spawn(async move {
                    room.await;
                    let mut state = run.state.lock();
                    state.full = None;
                    let taken = std::mem::take(&mut state.taken);
                    run.line.tell(run.id, &ToWorker::Taken(taken));
                });
                state.full = Some(waiting.abort_handle());
            }
        }
    }

    fn ask(self: &Arc<Self>, ask: u64, question: Question) -> Result<(), Breach> {
        let mut state = self.state.lock();
        if state.done.is_none() {
            // Nobody waits for it: it is being cancelled.
            return Ok(());
        }
        if state.asks.contains_key(&ask) {
            return Err(Breach::SameAsk);
        }
        // The worker gives each question a slot, and takes it back when it has read the answer.
        if state.asks.len() > self.most_asks() {
            return Err(Breach::TooManyAsks);
        }
        let index = state.record(&question)?;
        let progress = self.progress(&question);
        let run = Arc::clone(self);
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let context = run.context(progress);
            let answered = answer(&run.tools, context, question).await;
            let error = answered.as_ref().err().map(|error| error.kind);
            run.note_end(index, error, began.elapsed());
            run.send(ask, answered).await;
            run.state.lock().asks.remove(&ask);
        });
        state.asks.insert(ask, task.abort_handle());
        Ok(())
    }

    /// Who hears how far a call is: its server and its tool file are on this side.
    fn progress(&self, question: &Question) -> CallProgress {
        let Question::Call { sequence, name, .. } = question else {
            return CallProgress::default();
        };
        CallProgress::of(Arc::clone(&self.observer), *sequence, name)
    }

    fn context(&self, progress: CallProgress) -> CallContext {
        let clock: Arc<dyn ClockSink> = Arc::<MirrorClock>::clone(&self.clock);
        CallContext {
            run: self.id,
            clock: ClockHandle::new(clock),
            ledger: self.ledger.clone(),
            seen: self.seen.clone(),
            held: Held::default(),
            id: CallId::default(),
            for_tool: ForTool::default(),
            progress,
        }
    }

    /// Questions that may be open at once: those in slots, and as many whose answers were sent just now.
    fn most_asks(&self) -> usize {
        let slots = self.limits.concurrent_calls.max(1);
        usize::try_from(slots.saturating_mul(2)).unwrap_or(usize::MAX)
    }

    /// Notes in the record of a call that it has ended.
    fn note_end(&self, index: Option<usize>, error: Option<ToolErrorKind>, elapsed: Duration) {
        let mut state = self.state.lock();
        if let Some(record) = index.and_then(|index| state.records.get_mut(index)) {
            record.ended = Some(CallEnd {
                error,
                milliseconds: elapsed.as_secs_f64() * 1e3,
                answer_bytes: 0,
            });
        }
    }

    async fn send(&self, ask: u64, answered: Result<(Answer, Held), wxmcp_run::ToolError>) {
        let (answer, held) = match answered {
            Ok((answer, held)) => (Ok(answer), held),
            Err(error) => (Err(Failure::from(error)), Held::default()),
        };
        let changed = self.tools.changed();
        let message = ToWorker::Answer {
            ask,
            answer,
            changed,
        };
        if self.line.send(self.id, &message, held).await.is_err() {
            let answer = Err(Failure {
                kind: ToolErrorKind::AnswerTooLarge,
                message: "the answer is too large for a message to a worker process".to_owned(),
                data: None,
            });
            let message = ToWorker::Answer {
                ask,
                answer,
                changed: Vec::new(),
            };
            self.line.tell(self.id, &message);
        }
    }

    /// The worker says that it has ended.
    ///
    /// # Errors
    ///
    /// When the report is more than there may be.
    pub(crate) fn end(&self, ended: Ended) -> Result<(), Breach> {
        let Ended {
            result,
            is_over,
            held: kept,
            memory,
        } = ended;
        let report = match result {
            Ok(report) => Ok(self.report(report)?),
            Err(failure) => Err(RunError::from(failure)),
        };
        self.finish(|state| {
            let held = std::mem::replace(&mut state.held, self.ledger.nothing());
            Done {
                report,
                is_over,
                held: keep(held, kept),
                memory,
                has_begun: true,
            }
        });
        Ok(())
    }

    fn report(&self, report: message::Report) -> Result<Report, Breach> {
        let length = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        let printed = length(report.stdout.0.len()).saturating_add(length(report.stderr.0.len()));
        let is_too_large = printed > self.limits.output
            || length(report.calls.len()) > self.limits.tool_calls
            || matches!(&report.outcome, message::Outcome::Returned(value) if length(value.len()) > self.limits.value);
        if is_too_large {
            return Err(Breach::TooLargeReport);
        }
        let mut report = report.of(self.id).map_err(|_| Breach::NoOutcome)?;
        report.usage.host_peak = report.usage.host_peak.max(self.ledger.peak());
        let stopped = self.state.lock().stopped.take();
        if let (Some(limit), wxmcp_run::Outcome::Cancelled) = (stopped, &report.outcome) {
            report.outcome = wxmcp_run::Outcome::Stopped(limit, None);
        }
        Ok(report)
    }

    /// The worker has ended, and the run with it.
    pub(crate) fn lose(&self, how: WorkerEnd) {
        self.finish(|state| {
            // What its worker broke is not tried again.
            let is_tried = !matches!(how, WorkerEnd::Signal(_) | WorkerEnd::Exit(_));
            let held = std::mem::replace(&mut state.held, self.ledger.nothing());
            Done {
                report: Err(RunError::WorkerEnded {
                    how,
                    calls: std::mem::take(&mut state.records),
                }),
                is_over: true,
                held: Some(held),
                memory: 0,
                has_begun: state.begun.is_some() || is_tried,
            }
        });
    }

    fn finish(&self, done: impl FnOnce(&mut State) -> Done) {
        let (waiting, open) = {
            let mut state = self.state.lock();
            let mut open = std::mem::take(&mut state.asks);
            open.extend(state.full.take().map(|full| (0, full)));
            // Also if nobody waits for it: what is charged is given back.
            let done = done(&mut state);
            (state.done.take().map(|sender| (sender, done)), open)
        };
        open.into_values().for_each(|abort| abort.abort());
        if let Some((sender, done)) = waiting {
            let _nobody_waits = sender.send(done);
        }
    }
}

/// A time after another; for ever, if there is none.
fn later(from: Instant, by: Duration) -> Instant {
    let ever = Duration::from_secs(60 * 60 * 24 * 365);
    from.checked_add(by.min(ever)).unwrap_or(from)
}

/// What stays charged for an instance that is kept; never more than was charged before.
fn keep(mut held: Charge, bytes: u64) -> Option<Charge> {
    let bytes = bytes.min(held.bytes());
    held.resize(bytes).ok()?;
    (bytes > 0).then_some(held)
}

impl State {
    /// Spends a call, and notes it; answers where.
    fn record(&mut self, question: &Question) -> Result<Option<usize>, Breach> {
        let (sequence, name, argument_bytes) = match question {
            Question::Call {
                sequence,
                name,
                arguments,
            } => (*sequence, name.as_str(), arguments.len()),
            Question::Capability {
                capability: message::Capability::Http,
                request,
            } => (0, "http", request.len()),
            _ => return Ok(None),
        };
        let left = self.calls_left.checked_sub(1);
        self.calls_left = left.ok_or(Breach::TooManyCalls)?;
        let end = name.floor_char_boundary(MAX_NAME);
        self.records.push(CallRecord {
            sequence,
            name: name.get(..end).unwrap_or_default().to_owned(),
            ended: None,
            argument_bytes: u64::try_from(argument_bytes).unwrap_or(u64::MAX),
        });
        Ok(Some(self.records.len().saturating_sub(1)))
    }
}
