//! Between JSON and values, as the encoding says.

use serde_json::{Map, Value as Json};

use super::super::convert::{expected, not_a_pair, object, same_length, shown};
use super::super::kinds::Kinds;
use super::super::labels::plain_name;
use super::super::numbers;
use super::super::value::{ConvertError, Converted, Reason, Value};
use super::encoding::{Alternatives, Encoding, Form, Members, Names, ToldBy};
use super::types::Integer;

impl Encoding {
    /// The value that JSON stands for.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of type")]
    pub(super) fn value_of(&self, json: &Json) -> Converted<Value> {
        match (&self.form, json) {
            (Form::Json, any) => Ok(Value::String(any.to_string())),
            (Form::Bool, Json::Bool(it)) => Ok(Value::Bool(*it)),
            (Form::Integer(integer), Json::Number(it)) => numbers::exact_integer(it)
                .and_then(|it| integer.value(it))
                .ok_or_else(|| numbers::misfit(integer.name(), it)),
            (Form::F32, Json::Number(it)) => numbers::single(it).map(Value::F32),
            (Form::F64, Json::Number(it)) => numbers::float(it).map(Value::F64),
            (Form::Char, Json::String(it)) => {
                let mut characters = it.chars();
                match (characters.next(), characters.next()) {
                    (Some(only), None) => Ok(Value::Char(only)),
                    _ => Err(wrong(Reason::NoChar)),
                }
            }
            (Form::String, Json::String(it)) => Ok(Value::String(it.clone())),
            (Form::Nullable(_) | Form::Wrapped(_), Json::Null) => Ok(Value::Option(None)),
            (Form::Nullable(inner), json) => Ok(some(inner.value_of(json)?)),
            (Form::Wrapped(inner), json) => match sole(json)? {
                ("some", held) => Ok(some(inner.value_of(held).map_err(|it| it.inside("some"))?)),
                (other, _) => Err(wrong(Reason::Unknown(shown(other)))),
            },
            (Form::Array(item, length), Json::Array(items)) => {
                same_length(length.unwrap_or(items.len()), items.len())?;
                values_of(items.iter().map(|json| (item.as_ref(), json))).map(Value::List)
            }
            (Form::Tuple(types), Json::Array(items)) => {
                same_length(types.len(), items.len())?;
                values_of(types.iter().zip(items)).map(Value::Tuple)
            }
            (Form::Map(value), Json::Object(members)) => {
                let pairs = members.iter().map(|(name, json)| {
                    let value = value.value_of(json).map_err(|it| it.inside(name))?;
                    Ok(Value::Tuple(vec![Value::String(name.clone()), value]))
                });
                pairs.collect::<Converted<_>>().map(Value::List)
            }
            (Form::Record(members), json) => members.fields_of(json).map(Value::Record),
            (Form::Enum(names), Json::String(name)) => label_of(names, name)
                .map(|label| Value::Enum(label.to_owned()))
                .ok_or_else(|| self.no_constant()),
            (Form::Flags(names), json) => flags_of(names, object(json)?),
            (Form::Variant(cases), json) => {
                let (place, held) = cases.case_of(json).ok_or_else(|| self.no_case())?;
                let label = cases.names.labels.get(place).cloned().unwrap_or_default();
                let of = cases.each.get(place).and_then(Option::as_ref);
                let step = cases.step();
                let value = match (of, held) {
                    (Some(of), Some(json)) => {
                        let value = of.value_of(json).map_err(|it| it.maybe_inside(step))?;
                        Some(Box::new(value))
                    }
                    (None, None) => None,
                    (Some(_), None) => return Err(wrong(Reason::Missing("value".to_owned()))),
                    (None, Some(_)) => return Err(wrong(Reason::Unknown("value".to_owned()))),
                };
                Ok(Value::Variant(label, value))
            }
            (Form::Result { ok, error }, json) => {
                let (name, held) = sole(json)?;
                let side = |of: &Option<Box<Encoding>>| match (of, held) {
                    (Some(of), json) => of.value_of(json).map(|it| Some(Box::new(it))),
                    (None, Json::Null) => Ok(None),
                    (None, other) => Err(expected("null", other)),
                };
                let held = match name {
                    "ok" => side(ok).map(Ok),
                    "error" => side(error).map(Err),
                    other => return Err(wrong(Reason::Unknown(shown(other)))),
                };
                held.map(Value::Result).map_err(|it| it.inside(name))
            }
            (form, json) => Err(expected(form.name(), json)),
        }
    }

    /// The JSON that a value stands for.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of type")]
    pub(super) fn json_of(&self, value: &Value) -> Converted<Json> {
        match (&self.form, value) {
            (Form::Json, Value::String(text)) => {
                serde_json::from_str(text).map_err(|_| wrong(Reason::NotJson))
            }
            (Form::Bool, Value::Bool(it)) => Ok(Json::Bool(*it)),
            (Form::Integer(integer), value) => {
                integer.json(value).ok_or_else(|| self.mismatch(value))
            }
            (Form::F32, Value::F32(it)) => numbers::of_single(*it),
            (Form::F64, Value::F64(it)) => numbers::number(*it),
            (Form::Char, Value::Char(it)) => Ok(Json::String(it.to_string())),
            (Form::String, Value::String(it)) => Ok(Json::String(it.clone())),
            (Form::Nullable(_) | Form::Wrapped(_), Value::Option(None)) => Ok(Json::Null),
            (Form::Nullable(inner), Value::Option(Some(value))) => inner.json_of(value),
            (Form::Wrapped(inner), Value::Option(Some(value))) => Ok(pair(
                "some",
                inner.json_of(value).map_err(|it| it.inside("some"))?,
            )),
            (Form::Array(item, length), Value::List(items)) => {
                same_length(length.unwrap_or(items.len()), items.len())?;
                jsons_of(items.iter().map(|value| (item.as_ref(), value)))
            }
            (Form::Tuple(types), Value::Tuple(items)) => {
                same_length(types.len(), items.len())?;
                jsons_of(types.iter().zip(items))
            }
            (Form::Map(of), Value::List(pairs)) => object_of(of, pairs),
            (Form::Record(members), Value::Record(fields)) => {
                for (member, (label, _)) in members.each.iter().zip(fields) {
                    if member.label != *label {
                        return Err(wrong(Reason::Unknown(shown(label))));
                    }
                }
                members.json_of(fields.iter().map(|(_, value)| value))
            }
            (Form::Enum(names), Value::Enum(label)) => names
                .place_of_label(label)
                .map(|_| Json::String(plain_name(label)))
                .ok_or_else(|| self.no_constant()),
            (Form::Flags(names), Value::Flags(set)) => {
                let mut members: Map<String, Json> = names
                    .names()
                    .map(|name| (name, Json::Bool(false)))
                    .collect();
                for label in set {
                    names
                        .place_of_label(label)
                        .and_then(|_| members.get_mut(&plain_name(label)))
                        .map(|flag| *flag = Json::Bool(true))
                        .ok_or_else(|| wrong(Reason::Unknown(shown(label))))?;
                }
                Ok(Json::Object(members))
            }
            (Form::Variant(cases), Value::Variant(label, value)) => {
                let place = cases.names.place_of_label(label);
                let of = place.and_then(|place| cases.each.get(place));
                let held = match (of.ok_or_else(|| self.no_case())?, value) {
                    (Some(of), Some(value)) => {
                        let json = of.json_of(value);
                        Some(json.map_err(|it| it.maybe_inside(cases.step()))?)
                    }
                    (None, None) => None,
                    _ => return Err(self.no_case()),
                };
                Ok(match (&cases.told_by, held) {
                    (ToldBy::Value { .. }, held) => held.unwrap_or_default(),
                    (ToldBy::Tag, held) => {
                        let mut members = Map::new();
                        members.insert("tag".to_owned(), Json::String(plain_name(label)));
                        if let Some(held) = held {
                            members.insert("value".to_owned(), held);
                        }
                        Json::Object(members)
                    }
                })
            }
            (Form::Result { ok, error }, Value::Result(result)) => {
                let (name, of, value) = match result {
                    Ok(value) => ("ok", ok, value),
                    Err(value) => ("error", error, value),
                };
                let held = match (of, value) {
                    (Some(of), Some(value)) => of.json_of(value).map_err(|it| it.inside(name))?,
                    (None, None) => Json::Null,
                    _ => return Err(wrong(Reason::NoCase(name.to_owned()))),
                };
                Ok(pair(name, held))
            }
            (_, value) => Err(self.mismatch(value)),
        }
    }

    fn mismatch(&self, value: &Value) -> ConvertError {
        wrong(Reason::Expected {
            expected: self.form.name_in_wit(),
            found: value.kind(),
        })
    }

    fn no_constant(&self) -> ConvertError {
        let label = self.said.label.as_deref();
        wrong(Reason::NoConstant(shown(label.unwrap_or("enum"))))
    }

    fn no_case(&self) -> ConvertError {
        let label = self.said.label.as_deref();
        wrong(Reason::NoCase(shown(label.unwrap_or("variant"))))
    }
}

impl Members {
    /// The fields that an object stands for, all of them.
    pub(super) fn fields_of(&self, json: &Json) -> Converted<Vec<(String, Value)>> {
        let members = object(json)?;
        let mut fields = Vec::new();
        for member in &self.each {
            let value = match members.get(&member.name) {
                Some(json) => {
                    let value = member.of.value_of(json);
                    let value = value.map_err(|it| it.inside(&member.name))?;
                    if member.is_optional {
                        some(value)
                    } else {
                        value
                    }
                }
                None if member.is_optional => Value::Option(None),
                None => return Err(wrong(Reason::Missing(shown(&member.name)))),
            };
            fields.push((member.label.clone(), value));
        }
        match members.keys().find(|it| self.names.place(it).is_none()) {
            Some(unknown) => Err(wrong(Reason::Unknown(shown(unknown)))),
            None => Ok(fields),
        }
    }

    /// The object that some fields stand for.
    pub(super) fn json_of<'a>(
        &self,
        fields: impl ExactSizeIterator<Item = &'a Value>,
    ) -> Converted<Json> {
        same_length(self.each.len(), fields.len())?;
        let mut members = Map::new();
        for (member, value) in self.each.iter().zip(fields) {
            let value = match value {
                value if !member.is_optional => value,
                Value::Option(None) => continue,
                Value::Option(Some(value)) => value,
                other => {
                    let reason = Reason::Expected {
                        expected: "an option",
                        found: other.kind(),
                    };
                    return Err(wrong(reason).inside(&member.name));
                }
            };
            let json = member.of.json_of(value);
            let json = json.map_err(|it| it.inside(&member.name))?;
            members.insert(member.name.clone(), json);
        }
        Ok(Json::Object(members))
    }
}

impl Alternatives {
    /// The case that JSON is of, by its place, and what it holds.
    fn case_of<'a>(&self, json: &'a Json) -> Option<(usize, Option<&'a Json>)> {
        match &self.told_by {
            ToldBy::Tag => {
                let members = json.as_object()?;
                let place = self.names.place(members.get("tag")?.as_str()?)?;
                let held = members.get("value");
                let known = if held.is_some() { 2 } else { 1 };
                (members.len() == known).then_some((place, held))
            }
            ToldBy::Value {
                member: Some((member, cases)),
            } if json.is_object() => {
                let place = cases.get(json.get(member)?.as_str()?)?;
                Some((*place, Some(json)))
            }
            ToldBy::Value { .. } => {
                let kind = Kinds::of_value(json);
                let takes =
                    |of: &Option<Encoding>| of.as_ref().is_some_and(|of| of.kinds.meets(kind));
                Some((self.each.iter().position(takes)?, Some(json)))
            }
        }
    }

    /// The member in which the value of a case is.
    fn step(&self) -> Option<&'static str> {
        matches!(self.told_by, ToldBy::Tag).then_some("value")
    }
}

impl ConvertError {
    fn maybe_inside(self, step: Option<&str>) -> Self {
        match step {
            Some(step) => self.inside(step),
            None => self,
        }
    }
}

fn wrong(reason: Reason) -> ConvertError {
    ConvertError::new(reason)
}

fn some(value: Value) -> Value {
    Value::Option(Some(Box::new(value)))
}

/// An object of one member.
fn pair(name: &str, held: Json) -> Json {
    let mut members = Map::new();
    members.insert(name.to_owned(), held);
    Json::Object(members)
}

/// The one member of an object.
fn sole(json: &Json) -> Converted<(&str, &Json)> {
    let members = object(json)?;
    same_length(1, members.len())?;
    members
        .iter()
        .next()
        .map(|(name, held)| (name.as_str(), held))
        .ok_or_else(|| expected("an object of one member", json))
}

fn label_of<'a>(names: &'a Names, name: &str) -> Option<&'a str> {
    let place = names.place(name)?;
    names.labels.get(place).map(String::as_str)
}

fn flags_of(names: &Names, members: &Map<String, Json>) -> Converted<Value> {
    let mut set = Vec::new();
    for (label, name) in names.labels.iter().zip(names.names()) {
        match members.get(&name) {
            Some(Json::Bool(true)) => set.push(label.clone()),
            Some(Json::Bool(false)) => {}
            Some(other) => return Err(expected("a boolean", other).inside(&name)),
            None => return Err(wrong(Reason::Missing(name))),
        }
    }
    match members.keys().find(|name| names.place(name).is_none()) {
        Some(unknown) => Err(wrong(Reason::Unknown(shown(unknown)))),
        None => Ok(Value::Flags(set)),
    }
}

fn object_of(of: &Encoding, pairs: &[Value]) -> Converted<Json> {
    let mut members = Map::new();
    for pair in pairs {
        let Value::Tuple(both) = pair else {
            return Err(not_a_pair(pair));
        };
        let [Value::String(name), value] = both.as_slice() else {
            return Err(not_a_pair(pair));
        };
        let json = of.json_of(value).map_err(|it| it.inside(name))?;
        if members.insert(name.clone(), json).is_some() {
            return Err(wrong(Reason::Twice(shown(name))));
        }
    }
    Ok(Json::Object(members))
}

fn values_of<'a>(items: impl Iterator<Item = (&'a Encoding, &'a Json)>) -> Converted<Vec<Value>> {
    items
        .enumerate()
        .map(|(at, (of, json))| of.value_of(json).map_err(|it| it.inside(&at.to_string())))
        .collect()
}

fn jsons_of<'a>(items: impl Iterator<Item = (&'a Encoding, &'a Value)>) -> Converted<Json> {
    items
        .enumerate()
        .map(|(at, (of, value))| of.json_of(value).map_err(|it| it.inside(&at.to_string())))
        .collect::<Converted<Vec<Json>>>()
        .map(Json::Array)
}

impl Form {
    /// What it is in JSON.
    fn name(&self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Integer(_) => "an integer",
            Self::F32 | Self::F64 => "a number",
            Self::Char | Self::String | Self::Enum(_) => "a string",
            Self::Array(..) | Self::Tuple(_) => "an array",
            Self::Map(_) | Self::Record(_) | Self::Flags(_) | Self::Result { .. } => "an object",
            Self::Json | Self::Nullable(_) | Self::Wrapped(_) | Self::Variant(_) => "another value",
        }
    }

    /// What it is in WIT.
    fn name_in_wit(&self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Integer(integer) => integer.name(),
            Self::F32 => "an f32",
            Self::F64 => "an f64",
            Self::Char => "a char",
            Self::Json | Self::String => "a string",
            Self::Nullable(_) | Self::Wrapped(_) => "an option",
            Self::Array(..) | Self::Map(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Record(_) => "a record",
            Self::Enum(_) => "an enum",
            Self::Flags(_) => "flags",
            Self::Variant(_) => "a variant",
            Self::Result { .. } => "a result",
        }
    }
}

impl Integer {
    /// What WIT calls it.
    fn name(self) -> &'static str {
        match self {
            Self::S8 => "s8",
            Self::S16 => "s16",
            Self::S32 => "s32",
            Self::S64 => "s64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
        }
    }

    fn value(self, number: i128) -> Option<Value> {
        match self {
            Self::S8 => number.try_into().ok().map(Value::S8),
            Self::S16 => number.try_into().ok().map(Value::S16),
            Self::S32 => number.try_into().ok().map(Value::S32),
            Self::S64 => number.try_into().ok().map(Value::S64),
            Self::U8 => number.try_into().ok().map(Value::U8),
            Self::U16 => number.try_into().ok().map(Value::U16),
            Self::U32 => number.try_into().ok().map(Value::U32),
            Self::U64 => number.try_into().ok().map(Value::U64),
        }
    }

    fn json(self, value: &Value) -> Option<Json> {
        match (self, value) {
            (Self::S8, Value::S8(it)) => Some(Json::from(*it)),
            (Self::S16, Value::S16(it)) => Some(Json::from(*it)),
            (Self::S32, Value::S32(it)) => Some(Json::from(*it)),
            (Self::S64, Value::S64(it)) => Some(Json::from(*it)),
            (Self::U8, Value::U8(it)) => Some(Json::from(*it)),
            (Self::U16, Value::U16(it)) => Some(Json::from(*it)),
            (Self::U32, Value::U32(it)) => Some(Json::from(*it)),
            (Self::U64, Value::U64(it)) => Some(Json::from(*it)),
            _ => None,
        }
    }
}
