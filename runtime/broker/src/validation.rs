//! Arguments and answers against the schemas that tools declare.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use wxmcp_sandbox::{ToolError, ToolErrorKind};
use wxmcp_tooltree::{Digest, Mismatch, Tool, Validator, unreadable_number};

use crate::wording::{bounded, quoted};

/// Compiled schemas that are kept, of arguments and of answers.
const MAX_KEPT: usize = 2_000;

/// The part of a tool that a value is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Arguments,
    Answer,
}

/// `None` for a schema that nothing can be held against.
type Known = HashMap<(Digest, Part), Option<Arc<Validator>>>;

/// Compiles each schema once. A tool whose schema is none is not checked: its
/// owner does that, or nobody.
#[derive(Debug, Default)]
pub(crate) struct Validators {
    known: Mutex<Known>,
}

impl Validators {
    /// The arguments of a call, if they fit the tool.
    ///
    /// # Errors
    ///
    /// Every way in which they do not (the first few of them), in `data` with its
    /// path; or that checking took longer than `limit`.
    pub(crate) async fn arguments(
        &self,
        tool: &Tool,
        name: &str,
        arguments: Map<String, Value>,
        limit: Duration,
    ) -> Result<Map<String, Value>, ToolError> {
        let value = Value::Object(arguments);
        if let Some(why) = unreadable_number(&value) {
            return Err(ToolError::new(
                ToolErrorKind::InvalidArguments,
                format!("the arguments of {} do not fit: {why}", quoted(name)),
            ));
        }
        let schema = tool.input_schema();
        match self
            .check(tool, Part::Arguments, schema, value, limit)
            .await
        {
            Ok((Value::Object(arguments), mismatches)) if mismatches.is_empty() => Ok(arguments),
            Ok((_, mismatches)) => Err(ToolError {
                kind: ToolErrorKind::InvalidArguments,
                ..refusal(
                    &format!("the arguments of {} do not fit", quoted(name)),
                    &mismatches,
                )
            }),
            Err(error) => Err(too_slow(error, "arguments", name, limit)),
        }
    }

    /// Structured content, if it fits what the tool declares.
    ///
    /// # Errors
    ///
    /// As for arguments.
    pub(crate) async fn answer(
        &self,
        tool: &Tool,
        name: &str,
        answer: Value,
        limit: Duration,
    ) -> Result<Value, ToolError> {
        let Some(schema) = tool.output_schema() else {
            return Ok(answer);
        };
        match self.check(tool, Part::Answer, schema, answer, limit).await {
            Ok((answer, mismatches)) if mismatches.is_empty() => Ok(answer),
            Ok((_, mismatches)) => Err(refusal(
                &format!(
                    "the answer of {} is not what the tool declares",
                    quoted(name)
                ),
                &mismatches,
            )),
            Err(error) => Err(too_slow(error, "answer", name, limit)),
        }
    }

    /// The value, and how it does not fit.
    async fn check(
        &self,
        tool: &Tool,
        part: Part,
        schema: &Value,
        value: Value,
        limit: Duration,
    ) -> Result<(Value, Vec<Mismatch>), NotChecked> {
        let key = (tool.digest(), part);
        let known = self.known().get(&key).cloned();
        let validator = match known {
            Some(validator) => validator,
            None => {
                let schema = schema.clone();
                let compile = move || Validator::new(&schema).ok().map(Arc::new);
                let validator = aside(compile, limit).await?;
                let mut known = self.known();
                if known.len() >= MAX_KEPT {
                    known.clear();
                }
                known.insert(key, validator.clone());
                validator
            }
        };
        let Some(validator) = validator else {
            return Ok((value, Vec::new()));
        };
        let is_cheap = validator.is_cheap();
        let compare = move |value: Value| {
            let mut mismatches = validator.mismatches(&value);
            // What a tool answers is as exact as it makes it.
            if mismatches.is_empty() && part == Part::Arguments {
                mismatches = validator.rounded(&value);
            }
            (value, mismatches)
        };
        if is_cheap {
            return Ok(compare(value));
        }
        aside(move || compare(value), limit).await
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a value was not checked to its end.
enum NotChecked {
    TooSlow,
    Failed,
}

/// Runs work that a hostile schema may make long, where nothing waits for it but us.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    limit: Duration,
) -> Result<T, NotChecked> {
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(NotChecked::Failed),
        Err(_) => Err(NotChecked::TooSlow),
    }
}

fn refusal(what: &str, mismatches: &[Mismatch]) -> ToolError {
    let told: Vec<String> = mismatches
        .iter()
        .map(|mismatch| match mismatch.path.as_str() {
            "" => bounded(&mismatch.message),
            path => format!("{}: {}", bounded(path), bounded(&mismatch.message)),
        })
        .collect();
    let listed: Vec<Value> = mismatches
        .iter()
        .map(|mismatch| json!({"path": bounded(&mismatch.path), "message": bounded(&mismatch.message)}))
        .collect();
    ToolError {
        kind: ToolErrorKind::InvalidAnswer,
        message: format!("{what}: {}", told.join("; ")),
        data: Some(json!({ "mismatches": listed })),
    }
}

fn too_slow(why: NotChecked, what: &str, name: &str, limit: Duration) -> ToolError {
    let name = quoted(name);
    match why {
        NotChecked::TooSlow => ToolError::new(
            ToolErrorKind::CallTimedOut,
            format!("the {what} of {name} could not be held against its schema within {limit:?}"),
        ),
        NotChecked::Failed => ToolError::new(
            ToolErrorKind::InvalidAnswer,
            format!("the {what} of {name} could not be held against its schema"),
        ),
    }
}
