//! An upstream MCP server: started when first used, once, and again if it ends.

mod arrived;
pub(crate) mod connection;
mod frame;
pub(crate) mod guard;
mod ids;
mod lines;
mod listing;
mod log;
mod patience;
mod pipe;
mod pipe_state;
mod process;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Mutex as AsyncMutex;
use wxmcp_sandbox::{Note, RunClock, ToolError, ToolErrorKind};
use wxmcp_tooltree::Namespace;

use self::connection::{Connection, Era, RequestError, StartError};
use self::guard::GuardCommand;
use crate::answer::{bound_error, rpc_error};
use crate::config::{ConfigError, Environment, Launch, UpstreamConfig};
use crate::redact::Redactor;

/// How often an upstream is started again after it ended or did not start.
const MAX_RESTARTS: u32 = 3;

/// What all upstreams of a broker share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How upstreams are started.
    pub(crate) guard: GuardCommand,
    /// The environment that configurations refer to.
    pub(crate) environment: Environment,
    /// How long a start may take, handshake and tool list included.
    pub(crate) start_timeout: Duration,
    /// Largest answer, in bytes.
    pub(crate) answer_limit: usize,
}

/// When a start is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: tokio::time::Instant,
    pub(crate) given: Duration,
}

impl Deadline {
    fn after(given: Duration) -> Self {
        Self {
            at: tokio::time::Instant::now() + given,
            given,
        }
    }
}

/// One configured upstream.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// The namespace as scripts spell it.
    name: String,
    config: UpstreamConfig,
    settings: Arc<Settings>,
    /// Starts that are over; tells those who waited from those who came after.
    over: AtomicU64,
    slot: AsyncMutex<Slot>,
}

#[derive(Debug)]
struct Slot {
    live: Option<Arc<Live>>,
    era: Era,
    failed: u32,
    last_failure: Option<ToolError>,
}

/// A started upstream and its tools.
#[derive(Debug)]
pub(crate) struct Live {
    connection: Connection,
    redactor: Redactor,
    tools: Mutex<Arc<Namespace>>,
}

impl Upstream {
    /// An upstream that nothing has used yet.
    pub(crate) fn new(name: String, config: UpstreamConfig, settings: Arc<Settings>) -> Self {
        Self {
            name,
            config,
            settings,
            over: AtomicU64::new(0),
            slot: AsyncMutex::new(Slot {
                live: None,
                era: Era::Auto,
                failed: 0,
                last_failure: None,
            }),
        }
    }

    /// The namespace as scripts spell it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The upstream's key in its configuration.
    pub(crate) fn owner(&self) -> &str {
        self.config.name()
    }

    /// The started upstream; starts it if it is not running. The run's clock
    /// stands still meanwhile. Those who ask while a start is under way share
    /// its outcome.
    pub(crate) async fn live(&self, clock: &RunClock) -> Result<Arc<Live>, ToolError> {
        let _pause = clock.pause();
        let seen = self.over.load(Ordering::Acquire);
        let mut slot = self.slot.lock().await;
        if let Some(live) = slot.live.take() {
            if !live.connection.is_over() {
                slot.live = Some(Arc::clone(&live));
                return Ok(live);
            }
            slot.failed = slot.failed.saturating_add(1);
        }
        if self.over.load(Ordering::Acquire) != seen
            && let Some(failure) = &slot.last_failure
        {
            return Err(failure.clone());
        }
        if slot.failed > MAX_RESTARTS {
            return Err(self.unavailable(&format!(
                "it ended or did not start {} times, so it is not started again",
                slot.failed
            )));
        }
        let started = self.start(&mut slot.era).await;
        self.over.fetch_add(1, Ordering::AcqRel);
        match started {
            Ok(live) => {
                let live = Arc::new(live);
                slot.live = Some(Arc::clone(&live));
                slot.last_failure = None;
                Ok(live)
            }
            Err(failure) => {
                slot.failed = slot.failed.saturating_add(1);
                slot.last_failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    async fn start(&self, era: &mut Era) -> Result<Live, ToolError> {
        let launch = self
            .config
            .resolve(&self.settings.environment)
            .map_err(|error: ConfigError| self.unavailable(&error.to_string()))?;
        let deadline = Deadline::after(self.settings.start_timeout);
        self.start_with(&launch, era, deadline)
            .await
            .map_err(|message| self.unavailable(&message))
    }

    async fn start_with(
        &self,
        launch: &Launch,
        era: &mut Era,
        deadline: Deadline,
    ) -> Result<Live, String> {
        let connection = match self.connect(launch, *era, deadline).await {
            // A server may answer the newer handshake with nonsense, or end.
            Err(error) if error.worth_another_try && *era == Era::Auto => {
                self.connect(launch, Era::Legacy, deadline).await
            }
            opened => opened,
        }
        .map_err(|error| error.message)?;
        *era = connection.era();
        let tools = match tokio::time::timeout_at(deadline.at, listing::list(&connection)).await {
            Ok(Ok(tools)) => tools,
            Ok(Err(error)) => {
                let error = self.tool_error(error, &launch.redactor());
                return Err(format!("its tools could not be listed: {}", error.message));
            }
            Err(_) => return Err(connection.silent("tools/list", deadline.given)),
        };
        Ok(Live {
            connection,
            redactor: launch.redactor(),
            tools: Mutex::new(Arc::new(tools)),
        })
    }

    async fn connect(
        &self,
        launch: &Launch,
        era: Era,
        deadline: Deadline,
    ) -> Result<Connection, StartError> {
        let Settings {
            guard,
            answer_limit,
            ..
        } = &*self.settings;
        Connection::open(launch, guard, *answer_limit, era, deadline).await
    }

    /// The tools of a started upstream; listed anew if it said that they changed.
    pub(crate) async fn tools(&self, live: &Live) -> Arc<Namespace> {
        if live.connection.take_list_changed() {
            // A list that cannot be had leaves the old one.
            if let Ok(tools) = listing::list(&live.connection).await {
                *live.tools.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(tools);
            }
        }
        Arc::clone(&live.tools.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls a tool by its own name, which may take `given`, and longer while the server reports
    /// progress. Answers the bare result and its size.
    pub(crate) async fn call(
        &self,
        live: &Live,
        tool: &str,
        arguments: Map<String, Value>,
        given: Duration,
    ) -> Result<(Value, u64), ToolError> {
        let connection = &live.connection;
        match connection.call_tool(tool, arguments, given).await {
            Ok(answer) => Ok(answer),
            Err(RequestError::Late(late)) => {
                let mut message = late.words(&self.name, tool, given);
                if let Some(stray) = connection.stray() {
                    message.push_str(&format!("; it {stray}"));
                }
                let error = ToolError::new(ToolErrorKind::CallTimedOut, message);
                Err(told(error, &live.redactor))
            }
            Err(error) => Err(self.tool_error(error, &live.redactor)),
        }
    }

    /// What the server answered that nothing had asked for, once, as a note.
    pub(crate) fn stray_note(&self, live: &Live) -> Option<Note> {
        let stray = live.connection.take_stray()?;
        Some(Note {
            about: self.name.clone(),
            text: format!("`{}` {}", self.name, live.redactor.redact(&stray)),
        })
    }

    /// An error as scripts may see it: without secrets, and bounded.
    pub(crate) fn told(&self, live: &Live, error: ToolError) -> ToolError {
        told(error, &live.redactor)
    }

    /// Ends the upstream, if it was started, and waits until it has ended.
    pub(crate) async fn close(&self) {
        let live = self.slot.lock().await.live.take();
        if let Some(live) = live {
            live.connection.close().await;
        }
    }

    fn tool_error(&self, error: RequestError, redactor: &Redactor) -> ToolError {
        let name = &self.name;
        let error = match error {
            RequestError::Refused(error) => rpc_error(error.code.0, &error.message, error.data),
            RequestError::TooLarge(reason) => ToolError::new(
                ToolErrorKind::AnswerTooLarge,
                format!("the answer of `{name}` is too large: {reason}"),
            ),
            RequestError::Malformed(reason) => ToolError::new(
                ToolErrorKind::InvalidAnswer,
                format!("the answer of `{name}` is not what the protocol says: {reason}"),
            ),
            RequestError::Gone(how) => ToolError::new(
                ToolErrorKind::UpstreamCrashed,
                format!("`{name}` ended during the call: {how}"),
            ),
            RequestError::Late(_) => ToolError::new(
                ToolErrorKind::CallTimedOut,
                format!("`{name}` did not answer in time"),
            ),
        };
        told(error, redactor)
    }

    fn unavailable(&self, why: &str) -> ToolError {
        ToolError::new(
            ToolErrorKind::UpstreamUnavailable,
            format!("`{}` could not be started: {why}", self.name),
        )
    }
}

/// Redacts first: a secret that was cut in two could not be recognised.
fn told(error: ToolError, redactor: &Redactor) -> ToolError {
    bound_error(ToolError {
        kind: error.kind,
        message: redactor.redact(&error.message),
        data: error.data.map(|data| redactor.redact_value(data)),
    })
}
