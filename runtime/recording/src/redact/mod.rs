//! Recordings without the values that rules name: each is replaced, by the same word wherever it stands.
//!
//! A rule hits values by a pattern, or by their place in JSON. Whatever it hits once is then replaced everywhere, also where it is
//! escaped, percent-encoded or inside of base64: so a replay gives the same words that the recording has. What a script
//! computes of a value (its length, a digest of it) is another in the replay: the recording is replayed once before it
//! is kept.

mod forms;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod walk;

use std::collections::BTreeSet;

use serde_json::{Number, Value};

use crate::event::Event;
pub use rules::{PATTERN, RULES, RuleError, RuleText, Rules};
use values::{Finder, Values};
pub use values::{SHORT, TooManyValues, VALUE_BYTES, VALUES};
use walk::{Visitor, walk};

/// Replaces what the rules hit. Answers the places of the rules that changed something.
///
/// # Errors
///
/// When they hit too much.
pub fn redact(events: &mut [Event], rules: &Rules) -> Result<BTreeSet<usize>, TooManyValues> {
    if rules.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut values = Values::default();
    walk(
        events,
        &mut Collect {
            rules,
            values: &mut values,
        },
    );
    if values.is_full {
        return Err(TooManyValues);
    }
    let mut replace = Replace {
        finder: Finder::new(rules, &values)?,
        rules,
        values: &values,
        hit: BTreeSet::new(),
    };
    walk(events, &mut replace);
    Ok(replace.hit)
}

/// Notes what rules hit, and changes nothing.
struct Collect<'r> {
    rules: &'r Rules,
    values: &'r mut Values,
}

impl Collect<'_> {
    fn patterns(&mut self, text: &[u8]) {
        for rule in self.rules.all() {
            for hit in rule.hits(text) {
                self.values.add(hit.as_bytes(), rule);
            }
        }
    }
}

impl Visitor for Collect<'_> {
    fn text(&mut self, text: &mut String, way: Option<&[String]>) -> bool {
        match way.and_then(|way| self.rules.at(way)) {
            Some(rule) if !text.is_empty() => {
                self.values.add(text.as_bytes(), rule);
                true
            }
            _ => {
                self.patterns(text.as_bytes());
                false
            }
        }
    }

    fn bytes(&mut self, bytes: &mut Vec<u8>) {
        self.patterns(bytes);
    }

    fn pieces(&mut self, pieces: &mut [&mut Vec<u8>]) {
        let text: Vec<u8> = pieces.iter().flat_map(|it| it.iter().copied()).collect();
        self.patterns(&text);
    }

    fn number(&mut self, number: &Number, way: Option<&[String]>) -> Option<Value> {
        let digits = number.to_string();
        let by_place = way.and_then(|way| self.rules.at(way));
        let mut rules = self.rules.all().iter();
        let by_pattern = || rules.find(|rule| rule.hits(digits.as_bytes()).next().is_some());
        if let Some(rule) = by_place.or_else(by_pattern) {
            self.values.add_number(&digits, rule);
        }
        None
    }
}

/// Replaces what was noted.
struct Replace<'r> {
    finder: Finder<'r>,
    rules: &'r Rules,
    values: &'r Values,
    hit: BTreeSet<usize>,
}

impl Replace<'_> {
    fn known(&mut self, value: &[u8]) -> Option<String> {
        let known = self.values.get(value)?;
        self.hit.insert(known.rule);
        Some(known.replacement.clone())
    }
}

impl Visitor for Replace<'_> {
    fn text(&mut self, text: &mut String, way: Option<&[String]>) -> bool {
        if way.is_some_and(|way| self.rules.at(way).is_some())
            && let Some(replacement) = self.known(text.as_bytes())
        {
            *text = replacement;
            return true;
        }
        let hit = &mut self.hit;
        let replaced = self.finder.replaced(text.as_bytes(), &mut |rule| {
            hit.insert(rule);
        });
        if let Some(replaced) = replaced {
            // A pattern may divide a character, if it says so.
            *text = String::from_utf8_lossy(&replaced).into_owned();
        }
        false
    }

    fn bytes(&mut self, bytes: &mut Vec<u8>) {
        let hit = &mut self.hit;
        let replaced = self.finder.replaced(bytes, &mut |rule| {
            hit.insert(rule);
        });
        if let Some(replaced) = replaced {
            *bytes = replaced;
        }
    }

    fn pieces(&mut self, pieces: &mut [&mut Vec<u8>]) {
        let hit = &mut self.hit;
        self.finder.replaced_pieces(pieces, &mut |rule| {
            hit.insert(rule);
        });
    }

    fn number(&mut self, number: &Number, way: Option<&[String]>) -> Option<Value> {
        let digits = number.to_string();
        let is_long = digits.len() >= SHORT;
        let mut rules = self.rules.all().iter();
        let is_hit = way.is_some_and(|way| self.rules.at(way).is_some())
            || rules.any(|rule| rule.hits(digits.as_bytes()).next().is_some());
        if !is_hit && !is_long {
            return None;
        }
        let replacement = self.known(digits.as_bytes())?;
        // Where the same digits were hit as a text, the number becomes a text: no other number would say so.
        let number = serde_json::from_str::<Number>(&replacement);
        Some(number.map_or(Value::String(replacement), Value::Number))
    }
}
