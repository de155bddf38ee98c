//! Structured content of an answer: what its text says, for programs.

use std::time::Duration;

use serde_json::{Map, Value, json};
use wxmcp_run::{Outcome, Report, Usage};

use super::cut::{Keep, cut, shares};
use super::{MAX_CALLS, how};
use crate::results::Ended;

/// Characters that are kept for what is not cut: usage, names, handles.
const OWN: usize = 600;

/// The report as an object, in at most about `max` characters of JSON.
pub(super) fn of_report(ended: &Ended, run: &str, max: usize) -> Value {
    let report = &*ended.report;
    let error = Failure::of(report);
    let value = match &report.outcome {
        Outcome::Returned(value) => value.get(),
        _ => "",
    };
    let texts = Texts::new(
        [
            (value.to_owned(), Keep::Head, "value"),
            (super::texts(report), Keep::Head, "report"),
            (lossy(&report.stdout), Keep::Ends, "stdout"),
            (lossy(&report.stderr), Keep::Ends, "report"),
            (error.message, Keep::Head, "report"),
            (error.traceback, Keep::Ends, "report"),
        ],
        run,
        max.saturating_sub(OWN),
    );
    let mut object = Map::new();
    object.insert("outcome".to_owned(), json!(outcome(&report.outcome)));
    if texts.is_whole(0) {
        let value = serde_json::from_str(value).unwrap_or(Value::Null);
        object.insert("value".to_owned(), value);
    } else {
        object.insert("value_cut".to_owned(), json!(texts.shown(0)));
    }
    // Models read this as it is: what is empty is not worth their tokens.
    for (name, at) in [("texts", 1), ("stdout", 2), ("stderr", 3)] {
        let shown = texts.shown(at);
        if !shown.is_empty() {
            object.insert(name.to_owned(), json!(shown));
        }
    }
    if let Some(kind) = error.kind {
        let mut words = json!({
            "kind": kind,
            "type": error.exception,
            "message": texts.shown(4),
            "traceback": texts.shown(5),
            "line": error.line,
            "limit": error.limit,
        });
        if let Value::Object(words) = &mut words {
            words.retain(|_, value| !value.is_null() && *value != json!(""));
        }
        object.insert("error".to_owned(), words);
        object.insert("calls".to_owned(), calls(report));
    }
    object.insert("run".to_owned(), json!(run));
    if let Some(session) = &ended.session {
        object.insert("session".to_owned(), json!(session.handle));
        if let Some(why) = &session.ended {
            object.insert("session_ended".to_owned(), json!(why));
        }
    }
    object.insert("usage".to_owned(), usage(&report.usage));
    Value::Object(object)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The texts of a report, and how much of each there is room for.
struct Texts {
    /// A text, the part of it that is kept, and the resource that has it whole.
    texts: [(String, Keep, &'static str); 6],
    lengths: [usize; 6],
    shares: Vec<usize>,
    run: String,
}

impl Texts {
    fn new(texts: [(String, Keep, &'static str); 6], run: &str, max: usize) -> Self {
        let mut lengths = [0; 6];
        for (at, (length, (text, ..))) in lengths.iter_mut().zip(&texts).enumerate() {
            // The value is JSON already.
            *length = if at == 0 { text.len() } else { written(text) };
        }
        Self {
            shares: shares(&lengths, max),
            texts,
            lengths,
            run: run.to_owned(),
        }
    }

    fn room(&self, at: usize) -> (usize, usize) {
        let share = self.shares.get(at).copied().unwrap_or_default();
        (self.lengths.get(at).copied().unwrap_or_default(), share)
    }

    fn is_whole(&self, at: usize) -> bool {
        let (length, share) = self.room(at);
        length <= share
    }

    /// A text, cut to its share. A share is of characters as JSON writes them; a text of which each becomes six is cut
    /// to a sixth.
    fn shown(&self, at: usize) -> String {
        let Some((text, keep, whole)) = self.texts.get(at) else {
            return String::new();
        };
        if self.is_whole(at) {
            return text.clone();
        }
        let (length, share) = self.room(at);
        let chars = text.chars().count();
        let factor = length.div_ceil(chars.max(1)).max(1);
        let share = (share / factor).min(chars.saturating_sub(1));
        cut(text, share, *keep, &format!("run://{}/{whole}", self.run))
    }
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

/// Characters of a text as JSON writes it.
fn written(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\u{0}'..='\u{1f}' => 6,
            _ => 1,
        })
        .sum()
}

fn calls(report: &Report) -> Value {
    let calls = report.calls.iter().take(MAX_CALLS);
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
    message: String,
    traceback: String,
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
            Outcome::Raised(raised) => ("exception", raised.message.clone(), None),
            Outcome::Exited(code) => ("exit", format!("exit code {code}"), None),
            Outcome::Stopped(limit, _) => {
                ("limit", format!("stopped by {limit}"), Some(limit.name()))
            }
            Outcome::Cancelled => ("cancelled", "cancelled".to_owned(), None),
        };
        Self {
            kind: Some(kind),
            exception: raised.map(|it| it.kind.clone()),
            message,
            traceback: raised.map(|it| it.traceback.clone()).unwrap_or_default(),
            line: raised.and_then(|it| it.line),
            limit,
        }
    }
}
