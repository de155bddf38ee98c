//! What rmcp sees of a pipe: a server that is silent on the first question is answered for,
//! and a list of tools that changed is noted in the order of the lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rmcp::model::{
    ClientRequest, ErrorCode, ErrorData, JsonRpcMessage, RequestId, ServerNotification,
};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::time::Instant;

/// How often the list of one server's tools changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    count: AtomicU64,
    /// The same for all servers together.
    all: Arc<AtomicU64>,
}

impl Changes {
    pub(crate) fn new(all: Arc<AtomicU64>) -> Self {
        Self {
            count: AtomicU64::new(0),
            all,
        }
    }

    /// How often, as far as lines were read.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    fn note(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.all.fetch_add(1, Ordering::AcqRel);
    }
}

/// A transport during the handshake and after it.
pub(crate) struct Probe<T> {
    inner: T,
    /// How long an answer to `server/discover` is waited for.
    wait: Option<Duration>,
    asked: Option<(RequestId, Instant)>,
    silent: Arc<AtomicBool>,
    changes: Arc<Changes>,
}

impl<T> Probe<T> {
    pub(crate) fn new(inner: T, wait: Option<Duration>, changes: Arc<Changes>) -> Self {
        Self {
            inner,
            wait,
            asked: None,
            silent: Arc::default(),
            changes,
        }
    }

    /// Whether the server did not answer in time: set while the transport is in use.
    pub(crate) fn silent(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.silent)
    }

    /// Takes note of a message; whether rmcp is to see it.
    fn passes(&mut self, message: &RxJsonRpcMessage<RoleClient>) -> bool {
        match message {
            JsonRpcMessage::Notification(it) => {
                let is_change = matches!(
                    it.notification,
                    ServerNotification::ToolListChangedNotification(_)
                );
                if is_change {
                    self.changes.note();
                }
                !is_change
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {
                self.asked = None;
                true
            }
            JsonRpcMessage::Request(_) => true,
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Probe<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        if let JsonRpcMessage::Request(request) = &item {
            self.asked = match (&request.request, self.wait) {
                (ClientRequest::DiscoverRequest(_), Some(wait)) => {
                    Some((request.id.clone(), Instant::now() + wait))
                }
                _ => None,
            };
        }
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let message = match &self.asked {
                None => self.inner.receive().await,
                Some((id, until)) => tokio::select! {
                    biased;
                    message = self.inner.receive() => message,
                    () = tokio::time::sleep_until(*until) => {
                        let id = id.clone();
                        self.asked = None;
                        self.silent.store(true, Ordering::Release);
                        // As a server answers that does not know the question.
                        let error = ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "silence", None);
                        return Some(JsonRpcMessage::error(error, Some(id)));
                    }
                },
            }?;
            if self.passes(&message) {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
