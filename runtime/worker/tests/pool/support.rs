//! Pools of the test program, runs for them, and who answers their calls.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use wxmcp_policy::Principal;
use wxmcp_run::{
    BoxFuture, Event, Language, Ledger, Limits, Note, Observer, Outcome, Policy, Report, Run,
    RunError, RunId, Runner, Script, Silent, Sources, ToolAnswer, ToolCall, ToolError,
    ToolErrorKind, ToolHost,
};
use wxmcp_worker::{Pool, PoolConfig, WorkerCommand};

pub(crate) type TestResult = Result<(), Box<dyn Error>>;

/// The program that tests start as workers.
pub(crate) fn command(words: &[&str]) -> WorkerCommand {
    WorkerCommand {
        program: env!("CARGO_BIN_EXE_worker-test-program").into(),
        args: words.iter().map(Into::into).collect(),
    }
}

/// A pool of so many workers.
pub(crate) fn pool(workers: usize) -> Pool {
    Pool::new(PoolConfig {
        ahead: workers,
        ..PoolConfig::new(command(&["worker"]))
    })
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal {
        name: name.to_owned(),
        role: "test".to_owned(),
    }
}

/// A runner of the principal `local`.
pub(crate) fn runner(pool: &Pool) -> Arc<dyn Runner> {
    pool.runner(&Principal::local())
}

/// A run of some words, with usual limits.
pub(crate) fn run(words: &str) -> Run {
    let limits = Limits::default();
    Run {
        id: RunId::random(),
        script: Script {
            name: "words".to_owned(),
            language: Language::Python,
            source: words.to_owned(),
            args: Vec::new(),
            path: None,
            in_session: false,
            task: None,
        },
        policy: Policy::default(),
        ledger: Ledger::of_process(1 << 30).for_run(limits.host_memory),
        limits,
        sources: Sources::default(),
        tools: Arc::new(Tools::default()),
        observer: Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    }
}

/// Runs words, which must return.
pub(crate) async fn value(runner: &Arc<dyn Runner>, words: &str) -> Result<Value, Box<dyn Error>> {
    returned(runner.run(run(words)).await?)
}

pub(crate) fn returned(report: Report) -> Result<Value, Box<dyn Error>> {
    match report.outcome {
        Outcome::Returned(value) => Ok(serde_json::from_str(value.get())?),
        other => Err(format!("{other:?}").into()),
    }
}

/// How the worker of a run ended, and the calls of the run.
pub(crate) fn lost(ran: Result<Report, RunError>) -> Result<(String, usize), Box<dyn Error>> {
    match ran {
        Err(RunError::WorkerEnded { how, calls }) => Ok((how.to_string(), calls.len())),
        other => Err(format!("{other:?}").into()),
    }
}

/// Waits until something is so.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(waited.is_ok(), "it never came to be");
}

/// Answers `echo` with its arguments, `fail` with an error, and `wait` never.
#[derive(Clone, Default)]
pub(crate) struct Tools(pub(crate) Arc<Asked>);

/// What was asked.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) calls: AtomicUsize,
    pub(crate) open: AtomicUsize,
    changed: AtomicUsize,
}

struct Open(Arc<Asked>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ToolHost for Tools {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        let asked = Arc::clone(&self.0);
        Box::pin(async move {
            asked.calls.fetch_add(1, Ordering::SeqCst);
            asked.open.fetch_add(1, Ordering::SeqCst);
            let _open = Open(Arc::clone(&asked));
            match call.name.as_str() {
                "a.wait" => std::future::pending().await,
                "a.pause" => {
                    let left = call.context.clock.start_left();
                    let _pause = call.context.clock.pause();
                    tokio::task::yield_now().await;
                    Ok(ToolAnswer::new(json!(left.is_some()), 1))
                }
                "a.fail" => Err(ToolError {
                    kind: ToolErrorKind::ToolFailed,
                    message: "it failed".to_owned(),
                    data: Some(json!({"why": 1})),
                }),
                "a.large" => Ok(ToolAnswer::new(Value::from("x".repeat(4 << 20)), 4 << 20)),
                _ => Ok(ToolAnswer {
                    content: Some(json!([{"type": "text"}])),
                    notes: vec![Note {
                        about: "a".to_owned(),
                        text: "noted".to_owned(),
                    }],
                    ..ToolAnswer::new(Value::Object(call.arguments), 7)
                }),
            }
        })
    }

    fn namespaces(&self) -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    fn changed(&self) -> Vec<String> {
        match self.0.changed.swap(1, Ordering::SeqCst) {
            0 => vec!["a".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Notes what is printed, and may have no room for more.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) printed: Mutex<Vec<u8>>,
    pub(crate) is_full: Mutex<Option<Arc<tokio::sync::Notify>>>,
}

impl Observer for Heard {
    fn event(&self, event: Event<'_>) {
        if let Event::Output { bytes, .. } = event {
            self.printed.lock().extend_from_slice(bytes);
        }
    }

    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        let room = self.is_full.lock().clone()?;
        Some(Box::pin(async move { room.notified().await }))
    }
}
