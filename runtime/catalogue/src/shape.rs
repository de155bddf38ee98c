//! What answers of a tool have looked like, as a JSON Schema: types and names of
//! members, never a value.
//!
//! Names of members can be data, too (`{"ann@example.com": 3}`). An object is taken for
//! a map, whose keys are forgotten, as soon as one key does not look like a name that a
//! programmer chose, or there are more keys than records have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Members of one object before it counts as a map.
const MAX_MEMBERS: usize = 64;

/// Members of one object that may come and go and stand for the same before it counts as a map.
const MANY: usize = 6;

/// Longest name of a member, in bytes.
const MAX_NAME_BYTES: usize = 40;

/// Digits in a row that no chosen name has, but identifiers of records do.
const DIGITS_IN_A_ROW: usize = 3;

/// Items of one array that are looked at.
const MAX_ITEMS: usize = 200;

/// How deep answers are looked into; below, anything may be.
const MAX_DEPTH: usize = 10;

/// Nodes of one shape, above which nothing is added to it.
const MAX_NODES: usize = 1_000;

/// The shape of all answers that it was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shape {
    /// Plain types that came, as JSON Schema names them.
    plain: Vec<Plain>,
    /// What arrays held, if any came.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Box<Shape>>,
    /// What objects held, if any came.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Members>,
    /// Whether more may come than was looked at.
    is_open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Plain {
    Boolean,
    Integer,
    Number,
    String,
    Null,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Members {
    /// Members by name, and whether each object had them.
    Record(BTreeMap<String, (Shape, bool)>),
    /// Keys that are data.
    Map(Box<Shape>),
}

impl Shape {
    /// Adds what one answer looks like. Says whether that was new.
    pub fn observe(&mut self, answer: &Value) -> bool {
        let before = self.clone();
        let mut left = MAX_NODES.saturating_sub(self.nodes());
        self.add(answer, 0, &mut left);
        *self != before
    }

    /// The shape as a JSON Schema; none if nothing was seen yet, or anything may come.
    pub fn schema(&self) -> Option<Value> {
        let mut alternatives: Vec<Value> = self
            .plain
            .iter()
            // An integer is a number.
            .filter(|plain| **plain != Plain::Integer || !self.plain.contains(&Plain::Number))
            .map(|plain| json!({ "type": plain }))
            .collect();
        if let Some(items) = &self.items {
            let mut schema = json!({"type": "array"});
            if let (Some(of), Some(object)) = (items.schema(), schema.as_object_mut()) {
                object.insert("items".to_owned(), of);
            }
            alternatives.insert(0, schema);
        }
        if let Some(members) = &self.object {
            alternatives.insert(0, members.schema());
        }
        match alternatives.len() {
            _ if self.is_open => None,
            0 => None,
            1 => alternatives.pop(),
            _ => Some(json!({ "anyOf": alternatives })),
        }
    }

    fn add(&mut self, value: &Value, depth: usize, left: &mut usize) {
        if self.is_open {
            return;
        }
        let plain = match value {
            Value::Null => Plain::Null,
            Value::Bool(_) => Plain::Boolean,
            Value::Number(number) if number.is_f64() => Plain::Number,
            Value::Number(_) => Plain::Integer,
            Value::String(_) => Plain::String,
            Value::Array(items) => return self.add_items(items, depth, left),
            Value::Object(members) => return self.add_members(members, depth, left),
        };
        if let Err(place) = self.plain.binary_search(&plain) {
            self.plain.insert(place, plain);
        }
    }

    fn add_items(&mut self, items: &[Value], depth: usize, left: &mut usize) {
        let of = self.items.get_or_insert_with(|| fresh(left));
        if depth >= MAX_DEPTH {
            of.is_open = true;
            return;
        }
        for item in items.iter().take(MAX_ITEMS) {
            of.add(item, depth.saturating_add(1), left);
        }
    }

    fn add_members(&mut self, members: &Map<String, Value>, depth: usize, left: &mut usize) {
        let below = depth.saturating_add(1);
        let is_first = self.object.is_none();
        let known = self
            .object
            .get_or_insert_with(|| Members::Record(BTreeMap::new()));
        if depth >= MAX_DEPTH {
            let open = Shape {
                is_open: true,
                ..Shape::default()
            };
            *known = Members::Map(Box::new(open));
            return;
        }
        if let Members::Record(record) = known {
            let added = members
                .keys()
                .filter(|name| !record.contains_key(*name))
                .count();
            if added.saturating_add(record.len()) > MAX_MEMBERS
                || !members.keys().all(|name| is_chosen(name))
            {
                let mut of = Shape::default();
                for (shape, _) in std::mem::take(record).into_values() {
                    of.merge(shape);
                }
                *known = Members::Map(Box::new(of));
            }
        }
        match known {
            Members::Map(of) => {
                for value in members.values().take(MAX_ITEMS) {
                    of.add(value, below, left);
                }
            }
            Members::Record(record) => {
                for (name, (_, always)) in record.iter_mut() {
                    *always &= members.contains_key(name);
                }
                for (name, value) in members {
                    let (shape, _) = record
                        .entry(name.clone())
                        .or_insert_with(|| (*fresh(left), is_first));
                    shape.add(value, below, left);
                }
            }
        }
        if let Members::Record(record) = known
            && looks_like_data(record)
        {
            let record = Members::Record(std::mem::take(record));
            *known = Members::Map(Box::new(record.values()));
        }
    }

    /// Adds what another shape has.
    fn merge(&mut self, other: Shape) {
        self.is_open |= other.is_open;
        for plain in other.plain {
            if let Err(place) = self.plain.binary_search(&plain) {
                self.plain.insert(place, plain);
            }
        }
        if let Some(items) = other.items {
            self.items.get_or_insert_default().merge(*items);
        }
        self.object = match (self.object.take(), other.object) {
            (Some(Members::Record(mut ours)), Some(Members::Record(theirs))) => {
                for (name, (_, always)) in &mut ours {
                    *always &= theirs.contains_key(name);
                }
                for (name, (shape, always)) in theirs {
                    match ours.get_mut(&name) {
                        Some((known, both)) => {
                            known.merge(shape);
                            *both &= always;
                        }
                        None => drop(ours.insert(name, (shape, false))),
                    }
                }
                Some(Members::Record(ours))
            }
            (Some(ours), Some(theirs)) => {
                let mut of = ours.values();
                of.merge(theirs.values());
                Some(Members::Map(Box::new(of)))
            }
            (ours, theirs) => ours.or(theirs),
        };
    }

    fn nodes(&self) -> usize {
        let below: usize = self
            .items
            .iter()
            .map(|items| items.nodes())
            .chain(self.object.iter().map(Members::nodes))
            .sum();
        below.saturating_add(1)
    }
}

/// A place for another shape; one that is open when there are too many.
fn fresh(left: &mut usize) -> Box<Shape> {
    let is_open = *left == 0;
    *left = left.saturating_sub(1);
    Box::new(Shape {
        is_open,
        ..Shape::default()
    })
}

impl Members {
    fn schema(&self) -> Value {
        match self {
            Self::Map(of) => {
                json!({"type": "object", "additionalProperties": of.schema().unwrap_or(json!({}))})
            }
            Self::Record(record) => {
                let required: Vec<&String> = record
                    .iter()
                    .filter_map(|(name, (_, always))| always.then_some(name))
                    .collect();
                let properties: Map<String, Value> = record
                    .iter()
                    .map(|(name, (of, _))| (name.clone(), of.schema().unwrap_or(json!({}))))
                    .collect();
                json!({"type": "object", "properties": properties, "required": required})
            }
        }
    }

    /// One shape of all that is in it.
    fn values(self) -> Shape {
        match self {
            Self::Map(of) => *of,
            Self::Record(record) => {
                let mut all = Shape::default();
                for (shape, _) in record.into_values() {
                    all.merge(shape);
                }
                all
            }
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Self::Map(of) => of.nodes(),
            Self::Record(record) => record.values().map(|(shape, _)| shape.nodes()).sum(),
        }
    }
}

/// Whether no key of many is always there, and all stand for the same: then keys are data.
fn looks_like_data(record: &BTreeMap<String, (Shape, bool)>) -> bool {
    let mut shapes = record.values();
    let Some((first, _)) = shapes.next() else {
        return false;
    };
    record.len() >= MANY
        && record.values().all(|(_, always)| !always)
        && shapes.all(|(shape, _)| shape == first)
}

/// Whether a key looks like a name that a programmer chose, and not like data.
fn is_chosen(name: &str) -> bool {
    let mut digits = 0_usize;
    let has_number = name.bytes().any(|byte| {
        digits = if byte.is_ascii_digit() {
            digits.saturating_add(1)
        } else {
            0
        };
        digits >= DIGITS_IN_A_ROW
    });
    name.len() <= MAX_NAME_BYTES
        && !has_number
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || "_$@".contains(first))
        && name
            .bytes()
            .skip(1)
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-$:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(answers: &[Value]) -> Value {
        let mut shape = Shape::default();
        for answer in answers {
            shape.observe(answer);
        }
        shape.schema().unwrap_or(Value::Null)
    }

    #[test]
    fn types_names_and_what_is_always_there() {
        let answers = [
            json!({"rows": [{"id": 1, "name": "Ann"}, {"id": 2.5, "name": null}], "next": "x"}),
            json!({"rows": [], "total": 2}),
        ];
        assert_eq!(
            learned(&answers),
            json!({
                "type": "object",
                "properties": {
                    "next": {"type": "string"},
                    "rows": {"type": "array", "items": {
                        "type": "object",
                        "properties": {
                            "id": {"type": "number"},
                            "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                        },
                        "required": ["id", "name"],
                    }},
                    "total": {"type": "integer"},
                },
                "required": ["rows"],
            })
        );
        assert_eq!(learned(&[]), Value::Null);
        assert_eq!(learned(&[json!("text")]), json!({"type": "string"}));
    }

    /// No value, and no key that may be one.
    #[test]
    fn nothing_of_the_data_is_kept() {
        let mut many = Map::new();
        for n in 0..100_u8 {
            let name: String = format!("{n:03}")
                .bytes()
                .map(|b| char::from(b + 49))
                .collect();
            many.insert(name, json!("canary"));
        }
        for answer in [
            json!({"canary@example.com": {"canary": 1}}),
            json!({"order_1234canary": 5}),
            json!({"a": {"canary of words": ["canary"]}}),
            Value::Object(many),
        ] {
            let mut shape = Shape::default();
            shape.observe(&json!({"a": {"canari": {"x": "canary"}}}));
            let before = serde_json::to_string(&shape).unwrap();
            assert!(!before.contains("canary"), "{before}");
            let mut shape = Shape::default();
            shape.observe(&answer);
            let kept = serde_json::to_string(&shape).unwrap();
            assert!(!kept.contains("canary@"), "{kept}");
            assert!(!kept.contains("1234"), "{kept}");
            assert!(!kept.contains("words"), "{kept}");
            assert!(
                !kept.contains("\"canary\":\"") && !kept.contains("[\"canary"),
                "{kept}"
            );
            assert!(kept.len() < 400, "{kept}");
        }
    }

    #[test]
    fn a_record_becomes_a_map_and_keeps_the_types() {
        let answers = [
            json!({"ann": {"age": 3}, "bob": {"age": 4, "tall": true}}),
            json!({"c d": {"age": 5}}),
        ];
        assert_eq!(
            learned(&answers),
            json!({"type": "object", "additionalProperties": {
                "type": "object",
                "properties": {"age": {"type": "integer"}, "tall": {"type": "boolean"}},
                "required": ["age"],
            }})
        );
    }

    #[test]
    fn keys_that_come_one_by_one_are_data() {
        let mut shape = Shape::default();
        for key in ["ann", "bob", "cat", "dan", "eve", "fay", "gus"] {
            let mut answer = Map::new();
            answer.insert(key.to_owned(), json!(1));
            shape.observe(&Value::Object(answer));
        }
        assert_eq!(
            shape.schema(),
            Some(json!({"type": "object", "additionalProperties": {"type": "integer"}}))
        );
    }

    #[test]
    fn what_was_seen_before_is_not_new() {
        let mut shape = Shape::default();
        assert!(shape.observe(&json!([{"a": 1}])));
        assert!(!shape.observe(&json!([{"a": 2}, {"a": 3}])));
        assert!(shape.observe(&json!([{}])));
        let text = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), shape);
    }

    #[test]
    fn hostile_answers_are_bounded() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([{ "a": deep }]);
        }
        let mut shape = Shape::default();
        shape.observe(&deep);
        let mut wide = Map::new();
        for n in 0..60_u32 {
            let name: String = format!("{n:02}")
                .bytes()
                .map(|b| char::from(b + 49))
                .collect();
            let inner: Map<String, Value> = (0..60_u32)
                .map(|m| {
                    (
                        format!("{name}{}", m % 60).replace(' ', ""),
                        json!({"x": [m]}),
                    )
                })
                .collect();
            wide.insert(name, Value::Object(inner));
        }
        shape.observe(&Value::Object(wide));
        assert!(shape.nodes() < 3 * MAX_NODES, "{}", shape.nodes());
        assert!(shape.schema().is_some());
    }
}
