//! Arguments and answers against the schemas that tools declare.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use wxmcp_catalogue::{
    Digest, Mismatch, Tool, Validator, is_required, leave_out_nulls, unknown_argument,
    unreadable_number,
};
use wxmcp_run::{ToolError, ToolErrorKind};

use crate::answer::Answer;
use wxmcp_catalogue::wording::{bounded, quoted};

/// Compiled schemas that are kept, of arguments and of answers.
const MAX_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_999);

/// The schema of a tool that a value is validated against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Arguments,
    Answer,
}

/// `None` for a schema that cannot be used.
type Known = LruCache<(Digest, Part), Option<Arc<Validator>>>;

/// Compiles each schema once for all callers: a schema says nothing about a caller. Tools without a usable
/// schema are not validated here.
#[derive(Debug)]
pub(crate) struct Validators {
    known: Mutex<Known>,
}

impl Default for Validators {
    fn default() -> Self {
        Self {
            known: Mutex::new(LruCache::new(MAX_KEPT)),
        }
    }
}

impl Validators {
    /// The arguments of a call, if they fit the tool; without those whose `null` means that
    /// they are not given.
    ///
    /// # Errors
    ///
    /// The first name that the tool has no parameter for; else every way in which they do
    /// not fit (the first few of them), in `data` with its path; or that checking took longer
    /// than `limit`.
    pub(crate) async fn arguments(
        &self,
        tool: &Tool,
        name: &str,
        mut arguments: Map<String, Value>,
        limit: Duration,
    ) -> Result<Map<String, Value>, ToolError> {
        let schema = tool.input_schema();
        if let Some(unknown) = unknown_argument(schema, &arguments) {
            let mismatch = json!({
                "path": bounded(&format!("/{}", unknown.name)),
                "message": bounded(&unknown.message),
            });
            return Err(ToolError {
                kind: ToolErrorKind::InvalidArguments,
                message: format!("{} {}", quoted(name), unknown.message),
                data: Some(json!({ "mismatches": [mismatch] })),
            });
        }
        leave_out_nulls(schema, &mut arguments);
        let nulls: Vec<String> = arguments
            .iter()
            .filter(|(name, value)| value.is_null() && !is_required(schema, name))
            .map(|(name, _)| format!("/{name}"))
            .collect();
        let value = Value::Object(arguments);
        if let Some(why) = unreadable_number(&value) {
            return Err(ToolError::new(
                ToolErrorKind::InvalidArguments,
                format!("the arguments of {} do not fit: {why}", quoted(name)),
            ));
        }
        match self
            .check(tool, Part::Arguments, schema, value, limit)
            .await
        {
            Ok((Value::Object(arguments), mismatches)) if mismatches.is_empty() => Ok(arguments),
            Ok((_, mut mismatches)) => {
                for mismatch in &mut mismatches {
                    if let Some(name) = nulls.iter().find(|path| **path == mismatch.path) {
                        mismatch.message.push_str(&format!(
                            " (leave `{}` out where there is no value for it)",
                            bounded(name.trim_start_matches('/'))
                        ));
                    }
                }
                let what = format!("the arguments of {} do not fit", quoted(name));
                Err(ToolError {
                    kind: ToolErrorKind::InvalidArguments,
                    ..refusal(&what, &mismatches)
                })
            }
            Err(error) => Err(too_slow(error, "arguments", name, limit)),
        }
    }

    /// An answer whose value fits what the tool declares. Where the value is empty and no more
    /// than that was declared, content takes its place.
    ///
    /// # Errors
    ///
    /// As for arguments, with what the tool answered in `data`.
    pub(crate) async fn answer(
        &self,
        tool: &Tool,
        name: &str,
        mut answer: Answer,
        limit: Duration,
    ) -> Result<Answer, ToolError> {
        let Some(schema) = tool.output_schema().filter(|_| answer.must_fit) else {
            return Ok(match answer.is_only_content() {
                true => answer.into_content_only(false),
                false => answer.unwrapped(),
            });
        };
        if answer.is_only_content() && names_no_member(schema) {
            return Ok(answer.into_content_only(true));
        }
        let value = answer.value.take();
        match self.check(tool, Part::Answer, schema, value, limit).await {
            Ok((value, mismatches)) => {
                answer.value = value;
                if mismatches.is_empty() {
                    Ok(answer.unwrapped())
                } else if answer.is_only_content() {
                    Ok(answer.into_content_only(true))
                } else {
                    Err(unfit(name, answer, &mismatches))
                }
            }
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
        let known = self.known.lock().get(&key).cloned();
        let validator = match known {
            Some(validator) => validator,
            None => {
                let schema = schema.clone();
                let compile = move || Validator::new(&schema).ok().map(Arc::new);
                let validator = aside(compile, limit).await?;
                self.known.lock().put(key, validator.clone());
                validator
            }
        };
        let Some(validator) = validator else {
            return Ok((value, Vec::new()));
        };
        let is_cheap = validator.is_cheap();
        let compare = move |value: Value| {
            let mut mismatches = validator.mismatches(&value);
            if mismatches.is_empty() {
                mismatches = match part {
                    Part::Arguments => validator.rounded(&value),
                    // The tool chose how to write its numbers: only one that its reader would round is refused.
                    Part::Answer => validator.misread(&value),
                };
            }
            (value, mismatches)
        };
        if is_cheap {
            return Ok(compare(value));
        }
        aside(move || compare(value), limit).await
    }
}

/// An answer that does not fit; the script finds it, and its content, in `data`.
fn unfit(name: &str, answer: Answer, mismatches: &[Mismatch]) -> ToolError {
    let name = quoted(name);
    let mut error = refusal(
        &format!("the answer of {name} is not what the tool declares"),
        mismatches,
    );
    if let Some(Value::Object(data)) = &mut error.data {
        data.insert("answer".to_owned(), answer.value);
        if !answer.content.is_empty() {
            data.insert("content".to_owned(), answer.content.into());
        }
    }
    error
}

/// Whether a schema says no more of a value than that it is an object.
fn names_no_member(schema: &Value) -> bool {
    const SAYS_NOTHING: [&str; 5] = [
        "$schema",
        "title",
        "description",
        "type",
        "additionalProperties",
    ];
    let Value::Object(words) = schema else {
        return true;
    };
    words.iter().all(|(word, says)| match word.as_str() {
        "properties" => says.as_object().is_some_and(Map::is_empty),
        word => SAYS_NOTHING.contains(&word),
    })
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
    let reasons: Vec<String> = mismatches
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
        message: format!("{what}: {}", reasons.join("; ")),
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
