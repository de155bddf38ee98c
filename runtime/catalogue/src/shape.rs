//! What answers of a tool have looked like, as a JSON Schema: types and names of
//! members, never a value.
//!
//! Names of members can be data, too (`{"ann@example.com": 3}`). An object is taken for
//! a map, whose keys are forgotten, as soon as one key does not look like a name that a
//! programmer chose, or there are more keys than records have. A name looks like data if it is longer than 40 bytes;
//! has other characters than letters, digits, `_`, `-`, `$` and `:`, three digits in a row or five in all; or has
//! a part (between those signs) of hexadecimal digits, of letters without vowels, of capitals, or of letters and
//! digits or capitals in turns, that is longer than such parts of words are.
//!
//! What looks like a name may be one of a person all the same. So a name is kept only from the third answer on that had
//! it. Until then 24 bits of its SHA-256 stand for it, which tell that it comes again and no more.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::digest::name_hex;

/// Members of one object before it counts as a map.
const MAX_MEMBERS: usize = 64;

/// Members of one object that may come and go and stand for the same before it counts as a map.
const MANY: usize = 6;

/// Longest name of a member, in bytes.
const MAX_NAME_BYTES: usize = 40;

/// Digits in a row that no chosen name has, but identifiers of records do.
const DIGITS_IN_A_ROW: usize = 3;

/// Digits that no chosen name has in all.
const DIGITS_IN_ALL: usize = 5;

/// Answers that must have had a name before it is kept.
const ANSWERS: u8 = 3;

/// Hexadecimal digits of a name's digest that stand for it before.
const DIGITS: usize = 6;

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
    /// Members by name.
    Record(BTreeMap<Key, Member>),
    /// Keys that are data.
    Map(Box<Shape>),
}

/// What a member is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
enum Key {
    Name(String),
    /// Of a name that too few answers had: the beginning of its digest.
    Digest(String),
}

/// Begins the written form of a digest. No name that is kept begins so.
const DIGEST: char = '#';

impl From<Key> for String {
    fn from(key: Key) -> Self {
        match key {
            Key::Name(name) => name,
            Key::Digest(digest) => format!("{DIGEST}{digest}"),
        }
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        match text.strip_prefix(DIGEST) {
            Some(digest) => Self::Digest(digest.to_owned()),
            None => Self::Name(text),
        }
    }
}

impl Key {
    fn digest(name: &str) -> Self {
        Self::Digest(name_hex(name).chars().take(DIGITS).collect())
    }
}

/// One member of objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    shape: Shape,
    /// Whether each object had it.
    always: bool,
    /// How many answers had it, up to as many as count.
    answers: u8,
    /// Whether the answer that is looked at had it already.
    #[serde(skip)]
    is_counted: bool,
}

impl Member {
    fn new(shape: Shape, always: bool) -> Self {
        Self {
            shape,
            always,
            answers: 0,
            is_counted: false,
        }
    }

    /// Notes that the answer that is looked at has it.
    fn count(&mut self) {
        if !self.is_counted {
            self.is_counted = true;
            self.answers = self.answers.saturating_add(1).min(ANSWERS);
        }
    }
}

impl Shape {
    /// Adds what one answer looks like. Says whether that was new.
    pub fn observe(&mut self, answer: &Value) -> bool {
        let before = self.clone();
        let mut left = MAX_NODES.saturating_sub(self.nodes());
        self.add(answer, 0, &mut left);
        self.settle();
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
            let added = members.keys().filter(|name| key_of(record, name).is_none());
            if added.count().saturating_add(record.len()) > MAX_MEMBERS
                || !members.keys().all(|name| is_chosen(name))
            {
                let record = Members::Record(std::mem::take(record));
                *known = Members::Map(Box::new(record.values()));
            }
        }
        match known {
            Members::Map(of) => {
                for value in members.values().take(MAX_ITEMS) {
                    of.add(value, below, left);
                }
            }
            Members::Record(record) => add_named(record, members, below, is_first, left),
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
                for (name, member) in &mut ours {
                    member.always &= theirs.contains_key(name);
                }
                for (name, member) in theirs {
                    match ours.get_mut(&name) {
                        Some(known) => {
                            known.shape.merge(member.shape);
                            known.always &= member.always;
                            // Of the same answers, maybe.
                            known.answers = known.answers.max(member.answers);
                        }
                        None => {
                            let always = false;
                            ours.insert(name, Member { always, ..member });
                        }
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

    /// The answer has been looked at.
    fn settle(&mut self) {
        if let Some(items) = &mut self.items {
            items.settle();
        }
        match &mut self.object {
            Some(Members::Map(of)) => of.settle(),
            Some(Members::Record(record)) => {
                for member in record.values_mut() {
                    member.is_counted = false;
                    member.shape.settle();
                }
            }
            None => {}
        }
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
                let named = || {
                    record.iter().filter_map(|(key, member)| match key {
                        Key::Name(name) => Some((name, member)),
                        Key::Digest(_) => None,
                    })
                };
                let required: Vec<&String> = named()
                    .filter_map(|(name, member)| member.always.then_some(name))
                    .collect();
                let properties: Map<String, Value> = named()
                    .map(|(name, member)| {
                        (name.clone(), member.shape.schema().unwrap_or(json!({})))
                    })
                    .collect();
                if properties.is_empty() {
                    return json!({"type": "object"});
                }
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
                for member in record.into_values() {
                    all.merge(member.shape);
                }
                all
            }
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Self::Map(of) => of.nodes(),
            Self::Record(record) => record.values().map(|member| member.shape.nodes()).sum(),
        }
    }
}

/// By what a record knows a name.
fn key_of(record: &BTreeMap<Key, Member>, name: &str) -> Option<Key> {
    [Key::Name(name.to_owned()), Key::digest(name)]
        .into_iter()
        .find(|key| record.contains_key(key))
}

/// Adds the members of one object to those of a record.
fn add_named(
    record: &mut BTreeMap<Key, Member>,
    members: &Map<String, Value>,
    below: usize,
    is_first: bool,
    left: &mut usize,
) {
    let keys: Vec<(Key, &Value)> = members
        .iter()
        .map(|(name, value)| {
            (
                key_of(record, name).unwrap_or_else(|| Key::digest(name)),
                value,
            )
        })
        .collect();
    let now: BTreeSet<&Key> = keys.iter().map(|(key, _)| key).collect();
    for (key, member) in record.iter_mut() {
        member.always &= now.contains(key);
    }
    for ((key, value), name) in keys.iter().zip(members.keys()) {
        let member = record
            .entry(key.clone())
            .or_insert_with(|| Member::new(*fresh(left), is_first));
        member.count();
        member.shape.add(value, below, left);
        if matches!(key, Key::Digest(_))
            && member.answers >= ANSWERS
            && let Some(member) = record.remove(key)
        {
            record.insert(Key::Name(name.clone()), member);
        }
    }
}

/// Whether no key of many is always there, and all stand for the same: then keys are data.
fn looks_like_data(record: &BTreeMap<Key, Member>) -> bool {
    let mut shapes = record.values().map(|member| &member.shape);
    let Some(first) = shapes.next() else {
        return false;
    };
    record.len() >= MANY
        && record.values().all(|member| !member.always)
        && shapes.all(|shape| shape == first)
}

/// Whether a key looks like a name that a programmer chose, and not like data.
fn is_chosen(name: &str) -> bool {
    let is_sign = |character: char| "_-$:".contains(character);
    let mut row = 0_usize;
    let has_number = name.bytes().any(|byte| {
        row = match byte.is_ascii_digit() {
            true => row.saturating_add(1),
            false => 0,
        };
        row >= DIGITS_IN_A_ROW
    });
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.len() <= MAX_NAME_BYTES
        && !has_number
        && digits < DIGITS_IN_ALL
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || "_$@".contains(first))
        && name
            .chars()
            .skip(1)
            .all(|character| character.is_ascii_alphanumeric() || is_sign(character))
        && name.split(is_sign).all(is_word)
}

/// Whether a part of a name may be words, or short for some, and is not random.
fn is_word(part: &str) -> bool {
    /// Longest part of each kind that words have.
    const HEXADECIMAL: usize = 7;
    const CAPITALS: usize = 12;
    const CONSONANTS: usize = 6;
    /// Characters from which on turns between kinds are counted, and how long those of words are.
    const TURNING: usize = 8;
    const TURN: usize = 2;

    let is_hexadecimal = part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let capitals = part.bytes().all(|byte| byte.is_ascii_uppercase());
    let kind = |character: char| (character.is_ascii_digit(), character.is_ascii_uppercase());
    let pairs = part.chars().zip(part.chars().skip(1));
    let turns = pairs
        .filter(|(one, next)| kind(*one) != kind(*next))
        .count();
    let mut consonants = 0_usize;
    let has_no_vowels = part.chars().any(|character| {
        let is_consonant = character.is_ascii_lowercase() && !"aeiouy".contains(character);
        consonants = match is_consonant {
            true => consonants.saturating_add(1),
            false => 0,
        };
        consonants > CONSONANTS
    });
    !(is_hexadecimal && part.len() > HEXADECIMAL
        || capitals && part.len() > CAPITALS
        || has_no_vowels
        // A hump of `camelCase` is two turns.
        || part.len() >= TURNING && turns.saturating_mul(TURN) > part.len())
}
