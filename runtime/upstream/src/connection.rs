//! One started upstream: the handshake and requests.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, GetExtensions as _, ListToolsRequest,
    PaginatedRequestParams, ProtocolVersion, RequestId,
};
use rmcp::service::{
    ClientCacheConfig, ClientLifecycleMode, ClientServiceExt as _, PeerRequestOptions,
    RequestHandle, RoleClient, RunningService, ServiceError,
};
use serde_json::{Map, Value};
use wxmcp_run::{BoxFuture, CallContext, CallProgress, Held, Ledger};

use crate::aside::aside;
use crate::call_deadline::{CallDeadline, Late};
use crate::client::{Client, Listening, Unanswered, may_change};
use crate::config::Launch;
use crate::failure::{RequestError, StartError, explain, knows_no_initialize, last_words, silence};
use crate::stdio::guard::GuardCommand;
use crate::stdio::payer::{Payer, length_of};
use crate::stdio::pipe::Pipe;
use crate::stdio::pipe_state::{Fault, PipeState};
use crate::stdio::probe::{Changes, Probe};
use crate::stdio::process::Process;
use crate::stdio::{Arrived, Received};

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
            ledger,
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
            PipeState::new(redactor.clone(), ledger.clone()),
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
            RequestError::Refused(..) | RequestError::OverBudget(_) | RequestError::Late(_) => {
                "it ended".to_owned()
            }
        }
    }

    /// Whether it is a wxmcp, by whatever command it was started.
    pub(crate) fn is_wxmcp(&self) -> bool {
        let info = self.service.peer_info();
        let own = info.as_ref().and_then(|info| info.server_info.as_ref());
        own.is_some_and(|own| own.name == "wxmcp")
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

    /// One page of the tool list, charged to this ledger.
    pub(crate) async fn list_tools(
        &self,
        cursor: Option<String>,
        ledger: &Ledger,
    ) -> Result<Received, RequestError> {
        let mut request = ListToolsRequest::default();
        if cursor.is_some() {
            request.params = Some(PaginatedRequestParams::default().with_cursor(cursor));
        }
        let request = ClientRequest::ListToolsRequest(request);
        let pays = Pays {
            ledger: ledger.clone(),
            held: Held::default(),
            progress: CallProgress::default(),
        };
        let sending = self.send(request, pays);
        self.answer(sending.await?, None).await
    }

    /// One tool call, in one request: a server that asks for input is not
    /// answered here. It may take `given`, and longer while the server reports progress.
    /// What is sent and the answer are charged to the run that calls.
    pub(crate) async fn call_tool(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        context: &CallContext,
        given: Duration,
    ) -> Result<Received, RequestError> {
        let deadline = CallDeadline::of(given);
        let params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let pays = Pays {
            ledger: context.ledger.clone(),
            held: context.held.clone(),
            progress: context.progress.clone(),
        };
        // Pinned here: else what waits for it would hold it twice.
        let sending = pin!(self.send(request, pays));
        let handle = deadline.wait(sending, || None).await;
        let handle = handle.map_err(|_| RequestError::Late(Late::Unread))?;
        self.answer(handle?, Some(deadline)).await
    }

    /// Sends a request once there is a place for its message. The message is charged until it is written.
    async fn send(
        &self,
        mut request: ClientRequest,
        pays: Pays,
    ) -> Result<RequestHandle<RoleClient>, RequestError> {
        let Pays {
            ledger,
            mut held,
            progress,
        } = pays;
        let bytes = length_of(&request);
        let place = self.pipe.places.take(bytes).await;
        let charge = ledger.charge_when_free(bytes).await;
        held.add(charge.map_err(RequestError::OverBudget)?);
        let payer = Payer {
            ledger,
            progress,
            _held: held,
            _place: place,
        };
        request.extensions_mut().insert(payer);
        let options = PeerRequestOptions::no_options();
        match self
            .service
            .send_cancellable_request(request, options)
            .await
        {
            Ok(handle) => Ok(handle),
            Err(_) => Err(self.gone().await),
        }
    }

    /// Waits for the answer. If the future is dropped, or the deadline passes, the server gets a cancellation.
    async fn answer(
        &self,
        handle: RequestHandle<RoleClient>,
        deadline: Option<CallDeadline>,
    ) -> Result<Received, RequestError> {
        let mut unanswered = Unanswered {
            peer: self.service.peer().clone(),
            id: Some(handle.id.clone()),
        };
        let RequestId::Number(id) = handle.id else {
            return Err(self.gone().await);
        };
        let mut answering = pin!(handle.await_response());
        let answer = match &deadline {
            Some(deadline) => {
                let progressed = || self.pipe.progressed(id);
                let answer = deadline.wait(answering.as_mut(), progressed).await;
                answer.map_err(|late| match late {
                    Late::Silent if self.pipe.is_unread(id) => Late::Unread,
                    late => late,
                })
            }
            None => Ok(answering.await),
        };
        let answer = answer.map_err(RequestError::Late)?;
        unanswered.id = None;
        let arrived = match self.pipe.take_arrived(id) {
            Some(Arrived::Unread(unread)) => aside(unread.bytes, || unread.read()).await,
            arrived => arrived,
        };
        match (answer, arrived) {
            (Ok(_), Some(Arrived::Result(received))) => Ok(received),
            (_, Some(Arrived::Refused(error, held))) => Err(RequestError::Refused(error, held)),
            (_, Some(Arrived::TooLarge(reason))) => Err(RequestError::TooLarge(reason)),
            (_, Some(Arrived::Malformed(reason))) => Err(RequestError::Malformed(reason)),
            (_, Some(Arrived::OverBudget(over))) => Err(RequestError::OverBudget(over)),
            (Err(ServiceError::McpError(error)), None) => {
                Err(RequestError::Refused(Box::new(error), Held::default()))
            }
            (_, Some(Arrived::Result(_) | Arrived::Unread(_)) | None) => Err(self.gone().await),
        }
    }

    /// What became of a server whose pipe closed. In a box: few calls ask, and each would carry its room.
    fn gone(&self) -> BoxFuture<'_, RequestError> {
        Box::pin(async {
            match self.pipe.fault() {
                Some(Fault::TooLarge) => RequestError::TooLarge(
                    "one of its lines does not end within the limit".to_owned(),
                ),
                Some(Fault::Protocol(problem)) => RequestError::Malformed(problem.clone()),
                None => RequestError::Gone(last_words(&self.process).await),
            }
        })
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

/// Who pays for a request, and hears how far it is.
struct Pays {
    ledger: Ledger,
    held: Held,
    progress: CallProgress,
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
    /// The ledger of the process.
    pub(crate) ledger: &'a Ledger,
}
