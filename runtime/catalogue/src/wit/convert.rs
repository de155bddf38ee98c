//! Between JSON and values of components, as the model says.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::kinds::Kinds;
use super::model::{
    Arguments, Body, Case, Constant, Definition, Function, Interface, Literal, Member, Record, Type,
};
use super::numbers::{exact_integer, float, misfit, number};
use super::value::{ConvertError, Converted, Reason, Value};
use crate::text::clean;

/// Longest name repeated in an error, in bytes.
const MAX_NAME_BYTES: usize = 100;

impl Interface {
    /// The value of a type that JSON stands for.
    ///
    /// # Errors
    ///
    /// JSON that is not of the type, and numbers that it would round.
    pub fn value_of(&self, of: &Type, json: &Json) -> Converted<Value> {
        match (of, json) {
            (Type::Json, any) => Ok(Value::String(any.to_string())),
            (Type::Bool, Json::Bool(it)) => Ok(Value::Bool(*it)),
            (Type::String, Json::String(it)) => Ok(Value::String(it.clone())),
            (Type::S64, Json::Number(it)) => exact_integer(it)
                .and_then(|it| i64::try_from(it).ok())
                .map(Value::S64)
                .ok_or_else(|| misfit("s64", it)),
            (Type::U64, Json::Number(it)) => exact_integer(it)
                .and_then(|it| u64::try_from(it).ok())
                .map(Value::U64)
                .ok_or_else(|| misfit("u64", it)),
            (Type::F64, Json::Number(it)) => float(it).map(Value::F64),
            (Type::Option(_), Json::Null) => Ok(Value::Option(None)),
            (Type::Option(inner), some) => {
                let value = self.value_of(inner, some)?;
                Ok(Value::Option(Some(Box::new(value))))
            }
            (Type::List(item), Json::Array(items)) => self
                .values_of(items.iter().map(|json| (item.as_ref(), json)))
                .map(Value::List),
            (Type::Tuple(types), Json::Array(items)) => {
                same_length(types.len(), items.len())?;
                self.values_of(types.iter().zip(items)).map(Value::Tuple)
            }
            (Type::Map(of), Json::Object(members)) => self.pairs_of(of, members.iter()),
            (Type::Named(place), json) => self.value_of_named(self.known(*place)?, json),
            (of, json) => Err(expected(of_json(of), json)),
        }
    }

    /// The JSON that a value of a type stands for.
    ///
    /// # Errors
    ///
    /// Values that are not of the type, text that should be JSON and is not, numbers that
    /// JSON does not have, and members that are given twice.
    pub fn json_of(&self, of: &Type, value: &Value) -> Converted<Json> {
        match (of, value) {
            (Type::Json, Value::String(text)) => {
                serde_json::from_str(text).map_err(|_| ConvertError::new(Reason::NotJson))
            }
            (Type::Bool, Value::Bool(it)) => Ok(Json::Bool(*it)),
            (Type::String, Value::String(it)) => Ok(Json::String(it.clone())),
            (Type::S64, Value::S64(it)) => Ok(Json::from(*it)),
            (Type::U64, Value::U64(it)) => Ok(Json::from(*it)),
            (Type::F64, Value::F64(it)) => number(*it),
            (Type::Option(_), Value::Option(None)) => Ok(Json::Null),
            (Type::Option(inner), Value::Option(Some(value))) => self.json_of(inner, value),
            (Type::List(item), Value::List(items)) => {
                self.jsons_of(items.iter().map(|value| (item.as_ref(), value)))
            }
            (Type::Tuple(types), Value::Tuple(items)) => {
                same_length(types.len(), items.len())?;
                self.jsons_of(types.iter().zip(items))
            }
            (Type::Map(of), Value::List(pairs)) => {
                let mut members = Map::new();
                self.add_pairs(of, pairs, &mut members)?;
                Ok(Json::Object(members))
            }
            (Type::Named(place), value) => self.json_of_named(self.known(*place)?, value),
            (of, value) => Err(ConvertError::new(Reason::Expected {
                expected: of_wit(of),
                found: value.kind(),
            })),
        }
    }

    /// The parameters of a function that the arguments of a tool stand for.
    ///
    /// # Errors
    ///
    /// Arguments that do not fit.
    pub fn parameters_of(&self, function: &Function, arguments: &Json) -> Converted<Vec<Value>> {
        match (&function.arguments, arguments) {
            (Arguments::Whole, any) => Ok(vec![Value::String(any.to_string())]),
            (Arguments::Members(record), Json::Object(members)) => Ok(self
                .fields_of(record, members)?
                .into_iter()
                .map(|(_, value)| value)
                .collect()),
            (Arguments::Members(_), other) => Err(expected("an object", other)),
        }
    }

    /// The arguments of a tool that the parameters of its function stand for.
    ///
    /// # Errors
    ///
    /// Parameters that are not of the function's types.
    pub fn arguments_of(&self, function: &Function, parameters: &[Value]) -> Converted<Json> {
        match &function.arguments {
            Arguments::Whole => {
                same_length(1, parameters.len())?;
                parameters
                    .first()
                    .map_or(Ok(Json::Null), |whole| self.json_of(&Type::Json, whole))
            }
            Arguments::Members(record) => self.object_of(record, parameters.iter()),
        }
    }

    fn known(&self, place: usize) -> Converted<&Definition> {
        self.definition(place)
            .ok_or_else(|| ConvertError::new(Reason::Foreign))
    }

    fn value_of_named(&self, definition: &Definition, json: &Json) -> Converted<Value> {
        match &definition.body {
            Body::Enum(constants) => Literal::of(json)
                .and_then(|literal| constants.iter().find(|it| it.literal == literal))
                .map(|it| Value::Enum(it.label.clone()))
                .ok_or_else(|| none_of(definition)),
            Body::Variant { cases, tag } => {
                let case = self
                    .case_of(cases, tag.as_deref(), json)
                    .ok_or_else(|| ConvertError::new(Reason::NoCase(definition.label.clone())))?;
                let value = self.value_of(&case.of, json)?;
                Ok(Value::Variant(case.label.clone(), Some(Box::new(value))))
            }
            Body::Record(record) => {
                let members = object(json)?;
                self.fields_of(record, members).map(Value::Record)
            }
            Body::Flags(flags) => {
                let members = object(json)?;
                let mut set = Vec::new();
                for flag in flags {
                    match members.get(&flag.name) {
                        Some(Json::Bool(true)) => set.push(flag.label.clone()),
                        Some(Json::Bool(false)) => {}
                        Some(other) => {
                            return Err(expected("a boolean", other).inside(&flag.name));
                        }
                        None => return Err(ConvertError::new(Reason::Missing(shown(&flag.name)))),
                    }
                }
                let names = flags.iter().map(|flag| flag.name.as_str()).collect();
                only_known(&names, members)?;
                Ok(Value::Flags(set))
            }
        }
    }

    /// The case that takes a value.
    fn case_of<'a>(&self, cases: &'a [Case], tag: Option<&str>, json: &Json) -> Option<&'a Case> {
        let kind = Kinds::of_value(json);
        let body = |place: usize| self.definition(place).map(|it| &it.body);
        let mut fitting = cases
            .iter()
            .filter(|case| Kinds::of(&case.of, &body).meets(kind));
        let Some(tag) = tag.filter(|_| json.is_object()) else {
            return fitting.next();
        };
        let literal = Literal::of(json.get(tag)?)?;
        fitting.find(|case| {
            self.constants(&case.of, tag)
                .is_some_and(|constants| constants.iter().any(|it| it.literal == literal))
        })
    }

    /// The constants of a member of a record.
    pub(super) fn constants(&self, of: &Type, member: &str) -> Option<&[Constant]> {
        let Type::Named(place) = of else {
            return None;
        };
        let Body::Record(record) = &self.definition(*place)?.body else {
            return None;
        };
        let member = record.members.iter().find(|it| it.name == member)?;
        let Type::Named(place) = &member.of else {
            return None;
        };
        match &self.definition(*place)?.body {
            Body::Enum(constants) => Some(constants),
            _ => None,
        }
    }

    fn fields_of(
        &self,
        record: &Record,
        members: &Map<String, Json>,
    ) -> Converted<Vec<(String, Value)>> {
        let mut fields = Vec::new();
        for member in &record.members {
            let value = self.field_of(member, members.get(&member.name))?;
            fields.push((member.label.clone(), value));
        }
        if record.is_open {
            return Ok(fields);
        }
        let names: BTreeSet<&str> = record.members.iter().map(|it| it.name.as_str()).collect();
        match &record.others {
            Some(others) => {
                let rest = members
                    .iter()
                    .filter(|(name, _)| !names.contains(name.as_str()));
                fields.push((others.label.clone(), self.pairs_of(&others.of, rest)?));
            }
            None => only_known(&names, members)?,
        }
        Ok(fields)
    }

    fn field_of(&self, member: &Member, json: Option<&Json>) -> Converted<Value> {
        let value = match json {
            Some(json) => self
                .value_of(&member.of, json)
                .map_err(|error| error.inside(&member.name))?,
            None if member.is_required => {
                return Err(ConvertError::new(Reason::Missing(shown(&member.name))));
            }
            None => return Ok(Value::Option(None)),
        };
        Ok(if member.is_required {
            value
        } else {
            Value::Option(Some(Box::new(value)))
        })
    }

    fn pairs_of<'a>(
        &self,
        of: &Type,
        members: impl Iterator<Item = (&'a String, &'a Json)>,
    ) -> Converted<Value> {
        members
            .map(|(name, json)| {
                let value = self
                    .value_of(of, json)
                    .map_err(|error| error.inside(name))?;
                Ok(Value::Tuple(vec![Value::String(name.clone()), value]))
            })
            .collect::<Converted<_>>()
            .map(Value::List)
    }

    fn values_of<'a>(
        &self,
        items: impl Iterator<Item = (&'a Type, &'a Json)>,
    ) -> Converted<Vec<Value>> {
        items
            .enumerate()
            .map(|(at, (of, json))| {
                self.value_of(of, json)
                    .map_err(|error| error.inside(&at.to_string()))
            })
            .collect()
    }

    fn jsons_of<'a>(&self, items: impl Iterator<Item = (&'a Type, &'a Value)>) -> Converted<Json> {
        items
            .enumerate()
            .map(|(at, (of, value))| {
                self.json_of(of, value)
                    .map_err(|error| error.inside(&at.to_string()))
            })
            .collect::<Converted<Vec<Json>>>()
            .map(Json::Array)
    }

    fn json_of_named(&self, definition: &Definition, value: &Value) -> Converted<Json> {
        match (&definition.body, value) {
            (Body::Enum(constants), Value::Enum(label)) => constants
                .iter()
                .find(|it| it.label == *label)
                .map(|it| it.literal.to_json())
                .ok_or_else(|| none_of(definition)),
            (Body::Variant { cases, .. }, Value::Variant(label, value)) => {
                let case = cases.iter().find(|it| it.label == *label);
                let (case, value) = case
                    .zip(value.as_ref())
                    .ok_or_else(|| ConvertError::new(Reason::NoCase(definition.label.clone())))?;
                self.json_of(&case.of, value)
            }
            (Body::Record(record), Value::Record(fields)) => {
                let labels = record
                    .members
                    .iter()
                    .map(|it| &it.label)
                    .chain(record.others.iter().map(|it| &it.label));
                for (label, (field, _)) in labels.zip(fields) {
                    if label != field {
                        return Err(ConvertError::new(Reason::Unknown(shown(field))));
                    }
                }
                self.object_of(record, fields.iter().map(|(_, value)| value))
            }
            (Body::Flags(flags), Value::Flags(set)) => {
                let set: BTreeSet<&str> = set.iter().map(String::as_str).collect();
                let labels: BTreeSet<&str> = flags.iter().map(|it| it.label.as_str()).collect();
                if let Some(unknown) = set.difference(&labels).next() {
                    return Err(ConvertError::new(Reason::Unknown(shown(unknown))));
                }
                Ok(flags
                    .iter()
                    .map(|it| (it.name.clone(), Json::Bool(set.contains(it.label.as_str()))))
                    .collect())
            }
            (body, value) => Err(ConvertError::new(Reason::Expected {
                expected: match body {
                    Body::Enum(_) => "an enum",
                    Body::Variant { .. } => "a variant",
                    Body::Record(_) => "a record",
                    Body::Flags(_) => "flags",
                },
                found: value.kind(),
            })),
        }
    }

    fn object_of<'a>(
        &self,
        record: &Record,
        fields: impl ExactSizeIterator<Item = &'a Value>,
    ) -> Converted<Json> {
        let count = record.members.len();
        let all = count.saturating_add(usize::from(record.others.is_some()));
        same_length(all, fields.len())?;
        let mut fields = fields;
        let mut members = Map::new();
        for (member, value) in record.members.iter().zip(fields.by_ref()) {
            let value = match value {
                value if member.is_required => value,
                Value::Option(None) => continue,
                Value::Option(Some(value)) => value,
                other => {
                    let reason = Reason::Expected {
                        expected: "an option",
                        found: other.kind(),
                    };
                    return Err(ConvertError::new(reason).inside(&member.name));
                }
            };
            let json = self
                .json_of(&member.of, value)
                .map_err(|error| error.inside(&member.name))?;
            members.insert(member.name.clone(), json);
        }
        if let (Some(others), Some(value)) = (&record.others, fields.next()) {
            let Value::List(pairs) = value else {
                let reason = Reason::Expected {
                    expected: "a list",
                    found: value.kind(),
                };
                return Err(ConvertError::new(reason).inside(&others.label));
            };
            let names: BTreeSet<&str> = record.members.iter().map(|it| it.name.as_str()).collect();
            let mut rest = Map::new();
            self.add_pairs(&others.of, pairs, &mut rest)?;
            for (name, json) in rest {
                // A member that has a field of its own is given by that field alone.
                if names.contains(name.as_str()) {
                    return Err(ConvertError::new(Reason::Twice(shown(&name))));
                }
                members.insert(name, json);
            }
        }
        Ok(Json::Object(members))
    }

    fn add_pairs(
        &self,
        of: &Type,
        pairs: &[Value],
        members: &mut Map<String, Json>,
    ) -> Converted<()> {
        for pair in pairs {
            let (name, value) = match pair {
                Value::Tuple(pair) => match pair.as_slice() {
                    [Value::String(name), value] => (name, value),
                    _ => return Err(not_a_pair(&Value::Tuple(Vec::new()))),
                },
                other => return Err(not_a_pair(other)),
            };
            let json = self
                .json_of(of, value)
                .map_err(|error| error.inside(name))?;
            if members.insert(name.clone(), json).is_some() {
                return Err(ConvertError::new(Reason::Twice(shown(name))));
            }
        }
        Ok(())
    }
}

pub(super) fn not_a_pair(found: &Value) -> ConvertError {
    ConvertError::new(Reason::Expected {
        expected: "a pair of a string and a value",
        found: found.kind(),
    })
}

fn none_of(definition: &Definition) -> ConvertError {
    ConvertError::new(Reason::NoConstant(definition.label.clone()))
}

pub(super) fn object(json: &Json) -> Converted<&Map<String, Json>> {
    json.as_object().ok_or_else(|| expected("an object", json))
}

fn only_known(names: &BTreeSet<&str>, members: &Map<String, Json>) -> Converted<()> {
    match members.keys().find(|name| !names.contains(name.as_str())) {
        Some(name) => Err(ConvertError::new(Reason::Unknown(shown(name)))),
        None => Ok(()),
    }
}

pub(super) fn same_length(expected: usize, found: usize) -> Converted<()> {
    if expected == found {
        Ok(())
    } else {
        Err(ConvertError::new(Reason::Length { expected, found }))
    }
}

pub(super) fn shown(name: &str) -> String {
    clean(name, MAX_NAME_BYTES)
}

pub(super) fn expected(expected: &'static str, json: &Json) -> ConvertError {
    let found = match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    };
    ConvertError::new(Reason::Expected { expected, found })
}

/// What a type is in JSON.
fn of_json(of: &Type) -> &'static str {
    match of {
        Type::Bool => "a boolean",
        Type::S64 | Type::U64 => "an integer",
        Type::F64 => "a number",
        Type::String => "a string",
        Type::List(_) | Type::Tuple(_) => "an array",
        Type::Map(_) => "an object",
        Type::Json | Type::Option(_) | Type::Named(_) => "another value",
    }
}

/// What a type is in WIT.
fn of_wit(of: &Type) -> &'static str {
    match of {
        Type::Bool => "a bool",
        Type::S64 => "an s64",
        Type::U64 => "a u64",
        Type::F64 => "an f64",
        Type::String | Type::Json => "a string",
        Type::Option(_) => "an option",
        Type::List(_) | Type::Map(_) => "a list",
        Type::Tuple(_) => "a tuple",
        Type::Named(_) => "another value",
    }
}
