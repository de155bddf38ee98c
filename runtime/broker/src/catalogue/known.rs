//! The tree of tools as far as it is known without starting anything.

use std::ops::ControlFlow;

use crate::host::CallerHost;
use crate::provider::Provider;

/// A namespace and its tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTools {
    /// The namespace, as scripts spell it.
    pub namespace: String,
    /// Its tools that the caller may call, as scripts spell them, in order; none where only a start would tell.
    pub tools: Option<Vec<String>>,
}

impl CallerHost {
    /// Shows namespaces that the caller may see, in order, from the one named `first` on, until `take` breaks off. Reads
    /// folders, and starts nothing.
    pub fn each_known(&self, first: &str, mut take: impl FnMut(KnownTools) -> ControlFlow<()>) {
        let mut providers = self.all_visible();
        providers.retain(|it| it.name() >= first);
        providers.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        for provider in providers {
            let tools = self.granted_of(provider.as_ref()).map(|tools| {
                let spelled = tools.into_iter().map(|[spelled, _]| spelled);
                let mut tools: Vec<String> = spelled.collect();
                tools.dedup();
                tools
            });
            let known = KnownTools {
                namespace: provider.name().to_owned(),
                tools,
            };
            if take(known).is_break() {
                return;
            }
        }
    }

    /// The tools of a namespace that the caller may call, in order: as scripts spell them, and as their owner does.
    pub(crate) fn known_tools(&self, namespace: &str) -> Option<Vec<[String; 2]>> {
        let visible = self.all_visible();
        let provider = visible.iter().find(|it| it.name() == namespace)?;
        self.granted_of(provider.as_ref())
    }

    fn granted_of(&self, provider: &dyn Provider) -> Option<Vec<[String; 2]>> {
        let mut tools = provider.known_tools()?;
        let (configured, name) = (provider.configured_name(), provider.name());
        tools.retain(|[_, own]| self.caller.may_call_name(configured, name, own));
        tools.sort_unstable();
        Some(tools)
    }
}
