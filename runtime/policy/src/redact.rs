//! Keeps configured secrets out of texts that leave the broker.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, PatternID};
use serde_json::Value;

/// Shorter values are not looked for: `1` or `true` is in every text.
const MIN_SECRET_BYTES: usize = 6;

/// The values that a server was started with, each with the name that replaces it.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Finds the secrets; none if there are none.
    finder: Option<AhoCorasick>,
    /// Each secret and the name that replaces it, in the order of the finder.
    secrets: Arc<[(String, String)]>,
}

impl Redactor {
    /// Redacts the values of `name -> value`, as they are and as JSON spells them.
    pub fn new<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut secrets = BTreeMap::new();
        for (name, value) in values {
            let spelled = Value::from(value).to_string();
            let spelled = spelled.strip_prefix('"').unwrap_or(&spelled);
            let spelled = spelled.strip_suffix('"').unwrap_or(spelled);
            for secret in [value, value.trim(), spelled] {
                if secret.len() >= MIN_SECRET_BYTES {
                    secrets.insert(secret.to_owned(), format!("[{name}]"));
                }
            }
        }
        if secrets.is_empty() {
            return Self::default();
        }
        Self {
            finder: Some(finder(secrets.keys())),
            secrets: secrets.into_iter().collect(),
        }
    }

    /// The text with every secret replaced by its name.
    pub fn redact(&self, text: &str) -> String {
        // Most texts hold none. For five secrets and 16 MiB this takes 3 ms, the finder 33.
        if !self.secrets.iter().any(|(secret, _)| text.contains(secret)) {
            return text.to_owned();
        }
        let mut redacted = String::new();
        let mut end = 0;
        for span in self.spans(text.as_bytes()) {
            redacted.push_str(text.get(end..span.start).unwrap_or_default());
            redacted.push_str(self.name(&span));
            end = span.end;
        }
        redacted.push_str(text.get(end..).unwrap_or_default());
        redacted
    }

    /// The bytes with every secret in it replaced.
    pub fn redact_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let spans = self.spans(&bytes);
        if spans.is_empty() {
            return bytes;
        }
        let mut redacted = Vec::new();
        let mut end = 0;
        for span in spans {
            redacted.extend_from_slice(bytes.get(end..span.start).unwrap_or_default());
            redacted.extend_from_slice(self.name(&span).as_bytes());
            end = span.end;
        }
        redacted.extend_from_slice(bytes.get(end..).unwrap_or_default());
        redacted
    }

    /// The parts of a text that are secrets, in order. Secrets that overlap are one part, with the name of the
    /// longest: with one of them replaced, the rest of the other would show.
    fn spans(&self, text: &[u8]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let found = self.finder.iter();
        for found in found.flat_map(|finder| finder.find_overlapping_iter(text)) {
            let mut span = Span {
                start: found.start(),
                end: found.end(),
                secret: found.pattern(),
                longest: found.len(),
            };
            // Matches come by their ends, so one may begin before several earlier ones.
            while let Some(last) = spans.pop_if(|last| last.end > span.start) {
                span.start = span.start.min(last.start);
                if last.longest >= span.longest {
                    span.secret = last.secret;
                    span.longest = last.longest;
                }
            }
            spans.push(span);
        }
        spans
    }

    fn name(&self, span: &Span) -> &str {
        let found = self.secrets.get(span.secret.as_usize());
        found.map_or("[secret]", |(_, name)| name.as_str())
    }

    /// The value with every secret in it replaced, in keys too.
    pub fn redact_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(items) => Value::Array(
                items
                    .into_iter()
                    .map(|item| self.redact_value(item))
                    .collect(),
            ),
            Value::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|(key, member)| (self.redact(&key), self.redact_value(member)))
                    .collect(),
            ),
            scalar => scalar,
        }
    }

    /// Length of the longest secret, in bytes: as much of a text's start may be
    /// the rest of one that was cut.
    pub fn longest(&self) -> usize {
        self.finder.as_ref().map_or(0, AhoCorasick::max_pattern_len)
    }
}

/// A part of a text that is replaced.
struct Span {
    start: usize,
    end: usize,
    /// The longest secret in it, and its bytes.
    secret: PatternID,
    longest: usize,
}

#[expect(
    clippy::expect_used,
    reason = "fails beyond 2 GiB of secrets alone, and going on without redacting would show them"
)]
fn finder<'a>(secrets: impl Iterator<Item = &'a String>) -> AhoCorasick {
    AhoCorasick::new(secrets).expect("secrets that a process was started with")
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("secrets", &self.secrets.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_become_their_names() {
        let redactor = Redactor::new([
            ("TOKEN", "canary-123"),
            ("URL", "db://canary-123@host"),
            ("QUOTED", "say \"hush\""),
            ("SHORT", "true"),
        ]);
        assert_eq!(
            redactor.redact("canary-123 db://canary-123@host say \\\"hush\\\" true"),
            "[TOKEN] [URL] [QUOTED] true"
        );
        assert_eq!(
            redactor.redact_bytes(b"\xffcanary-123\xfe canary-123canary-12".to_vec()),
            b"\xff[TOKEN]\xfe [TOKEN]canary-12"
        );
        assert_eq!(redactor.redact_bytes(b"nothing".to_vec()), b"nothing");
        assert_eq!(
            redactor.redact_value(json!({"canary-123": ["x canary-123", 1]})),
            json!({"[TOKEN]": ["x [TOKEN]", 1]})
        );
        assert!(!format!("{redactor:?}").contains("canary"));
    }

    #[test]
    fn secrets_that_overlap_leave_nothing_of_each_other() {
        let redactor = Redactor::new([
            ("A", "abcdefgh"),
            ("B", "efghijklmn"),
            ("INNER", "hijklm"),
            ("REPEATED", "xyxyxy"),
        ]);
        for (text, redacted) in [
            ("<abcdefgh>", "<[A]>"),
            ("<efghijklmn>", "<[B]>"),
            ("<hijklm>", "<[INNER]>"),
            ("<abcdefghijklmn>", "<[B]>"),
            ("<abcdefghijklm>", "<[A]>"),
            ("<abcdefghhijklm>", "<[A][INNER]>"),
            ("<xyxyxyx>", "<[REPEATED]x>"),
            ("<xyxyxyxyxy>", "<[REPEATED]>"),
            ("<xyxyxy xyxyxyxyxyxy>", "<[REPEATED] [REPEATED]>"),
            ("<ab", "<ab"),
        ] {
            assert_eq!(redactor.redact(text), redacted);
            let bytes = redactor.redact_bytes(text.as_bytes().to_vec());
            assert_eq!(bytes, redacted.as_bytes());
        }
        assert_eq!(redactor.longest(), 10);
        assert_eq!(Redactor::default().longest(), 0);
    }

    #[test]
    fn of_two_names_for_one_secret_one_shows() {
        let redactor = Redactor::new([("ONE", "same-secret"), ("TWO", "same-secret")]);
        assert_eq!(redactor.redact("same-secret"), "[TWO]");
    }
}
