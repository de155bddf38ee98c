//! A run that is given recorded answers as far as there are any, and others by real tools.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use wxmcp_run::{
    BoxFuture, CallContext, CallId, Capability, Ledger, Limits, NamespaceListing, Observer,
    Randomness, Run, RunId, Search, ToolAnswer, ToolCall, ToolDescription, ToolError, ToolHit,
    ToolHost, Written,
};

use super::answers::Answers;
use super::recorded::Recorded;
use super::{HowToReplay, RecordedError, policy, script};
use crate::answer;
use crate::deterministic;
use crate::event::{Answer, Question};
use crate::question;

/// A run of the recorded script, or of another, that goes on with real tools where the recording has no answer.
///
/// It is a deterministic run: its clock starts when that of the recorded run did, its random numbers are the same, and waits
/// take no time. So it asks what the recorded run asked, unless it asks for what time it is.
pub struct Live {
    host: Arc<LiveHost>,
    how: HowToReplay,
}

/// How many calls were answered by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// By the recording.
    pub recorded: u64,
    /// By real tools.
    pub live: u64,
}

impl Live {
    /// A run that real tools answer where the recording does not. Of `how`, the script and its text count.
    pub fn of(recorded: Arc<Recorded>, how: HowToReplay, tools: Arc<dyn ToolHost>) -> Self {
        Self {
            host: Arc::new(LiveHost {
                answers: Answers::of(&recorded, &[]),
                is_as_it_was: how.script.is_none() && how.edited.is_none(),
                recorded,
                tools,
                answered: [AtomicU64::new(0), AtomicU64::new(0)],
            }),
            how,
        }
    }

    /// The run, with the mounts as they were captured.
    ///
    /// # Errors
    ///
    /// When the recording says what no run can be.
    pub fn run(
        &self,
        limits: Limits,
        ledger: &Ledger,
        observer: Arc<dyn Observer>,
        cancel: BoxFuture<'static, ()>,
    ) -> Result<Run, RecordedError> {
        let recorded = &self.host.recorded;
        let head = &recorded.head;
        let mounts = recorded.mounts();
        let began = Duration::from_nanos(head.began);
        let tools: Arc<dyn ToolHost> = Arc::<LiveHost>::clone(&self.host);
        Ok(Run {
            id: RunId::random(),
            script: script(head, &self.how)?,
            policy: policy(head, mounts)?,
            ledger: ledger.for_run(limits.host_memory),
            limits,
            sources: deterministic::from(began, Randomness::Seeded(head.seed)),
            tools,
            observer,
            cancel,
        })
    }

    /// How many calls were answered by whom, so far.
    pub fn answered(&self) -> Answered {
        let [recorded, live] = &self.host.answered;
        Answered {
            recorded: recorded.load(Ordering::Relaxed),
            live: live.load(Ordering::Relaxed),
        }
    }
}

struct LiveHost {
    recorded: Arc<Recorded>,
    answers: Answers,
    /// Whether the script is the recorded one: its operations have the numbers that they had.
    is_as_it_was: bool,
    tools: Arc<dyn ToolHost>,
    /// Calls that the recording answered, and that tools were asked.
    answered: [AtomicU64; 2],
}

impl LiveHost {
    fn recorded(&self, id: &CallId, question: &Question) -> Option<Answer> {
        let instance = self.recorded.number(&id.instance);
        let operation = instance.map(|instance| (instance, id.operation));
        let operation = operation.filter(|_| self.is_as_it_was);
        let answer = self.answers.take_of(operation, question);
        if matches!(
            question,
            Question::Call { .. } | Question::Capability { .. }
        ) {
            let [recorded, live] = &self.answered;
            let counter = if answer.is_some() { recorded } else { live };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// What was recorded as the answer, else what the tools answer.
    fn answer<'a, T: Send + 'a>(
        &self,
        id: &CallId,
        question: &Question,
        read: impl FnOnce(Value) -> Option<T>,
        live: impl FnOnce() -> BoxFuture<'a, Result<T, ToolError>>,
    ) -> BoxFuture<'a, Result<T, ToolError>> {
        match self.recorded(id, question) {
            Some(recorded) => {
                let answer = answer::read(&recorded, read);
                Box::pin(std::future::ready(answer))
            }
            None => live(),
        }
    }
}

impl ToolHost for LiveHost {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        let (id, question) = (call.context.id.clone(), question::of_call(&call));
        self.answer(&id, &question, answer::to_call, || self.tools.call(call))
    }

    /// Those that the recorded run could use, and those that there are now.
    fn namespaces(&self) -> Vec<String> {
        let mut names = self.recorded.head.namespaces.clone();
        names.extend(self.tools.namespaces());
        names.sort();
        names.dedup();
        names
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        let (id, question) = (context.id.clone(), Question::Namespace(name.clone()));
        let live = || self.tools.namespace(name, context);
        self.answer(&id, &question, answer::to_listing, live)
    }

    fn known(
        &self,
        namespace: String,
        context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        let question = Question::Known(namespace.clone());
        let recorded = self.recorded(&context.id, &question);
        match recorded.and_then(|it| answer::read(&it, answer::to_known).ok()) {
            Some(known) => Box::pin(std::future::ready(known)),
            None => self.tools.known(namespace, context),
        }
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        let (id, detail) = (context.id.clone(), search.detail);
        let question = question::of_search(&search);
        let live = || self.tools.search(search, context);
        self.answer(&id, &question, |value| answer::to_hits(value, detail), live)
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        let (id, question) = (context.id.clone(), Question::Describe(names.clone()));
        let live = || self.tools.describe(names, context);
        self.answer(&id, &question, answer::to_descriptions, live)
    }

    fn changed(&self) -> Vec<String> {
        self.tools.changed()
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        let (id, ledger) = (context.id.clone(), context.ledger.clone());
        let question = question::of_capability(capability, &request);
        let read = |value| answer::to_capability(value, &ledger);
        let live = || self.tools.capability(capability, request, context);
        self.answer(&id, &question, read, live)
    }
}
