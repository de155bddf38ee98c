//! What is known of tools without starting anything.

use std::sync::Arc;

use serde::Serialize;
use wxmcp_run::Held;

use super::Calls;

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
        &self,
        namespace: Option<String>,
    ) -> impl Future<Output = Known> + Send + use<> {
        let tools = Arc::clone(&self.tools);
        let context = self.context(Held::default());
        async move {
            match namespace {
                None => Known::Namespaces(tools.namespaces()),
                Some(name) => Known::Tools(tools.known(name, context).await),
            }
        }
    }
}
