//! Calls of supplied components: each is waited for where it was made.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::{Calls, Ended, PENDING, length, too_much};
use crate::clock::RunClock;
use crate::limits::Stop;
use wxmcp_run::{CallEnd, RunId};
use wxmcp_run::{Charge, Held, Limit, OverBudget, parsed_size, size_of};
use wxmcp_run::{Note, ToolAnswer, ToolCall, ToolError, ToolErrorKind};

/// The operation of `wit/guest.wit` that a call is.
const CALL: u8 = 1;

/// A call that is under way. Dropping it cancels the call.
pub(crate) struct PendingCall {
    state: State,
    run: RunId,
    id: u64,
}

enum State {
    Ended(Option<Box<EndedCall>>),
    Running(oneshot::Receiver<EndedCall>, AbortHandle),
}

/// A call that ended, and what its record will say of it.
pub(crate) struct EndedCall {
    run: RunId,
    id: u64,
    pub(crate) answer: Result<Value, ToolError>,
    notes: Vec<Note>,
    answer_bytes: u64,
    elapsed: Duration,
    /// What the answer held where it arrived, and what the value takes.
    _held: (Held, Option<Charge>),
}

fn not_held(run: RunId, id: u64, error: OverBudget) -> PendingCall {
    let error = too_much("arguments", error);
    let ended = EndedCall::new(run, id, Err(error), Duration::ZERO, None);
    PendingCall {
        state: State::Ended(Some(Box::new(ended))),
        run,
        id,
    }
}

impl Calls {
    /// Begins a call of a tool with arguments that were parsed already.
    pub(crate) fn begin_call(
        &mut self,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Result<PendingCall, Stop> {
        self.collect();
        if self.pending() >= PENDING {
            return Err(Stop(Limit::Pending(length(PENDING))));
        }
        self.last_id = self.last_id.saturating_add(1);
        let (run, id) = (self.context.run, self.last_id);
        self.family
            .spend_call()
            .map_err(|total| Stop(Limit::ToolCalls(total)))?;
        if let Some(schedule) = &self.schedule {
            schedule.began(id, CALL, None, self.fuel);
        }
        let payload = serde_json::to_vec(&arguments).unwrap_or_default();
        let sequence = self.record(id, name, payload.len());
        let held = match self.context.ledger.charge(parameters_size(&payload)) {
            Ok(charge) => Held::from(charge),
            Err(error) => return Ok(not_held(run, id, error)),
        };
        let call = ToolCall {
            sequence,
            name: name.to_owned(),
            arguments,
            context: self.context(id, held),
        };
        let (tools, slots) = (Arc::clone(&self.tools), Arc::clone(&self.slots));
        let ledger = self.context.ledger.clone();
        let started = Instant::now();
        let mut future: Pin<Box<dyn Future<Output = EndedCall> + Send>> = Box::pin(async move {
            let answer = {
                let _slot = slots.acquire_owned().await.ok();
                tools.call(call).await
            };
            let size = answer.as_ref().map_or(0, |answer| size_of(&answer.value));
            match ledger.charge(size) {
                Ok(charge) => EndedCall::new(run, id, answer, started.elapsed(), Some(charge)),
                Err(error) => {
                    let error = too_much("answers that wait to be read", error);
                    EndedCall::new(run, id, Err(error), started.elapsed(), None)
                }
            }
        });
        // What can be answered without waiting is, with no task.
        let mut context = Context::from_waker(Waker::noop());
        let state = match future.as_mut().poll(&mut context) {
            Poll::Ready(ended) => State::Ended(Some(Box::new(ended))),
            Poll::Pending => {
                let (sender, receiver) = oneshot::channel();
                let abort = self.running.spawn(async move {
                    let ended = future.await;
                    let _receiver_is_gone = sender.send(ended);
                    Ended::nothing(id)
                });
                State::Running(receiver, abort)
            }
        };
        Ok(PendingCall { state, run, id })
    }

    /// Notes the end of a call in its record.
    pub(crate) fn close_call(&mut self, ended: &EndedCall) {
        // What an earlier run of the instance left behind has no record here.
        if ended.run != self.context.run {
            return;
        }
        self.note(&ended.notes);
        let error = ended.answer.as_ref().err().map(|error| error.kind);
        self.note_end(
            ended.id,
            CallEnd {
                error,
                milliseconds: ended.elapsed.as_secs_f64() * 1e3,
                answer_bytes: ended.answer_bytes,
            },
        );
    }

    /// The clock of the run.
    pub(crate) fn clock(&self) -> Arc<RunClock> {
        Arc::clone(&self.clock)
    }
}

/// What the parameters of a call take while it is under way, in bytes: as the engine has them,
/// with the labels of their types, and as arguments.
fn parameters_size(payload: &[u8]) -> u64 {
    parsed_size(payload).saturating_mul(4)
}

impl EndedCall {
    fn new(
        run: RunId,
        id: u64,
        mut answer: Result<ToolAnswer, ToolError>,
        elapsed: Duration,
        charge: Option<Charge>,
    ) -> Self {
        let held = answer.as_mut().map_or_else(
            |_| Held::default(),
            |answer| std::mem::take(&mut answer.held),
        );
        Self {
            run,
            id,
            answer_bytes: answer.as_ref().map_or(0, |answer| answer.bytes),
            notes: answer
                .as_mut()
                .map_or_else(|_| Vec::new(), |answer| std::mem::take(&mut answer.notes)),
            answer: answer.map(|answer| answer.value),
            elapsed,
            _held: (held, charge),
        }
    }
}

impl Future for PendingCall {
    type Output = EndedCall;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<EndedCall> {
        let (run, id) = (self.run, self.id);
        let cancelled = || {
            let error = ToolError::new(ToolErrorKind::ToolFailed, "the call was cancelled");
            EndedCall::new(run, id, Err(error), Duration::ZERO, None)
        };
        match &mut self.state {
            State::Ended(ended) => Poll::Ready(ended.take().map_or_else(cancelled, |it| *it)),
            State::Running(receiver, _) => Pin::new(receiver)
                .poll(context)
                .map(|ended| ended.unwrap_or_else(|_| cancelled())),
        }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if let State::Running(_, abort) = &self.state {
            abort.abort();
        }
    }
}
