//! The way of one run to the parent: what it asks, what is answered, and what it prints.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use wxmcp_run::{
    BoxFuture, ClockHandle, ClockMessage, Event, Held, Ledger, Observer, ToolError, ToolErrorKind,
};

use crate::frame::frame;
use crate::link::Outgoing;
use crate::message::{Answer, Ended, Failure, FromWorker, Question, Recorded};

/// Bytes that a run may print before the parent has taken them; then it waits.
const MAX_UNTAKEN: u64 = 256 << 10;

/// Changes of what is held that are told, in bytes.
const TOLD: u64 = 64 << 10;

/// The way of one run.
pub(super) struct Way {
    run: u128,
    out: Arc<Outgoing>,
    pub(super) ledger: Ledger,
    pub(super) namespaces: Vec<String>,
    state: Mutex<State>,
    /// Told when the parent has taken what was printed.
    taken: Arc<Notify>,
}

#[derive(Default)]
struct State {
    has_begun: bool,
    has_ended: bool,
    asks: HashMap<u64, oneshot::Sender<Result<Answer, Failure>>>,
    last_ask: u64,
    changed: Vec<String>,
    /// The run's clock, once a call has shown it.
    clock: Option<ClockHandle>,
    untaken: u64,
    /// What the parent knows to be held.
    told: u64,
}

impl Way {
    pub(super) fn new(
        run: u128,
        out: Arc<Outgoing>,
        ledger: Ledger,
        namespaces: Vec<String>,
    ) -> Self {
        Self {
            run,
            out,
            ledger,
            namespaces,
            state: Mutex::default(),
            taken: Arc::default(),
        }
    }

    /// The run, by its bits.
    pub(super) fn run(&self) -> u128 {
        self.run
    }

    fn send(&self, message: &FromWorker, held: Held) -> Result<(), ToolError> {
        let mut next = frame(self.run, message)
            .map_err(|error| ToolError::new(ToolErrorKind::InvalidCall, error.to_string()))?;
        if !std::mem::replace(&mut self.state.lock().has_begun, true)
            && let Ok(mut begun) = frame(self.run, &FromWorker::Begun)
        {
            begun.append(&mut next);
            next = begun;
        }
        self.out.send(next, held);
        Ok(())
    }

    /// The first word about the run. It goes with the next one, if that comes first: nothing was done until then.
    pub(super) fn begin(&self) {
        if !std::mem::replace(&mut self.state.lock().has_begun, true)
            && let Ok(begun) = frame(self.run, &FromWorker::Begun)
        {
            self.out.send(begun, Held::default());
        }
    }

    /// Asks the parent. What is charged for the question is given back once it is written.
    pub(super) async fn ask(
        &self,
        clock: &ClockHandle,
        question: Question,
        held: Held,
    ) -> Result<Answer, ToolError> {
        let (sender, answer) = oneshot::channel();
        let ask = {
            let mut state = self.state.lock();
            if state.has_ended {
                return Err(ToolError::new(
                    ToolErrorKind::ToolFailed,
                    "the run has ended",
                ));
            }
            state.clock.get_or_insert_with(|| clock.clone());
            state.last_ask = state.last_ask.saturating_add(1);
            let ask = state.last_ask;
            state.asks.insert(ask, sender);
            ask
        };
        let mut waiting = Waiting {
            way: self,
            ask: Some(ask),
        };
        self.send(&FromWorker::Ask { ask, question }, held)?;
        let answered = answer.await;
        waiting.ask = None;
        match answered {
            Ok(answer) => answer.map_err(ToolError::from),
            Err(_) => Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                "the run has ended",
            )),
        }
    }

    /// The parent has answered.
    pub(super) fn answer(&self, ask: u64, answer: Result<Answer, Failure>, changed: Vec<String>) {
        let waiting = {
            let mut state = self.state.lock();
            state.changed.extend(changed);
            state.asks.remove(&ask)
        };
        if let Some(waiting) = waiting {
            let _is_forgotten = waiting.send(answer);
        }
    }

    /// The parent stops the clock, or lets it go on.
    pub(super) fn turn_clock(&self, pause: bool) {
        let clock = self.state.lock().clock.clone();
        if let Some(clock) = clock {
            clock.send(match pause {
                true => ClockMessage::Pause,
                false => ClockMessage::Resume,
            });
        }
    }

    /// The parent has taken so many bytes that were printed.
    pub(super) fn take(&self, bytes: u64) {
        let mut state = self.state.lock();
        state.untaken = state.untaken.saturating_sub(bytes);
        drop(state);
        self.taken.notify_waiters();
    }

    /// The namespaces whose tools changed since this was last asked.
    pub(super) fn changed(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().changed)
    }

    /// Tells the parent what comes of the recording.
    pub(super) fn record(&self, recorded: Recorded) {
        if !self.has_ended() {
            let _short = self.send(&FromWorker::Recorded(recorded), Held::default());
        }
    }

    /// Tells the parent what is held, if that is much more or less than it knows.
    pub(super) fn tell_held(&self) {
        let held = self.ledger.held();
        {
            let mut state = self.state.lock();
            if state.has_ended || held.abs_diff(state.told) < TOLD {
                return;
            }
            state.told = held;
        }
        let _short = self.send(&FromWorker::Held(held), Held::default());
    }

    /// The last word about the run; only the first counts.
    pub(super) fn end(&self, ended: Ended) {
        let forgotten = {
            let mut state = self.state.lock();
            if std::mem::replace(&mut state.has_ended, true) {
                return;
            }
            std::mem::take(&mut state.asks)
        };
        drop(forgotten);
        let (is_over, held, memory) = (ended.is_over, ended.held, ended.memory);
        let message = FromWorker::Ended(Box::new(ended));
        if let Err(error) = self.send(&message, Held::default()) {
            let result = Err(crate::message::RunFailure::Other(error.message));
            let ended = Ended {
                result,
                is_over,
                held,
                memory,
            };
            let message = FromWorker::Ended(Box::new(ended));
            let _short = self.send(&message, Held::default());
        }
    }

    /// Whether the run has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().has_ended
    }
}

/// A question that is open. When it is no longer waited for, the parent hears of that.
struct Waiting<'w> {
    way: &'w Way,
    ask: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(ask) = self.ask else {
            return;
        };
        {
            let mut state = self.way.state.lock();
            if state.asks.remove(&ask).is_none() || state.has_ended {
                return;
            }
        }
        let _short = self.way.send(&FromWorker::Forget(ask), Held::default());
    }
}

/// Tells the parent what happens in a run.
pub(super) struct Listener(pub(super) Arc<Way>);

impl Observer for Listener {
    fn event(&self, event: Event<'_>) {
        if let Event::Output { bytes, .. } = event {
            let mut state = self.0.state.lock();
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            state.untaken = state.untaken.saturating_add(length);
        }
        if !self.0.has_ended() {
            let _short = self
                .0
                .send(&FromWorker::Heard(event.into()), Held::default());
        }
    }

    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        if self.0.state.lock().untaken < MAX_UNTAKEN {
            return None;
        }
        let way = Arc::clone(&self.0);
        Some(Box::pin(async move {
            loop {
                let taken = way.taken.notified();
                if way.state.lock().untaken < MAX_UNTAKEN {
                    return;
                }
                taken.await;
            }
        }))
    }
}
