//! Runs that a script starts: scripts of its own language, each in an instance of its own.
//!
//! What they use counts for the run that started them, and so on up to the first one: fuel, memory, calls, time. They have
//! its mounts and tools, and nothing else of the host.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use data_encoding::BASE64;
use parking_lot::Mutex;
use serde_json::json;
use wxmcp_run::{
    BoxFuture, Bytes, Event, Language, Ledger, Limits, Observer, Outcome, Policy, Report, Run,
    RunError, RunId, RunnerSession, Script, Sources, Stdin, Stream, ToolError, ToolErrorKind,
    ToolHost,
};

use crate::family::{DEPTH, Family, Starts, Wanted};
use crate::files::Tree;
use crate::meter::Metering;

/// Runs that a script may start in all, with those that they start.
const MOST: u64 = 1_000;

/// Bytes that a run which a script started may print; fewer if the script may print fewer.
const OUTPUT: u64 = 8 << 20;

/// What belongs to a run that another one started.
#[derive(Clone)]
pub(crate) struct Kin {
    pub(crate) family: Arc<Family>,
    pub(crate) tree: Arc<Tree>,
    /// How many runs are around it.
    pub(crate) depth: usize,
    /// The operations that started the instances on the way to it.
    pub(crate) instance: Arc<[u64]>,
    /// The signal that ended it; 0 for none.
    pub(crate) signal: Arc<AtomicU8>,
}

/// What a run starts others with.
#[derive(Clone)]
pub(crate) struct Children {
    /// Makes an instance of the same interpreter.
    pub(crate) open: Arc<dyn Fn(Kin) -> Box<dyn RunnerSession> + Send + Sync>,
    pub(crate) metering: Metering,
    pub(crate) language: Language,
    pub(crate) policy: Arc<Policy>,
    pub(crate) limits: Limits,
    pub(crate) sources: Sources,
    pub(crate) ledger: Ledger,
    pub(crate) family: Arc<Family>,
    /// The files of the run that starts them, once it has asked for one.
    pub(crate) tree: Arc<OnceLock<Arc<Tree>>>,
    /// How many runs are around that run.
    pub(crate) depth: usize,
    /// The operations that started the instances on the way to that run.
    pub(crate) instance: Arc<[u64]>,
}

impl Starts for Children {
    fn start(
        &self,
        id: u64,
        wanted: Wanted,
        left: Duration,
        tools: Arc<dyn ToolHost>,
        observer: Arc<dyn Observer>,
    ) -> BoxFuture<'static, Result<Vec<u8>, ToolError>> {
        let this = self.clone();
        Box::pin(this.run(id, wanted, left, tools, observer))
    }

    fn wall(&self) -> Duration {
        self.limits.wall
    }
}

impl Children {
    async fn run(
        self,
        id: u64,
        wanted: Wanted,
        left: Duration,
        tools: Arc<dyn ToolHost>,
        observer: Arc<dyn Observer>,
    ) -> Result<Vec<u8>, ToolError> {
        let family = Arc::clone(&self.family);
        let Some(tree) = self.tree.get().cloned() else {
            return Err(refused("this run has no files to share".to_owned()));
        };
        let Some(turns) = family.turns.get(self.depth) else {
            return Err(refused(format!(
                "at most {DEPTH} scripts run inside of each other"
            )));
        };
        if family.begun.fetch_add(1, Ordering::Relaxed) >= MOST {
            return Err(refused(format!(
                "a script starts at most {MOST} others in one run"
            )));
        }
        let _turn = turns.acquire().await.ok();
        let printed = Arc::new(Printed {
            chunks: Mutex::default(),
            observer,
        });
        let run = self.made((id, wanted), left, tools, Arc::clone(&printed))?;
        let kin = Kin {
            family: Arc::clone(&family),
            tree,
            depth: self.depth.saturating_add(1),
            signal: Arc::default(),
            instance: self.instance.iter().copied().chain([id]).collect(),
        };
        let signal = Arc::clone(&kin.signal);
        let mut session = (self.open)(kin);
        match session.run(run).await {
            Ok(report) => {
                if self.metering == Metering::Engine {
                    family.fuel.fetch_add(report.usage.fuel, Ordering::Relaxed);
                }
                ended(&report, signal.load(Ordering::Relaxed), &printed)
            }
            Err(error) => Err(not_started(&error)),
        }
    }

    fn made(
        &self,
        (id, wanted): (u64, Wanted),
        left: Duration,
        tools: Arc<dyn ToolHost>,
        observer: Arc<Printed>,
    ) -> Result<Run, ToolError> {
        let stdin = BASE64.decode(wanted.stdin.as_bytes()).map_err(|_| {
            ToolError::new(
                ToolErrorKind::InvalidCall,
                "the request is not valid: `stdin` is not base64",
            )
        })?;
        let used = match self.metering {
            // It looks at what all have used by itself.
            Metering::Guest => 0,
            Metering::Engine => self.family.fuel.load(Ordering::Relaxed),
        };
        let limits = Limits {
            fuel: self.limits.fuel.map(|fuel| fuel.saturating_sub(used)),
            wall: left,
            output: self.limits.output.min(OUTPUT),
            ..self.limits.clone()
        };
        Ok(Run {
            id: RunId::random(),
            script: Script {
                path: wanted.name.starts_with('/').then(|| wanted.name.clone()),
                name: wanted.name,
                language: self.language,
                source: wanted.source,
                args: wanted.args,
                in_session: false,
                task: None,
            },
            policy: Policy {
                env: wanted.env.into_iter().collect(),
                workdir: wanted.cwd,
                stdin: Stdin::Bytes(stdin),
                ..Policy::clone(&self.policy)
            },
            limits,
            ledger: self.ledger.clone(),
            sources: self.sources.of_child(id),
            tools,
            observer,
            // Whoever started it drops it.
            cancel: Box::pin(std::future::pending()),
        })
    }
}

fn refused(message: String) -> ToolError {
    ToolError::new(ToolErrorKind::LimitReached, message)
}

fn not_started(error: &RunError) -> ToolError {
    refused(match error {
        RunError::MemoryTooSmall { limit } => format!(
            "the memory limit of {} leaves too little for another instance",
            Bytes(*limit)
        ),
        error => format!("no instance could be started: {error}"),
    })
}

/// What a run prints, in its order; whoever watches the first run hears of its calls.
struct Printed {
    chunks: Mutex<Vec<(Stream, Vec<u8>)>>,
    observer: Arc<dyn Observer>,
}

impl Observer for Printed {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Output { stream, bytes } => {
                let mut chunks = self.chunks.lock();
                match chunks.last_mut() {
                    Some((last, kept)) if *last == stream => kept.extend_from_slice(bytes),
                    _ => chunks.push((stream, bytes.to_vec())),
                }
            }
            Event::Progress { .. }
            | Event::CallStarted { .. }
            | Event::CallEnded { .. }
            | Event::CallProgress { .. } => {
                self.observer.event(event);
            }
        }
    }
}

fn ended(report: &Report, signal: u8, printed: &Printed) -> Result<Vec<u8>, ToolError> {
    let (code, told) = match &report.outcome {
        Outcome::Returned(_) => (0, None),
        Outcome::Exited(_) if signal > 0 => (-i32::from(signal), None),
        Outcome::Exited(code) => (i32::from(*code), None),
        Outcome::Raised(raised) => (1, Some(raised.traceback.clone())),
        // As if the system had killed it.
        Outcome::Stopped(limit, _) => (-9, Some(format!("stopped by {limit}\n"))),
        Outcome::Cancelled => (-15, None),
    };
    let name = |stream| match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    let mut chunks = std::mem::take(&mut *printed.chunks.lock());
    chunks.extend(told.map(|told| (Stream::Stderr, told.into_bytes())));
    let output: Vec<_> = chunks
        .iter()
        .map(|(stream, bytes)| json!([name(*stream), BASE64.encode(bytes)]))
        .collect();
    serde_json::to_vec(&json!({"code": code, "output": output}))
        .map_err(|error| ToolError::new(ToolErrorKind::InvalidAnswer, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_printed_keeps_its_order() {
        let printed = Printed {
            chunks: Mutex::default(),
            observer: Arc::new(wxmcp_run::Silent),
        };
        for (stream, bytes) in [
            (Stream::Stdout, b"a"),
            (Stream::Stdout, b"b"),
            (Stream::Stderr, b"c"),
            (Stream::Stdout, b"d"),
        ] {
            printed.event(Event::Output { stream, bytes });
        }
        let chunks = printed.chunks.into_inner();
        let texts: Vec<_> = chunks.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        assert_eq!(texts, [b"ab".as_slice(), b"c", b"d"]);
    }
}
