//! What clients send with a call of our tools. Nothing in it is trusted.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use wxmcp_run::{Detail, Language};

use crate::ids;

/// Longest query of a search, in bytes.
const MAX_QUERY: usize = 10_000;

/// Most hits of a search, and most tools that are described at once.
const MAX_TOOLS: usize = 50;

/// Largest program, in bytes: as much as a guest takes.
const MAX_CODE: usize = 8 << 20;

/// A call of `run_code`.
#[derive(Debug, PartialEq)]
pub(crate) enum RunCode {
    /// Run a program.
    Start(Start),
    /// Wait on for one that was begun.
    Wait(String),
    /// End a session.
    End(String),
}

/// A program to be run.
#[derive(Debug, PartialEq)]
pub(crate) struct Start {
    pub(crate) code: String,
    /// The session's, or Python, where nothing is said.
    pub(crate) language: Option<Language>,
    pub(crate) session: Option<SessionChoice>,
    /// How long it may take, at most.
    pub(crate) timeout: Option<Duration>,
    /// Whether it is recorded.
    pub(crate) record: bool,
}

/// The session that a program runs in.
#[derive(Debug, PartialEq)]
pub(crate) enum SessionChoice {
    /// A new one.
    New,
    /// One that was made.
    Known(String),
}

/// A call of `describe_tools`.
#[derive(Debug, PartialEq)]
pub(crate) struct DescribeTools {
    pub(crate) names: Vec<String>,
    pub(crate) language: Language,
}

/// A call of `search_tools`.
#[derive(Debug, PartialEq)]
pub(crate) struct SearchTools {
    pub(crate) query: String,
    pub(crate) detail: Detail,
    pub(crate) limit: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRun {
    code: Option<String>,
    language: Option<String>,
    session: Option<RawSession>,
    timeout_ms: Option<Value>,
    record: Option<bool>,
    wait: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawSession {
    Name(String),
    #[serde(rename_all = "lowercase")]
    Object {
        end: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSearch {
    query: String,
    detail: Option<Detail>,
    limit: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDescribe {
    names: Vec<String>,
    language: Option<String>,
}

impl RunCode {
    /// Whether it makes a session.
    pub(crate) fn makes_session(&self) -> bool {
        matches!(self, Self::Start(start) if start.session == Some(SessionChoice::New))
    }

    /// # Errors
    ///
    /// What is wrong with the arguments, in words that help a model.
    pub(crate) fn parse(arguments: Map<String, Value>) -> Result<Self, String> {
        let raw: RawRun = read(arguments)?;
        let timeout = raw
            .timeout_ms
            .map(|it| whole(&it, "timeout_ms"))
            .transpose()?
            .map(Duration::from_millis);
        if timeout.is_some_and(|it| it.is_zero()) {
            return Err(
                "`timeout_ms` is 1 or more: in no time nothing runs; leave it out for the usual limit"
                    .to_owned(),
            );
        }
        let session = raw.session.map(choice).transpose()?;
        let language = raw.language.as_deref().map(language).transpose()?;
        match (raw.code, raw.wait, session) {
            (None, None, Some(Choice::End(handle))) => Ok(Self::End(handle)),
            (_, _, Some(Choice::End(_))) => {
                Err("a session is ended by a call with nothing but `session`".to_owned())
            }
            (None, Some(handle), None)
                if language.is_none() && timeout.is_none() && raw.record.is_none() =>
            {
                match ids::is_one(&handle) {
                    true => Ok(Self::Wait(handle)),
                    false => Err("`wait` is no handle of a run".to_owned()),
                }
            }
            (None, Some(_), _) => Err("`wait` stands alone".to_owned()),
            (None, None, Some(Choice::New)) => Err(
                "`code` is missing: session \"new\" is begun by its first program; give both"
                    .to_owned(),
            ),
            (None, None, Some(Choice::Known(handle))) => Err(format!(
                "`code` is missing: give it with `session`, or end the session with \"end:{handle}\""
            )),
            (Some(_), Some(_), _) | (None, None, _) => {
                Err("give `code`, or `wait`, and not both".to_owned())
            }
            (Some(code), None, session) => {
                if code.len() > MAX_CODE {
                    return Err("`code` is larger than 8 MiB".to_owned());
                }
                Ok(Self::Start(Start {
                    code,
                    language,
                    session: session.map(|choice| match choice {
                        Choice::New => SessionChoice::New,
                        Choice::Known(handle) | Choice::End(handle) => SessionChoice::Known(handle),
                    }),
                    timeout,
                    record: raw.record.unwrap_or_default(),
                }))
            }
        }
    }
}

impl SearchTools {
    /// # Errors
    ///
    /// As [`RunCode::parse`].
    pub(crate) fn parse(arguments: Map<String, Value>) -> Result<Self, String> {
        let raw: RawSearch = read(arguments)?;
        if raw.query.len() > MAX_QUERY {
            return Err(format!("`query` is longer than {MAX_QUERY} bytes"));
        }
        let limit = raw.limit.map(|it| whole(&it, "limit")).transpose()?;
        let limit = usize::try_from(limit.unwrap_or(10)).unwrap_or(usize::MAX);
        if limit == 0 || limit > MAX_TOOLS {
            return Err(format!("`limit` is 1 to {MAX_TOOLS}"));
        }
        Ok(Self {
            query: raw.query,
            detail: raw.detail.unwrap_or_default(),
            limit,
        })
    }
}

impl DescribeTools {
    /// # Errors
    ///
    /// As [`RunCode::parse`].
    pub(crate) fn parse(arguments: Map<String, Value>) -> Result<Self, String> {
        let raw: RawDescribe = read(arguments)?;
        if raw.names.is_empty() || raw.names.len() > MAX_TOOLS {
            return Err(format!("`names` are 1 to {MAX_TOOLS} names of tools"));
        }
        let language = raw
            .language
            .as_deref()
            .map_or(Ok(Language::Python), language)?;
        Ok(Self {
            names: raw.names,
            language,
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, String> {
    // `null` means "not given", which some clients write for everything that is optional.
    let given = arguments.into_iter().filter(|(_, value)| !value.is_null());
    serde_json::from_value(Value::Object(given.collect())).map_err(|error| error.to_string())
}

/// A whole number; some models write it as text, or with a fraction of zero.
fn whole(value: &Value, name: &str) -> Result<u64, String> {
    let number = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let digits = number.strip_suffix(".0").unwrap_or(&number);
    digits
        .parse()
        .map_err(|_| format!("`{name}` is no whole number"))
}

enum Choice {
    New,
    Known(String),
    End(String),
}

fn choice(raw: RawSession) -> Result<Choice, String> {
    let choice = match raw {
        RawSession::Name(name) if name == "new" => return Ok(Choice::New),
        RawSession::Name(name) => match name.strip_prefix("end:") {
            Some(handle) => Choice::End(handle.to_owned()),
            None => Choice::Known(name),
        },
        RawSession::Object { end } => Choice::End(end),
    };
    match &choice {
        Choice::Known(handle) | Choice::End(handle) if !ids::is_one(handle) => Err(
            "`session` is \"new\", the handle of a session, or \"end:\" and a handle".to_owned(),
        ),
        _ => Ok(choice),
    }
}

fn language(name: &str) -> Result<Language, String> {
    match name {
        "python" | "py" => Ok(Language::Python),
        "javascript" | "js" => Ok(Language::JavaScript),
        "typescript" | "ts" => Ok(Language::TypeScript),
        _ => Err("`language` is python, typescript or javascript".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(value: Value) -> Result<RunCode, String> {
        match value {
            Value::Object(map) => RunCode::parse(map),
            _ => Err("no object".to_owned()),
        }
    }

    #[test]
    fn exactly_one_of_code_and_wait() {
        let handle = ids::random();
        assert!(matches!(run(json!({"code": "1"})), Ok(RunCode::Start(_))));
        assert_eq!(
            run(json!({"wait": handle})),
            Ok(RunCode::Wait(handle.clone()))
        );
        for wrong in [
            json!({}),
            json!({"code": "1", "wait": handle}),
            json!({"wait": "x"}),
            json!({"wait": handle, "timeout_ms": 5}),
            json!({"code": "1", "session": {"end": handle}}),
            json!({"session": "new"}),
            json!({"code": "1", "unknown": 1}),
            json!({"code": "1", "language": "ruby"}),
            json!({"code": "1", "timeout_ms": -1}),
            json!({"code": "1", "timeout_ms": 0}),
            json!({"code": "1", "timeout_ms": "0"}),
            json!({"code": "1", "timeout_ms": 1.5}),
        ] {
            assert!(run(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_session_without_code_is_told_what_is_missing() {
        let words = |session: &str| run(json!({"session": session})).unwrap_err();
        assert_eq!(
            words("new"),
            "`code` is missing: session \"new\" is begun by its first program; give both"
        );
        let handle = ids::random();
        assert_eq!(
            words(&handle),
            format!(
                "`code` is missing: give it with `session`, or end the session with \"end:{handle}\""
            )
        );
        assert_eq!(
            run(json!({})).unwrap_err(),
            "give `code`, or `wait`, and not both"
        );
    }

    #[test]
    fn a_session_is_new_known_or_ended() {
        let handle = ids::random();
        let session = |value| match run(json!({"code": "1", "session": value})) {
            Ok(RunCode::Start(start)) => start.session,
            _ => None,
        };
        assert_eq!(session(json!("new")), Some(SessionChoice::New));
        assert_eq!(
            session(json!(handle)),
            Some(SessionChoice::Known(handle.clone()))
        );
        for end in [json!({"end": handle}), json!(format!("end:{handle}"))] {
            assert_eq!(
                run(json!({"session": end})),
                Ok(RunCode::End(handle.clone()))
            );
        }
        assert!(run(json!({"code": "1", "session": "mine"})).is_err());
    }

    #[test]
    fn what_is_null_is_not_given_and_numbers_may_be_text() {
        let start = run(json!({"code": "1", "wait": null, "timeout_ms": "1500", "session": null}));
        let Ok(RunCode::Start(start)) = start else {
            panic!("{start:?}")
        };
        assert_eq!(start.timeout, Some(Duration::from_millis(1_500)));
        assert_eq!(start.session, None);
    }
}
