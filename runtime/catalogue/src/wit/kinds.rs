//! What tells values of JSON apart.

use serde_json::Value;

use super::model::{Body, Literal, Type};
use super::numbers::integer;

/// The types of JSON that a type takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const NUMBER: Self = Self(4);
    pub(super) const TEXT: Self = Self(8);
    pub(super) const ARRAY: Self = Self(16);
    pub(super) const OBJECT: Self = Self(32);
    pub(super) const ALL: Self = Self(63);

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The kind of a value.
    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// The kinds that a type takes, given the bodies behind names.
    pub(super) fn of<'a>(of: &Type, body: &impl Fn(usize) -> Option<&'a Body>) -> Self {
        match of {
            Type::Json => Self::ALL,
            Type::Bool => Self::BOOLEAN,
            Type::S64 | Type::U64 | Type::F64 => Self::NUMBER,
            Type::String => Self::TEXT,
            Type::Option(inner) => Self::of(inner, body).and(Self::NULL),
            Type::List(_) | Type::Tuple(_) => Self::ARRAY,
            Type::Map(_) => Self::OBJECT,
            Type::Named(place) => match body(*place) {
                Some(Body::Record(_) | Body::Flags(_)) => Self::OBJECT,
                Some(Body::Variant { cases, .. }) => cases
                    .iter()
                    .fold(Self(0), |all, case| all.and(Self::of(&case.of, body))),
                Some(Body::Enum(constants)) => constants
                    .iter()
                    .fold(Self(0), |all, one| all.and(Self::of_literal(&one.literal))),
                None => Self::ALL,
            },
        }
    }

    fn of_literal(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::NULL,
            Literal::Boolean(_) => Self::BOOLEAN,
            Literal::Number(_) => Self::NUMBER,
            Literal::Text(_) => Self::TEXT,
        }
    }

    /// The names of the kinds, for other languages.
    pub(super) fn names(self) -> Vec<&'static str> {
        [
            (Self::NULL, "null"),
            (Self::BOOLEAN, "boolean"),
            (Self::NUMBER, "number"),
            (Self::TEXT, "text"),
            (Self::ARRAY, "array"),
            (Self::OBJECT, "object"),
        ]
        .into_iter()
        .filter(|(kind, _)| self.meets(*kind))
        .map(|(_, name)| name)
        .collect()
    }

    /// What a case of a variant is called that takes these kinds.
    pub(super) fn word(self) -> &'static str {
        [
            (Self::TEXT, "text"),
            (Self::NUMBER, "number"),
            (Self::BOOLEAN, "boolean"),
            (Self::ARRAY, "items"),
            (Self::OBJECT, "object"),
        ]
        .into_iter()
        .find(|(kind, _)| self.meets(*kind))
        .map_or("other", |(_, word)| word)
    }
}

impl Literal {
    /// The literal of a scalar. Numbers that are equal have one spelling.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(it) => Self::Boolean(*it),
            Value::Number(number) => Self::Number(match integer(number) {
                Some(integer) => integer.to_string(),
                None => match number.as_f64() {
                    // `1e300` and `1.0e+300` are one number.
                    Some(float) if number.is_f64() => Value::from(float).to_string(),
                    _ => number.to_string(),
                },
            }),
            Value::String(it) => Self::Text(it.clone()),
            Value::Array(_) | Value::Object(_) => return None,
        })
    }

    /// What a label of it is made from.
    pub(super) fn preferred_name(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(it) => it.to_string(),
            Self::Number(it) => it.replace('-', "minus "),
            Self::Text(it) => it.clone(),
        }
    }

    /// What tells it from every other literal; a text that labels stand for is its own.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Text(it) if !it.starts_with('\0') => it.clone(),
            other => format!("\0{}", other.to_json()),
        }
    }
}
