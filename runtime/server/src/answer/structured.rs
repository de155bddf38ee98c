//! Structured content of an answer: what its text says, for programs.

use std::time::Duration;

use serde_json::{Map, Value, json};
use wxmcp_run::{CallRecord, Outcome, Report, Usage};

use super::texts::{Text, Texts};
use super::{MAX_CALLS, how, recording_member};
use crate::results::Ended;

/// The report as an object that shows what `texts` shows.
pub(super) fn of_report(ended: &Ended, run: &str, texts: &Texts) -> Value {
    let report = &*ended.report;
    let mut object = Map::new();
    object.insert("outcome".to_owned(), json!(outcome(&report.outcome)));
    match (&report.outcome, texts.value.is_whole()) {
        (_, false) => object.insert("value_cut".to_owned(), json!(texts.value.shown())),
        // An object cannot have one key twice: the JSON as a text can.
        (_, true) if !texts.is_exact => {
            object.insert("value_json".to_owned(), json!(texts.value.shown()))
        }
        (Outcome::Returned(value), true) => {
            let value = serde_json::from_str(value.get()).unwrap_or(Value::Null);
            object.insert("value".to_owned(), value)
        }
        _ => object.insert("value".to_owned(), Value::Null),
    };
    // Models read this as it is: what is empty is not worth their tokens.
    let mut add = |name: &str, text: &Text| {
        if !text.is_empty() {
            object.insert(name.to_owned(), json!(text.shown()));
        }
    };
    add("texts", &texts.handed_out);
    add("stdout", &texts.stdout);
    add("stderr", &texts.stderr);
    let error = Failure::of(report);
    if let Some(kind) = error.kind {
        let mut words = json!({
            "kind": kind,
            "type": error.exception,
            "message": error.message.unwrap_or_else(|| texts.message.shown()),
            "traceback": texts.traceback.shown(),
            "line": error.line,
            "limit": error.limit,
        });
        if let Value::Object(words) = &mut words {
            words.retain(|_, value| !value.is_null() && *value != json!(""));
        }
        object.insert("error".to_owned(), words);
        object.insert("calls".to_owned(), calls(&report.calls));
    }
    object.insert("run".to_owned(), json!(run));
    if let Some(session) = &ended.session {
        object.insert("session".to_owned(), json!(session.handle));
        if let Some(why) = &session.ended {
            object.insert("session_ended".to_owned(), json!(why));
        }
    }
    if let Some(note) = &ended.recording {
        let (name, said) = recording_member(note, run);
        object.insert(name.to_owned(), said);
    }
    object.insert("usage".to_owned(), usage(&report.usage));
    Value::Object(object)
}

/// What a run used, without what it did not: fractions of a millisecond, and zeros.
fn usage(usage: &Usage) -> Value {
    let mut object = serde_json::to_value(usage).unwrap_or_default();
    if let Value::Object(object) = &mut object {
        for time in ["wall_ms", "start_ms"] {
            if let Some(value) = object.get_mut(time) {
                let rounded = value.as_f64().unwrap_or_default().round();
                *value = json!(Duration::from_secs_f64(rounded.max(0.0) / 1e3).as_millis());
            }
        }
        object.retain(|_, value| value.as_u64() != Some(0));
    }
    object
}

/// The calls of a run, and how each ended.
pub(crate) fn calls(records: &[CallRecord]) -> Value {
    let calls = records.iter().take(MAX_CALLS);
    calls.map(|call| json!([call.name, how(call)])).collect()
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Returned(_) => "returned",
        Outcome::Raised(_) => "raised",
        Outcome::Exited(_) => "exited",
        Outcome::Stopped(..) => "stopped",
        Outcome::Cancelled => "cancelled",
    }
}

/// What went wrong.
#[derive(Default)]
struct Failure {
    kind: Option<&'static str>,
    exception: Option<String>,
    /// Words for what is no exception.
    message: Option<String>,
    line: Option<u64>,
    limit: Option<&'static str>,
}

impl Failure {
    fn of(report: &Report) -> Self {
        let raised = match &report.outcome {
            Outcome::Raised(raised) | Outcome::Stopped(_, Some(raised)) => Some(raised),
            _ => None,
        };
        let (kind, message, limit) = match &report.outcome {
            Outcome::Returned(_) | Outcome::Exited(0) => return Self::default(),
            Outcome::Raised(_) => ("exception", None, None),
            Outcome::Exited(code) => ("exit", Some(format!("exit code {code}")), None),
            Outcome::Stopped(limit, _) => (
                "limit",
                Some(format!("stopped by {limit}")),
                Some(limit.name()),
            ),
            Outcome::Cancelled => ("cancelled", Some("cancelled".to_owned()), None),
        };
        Self {
            kind: Some(kind),
            exception: raised.map(|it| it.kind.clone()),
            message,
            line: raised.and_then(|it| it.line),
            limit,
        }
    }
}
