//! The JSON Schema of each encoding.

use serde_json::{Map, Value as Json, json};

use super::encoding::{Alternatives, Encoding, Form, Members, ToldBy};
use super::types::{Integer, Said};
use crate::text::clean;

/// Longest prose of one type or field, in bytes.
const MAX_PROSE_BYTES: usize = 1_000;

/// A schema as an object.
type Schema = Map<String, Json>;

/// The schema of the absence of any value.
pub(super) fn nothing() -> Json {
    json!({"type": "null"})
}

impl Encoding {
    /// The schema that takes what a value of the type is in JSON. It takes nothing else,
    /// except integers that a float would round.
    pub(super) fn schema(&self) -> Json {
        let mut schema = self.form.schema();
        describe(&mut schema, &self.said);
        Json::Object(schema)
    }
}

impl Form {
    fn schema(&self) -> Schema {
        match self {
            // Not the empty schema: of values of a map, that says nothing at all.
            Self::Json => object(json!({"description": "Any JSON."})),
            Self::Bool => typed("boolean"),
            Self::Integer(integer) => {
                let (least, most) = bounds(*integer);
                object(json!({"type": "integer", "minimum": least, "maximum": most}))
            }
            Self::F32 => {
                let most = f64::from(f32::MAX);
                object(json!({"type": "number", "minimum": -most, "maximum": most}))
            }
            Self::F64 => typed("number"),
            Self::Char => object(json!({"type": "string", "minLength": 1, "maxLength": 1})),
            Self::String => typed("string"),
            Self::Nullable(inner) => or_null(inner),
            Self::Wrapped(inner) => object(json!({
                "anyOf": [only("some", inner.schema()), nothing()],
            })),
            Self::Array(item, None) => object(json!({"type": "array", "items": item.schema()})),
            Self::Array(item, Some(length)) => object(json!({
                "type": "array",
                "items": item.schema(),
                "minItems": length,
                "maxItems": length,
            })),
            Self::Map(value) => object(json!({
                "type": "object",
                "additionalProperties": value.schema(),
            })),
            Self::Tuple(items) if items.is_empty() => {
                object(json!({"type": "array", "maxItems": 0}))
            }
            Self::Tuple(items) => {
                let count = items.len();
                let items: Vec<Json> = items.iter().map(Encoding::schema).collect();
                object(json!({
                    "type": "array",
                    "prefixItems": items,
                    "items": false,
                    "minItems": count,
                    "maxItems": count,
                }))
            }
            Self::Record(members) => members.schema(),
            Self::Enum(names) => {
                let names: Vec<String> = names.names().collect();
                object(json!({"type": "string", "enum": names}))
            }
            Self::Flags(names) => {
                let flags = names.names().map(|name| (name, json!({"type": "boolean"})));
                closed(flags.collect(), names.names().collect())
            }
            Self::Variant(alternatives) => object(json!({"anyOf": alternatives.schemas()})),
            Self::Result { ok, error } => {
                let side =
                    |of: &Option<Box<Encoding>>| of.as_ref().map_or_else(nothing, |of| of.schema());
                object(json!({"anyOf": [only("ok", side(ok)), only("error", side(error))]}))
            }
        }
    }
}

impl Members {
    /// The schema of an object with these members and no others.
    pub(super) fn schema(&self) -> Schema {
        let mut properties = Schema::new();
        let mut required = Vec::new();
        for member in &self.each {
            let mut schema = member.of.form.schema();
            let said = Said {
                docs: member.docs.clone().or_else(|| member.of.said.docs.clone()),
                ..member.of.said.clone()
            };
            describe(&mut schema, &said);
            properties.insert(member.name.clone(), Json::Object(schema));
            if !member.is_optional {
                required.push(member.name.clone());
            }
        }
        closed(properties, required)
    }
}

impl Alternatives {
    fn schemas(&self) -> Vec<Json> {
        if let ToldBy::Value { .. } = &self.told_by {
            return self.each.iter().flatten().map(Encoding::schema).collect();
        }
        let cases = || self.names.names().zip(&self.each);
        let plain: Vec<String> = cases()
            .filter(|(_, of)| of.is_none())
            .map(|(name, _)| name)
            .collect();
        let plain = (!plain.is_empty()).then(|| only("tag", json!({"enum": plain})));
        let holding = cases().filter_map(|(name, of)| {
            let mut members = Schema::new();
            members.insert("tag".to_owned(), json!({"const": name}));
            members.insert("value".to_owned(), of.as_ref()?.schema());
            let all = vec!["tag".to_owned(), "value".to_owned()];
            Some(Json::Object(closed(members, all)))
        });
        plain.into_iter().chain(holding).collect()
    }
}

/// The schema, and `null`.
fn or_null(inner: &Encoding) -> Schema {
    let mut schema = inner.form.schema();
    describe(&mut schema, &inner.said);
    // Several types of one schema are read by more programs than alternatives are, but not
    // where one of them has members or constants.
    let is_simple = !schema.contains_key("enum");
    if let Some(Json::String(name)) = schema.get("type").filter(|_| is_simple)
        && name != "object"
    {
        let types = json!([name, "null"]);
        schema.insert("type".to_owned(), types);
        return schema;
    }
    object(json!({"anyOf": [schema, nothing()]}))
}

/// An object of one member.
fn only(name: &str, of: Json) -> Json {
    let mut members = Schema::new();
    members.insert(name.to_owned(), of);
    Json::Object(closed(members, vec![name.to_owned()]))
}

fn closed(properties: Schema, required: Vec<String>) -> Schema {
    object(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    }))
}

fn typed(name: &str) -> Schema {
    object(json!({ "type": name }))
}

fn object(schema: Json) -> Schema {
    match schema {
        Json::Object(members) => members,
        _ => Schema::new(),
    }
}

fn describe(schema: &mut Schema, said: &Said) {
    if let Some(label) = &said.label {
        let label = clean(label, super::MAX_LABEL_BYTES);
        schema.insert("title".to_owned(), Json::from(label));
    }
    let docs = said.docs.as_deref().unwrap_or_default();
    let docs = clean(docs.trim(), MAX_PROSE_BYTES);
    if !docs.is_empty() {
        schema.insert("description".to_owned(), Json::from(docs));
    }
}

fn bounds(integer: Integer) -> (Json, Json) {
    match integer {
        Integer::S8 => (i8::MIN.into(), i8::MAX.into()),
        Integer::S16 => (i16::MIN.into(), i16::MAX.into()),
        Integer::S32 => (i32::MIN.into(), i32::MAX.into()),
        Integer::S64 => (i64::MIN.into(), i64::MAX.into()),
        Integer::U8 => (u8::MIN.into(), u8::MAX.into()),
        Integer::U16 => (u16::MIN.into(), u16::MAX.into()),
        Integer::U32 => (u32::MIN.into(), u32::MAX.into()),
        Integer::U64 => (u64::MIN.into(), u64::MAX.into()),
    }
}
