//! Tool files that can be called: their source, the instances that are kept of them, and calls.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use wxmcp_broker::Answer;
use wxmcp_javascript::shows_no_state;
use wxmcp_run::{
    CallContext, INVALID_ARGUMENTS, Language, Ledger, Limit, Limits, Outcome, Report, Run,
    RunError, RunnerSession, Script, ToolError, ToolErrorKind, ToolJob, ToolTask, parsed_size,
};

use crate::component::{self, ComponentTool};
use crate::components::answer;
use crate::config::Shared;
use crate::definition::Defined;
use crate::host::FileHost;
use crate::place::Place;
use crate::read_file::{ReadError, read_file};
use crate::reporting::Reporting;
use crate::shared::{self, SharedFiles};
use crate::slots::Slot;
use wxmcp_catalogue::json;
use wxmcp_policy::{Grants, Principal};

/// Largest tool file, in bytes.
const MAX_SOURCE: u64 = 1 << 20;

/// Instances of one reusable file that are kept.
const MAX_IDLE: usize = 4;

/// Runs of one instance before a fresh one replaces it: memory that a file leaks must not grow for ever.
const MAX_RUNS: u32 = 10_000;

/// Bytes of an answer that are read in about 2 ms; a larger one is read by another thread than the event loop's.
const LARGE: usize = 256 << 10;

/// One tool file whose description was read.
pub(crate) struct ToolFile {
    /// `tools/database/query.ts`, as tracebacks name it.
    shown: String,
    /// The tool that it is named after.
    tool: String,
    /// Where it is.
    path: PathBuf,
    /// SHA-256 of the content that was described.
    digest: String,
    language: Language,
    reusable: bool,
    pub(crate) grants: Arc<Grants>,
    program: Program,
    shared: Arc<SharedFiles>,
    idle: Mutex<VecDeque<Idle>>,
}

/// What answers a call.
enum Program {
    /// Source text, read when it is first needed.
    Source(Mutex<Option<Source>>),
    /// A function of a component.
    Component(ComponentTool),
}

/// Source text, and the code that it may import.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) text: Arc<str>,
    pub(crate) shared: Arc<shared::Content>,
}

impl Source {
    fn digest(&self) -> String {
        if self.shared.digest.is_empty() {
            return wxmcp_cache::hex(self.text.as_bytes());
        }
        wxmcp_cache::hex(format!("{}\0{}", self.shared.digest, self.text).as_bytes())
    }
}

/// An instance that is kept between calls. State that a call left in it is seen only by the principal that
/// it ran for.
struct Idle {
    principal: Principal,
    session: Box<dyn RunnerSession>,
    runs: u32,
}

impl Idle {
    async fn run(mut self, run: Run) -> (Self, Result<Report, RunError>) {
        let report = self.session.run(run).await;
        self.runs = self.runs.saturating_add(1);
        (self, report)
    }
}

/// What is in a tool file.
pub(crate) enum Content {
    /// Source text.
    Source(Source),
    /// A component, and the description beside it.
    Component(component::Content),
}

impl Content {
    /// Reads a file, bounded.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(crate) fn read(
        path: &Path,
        language: Language,
        shared: &SharedFiles,
    ) -> Result<Self, String> {
        match language {
            Language::Component => component::Content::read(path).map(Self::Component),
            Language::Python | Language::JavaScript | Language::TypeScript => {
                source(path, shared).map(Self::Source)
            }
        }
    }

    /// SHA-256 of all that is in it, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        match self {
            Self::Source(source) => source.digest(),
            Self::Component(content) => content.digest(),
        }
    }
}

/// The text of a file, and the code that it may import.
fn source(path: &Path, shared: &SharedFiles) -> Result<Source, String> {
    let bytes = read_file(path, MAX_SOURCE).map_err(|error| match error {
        ReadError::TooLarge(_) => error.to_string(),
        ReadError::NotAFile | ReadError::System(_) => format!("it cannot be read: {error}"),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(Source {
        text: text.strip_prefix('\u{feff}').unwrap_or(&text).into(),
        shared: shared.content()?,
    })
}

/// Why what a tool file returned is no answer.
enum Unread {
    Json(json::JsonError),
    /// What the function of a component returned as its error.
    Component(ToolError),
}

/// Whether its instances are in other processes, and so leave the event loop to others while they compute.
fn is_elsewhere(host: &FileHost, shared: &Shared) -> bool {
    let principal = host.broker.caller().principal();
    let elsewhere = shared.config.interpreters.elsewhere(Some(principal));
    elsewhere.is_some()
}

/// What a tool file returned; that of a component is a value or an error.
fn read_value(text: &str, is_typed: bool) -> Result<Value, Unread> {
    let value = json::readable(text).map_err(Unread::Json)?;
    match is_typed {
        true => answer(value).map_err(Unread::Component),
        false => Ok(value),
    }
}

impl ToolFile {
    pub(crate) fn new(place: Place<'_>, digest: &str, defined: &Defined, shared: &Shared) -> Self {
        let full = format!("{}.{}", place.namespace, place.tool);
        Self {
            shown: place.shown(),
            tool: place.tool.to_owned(),
            grants: Arc::new(Grants::new(
                &full,
                &defined.grants,
                &shared.config.approvals,
            )),
            path: place.path,
            digest: digest.to_owned(),
            language: place.language,
            reusable: defined.reusable,
            program: match &defined.export {
                Some(name) => Program::Component(ComponentTool::new(name.clone())),
                None => Program::Source(Mutex::new(None)),
            },
            shared: Arc::clone(place.shared),
            idle: Mutex::new(VecDeque::new()),
        }
    }

    /// Keeps an instance for the next call, if it may be kept.
    fn keep(&self, idle: Idle, ledger: &Ledger) {
        let may_be_kept = self.reusable && !idle.session.is_over() && idle.runs < MAX_RUNS;
        // Its memory stays charged to the run that used it last. Calls to come must find room beside what is kept.
        let process = ledger.process();
        let leaves_room =
            ledger.held() <= ledger.budget() / 2 && process.held() <= process.budget() / 4 * 3;
        if may_be_kept && leaves_room {
            let mut kept = self.idle.lock();
            // The oldest goes: one principal's instances must not fill all slots for ever.
            if kept.len() >= MAX_IDLE {
                kept.pop_front();
            }
            kept.push_back(idle);
        }
    }

    /// Calls the tool in an instance of its own.
    #[expect(clippy::too_many_lines, reason = "the parts of a run, a line each")]
    pub(crate) async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        host: Arc<FileHost>,
        context: &CallContext,
        shared: &Shared,
    ) -> Result<Answer, ToolError> {
        let failed = |message| ToolError::new(ToolErrorKind::ToolFailed, message);
        let (text, library) = match self.source()? {
            Some(source) => (
                source.text.as_ref().to_owned(),
                Arc::clone(&source.shared.library),
            ),
            None => Default::default(),
        };
        if let Some(turn) = &context.for_tool.turn {
            turn.comes().await;
        }
        let sources = context.for_tool.sources.clone();
        let reproduces = sources.are_given();
        let idle = self.instance(&host, shared, reproduces).await;
        let idle = idle.map_err(failed)?;
        let slot = host.take_slot();
        let is_alone = slot.as_ref().is_none_or(Slot::is_alone);
        let is_elsewhere = is_elsewhere(&host, shared);
        let run = Run {
            id: wxmcp_run::RunId::random(),
            script: Script {
                name: self.shown.clone(),
                language: self.language,
                source: text,
                args: Vec::new(),
                path: None,
                in_session: false,
                task: Some(ToolTask {
                    tool: self.tool.clone(),
                    path: self.shown.trim_start_matches("tools/").to_owned(),
                    library,
                    job: ToolJob::Call(arguments),
                }),
            },
            policy: shared.config.sees.clone(),
            limits: Limits {
                wall: shared.config.call_timeout,
                memory: shared.config.memory,
                value: 16 << 20,
                ..Limits::default()
            },
            ledger: context.ledger.clone(),
            tools: host,
            sources,
            observer: Arc::new(Reporting {
                observer: Arc::clone(&shared.config.observer),
                progress: context.progress.clone(),
            }),
            cancel: Box::pin(std::future::pending()),
        };
        let running = async move {
            let _slot = slot;
            idle.run(run).await
        };
        let ended = if is_alone || is_elsewhere {
            Some(running.await)
        } else {
            shared.worker().run(running).await
        };
        let (idle, report) =
            ended.ok_or_else(|| failed(format!("`{name}` could not be run: its thread ended")))?;
        let report =
            report.map_err(|error| failed(format!("`{name}` could not be run: {error}")))?;
        if !reproduces {
            self.keep(idle, &context.ledger);
        }
        self.answer(name, report.outcome, &context.ledger).await
    }

    async fn answer(
        &self,
        name: &str,
        outcome: Outcome,
        ledger: &Ledger,
    ) -> Result<Answer, ToolError> {
        match outcome {
            Outcome::Returned(value) => self.returned(name, value, ledger).await,
            Outcome::Raised(raised) if raised.kind == INVALID_ARGUMENTS => Err(ToolError::new(
                ToolErrorKind::InvalidArguments,
                format!("the arguments of `{name}` do not fit: {}", raised.message),
            )),
            Outcome::Raised(raised) => Err(ToolError {
                kind: ToolErrorKind::ToolFailed,
                message: match raised.message.as_str() {
                    "" => raised.kind.clone(),
                    message => message.to_owned(),
                },
                data: Some(json!({
                    "type": raised.kind,
                    "file": raised.file.as_deref().unwrap_or(&self.shown),
                    "line": raised.line,
                })),
            }),
            Outcome::Exited(code) => Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                format!("`{name}` ended its interpreter with code {code}"),
            )),
            Outcome::Stopped(limit @ Limit::WallTime(_), _) => Err(ToolError::new(
                ToolErrorKind::CallTimedOut,
                format!("`{name}` was stopped by {limit} of one call"),
            )),
            Outcome::Stopped(limit, _) => Err(ToolError::new(
                ToolErrorKind::LimitReached,
                format!("`{name}` was stopped by {limit}"),
            )),
            Outcome::Cancelled => Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                format!("`{name}` was cancelled"),
            )),
        }
    }

    /// What is in it and in the files that it shares, as one digest.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Why it is not called in a run that began before it was changed.
    pub(crate) fn changed(&self) -> ToolError {
        ToolError::new(
            ToolErrorKind::ToolChanged,
            format!(
                "`{}`, or a file that it shares, was changed after this run began: the next run reads it",
                self.shown
            ),
        )
    }

    async fn returned(
        &self,
        name: &str,
        value: Box<RawValue>,
        ledger: &Ledger,
    ) -> Result<Answer, ToolError> {
        let text = value.get();
        let bytes = text.len();
        // The text is there until it is read.
        let raw = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut charge = ledger.charge(parsed_size(text.as_bytes()).saturating_add(raw))?;
        let is_typed = matches!(self.program, Program::Component(_));
        // A thread that is no longer waited for keeps what is charged until it has ended.
        let read = move || {
            let read = read_value(value.get(), is_typed);
            drop(value);
            charge.shrink(raw);
            (read, charge)
        };
        let (value, charge) = if bytes < LARGE {
            read()
        } else {
            let reading = tokio::task::spawn_blocking(read).await;
            reading.map_err(|_| {
                let message = format!("the answer of `{name}` could not be read");
                ToolError::new(ToolErrorKind::ToolFailed, message)
            })?
        };
        let value = value.map_err(|error| match error {
            Unread::Json(error) => ToolError::new(
                ToolErrorKind::InvalidAnswer,
                format!("the answer of `{name}` is no usable JSON: {error}"),
            ),
            Unread::Component(error) => error,
        })?;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Ok(Answer::of_file(value, bytes).held(charge.into()))
    }

    /// The source that was described; a component has none.
    fn source(&self) -> Result<Option<Source>, ToolError> {
        let Program::Source(source) = &self.program else {
            return Ok(None);
        };
        let mut known = source.lock();
        if known.is_none() {
            let shown = &self.shown;
            let read = self::source(&self.path, &self.shared).map_err(|why| {
                ToolError::new(ToolErrorKind::ToolFailed, format!("`{shown}`: {why}"))
            })?;
            if read.digest() != self.digest {
                return Err(self.changed());
            }
            *known = Some(read);
        }
        Ok(known.clone())
    }

    /// The instance that this principal used last.
    fn take_idle(&self, principal: &Principal) -> Option<Idle> {
        let mut kept = self.idle.lock();
        let own = kept.iter().rposition(|idle| idle.principal == *principal);
        kept.remove(own?)
    }

    /// An instance for a call: a fresh one where `is_fresh`, so that nothing in it is left of calls of other runs.
    async fn instance(
        &self,
        host: &FileHost,
        shared: &Shared,
        is_fresh: bool,
    ) -> Result<Idle, String> {
        let principal = host.broker.caller().principal();
        if !is_fresh && let Some(kept) = self.take_idle(principal) {
            return Ok(kept);
        }
        let session = match &self.program {
            Program::Source(_) => shared
                .config
                .runner(self.language, Some(principal))
                .await
                .map_err(|error| {
                    format!(
                        "the interpreter of `{}` does not start: {error}",
                        self.shown
                    )
                })?
                .session(),
            Program::Component(tool) => {
                let session = tool.session(&self.path, &self.digest, host, shared).await;
                session.map_err(|why| format!("`{}`: {why}", self.shown))?
            }
        };
        Ok(Idle {
            principal: principal.clone(),
            session,
            runs: 0,
        })
    }

    /// Whether it was made of this content under this name: then its instances can go on.
    pub(crate) fn is_of(&self, digest: &str, file: &str) -> bool {
        self.digest == digest && self.shown.ends_with(&format!("/{file}"))
    }

    /// Whether its instances are kept between calls.
    pub(crate) fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Whether each call gets a fresh instance though the file's text shows nothing that a call could
    /// leave for the next.
    pub(crate) fn could_be_reusable(&self) -> bool {
        !self.reusable
            && self
                .source()
                .is_ok_and(|it| it.is_some_and(|it| shows_no_state(&it.text, self.language)))
    }
}
