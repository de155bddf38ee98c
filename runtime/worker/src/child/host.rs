//! The tool host of a run in a worker: it asks the parent.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use wxmcp_run::{
    BoxFuture, CallContext, Capability, Held, NamespaceListing, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolErrorKind, ToolHit, ToolHost, Written,
};

use super::way::Way;
use crate::answers::aside;
use crate::message::{Answer, Question};
use crate::questions::too_much;

/// Answers one run from what the parent answers.
pub(super) struct Proxy(pub(super) Arc<Way>);

impl Proxy {
    /// Asks, and charges what the answer takes once it is read.
    async fn ask(
        &self,
        context: CallContext,
        question: Question,
    ) -> Result<(Answer, Held), ToolError> {
        let answer = self.0.ask(&context.clock, question, context.held).await?;
        let charge = self.0.ledger.charge(answer.parsed_size());
        let charge = charge.map_err(|error| too_much("answers that wait to be read", error))?;
        Ok((answer, charge.into()))
    }
}

impl ToolHost for Proxy {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            let arguments = text(call.arguments, &call.context.held).await?;
            let question = Question::Call {
                sequence: call.sequence,
                name: call.name,
                arguments,
            };
            let (answer, held) = self.ask(call.context, question).await?;
            aside(answer.size(), move || answer.into_call(held)).await
        })
    }

    fn namespaces(&self) -> Vec<String> {
        self.0.namespaces.clone()
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        Box::pin(async move {
            let (answer, held) = self.ask(context, Question::Namespace(name)).await?;
            answer.into_listing(held)
        })
    }

    fn known(
        &self,
        namespace: String,
        context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        Box::pin(async move {
            let question = Question::Known(namespace);
            let (answer, _held) = self.ask(context, question).await.ok()?;
            answer.into_known()
        })
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        Box::pin(async move {
            let question = Question::Search {
                query: search.query,
                limit: u64::try_from(search.limit).unwrap_or(u64::MAX),
                detail: search.detail.into(),
            };
            let (answer, held) = self.ask(context, question).await?;
            aside(answer.size(), move || answer.into_hits(&held)).await
        })
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        Box::pin(async move {
            let names = text(names, &context.held).await?;
            let (answer, held) = self.ask(context, Question::Describe(names)).await?;
            aside(answer.size(), move || answer.into_descriptions(&held)).await
        })
    }

    fn changed(&self) -> Vec<String> {
        self.0.changed()
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        Box::pin(async move {
            let request = text(request, &context.held).await?;
            let question = Question::Capability {
                capability: capability.into(),
                request,
            };
            let (answer, held) = self.ask(context, question).await?;
            let written = Written::charged(answer.into_capability()?, &self.0.ledger)?;
            drop(held);
            Ok(written)
        })
    }
}

/// Arguments as text, for which they are charged still.
async fn text<T: Serialize + Send + 'static>(
    arguments: T,
    held: &Held,
) -> Result<String, ToolError> {
    aside(held.bytes(), move || {
        serde_json::to_string(&arguments).map_err(|error| {
            let message = format!("the request cannot be written: {error}");
            ToolError::new(ToolErrorKind::InvalidCall, message)
        })
    })
    .await
}
