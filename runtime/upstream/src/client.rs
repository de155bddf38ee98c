//! wxmcp as a client of MCP: what it offers servers, what it subscribes to, and how it cancels a request.

use std::task::{Context, Waker};

use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientCapabilities, ClientConfig,
    ClientNotification, ClientResult, ErrorCode, ErrorData, Implementation, ProtocolVersion,
    RequestId, ServerNotification, ServerRequest, SubscriptionFilter,
};
use rmcp::service::{
    NotificationContext, Peer, RequestContext, RoleClient, RunningService, Service,
};
use tokio::task::AbortHandle;

/// wxmcp as a client: it offers servers nothing.
#[derive(Debug)]
pub(crate) struct Client;

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

/// A subscription to changes of the list of tools: servers of the newer era say nothing
/// without one. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Listening(AbortHandle);

impl Listening {
    /// Subscribes, where there is something to hear; nothing waits for it.
    pub(crate) fn begin(service: &RunningService<RoleClient, Client>) -> Option<Self> {
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

/// Whether the server says that its list of tools may change.
pub(crate) fn may_change(service: &RunningService<RoleClient, Client>) -> bool {
    let info = service.peer_info();
    let tools = info
        .as_ref()
        .and_then(|info| info.capabilities.tools.as_ref());
    tools.and_then(|tools| tools.list_changed) == Some(true)
}

/// A request without an answer yet. Dropped with its id, it sends the server a cancellation.
pub(crate) struct Unanswered {
    pub(crate) peer: Peer<RoleClient>,
    pub(crate) id: Option<RequestId>,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        let peer = self.peer.clone();
        let mut cancelling = Box::pin(async move {
            let params = CancelledNotificationParam::new(Some(id), None);
            let cancelled = CancelledNotification::new(params);
            let notification = ClientNotification::CancelledNotification(cancelled);
            // A server that has ended needs no cancellation.
            let _ = peer.send_notification(notification).await;
        });
        // Polled here once, so that it is queued before whatever is called next.
        let mut now = Context::from_waker(Waker::noop());
        if cancelling.as_mut().poll(&mut now).is_pending()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(cancelling);
        }
    }
}
