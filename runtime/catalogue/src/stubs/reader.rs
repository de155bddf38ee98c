//! Reads a JSON Schema document into types, bounded and without cycles that no type can say.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shapes::{Field, Shapes, pascal};
use super::types::{MAX_LITERAL_BYTES, Type, literals, union};
use crate::arguments::null_is_left_out;
use crate::schema::{Parameter, follow, is_everything, properties};
use crate::text::clean;

/// Schema nodes read of one schema, and of all schemas of a namespace; what comes later is `Any`.
const MAX_NODES: usize = 5_000;
const MAX_ALL_NODES: usize = 1_000_000;

/// Named object types of one tool; further objects are open.
const MAX_SHAPES: usize = 300;

/// How deep types are spelled out; below, they are `Any`.
const MAX_DEPTH: usize = 24;

/// Alternatives of one union; more are `Any`.
const MAX_ALTERNATIVES: usize = 50;

/// What is said of one field, in bytes.
const MAX_FIELD_PROSE: usize = 1_000;

/// Reads one schema document.
pub(super) struct Reader<'a> {
    shapes: &'a mut Shapes,
    root: &'a Value,
    stem: String,
    is_input: bool,
    nodes_left: usize,
    shapes_left: usize,
    /// By pointer, what a `$ref` to it means.
    known: BTreeMap<String, Type>,
    /// Pointers that are being followed.
    following: Vec<String>,
}

/// Where in a document a schema stands.
#[derive(Clone, Copy)]
struct Position<'a> {
    /// What a shape there would be called.
    name: &'a str,
    /// The pointer that led there directly.
    pointer: Option<&'a str>,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        shapes: &'a mut Shapes,
        root: &'a Value,
        stem: String,
        is_input: bool,
    ) -> Self {
        let nodes_left = MAX_ALL_NODES.saturating_sub(shapes.nodes).min(MAX_NODES);
        Self {
            shapes,
            root,
            stem,
            is_input,
            nodes_left,
            shapes_left: MAX_SHAPES,
            known: BTreeMap::new(),
            following: Vec::new(),
        }
    }

    /// A whole document: the schema of an answer.
    pub(super) fn document(&mut self, schema: &'a Value) -> Type {
        let name = format!("{}Answer", self.stem);
        self.read(
            schema,
            Position {
                name: &name,
                pointer: Some(""),
                depth: 0,
            },
        )
        .unwrap_or(Type::Any)
    }

    /// The arguments: an object whatever the schema says, open if it says nothing.
    pub(super) fn arguments(&mut self, schema: &'a Value) -> usize {
        let name = format!("{}Arguments", self.stem);
        let index = self.shapes.add(&name, self.is_input);
        self.known.insert(String::new(), Type::Shape(index));
        let stem = self.stem.clone();
        self.fill(index, &[schema], &stem, 0);
        let says_nothing = schema.get("properties").is_none()
            && !matches!(schema.get("additionalProperties"), Some(Value::Bool(false)));
        if let Some(shape) = self.shapes.all.get_mut(index) {
            shape.fields.sort_by_key(|field| !field.required);
            let optional = shape.fields.iter_mut().filter(|field| !field.required);
            for field in optional {
                let declared = schema.get("properties").and_then(|it| it.get(&field.name));
                if declared.is_some_and(|declared| null_is_left_out(schema, declared)) {
                    field.of = union(vec![field.of.clone(), Type::Null]);
                }
            }
            if says_nothing && shape.others.is_none() {
                shape.others = Some(Type::Any);
            }
        }
        index
    }

    /// Nothing for a schema that no value fits.
    fn read(&mut self, schema: &'a Value, position: Position<'_>) -> Option<Type> {
        let object = match schema {
            Value::Object(object) => object,
            Value::Bool(false) => return None,
            _ => return Some(Type::Any),
        };
        let Some(left) = self.nodes_left.checked_sub(1) else {
            return Some(Type::Any);
        };
        self.nodes_left = left;
        self.shapes.nodes = self.shapes.nodes.saturating_add(1);
        if position.depth >= MAX_DEPTH {
            return Some(Type::Any);
        }
        let inside = Position {
            pointer: None,
            depth: position.depth.saturating_add(1),
            ..position
        };
        if let Some(pointer) = object.get("$ref") {
            return self.refer(pointer.as_str().unwrap_or_default(), object, inside);
        }
        if let Some(only) = object.get("const") {
            return Some(literals(std::slice::from_ref(only)));
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            return Some(literals(values));
        }
        if has_properties(schema) {
            let mut all = vec![self.shape(&[schema], position)];
            // An object, or `null`, or something else.
            if let Some(names) = object.get("type").and_then(Value::as_array) {
                let others = names.iter().filter_map(Value::as_str);
                let others = others.filter(|name| *name != "object");
                all.extend(others.map(|name| self.named(name, object, inside)));
            }
            return Some(union(all));
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(alternatives) = object.get(key).and_then(Value::as_array) {
                return self.any_of(alternatives, inside);
            }
        }
        if let Some(parts) = object.get("allOf").and_then(Value::as_array) {
            return self.all_of(parts, schema, position);
        }
        match object.get("type") {
            Some(Value::String(name)) => Some(self.named(name, object, inside)),
            // A cell of any kind: a script that reads it knows its type, a checker does not.
            Some(Value::Array(names)) if is_everything(names) => Some(Type::Any),
            Some(Value::Array(names)) => Some(union(
                names
                    .iter()
                    .map(|name| self.named(name.as_str().unwrap_or_default(), object, inside))
                    .collect(),
            )),
            _ if object.contains_key("items") => Some(self.named("array", object, inside)),
            _ => Some(Type::Any),
        }
    }

    /// What a reference means. One that leads back to itself without an object in between
    /// means `Any`.
    fn refer(
        &mut self,
        pointer: &str,
        object: &'a Map<String, Value>,
        position: Position<'_>,
    ) -> Option<Type> {
        let pointer = pointer.strip_prefix('#').unwrap_or(pointer);
        if let Some(known) = self.known.get(pointer) {
            // A type that is referred to twice, and those again, would double each time.
            let Some(left) = self.nodes_left.checked_sub(known.nodes()) else {
                return Some(Type::Any);
            };
            self.nodes_left = left;
            self.shapes.nodes = self.shapes.nodes.saturating_add(known.nodes());
            let known = known.clone();
            self.used(&known);
            return Some(known);
        }
        let Some(target) = follow(self.root, object) else {
            return Some(Type::Any);
        };
        if self.following.iter().any(|open| open == pointer) {
            return Some(Type::Any);
        }
        let last = pointer.rsplit('/').next().unwrap_or_default();
        let name = format!("{}{}", self.stem, pascal(last));
        self.following.push(pointer.to_owned());
        let read = self.read(
            target,
            Position {
                name: &name,
                pointer: Some(pointer),
                ..position
            },
        );
        self.following.pop();
        if let Some(read) = &read {
            self.known.insert(pointer.to_owned(), read.clone());
        }
        read
    }

    fn any_of(&mut self, alternatives: &'a [Value], position: Position<'_>) -> Option<Type> {
        if alternatives.len() > MAX_ALTERNATIVES {
            return Some(Type::Any);
        }
        let read: Vec<Type> = alternatives
            .iter()
            .filter_map(|alternative| self.read(alternative, position))
            .collect();
        (!read.is_empty()).then(|| union(read))
    }

    /// One part is that part; objects become one object; anything else is not said.
    fn all_of(
        &mut self,
        parts: &'a [Value],
        own: &'a Value,
        position: Position<'_>,
    ) -> Option<Type> {
        if let [only] = parts {
            return self.read(
                only,
                Position {
                    depth: position.depth.saturating_add(1),
                    ..position
                },
            );
        }
        let mut objects = vec![own];
        for part in parts.iter().take(MAX_ALTERNATIVES) {
            let mut part = part;
            for _ in 0..MAX_DEPTH {
                match part.as_object().filter(|it| it.contains_key("$ref")) {
                    Some(reference) => match follow(self.root, reference) {
                        Some(target) => part = target,
                        None => return Some(Type::Any),
                    },
                    None => break,
                }
            }
            if !has_properties(part) {
                return Some(Type::Any);
            }
            objects.push(part);
        }
        Some(self.shape(&objects, position))
    }

    fn named(
        &mut self,
        name: &str,
        object: &'a Map<String, Value>,
        position: Position<'_>,
    ) -> Type {
        match name {
            "string" => Type::Text,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "null" => Type::Null,
            "array" => Type::List(Box::new(self.items(object, position))),
            "object" => Type::Map(Box::new(self.others(object, position).unwrap_or(Type::Any))),
            _ => Type::Any,
        }
    }

    fn items(&mut self, object: &'a Map<String, Value>, position: Position<'_>) -> Type {
        let name = format!("{}Item", position.name);
        let position = Position {
            name: &name,
            ..position
        };
        let first = object.get("prefixItems").and_then(Value::as_array);
        let rest = object.get("items");
        match (first, rest) {
            (None, Some(items)) => self.read(items, position).unwrap_or(Type::Any),
            (Some(first), Some(Value::Bool(false)) | None) if !first.is_empty() => {
                self.any_of(first, position).unwrap_or(Type::Any)
            }
            _ => Type::Any,
        }
    }

    /// What an object holds beside its properties; nothing where it says nothing.
    fn others(&mut self, object: &'a Map<String, Value>, position: Position<'_>) -> Option<Type> {
        if object.contains_key("patternProperties") {
            return Some(Type::Any);
        }
        let name = format!("{}Value", position.name);
        let position = Position {
            name: &name,
            ..position
        };
        self.read(object.get("additionalProperties")?, position)
    }

    fn shape(&mut self, objects: &[&'a Value], position: Position<'_>) -> Type {
        let Some(left) = self.shapes_left.checked_sub(1) else {
            return Type::Map(Box::new(Type::Any));
        };
        self.shapes_left = left;
        let index = self.shapes.add(position.name, self.is_input);
        let shape = Type::Shape(index);
        self.used(&shape);
        // Before its fields, which may refer to it.
        if let Some(pointer) = position.pointer {
            self.known.insert(pointer.to_owned(), shape.clone());
        }
        self.fill(index, objects, position.name, position.depth);
        shape
    }

    /// Gives a shape the properties of some objects.
    fn fill(&mut self, index: usize, objects: &[&'a Value], stem: &str, depth: usize) {
        let mut fields: Vec<Field> = Vec::new();
        let mut others = None;
        for object in objects {
            let kept = properties(object);
            let declared = object.get("properties").and_then(Value::as_object);
            let is_cut = declared.is_some_and(|declared| declared.len() > kept.len());
            for parameter in kept {
                let known = fields.iter_mut().find(|field| field.name == parameter.name);
                match known {
                    Some(known) => known.required |= parameter.required,
                    None => fields.extend(self.field(&parameter, stem, depth)),
                }
            }
            let position = Position {
                name: stem,
                pointer: None,
                depth: depth.saturating_add(1),
            };
            let more = match object.as_object() {
                _ if is_cut => Some(Type::Any),
                Some(object) => self.others(object, position),
                None => None,
            };
            others = match (others, more) {
                (None, more) => more,
                (others, None) => others,
                (Some(one), Some(other)) => Some(union(vec![one, other])),
            };
        }
        if let Some(shape) = self.shapes.all.get_mut(index) {
            shape.fields = fields;
            shape.others = others;
        }
    }

    fn field(&mut self, parameter: &Parameter<'a>, stem: &str, depth: usize) -> Option<Field> {
        let name = format!("{stem}{}", pascal(parameter.name));
        let position = Position {
            name: &name,
            pointer: None,
            depth: depth.saturating_add(1),
        };
        let of = self.read(parameter.schema, position)?;
        Some(Field {
            name: parameter.name.to_owned(),
            of,
            required: parameter.required,
            prose: prose(parameter.schema),
        })
    }

    fn used(&mut self, of: &Type) {
        if let Type::Shape(index) = of
            && let Some(shape) = self.shapes.all.get_mut(*index)
        {
            shape.is_used = true;
        }
    }
}

fn has_properties(schema: &Value) -> bool {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(|declared| !declared.is_empty())
}

/// What a schema says of its field, with the default.
fn prose(schema: &Value) -> String {
    let said = schema.get("description").and_then(Value::as_str);
    let mut prose = clean(said.unwrap_or_default(), MAX_FIELD_PROSE)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        let shown = clean(&default.to_string(), MAX_LITERAL_BYTES).replace('\n', " ");
        if !prose.is_empty() {
            prose.push(' ');
        }
        prose.push_str(&format!("(default: {shown})"));
    }
    prose
}
