//! What a test asks of the host: to start scripts, what they do next, and to hand them answers. Its operations are tools of
//! the namespace `wxmcp_test`, which nothing lists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use wxmcp_run::{
    BoxFuture, Held, Ledger, ToolAnswer, ToolCall, ToolError, ToolErrorKind, ToolHost,
};

use super::file::TestFile;
use super::start::{Common, Place, Start};
use super::under_test::{Next, UnderTest};

/// Scripts that one test runs.
const SCRIPTS: u64 = 1_000;

/// Scripts of one test that run at once; more wait.
const AT_ONCE: usize = 4;

pub(super) struct TestHost {
    common: Arc<Common>,
    place: Place,
    started: AtomicU64,
    running: Mutex<BTreeMap<u64, Arc<UnderTest>>>,
    turns: Arc<Semaphore>,
}

/// What an operation of this module is told besides.
#[derive(Deserialize)]
struct Which {
    run: u64,
    #[serde(default)]
    call: u64,
    #[serde(default)]
    error: Option<ToolError>,
}

impl TestHost {
    pub(super) fn new(common: Arc<Common>, file: &TestFile) -> Self {
        let inside = PathBuf::from(&file.inside);
        let below = inside.parent().map(PathBuf::from).unwrap_or_default();
        Self {
            common,
            place: Place {
                root: file.root.clone(),
                folder: file.root.join(below),
            },
            started: AtomicU64::new(0),
            running: Mutex::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// What scripts wait for that have not ended, for people.
    pub(super) fn waits(&self) -> Vec<String> {
        let running = self.running.lock();
        running
            .values()
            .map(|script| script.asked.waits())
            .collect()
    }

    async fn start(&self, arguments: Map<String, Value>, held: Held) -> Result<Value, ToolError> {
        let start: Start = serde_json::from_value(Value::Object(arguments)).map_err(|error| {
            let words = format!("`run`: {}", wxmcp_run::without_position(&error));
            ToolError::new(ToolErrorKind::InvalidCall, words)
        })?;
        let number = self
            .started
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        if number > SCRIPTS {
            let words = format!("a test runs at most {SCRIPTS} scripts");
            return Err(ToolError::new(ToolErrorKind::LimitReached, words));
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| refused(error.to_string()))?;
        let begun = start.begin(&self.common, &self.place, (turn, held)).await;
        let script = begun.map_err(refused)?;
        self.running.lock().insert(number, Arc::new(script));
        Ok(number.into())
    }

    fn script(&self, number: u64) -> Result<Arc<UnderTest>, ToolError> {
        let script = self.running.lock().get(&number).cloned();
        script.ok_or_else(|| refused(format!("there is no run {number}")))
    }

    async fn next(&self, which: Which) -> Result<Value, ToolError> {
        let script = self.script(which.run)?;
        let end = match script.next().await {
            Next::Asks(question) => {
                return Ok(json!({
                    "call": question.number, "stub": question.stub, "arguments": question.arguments,
                }));
            }
            Next::Ended(end) => end,
        };
        self.running.lock().remove(&which.run);
        let report = end.report.map_err(refused)?;
        Ok(json!({"report": report, "failed": end.fault}))
    }

    async fn perform(&self, mut call: ToolCall) -> Result<ToolAnswer, ToolError> {
        let ledger = call.context.ledger.clone();
        let value = call.arguments.remove("value");
        let operation = call.name.strip_prefix("wxmcp_test.").unwrap_or_default();
        let answer = match operation {
            "start" => self.start(call.arguments, call.context.held).await?,
            "next" => self.next(which(call.arguments)?).await?,
            "answer" => {
                let which = which(call.arguments)?;
                let script = self.script(which.run)?;
                let reply = match (value, which.error) {
                    (Some(value), None) => Ok(value),
                    (_, Some(error)) => Err(error),
                    (None, None) => Err(refused("it answered nothing".to_owned())),
                };
                script.asked.answer(which.call, reply).map_err(refused)?;
                Value::Null
            }
            "stop" => {
                self.running.lock().remove(&which(call.arguments)?.run);
                Value::Null
            }
            _ => {
                let words = format!(
                    "there is no tool `{}`: a test has none, and gives scripts theirs (`run(.., tools=..)`)",
                    call.name
                );
                return Err(ToolError::new(ToolErrorKind::UnknownTool, words));
            }
        };
        told(answer, &ledger)
    }
}

fn which(arguments: Map<String, Value>) -> Result<Which, ToolError> {
    let which = serde_json::from_value(Value::Object(arguments));
    which.map_err(|error| refused(error.to_string()))
}

fn refused(words: String) -> ToolError {
    ToolError::new(ToolErrorKind::ToolFailed, words)
}

fn told(value: Value, ledger: &Ledger) -> Result<ToolAnswer, ToolError> {
    let charge = ledger.charge(wxmcp_run::size_of(&value))?;
    let bytes = u64::try_from(value.to_string().len()).unwrap_or(u64::MAX);
    Ok(ToolAnswer {
        held: charge.into(),
        ..ToolAnswer::new(value, bytes)
    })
}

impl ToolHost for TestHost {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(self.perform(call))
    }
}
