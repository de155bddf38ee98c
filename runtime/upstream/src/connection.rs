//! One started upstream: the handshake and requests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ListToolsRequest,
    PaginatedRequestParams, ProtocolVersion, RequestId,
};
use rmcp::service::{
    ClientCacheConfig, ClientLifecycleMode, ClientServiceExt as _, PeerRequestOptions, RoleClient,
    RunningService, ServiceError,
};
use serde_json::{Map, Value};

use crate::call_deadline::CallDeadline;
use crate::client::{Client, Listening, Unanswered, may_change};
use crate::config::Launch;
use crate::failure::{RequestError, StartError, explain, knows_no_initialize, last_words, silence};
use crate::stdio::Arrived;
use crate::stdio::guard::GuardCommand;
use crate::stdio::pipe::Pipe;
use crate::stdio::pipe_state::{Fault, PipeState};
use crate::stdio::probe::{Changes, Probe};
use crate::stdio::process::Process;

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

/// How long a server that is not known may be silent on `server/discover`. One that is
/// only slow gets `initialize`, which servers of both eras answer.
const DISCOVERY_WAIT: Duration = Duration::from_secs(1);

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
        let probe = Probe::new(pipe, era.discovery_wait(), Arc::clone(changes));
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
        let deadline = CallDeadline::of(given);
        self.request(ClientRequest::CallToolRequest(request), Some(deadline))
            .await
    }

    /// Sends a request. If the future is dropped, or the deadline passes, the server gets a cancellation.
    async fn request(
        &self,
        request: ClientRequest,
        deadline: Option<CallDeadline>,
    ) -> Result<(Value, u64), RequestError> {
        let options = PeerRequestOptions::no_options();
        let sending = self.service.send_cancellable_request(request, options);
        let sent = match &deadline {
            Some(deadline) => deadline.wait(sending, || None).await,
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
                let answer = match &deadline {
                    Some(deadline) => deadline.wait(answering, progressed).await,
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

    fn discovery_wait(self) -> Option<Duration> {
        (self == Self::Unknown).then_some(DISCOVERY_WAIT)
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
