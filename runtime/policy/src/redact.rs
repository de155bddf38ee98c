//! Keeps configured secrets out of texts that leave the broker.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// Shorter values are not looked for: `1` or `true` is in every text.
const MIN_SECRET_BYTES: usize = 6;

/// The values that a server was started with, each with the name that replaces it.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that holds another goes whole.
    secrets: Vec<(String, String)>,
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
        let mut secrets: Vec<_> = secrets.into_iter().collect();
        secrets.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The text with every secret replaced by its name.
    pub fn redact(&self, text: &str) -> String {
        let mut redacted = text.to_owned();
        for (secret, name) in &self.secrets {
            if redacted.contains(secret) {
                redacted = redacted.replace(secret, name);
            }
        }
        redacted
    }

    /// The bytes with every secret in it replaced.
    pub fn redact_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut redacted = bytes;
        for (secret, name) in &self.secrets {
            let secret = secret.as_bytes();
            let first = secret.first();
            let mut rest = redacted.as_slice();
            let mut without = Vec::new();
            while let Some(at) = rest
                .windows(secret.len())
                .position(|window| window.first() == first && window == secret)
            {
                let (before, found) = rest.split_at(at);
                without.extend_from_slice(before);
                without.extend_from_slice(name.as_bytes());
                rest = found.get(secret.len()..).unwrap_or_default();
            }
            if rest.len() < redacted.len() {
                without.extend_from_slice(rest);
                redacted = without;
            }
        }
        redacted
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
        self.secrets.first().map_or(0, |(secret, _)| secret.len())
    }
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
}
