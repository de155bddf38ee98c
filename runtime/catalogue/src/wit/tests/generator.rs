//! Schemas, instances of them and values of types, from choices.

use serde_json::{Map, Value as Json, json};

use super::super::{Body, Interface, Record, Type, Value};
use super::choices::Choices;

const NAMES: [&str; 14] = [
    "id",
    "user_id",
    "userId",
    "user-id",
    "name",
    "",
    "list",
    "others",
    "日本",
    "a\"b",
    "type",
    "JSON: \"x\"",
    "2",
    "\u{202E}",
];

pub(super) const TEXTS: [&str; 8] = [
    "",
    "a",
    "ASC",
    "asc",
    "null",
    "{}",
    "\u{0}\u{10FFFF}",
    "\"\\\n",
];

/// A schema. `defs` names what it may refer to.
pub(super) fn schema(choices: &mut Choices, depth: usize, defs: &[&str]) -> Json {
    let leaves = 9;
    match choices.below(if depth == 0 { leaves } else { 22 }) {
        0 => json!({"type": "boolean"}),
        1 => json!({"type": "integer"}),
        2 => json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
        3 => json!({"type": "number"}),
        4 => json!({"type": "string"}),
        5 => json!({"enum": constants(choices)}),
        6 => json!({"const": constant(choices)}),
        7 => match choices.below(3) {
            0 => json!({}),
            1 => json!({"type": "object"}),
            _ => json!({"type": "null"}),
        },
        8 => json!({"type": ["string", "null"]}),
        9 | 10 => json!({"type": "array", "items": schema(choices, depth - 1, defs)}),
        11 => {
            let items: Vec<Json> = (0..1 + choices.below(3))
                .map(|_| schema(choices, depth - 1, defs))
                .collect();
            json!({
                "type": "array", "minItems": items.len(), "maxItems": items.len(), "prefixItems": items,
            })
        }
        12..=15 => object(choices, depth, defs),
        16 => json!({"type": "object", "additionalProperties": schema(choices, depth - 1, defs)}),
        17 => {
            let alternatives: Vec<Json> = (0..1 + choices.below(4))
                .map(|_| schema(choices, depth - 1, defs))
                .collect();
            json!({"anyOf": alternatives})
        }
        18 => {
            let alternatives: Vec<Json> = ["circle", "square", "line"]
                .iter()
                .take(1 + choices.below(3))
                .map(|kind| {
                    let mut object = object(choices, depth, defs);
                    object["properties"]["kind"] = json!({"const": kind});
                    object["required"]
                        .as_array_mut()
                        .unwrap()
                        .push(json!("kind"));
                    object
                })
                .collect();
            json!({"oneOf": alternatives})
        }
        19 => json!({"allOf": [schema(choices, depth - 1, defs)], "description": "JSON: 1"}),
        20 if !defs.is_empty() => json!({"$ref": format!("#/$defs/{}", choices.pick(defs))}),
        20 => json!({"type": ["array", "integer", "null"], "items": {"type": "string"}}),
        _ => json!({"anyOf": [schema(choices, depth - 1, defs), {"type": "null"}]}),
    }
}

pub(super) fn object(choices: &mut Choices, depth: usize, defs: &[&str]) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let is_flags = choices.chance(15);
    for _ in 0..choices.below(5) + 2 * usize::from(is_flags) {
        let name = *choices.pick(&NAMES);
        let of = if is_flags {
            json!({"type": "boolean"})
        } else {
            schema(choices, depth.saturating_sub(1), defs)
        };
        if is_flags || choices.chance(60) {
            required.push(name);
        }
        properties.insert(name.to_owned(), of);
    }
    required.sort_unstable();
    required.dedup();
    let mut object = json!({"type": "object", "properties": properties, "required": required});
    match choices.below(4) {
        _ if is_flags => object["additionalProperties"] = json!(false),
        0 => object["additionalProperties"] = json!(false),
        1 => object["additionalProperties"] = json!(true),
        2 => object["additionalProperties"] = schema(choices, depth.saturating_sub(1), defs),
        _ => {}
    }
    object
}

fn constants(choices: &mut Choices) -> Vec<Json> {
    let mut all: Vec<Json> = (0..1 + choices.below(5))
        .map(|_| constant(choices))
        .collect();
    all.dedup();
    all
}

fn constant(choices: &mut Choices) -> Json {
    match choices.below(9) {
        0 => Json::Null,
        1 => json!(choices.chance(50)),
        2 => json!(choices.integer()),
        3 => json!(*choices.pick(&[1.0, 1.5, -0.0, 1e300])),
        _ => json!(*choices.pick(&TEXTS)),
    }
}

/// Any JSON.
pub(super) fn any(choices: &mut Choices, depth: usize) -> Json {
    match choices.below(if depth == 0 { 5 } else { 7 }) {
        0 => Json::Null,
        1 => json!(choices.chance(50)),
        2 => json!(choices.integer()),
        3 => json!(choices.float()),
        4 => json!(*choices.pick(&TEXTS)),
        5 => (0..choices.below(3))
            .map(|_| any(choices, depth - 1))
            .collect(),
        _ => (0..choices.below(3))
            .map(|_| ((*choices.pick(&NAMES)).to_owned(), any(choices, depth - 1)))
            .collect(),
    }
}

/// An instance of a schema that [`schema`] made, without members that it does not mention
/// unless it says of what type they are. `null` where it would never end.
pub(super) fn instance(choices: &mut Choices, root: &Json, schema: &Json, depth: isize) -> Json {
    if depth < -20 {
        return Json::Null;
    }
    if let Some(pointer) = schema.get("$ref").and_then(Json::as_str) {
        let target = root.pointer(pointer.strip_prefix('#').unwrap()).unwrap();
        return instance(choices, root, target, depth - 1);
    }
    if let Some(only) = schema.get("const") {
        return only.clone();
    }
    for word in ["enum", "anyOf", "oneOf", "allOf"] {
        if let Some(all) = schema.get(word).and_then(Json::as_array) {
            let one = choices.pick(all);
            return match word {
                "enum" => one.clone(),
                _ => instance(choices, root, one, depth),
            };
        }
    }
    let name = match schema.get("type") {
        Some(Json::Array(names)) => choices.pick(names).as_str().unwrap(),
        Some(name) => name.as_str().unwrap(),
        None => return any(choices, 2),
    };
    let many = if depth <= 0 { 1 } else { 4 };
    match name {
        "null" => Json::Null,
        "boolean" => json!(choices.chance(50)),
        "integer" if schema.get("maximum").is_some() => json!(choices.next()),
        "integer" => {
            if choices.chance(10) {
                json!(f64::from(i32::try_from(choices.below(1_000)).unwrap()))
            } else {
                json!(choices.integer())
            }
        }
        "number" => {
            if choices.chance(30) {
                json!(choices.below(1_000_000))
            } else {
                json!(choices.float())
            }
        }
        "string" => json!(*choices.pick(&TEXTS)),
        "array" => match schema.get("prefixItems").and_then(Json::as_array) {
            Some(items) => items
                .iter()
                .map(|item| instance(choices, root, item, depth - 1))
                .collect(),
            None => (0..choices.below(many))
                .map(|_| instance(choices, root, &schema["items"], depth - 1))
                .collect(),
        },
        _ => members(choices, root, schema, depth),
    }
}

fn members(choices: &mut Choices, root: &Json, schema: &Json, depth: isize) -> Json {
    let below = depth - 1;
    let mut members = Map::new();
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Json::as_object)
        .unwrap_or(&empty);
    let required = schema.get("required").and_then(Json::as_array);
    for (name, of) in properties {
        let is_required = required.is_some_and(|it| it.contains(&json!(name)));
        if is_required || depth > 0 && choices.chance(50) {
            members.insert(name.clone(), instance(choices, root, of, below));
        }
    }
    let more = match schema.get("additionalProperties") {
        Some(Json::Bool(false)) => return Json::Object(members),
        Some(more) => Some(more),
        // Whatever comes is kept where nothing is declared.
        None if properties.is_empty() && schema.get("properties").is_none() => Some(&Json::Null),
        None => None,
    };
    if let Some(more) = more.filter(|_| depth > 0) {
        for _ in 0..choices.below(3) {
            let name = format!("{}+", choices.pick(&NAMES));
            let value = match more {
                Json::Object(_) => instance(choices, root, more, below),
                _ => any(choices, 1),
            };
            members.insert(name, value);
        }
    }
    Json::Object(members)
}

/// A value of a type.
pub(super) fn value(choices: &mut Choices, interface: &Interface, of: &Type) -> Value {
    match of {
        Type::Json => Value::String(any(choices, 2).to_string()),
        Type::Bool => Value::Bool(choices.chance(50)),
        Type::S64 => Value::S64(choices.integer()),
        Type::U64 => Value::U64(choices.next()),
        Type::F64 => Value::F64(choices.float()),
        Type::String => Value::String((*choices.pick(&TEXTS)).to_owned()),
        Type::Option(inner) => Value::Option(
            choices
                .chance(50)
                .then(|| Box::new(value(choices, interface, inner))),
        ),
        Type::List(item) => Value::List(
            (0..choices.below(3))
                .map(|_| value(choices, interface, item))
                .collect(),
        ),
        Type::Tuple(items) => Value::Tuple(
            items
                .iter()
                .map(|item| value(choices, interface, item))
                .collect(),
        ),
        Type::Map(of) => pairs(choices, interface, of),
        Type::Named(place) => match &interface.definition(*place).unwrap().body {
            Body::Record(record) => Value::Record(fields(choices, interface, record)),
            Body::Variant { cases, .. } => {
                let case = choices.pick(cases);
                let held = value(choices, interface, &case.of);
                Value::Variant(case.label.clone(), Some(Box::new(held)))
            }
            Body::Enum(constants) => Value::Enum(choices.pick(constants).label.clone()),
            Body::Flags(flags) => Value::Flags(
                flags
                    .iter()
                    .filter(|_| choices.chance(50))
                    .map(|flag| flag.label.clone())
                    .collect(),
            ),
        },
    }
}

/// A value for each field of a record.
pub(super) fn fields(
    choices: &mut Choices,
    interface: &Interface,
    record: &Record,
) -> Vec<(String, Value)> {
    let mut fields: Vec<(String, Value)> = record
        .members
        .iter()
        .map(|member| {
            let field = if member.is_required {
                value(choices, interface, &member.of)
            } else {
                let of = Type::Option(Box::new(member.of.clone()));
                value(choices, interface, &of)
            };
            (member.label.clone(), field)
        })
        .collect();
    if let Some(others) = &record.others {
        fields.push((others.label.clone(), pairs(choices, interface, &others.of)));
    }
    fields
}

fn pairs(choices: &mut Choices, interface: &Interface, of: &Type) -> Value {
    Value::List(
        (0..choices.below(3))
            .map(|n| {
                let name = Value::String(format!("{}+{n}", choices.pick(&NAMES)));
                Value::Tuple(vec![name, value(choices, interface, of)])
            })
            .collect(),
    )
}
