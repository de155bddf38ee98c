//! From JSON Schema to the model.
//!
//! A type takes every value that its schema takes, and gives each back as it was. What a type
//! cannot say (ranges, patterns, lengths) is left to the schema; what it could not give back
//! is [`Type::Json`].

mod form;
mod measure;
mod narrow;
mod objects;
mod unions;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use self::form::Form;
use self::measure::Measure;
use super::docs;
use super::labels::Labels;
use super::model::{Arguments, Body, Definition, Function, Interface, Type};
use crate::schema::follow;
use crate::tool::Tool;

/// How deep schemas are read, references included; below, anything may be. Component types
/// may be nested 100 deep, and a level takes up to three of that.
const MAX_LEVELS: usize = 24;

/// Schema nodes read of one document, and nodes of types that references repeat.
const MAX_NODES: usize = 20_000;

/// Most nodes of one type with all that it names: component types are limited to a million,
/// and count a named type wherever it is used.
const MAX_TYPE_SIZE: usize = 5_000;

/// Deepest nesting of one type.
const MAX_TYPE_DEPTH: usize = 64;

/// Most nodes of a tool. One that is larger takes and answers JSON.
const MAX_TOOL_SIZE: usize = 20_000;

/// Most nodes of a namespace.
pub(super) const MAX_INTERFACE_SIZE: usize = 200_000;

/// Nodes of a tool that takes and answers JSON, as a component type counts them.
const LEAST_TOOL_SIZE: usize = 12;

/// Longest preferred name of a type, in bytes.
const MAX_PREFERRED_BYTES: usize = 80;

/// Labels that every interface uses for what it shares with the others.
pub(super) const SHARED: [&str; 2] = ["json", "tool-error"];

/// The functions of a namespace, and its size in nodes.
pub(super) fn interface(namespace: &str, label: String, tools: &[&Tool]) -> (Interface, usize) {
    let taken = BTreeSet::from(SHARED);
    let labels = Labels::of_names(tools.iter().map(|tool| tool.name()), &taken);
    let mut drafts: Vec<Draft> = Vec::new();
    let mut functions = Vec::new();
    let mut size = 0_usize;
    let mut coming = tools.len();
    for tool in tools {
        coming = coming.saturating_sub(1);
        let reserved = coming.saturating_mul(LEAST_TOOL_SIZE);
        let room = MAX_INTERFACE_SIZE
            .saturating_sub(size)
            .saturating_sub(reserved)
            .min(MAX_TOOL_SIZE);
        let (function, used) = function(tool, labels.get(tool.name()), room, &mut drafts);
        size = size.saturating_add(used);
        functions.push(function);
    }
    let mut taken: BTreeSet<&str> = functions.iter().map(|it| it.label.as_str()).collect();
    taken.extend(SHARED);
    let preferred = drafts
        .iter()
        .map(|it| (it.key.as_str(), it.preferred_name.as_str()));
    let labels = Labels::assign(preferred, &taken);
    let definitions = drafts
        .into_iter()
        .map(|draft| Definition {
            label: labels.get(&draft.key),
            body: draft.body,
            docs: draft.docs,
        })
        .collect();
    let interface = Interface {
        label,
        namespace: namespace.to_owned(),
        definitions,
        functions,
    };
    (interface, size)
}

/// A definition before all of its namespace are named.
struct Draft {
    /// What no other definition of the namespace has, whatever other tools there are.
    key: String,
    /// What it would be called.
    preferred_name: String,
    body: Body,
    docs: String,
    measure: Measure,
}

/// Reads a tool. Its types come behind `drafts`, unless they are larger than `room`.
fn function(tool: &Tool, label: String, room: usize, drafts: &mut Vec<Draft>) -> (Function, usize) {
    let mut own = Vec::new();
    let arguments = Reader::new(tool, &label, tool.input_schema(), &mut own).arguments();
    let answer = tool.output_schema().map_or(Type::Json, |schema| {
        Reader::new(tool, &label, schema, &mut own).answer()
    });
    let mut function = Function {
        label,
        name: tool.name().to_owned(),
        arguments,
        answer,
        docs: docs::description(tool.description()),
    };
    let used = measure::used(&function, &|place| {
        own.get(place).map(|it: &Draft| &it.body)
    });
    let size = measure::function(&function, &own, &used).saturating_add(LEAST_TOOL_SIZE);
    if size > room {
        function.arguments = Arguments::Whole;
        function.answer = Type::Json;
        return (function, LEAST_TOOL_SIZE);
    }
    // Definitions that were replaced by JSON further up leave no trace.
    let mut places = BTreeMap::new();
    for (place, mut draft) in own.into_iter().enumerate() {
        if used.contains(&place) {
            places.insert(place, drafts.len());
            draft.body.rename(&places);
            drafts.push(draft);
        }
    }
    function.rename(&places);
    (function, size)
}

/// Reads one schema document.
struct Reader<'a> {
    root: &'a Value,
    tool: &'a Tool,
    label: &'a str,
    drafts: &'a mut Vec<Draft>,
    nodes_left: usize,
    /// By pointer, what a reference to it means.
    known: BTreeMap<String, Type>,
    /// Pointers that are being followed.
    following: Vec<String>,
}

/// Where a schema is.
#[derive(Clone, Debug)]
struct SchemaPosition {
    /// What a type there would be called.
    preferred_name: String,
    level: usize,
    /// Whether nothing but the type's own docs says what the schema says of itself.
    is_described: bool,
}

impl SchemaPosition {
    /// One level down, with another word in the name.
    fn inside(&self, word: &str) -> Self {
        let mut preferred_name = self.preferred_name.clone();
        if !word.is_empty() && preferred_name.len() < MAX_PREFERRED_BYTES {
            preferred_name.push('-');
            let end = word.floor_char_boundary(MAX_PREFERRED_BYTES);
            preferred_name.push_str(word.get(..end).unwrap_or_default());
        }
        Self {
            preferred_name,
            level: self.level.saturating_add(1),
            is_described: false,
        }
    }
}

impl<'a> Reader<'a> {
    fn new(tool: &'a Tool, label: &'a str, root: &'a Value, drafts: &'a mut Vec<Draft>) -> Self {
        Self {
            root,
            tool,
            label,
            drafts,
            nodes_left: MAX_NODES,
            known: BTreeMap::new(),
            following: Vec::new(),
        }
    }

    /// The type of an answer.
    fn answer(&mut self) -> Type {
        let place = SchemaPosition {
            preferred_name: format!("{}-answer", self.label),
            level: 0,
            is_described: true,
        };
        self.following.push(String::new());
        self.read(self.root, &place)
    }

    fn read(&mut self, schema: &'a Value, place: &SchemaPosition) -> Type {
        let Some(object) = schema.as_object() else {
            return Type::Json;
        };
        if self.nodes_left == 0 || place.level >= MAX_LEVELS {
            return Type::Json;
        }
        self.nodes_left = self.nodes_left.saturating_sub(1);
        let read = match Form::of(object) {
            Form::Opaque => Type::Json,
            Form::Reference(pointer) => self.refer(pointer, object, place),
            Form::Constants(values) => self.constants(&values, place, object),
            Form::Any(alternatives) => self.any_of(alternatives, place, object),
            Form::Same(schema) => self.read(
                schema,
                &SchemaPosition {
                    is_described: place.is_described,
                    ..place.inside("")
                },
            ),
            Form::Typed(names) => self.typed(&names, object, place),
        };
        // OpenAPI's way of saying it, which some servers pass on.
        if object.get("nullable") == Some(&Value::Bool(true)) {
            self.or_null(read)
        } else {
            read
        }
    }

    /// What a reference means; JSON where it leads back to what it is part of.
    fn refer(
        &mut self,
        pointer: &str,
        object: &'a Map<String, Value>,
        place: &SchemaPosition,
    ) -> Type {
        let pointer = pointer.strip_prefix('#').unwrap_or(pointer);
        if let Some(known) = self.known.get(pointer) {
            let repeated = measure::nodes(known);
            self.nodes_left = self.nodes_left.saturating_sub(repeated);
            return known.clone();
        }
        if self.following.iter().any(|open| open == pointer) {
            return Type::Json;
        }
        let Some(target) = follow(self.root, object) else {
            return Type::Json;
        };
        let last = pointer.rsplit('/').next().unwrap_or_default();
        let below = SchemaPosition {
            preferred_name: self.label.to_owned(),
            ..place.clone()
        };
        self.following.push(pointer.to_owned());
        let read = self.read(
            target,
            &SchemaPosition {
                is_described: true,
                ..below.inside(last)
            },
        );
        self.following.pop();
        self.known.insert(pointer.to_owned(), read.clone());
        read
    }

    fn typed(
        &mut self,
        names: &[&str],
        object: &'a Map<String, Value>,
        place: &SchemaPosition,
    ) -> Type {
        let is_number = names.contains(&"number");
        let mut types = Vec::new();
        for &name in names {
            let of = match name {
                "null" => self.null(place),
                "boolean" => Type::Bool,
                "string" => Type::String,
                "number" => Type::F64,
                "integer" if is_number => continue,
                "integer" => form::integer(object),
                "array" => self.array(object, place),
                "object" => self.object(object, place),
                _ => Type::Json,
            };
            types.push(of);
        }
        self.union(types, place, object)
    }

    fn array(&mut self, object: &'a Map<String, Value>, place: &SchemaPosition) -> Type {
        let inside = place.inside("item");
        match form::items(object) {
            form::Items::Each(schema) => {
                let item = self.read(schema, &inside);
                self.bounded(Type::List(Box::new(item)))
            }
            form::Items::Fixed(schemas) => {
                let items = schemas
                    .iter()
                    .map(|schema| self.read(schema, &inside))
                    .collect();
                self.bounded(Type::Tuple(items))
            }
            form::Items::Any => Type::List(Box::new(Type::Json)),
        }
    }

    /// The type, or JSON where it would be a map's, too large or too deep.
    fn bounded(&self, of: Type) -> Type {
        if let Type::List(item) = &of
            && let Type::Tuple(pair) = item.as_ref()
            && let [Type::String, _] = pair.as_slice()
        {
            return Type::List(Box::new(Type::Json));
        }
        let measure = measure::of(&of, self.drafts);
        if measure.is_within_limits() {
            of
        } else {
            Type::Json
        }
    }

    /// Names a type; JSON where it is too large or too deep.
    fn define(&mut self, body: Body, place: &SchemaPosition, object: &Map<String, Value>) -> Type {
        let measure = measure::body(&body, self.drafts);
        if !measure.is_within_limits() {
            return Type::Json;
        }
        let number = self.drafts.len();
        self.drafts.push(Draft {
            key: format!("{}\0{number}", self.tool.name()),
            preferred_name: place.preferred_name.clone(),
            body,
            docs: if place.is_described {
                docs::of_schema(object)
            } else {
                String::new()
            },
            measure,
        });
        Type::Named(number)
    }

    fn body(&self, of: &Type) -> Option<&Body> {
        match of {
            Type::Named(place) => self.drafts.get(*place).map(|draft| &draft.body),
            _ => None,
        }
    }
}

impl Function {
    pub(super) fn rename(&mut self, places: &BTreeMap<usize, usize>) {
        if let Arguments::Members(record) = &mut self.arguments {
            record.types_mut().for_each(|of| of.rename(places));
        }
        self.answer.rename(places);
    }
}

impl Body {
    pub(super) fn rename(&mut self, places: &BTreeMap<usize, usize>) {
        match self {
            Self::Record(record) => record.types_mut().for_each(|of| of.rename(places)),
            Self::Variant { cases, .. } => {
                cases.iter_mut().for_each(|case| case.of.rename(places));
            }
            Self::Enum(_) | Self::Flags(_) => {}
        }
    }
}

impl super::model::Record {
    /// The types of all that is in it.
    pub(super) fn types(&self) -> impl Iterator<Item = &Type> {
        let others = self.others.iter().map(|others| &others.of);
        self.members.iter().map(|member| &member.of).chain(others)
    }

    fn types_mut(&mut self) -> impl Iterator<Item = &mut Type> {
        let others = self.others.iter_mut().map(|others| &mut others.of);
        let members = self.members.iter_mut().map(|member| &mut member.of);
        members.chain(others)
    }
}

impl Type {
    pub(super) fn rename(&mut self, places: &BTreeMap<usize, usize>) {
        match self {
            Self::Named(place) => {
                if let Some(now) = places.get(place) {
                    *place = *now;
                }
            }
            Self::Option(of) | Self::List(of) | Self::Map(of) => of.rename(places),
            Self::Tuple(items) => items.iter_mut().for_each(|of| of.rename(places)),
            Self::Json | Self::Bool | Self::S64 | Self::U64 | Self::F64 | Self::String => {}
        }
    }
}
