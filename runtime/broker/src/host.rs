//! The broker as one caller sees it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use wxmcp_policy::Caller;

use crate::broker::Broker;
use crate::capability::Granted;

/// Serves one caller: a script, or one run of a tool file. What it shows depends on the caller's grants,
/// never on earlier callers.
pub struct CallerHost {
    pub(crate) broker: Arc<Broker>,
    pub(crate) caller: Caller,
    pub(crate) granted: Arc<dyn Granted>,
    /// The changes of providers that were reported to the caller.
    reported: Mutex<Reported>,
}

/// How often the tools of providers had changed when that was last reported to the caller.
#[derive(Default)]
struct Reported {
    all: u64,
    by_namespace: HashMap<String, u64>,
}

impl Broker {
    /// The broker as one caller sees it.
    pub fn for_caller(self: &Arc<Self>, caller: Caller) -> Arc<CallerHost> {
        Arc::new(CallerHost::new(Arc::clone(self), caller))
    }
}

impl CallerHost {
    fn new(broker: Arc<Broker>, caller: Caller) -> Self {
        let reported = Reported {
            all: changes(&broker),
            ..Reported::default()
        };
        Self {
            granted: broker.capabilities.for_caller(caller.capabilities()),
            broker,
            caller,
            reported: Mutex::new(reported),
        }
    }

    /// The namespaces whose tools changed since the caller last asked.
    pub(crate) fn report_changes(&self) -> Vec<String> {
        let all = changes(&self.broker);
        let mut reported = self.reported.lock();
        if std::mem::replace(&mut reported.all, all) == all {
            return Vec::new();
        }
        let providers = self.broker.providers.iter().flat_map(|it| it.all());
        let seen = providers.filter(|it| self.caller.may_see(it.configured_name(), it.name()));
        let mut names = Vec::new();
        for provider in seen {
            let name = provider.name().to_owned();
            let count = provider.changes();
            if reported
                .by_namespace
                .insert(name.clone(), count)
                .unwrap_or_default()
                != count
            {
                names.push(name);
            }
        }
        names
    }

    /// The broker, which other callers share.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// Ends the broker, for all callers: see [`Broker::shutdown`].
    pub async fn shutdown(&self) {
        self.broker.shutdown().await;
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl std::fmt::Debug for CallerHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallerHost")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

/// How often the tools of any provider changed.
fn changes(broker: &Broker) -> u64 {
    broker.providers.iter().map(|it| it.changes()).sum()
}
