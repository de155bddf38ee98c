//! The texts of a report, and how much of each an answer shows: the same in its text and in its structured content.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use wxmcp_run::{Outcome, Report};

use super::cut::{Keep, WORDS, cut_by, shares};
use super::{MAX_CALLS, handed_out_texts};

/// Characters that an answer has besides its texts, at most, if it lists no calls: usage, names, handles.
const OWN: usize = 600;

/// Characters of one call in a list, at most.
const CALL: usize = 300;

/// One text of a report.
pub(super) struct Text {
    text: String,
    /// Characters of it, as JSON writes them.
    length: usize,
    /// How many of these are shown.
    share: usize,
    keep: Keep,
    /// The resource that has it whole.
    whole: String,
}

impl Text {
    fn new(text: String, keep: Keep, whole: String) -> Self {
        let length = text.chars().map(weight).sum();
        Self {
            text,
            length,
            share: length,
            keep,
            whole,
        }
    }

    /// Whether there is nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether it is shown to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.length <= self.share
    }

    /// What is shown of it.
    pub(super) fn shown(&self) -> String {
        match self.is_whole() {
            true => self.text.clone(),
            false => cut_by(weight, &self.text, self.share, self.keep, &self.whole),
        }
    }
}

/// The texts of a report.
pub(super) struct Texts {
    pub(super) value: Text,
    pub(super) handed_out: Text,
    pub(super) stdout: Text,
    pub(super) stderr: Text,
    pub(super) message: Text,
    pub(super) traceback: Text,
    /// Whether the value can be one of structured content: there an object has each key once.
    pub(super) is_exact: bool,
}

impl Texts {
    /// The texts of a report, cut to `max` characters together with all else that an answer has; `own` counts that, and
    /// is asked only where it matters.
    pub(super) fn of(report: &Report, max: usize, own: impl Fn() -> usize) -> Self {
        let json = match &report.outcome {
            Outcome::Returned(value) => value.get(),
            _ => "null",
        };
        let (message, traceback) = failure(report);
        let is_exact = has_each_key_once(json);
        let whole = |name: &str| format!("run://{}/{name}", report.run);
        let mut texts = Self {
            value: Text::new(value(json), Keep::Head, whole("value")),
            handed_out: Text::new(handed_out_texts(report), Keep::Head, whole("report")),
            stdout: Text::new(lossy(&report.stdout), Keep::Ends, whole("stdout")),
            stderr: Text::new(lossy(&report.stderr), Keep::Ends, whole("report")),
            message: Text::new(message, Keep::Head, whole("report")),
            traceback: Text::new(traceback, Keep::Ends, whole("report")),
            is_exact,
        };
        if is_exact && !texts.value.is_empty() && !json.starts_with('"') {
            // Structured content has it as it is.
            texts.value.length = json.chars().count();
            texts.value.share = texts.value.length;
        }
        let calls = report.calls.len().min(MAX_CALLS).saturating_mul(CALL);
        let mut all = texts.all();
        let lengths = all.each_ref().map(|text| text.length);
        let sum = lengths.iter().fold(OWN, |sum, it| sum.saturating_add(*it));
        if sum.saturating_add(calls) > max {
            let shares = shares(&lengths, max.saturating_sub(own()));
            for (text, share) in all.iter_mut().zip(shares) {
                // What is shorter than the words that would say that it is cut is shown.
                text.share = share.max(text.length.min(WORDS));
            }
        }
        texts
    }

    fn all(&mut self) -> [&mut Text; 6] {
        [
            &mut self.value,
            &mut self.handed_out,
            &mut self.stdout,
            &mut self.stderr,
            &mut self.message,
            &mut self.traceback,
        ]
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A value as text: strings as they are, everything else as JSON, `null` not at all.
fn value(json: &str) -> String {
    match json {
        "null" => String::new(),
        json => serde_json::from_str(json).unwrap_or_else(|_| json.to_owned()),
    }
}

/// The message and the traceback of what failed.
fn failure(report: &Report) -> (String, String) {
    match &report.outcome {
        Outcome::Raised(raised) => (raised.message.clone(), raised.traceback.clone()),
        Outcome::Stopped(_, Some(raised)) => (String::new(), raised.traceback.clone()),
        _ => (String::new(), String::new()),
    }
}

/// How many characters JSON writes for one.
fn weight(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\u{0}'..='\u{1f}' => 6,
        _ => 1,
    }
}

/// Whether no object of a JSON text has a key twice: two keys of a Python dict may become one name.
fn has_each_key_once(json: &str) -> bool {
    !json.contains('{') || serde_json::from_str::<OnceEach>(json).is_ok()
}

/// JSON in which each key of an object is there once.
struct OnceEach;

impl<'de> Deserialize<'de> for OnceEach {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Once)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = OnceEach;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON whose objects have each key once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OnceEach, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key) {
                return Err(A::Error::custom("a key is there twice"));
            }
            map.next_value::<OnceEach>()?;
        }
        Ok(OnceEach)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OnceEach, A::Error> {
        while seq.next_element::<OnceEach>()?.is_some() {}
        Ok(OnceEach)
    }

    fn visit_bool<E>(self, _: bool) -> Result<OnceEach, E> {
        Ok(OnceEach)
    }

    fn visit_i64<E>(self, _: i64) -> Result<OnceEach, E> {
        Ok(OnceEach)
    }

    fn visit_u64<E>(self, _: u64) -> Result<OnceEach, E> {
        Ok(OnceEach)
    }

    fn visit_f64<E>(self, _: f64) -> Result<OnceEach, E> {
        Ok(OnceEach)
    }

    fn visit_str<E>(self, _: &str) -> Result<OnceEach, E> {
        Ok(OnceEach)
    }

    fn visit_unit<E>(self) -> Result<OnceEach, E> {
        Ok(OnceEach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_seen_at_any_depth() {
        for json in [
            r#"{"1":1,"1":2}"#,
            r#"[{"a":[{"b":1.5,"b":null}]}]"#,
            "{\"a\":1,\"\\u0061\":2}",
        ] {
            assert!(!has_each_key_once(json), "{json}");
        }
        let json =
            r#"{"a":1e400,"b":{"a":[true,"{\"a\":1,\"a\":2}",123456789012345678901234567890]}}"#;
        assert!(has_each_key_once(json));
    }
}
