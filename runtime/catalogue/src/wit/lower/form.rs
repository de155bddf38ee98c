//! What a schema says, as far as a type can say it.

use serde_json::{Map, Value};

use super::super::model::Type;
use super::super::numbers;

/// Longest tuple; languages have tuples of about that many items.
const MAX_TUPLE: usize = 12;

/// Words that may let an object have members that other words do not mention.
const UNREAD: [&str; 7] = [
    "$dynamicRef",
    "$recursiveRef",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
];

/// Words that say what is in a value, beside the ones that join schemas.
const CONTENT: [&str; 8] = [
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "unevaluatedProperties",
    "items",
    "prefixItems",
    "additionalItems",
];

/// The one way in which a schema is read. All other words of it only take values away, so
/// that a type which does not know them takes too much, never too little.
pub(super) enum Form<'a> {
    /// Several ways at once, or one that is not read.
    Opaque,
    /// `$ref`
    Reference(&'a str),
    /// `const` or `enum`
    Constants(Vec<&'a Value>),
    /// `anyOf` or `oneOf`
    Any(&'a [Value]),
    /// `allOf` of one
    Same(&'a Value),
    /// `type`
    Typed(Vec<&'a str>),
}

impl<'a> Form<'a> {
    pub(super) fn of(object: &'a Map<String, Value>) -> Self {
        Self::read(object, None)
    }

    /// The same of arguments, which are an object whether their schema says so or not.
    pub(super) fn of_arguments(object: &'a Map<String, Value>) -> Self {
        Self::read(
            object,
            Some("object").filter(|_| object.contains_key("properties")),
        )
    }

    fn read(object: &'a Map<String, Value>, otherwise: Option<&'a str>) -> Self {
        if let Some(only) = object.get("const") {
            return Self::Constants(vec![only]);
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            return Self::Constants(values.iter().collect());
        }
        if UNREAD.iter().any(|word| object.contains_key(*word)) {
            return Self::Opaque;
        }
        let joins: Vec<(&str, &Value)> = ["$ref", "anyOf", "oneOf", "allOf"]
            .into_iter()
            .filter_map(|word| Some((word, object.get(word)?)))
            .filter(|(_, parts)| !only_requires(parts, object))
            .collect();
        let has_content = CONTENT.iter().any(|word| object.contains_key(*word));
        match joins.as_slice() {
            [] => Self::typed(object, otherwise),
            _ if has_content => Self::Opaque,
            [("$ref", Value::String(pointer))] => Self::Reference(pointer),
            [("anyOf" | "oneOf", Value::Array(parts))] => Self::Any(parts),
            [("allOf", Value::Array(parts))] => match parts.as_slice() {
                [only] => Self::Same(only),
                _ => Self::Opaque,
            },
            _ => Self::Opaque,
        }
    }

    fn typed(object: &'a Map<String, Value>, otherwise: Option<&'a str>) -> Self {
        match object.get("type") {
            Some(Value::String(name)) => Self::Typed(vec![name]),
            Some(Value::Array(names)) => Self::Typed(
                names
                    .iter()
                    .map(|name| name.as_str().unwrap_or_default())
                    .collect(),
            ),
            Some(_) => Self::Opaque,
            None => otherwise.map_or(Self::Opaque, |name| Self::Typed(vec![name])),
        }
    }
}

/// Whether alternatives do nothing but require members that are declared beside them.
fn only_requires(parts: &Value, object: &Map<String, Value>) -> bool {
    let declared = object.get("properties").and_then(Value::as_object);
    let requires = |part: &Value| {
        part.as_object().is_some_and(|part| {
            part.iter().all(|(word, value)| match word.as_str() {
                "title" | "description" | "not" => true,
                "required" => value.as_array().is_some_and(|names| {
                    names.iter().all(|name| {
                        let name = name.as_str().unwrap_or_default();
                        declared.is_some_and(|declared| declared.contains_key(name))
                    })
                }),
                _ => false,
            })
        })
    };
    declared.is_some()
        && parts
            .as_array()
            .is_some_and(|parts| parts.iter().all(requires))
}

/// What an array holds.
pub(super) enum Items<'a> {
    Any,
    Each(&'a Value),
    Fixed(&'a [Value]),
}

pub(super) fn items(object: &Map<String, Value>) -> Items<'_> {
    // Before 2020-12, `items` was what `prefixItems` is now.
    let (first, rest) = match (object.get("prefixItems"), object.get("items")) {
        (Some(first), rest) => (first.as_array(), rest),
        (None, Some(Value::Array(first))) => (Some(first), object.get("additionalItems")),
        (None, Some(schema)) => return Items::Each(schema),
        (None, None) => return Items::Any,
    };
    let Some(first) = first else {
        return Items::Any;
    };
    let count = u64::try_from(first.len()).unwrap_or(u64::MAX);
    let length = |word: &str| object.get(word).and_then(whole);
    let is_whole = length("minItems").is_some_and(|least| least >= count);
    let is_all =
        rest == Some(&Value::Bool(false)) || length("maxItems").is_some_and(|most| most <= count);
    if is_whole && is_all && (1..=MAX_TUPLE).contains(&first.len()) {
        Items::Fixed(first)
    } else {
        Items::Any
    }
}

/// The integer type that takes all integers that a schema takes, if it says so. One that
/// says nothing of its range is `s64`.
pub(super) fn integer(object: &Map<String, Value>) -> Type {
    let bound = |word: &str| object.get(word).and_then(Bound::of);
    let least = [
        bound("minimum"),
        bound("exclusiveMinimum").map(Bound::above),
    ];
    let most = [
        bound("maximum"),
        bound("exclusiveMaximum").map(Bound::below),
    ];
    let least = least.into_iter().flatten().map(|it| it.up).max();
    let most = most.into_iter().flatten().map(|it| it.down).min();
    // Some languages have no other way to write 2^64 - 1.
    let full = i128::from(u64::MAX).saturating_add(1);
    let is_low = least.is_some_and(|least| least < i128::from(i64::MIN));
    let is_natural = least.is_some_and(|least| least >= 0);
    match most {
        Some(most) if most > full => Type::Json,
        _ if is_low => Type::Json,
        Some(most) if most > i128::from(i64::MAX) => {
            if is_natural {
                Type::U64
            } else {
                Type::Json
            }
        }
        _ => Type::S64,
    }
}

/// The integers around a bound; the same where it is one.
#[derive(Clone, Copy)]
struct Bound {
    down: i128,
    up: i128,
}

impl Bound {
    fn of(value: &Value) -> Option<Self> {
        let number = value.as_number()?;
        if let Some(whole) = numbers::integer(number) {
            return Some(Self {
                down: whole,
                up: whole,
            });
        }
        let float = number.as_f64()?;
        let rounded = |float: f64| {
            let beyond = if float < 0.0 { i128::MIN } else { i128::MAX };
            format!("{float:.0}").parse().unwrap_or(beyond)
        };
        Some(Self {
            down: rounded(float.floor()),
            up: rounded(float.ceil()),
        })
    }

    /// The bound of what is more.
    fn above(self) -> Self {
        let up = self.down.saturating_add(1);
        Self { up, ..self }
    }

    /// The bound of what is less.
    fn below(self) -> Self {
        let down = self.up.saturating_sub(1);
        Self { down, ..self }
    }
}

/// A length, `2` or `2.0`.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        format!("{float}").parse().ok()
    })
}
