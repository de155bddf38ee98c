//! The values that rules hit, and what replaces each.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, MatchKind};

use super::forms::{self, Alphabet};
use super::rules::{Rule, Rules};

/// Most values that the rules of a recording may hit.
pub const VALUES: usize = 10_000;

/// Most bytes of these values together.
pub const VALUE_BYTES: usize = 16 << 20;

/// Values of fewer bytes are replaced only where a rule hits them itself: `1` or `true` is in every text.
pub const SHORT: usize = 6;

/// Numbers become this one and those that follow.
const NUMBERS: u64 = 9_000_000_000;

/// The rules hit more than can be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rules of `redact` hit more than {VALUES} different values, or more than {VALUE_BYTES} bytes of them"
)]
pub struct TooManyValues;

/// What a value is replaced by.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) replacement: String,
    /// The place of the rule that hit it first.
    pub(super) rule: usize,
    is_number: bool,
}

/// All values that were hit.
#[derive(Debug, Default)]
pub(super) struct Values {
    known: BTreeMap<Vec<u8>, Known>,
    bytes: usize,
    /// How many values have each word, and how many are numbers.
    counts: BTreeMap<String, u64>,
    numbers: u64,
    pub(super) is_full: bool,
}

impl Values {
    /// Notes a value that a rule hits.
    pub(super) fn add(&mut self, value: &[u8], rule: &Rule) {
        let stem = rule.stem.clone();
        self.note(value, rule.place, false, move |this| {
            let count = this.counts.entry(stem.clone()).or_default();
            *count = count.saturating_add(1);
            format!("{stem}-{count}")
        });
    }

    /// Notes a number that a rule hits.
    pub(super) fn add_number(&mut self, digits: &str, rule: &Rule) {
        self.note(digits.as_bytes(), rule.place, true, |this| {
            this.numbers = this.numbers.saturating_add(1);
            let whole = NUMBERS.saturating_add(this.numbers);
            // A number with a fraction stays one in every language.
            match digits.contains(['.', 'e', 'E']) {
                true => format!("{whole}.5"),
                false => whole.to_string(),
            }
        });
    }

    fn note(
        &mut self,
        value: &[u8],
        rule: usize,
        is_number: bool,
        replacement: impl FnOnce(&mut Self) -> String,
    ) {
        if self.known.contains_key(value) {
            return;
        }
        self.bytes = self.bytes.saturating_add(value.len());
        if self.bytes > VALUE_BYTES || self.known.len() >= VALUES {
            self.is_full = true;
            return;
        }
        let known = Known {
            replacement: replacement(self),
            rule,
            is_number,
        };
        self.known.insert(value.to_vec(), known);
    }

    pub(super) fn get(&self, value: &[u8]) -> Option<&Known> {
        self.known.get(value)
    }
}

/// Finds in texts what is to be replaced.
pub(super) struct Finder<'v> {
    rules: &'v Rules,
    values: &'v Values,
    /// Looks for values of which each place is replaced, in each way in which they may be written.
    written: Option<Written<'v>>,
}

struct Written<'v> {
    automaton: AhoCorasick,
    /// Of each pattern of the automaton.
    known: Vec<&'v Known>,
    /// The same, only as they are.
    plain: AhoCorasick,
    plain_known: Vec<&'v Known>,
}

/// A part of a text, and what it becomes.
#[derive(Clone, Debug)]
struct Span {
    start: usize,
    end: usize,
    /// Bytes of what was found in it that is longest.
    longest: usize,
    replacement: String,
}

impl<'v> Finder<'v> {
    pub(super) fn new(rules: &'v Rules, values: &'v Values) -> Result<Self, TooManyValues> {
        let long = values
            .known
            .iter()
            .filter(|(value, _)| value.len() >= SHORT);
        let (mut forms, mut known) = (Vec::new(), Vec::new());
        let (mut plain, mut plain_known) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for (value, it) in long {
            plain.push(value.clone());
            plain_known.push(it);
            for form in forms::of(value) {
                if seen.insert(form.clone()) {
                    forms.push(form);
                    known.push(it);
                }
            }
        }
        let written = match forms.is_empty() {
            true => None,
            false => Some(Written {
                automaton: automaton(&forms)?,
                known,
                plain: automaton(&plain)?,
                plain_known,
            }),
        };
        Ok(Self {
            rules,
            values,
            written,
        })
    }

    /// The text with all that is to be replaced, none if nothing is. Calls `hit` with the place of each rule.
    pub(super) fn replaced(&self, text: &[u8], hit: &mut dyn FnMut(usize)) -> Option<Vec<u8>> {
        let mut redacted = Vec::new();
        let mut end = 0;
        let spans = self.spans(text, hit);
        for span in &spans {
            redacted.extend_from_slice(text.get(end..span.start).unwrap_or_default());
            redacted.extend_from_slice(span.replacement.as_bytes());
            end = span.end;
        }
        redacted.extend_from_slice(text.get(end..).unwrap_or_default());
        (!spans.is_empty()).then_some(redacted)
    }

    /// The same for a text that lies in several pieces: what is replaced stands in the piece in which it begins.
    pub(super) fn replaced_pieces(&self, pieces: &mut [&mut Vec<u8>], hit: &mut dyn FnMut(usize)) {
        let text: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .collect();
        let spans = self.spans(&text, hit);
        if spans.is_empty() {
            return;
        }
        let mut spans = spans.iter().peekable();
        let (mut at, mut end) = (0_usize, 0_usize);
        for piece in pieces {
            let last = at.saturating_add(piece.len());
            piece.clear();
            while let Some(span) = spans.next_if(|span| span.start < last) {
                piece.extend_from_slice(text.get(end.max(at)..span.start).unwrap_or_default());
                piece.extend_from_slice(span.replacement.as_bytes());
                end = span.end;
            }
            piece.extend_from_slice(text.get(end.max(at)..last).unwrap_or_default());
            at = last;
        }
    }

    /// What is to be replaced, in order. Parts that overlap are one, replaced by what the longest of them becomes.
    fn spans(&self, text: &[u8], hit: &mut dyn FnMut(usize)) -> Vec<Span> {
        let mut spans = Vec::new();
        for rule in self.rules.all() {
            for found in rule.hits(text) {
                if let Some(known) = self.values.get(found.as_bytes()) {
                    hit(rule.place);
                    spans.push(span(found.range(), known.replacement.clone()));
                }
            }
        }
        if let Some(written) = &self.written {
            written.find(text, &mut spans, hit);
        }
        spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut merged: Vec<Span> = Vec::new();
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.start < last.end => {
                    last.end = last.end.max(span.end);
                    if span.longest > last.longest {
                        (last.longest, last.replacement) = (span.longest, span.replacement);
                    }
                }
                _ => merged.push(span),
            }
        }
        merged
    }
}

impl Written<'_> {
    fn find(&self, text: &[u8], spans: &mut Vec<Span>, hit: &mut dyn FnMut(usize)) {
        for found in self.automaton.find_iter(text) {
            let Some(known) = self.known.get(found.pattern().as_usize()) else {
                continue;
            };
            if known.is_number && is_within_a_number(text, found.start(), found.end()) {
                continue;
            }
            hit(known.rule);
            spans.push(span(found.range(), known.replacement.clone()));
        }
        for alphabet in Alphabet::ALL {
            for run in alphabet.runs(text) {
                let bytes = text.get(run.clone()).unwrap_or_default();
                let Some(read) = alphabet.decoded(bytes, |it| self.plain.is_match(it)) else {
                    continue;
                };
                let replaced = self.plain_replaced(&read.bytes, hit);
                let padding = text.get(run.end..).unwrap_or_default();
                let padding = padding.iter().take_while(|byte| **byte == b'=').count();
                // A whole number of groups needs none, and says nothing of what another number would have.
                let is_whole = read.end.saturating_sub(read.start) % 4 == 0;
                let is_padded = padding > 0 || (is_whole && alphabet == Alphabet::Standard);
                let start = run.start.saturating_add(read.start);
                let end = run.start.saturating_add(read.end);
                let end = match end == run.end {
                    true => end.saturating_add(padding),
                    false => end,
                };
                spans.push(span(start..end, alphabet.encoded(&replaced, is_padded)));
            }
        }
    }

    /// Decoded bytes with each value in it replaced.
    fn plain_replaced(&self, bytes: &[u8], hit: &mut dyn FnMut(usize)) -> Vec<u8> {
        let mut replaced = Vec::new();
        let mut end = 0;
        for found in self.plain.find_iter(bytes) {
            if let Some(known) = self.plain_known.get(found.pattern().as_usize()) {
                hit(known.rule);
                replaced.extend_from_slice(bytes.get(end..found.start()).unwrap_or_default());
                replaced.extend_from_slice(known.replacement.as_bytes());
                end = found.end();
            }
        }
        replaced.extend_from_slice(bytes.get(end..).unwrap_or_default());
        replaced
    }
}

fn span(range: std::ops::Range<usize>, replacement: String) -> Span {
    Span {
        start: range.start,
        end: range.end,
        longest: range.len(),
        replacement,
    }
}

fn automaton(patterns: &[Vec<u8>]) -> Result<AhoCorasick, TooManyValues> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(patterns)
        .map_err(|_| TooManyValues)
}

/// Whether the digits before or behind a part of a text belong to the same number.
fn is_within_a_number(text: &[u8], start: usize, end: usize) -> bool {
    let is_digit = |at: Option<usize>| {
        let byte = at.and_then(|at| text.get(at));
        byte.is_some_and(u8::is_ascii_digit)
    };
    is_digit(start.checked_sub(1)) || is_digit(Some(end))
}
