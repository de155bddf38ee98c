//! What is known of tools without starting anything.

use std::sync::Arc;

use serde::Serialize;
use wxmcp_run::Held;

use super::Calls;

/// Questions for what is known are no operations: they have numbers above all of those.
const KNOWN: u64 = 1 << 63;

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Known {
    Namespaces(Vec<String>),
    /// Each as scripts spell it, and as its owner does; null where only a start would tell.
    Tools(Option<Vec<[String; 2]>>),
}

impl Calls {
    /// All namespaces, or the tools of one.
    pub(crate) fn known(
        &mut self,
        namespace: Option<String>,
    ) -> impl Future<Output = Known> + Send + use<> {
        let tools = Arc::clone(&self.tools);
        self.last_known = self.last_known.saturating_add(1);
        let context = self.context(KNOWN.saturating_add(self.last_known), Held::default());
        // What is known of tools depends on what ran on this machine before.
        let schedule = self.schedule.as_ref();
        let is_unknown = schedule.is_some_and(|schedule| schedule.children_end_first());
        async move {
            match namespace {
                None => Known::Namespaces(tools.namespaces()),
                Some(_) if is_unknown => Known::Tools(None),
                Some(name) => Known::Tools(tools.known(name, context).await),
            }
        }
    }
}
