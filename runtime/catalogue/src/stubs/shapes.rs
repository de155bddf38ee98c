//! From JSON Schema to types that both languages can say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::arguments::null_is_left_out;
use crate::schema::{Parameter, follow, is_everything, properties};
use crate::text::clean;
use crate::tool::Tool;

/// Schema nodes read for one tool; what comes later is `Any`.
const MAX_NODES: usize = 5_000;

/// Named object types of one tool; further objects are open.
const MAX_SHAPES: usize = 300;

/// How deep types are spelled out; below, they are `Any`.
const MAX_DEPTH: usize = 24;

/// Literals of one `enum`; a longer one is of the type of its values.
const MAX_LITERALS: usize = 200;

/// Longest literal, in bytes.
const MAX_LITERAL_BYTES: usize = 200;

/// Alternatives of one union; more are `Any`.
const MAX_ALTERNATIVES: usize = 50;

/// What is said of one field, in bytes.
const MAX_FIELD_PROSE: usize = 1_000;

/// Longest name of a type before it is told apart, in bytes.
const MAX_TYPE_NAME: usize = 100;

/// A type of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Any,
    Null,
    Boolean,
    Integer,
    Number,
    Text,
    /// One of these scalars: at least one, each once.
    Literals(Vec<Literal>),
    List(Box<Type>),
    /// Texts to values.
    Map(Box<Type>),
    /// At least two, each once, none of them `Any` or a union.
    Union(Vec<Type>),
    /// An object type of this index.
    Shape(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Integer(String),
    Text(String),
}

/// An object type with a name.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// ASCII, begins with a capital, unique in its namespace.
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    /// The type of what else it may hold.
    pub(super) others: Option<Type>,
    /// Whether values of it are given to tools, or come from them.
    pub(super) is_input: bool,
    /// Whether some type refers to it; arguments may only be spelled out in calls.
    pub(super) is_used: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) of: Type,
    pub(super) required: bool,
    /// Cleaned, may be empty.
    pub(super) prose: String,
}

/// The types of one tool.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// The shape of its arguments, required fields first.
    pub(super) arguments: usize,
    pub(super) answer: Type,
}

/// The object types of one namespace.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) all: Vec<Shape>,
    names: BTreeSet<String>,
    times: BTreeMap<String, usize>,
}

impl Shapes {
    /// None yet, and none will have one of these names.
    pub(super) fn avoiding(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            all: Vec::new(),
            names: names.into_iter().collect(),
            times: BTreeMap::new(),
        }
    }

    /// Reads the schemas of a tool.
    pub(super) fn read(&mut self, attribute: &str, tool: &Tool) -> Typed {
        let stem = pascal(attribute);
        let input = tool.input_schema();
        let mut reader = Reader::new(self, input, stem.clone(), true);
        let arguments = reader.arguments(input);
        let declared = tool.output_schema().or(tool.learned_output());
        let answer = declared.map_or(Type::Any, |schema| {
            Reader::new(self, schema, stem, false).document(schema)
        });
        Typed { arguments, answer }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Shape> {
        self.all.get(index)
    }

    /// A new shape without fields.
    fn add(&mut self, wanted: &str, is_input: bool) -> usize {
        let mut wanted = wanted.to_owned();
        wanted.truncate(MAX_TYPE_NAME);
        // Where the last search for this name ended: many may want the same.
        let last = self.times.entry(wanted.clone()).or_default();
        let name = loop {
            *last = last.saturating_add(1);
            let name = match *last {
                1 => wanted.clone(),
                number => format!("{wanted}_{number}"),
            };
            if !RESERVED.contains(&name.as_str()) && !self.names.contains(&name) {
                break name;
            }
        };
        self.names.insert(name.clone());
        self.all.push(Shape {
            name,
            fields: Vec::new(),
            others: None,
            is_input,
            is_used: false,
        });
        self.all.len().saturating_sub(1)
    }
}

/// Types that TypeScript's stubs mean by these names.
const RESERVED: [&str; 3] = ["Array", "Promise", "Record"];

/// Reads one schema document.
struct Reader<'a> {
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

/// A schema in its place.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// What a shape there would be called.
    name: &'a str,
    /// The pointer that led there directly.
    pointer: Option<&'a str>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(shapes: &'a mut Shapes, root: &'a Value, stem: String, is_input: bool) -> Self {
        Self {
            shapes,
            root,
            stem,
            is_input,
            nodes_left: MAX_NODES,
            shapes_left: MAX_SHAPES,
            known: BTreeMap::new(),
            following: Vec::new(),
        }
    }

    /// A whole document: the schema of an answer.
    fn document(&mut self, schema: &'a Value) -> Type {
        let name = format!("{}Answer", self.stem);
        self.read(
            schema,
            Place {
                name: &name,
                pointer: Some(""),
                depth: 0,
            },
        )
        .unwrap_or(Type::Any)
    }

    /// The arguments: an object whatever the schema says, open if it says nothing.
    fn arguments(&mut self, schema: &'a Value) -> usize {
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
    fn read(&mut self, schema: &'a Value, place: Place<'_>) -> Option<Type> {
        let object = match schema {
            Value::Object(object) => object,
            Value::Bool(false) => return None,
            _ => return Some(Type::Any),
        };
        let Some(left) = self.nodes_left.checked_sub(1) else {
            return Some(Type::Any);
        };
        self.nodes_left = left;
        if place.depth >= MAX_DEPTH {
            return Some(Type::Any);
        }
        let inside = Place {
            pointer: None,
            depth: place.depth.saturating_add(1),
            ..place
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
            let mut all = vec![self.shape(&[schema], place)];
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
            return self.all_of(parts, schema, place);
        }
        match object.get("type") {
            Some(Value::String(name)) => Some(self.named(name, object, inside)),
            // Whoever reads a cell of any kind knows better than a checker which it is.
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
        place: Place<'_>,
    ) -> Option<Type> {
        let pointer = pointer.strip_prefix('#').unwrap_or(pointer);
        if let Some(known) = self.known.get(pointer) {
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
            Place {
                name: &name,
                pointer: Some(pointer),
                ..place
            },
        );
        self.following.pop();
        if let Some(read) = &read {
            self.known.insert(pointer.to_owned(), read.clone());
        }
        read
    }

    fn any_of(&mut self, alternatives: &'a [Value], place: Place<'_>) -> Option<Type> {
        if alternatives.len() > MAX_ALTERNATIVES {
            return Some(Type::Any);
        }
        let read: Vec<Type> = alternatives
            .iter()
            .filter_map(|alternative| self.read(alternative, place))
            .collect();
        (!read.is_empty()).then(|| union(read))
    }

    /// One part is that part; objects become one object; anything else is not said.
    fn all_of(&mut self, parts: &'a [Value], own: &'a Value, place: Place<'_>) -> Option<Type> {
        if let [only] = parts {
            return self.read(
                only,
                Place {
                    depth: place.depth.saturating_add(1),
                    ..place
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
        Some(self.shape(&objects, place))
    }

    fn named(&mut self, name: &str, object: &'a Map<String, Value>, place: Place<'_>) -> Type {
        match name {
            "string" => Type::Text,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "null" => Type::Null,
            "array" => Type::List(Box::new(self.items(object, place))),
            "object" => Type::Map(Box::new(self.others(object, place).unwrap_or(Type::Any))),
            _ => Type::Any,
        }
    }

    fn items(&mut self, object: &'a Map<String, Value>, place: Place<'_>) -> Type {
        let name = format!("{}Item", place.name);
        let place = Place {
            name: &name,
            ..place
        };
        let first = object.get("prefixItems").and_then(Value::as_array);
        let rest = object.get("items");
        match (first, rest) {
            (None, Some(items)) => self.read(items, place).unwrap_or(Type::Any),
            (Some(first), Some(Value::Bool(false)) | None) if !first.is_empty() => {
                self.any_of(first, place).unwrap_or(Type::Any)
            }
            _ => Type::Any,
        }
    }

    /// What an object holds beside its properties; nothing where it says nothing.
    fn others(&mut self, object: &'a Map<String, Value>, place: Place<'_>) -> Option<Type> {
        if object.contains_key("patternProperties") {
            return Some(Type::Any);
        }
        let name = format!("{}Value", place.name);
        let place = Place {
            name: &name,
            ..place
        };
        self.read(object.get("additionalProperties")?, place)
    }

    fn shape(&mut self, objects: &[&'a Value], place: Place<'_>) -> Type {
        let Some(left) = self.shapes_left.checked_sub(1) else {
            return Type::Map(Box::new(Type::Any));
        };
        self.shapes_left = left;
        let index = self.shapes.add(place.name, self.is_input);
        let shape = Type::Shape(index);
        self.used(&shape);
        // Before its fields, which may refer to it.
        if let Some(pointer) = place.pointer {
            self.known.insert(pointer.to_owned(), shape.clone());
        }
        self.fill(index, objects, place.name, place.depth);
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
            let place = Place {
                name: stem,
                pointer: None,
                depth: depth.saturating_add(1),
            };
            let more = match object.as_object() {
                _ if is_cut => Some(Type::Any),
                Some(object) => self.others(object, place),
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
        let place = Place {
            name: &name,
            pointer: None,
            depth: depth.saturating_add(1),
        };
        let of = self.read(parameter.schema, place)?;
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

/// The type of some constant values.
fn literals(values: &[Value]) -> Type {
    let all: Option<Vec<Literal>> = values.iter().map(literal).collect();
    match all {
        Some(all) if !all.is_empty() && all.len() <= MAX_LITERALS => {
            let mut each: Vec<Literal> = Vec::new();
            for one in all {
                if !each.contains(&one) {
                    each.push(one);
                }
            }
            Type::Literals(each)
        }
        _ => union(values.iter().map(widened).collect()),
    }
}

fn literal(value: &Value) -> Option<Literal> {
    match value {
        Value::Null => Some(Literal::Null),
        Value::Bool(it) => Some(Literal::Boolean(*it)),
        Value::Number(it) if it.is_i64() || it.is_u64() => Some(Literal::Integer(it.to_string())),
        Value::String(it) if it.len() <= MAX_LITERAL_BYTES => Some(Literal::Text(it.clone())),
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn widened(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::Text,
        Value::Array(_) | Value::Object(_) => Type::Any,
    }
}

/// Any of some types: each once, literals together, `null` last; `Any` takes all.
pub(super) fn union(types: Vec<Type>) -> Type {
    let mut constants: Vec<Literal> = Vec::new();
    let mut each: Vec<Type> = Vec::new();
    let mut is_nullable = false;
    let mut open: Vec<Type> = types.into_iter().rev().collect();
    while let Some(next) = open.pop() {
        match next {
            Type::Any => return Type::Any,
            Type::Null => is_nullable = true,
            Type::Union(inner) => open.extend(inner.into_iter().rev()),
            Type::Literals(inner) => {
                for one in inner {
                    if one == Literal::Null {
                        is_nullable = true;
                    } else if !constants.contains(&one) {
                        constants.push(one);
                    }
                }
            }
            other if !each.contains(&other) => each.push(other),
            _ => {}
        }
    }
    if !constants.is_empty() {
        each.insert(0, Type::Literals(constants));
    }
    if is_nullable {
        each.push(Type::Null);
    }
    match each.len() {
        0 => Type::Any,
        1 => each.pop().unwrap_or(Type::Any),
        _ => Type::Union(each),
    }
}

/// `read-file` as `ReadFile`: ASCII letters and digits, a capital first.
fn pascal(name: &str) -> String {
    let mut text = String::new();
    let mut begins = true;
    for character in name.chars().take(MAX_TYPE_NAME) {
        if !character.is_ascii_alphanumeric() {
            begins = true;
        } else if begins {
            text.push(character.to_ascii_uppercase());
            begins = false;
        } else {
            text.push(character);
        }
    }
    if text.starts_with(|c: char| c.is_ascii_uppercase()) {
        text
    } else {
        format!("T{text}")
    }
}
