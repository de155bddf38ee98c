//! Objects: records, flags, maps, and the arguments of a tool.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::docs;
use super::super::labels::Labels;
use super::super::model::{Arguments, Body, Flag, Member, Others, Record, Type};
use super::form::Form;
use super::{MAX_LEVELS, Reader, SchemaPosition};
use crate::schema::follow;

/// Most fields of a record and parameters of a function. A component's functions have at
/// most a thousand.
const MAX_MEMBERS: usize = 999;

/// Longest name of a member, in bytes; an object that has a longer one is JSON.
const MAX_MEMBER_NAME_BYTES: usize = 256;

/// Most booleans of a flags type: components have no more.
const MAX_FLAGS: usize = 32;

impl<'a> Reader<'a> {
    /// What a function takes: a parameter for each member, where the schema is an object's
    /// and says which it has; those that must be there come first.
    pub(super) fn arguments(&mut self) -> Arguments {
        let mut schema = self.root;
        self.following.push(String::new());
        for _ in 0..MAX_LEVELS {
            let Some(object) = schema.as_object() else {
                return Arguments::Whole;
            };
            match Form::of_arguments(object) {
                Form::Reference(pointer) => match follow(self.root, object) {
                    Some(target) => {
                        let pointer = pointer.strip_prefix('#').unwrap_or(pointer);
                        self.following.push(pointer.to_owned());
                        schema = target;
                    }
                    None => return Arguments::Whole,
                },
                Form::Same(only) => schema = only,
                Form::Typed(names) if names == ["object"] => break,
                _ => return Arguments::Whole,
            }
        }
        let Some(object) = schema.as_object() else {
            return Arguments::Whole;
        };
        let others = object.get("additionalProperties");
        let declares = object.contains_key("properties") || others == Some(&Value::Bool(false));
        let place = SchemaPosition {
            preferred_name: self.label.to_owned(),
            level: 0,
            is_described: false,
        };
        match self.record(object, &place) {
            Some(mut record) if declares => {
                if record.members.is_empty() && record.others.is_some() {
                    return Arguments::Whole;
                }
                record.members.sort_by_key(|member| !member.is_required);
                Arguments::Members(record)
            }
            _ => Arguments::Whole,
        }
    }

    pub(super) fn object(
        &mut self,
        object: &'a Map<String, Value>,
        place: &SchemaPosition,
    ) -> Type {
        let has_members = object
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|declared| !declared.is_empty());
        if !has_members {
            return self.map(object, place);
        }
        let Some(record) = self.record(object, place) else {
            return Type::Json;
        };
        let body = flags(&record).map_or(Body::Record(record), Body::Flags);
        self.define(body, place, object)
    }

    /// An object whose keys are data, if its schema says of what type the values are.
    fn map(&mut self, object: &'a Map<String, Value>, place: &SchemaPosition) -> Type {
        if has_unread_members(object) {
            return Type::Json;
        }
        match object.get("additionalProperties") {
            Some(schema @ Value::Object(words)) if !words.is_empty() => {
                let of = self.read(schema, &place.inside("value"));
                self.bounded(Type::Map(Box::new(of)))
            }
            _ => Type::Json,
        }
    }

    /// The members of an object; nothing where it may have some that could not be kept.
    fn record(&mut self, object: &'a Map<String, Value>, place: &SchemaPosition) -> Option<Record> {
        if has_unread_members(object) {
            return None;
        }
        let declared = match object.get("properties") {
            Some(declared) => Some(declared.as_object()?),
            None => None,
        };
        let names = || declared.into_iter().flat_map(|it| it.keys());
        let required: BTreeSet<&str> = object
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let others = object.get("additionalProperties");
        let is_closed = others == Some(&Value::Bool(false))
            || object.get("unevaluatedProperties") == Some(&Value::Bool(false));
        let keeps_others = others.is_some() && !is_closed;
        let is_known = |name: &&str| declared.is_some_and(|it| it.contains_key(*name));
        if names().count() > MAX_MEMBERS
            || names().any(|name| name.len() > MAX_MEMBER_NAME_BYTES)
            || !keeps_others && !required.iter().all(is_known)
        {
            return None;
        }
        let labels = Labels::of_names(names().map(String::as_str), &BTreeSet::new());
        let mut members = Vec::new();
        for (name, schema) in declared.into_iter().flatten() {
            let of = self.read(schema, &place.inside(name));
            let is_required = required.contains(name.as_str());
            members.push(Member {
                label: labels.get(name),
                name: name.clone(),
                of: if is_required { of } else { absent_or(of) },
                is_required,
                docs: schema.as_object().map(docs::of_schema).unwrap_or_default(),
            });
        }
        let others = match others.filter(|_| keeps_others) {
            Some(schema) => {
                let taken = members.iter().map(|member| member.label.as_str()).collect();
                Some(Others {
                    label: Labels::of_names(["others"], &taken).get("others"),
                    of: self.read(schema, &place.inside("other")),
                })
            }
            None => None,
        };
        Some(Record {
            members,
            is_open: others.is_none() && !is_closed,
            others,
        })
    }
}

/// The type of a member that may be absent: as an option of it. An option cannot tell
/// `null` from what is not there; JSON can.
fn absent_or(of: Type) -> Type {
    match of {
        Type::Option(_) => Type::Json,
        of => of,
    }
}

/// Whether there may be members that `properties` and `additionalProperties` do not mention.
fn has_unread_members(object: &Map<String, Value>) -> bool {
    object.contains_key("patternProperties")
        || object
            .get("unevaluatedProperties")
            .is_some_and(|schema| schema != &Value::Bool(false))
}

fn flags(record: &Record) -> Option<Vec<Flag>> {
    let is_flag = |of: &Member| of.is_required && of.of == Type::Bool;
    let is_flags = !record.is_open
        && record.others.is_none()
        && (2..=MAX_FLAGS).contains(&record.members.len())
        && record.members.iter().all(is_flag);
    is_flags.then(|| {
        record
            .members
            .iter()
            .map(|member| Flag {
                label: member.label.clone(),
                name: member.name.clone(),
                docs: member.docs.clone(),
            })
            .collect()
    })
}
