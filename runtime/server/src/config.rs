//! What a server is told when it is made.

use std::sync::Arc;
use std::time::Duration;

use wxmcp_host::Runtime;
use wxmcp_packages::Lock;
use wxmcp_policy::Principal;
use wxmcp_run::{BoxFuture, Limits, Policy};

use crate::log::Log;

/// What a [`Server`](crate::Server) runs, and within which bounds.
pub struct ServerConfig {
    /// Interpreters and tools.
    pub runtime: Arc<Runtime>,
    /// What each run may touch.
    pub policy: Policy,
    /// The packages that `policy` shows: what a program names besides is refused.
    pub locked: Lock,
    /// How much each run may use; a client may lower the time, and nothing else.
    pub limits: Limits,
    /// Characters of an answer that a model reads.
    pub max_answer: usize,
    /// How long a call of `run_code` waits before it answers with a handle.
    pub yield_after: Duration,
    /// How long runs may go on after the end of the server was asked for.
    pub drain: Duration,
    /// How long a session is kept that nobody uses.
    pub session_idle: Duration,
    /// Sessions that one principal may have.
    pub sessions: usize,
    /// Takes out of recordings what they are not to hold, before a client has them.
    pub redactor: Option<Arc<dyn Redactor>>,
    /// Where the server writes what happens.
    pub log: Log,
}

impl ServerConfig {
    /// The usual bounds: 25,000 characters an answer, a handle after 20 s, 10 s to drain, 16 sessions a
    /// principal, each kept for 30 minutes without use. Nothing is logged.
    pub fn new(runtime: Arc<Runtime>) -> Self {
        Self {
            runtime,
            policy: Policy::default(),
            locked: Lock::default(),
            limits: Limits {
                wall: Duration::from_secs(300),
                ..Limits::default()
            },
            max_answer: 25_000,
            yield_after: Duration::from_secs(20),
            drain: Duration::from_secs(10),
            session_idle: Duration::from_secs(30 * 60),
            sessions: 16,
            redactor: None,
            log: Log::none(),
        }
    }
}

/// Takes values out of recordings. What it is given comes from processes that scripts may have taken over.
pub trait Redactor: Send + Sync {
    /// The recording without them; `uri` is how a client names it.
    ///
    /// # Errors
    ///
    /// Why there is none, as a client is told.
    fn redacted<'a>(
        &'a self,
        uri: &'a str,
        recording: Vec<u8>,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// Whose client a connection is.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// On whose behalf its runs are.
    pub(crate) principal: Arc<Principal>,
}
