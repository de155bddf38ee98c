//! The tree of tools as far as it is known without starting anything.

use std::ops::ControlFlow;

use crate::host::CallerHost;

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
            let tools = provider.known_tools().map(|tools| {
                let granted = tools.into_iter().filter(|[_, own]| {
                    let (configured, name) = (provider.configured_name(), provider.name());
                    self.caller.may_call_name(configured, name, own)
                });
                let mut tools: Vec<String> = granted.map(|[spelled, _]| spelled).collect();
                tools.sort_unstable();
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
}
