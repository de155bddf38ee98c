//! One started upstream: the handshake, requests, and what went wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelledNotification, CancelledNotificationParam,
    ClientCapabilities, ClientConfig, ClientNotification, ClientRequest, ClientResult, ErrorCode,
    ErrorData, Implementation, ListToolsRequest, PaginatedRequestParams, ProtocolVersion,
    RequestId, ServerNotification, ServerRequest, SubscriptionFilter,
};
use rmcp::service::{
    ClientCacheConfig, ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _,
    NotificationContext, Peer, PeerRequestOptions, RequestContext, RoleClient, RunningService,
    Service, ServiceError,
};
use serde_json::{Map, Value};
use tokio::task::AbortHandle;

use crate::config::Launch;
use crate::patience::{Late, Patience};
use crate::stdio::Arrived;
use crate::stdio::guard::{GuardCommand, NOT_EXECUTABLE, NOT_FOUND};
use crate::stdio::pipe::Pipe;
use crate::stdio::pipe_state::{Fault, PipeState};
use crate::stdio::probe::{Changes, Probe};
use crate::stdio::process::{Process, describe};
use wxmcp_catalogue::wording::{bounded, quoted};
use wxmcp_policy::Redactor;

/// When a start is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: tokio::time::Instant,
    pub(crate) given: Duration,
}

impl Deadline {
    pub(crate) fn after(given: Duration) -> Self {
        Self {
            at: tokio::time::Instant::now() + given,
            given,
        }
    }
}

/// How long the process behind a closed pipe is waited for, to learn how it
/// ended. Shorter than it is left alone: later it would be us who ended it.
const LAST_WORDS: Duration = Duration::from_millis(900);

/// How long a server that is not known may be silent on `server/discover`. One that is
/// only slow gets `initialize`, which servers of both eras answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which handshake a server takes, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// `server/discover` first, `initialize` if the server does not answer that, or soon.
    Unknown,
    /// `initialize` only.
    Legacy,
    /// `server/discover` first, with all the time that rmcp has.
    Modern,
}

/// A server that has shaken hands.
#[derive(Debug)]
pub(crate) struct Connection {
    service: RunningService<RoleClient, Client>,
    process: Process,
    pipe: Arc<PipeState>,
    _listening: Option<Listening>,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// The server answered with a JSON-RPC error.
    Refused(ErrorData),
    /// The answer was larger than the limit; why that is known.
    TooLarge(String),
    /// The answer was not what the protocol says.
    Malformed(String),
    /// The server is gone; how, in words.
    Gone(String),
    /// The server did not answer in time.
    Late(Late),
}

/// Why a server did not start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StartError {
    /// What happened, in words; the server's own are redacted.
    pub(crate) message: String,
    /// Whether another handshake might fare better.
    pub(crate) worth_another_try: bool,
    /// Whether the server was slow to answer `server/discover`, and knows no `initialize`.
    pub(crate) may_be_modern: bool,
}

impl Connection {
    /// Starts the server and shakes hands.
    pub(crate) async fn open(
        launch: &Launch,
        guard: &GuardCommand,
        answer_limit: usize,
        offer: Offer<'_>,
    ) -> Result<Self, StartError> {
        let Offer {
            era,
            deadline,
            changes,
        } = offer;
        let (process, pipes) =
            Process::start(launch, launch.redactor(), guard).map_err(|error| StartError {
                message: match &launch.cwd {
                    Some(cwd) if !cwd.is_dir() => "its working directory does not exist".to_owned(),
                    _ => format!("its process could not be started: {error}"),
                },
                worth_another_try: false,
                may_be_modern: false,
            })?;
        let redactor = launch.redactor();
        let pipe = Pipe::new(
            pipes.stdout,
            pipes.stdin,
            answer_limit,
            redactor.clone(),
            Some(pipes.lifeline),
        );
        let state = pipe.state();
        let probe = Probe::new(pipe, era.patience(), Arc::clone(changes));
        let silent = probe.silent();
        let shaking_hands = Client.serve_with_lifecycle(probe, era.lifecycle());
        match tokio::time::timeout_at(deadline.at, shaking_hands).await {
            Ok(Ok(service)) => {
                // A cache would answer for a server that is dead.
                service
                    .set_response_cache_config(ClientCacheConfig::disabled())
                    .await;
                Ok(Self {
                    _listening: Listening::begin(&service),
                    service,
                    process,
                    pipe: state,
                })
            }
            Ok(Err(error)) => {
                let was_silent = silent.load(Ordering::Acquire);
                Err(StartError {
                    may_be_modern: was_silent && knows_no_initialize(&error),
                    ..explain(&error, &process, &state, &redactor).await
                })
            }
            Err(_) => Err(StartError {
                message: silence("the handshake", deadline.given, &process, &state),
                worth_another_try: false,
                may_be_modern: false,
            }),
        }
    }

    /// The handshake to offer this server the next time.
    pub(crate) fn era(&self) -> Era {
        match self.service.peer_info() {
            Some(info) if !info.protocol_version.has_initialize() => Era::Modern,
            _ => Era::Legacy,
        }
    }

    /// Whether the server can be sent no more requests.
    pub(crate) fn is_over(&self) -> bool {
        self.service.is_transport_closed()
            || self.pipe.fault().is_some()
            || self.process.has_ended()
    }

    /// How the server ended, in words.
    pub(crate) async fn ending(&self) -> String {
        match self.gone().await {
            RequestError::TooLarge(reason)
            | RequestError::Malformed(reason)
            | RequestError::Gone(reason) => reason,
            RequestError::Refused(_) | RequestError::Late(_) => "it ended".to_owned(),
        }
    }

    /// Whether the server says that its list of tools may change.
    pub(crate) fn may_change(&self) -> bool {
        may_change(&self.service)
    }

    /// Whether the server says that it has tools.
    pub(crate) fn has_tools(&self) -> bool {
        self.service
            .peer_info()
            .is_some_and(|info| info.capabilities.tools.is_some())
    }

    /// One page of the tool list.
    pub(crate) async fn list_tools(
        &self,
        cursor: Option<String>,
    ) -> Result<(Value, u64), RequestError> {
        let mut request = ListToolsRequest::default();
        if cursor.is_some() {
            request.params = Some(PaginatedRequestParams::default().with_cursor(cursor));
        }
        self.request(ClientRequest::ListToolsRequest(request), None)
            .await
    }

    /// One tool call, in one request: a server that asks for input is not
    /// answered here. It may take `given`, and longer while the server reports progress.
    pub(crate) async fn call_tool(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        given: Duration,
    ) -> Result<(Value, u64), RequestError> {
        let params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
        let request = CallToolRequest::new(params);
        let patience = Patience::of(given);
        self.request(ClientRequest::CallToolRequest(request), Some(patience))
            .await
    }

    /// Sends a request. If the future is dropped, or patience ends, the server is told.
    async fn request(
        &self,
        request: ClientRequest,
        patience: Option<Patience>,
    ) -> Result<(Value, u64), RequestError> {
        let options = PeerRequestOptions::no_options();
        let sending = self.service.send_cancellable_request(request, options);
        let sent = match &patience {
            Some(patience) => patience.wait(sending, || None).await,
            None => Ok(sending.await),
        };
        let answer = match sent.map_err(RequestError::Late)? {
            Ok(handle) => {
                let mut unanswered = Unanswered {
                    peer: self.service.peer().clone(),
                    id: Some(handle.id.clone()),
                };
                let progressed = match handle.id {
                    RequestId::Number(id) => Some(id),
                    RequestId::String(_) => None,
                };
                let progressed = || self.pipe.progressed(progressed?);
                let answering = handle.await_response();
                let answer = match &patience {
                    Some(patience) => patience.wait(answering, progressed).await,
                    None => Ok(answering.await),
                }
                .map_err(RequestError::Late)?;
                unanswered.id = None;
                answer
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(result) => match Arrived::from_result(result) {
                Arrived::Result(result, bytes) => Ok((result, bytes)),
                Arrived::TooLarge(reason) => Err(RequestError::TooLarge(reason)),
                Arrived::Malformed(reason) => Err(RequestError::Malformed(reason)),
            },
            Err(ServiceError::McpError(error)) => Err(RequestError::Refused(error)),
            Err(_) => Err(self.gone().await),
        }
    }

    /// What became of a server whose pipe closed.
    async fn gone(&self) -> RequestError {
        match self.pipe.fault() {
            Some(Fault::TooLarge) => {
                RequestError::TooLarge("one of its lines does not end within the limit".to_owned())
            }
            Some(Fault::Protocol(problem)) => RequestError::Malformed(problem.clone()),
            None => RequestError::Gone(last_words(&self.process).await),
        }
    }

    /// What the server answered that no request of ours asked for.
    pub(crate) fn stray(&self) -> Option<String> {
        self.pipe.stray()
    }

    /// The same, once.
    pub(crate) fn take_stray(&self) -> Option<String> {
        self.pipe.take_stray()
    }

    /// A server that did not answer in time, in words.
    pub(crate) fn silent(&self, what: &str, given: Duration) -> String {
        silence(what, given, &self.process, &self.pipe)
    }

    /// Ends the server and waits until it has ended.
    pub(crate) async fn close(&self) {
        self.service.cancellation_token().cancel();
        self.process.end().await;
    }
}

impl Era {
    fn lifecycle(self) -> ClientLifecycleMode {
        match self {
            Self::Unknown | Self::Modern => ClientLifecycleMode::Auto {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
                legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
            },
            Self::Legacy => ClientLifecycleMode::Initialize,
        }
    }

    fn patience(self) -> Option<Duration> {
        (self == Self::Unknown).then_some(PATIENCE)
    }
}

/// How a server is to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) era: Era,
    pub(crate) deadline: Deadline,
    /// Where changes of its list of tools are noted.
    pub(crate) changes: &'a Arc<Changes>,
}

/// A subscription to changes of the list of tools: servers of the newer era say nothing
/// without one. Ends when it is dropped.
#[derive(Debug)]
struct Listening(AbortHandle);

impl Listening {
    /// Subscribes, where there is something to hear; nothing waits for it.
    fn begin(service: &RunningService<RoleClient, Client>) -> Option<Self> {
        let info = service.peer_info()?;
        if info.protocol_version.has_initialize() || !may_change(service) {
            return None;
        }
        let peer = service.peer().clone();
        let listening = tokio::spawn(async move {
            let filter = SubscriptionFilter::builder().tools_list_changed().build();
            // A server that has no subscriptions is asked again on every miss.
            if let Ok(mut subscription) = peer.listen(filter).await {
                // What comes was noted on its way here.
                while let Ok(Some(_)) = subscription.next().await {}
            }
        });
        Some(Self(listening.abort_handle()))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn may_change(service: &RunningService<RoleClient, Client>) -> bool {
    let info = service.peer_info();
    let tools = info
        .as_ref()
        .and_then(|info| info.capabilities.tools.as_ref());
    tools.and_then(|tools| tools.list_changed) == Some(true)
}

/// wxmcp as a client: it offers servers nothing.
#[derive(Debug)]
struct Client;

impl Service<RoleClient> for Client {
    /// Nothing but pings is answered, since nothing else is offered. (rmcp's own
    /// handler would say that there are no roots, and that the person declined.)
    async fn handle_request(
        &self,
        request: ServerRequest,
        _: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        match request {
            ServerRequest::PingRequest(_) => Ok(ClientResult::empty(())),
            _ => Err(ErrorData::new(
                ErrorCode::METHOD_NOT_FOUND,
                "wxmcp does not offer this",
                None,
            )),
        }
    }

    async fn handle_notification(
        &self,
        _: ServerNotification,
        _: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new("wxmcp", env!("CARGO_PKG_VERSION")),
        )
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}

/// Tells the server when nobody waits for an answer any more.
struct Unanswered {
    peer: Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        let peer = self.peer.clone();
        let mut telling = Box::pin(async move {
            let params = CancelledNotificationParam::new(Some(id), None);
            let cancelled = CancelledNotification::new(params);
            let notification = ClientNotification::CancelledNotification(cancelled);
            // A server that is gone needs no telling.
            let _ = peer.send_notification(notification).await;
        });
        // Polled here once, so that it is queued before whatever is called next.
        let mut now = Context::from_waker(Waker::noop());
        if telling.as_mut().poll(&mut now).is_pending()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(telling);
        }
    }
}

/// Why a handshake failed, from whoever knows best.
async fn explain(
    error: &ClientInitializeError,
    process: &Process,
    pipe: &PipeState,
    redactor: &Redactor,
) -> StartError {
    let message = match (pipe.fault(), error) {
        (Some(Fault::TooLarge), _) => {
            "it answered the handshake with a line that does not end within the limit".to_owned()
        }
        (Some(Fault::Protocol(problem)), _) => problem.clone(),
        (
            None,
            ClientInitializeError::ConnectionClosed(_)
            | ClientInitializeError::TransportError { .. },
        ) => {
            return StartError {
                message: last_words(process).await,
                worth_another_try: can_run(process).await,
                may_be_modern: false,
            };
        }
        (None, error) => words_of(error, redactor),
    };
    StartError {
        message,
        worth_another_try: true,
        may_be_modern: false,
    }
}

/// Whether the server refused `initialize` as one that speaks the newer era alone.
fn knows_no_initialize(error: &ClientInitializeError) -> bool {
    match error {
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
            knows_no_initialize(fallback)
        }
        ClientInitializeError::JsonRpcError(refused) => [
            ErrorCode::METHOD_NOT_FOUND,
            ErrorCode::INVALID_PARAMS,
            ErrorCode::UNSUPPORTED_PROTOCOL_VERSION,
        ]
        .contains(&refused.code),
        _ => false,
    }
}

/// rmcp's errors print whole messages; these are the parts worth telling,
/// redacted before they are cut.
fn words_of(error: &ClientInitializeError, redactor: &Redactor) -> String {
    match error {
        ClientInitializeError::JsonRpcError(refused) => format!(
            "it refused the handshake: {} (code {})",
            quoted(&redactor.redact(&refused.message)),
            refused.code.0
        ),
        ClientInitializeError::ExpectedInitResult(_)
        | ClientInitializeError::ExpectedInitResponse(_) => {
            "its answer to the handshake is not what the protocol says".to_owned()
        }
        ClientInitializeError::NoCompatibleProtocolVersion {
            server_supported, ..
        } => {
            let versions: Vec<String> = server_supported
                .iter()
                .map(ToString::to_string)
                .take(8)
                .collect();
            format!(
                "it speaks none of our protocol versions, only {}",
                quoted(&versions.join(", "))
            )
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
            words_of(fallback, redactor)
        }
        other => bounded(&redactor.redact(&other.to_string())),
    }
}

/// What is known of a server that did not answer in time.
fn silence(what: &str, given: Duration, process: &Process, pipe: &PipeState) -> String {
    let mut message = format!("it did not answer {what} within {given:?}");
    if let Some(noise) = pipe.noise() {
        message.push_str(&format!(
            "; it wrote {}, which is not the protocol",
            quoted(&noise)
        ));
    }
    if let Some(stray) = pipe.stray() {
        message.push_str(&format!("; it {stray}"));
    }
    message.push_str(&wrote(process));
    message
}

/// How a process ended, and what it last wrote to stderr.
async fn last_words(process: &Process) -> String {
    let ended = match tokio::time::timeout(LAST_WORDS, process.end()).await {
        Ok(status) => describe(status),
        Err(_) => "closed its output".to_owned(),
    };
    format!("it {ended}{}", wrote(process))
}

/// The end of what a process wrote to stderr.
fn wrote(process: &Process) -> String {
    let lines = process.log().last_lines();
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("; its last words: {}", quoted(line)),
        lines => format!("; its last words:\n  {}", lines.join("\n  ")),
    }
}

/// Whether the command is one that can be run at all.
async fn can_run(process: &Process) -> bool {
    let ended = tokio::time::timeout(LAST_WORDS, process.end()).await;
    let code = ended.ok().flatten().and_then(|status| status.code());
    ![NOT_FOUND, NOT_EXECUTABLE]
        .iter()
        .any(|known| code == Some(i32::from(*known)))
}
