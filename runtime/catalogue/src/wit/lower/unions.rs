//! Constants, alternatives and `null`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::kinds::Kinds;
use super::super::labels::Labels;
use super::super::model::{Body, Case, Constant, Literal, Record, Type};
use super::form::Form;
use super::{Reader, SchemaPosition};

/// Most cases of an enum: components have no more.
const MAX_CASES: usize = 10_000;

/// Longest literal of an enum, in bytes.
const MAX_LITERAL_BYTES: usize = 256;

/// Most alternatives of a union; more are JSON.
const MAX_ALTERNATIVES: usize = 64;

impl<'a> Reader<'a> {
    /// An enum, if its constants are scalars and not too many.
    pub(super) fn constants(
        &mut self,
        values: &[&Value],
        place: &SchemaPosition,
        object: &Map<String, Value>,
    ) -> Type {
        let Some(all) = values
            .iter()
            .map(|value| Literal::of(value))
            .collect::<Option<Vec<_>>>()
        else {
            return Type::Json;
        };
        let mut seen = BTreeSet::new();
        let mut literals: Vec<&Literal> = all.iter().filter(|it| seen.insert(*it)).collect();
        let is_nullable = literals.len() > 1 && seen.contains(&Literal::Null);
        if is_nullable {
            literals.retain(|it| **it != Literal::Null);
        }
        let is_long =
            |it: &&Literal| matches!(it, Literal::Text(text) if text.len() > MAX_LITERAL_BYTES);
        let of = if literals.is_empty() {
            return Type::Json;
        } else if literals.len() > MAX_CASES || literals.iter().any(is_long) {
            let are_texts = literals.iter().all(|it| matches!(it, Literal::Text(_)));
            if are_texts { Type::String } else { Type::Json }
        } else if literals.len() == 2 && literals.iter().all(|it| matches!(it, Literal::Boolean(_)))
        {
            Type::Bool
        } else {
            let preferred: Vec<_> = literals
                .iter()
                .map(|it| (it.key(), it.preferred_name()))
                .collect();
            let preferred = preferred
                .iter()
                .map(|(key, preferred_name)| (key.as_str(), preferred_name.as_str()));
            let labels = Labels::assign(preferred, &BTreeSet::new());
            let constants = literals
                .iter()
                .map(|literal| Constant {
                    label: labels.get(&literal.key()),
                    literal: (*literal).clone(),
                })
                .collect();
            self.define(Body::Enum(constants), place, object)
        };
        if is_nullable { self.or_null(of) } else { of }
    }

    /// The type of `null` and nothing else.
    pub(super) fn null(&mut self, place: &SchemaPosition) -> Type {
        self.constants(&[&Value::Null], place, &Map::new())
    }

    /// The type, and `null`.
    pub(super) fn or_null(&mut self, of: Type) -> Type {
        let body = |place: usize| self.drafts.get(place).map(|draft| &draft.body);
        if Kinds::of(&of, &body).meets(Kinds::NULL) {
            of
        } else {
            self.bounded(Type::Option(Box::new(of)))
        }
    }

    pub(super) fn any_of(
        &mut self,
        alternatives: &'a [Value],
        place: &SchemaPosition,
        object: &Map<String, Value>,
    ) -> Type {
        if alternatives.len() > MAX_ALTERNATIVES {
            return Type::Json;
        }
        if let Some(constants) = all_constants(alternatives) {
            return self.constants(&constants, place, object);
        }
        let is_null = |schema: &Value| schema.get("type") == Some(&Value::from("null"));
        let many = alternatives.iter().filter(|it| !is_null(it)).count() > 1;
        let mut types = Vec::new();
        for (at, alternative) in alternatives.iter().enumerate() {
            let word = match alternative.get("title").and_then(Value::as_str) {
                _ if !many => String::new(),
                Some(title) => title.to_owned(),
                None => at.saturating_add(1).to_string(),
            };
            types.push(self.read(alternative, &place.inside(&word)));
        }
        self.union(types, place, object)
    }

    /// Any of some types, which must be told apart by looking at a value.
    pub(super) fn union(
        &mut self,
        types: Vec<Type>,
        place: &SchemaPosition,
        object: &Map<String, Value>,
    ) -> Type {
        let mut is_nullable = false;
        let mut each: Vec<Type> = Vec::new();
        let mut null = None;
        for of in types {
            let of = match of {
                Type::Json => return Type::Json,
                Type::Option(inner) => {
                    is_nullable = true;
                    *inner
                }
                of => of,
            };
            if self.kinds(&of) == Kinds::NULL {
                is_nullable = true;
                null = Some(of);
            } else if !each.contains(&of) {
                each.push(of);
            }
        }
        // Some of all texts.
        if each.contains(&Type::String) {
            each.retain(|of| self.kinds(of) != Kinds::TEXT || *of == Type::String);
        }
        let of = match each.len() {
            0 => return null.unwrap_or(Type::Json),
            1 => each.pop().unwrap_or(Type::Json),
            _ => self.variant(each, place, object),
        };
        if is_nullable { self.or_null(of) } else { of }
    }

    fn variant(
        &mut self,
        types: Vec<Type>,
        place: &SchemaPosition,
        object: &Map<String, Value>,
    ) -> Type {
        let kinds: Vec<Kinds> = types.iter().map(|of| self.kinds(of)).collect();
        let objects: Vec<&Record> = types.iter().filter_map(|of| self.as_record(of)).collect();
        for (at, one) in kinds.iter().enumerate() {
            let mut later = kinds.iter().skip(at.saturating_add(1));
            let meets = later.any(|other| {
                one.meets(*other) && !(*one == Kinds::OBJECT && *other == Kinds::OBJECT)
            });
            if meets {
                return Type::Json;
            }
        }
        let of_objects = kinds.iter().filter(|it| **it == Kinds::OBJECT).count();
        let tag = match of_objects {
            0 | 1 => None,
            _ if objects.len() < of_objects => return Type::Json,
            _ => match self.tag(&objects) {
                Some(tag) => Some(tag),
                None => return Type::Json,
            },
        };
        let preferred: Vec<(String, String)> = types
            .iter()
            .zip(&kinds)
            .enumerate()
            .map(|(at, (of, kinds))| {
                let constant = tag
                    .as_ref()
                    .zip(self.as_record(of))
                    .and_then(|(tag, record)| self.tags(record, tag)?.first().cloned());
                let preferred_name =
                    constant.map_or_else(|| kinds.word().to_owned(), |it| it.preferred_name());
                (format!("{at}"), preferred_name)
            })
            .collect();
        let preferred = preferred
            .iter()
            .map(|(key, preferred_name)| (key.as_str(), preferred_name.as_str()));
        let labels = Labels::assign(preferred, &BTreeSet::new());
        let cases = types
            .into_iter()
            .enumerate()
            .map(|(at, of)| Case {
                label: labels.get(&at.to_string()),
                of,
            })
            .collect();
        self.define(Body::Variant { cases, tag }, place, object)
    }

    /// The member that all records must have, whose constants tell them apart.
    fn tag(&self, records: &[&Record]) -> Option<String> {
        let (first, rest) = records.split_first()?;
        let mut names = first.members.iter().map(|member| &member.name);
        names
            .find(|name| {
                let mut seen: BTreeSet<&Literal> = BTreeSet::new();
                [first].into_iter().chain(rest).all(|record| {
                    self.tags(record, name)
                        .is_some_and(|constants| constants.into_iter().all(|it| seen.insert(it)))
                })
            })
            .cloned()
    }

    /// The constants of a member that a record must have.
    fn tags(&self, record: &Record, name: &str) -> Option<Vec<&Literal>> {
        let member = record.members.iter().find(|member| member.name == name)?;
        match self.body(&member.of) {
            Some(Body::Enum(constants)) if member.is_required => {
                Some(constants.iter().map(|it| &it.literal).collect())
            }
            _ => None,
        }
    }

    fn as_record(&self, of: &Type) -> Option<&Record> {
        match self.body(of) {
            Some(Body::Record(record)) => Some(record),
            _ => None,
        }
    }

    fn kinds(&self, of: &Type) -> Kinds {
        Kinds::of(of, &|place| self.drafts.get(place).map(|draft| &draft.body))
    }
}

/// The constants of alternatives, if they are nothing but constants and `null`.
fn all_constants(alternatives: &[Value]) -> Option<Vec<&Value>> {
    let mut all = Vec::new();
    for alternative in alternatives {
        match Form::of(alternative.as_object()?) {
            Form::Constants(values) => all.extend(values),
            Form::Typed(names) if names == ["null"] => all.push(&Value::Null),
            _ => return None,
        }
    }
    Some(all)
}
