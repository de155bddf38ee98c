//! Schemas, instances of them and values of types, from a seed.

use serde_json::{Map, Value as Json, json};

use super::super::{Body, Interface, Record, Type, Value};

/// SplitMix64, by Sebastiano Vigna: small, and the same everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(super) fn integer(&mut self) -> i64 {
        let bits = self.below(64);
        i64::from_le_bytes(self.next().to_le_bytes()) >> bits
    }

    pub(super) fn float(&mut self) -> f64 {
        loop {
            let float = match self.below(3) {
                0 => f64::from_bits(self.next()),
                1 => f64::from(i32::try_from(self.below(2_000)).unwrap() - 1_000) / 8.0,
                _ => f64::from(i32::try_from(self.below(1_000)).unwrap()),
            };
            if float.is_finite() {
                return float;
            }
        }
    }
}

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
pub(super) fn schema(random: &mut Random, depth: usize, defs: &[&str]) -> Json {
    let leaves = 9;
    match random.below(if depth == 0 { leaves } else { 22 }) {
        0 => json!({"type": "boolean"}),
        1 => json!({"type": "integer"}),
        2 => json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
        3 => json!({"type": "number"}),
        4 => json!({"type": "string"}),
        5 => json!({"enum": constants(random)}),
        6 => json!({"const": constant(random)}),
        7 => match random.below(3) {
            0 => json!({}),
            1 => json!({"type": "object"}),
            _ => json!({"type": "null"}),
        },
        8 => json!({"type": ["string", "null"]}),
        9 | 10 => json!({"type": "array", "items": schema(random, depth - 1, defs)}),
        11 => {
            let items: Vec<Json> = (0..1 + random.below(3))
                .map(|_| schema(random, depth - 1, defs))
                .collect();
            json!({
                "type": "array", "minItems": items.len(), "maxItems": items.len(), "prefixItems": items,
            })
        }
        12..=15 => object(random, depth, defs),
        16 => json!({"type": "object", "additionalProperties": schema(random, depth - 1, defs)}),
        17 => {
            let alternatives: Vec<Json> = (0..1 + random.below(4))
                .map(|_| schema(random, depth - 1, defs))
                .collect();
            json!({"anyOf": alternatives})
        }
        18 => {
            let alternatives: Vec<Json> = ["circle", "square", "line"]
                .iter()
                .take(1 + random.below(3))
                .map(|kind| {
                    let mut object = object(random, depth, defs);
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
        19 => json!({"allOf": [schema(random, depth - 1, defs)], "description": "JSON: 1"}),
        20 if !defs.is_empty() => json!({"$ref": format!("#/$defs/{}", random.pick(defs))}),
        20 => json!({"type": ["array", "integer", "null"], "items": {"type": "string"}}),
        _ => json!({"anyOf": [schema(random, depth - 1, defs), {"type": "null"}]}),
    }
}

pub(super) fn object(random: &mut Random, depth: usize, defs: &[&str]) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let is_flags = random.chance(15);
    for _ in 0..random.below(5) + 2 * usize::from(is_flags) {
        let name = *random.pick(&NAMES);
        let of = if is_flags {
            json!({"type": "boolean"})
        } else {
            schema(random, depth.saturating_sub(1), defs)
        };
        if is_flags || random.chance(60) {
            required.push(name);
        }
        properties.insert(name.to_owned(), of);
    }
    required.sort_unstable();
    required.dedup();
    let mut object = json!({"type": "object", "properties": properties, "required": required});
    match random.below(4) {
        _ if is_flags => object["additionalProperties"] = json!(false),
        0 => object["additionalProperties"] = json!(false),
        1 => object["additionalProperties"] = json!(true),
        2 => object["additionalProperties"] = schema(random, depth.saturating_sub(1), defs),
        _ => {}
    }
    object
}

fn constants(random: &mut Random) -> Vec<Json> {
    let mut all: Vec<Json> = (0..1 + random.below(5)).map(|_| constant(random)).collect();
    all.dedup();
    all
}

fn constant(random: &mut Random) -> Json {
    match random.below(9) {
        0 => Json::Null,
        1 => json!(random.chance(50)),
        2 => json!(random.integer()),
        3 => json!(*random.pick(&[1.0, 1.5, -0.0, 1e300])),
        _ => json!(*random.pick(&TEXTS)),
    }
}

/// Any JSON.
pub(super) fn any(random: &mut Random, depth: usize) -> Json {
    match random.below(if depth == 0 { 5 } else { 7 }) {
        0 => Json::Null,
        1 => json!(random.chance(50)),
        2 => json!(random.integer()),
        3 => json!(random.float()),
        4 => json!(*random.pick(&TEXTS)),
        5 => (0..random.below(3))
            .map(|_| any(random, depth - 1))
            .collect(),
        _ => (0..random.below(3))
            .map(|_| ((*random.pick(&NAMES)).to_owned(), any(random, depth - 1)))
            .collect(),
    }
}

/// An instance of a schema that [`schema`] made, without members that it does not mention
/// unless it says of what type they are. `null` where it would never end.
pub(super) fn instance(random: &mut Random, root: &Json, schema: &Json, depth: isize) -> Json {
    if depth < -20 {
        return Json::Null;
    }
    if let Some(pointer) = schema.get("$ref").and_then(Json::as_str) {
        let target = root.pointer(pointer.strip_prefix('#').unwrap()).unwrap();
        return instance(random, root, target, depth - 1);
    }
    if let Some(only) = schema.get("const") {
        return only.clone();
    }
    for word in ["enum", "anyOf", "oneOf", "allOf"] {
        if let Some(all) = schema.get(word).and_then(Json::as_array) {
            let one = random.pick(all);
            return match word {
                "enum" => one.clone(),
                _ => instance(random, root, one, depth),
            };
        }
    }
    let name = match schema.get("type") {
        Some(Json::Array(names)) => random.pick(names).as_str().unwrap(),
        Some(name) => name.as_str().unwrap(),
        None => return any(random, 2),
    };
    let many = if depth <= 0 { 1 } else { 4 };
    match name {
        "null" => Json::Null,
        "boolean" => json!(random.chance(50)),
        "integer" if schema.get("maximum").is_some() => json!(random.next()),
        "integer" => {
            if random.chance(10) {
                json!(f64::from(i32::try_from(random.below(1_000)).unwrap()))
            } else {
                json!(random.integer())
            }
        }
        "number" => {
            if random.chance(30) {
                json!(random.below(1_000_000))
            } else {
                json!(random.float())
            }
        }
        "string" => json!(*random.pick(&TEXTS)),
        "array" => match schema.get("prefixItems").and_then(Json::as_array) {
            Some(items) => items
                .iter()
                .map(|item| instance(random, root, item, depth - 1))
                .collect(),
            None => (0..random.below(many))
                .map(|_| instance(random, root, &schema["items"], depth - 1))
                .collect(),
        },
        _ => members(random, root, schema, depth),
    }
}

fn members(random: &mut Random, root: &Json, schema: &Json, depth: isize) -> Json {
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
        if is_required || depth > 0 && random.chance(50) {
            members.insert(name.clone(), instance(random, root, of, below));
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
        for _ in 0..random.below(3) {
            let name = format!("{}+", random.pick(&NAMES));
            let value = match more {
                Json::Object(_) => instance(random, root, more, below),
                _ => any(random, 1),
            };
            members.insert(name, value);
        }
    }
    Json::Object(members)
}

/// A value of a type.
pub(super) fn value(random: &mut Random, interface: &Interface, of: &Type) -> Value {
    match of {
        Type::Json => Value::String(any(random, 2).to_string()),
        Type::Bool => Value::Bool(random.chance(50)),
        Type::S64 => Value::S64(random.integer()),
        Type::U64 => Value::U64(random.next()),
        Type::F64 => Value::F64(random.float()),
        Type::String => Value::String((*random.pick(&TEXTS)).to_owned()),
        Type::Option(inner) => Value::Option(
            random
                .chance(50)
                .then(|| Box::new(value(random, interface, inner))),
        ),
        Type::List(item) => Value::List(
            (0..random.below(3))
                .map(|_| value(random, interface, item))
                .collect(),
        ),
        Type::Tuple(items) => Value::Tuple(
            items
                .iter()
                .map(|item| value(random, interface, item))
                .collect(),
        ),
        Type::Map(of) => pairs(random, interface, of),
        Type::Named(place) => match &interface.definition(*place).unwrap().body {
            Body::Record(record) => Value::Record(fields(random, interface, record)),
            Body::Variant { cases, .. } => {
                let case = random.pick(cases);
                let held = value(random, interface, &case.of);
                Value::Variant(case.label.clone(), Some(Box::new(held)))
            }
            Body::Enum(constants) => Value::Enum(random.pick(constants).label.clone()),
            Body::Flags(flags) => Value::Flags(
                flags
                    .iter()
                    .filter(|_| random.chance(50))
                    .map(|flag| flag.label.clone())
                    .collect(),
            ),
        },
    }
}

/// A value for each field of a record.
pub(super) fn fields(
    random: &mut Random,
    interface: &Interface,
    record: &Record,
) -> Vec<(String, Value)> {
    let mut fields: Vec<(String, Value)> = record
        .members
        .iter()
        .map(|member| {
            let field = if member.is_required {
                value(random, interface, &member.of)
            } else {
                let of = Type::Option(Box::new(member.of.clone()));
                value(random, interface, &of)
            };
            (member.label.clone(), field)
        })
        .collect();
    if let Some(others) = &record.others {
        fields.push((others.label.clone(), pairs(random, interface, &others.of)));
    }
    fields
}

fn pairs(random: &mut Random, interface: &Interface, of: &Type) -> Value {
    Value::List(
        (0..random.below(3))
            .map(|n| {
                let name = Value::String(format!("{}+{n}", random.pick(&NAMES)));
                Value::Tuple(vec![name, value(random, interface, of)])
            })
            .collect(),
    )
}
