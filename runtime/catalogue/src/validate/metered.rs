//! Schemas that spend steps: a keyword of ours is put into each schema of a document.

use std::collections::BTreeSet;

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value};
use wxmcp_run::size_of;

use super::effort::{NODE, bytes_left, remember, spend};
use super::patterns::TextCost;

/// The keyword.
pub(super) const STEP: &str = "x-wxmcp-step";

/// Bytes that a compiled keyword takes, beside its place in the document, which is kept as text three times.
const KEYWORD: u64 = 700;

/// Most bytes that a compiled schema may take, its patterns apart: long names above many schemas are repeated for
/// each of them.
const MAX_COMPILED: u64 = 32 << 20;

/// Bytes that one error takes beside a copy of what it is about.
const ERROR: u64 = 600;

/// Bytes that it takes to remember that an object or list fits a schema.
const REMEMBERED: u64 = 4;

/// Branches, names and members that are looked at in one step.
const TOGETHER: u64 = 8;

/// Characters that are looked at in one step.
const TEXT: u64 = 64;

/// Words whose values are data.
const DATA: [&str; 8] = [
    "enum",
    "const",
    "default",
    "example",
    "examples",
    "required",
    "$vocabulary",
    "$comment",
];

/// Words whose members are schemas by name.
const NAMED: [&str; 6] = [
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
];

/// Words that say nothing that a value could fail to fit by itself.
const SILENT: [&str; 14] = [
    "title",
    "description",
    "default",
    "examples",
    "properties",
    "items",
    "prefixItems",
    "$defs",
    "definitions",
    "$ref",
    "$schema",
    "$id",
    "format",
    STEP,
];

/// A schema with our keyword in each schema of it.
pub(super) struct Metered {
    /// The document.
    pub(super) schema: Value,
    /// Bytes that it will take when it is compiled, its patterns apart.
    pub(super) bytes: u64,
    /// The patterns in it.
    pub(super) patterns: BTreeSet<String>,
}

/// Puts our keyword into each schema of a document.
///
/// # Errors
///
/// When the compiled schema would be too large, or a reference leads to something that is no schema, which the keyword
/// would not be in.
pub(super) fn metered(schema: &Value) -> Result<Metered, String> {
    let mut walk = Walk::default();
    let schema = walk.schema(schema, 0)?;
    for reference in &walk.references {
        let Some(pointer) = pointer_of(reference) else {
            continue;
        };
        let resources = walk.resources.iter().filter_map(|at| schema.pointer(at));
        let roots = std::iter::once(&schema).chain(resources);
        for root in roots {
            let is_metered = |target: &Value| target.is_boolean() || target.get(STEP).is_some();
            if root
                .pointer(&pointer)
                .is_some_and(|target| !is_metered(target))
            {
                return Err(format!(
                    "`{reference}` refers to something that is no schema"
                ));
            }
        }
    }
    Ok(Metered {
        bytes: walk.bytes,
        patterns: walk.patterns,
        schema,
    })
}

/// The JSON pointer in the fragment of a reference.
fn pointer_of(reference: &str) -> Option<String> {
    let (_, fragment) = reference.split_once('#')?;
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        let mut after = rest.clone().map(|digit| char::from(digit).to_digit(16));
        let decoded = match (byte, after.next().flatten(), after.next().flatten()) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        if decoded.is_some() {
            rest.nth(1);
        }
        bytes.push(decoded.unwrap_or(byte));
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|it| it.starts_with('/'))
}

#[derive(Default)]
struct Walk {
    bytes: u64,
    patterns: BTreeSet<String>,
    references: BTreeSet<String>,
    /// Pointers to schemas with an id of their own, which pointers of references begin at.
    resources: Vec<String>,
    at: String,
}

impl Walk {
    fn schema(&mut self, schema: &Value, depth: usize) -> Result<Value, String> {
        let Value::Object(words) = schema else {
            return Ok(schema.clone());
        };
        if depth > 0 && (words.contains_key("$id") || words.contains_key("id")) {
            self.resources.push(self.at.clone());
        }
        if let Some(Value::String(pattern)) = words.get("pattern") {
            self.patterns.insert(pattern.clone());
        }
        let mut with_step = Map::new();
        with_step.insert(STEP.to_owned(), Value::Bool(true));
        self.keep(STEP, &Value::Null)?;
        for (word, value) in words.iter().filter(|(word, _)| *word != STEP) {
            if word.ends_with("ef") && word.starts_with('$') {
                self.references.extend(value.as_str().map(str::to_owned));
            }
            self.keep(word, value)?;
            let below = self.at.len();
            self.enter(word);
            let value = self.word(word, value, depth.saturating_add(1))?;
            self.at.truncate(below);
            with_step.insert(word.clone(), value);
        }
        Ok(Value::Object(with_step))
    }

    fn word(&mut self, word: &str, value: &Value, depth: usize) -> Result<Value, String> {
        match value {
            _ if DATA.contains(&word) => Ok(value.clone()),
            Value::Object(members) if NAMED.contains(&word) => {
                let mut named = Map::new();
                for (name, member) in members {
                    if word == "patternProperties" {
                        self.patterns.insert(name.clone());
                    }
                    let below = self.at.len();
                    self.enter(name);
                    named.insert(name.clone(), self.schema(member, depth)?);
                    self.at.truncate(below);
                }
                Ok(Value::Object(named))
            }
            Value::Array(items) => {
                let mut each = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    let below = self.at.len();
                    self.enter(&at.to_string());
                    each.push(self.schema(item, depth)?);
                    self.at.truncate(below);
                }
                Ok(Value::Array(each))
            }
            other => self.schema(other, depth),
        }
    }

    fn enter(&mut self, name: &str) {
        self.at.push('/');
        self.at
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
    }

    /// Counts what a keyword will take.
    fn keep(&mut self, word: &str, value: &Value) -> Result<(), String> {
        let text = count(self.at.len()).saturating_add(count(word.len()));
        let data = if DATA.contains(&word) {
            size_of(value)
        } else {
            0
        };
        let bytes = KEYWORD.saturating_add(text.saturating_add(data).saturating_mul(3));
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_COMPILED {
            return Err(format!(
                "it takes more than {MAX_COMPILED} bytes when it is compiled"
            ));
        }
        Ok(())
    }
}

/// Spends what it takes to hold a part of a value against one schema, apart from schemas inside it.
pub(super) struct Step {
    /// For any value.
    base: u64,
    text: TextCost,
    /// Of each name of an object.
    names: TextCost,
    is_unique: bool,
    /// Errors that there may be.
    errors: u64,
}

impl Step {
    /// The keyword of one schema.
    pub(super) fn new<'a>(
        words: &'a Map<String, Value>,
        _: &'a Value,
        _: Location,
        text_cost: impl Fn(&str) -> TextCost,
    ) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
        let together = words.iter().map(|(word, value)| match value {
            value if DATA.contains(&word.as_str()) => size_of(value) / 64,
            Value::Array(items) => count(items.len()),
            Value::Object(members) => count(members.len()),
            _ => 1,
        });
        let required = words.get("required").and_then(Value::as_array);
        let loud = words.keys().filter(|word| !SILENT.contains(&word.as_str()));
        let by_pattern = words.get("patternProperties").and_then(Value::as_object);
        let names = by_pattern
            .into_iter()
            .flat_map(Map::keys)
            .map(|pattern| text_cost(pattern.as_str()));
        let pattern = words.get("pattern").and_then(Value::as_str);
        Ok(Box::new(Self {
            base: (together.fold(0, u64::saturating_add) / TOGETHER).saturating_add(1),
            text: pattern.map(&text_cost).unwrap_or_default(),
            names: names.fold(TextCost::default(), TextCost::and),
            is_unique: words.get("uniqueItems") == Some(&Value::Bool(true)),
            errors: count(loud.count())
                .saturating_add(required.map_or(0, |names| count(names.len())))
                .saturating_add(1),
        }))
    }

    fn step(&self, value: &Value) {
        let more = match value {
            Value::String(text) => self.text.of(text).saturating_add(count(text.len()) / TEXT),
            Value::Array(items) => {
                remember(REMEMBERED);
                match self.is_unique {
                    true => size_of(value) / TEXT,
                    false => count(items.len()) / TOGETHER,
                }
            }
            Value::Object(members) => {
                remember(REMEMBERED);
                let names = members.keys().map(|name| self.names.of(name));
                let names = match self.names.is_free() {
                    true => 0,
                    false => names.fold(0, u64::saturating_add),
                };
                names.saturating_add(count(members.len()) / TOGETHER)
            }
            _ => 0,
        };
        spend(self.base.saturating_add(more));
    }
}

impl<'i> Keyword<'i> for Step {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        self.step(value);
        Ok(())
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.step(value);
        true
    }

    /// Errors of this value are about to be made, each with a copy of it.
    fn iter_errors(&self, value: &'i Value) -> Box<dyn Iterator<Item = ValidationError<'i>> + 'i> {
        self.step(value);
        let most = bytes_left() / self.errors.max(1);
        let copy = weight_up_to(value, most).saturating_add(ERROR);
        remember(copy.saturating_mul(self.errors));
        Box::new(std::iter::empty())
    }
}

/// The weight of a value, or a little more than `most` if it is heavier: no more of it is looked at.
pub(super) fn weight_up_to(value: &Value, most: u64) -> u64 {
    let mut weight: u64 = 0;
    let mut open = vec![value];
    while let Some(next) = open.pop() {
        if weight > most {
            break;
        }
        let own = match next {
            Value::Array(items) => {
                let room = usize::try_from(most.saturating_sub(weight)).unwrap_or(usize::MAX);
                open.extend(items.iter().take(room));
                NODE
            }
            Value::Object(members) => {
                let room = usize::try_from(most.saturating_sub(weight)).unwrap_or(usize::MAX);
                open.extend(members.values().take(room));
                members
                    .keys()
                    .map(|name| count(name.len()))
                    .fold(NODE, u64::saturating_add)
            }
            scalar => size_of(scalar),
        };
        weight = weight.saturating_add(own);
    }
    weight
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
