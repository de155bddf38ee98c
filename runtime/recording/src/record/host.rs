//! A host of tools whose answers are kept.

use std::sync::Arc;

use serde_json::{Map, Value};
use wxmcp_run::{
    BoxFuture, CallContext, CallId, Capability, NamespaceListing, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolHit, ToolHost, Written,
};

use super::tape::Tape;
use crate::answer;
use crate::event::{Answer, Event, Question};
use crate::question;

pub(super) struct RecordedHost {
    inner: Arc<dyn ToolHost>,
    tape: Arc<Tape>,
    /// Whose calls these are: the run of the session.
    run: u64,
}

impl RecordedHost {
    pub(super) fn new(inner: Arc<dyn ToolHost>, tape: Arc<Tape>) -> Self {
        let run = tape.run();
        Self { inner, tape, run }
    }

    fn asks(&self, id: &CallId, question: Question) {
        let event = Event::Asked {
            instance: self.tape.instance(&id.instance),
            id: id.operation,
            question,
        };
        self.tape.push_of(self.run, event);
    }

    fn answers(&self, id: &CallId, answer: Answer) {
        let event = Event::Answered {
            instance: self.tape.instance(&id.instance),
            id: id.operation,
            answer,
        };
        self.tape.push_of(self.run, event);
    }
}

impl ToolHost for RecordedHost {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        let id = call.context.id.clone();
        self.asks(&id, question::of_call(&call));
        Box::pin(async move {
            let answer = self.inner.call(call).await;
            self.answers(&id, answer::answer(&answer, answer::of_call));
            answer
        })
    }

    fn namespaces(&self) -> Vec<String> {
        self.inner.namespaces()
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        let id = context.id.clone();
        self.asks(&id, Question::Namespace(name.clone()));
        Box::pin(async move {
            let answer = self.inner.namespace(name, context).await;
            self.answers(&id, answer::answer(&answer, answer::of_listing));
            answer
        })
    }

    fn known(
        &self,
        namespace: String,
        context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        let id = context.id.clone();
        self.asks(&id, Question::Known(namespace.clone()));
        Box::pin(async move {
            let known = self.inner.known(namespace, context).await;
            let answer = answer::of_known(&known).to_string();
            self.answers(&id, Answer::Ok(answer));
            known
        })
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        let id = context.id.clone();
        self.asks(&id, question::of_search(&search));
        Box::pin(async move {
            let answer = self.inner.search(search, context).await;
            self.answers(&id, answer::answer(&answer, answer::of_hits));
            answer
        })
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        let id = context.id.clone();
        self.asks(&id, Question::Describe(names.clone()));
        Box::pin(async move {
            let answer = self.inner.describe(names, context).await;
            self.answers(&id, answer::answer(&answer, answer::of_descriptions));
            answer
        })
    }

    fn changed(&self) -> Vec<String> {
        self.inner.changed()
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        let id = context.id.clone();
        self.asks(&id, question::of_capability(capability, &request));
        Box::pin(async move {
            let answer = self.inner.capability(capability, request, context).await;
            self.answers(&id, answer::answer(&answer, answer::of_capability));
            answer
        })
    }
}
