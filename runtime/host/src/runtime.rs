//! A runtime: interpreters and tools, and the runs that use them.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wxmcp_broker::CallerHost;
use wxmcp_capabilities::ResourceError;
use wxmcp_policy::Principal;
use wxmcp_recording::{RecordedSession, SessionRecorder};
pub use wxmcp_run::OwnedEvent as RuntimeEvent;
use wxmcp_run::{
    CallContext, ComponentEntry, Event, Language, Limits, Observer, Policy, RecordingFile, Report,
    Run, RunError, RunId, Runner, RunnerSession, Script, Silent, Sources, ToRecord,
};
use wxmcp_sandbox::supplied::CompileError;
use wxmcp_toolfiles::{Interpreters as _, LinkError};
use wxmcp_upstream::GuardCommand;

use crate::guests::{Guests, Natives};
use crate::rust_tools::RustTool;
use crate::tools::{ToolsConfig, open_tools};

/// Makes a [`Runtime`].
pub struct RuntimeBuilder {
    guests: Arc<Guests>,
    tools: ToolsConfig,
}

impl RuntimeBuilder {
    /// The tools, beside those written in Rust that were added: servers, tool files, and what scripts may do.
    pub fn tools(mut self, tools: ToolsConfig) -> Self {
        let own = std::mem::take(&mut self.tools.rust_tools);
        self.tools = tools;
        self.tools.rust_tools.extend(own);
        self
    }

    /// Adds a tool written in Rust to a namespace.
    pub fn tool(mut self, namespace: &str, tool: Arc<dyn RustTool>) -> Self {
        let tools = self.tools.rust_tools.entry(namespace.to_owned());
        tools.or_default().push(tool);
        self
    }

    /// The runtime; starts nothing.
    ///
    /// # Errors
    ///
    /// Resources that cannot be used.
    pub fn build(self) -> Result<Runtime, ResourceError> {
        Ok(Runtime {
            guests: self.guests,
            tools: open_tools(self.tools)?,
        })
    }
}

/// What runs scripts with tools.
///
/// ```
/// use serde_json::json;
/// use wxmcp_catalogue::Definition;
/// use wxmcp_host::{EventLoop, Job, Runtime, RuntimeEvent, rust_tool};
/// use wxmcp_run::{Language, Outcome};
///
/// let add = Definition {
///     name: "add".to_owned(),
///     description: "Adds two numbers.".to_owned(),
///     input_schema: json!({"type": "object", "properties": {
///         "a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}),
///     output_schema: None,
/// };
/// let add = rust_tool(add, |arguments| async move {
///     let number = |name| arguments.get(name).and_then(|it: &serde_json::Value| it.as_i64());
///     Ok(json!(number("a").unwrap_or(0) + number("b").unwrap_or(0)))
/// });
/// let runtime = Runtime::builder(wxmcp_guests::NATIVES).tool("sums", add).build()?;
/// let report = EventLoop::on_this_thread()?.run(async {
///     let script = "from tools import sums\nprint('adding')\nsums.add(a=19, b=23)";
///     let mut execution = runtime.start(Job::new(Language::Python, "sum.py", script)).await?;
///     while let Some(event) = execution.next().await {
///         if let RuntimeEvent::Output { bytes, .. } = event {
///             assert_eq!(bytes, b"adding\n");
///         }
///     }
///     Ok::<_, Box<dyn std::error::Error>>(execution.report().await?)
/// })?;
/// assert!(matches!(report.outcome, Outcome::Returned(value) if value.get() == "42"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Runtime {
    guests: Arc<Guests>,
    tools: Arc<CallerHost>,
}

/// Why a script could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its interpreter did not start, or the component has nothing to run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The component could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The component imports what nothing answers.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// A script, and what it may touch and use.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to run.
    pub script: Script,
    /// What it may touch.
    pub policy: Policy,
    /// How much it may use.
    pub limits: Limits,
    /// What it is given by chance.
    pub sources: Sources,
}

impl Job {
    /// Source text that may touch nothing, with the limits that are usual.
    pub fn new(language: Language, name: &str, source: &str) -> Self {
        Self {
            script: Script {
                name: name.to_owned(),
                language,
                source: source.to_owned(),
                args: Vec::new(),
                path: None,
                in_session: false,
                task: None,
            },
            policy: Policy::default(),
            limits: Limits::default(),
            sources: Sources::default(),
        }
    }

    /// The run, with who answers its calls, hears of it, and ends it.
    pub fn into_run(
        self,
        tools: Arc<CallerHost>,
        observer: Arc<dyn Observer>,
        cancel: impl Future<Output = ()> + Send + 'static,
    ) -> Run {
        let ledger = tools.broker().ledger().for_run(self.limits.host_memory);
        Run {
            id: RunId::random(),
            script: self.script,
            policy: self.policy,
            limits: self.limits,
            ledger,
            sources: self.sources,
            tools,
            observer,
            cancel: Box::pin(cancel),
        }
    }
}

impl Runtime {
    /// A runtime with these interpreters. Servers among its tools need [`ToolsConfig`].
    pub fn builder(natives: Natives) -> RuntimeBuilder {
        let cache = wxmcp_cache::directory();
        Self::with_guests(Arc::new(Guests::new(natives, cache)))
    }

    /// A runtime over interpreters that others use, too.
    pub fn with_guests(guests: Arc<Guests>) -> RuntimeBuilder {
        let no_servers = GuardCommand {
            program: std::path::PathBuf::new(),
            args: Vec::new(),
        };
        RuntimeBuilder {
            guests,
            tools: ToolsConfig::new(no_servers),
        }
    }

    /// The interpreters.
    pub fn guests(&self) -> &Arc<Guests> {
        &self.guests
    }

    /// The tools, as scripts see them.
    pub fn tools(&self) -> &Arc<CallerHost> {
        &self.tools
    }

    /// What runs scripts of a language, for the principal whose tools these are.
    ///
    /// # Errors
    ///
    /// When the interpreter does not start.
    pub fn interpreter(&self, language: Language) -> Result<Arc<dyn Runner>, RunError> {
        self.interpreter_for(self.tools.caller().principal(), language)
    }

    /// What runs scripts of a language for a principal: a worker process, or the sandbox of this one.
    ///
    /// # Errors
    ///
    /// When the interpreter does not start.
    pub fn interpreter_for(
        &self,
        principal: &Principal,
        language: Language,
    ) -> Result<Arc<dyn Runner>, RunError> {
        match self.guests.elsewhere(Some(principal)) {
            Some(runner) => Ok(runner),
            None => Ok(self.guests.sandbox(language)?),
        }
    }

    /// A session of a principal whose runs are recorded: in a worker process, or in this one.
    ///
    /// # Errors
    ///
    /// When the interpreter does not start, or its runs cannot be recorded.
    pub fn recorded_session_for(
        &self,
        principal: &Principal,
        language: Language,
        file: Arc<dyn RecordingFile>,
    ) -> Result<Box<dyn RunnerSession>, RunError> {
        let how = self.to_record(language, file)?;
        let runner = self.interpreter_for(principal, language)?;
        Ok(match runner.recorded(how.clone()) {
            Some(session) => session,
            None => {
                let recorder = SessionRecorder::new(how, Vec::new());
                Box::new(RecordedSession::new(runner.session(), recorder))
            }
        })
    }

    /// How runs of a language are recorded into a file, without what looks like secrets.
    ///
    /// # Errors
    ///
    /// When they cannot be.
    pub fn to_record(
        &self,
        language: Language,
        file: Arc<dyn RecordingFile>,
    ) -> Result<ToRecord, RunError> {
        let guest = self.guests.natives().of(language);
        let guest = guest.ok_or_else(|| RunError::NotRecorded("it is a component".to_owned()))?;
        Ok(ToRecord {
            guest: guest.component.to_owned(),
            allows_secrets: false,
            file,
        })
    }

    /// Starts worker processes ahead of the first run, if runs are in such, in the event loop that it is called in.
    pub fn start_ahead(&self) {
        if let Some(pool) = self.guests.pool() {
            pool.start_ahead();
        }
    }

    /// What runs a component as a script, linked to the tools that it imports: a worker process, or the sandbox of this one.
    ///
    /// # Errors
    ///
    /// When it cannot be compiled or linked, or has nothing to run.
    pub async fn component(&self, wasm: &[u8]) -> Result<Arc<dyn Runner>, StartError> {
        let component = self.guests.supplied(wasm).await?;
        let context = CallContext::outside_of_runs(self.tools.broker().ledger());
        let imports = wxmcp_toolfiles::link(&self.tools, &component, &context).await?;
        let elsewhere = self.guests.elsewhere(Some(self.tools.caller().principal()));
        let script = ComponentEntry::Script;
        Ok(wxmcp_toolfiles::runner(
            &component, script, &imports, elsewhere,
        )?)
    }

    /// Starts a script in a task of the event loop that it is called in.
    ///
    /// # Errors
    ///
    /// When the interpreter does not start.
    pub async fn start(&self, job: Job) -> Result<Execution, StartError> {
        let runner = self.interpreter(job.script.language)?;
        let (sender, events) = mpsc::unbounded_channel();
        let (cancel, cancelled) = oneshot::channel::<()>();
        let cancelled = async move {
            // A handle that is dropped without a word does not cancel.
            if cancelled.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let run = job.into_run(Arc::clone(&self.tools), Arc::new(Sender(sender)), cancelled);
        let report = tokio::spawn(async move { runner.run(run).await });
        Ok(Execution {
            events,
            cancel: Some(cancel),
            report,
        })
    }

    /// Runs a script to its end, and hears nothing of it meanwhile.
    ///
    /// # Errors
    ///
    /// When the run could not begin.
    pub async fn run(&self, job: Job) -> Result<Report, StartError> {
        let runner = self.interpreter(job.script.language)?;
        let run = job.into_run(
            Arc::clone(&self.tools),
            Arc::new(Silent),
            std::future::pending(),
        );
        Ok(runner.run(run).await?)
    }

    /// Ends servers, workers, and what databases still do. Calls that are still open fail.
    pub async fn shutdown(&self) {
        self.tools.shutdown().await;
        if let Some(pool) = self.guests.pool() {
            pool.shutdown().await;
        }
    }
}

/// A run that was started.
pub struct Execution {
    events: mpsc::UnboundedReceiver<RuntimeEvent>,
    cancel: Option<oneshot::Sender<()>>,
    report: tokio::task::JoinHandle<Result<Report, RunError>>,
}

impl Execution {
    /// The next event; none when the run has ended. What is not taken is kept: the limits of the run bound it.
    pub async fn next(&mut self) -> Option<RuntimeEvent> {
        self.events.recv().await
    }

    /// Ends the run as [`Outcome::Cancelled`](wxmcp_run::Outcome::Cancelled), unless it has ended.
    pub fn cancel(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            let _has_ended = cancel.send(());
        }
    }

    /// How the run went; waits for its end.
    ///
    /// # Errors
    ///
    /// When the run could not begin.
    pub async fn report(self) -> Result<Report, RunError> {
        match self.report.await {
            Ok(report) => report,
            Err(error) => Err(RunError::Engine(error.into())),
        }
    }
}

struct Sender(mpsc::UnboundedSender<RuntimeEvent>);

impl Observer for Sender {
    fn event(&self, event: Event<'_>) {
        let _receiver_is_gone = self.0.send(event.into());
    }
}
