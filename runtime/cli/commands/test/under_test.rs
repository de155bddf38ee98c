//! A script under test: its calls, which wait for the test to answer them, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use wxmcp_catalogue::nearest;
use wxmcp_run::{
    BoxFuture, CallContext, CallId, Capability, Charge, NamespaceListing, Outcome, Report, Search,
    ToolAnswer, ToolCall, ToolDescription, ToolError, ToolErrorKind, ToolHit, ToolHost, Written,
};

use super::stub::Stub;

/// Bytes of a text of the script that an error shows, as of the arguments of a call.
const SHOWN: usize = 200;

/// A call that the test is to answer.
pub(super) struct Question {
    pub(super) number: u64,
    /// The name of the stub, as the test spells it.
    pub(super) stub: String,
    pub(super) arguments: Map<String, Value>,
    /// For the arguments, until the test has them.
    _charge: Charge,
}

/// What a stub answered.
pub(super) type Reply = Result<Value, ToolError>;

/// What the script has asked of its test.
pub(super) struct Asked {
    script: String,
    /// As many as the script may have calls under way; their arguments are charged.
    questions: mpsc::UnboundedSender<Question>,
    /// Some call has had its turn to ask.
    turned: Notify,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    /// Calls that were made and have not asked yet, by their places among the calls of the script: they ask in that order,
    /// though what comes before that takes some of them longer.
    on_the_way: BTreeMap<u64, CallId>,
    /// Calls that a stub has to answer, by number: the stub's name.
    open: BTreeMap<u64, (String, oneshot::Sender<Reply>)>,
    /// Calls that a stub has answered with a value.
    answered: BTreeSet<CallId>,
    /// The arguments of the script's calls, by the calls' places.
    arguments: BTreeMap<u64, (Value, Charge)>,
    /// What the test does not allow: the first of it.
    fault: Option<String>,
}

impl Asked {
    pub(super) fn new(script: &str) -> (Arc<Self>, mpsc::UnboundedReceiver<Question>) {
        let (questions, receiver) = mpsc::unbounded_channel();
        let asked = Self {
            script: script.to_owned(),
            questions,
            turned: Notify::new(),
            inner: Mutex::default(),
        };
        (Arc::new(asked), receiver)
    }

    /// A call was made.
    fn made(&self, place: u64, id: &CallId) -> OnTheWay<'_> {
        self.inner.lock().on_the_way.insert(place, id.clone());
        OnTheWay(self, place)
    }

    /// Waits until all earlier calls have asked, or never will; returns the place of this one. What a tool file calls has none.
    async fn turn(&self, id: &CallId) -> Option<OnTheWay<'_>> {
        loop {
            let turned = self.turned.notified();
            tokio::pin!(turned);
            // Whoever asks between the look and the wait is heard.
            turned.as_mut().enable();
            {
                let inner = self.inner.lock();
                let mut places = inner.on_the_way.iter();
                let (place, _) = places.find(|(_, it)| *it == id)?;
                if inner.on_the_way.keys().next() == Some(place) {
                    return Some(OnTheWay(self, *place));
                }
            }
            turned.await;
        }
    }

    /// A tool's own file is called, which asks nothing itself.
    pub(super) fn passes(&self, id: &CallId) {
        self.inner.lock().on_the_way.retain(|_, it| it != id);
        self.turned.notify_waiters();
    }

    /// Asks the test.
    pub(super) async fn ask(
        &self,
        stub: &str,
        arguments: Map<String, Value>,
        context: &CallContext,
    ) -> Reply {
        let turn = self.turn(&context.id).await;
        let (sender, reply) = oneshot::channel();
        let number = {
            let mut inner = self.inner.lock();
            inner.last = inner.last.saturating_add(1);
            let number = inner.last;
            inner.open.insert(number, (stub.to_owned(), sender));
            number
        };
        let _open = Open(self, number);
        let question = Question {
            number,
            stub: stub.to_owned(),
            arguments,
            _charge: context.ledger.charge(context.held.bytes())?,
        };
        let gone = || ToolError::new(ToolErrorKind::Diverged, "the test has ended");
        self.questions.send(question).map_err(|_| gone())?;
        drop(turn);
        let reply = reply.await.map_err(|_| gone())?;
        if reply.is_ok() {
            self.inner.lock().answered.insert(context.id.clone());
        }
        reply
    }

    /// The test answers a call. One that the script has given up is answered for nothing.
    ///
    /// # Errors
    ///
    /// When there never was such a call.
    pub(super) fn answer(&self, number: u64, reply: Reply) -> Result<(), String> {
        let mut inner = self.inner.lock();
        if number == 0 || number > inner.last {
            return Err(format!("there is no call {number}"));
        }
        if let Some((_, waits)) = inner.open.remove(&number) {
            let _given_up = waits.send(reply);
        }
        Ok(())
    }

    /// What it waits for, for people.
    pub(super) fn waits(&self) -> String {
        let inner = self.inner.lock();
        let stubs: BTreeSet<_> = inner.open.values().map(|(stub, _)| stub.as_str()).collect();
        let script = &self.script;
        match stubs.is_empty() {
            true => format!("`{script}` was still running"),
            false => {
                let stubs: Vec<_> = stubs.into_iter().collect();
                format!(
                    "`{script}` was waiting for the stub of `{}`",
                    stubs.join("`, `")
                )
            }
        }
    }

    /// Notes what the test does not allow, and says so to the script, which cannot catch it.
    pub(super) fn fault(&self, words: String) -> ToolError {
        let error = ToolError::new(ToolErrorKind::Diverged, words.clone());
        self.inner.lock().fault.get_or_insert(words);
        error
    }

    /// The first thing that the test does not allow, with its place in the script.
    pub(super) fn first_fault(&self, report: &Report) -> Option<String> {
        let fault = self.inner.lock().fault.clone()?;
        let script = &self.script;
        Some(match &report.outcome {
            Outcome::Raised(raised) if raised.message == fault => match (raised.line, &raised.file)
            {
                (Some(line), None) => format!("{script}, line {line}: {fault}"),
                _ => format!("{script}: {fault}"),
            },
            _ => format!("{script}: {fault}"),
        })
    }

    /// A call that nothing answers.
    pub(super) fn not_stubbed(
        &self,
        name: &str,
        arguments: &Map<String, Value>,
        stubs: &[Stub],
    ) -> ToolError {
        let arguments = Value::Object(arguments.clone()).to_string();
        let arguments = shown(&arguments);
        let names = stubs.iter().map(|stub| stub.name.as_str());
        let close = nearest(name, names.clone());
        let rest = match (close.first(), names.count()) {
            (Some(close), _) => format!("; the nearest is `{close}`"),
            (None, 0) => "; the test has no stubs".to_owned(),
            (None, _) => String::new(),
        };
        self.fault(format!(
            "no stub answers the call of `{name}` with {arguments}{rest}"
        ))
    }

    /// The report of the script, each call with its arguments.
    pub(super) fn with_arguments(&self, mut report: Value) -> Value {
        let mut inner = self.inner.lock();
        let calls = report.get_mut("calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten() {
            let place = call.get("sequence").and_then(Value::as_u64);
            let arguments = place.and_then(|place| inner.arguments.remove(&place));
            let error = call.pointer("/ended/error").cloned().unwrap_or_default();
            *call = json!({
                "name": call.get("name"), "arguments": arguments.map(|(it, _)| it), "error": error,
            });
        }
        report
    }
}

/// As much of a text as an error shows.
pub(super) fn shown(text: &str) -> String {
    let end = text.floor_char_boundary(SHOWN);
    let cut = if end < text.len() { ".." } else { "" };
    format!("{}{cut}", text.get(..end).unwrap_or_default())
}

/// A call that has not asked yet; it has when this is dropped.
struct OnTheWay<'a>(&'a Asked, u64);

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().on_the_way.remove(&self.1);
        self.0.turned.notify_waiters();
    }
}

/// A call that waits; no more when this is dropped.
struct Open<'a>(&'a Asked, u64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().open.remove(&self.1);
    }
}

/// How a script ended: its report, or why it did not begin.
pub(super) struct End {
    pub(super) report: Result<Value, String>,
    pub(super) fault: Option<String>,
}

/// A script that was started. It ends with this.
pub(super) struct UnderTest {
    pub(super) asked: Arc<Asked>,
    going: tokio::sync::Mutex<Going>,
}

struct Going {
    questions: mpsc::UnboundedReceiver<Question>,
    task: Task,
}

/// A task that ends when this is dropped.
struct Task(JoinHandle<End>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a script does next.
pub(super) enum Next {
    Asks(Question),
    Ended(End),
}

impl UnderTest {
    pub(super) fn new(
        asked: Arc<Asked>,
        questions: mpsc::UnboundedReceiver<Question>,
        task: JoinHandle<End>,
    ) -> Self {
        Self {
            asked,
            going: tokio::sync::Mutex::new(Going {
                questions,
                task: Task(task),
            }),
        }
    }

    /// The next call that the test is to answer, or the end.
    pub(super) async fn next(&self) -> Next {
        let mut going = self.going.lock().await;
        let Going { questions, task } = &mut *going;
        tokio::select! {
            Some(question) = questions.recv() => Next::Asks(question),
            ended = &mut task.0 => Next::Ended(ended.unwrap_or_else(|_| End {
                report: Err("the script was lost".to_owned()),
                fault: None,
            })),
        }
    }
}

/// The tools of a script under test: what its calls are is noted, and what the test does not allow.
pub(super) struct Watched {
    pub(super) inner: Arc<dyn ToolHost>,
    pub(super) asked: Arc<Asked>,
    pub(super) stubs: Vec<Stub>,
    /// Whether `inner` is a recording, which knows nothing of stubs.
    pub(super) is_recording: bool,
}

impl Watched {
    async fn answered(&self, call: ToolCall) -> Result<ToolAnswer, ToolError> {
        let _made = self.asked.made(call.sequence, &call.context.id);
        let arguments = call.arguments.clone();
        let charge = call.context.ledger.charge(call.context.held.bytes())?;
        let context = call.context.clone();
        let name = call.name.clone();
        let kept = (Value::Object(arguments.clone()), charge);
        self.asked
            .inner
            .lock()
            .arguments
            .insert(call.sequence, kept);
        let stub = self.stubs.iter().find(|stub| stub.name == name);
        if let Some(stub) = stub.filter(|_| self.is_recording) {
            let value = self.asked.ask(&stub.name, arguments, &context).await?;
            let bytes = u64::try_from(value.to_string().len()).unwrap_or(u64::MAX);
            let charge = context.ledger.charge(wxmcp_run::size_of(&value))?;
            return Ok(ToolAnswer {
                held: charge.into(),
                ..ToolAnswer::new(value, bytes)
            });
        }
        if self.is_recording {
            self.asked.passes(&context.id);
        }
        let answer = self.inner.call(call).await;
        let is_of_stub = self.asked.inner.lock().answered.remove(&context.id);
        answer.map_err(|error| match error.kind {
            ToolErrorKind::UnknownTool if !is_of_stub => {
                self.asked.not_stubbed(&name, &arguments, &self.stubs)
            }
            ToolErrorKind::InvalidAnswer if is_of_stub => {
                let message = error.message;
                self.asked.fault(format!("a stub is wrong: {message}"))
            }
            _ => error,
        })
    }
}

impl ToolHost for Watched {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(self.answered(call))
    }

    fn namespaces(&self) -> Vec<String> {
        self.inner.namespaces()
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        let is_of_child = !context.id.instance.is_empty();
        let listing = self.inner.namespace(name.clone(), context);
        Box::pin(async move {
            listing.await.map_err(|error| match error.kind {
                // Of what the script's own text names there are namespaces. What it starts may name others.
                ToolErrorKind::UnknownTool if is_of_child && !self.is_recording => {
                    let name = shown(&name);
                    self.asked.fault(format!(
                        "no stub answers calls of `{name}`, for which a script asks that it starts"
                    ))
                }
                _ => error,
            })
        })
    }

    fn known(
        &self,
        namespace: String,
        context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        self.inner.known(namespace, context)
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        self.inner.search(search, context)
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        self.inner.describe(names, context)
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        self.inner.capability(capability, request, context)
    }
}
