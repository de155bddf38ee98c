//! What all callers share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use wxmcp_policy::Approvals;
use wxmcp_run::Ledger;

use crate::capability::Capabilities;
use crate::catalogue::learned::Learned;
use crate::catalogue::search::Indexes;
use crate::pipeline::turns::Turns;
use crate::pipeline::validators::Validators;
use crate::pipeline::watcher::Watcher;
use crate::provider::Providers;

/// All that a broker is made of.
pub struct BrokerConfig {
    /// The providers of tools. Of two providers of one name that are in use, the earlier counts.
    pub providers: Vec<Arc<dyn Providers>>,
    /// Carries out requests other than tool calls.
    pub capabilities: Arc<dyn Capabilities>,
    /// What is approved for tool files; approvals that fit no tool are reported.
    pub approvals: Approvals,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// Where what is held for callers is charged.
    pub ledger: Ledger,
    /// Where shapes of answers are kept that tools do not declare; nothing is learned
    /// if there is none.
    pub learned: Option<PathBuf>,
    /// Observes each stage that a call or request enters.
    pub watcher: Option<Arc<dyn Watcher>>,
}

/// Serves any number of callers at once, each through its own [`CallerHost`](crate::CallerHost).
pub struct Broker {
    pub(crate) providers: Vec<Arc<dyn Providers>>,
    pub(crate) capabilities: Arc<dyn Capabilities>,
    pub(crate) approvals: Approvals,
    pub(crate) call_timeout: Duration,
    ledger: Ledger,
    pub(crate) learned: Option<Learned>,
    pub(crate) watcher: Option<Arc<dyn Watcher>>,
    pub(crate) indexes: Indexes,
    pub(crate) validators: Validators,
    pub(crate) turns: Arc<Turns>,
}

impl Broker {
    /// A broker; starts nothing.
    pub fn new(config: BrokerConfig) -> Arc<Self> {
        let turns = Arc::new(Turns::default());
        Arc::new(Self {
            indexes: Indexes::new(&turns),
            validators: Validators::new(&config.ledger, &turns),
            turns,
            providers: config.providers,
            capabilities: config.capabilities,
            approvals: config.approvals,
            call_timeout: config.call_timeout,
            ledger: config.ledger,
            learned: config.learned.as_deref().map(Learned::new),
            watcher: config.watcher,
        })
    }

    /// The ledger of the process: what is held for all callers.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Ends what providers started and waits until it has ended, and until databases know of statements that
    /// were cancelled. Calls that are still open fail.
    pub async fn shutdown(&self) {
        let providers = join_all(self.providers.iter().map(|providers| providers.close()));
        tokio::join!(providers, self.capabilities.settle());
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}
