//! What the result of an exported function means to its caller.

use serde_json::{Map, Value as Json};

use super::super::value::{ConvertError, Converted, Reason, Value};
use super::encoding::Encoding;
use super::schema;
use super::types::Type;

/// What a tool answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Its answer.
    Value(Json),
    /// It said that it failed.
    Failed(Failure),
}

/// How a tool says that it failed. As long as the component made it: bound it before it is
/// kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What kind of failure it is, if the component says so in a field `kind`.
    pub kind: Option<String>,
    /// What happened: the error if it is a string, its field `message` if it has one, and
    /// else its JSON.
    pub message: String,
    /// What it says beside that: of a `tool-error` its `data`, of a string nothing, of
    /// anything else its JSON.
    pub data: Option<Json>,
}

/// How a result is read.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// There is no result.
    Nothing,
    /// The result is the answer.
    Plain(Encoding),
    /// The result is an answer or an error.
    Fallible {
        ok: Option<Encoding>,
        error: Option<Encoding>,
    },
}

impl Reading {
    pub(super) fn of(result: Option<&Type>) -> Self {
        let side = |of: &Option<Box<Type>>| of.as_deref().map(Encoding::of);
        match result {
            None => Self::Nothing,
            Some(Type::Result { ok, error }) => Self::Fallible {
                ok: side(ok),
                error: side(error),
            },
            Some(of) => Self::Plain(Encoding::of(of)),
        }
    }

    /// The schema of an answer.
    pub(super) fn schema(&self) -> Json {
        match self {
            Self::Nothing | Self::Fallible { ok: None, .. } => schema::nothing(),
            Self::Plain(of) | Self::Fallible { ok: Some(of), .. } => of.schema(),
        }
    }

    pub(super) fn answer_of(&self, result: Option<&Value>) -> Converted<Answer> {
        match (self, result) {
            (Self::Nothing, None) => Ok(Answer::Value(Json::Null)),
            (Self::Plain(of), Some(value)) => of.json_of(value).map(Answer::Value),
            (Self::Fallible { ok, error }, Some(Value::Result(result))) => match result {
                Ok(value) => held(ok.as_ref(), value.as_deref()).map(Answer::Value),
                Err(value) => {
                    let error = held(error.as_ref(), value.as_deref())?;
                    Ok(Answer::Failed(Failure::of(error)))
                }
            },
            (_, value) => Err(ConvertError::new(Reason::Expected {
                expected: match self {
                    Self::Nothing => "no result",
                    Self::Plain(_) => "a result of the function's type",
                    Self::Fallible { .. } => "a result",
                },
                found: value.map_or("no result", Value::kind),
            })),
        }
    }

    /// The result that an answer stands for: what [`Reading::answer_of`] would read as it.
    pub(super) fn result_of(&self, answer: &Json) -> Converted<Option<Value>> {
        match self {
            Self::Nothing | Self::Fallible { ok: None, .. } if !answer.is_null() => {
                Err(super::super::convert::expected("null", answer))
            }
            Self::Nothing => Ok(None),
            Self::Plain(of) => of.value_of(answer).map(Some),
            Self::Fallible { ok, .. } => {
                let held = ok.as_ref().map(|of| of.value_of(answer)).transpose()?;
                Ok(Some(Value::Result(Ok(held.map(Box::new)))))
            }
        }
    }
}

fn held(of: Option<&Encoding>, value: Option<&Value>) -> Converted<Json> {
    match (of, value) {
        (Some(of), Some(value)) => of.json_of(value),
        (None, None) => Ok(Json::Null),
        (_, value) => Err(ConvertError::new(Reason::Expected {
            expected: of.map_or("nothing", |_| "a value"),
            found: value.map_or("nothing", Value::kind),
        })),
    }
}

impl Failure {
    fn of(error: Json) -> Self {
        let text = |members: &Map<String, Json>, name: &str| {
            members.get(name).and_then(Json::as_str).map(str::to_owned)
        };
        match error {
            Json::String(message) => Self {
                kind: None,
                message,
                data: None,
            },
            Json::Null => Self {
                kind: None,
                message: "the tool failed and does not say why".to_owned(),
                data: None,
            },
            Json::Object(members) => {
                let kind = text(&members, "kind");
                let message = text(&members, "message");
                let is_known = |name: &String| ["kind", "message", "data"].contains(&name.as_str());
                let is_tool_error =
                    kind.is_some() && message.is_some() && members.keys().all(is_known);
                let message = message.unwrap_or_else(|| Json::from(members.clone()).to_string());
                let data = if is_tool_error {
                    members.get("data").map(read)
                } else {
                    Some(Json::Object(members))
                };
                Self {
                    kind,
                    message,
                    data,
                }
            }
            other => Self {
                kind: None,
                message: other.to_string(),
                data: Some(other),
            },
        }
    }
}

/// The `data` of a `tool-error` is JSON as text, which only its name says.
fn read(data: &Json) -> Json {
    let read = data.as_str().map(serde_json::from_str);
    match read {
        Some(Ok(read)) => read,
        _ => data.clone(),
    }
}
