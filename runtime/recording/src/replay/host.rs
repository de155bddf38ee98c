//! A host of tools that answers what was recorded.

use std::sync::Arc;

use serde_json::{Map, Value};
use wxmcp_run::{
    BoxFuture, CallContext, CallId, Capability, NamespaceListing, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolHit, ToolHost, Written,
};

use super::state::State;
use crate::answer;
use crate::event::{Answer, Question};
use crate::question;

pub(super) struct ReplayedHost {
    state: Arc<State>,
}

impl ReplayedHost {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    /// What was answered; waits for ever where nothing was.
    fn answered<T: Send + 'static>(
        &self,
        id: &CallId,
        question: &Question,
        read: impl FnOnce(Value) -> Option<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, ToolError>> {
        let answer: Result<Option<Answer>, ToolError> = self.state.asks(id, question);
        Box::pin(async move {
            match answer? {
                Some(answer) => answer::read(&answer, read),
                None => std::future::pending().await,
            }
        })
    }
}

impl ToolHost for ReplayedHost {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        let question = question::of_call(&call);
        self.answered(&call.context.id, &question, answer::to_call)
    }

    fn namespaces(&self) -> Vec<String> {
        self.state.recorded.head.namespaces.clone()
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        self.answered(&context.id, &Question::Namespace(name), answer::to_listing)
    }

    fn known(
        &self,
        namespace: String,
        context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        let question = Question::Known(namespace);
        let known = self.answered(&context.id, &question, answer::to_known);
        Box::pin(async move { known.await.unwrap_or_default() })
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        let detail = search.detail;
        let read = move |value| answer::to_hits(value, detail);
        self.answered(&context.id, &question::of_search(&search), read)
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        let question = Question::Describe(names);
        self.answered(&context.id, &question, answer::to_descriptions)
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        let question = question::of_capability(capability, &request);
        let ledger = context.ledger;
        let read = move |value| answer::to_capability(value, &ledger);
        self.answered(&context.id, &question, read)
    }
}
