//! The model as JSON, for converters in other languages: `guest-adapters/built`.
//!
//! An interface is `{"namespace", "import", "definitions": [..], "functions": [..]}`.
//!
//! - A function is `{"name", "label", "arguments", "answer"}`: its tool's own name, a record or
//!   `null` for a tool that takes the whole object as JSON text, and a type.
//! - A type is `"json"`, `"bool"`, `"s64"`, `"u64"`, `"f64"`, `"string"`, or an object with one
//!   member: `{"option": type}`, `{"list": type}`, `{"map": type}`, `{"tuple": [type, ..]}`,
//!   `{"named": place}`.
//! - A definition is `{"label", "record"}`, `{"label", "variant": [case, ..], "tag"}`,
//!   `{"label", "enum": [{"label", "json"}, ..]}` or `{"label", "flags": [{"label", "name"}, ..]}`.
//! - A record is `{"members": [{"label", "name", "of", "required"}, ..], "others", "open"}`, where
//!   `others` is `{"label", "of"}` or `null`.
//! - A case is `{"label", "of", "takes": ["null" | "boolean" | "number" | "text" | "array" |
//!   "object", ..], "when": [constant, ..] or null}`. A value is of the first case that takes its
//!   kind; an object, where the variant has a tag, of the first of these that has the value of
//!   that member among its constants.

use serde_json::{Value, json};

use super::kinds::Kinds;
use super::model::{Arguments, Body, Case, Definition, Function, Interface, Record, Type};

impl Interface {
    /// The interface as JSON.
    pub fn layout(&self) -> Value {
        let definitions: Vec<Value> = self
            .definitions
            .iter()
            .map(|it| self.layout_of(it))
            .collect();
        let functions: Vec<Value> = self.functions.iter().map(function).collect();
        json!({
            "namespace": self.namespace,
            "import": self.import_name(),
            "definitions": definitions,
            "functions": functions,
        })
    }

    /// What components import it by.
    pub fn import_name(&self) -> String {
        format!("tools:{0}/{0}@0.1.0", self.label)
    }

    fn layout_of(&self, definition: &Definition) -> Value {
        let label = &definition.label;
        match &definition.body {
            Body::Record(it) => json!({"label": label, "record": record(it)}),
            Body::Variant { cases, tag } => {
                let cases: Vec<Value> = cases
                    .iter()
                    .map(|case| self.case(case, tag.as_deref()))
                    .collect();
                json!({"label": label, "variant": cases, "tag": tag})
            }
            Body::Enum(constants) => {
                let constants: Vec<Value> = constants
                    .iter()
                    .map(|it| json!({"label": it.label, "json": it.literal.to_json()}))
                    .collect();
                json!({"label": label, "enum": constants})
            }
            Body::Flags(flags) => {
                let flags: Vec<Value> = flags
                    .iter()
                    .map(|it| json!({"label": it.label, "name": it.name}))
                    .collect();
                json!({"label": label, "flags": flags})
            }
        }
    }

    fn case(&self, case: &Case, tag: Option<&str>) -> Value {
        let body = |place: usize| self.definition(place).map(|it| &it.body);
        let when: Option<Vec<Value>> = tag
            .and_then(|tag| self.constants(&case.of, tag))
            .map(|constants| constants.iter().map(|it| it.literal.to_json()).collect());
        json!({
            "label": case.label,
            "of": of(&case.of),
            "takes": Kinds::of(&case.of, &body).names(),
            "when": when,
        })
    }
}

fn function(function: &Function) -> Value {
    let arguments = match &function.arguments {
        Arguments::Members(members) => record(members),
        Arguments::Whole => Value::Null,
    };
    json!({
        "name": function.name,
        "label": function.label,
        "arguments": arguments,
        "answer": of(&function.answer),
    })
}

fn record(record: &Record) -> Value {
    let members: Vec<Value> = record
        .members
        .iter()
        .map(|it| {
            json!({
                "label": it.label,
                "name": it.name,
                "of": of(&it.of),
                "required": it.is_required,
            })
        })
        .collect();
    let others = record
        .others
        .as_ref()
        .map(|others| json!({"label": others.label, "of": of(&others.of)}));
    json!({"members": members, "others": others, "open": record.is_open})
}

fn of(wanted: &Type) -> Value {
    match wanted {
        Type::Json => json!("json"),
        Type::Bool => json!("bool"),
        Type::S64 => json!("s64"),
        Type::U64 => json!("u64"),
        Type::F64 => json!("f64"),
        Type::String => json!("string"),
        Type::Option(inner) => json!({"option": of(inner)}),
        Type::List(item) => json!({"list": of(item)}),
        Type::Map(value) => json!({"map": of(value)}),
        Type::Tuple(items) => {
            let items: Vec<Value> = items.iter().map(of).collect();
            json!({"tuple": items})
        }
        Type::Named(place) => json!({"named": place}),
    }
}
