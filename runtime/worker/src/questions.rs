//! Questions of a worker, put to the tool host of the run.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use wxmcp_run::{
    CallContext, Held, Ledger, OverBudget, Search, ToolAnswer, ToolCall, ToolError, ToolErrorKind,
    ToolHost, parsed_size,
};

use crate::answers::aside;
use crate::message::{Answer, Blob, Json, Question};

/// Puts a question; with the answer goes what is charged for it.
///
/// # Errors
///
/// What the host refused, or what the run may not hold.
pub(crate) async fn answer(
    tools: &Arc<dyn ToolHost>,
    mut context: CallContext,
    question: Question,
) -> Result<(Answer, Held), ToolError> {
    let ledger = context.ledger.clone();
    match question {
        Question::Call {
            sequence,
            name,
            arguments,
        } => {
            let (arguments, held) = read(arguments, &ledger).await?;
            context.held = held;
            let call = ToolCall {
                sequence,
                name,
                arguments,
                context,
            };
            let answer = tools.call(call).await?;
            called(&ledger, answer).await
        }
        Question::Namespace(name) => {
            let listing = tools.namespace(name, context).await?;
            let held = listing.held.clone();
            charged(&ledger, Answer::of_listing(listing), held)
        }
        Question::Known(name) => {
            let known = tools.known(name, context).await;
            charged(&ledger, Answer::Known(known), Held::default())
        }
        Question::Search {
            query,
            limit,
            detail,
        } => {
            let search = Search {
                query,
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
                detail: detail.into(),
            };
            let hits = tools.search(search, context).await?;
            let size = hits.iter().map(wxmcp_run::ToolHit::held).sum();
            let answer = aside(size, move || Answer::of_hits(hits)).await?;
            charged(&ledger, answer, Held::default())
        }
        Question::Describe(names) => described(tools, names, context).await,
        Question::Capability {
            capability,
            request,
        } => {
            let (request, held) = read(request, &ledger).await?;
            context.held = held;
            let asking = tools.capability(capability.into(), request, context);
            let written = asking.await?;
            let answer = Answer::Capability(Blob(written.json));
            Ok((answer, written.charge.into()))
        }
    }
}

async fn described(
    tools: &Arc<dyn ToolHost>,
    names: Json,
    mut context: CallContext,
) -> Result<(Answer, Held), ToolError> {
    let ledger = context.ledger.clone();
    let (names, held) = read(names, &ledger).await?;
    context.held = held;
    let tools = tools.describe(names, context).await?;
    let size = tools.iter().map(|tool| tool.held.bytes()).sum();
    let answer = aside(size, move || Answer::of_descriptions(tools)).await?;
    charged(&ledger, answer, Held::default())
}

/// The answer to a call; its text is charged before it is made.
async fn called(ledger: &Ledger, answer: ToolAnswer) -> Result<(Answer, Held), ToolError> {
    let size = answer_size(&answer.value, answer.content.as_ref());
    let held = hold_answer(ledger, size)?;
    aside(size, move || Ok((Answer::of_call(&answer)?, held))).await
}

/// Arguments, charged before they are read. Waits while other runs hold what the process may.
async fn read<T: DeserializeOwned + Send + 'static>(
    text: Json,
    ledger: &Ledger,
) -> Result<(T, Held), ToolError> {
    let size = parsed_size(text.as_bytes());
    let charge = ledger.charge_when_free(size).await;
    let held = Held::from(charge.map_err(|error| too_much("arguments", error))?);
    aside(u64::try_from(text.len()).unwrap_or(u64::MAX), move || {
        let read = serde_json::from_str(&text);
        let arguments = read.map_err(|error| {
            ToolError::new(
                ToolErrorKind::InvalidCall,
                format!("the request is not valid: {error}"),
            )
        })?;
        Ok((arguments, held))
    })
    .await
}

/// About how long the text of an answer is.
fn answer_size(value: &Value, content: Option<&Value>) -> u64 {
    let content = content.map_or(0, wxmcp_run::size_of);
    wxmcp_run::size_of(value).saturating_add(content)
}

fn charged(ledger: &Ledger, answer: Answer, mut held: Held) -> Result<(Answer, Held), ToolError> {
    held.join(hold_answer(ledger, answer.size())?);
    Ok((answer, held))
}

fn hold_answer(ledger: &Ledger, bytes: u64) -> Result<Held, ToolError> {
    let charge = ledger.charge(bytes);
    let charge = charge.map_err(|error| too_much("answers that wait to be read", error))?;
    Ok(charge.into())
}

/// Why arguments or an answer are not held.
pub(crate) fn too_much(what: &str, error: OverBudget) -> ToolError {
    let mut refused = ToolError::from(error);
    let message = format!(
        "the {what} are too large: {}; await calls before making more",
        refused.message
    );
    refused.message = message;
    refused
}
