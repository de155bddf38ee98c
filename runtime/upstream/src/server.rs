//! An MCP server: started when first used, once, and again if it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use serde_json::{Map, Value};
use tokio::sync::Mutex as AsyncMutex;
use wxmcp_catalogue::Namespace;
use wxmcp_run::{CallContext, ClockHandle, Ledger, Note, ToolError, ToolErrorKind};

use crate::aside::aside;
use crate::config::{ConfigError, Environment, Launch, UpstreamConfig};
use crate::connection::{Connection, Deadline, Era, Offer};
use crate::eras::Eras;
use crate::failure::{NoTools, RequestError, StartError, marks_itself, redacted, refused};
use crate::listing::{self, Tools};
use crate::stdio::Received;
use crate::stdio::guard::GuardCommand;
use crate::stdio::probe::Changes;
use crate::stdio::process::conceal_this_process;
use wxmcp_policy::Redactor;

/// How often an upstream is started again after it ended or did not start.
const MAX_RESTARTS: u32 = 3;

/// Which part of what the process may hold the lists of one server's tools may take: one in so many bytes.
const LIST_SHARE: u64 = 4;

/// What all upstreams of a broker share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How upstreams are started.
    pub(crate) guard: GuardCommand,
    /// Whether this process hides its memory and its environment before one starts.
    pub(crate) conceal: bool,
    /// The environment that configurations refer to.
    pub(crate) environment: Environment,
    /// How long a start may take, handshake and tool list included.
    pub(crate) start_timeout: Duration,
    /// Largest answer, in bytes.
    pub(crate) answer_limit: usize,
    /// Which handshakes worked.
    pub(crate) eras: Eras,
    /// What the process holds for others: lists of tools are part of it.
    pub(crate) ledger: Ledger,
    /// Changes of all servers' lists of tools.
    pub(crate) changes: Arc<AtomicU64>,
}

/// One configured server.
#[derive(Debug)]
pub(crate) struct Server {
    /// The namespace as scripts spell it.
    name: String,
    config: UpstreamConfig,
    settings: Arc<Settings>,
    /// Starts that are over: a caller that waited for one sees that the number grew.
    over: AtomicU64,
    changes: Arc<Changes>,
    /// Where its lists of tools are charged.
    lists: Ledger,
    slot: AsyncMutex<Slot>,
}

#[derive(Debug)]
struct Slot {
    live: Option<Arc<Live>>,
    era: Era,
    failed: u32,
    last_failure: Option<ToolError>,
    /// How it ended or why it did not start, the last time.
    last_reason: Option<String>,
    /// Whether it is wxmcp itself, and not started again.
    is_wxmcp: bool,
}

/// One call of a tool.
pub(crate) struct Call<'a> {
    /// The tool's own name.
    pub(crate) tool: &'a str,
    pub(crate) arguments: Map<String, Value>,
    /// The run that calls.
    pub(crate) context: &'a CallContext,
    /// How long it may take; longer while the server reports progress.
    pub(crate) given: Duration,
}

/// A started upstream and its tools.
#[derive(Debug)]
pub(crate) struct Live {
    connection: Connection,
    pub(crate) redactor: Redactor,
    pub(crate) redactor_of_answers: Redactor,
    tools: Mutex<Listed>,
    /// Whether a call ended since the tools were listed.
    called: AtomicBool,
}

/// The tools of an upstream, and how many changes they had seen.
#[derive(Clone, Debug)]
struct Listed {
    tools: Tools,
    changes: u64,
}

impl Server {
    /// An upstream that nothing has used yet.
    pub(crate) fn new(name: String, config: UpstreamConfig, settings: Arc<Settings>) -> Self {
        Self {
            name,
            config,
            over: AtomicU64::new(0),
            changes: Arc::new(Changes::new(Arc::clone(&settings.changes))),
            lists: settings
                .ledger
                .for_run(settings.ledger.budget() / LIST_SHARE),
            settings,
            slot: AsyncMutex::new(Slot {
                live: None,
                era: Era::Unknown,
                failed: 0,
                last_failure: None,
                last_reason: None,
                is_wxmcp: false,
            }),
        }
    }

    /// The namespace as scripts spell it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The upstream's key in its configuration.
    pub(crate) fn configured_name(&self) -> &str {
        self.config.name()
    }

    /// Whether its configuration switches it off.
    pub(crate) fn is_disabled(&self) -> bool {
        self.config.is_disabled()
    }

    /// How often its list of tools changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.count()
    }

    /// The started upstream; starts it if it is not running. The run's clock
    /// stands still meanwhile, as long as the run has time left for that. Those who ask while a
    /// start is under way share its outcome.
    pub(crate) async fn live(&self, clock: &ClockHandle) -> Result<Arc<Live>, ToolError> {
        let _pause = clock.pause();
        let began = Instant::now();
        let live = tokio::select! {
            biased;
            live = self.started(clock) => live,
            () = start_is_over(clock) => return Err(self.out_of_time("it was not ready when")),
        };
        live.map_err(|mut error| {
            let was_late = clock.start_left().is_some()
                && (has_no_time(clock) || began.elapsed() >= self.settings.start_timeout);
            if was_late && !error.message.contains(START_TIMEOUT) {
                error.message.push_str("; ");
                error.message.push_str(START_TIMEOUT);
            }
            error
        })
    }

    async fn started(&self, clock: &ClockHandle) -> Result<Arc<Live>, ToolError> {
        let seen = self.over.load(Ordering::Acquire);
        let mut slot = self.slot.lock().await;
        if let Some(live) = slot.live.take() {
            if !live.connection.is_over() {
                slot.live = Some(Arc::clone(&live));
                return Ok(live);
            }
            slot.failed = slot.failed.saturating_add(1);
            let ending = live.connection.ending().await;
            slot.last_reason = Some(live.redactor.redact(&ending));
        }
        if (slot.is_wxmcp || self.over.load(Ordering::Acquire) != seen)
            && let Some(failure) = &slot.last_failure
        {
            return Err(failure.clone());
        }
        if slot.failed > MAX_RESTARTS {
            let reason = slot.last_reason.as_deref().unwrap_or("it ended");
            return Err(self.unavailable(&format!(
                "it ended or did not start {} times, so it is not started again; the last time: {reason}",
                slot.failed
            )));
        }
        if has_no_time(clock) {
            return Err(self.out_of_time("it was not tried:"));
        }
        // In a box: else each call would carry the room that a start needs, ten thousand bytes, and copy it.
        let started = Box::pin(self.start(&mut slot.era)).await;
        self.over.fetch_add(1, Ordering::AcqRel);
        match started {
            Ok(live) => {
                let live = Arc::new(live);
                slot.live = Some(Arc::clone(&live));
                slot.last_failure = None;
                Ok(live)
            }
            Err(NoTools { reason, is_wxmcp }) => {
                let mut failure = self.unavailable(&reason);
                failure.data = is_wxmcp.then(marks_itself);
                slot.is_wxmcp = is_wxmcp;
                slot.failed = slot.failed.saturating_add(1);
                slot.last_failure = Some(failure.clone());
                slot.last_reason = Some(reason);
                Err(failure)
            }
        }
    }

    async fn start(&self, era: &mut Era) -> Result<Live, NoTools> {
        let launch = self
            .config
            .resolve(&self.settings.environment)
            .map_err(|error: ConfigError| error.to_string())?;
        let deadline = Deadline::after(self.settings.start_timeout);
        let connection = self.connect_in_some_era(&launch, era, deadline).await?;
        if connection.is_wxmcp() {
            connection.close().await;
            return Err(NoTools::of_wxmcp());
        }
        let changes = self.changes.count();
        let redactor = launch.redactor();
        let listing = listing::list(&connection, &self.lists, &redactor);
        let tools = match tokio::time::timeout_at(deadline.at, listing).await {
            Ok(Ok(tools)) => tools,
            Ok(Err(error)) => {
                let error = self.tool_error(&self.name, error, &redactor);
                let words = format!("its tools could not be listed: {}", error.message);
                return Err(words.into());
            }
            Err(_) => return Err(connection.silent("tools/list", deadline.given).into()),
        };
        Ok(Live {
            connection,
            redactor,
            redactor_of_answers: launch.redactor_of_answers(),
            tools: Mutex::new(Listed { tools, changes }),
            called: AtomicBool::new(false),
        })
    }

    /// Shakes hands as it worked the last time, in this process or an earlier one. Where that
    /// is not known, or works no more, the other way is tried, too.
    async fn connect_in_some_era(
        &self,
        launch: &Launch,
        era: &mut Era,
        deadline: Deadline,
    ) -> Result<Connection, String> {
        let eras = &self.settings.eras;
        let server = self.config.digest().unwrap_or_default();
        let recalled = match *era {
            Era::Unknown => eras.recall(&server),
            _ => None,
        };
        let first = recalled.unwrap_or(*era);
        let opened = match self.connect(launch, first, deadline).await {
            // A server may answer the newer handshake with nonsense, or end.
            Err(error) if error.worth_another_try => match (first, recalled) {
                (Era::Unknown, _) if error.may_be_modern => {
                    self.connect(launch, Era::Modern, deadline).await
                }
                (Era::Unknown | Era::Modern, _) => {
                    self.connect(launch, Era::Legacy, deadline).await
                }
                (Era::Legacy, Some(_)) => self.connect(launch, Era::Unknown, deadline).await,
                (Era::Legacy, None) => Err(error),
            },
            opened => opened,
        };
        match opened {
            Ok(connection) => {
                let worked = connection.era();
                if *era != worked && recalled != Some(worked) {
                    eras.keep(&server, worked);
                }
                *era = worked;
                Ok(connection)
            }
            Err(error) => {
                if recalled.is_some() {
                    eras.forget(&server);
                }
                Err(error.message)
            }
        }
    }

    async fn connect(
        &self,
        launch: &Launch,
        era: Era,
        deadline: Deadline,
    ) -> Result<Connection, StartError> {
        let Settings {
            guard,
            conceal,
            answer_limit,
            ..
        } = &*self.settings;
        if *conceal {
            conceal_this_process();
        }
        let offer = Offer {
            era,
            deadline,
            changes: &self.changes,
            ledger: &self.settings.ledger,
        };
        Connection::open(launch, guard, *answer_limit, offer).await
    }

    /// The tools of a started upstream; listed anew if it reported a change.
    pub(crate) async fn listed_tools(&self, live: &Live) -> Tools {
        let known = live.listed().clone();
        if known.changes == self.changes.count() {
            return known.tools;
        }
        // In a box, as a start is.
        Box::pin(self.list_again(live)).await
    }

    /// The same for a caller that misses a tool: a server that says that its list may change
    /// may have changed it with a call, and say so late. None if there is nothing to ask.
    pub(crate) async fn tools_after_calls(&self, live: &Live) -> Option<Tools> {
        let may_differ = live.connection.may_change() && live.called.swap(false, Ordering::AcqRel);
        if may_differ {
            Some(Box::pin(self.list_again(live)).await)
        } else {
            None
        }
    }

    async fn list_again(&self, live: &Live) -> Tools {
        let changes = self.changes.count();
        let tools = listing::list(&live.connection, &self.lists, &live.redactor).await;
        let mut listed = live.listed();
        listed.changes = changes;
        // A list that cannot be had leaves the old one.
        if let Ok(tools) = tools {
            listed.tools = tools;
        }
        listed.tools.clone()
    }

    /// The tools, if the upstream was started and nothing uses it just now.
    pub(crate) fn known_tools(&self) -> Option<Arc<Namespace>> {
        let slot = self.slot.try_lock().ok()?;
        let live = slot.live.as_ref()?;
        Some(Arc::clone(&live.listed().tools.namespace))
    }

    /// Calls a tool. Answers the bare result.
    pub(crate) async fn call(&self, live: &Live, call: Call<'_>) -> Result<Received, ToolError> {
        let Call {
            tool,
            arguments,
            context,
            given,
        } = call;
        let connection = &live.connection;
        let answer = connection.call_tool(tool, arguments, context, given).await;
        live.called.store(true, Ordering::Release);
        match answer {
            Ok(answer) => Ok(answer),
            Err(RequestError::Late(late)) => {
                let mut message = late.words(&self.name, tool, given);
                if let Some(stray) = connection.stray() {
                    message.push_str(&format!("; it {stray}"));
                }
                let error = ToolError::new(ToolErrorKind::CallTimedOut, message);
                Err(live.redacted(error))
            }
            Err(RequestError::Refused(error, held)) => {
                let redactor = live.redactor.clone();
                let bytes = held.bytes();
                let refused = aside(bytes, move || refused(*error, held, &redactor)).await;
                Err(refused.unwrap_or_else(|| self.unavailable("its error could not be read")))
            }
            Err(error) => {
                let name = format!("{}.{tool}", self.name);
                Err(self.tool_error(&name, error, &live.redactor))
            }
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

    /// Ends the upstream, if it was started, and waits until it has ended.
    pub(crate) async fn close(&self) {
        let live = self.slot.lock().await.live.take();
        if let Some(live) = live {
            live.connection.close().await;
        }
    }

    /// The error of a request, as scripts may see it; `asked` is the tool, or the server, that
    /// was asked.
    fn tool_error(&self, asked: &str, error: RequestError, redactor: &Redactor) -> ToolError {
        let name = &self.name;
        let error = match error {
            RequestError::Refused(error, held) => return refused(*error, held, redactor),
            RequestError::OverBudget(over) => {
                let mut refused = ToolError::from(over);
                refused.message =
                    format!("the call of `{asked}` is too large: {}", refused.message);
                refused
            }
            RequestError::TooLarge(reason) => ToolError::new(
                ToolErrorKind::AnswerTooLarge,
                format!("the answer of `{asked}` is too large: {reason}"),
            ),
            RequestError::Malformed(reason) => ToolError::new(
                ToolErrorKind::InvalidAnswer,
                format!("the answer of `{asked}` is not what the protocol says: {reason}"),
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
        redacted(error, redactor)
    }

    fn out_of_time(&self, what: &str) -> ToolError {
        self.unavailable(&format!("{what} {START_TIMEOUT}"))
    }

    fn unavailable(&self, why: &str) -> ToolError {
        ToolError::new(
            ToolErrorKind::UpstreamUnavailable,
            format!("`{}` could not be started: {why}", self.name),
        )
    }
}

/// The words of an error where a run waits for servers no longer.
const START_TIMEOUT: &str = "the start-timeout of the run was over";

/// Time that is too short to start anything in.
const NO_TIME: Duration = Duration::from_millis(5);

fn has_no_time(clock: &ClockHandle) -> bool {
    clock.start_left().is_some_and(|left| left < NO_TIME)
}

/// Ends when a run may wait for servers no longer.
async fn start_is_over(clock: &ClockHandle) {
    while let Some(left) = clock.start_left() {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
    std::future::pending().await
}

impl Live {
    /// An error as callers may see it: without secrets, and bounded.
    pub(crate) fn redacted(&self, error: ToolError) -> ToolError {
        redacted(error, &self.redactor)
    }

    /// Takes the server's secrets out of texts.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.tools.lock()
    }
}
