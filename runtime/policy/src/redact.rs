//! Keeps configured secrets out of texts that leave the broker.

mod encoded;
mod fold;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;
use serde_json::Value;

pub use encoded::encoded;
use fold::{Fold, Folded, begun, folded};

/// Shorter values are not looked for: `1` or `true` is in every text.
const MIN_SECRET_BYTES: usize = 6;

/// The values that a server was started with, each with the name that replaces it. They are found in any case, and where
/// line ends or unseen characters divide them.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Finds the secrets; none if there are none.
    finder: Option<Arc<Finder>>,
}

struct Finder {
    automaton: NFA,
    start: StateID,
    /// Bytes that a secret may begin with in a text.
    begins: [bool; 256],
    /// In the order of the automaton.
    secrets: Vec<Secret>,
    /// Bytes of the longest secret, as it was configured.
    longest: usize,
}

struct Secret {
    folded: Vec<u8>,
    /// What replaces it.
    name: String,
}

/// What was cut off a text before it was redacted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Its beginning.
    pub front: bool,
    /// Its end.
    pub back: bool,
}

impl Redactor {
    /// Redacts the values of `name -> value`, as they are and as JSON spells them.
    pub fn new<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut secrets = BTreeMap::new();
        let mut longest = 0;
        for (name, value) in values {
            let spelled = Value::from(value).to_string();
            let spelled = spelled.strip_prefix('"').unwrap_or(&spelled);
            let spelled = spelled.strip_suffix('"').unwrap_or(spelled);
            for secret in [value, value.trim(), spelled] {
                let folded = folded(secret);
                if folded.len() >= MIN_SECRET_BYTES {
                    longest = longest.max(secret.len());
                    secrets.insert(folded, format!("[{name}]"));
                }
            }
        }
        if secrets.is_empty() {
            return Self::default();
        }
        let secrets = secrets
            .into_iter()
            .map(|(folded, name)| Secret { folded, name })
            .collect();
        Self {
            finder: Some(Arc::new(Finder::new(secrets, longest))),
        }
    }

    /// The text with every secret replaced by its name. Where the text says that it was cut (`…`), the beginning of a
    /// secret is replaced, too.
    pub fn redact(&self, text: &str) -> String {
        let spans = self.spans(text.as_bytes());
        let mut redacted = String::new();
        let mut end = 0;
        for span in spans {
            redacted.push_str(text.get(end..span.start).unwrap_or_default());
            redacted.push_str(self.name(span.secret));
            end = span.end;
        }
        redacted.push_str(text.get(end..).unwrap_or_default());
        redacted
    }

    /// What is left of a text that was cut, with every secret replaced. Of a secret that was cut, too, nothing stays;
    /// nor of one that the text ends in the middle of, as it may where more is about to be written.
    pub fn redact_part(&self, text: &str, cut: Cut) -> String {
        let Some(finder) = &self.finder else {
            return text.to_owned();
        };
        let folded: Vec<Folded> = Fold::new(text.as_bytes()).collect();
        let bytes: Vec<u8> = folded.iter().map(|it| it.byte).collect();
        if cut.front && finder.is_inside(&bytes) {
            return String::new();
        }
        let front = match cut.front {
            true => finder.rest(&bytes).checked_sub(1),
            false => None,
        };
        let front = front
            .and_then(|last| folded.get(last))
            .map_or(0, |it| it.end);
        let least = if cut.back { 1 } else { MIN_SECRET_BYTES };
        let last = finder.begun(&bytes).filter(|(bytes, _)| *bytes >= least);
        let (mut back, name) = match last {
            None => (text.len(), ""),
            Some((bytes, secret)) => {
                let first = folded.len().saturating_sub(bytes);
                let name = if cut.back { "" } else { self.name(secret) };
                (folded.get(first).map_or(0, |it| it.start), name)
            }
        };
        let mut redacted = String::new();
        let mut end = front;
        for span in self.spans(text.as_bytes()) {
            if span.end <= front || span.start >= back {
                continue;
            }
            redacted.push_str(text.get(end..span.start).unwrap_or_default());
            redacted.push_str(self.name(span.secret));
            end = span.end;
            back = back.max(end);
        }
        redacted.push_str(text.get(end..back).unwrap_or_default());
        redacted.push_str(name);
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
            redacted.extend_from_slice(self.name(span.secret).as_bytes());
            end = span.end;
        }
        redacted.extend_from_slice(bytes.get(end..).unwrap_or_default());
        redacted
    }

    /// The value with every secret in it replaced, in keys too.
    pub fn redact_value(&self, value: Value) -> Value {
        // Most values have none, and need not be made anew.
        match self.is_clean(&value) {
            true => value,
            false => self.replaced(value),
        }
    }

    fn replaced(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(items) => {
                let items = items.into_iter().map(|item| self.replaced(item));
                Value::Array(items.collect())
            }
            Value::Object(members) => {
                let members = members.into_iter();
                let members = members.map(|(key, it)| (self.redact(&key), self.replaced(it)));
                Value::Object(members.collect())
            }
            Value::Number(number) => {
                let digits = number.to_string();
                match self.spans(digits.as_bytes()).is_empty() {
                    true => Value::Number(number),
                    false => Value::String(self.redact(&digits)),
                }
            }
            scalar => scalar,
        }
    }

    /// Whether there is no secret in a value.
    fn is_clean(&self, value: &Value) -> bool {
        let has_none = |text: &str| self.spans(text.as_bytes()).is_empty();
        match value {
            _ if self.finder.is_none() => true,
            Value::Null | Value::Bool(_) => true,
            Value::String(text) => has_none(text),
            Value::Number(number) => has_none(&number.to_string()),
            Value::Array(items) => items.iter().all(|item| self.is_clean(item)),
            Value::Object(members) => {
                let mut members = members.iter();
                members.all(|(key, member)| has_none(key) && self.is_clean(member))
            }
        }
    }

    /// Length of the longest secret, in bytes.
    pub fn longest(&self) -> usize {
        self.finder.as_ref().map_or(0, |finder| finder.longest)
    }

    fn spans(&self, text: &[u8]) -> Vec<Span> {
        let finder = self.finder.as_ref();
        finder.map_or_else(Vec::new, |finder| finder.spans(text))
    }

    fn name(&self, secret: usize) -> &str {
        let secrets = self.finder.as_ref().map(|finder| finder.secrets.as_slice());
        let found = secrets.unwrap_or_default().get(secret);
        found.map_or("[secret]", |secret| secret.name.as_str())
    }
}

/// A part of a text that is replaced.
struct Span {
    start: usize,
    end: usize,
    /// The longest secret in it, and its folded bytes.
    secret: usize,
    longest: usize,
}

impl Finder {
    #[expect(
        clippy::expect_used,
        reason = "fails beyond 2 GiB of secrets alone, and going on without redacting would show them"
    )]
    fn new(secrets: Vec<Secret>, longest: usize) -> Self {
        let automaton = NFA::new(secrets.iter().map(|secret| &secret.folded))
            .expect("secrets that a process was started with");
        let start = automaton
            .start_state(Anchored::No)
            .expect("an automaton that looks everywhere");
        let is_first = |byte: u8| {
            let mut firsts = secrets.iter().filter_map(|secret| secret.folded.first());
            // Some characters beyond ASCII fold to letters of it.
            byte >= 0x80 || firsts.any(|first| first.eq_ignore_ascii_case(&byte))
        };
        let bytes: Vec<bool> = (0..=u8::MAX).map(is_first).collect();
        Self {
            begins: bytes.try_into().unwrap_or([true; 256]),
            automaton,
            start,
            secrets,
            longest,
        }
    }

    /// The parts of a text that are secrets, in order. Secrets that overlap are one part, with the name of the
    /// longest: with one of them replaced, the rest of the other would show.
    fn spans(&self, text: &[u8]) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut fold = Fold::new(text);
        let mut state = self.start;
        // Bytes that a secret may have begun with.
        let mut passed: VecDeque<Folded> = VecDeque::new();
        loop {
            if state == self.start {
                passed.clear();
                fold.skip_to(&self.begins);
            }
            let Some(next) = fold.next() else {
                return spans;
            };
            if next.is_cut_mark(text) {
                self.add_begun(&mut spans, &passed, next.start);
            }
            if passed.len() >= self.automaton.max_pattern_len() {
                passed.pop_front();
            }
            passed.push_back(next);
            state = self.automaton.next_state(Anchored::No, state, next.byte);
            if !self.automaton.is_match(state) {
                continue;
            }
            for match_index in 0..self.automaton.match_len(state) {
                let secret = self.automaton.match_pattern(state, match_index).as_usize();
                let longest = self.secrets.get(secret).map_or(0, |it| it.folded.len());
                let first = passed.len().saturating_sub(longest);
                let start = passed.get(first).map_or(next.start, |it| it.start);
                let span = Span {
                    start,
                    end: next.end,
                    secret,
                    longest,
                };
                add(&mut spans, span);
            }
        }
    }

    /// Adds the secret that begins, and does not end, before a mark of a text that was cut.
    fn add_begun(&self, spans: &mut Vec<Span>, passed: &VecDeque<Folded>, end: usize) {
        let bytes: Vec<u8> = passed.iter().map(|it| it.byte).collect();
        let Some((longest, secret)) = self.begun(&bytes).filter(|(it, _)| *it >= MIN_SECRET_BYTES)
        else {
            return;
        };
        if let Some(first) = passed.get(passed.len().saturating_sub(longest)) {
            let span = Span {
                start: first.start,
                end,
                secret,
                longest,
            };
            add(spans, span);
        }
    }

    /// How many bytes at the end of a folded text are the beginning of a secret, and of which one.
    fn begun(&self, text: &[u8]) -> Option<(usize, usize)> {
        let each = self.secrets.iter().enumerate().map(|(index, secret)| {
            let (_, without_last) = secret.folded.split_last().unwrap_or((&0, &[]));
            (begun(without_last, text), index)
        });
        each.filter(|(bytes, _)| *bytes > 0)
            .max_by_key(|(bytes, _)| *bytes)
    }

    /// How many bytes at the beginning of a folded text are the end of a secret.
    fn rest(&self, text: &[u8]) -> usize {
        let each = self.secrets.iter().map(|secret| {
            let (_, without_first) = secret.folded.split_first().unwrap_or((&0, &[]));
            begun(text, without_first)
        });
        each.max().unwrap_or_default()
    }

    /// Whether a folded text is only a part of a secret.
    fn is_inside(&self, text: &[u8]) -> bool {
        let mut longer = self
            .secrets
            .iter()
            .filter(|secret| !text.is_empty() && text.len() < secret.folded.len());
        longer.any(|secret| secret.folded.windows(text.len()).any(|part| part == text))
    }
}

/// Adds a part that ends behind all others.
fn add(spans: &mut Vec<Span>, mut span: Span) {
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

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets = self.finder.as_ref().map_or(0, |it| it.secrets.len());
        f.debug_struct("Redactor")
            .field("secrets", &secrets)
            .finish()
    }
}
