//! Calls of supplied components: each is waited for where it was made.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::{Calls, Ended, PENDING, REQUESTS, UNDELIVERED, Weight, length};
use crate::clock::RunClock;
use crate::limits::Stop;
use crate::operation::parsed_size;
use wxmcp_run::Limit;
use wxmcp_run::{CallEnd, RunId};
use wxmcp_run::{Note, ToolAnswer, ToolCall, ToolError, ToolErrorKind};

/// A call that is under way. Dropping it cancels the call.
pub(crate) struct PendingCall {
    state: State,
    run: RunId,
    id: u64,
}

enum State {
    Ended(Option<EndedCall>),
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
    _weight: Option<Weight>,
}

fn too_many_arguments(run: RunId, id: u64) -> PendingCall {
    let error = ToolError::new(
        ToolErrorKind::InvalidCall,
        "too many large arguments are under way: await calls before making more",
    );
    let ended = EndedCall::new(run, id, Err(error), Duration::ZERO, None);
    PendingCall {
        state: State::Ended(Some(ended)),
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
        if self.running.len().saturating_add(self.ready.len()) >= PENDING {
            return Err(Stop(Limit::Pending(length(PENDING))));
        }
        self.last_id = self.last_id.saturating_add(1);
        let (run, id) = (self.context.run, self.last_id);
        self.budget
            .spend(1)
            .map_err(|total| Stop(Limit::ToolCalls(total)))?;
        let payload = serde_json::to_vec(&arguments).unwrap_or_default();
        let sequence = self.record(id, name, payload.len());
        let Some(weight) = Weight::take(&self.requests, parameters_size(&payload), REQUESTS) else {
            return Ok(too_many_arguments(run, id));
        };
        let call = ToolCall {
            sequence,
            name: name.to_owned(),
            arguments,
            context: self.context.clone(),
        };
        let (tools, slots) = (Arc::clone(&self.tools), Arc::clone(&self.slots));
        let undelivered = Arc::clone(&self.undelivered);
        let started = Instant::now();
        let mut future: Pin<Box<dyn Future<Output = EndedCall> + Send>> = Box::pin(async move {
            let answer = {
                let _weight = weight;
                let _slot = slots.acquire_owned().await.ok();
                tools.call(call).await
            };
            let size = answer
                .as_ref()
                .map_or(0, |answer| value_size(&answer.value));
            match Weight::take(&undelivered, size, UNDELIVERED) {
                Some(weight) => EndedCall::new(run, id, answer, started.elapsed(), Some(weight)),
                None => {
                    let error = ToolError::new(
                        ToolErrorKind::AnswerTooLarge,
                        "too many large answers wait to be read: await calls before making more",
                    );
                    EndedCall::new(run, id, Err(error), started.elapsed(), None)
                }
            }
        });
        // What can be answered without waiting is, with no task.
        let mut context = Context::from_waker(Waker::noop());
        let state = match future.as_mut().poll(&mut context) {
            Poll::Ready(ended) => State::Ended(Some(ended)),
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

/// What a value takes, in bytes, about.
fn value_size(value: &Value) -> u64 {
    const NODE: u64 = 72;
    let inside = match value {
        Value::String(text) => length(text.len()),
        Value::Array(items) => items.iter().map(value_size).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                length(name.len())
                    .saturating_add(NODE)
                    .saturating_add(value_size(value))
            })
            .sum(),
        _ => 0,
    };
    NODE.saturating_add(inside)
}

impl EndedCall {
    fn new(
        run: RunId,
        id: u64,
        mut answer: Result<ToolAnswer, ToolError>,
        elapsed: Duration,
        weight: Option<Weight>,
    ) -> Self {
        Self {
            run,
            id,
            answer_bytes: answer.as_ref().map_or(0, |answer| answer.bytes),
            notes: answer
                .as_mut()
                .map_or_else(|_| Vec::new(), |answer| std::mem::take(&mut answer.notes)),
            answer: answer.map(|answer| answer.value),
            elapsed,
            _weight: weight,
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
            State::Ended(ended) => Poll::Ready(ended.take().unwrap_or_else(cancelled)),
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
