//! Stubs for Python: a `.pyi` a namespace.

use std::collections::BTreeSet;

use super::literal::{Language, docstring, quoted};
use super::shapes::{Field, Shape, Shapes, Typed};
use super::types::{Literal, Type};
use super::{Calls, StubFile, ToolSet, description};
use crate::describe::is_identifier;

/// Names that a tool of that name would hide from the types of its stub.
const BUILTINS: [&str; 6] = ["bool", "dict", "float", "int", "list", "str"];

/// Names that a key would hide from the keys after it.
const TYPING: [&str; 6] = [
    "Any",
    "Literal",
    "Mapping",
    "NotRequired",
    "Sequence",
    "TypedDict",
];

/// Longest name of a namespace that becomes a file, in bytes.
const MAX_MODULE_NAME: usize = 200;

/// Attributes of `tools` that no namespace replaces.
const ALWAYS: [&str; 5] = ["ToolError", "call", "call_tool", "describe", "search"];

/// Stubs of these namespaces: the package `tools`, the builtins of scripts, and the module
/// `wxmcp`. Namespaces that Python cannot import are left out.
///
/// `_wxmcp_stubs.pyi` holds types that only stubs need, and what `calls` decides.
pub fn python(sets: &[ToolSet], calls: Calls) -> Vec<StubFile> {
    let importable: Vec<&ToolSet> = sets
        .iter()
        .filter(|set| {
            let name = &set.namespace;
            is_identifier(name) && !name.starts_with("__") && name.len() <= MAX_MODULE_NAME
        })
        .collect();
    let answer = match calls {
        Calls::Blocking => "_T",
        Calls::Awaited => "ToolCall[_T]",
        Calls::Either => "Any",
    };
    let types = include_str!("always/_wxmcp_stubs.pyi")
        .replace("ANSWER[_T]", answer)
        .replace("ANSWER[Any]", &answer.replace("_T", "Any"));
    let mut package = include_str!("always/tools.pyi").to_owned();
    let names: BTreeSet<&str> = importable
        .iter()
        .map(|set| set.namespace.as_str())
        .filter(|name| !ALWAYS.contains(name))
        .collect();
    for name in names {
        package.push_str(&format!("from . import {name} as {name}\n"));
    }
    let mut files = vec![
        StubFile {
            path: "_wxmcp_stubs.pyi".to_owned(),
            text: types,
        },
        StubFile {
            path: "__builtins__.pyi".to_owned(),
            text: include_str!("always/__builtins__.pyi").to_owned(),
        },
        StubFile {
            path: "wxmcp.pyi".to_owned(),
            text: include_str!("always/wxmcp.pyi").to_owned(),
        },
        StubFile {
            path: "tools/__init__.pyi".to_owned(),
            text: package,
        },
    ];
    files.extend(importable.into_iter().map(|set| StubFile {
        path: format!("tools/{}.pyi", set.namespace),
        text: namespace(set),
    }));
    files
}

fn namespace(set: &ToolSet) -> String {
    let mut shapes = Shapes::default();
    let typed: Vec<Typed> = set
        .tools
        .iter()
        .map(|(attribute, tool)| shapes.read(attribute, tool))
        .collect();
    let stub = Stub {
        shapes: &shapes,
        hidden: set
            .tools
            .iter()
            .any(|(attribute, _)| BUILTINS.contains(&attribute.as_str())),
    };
    let mut text = format!("\"\"\"Tools of `{}`.\"\"\"\n\n", set.namespace);
    if stub.hidden {
        text.push_str("import builtins as _builtins\n");
    }
    text.push_str(
        "from collections.abc import Mapping, Sequence\n\
         from typing import Any, Literal, NotRequired, TypedDict\n\n\
         from _wxmcp_stubs import tool as _tool\n",
    );
    for shape in shapes.all.iter().filter(|shape| shape.is_used) {
        text.push_str(&stub.typed_dict(shape));
    }
    for ((attribute, tool), typed) in set.tools.iter().zip(&typed) {
        let Some(arguments) = shapes.get(typed.arguments) else {
            continue;
        };
        let parameters = stub.parameters(arguments);
        let answer = stub.spell(&typed.answer, false);
        let prose = prose(&description(tool), &arguments.fields);
        let body = docstring(&prose, "    ");
        text.push_str(&format!(
            "\n@_tool\ndef {attribute}({parameters}) -> {answer}:"
        ));
        match body {
            Some(body) => text.push_str(&format!("\n{body}")),
            None => text.push_str(" ...\n"),
        }
    }
    // The guest takes a tool's own spelling, too, where it is a name.
    let attributes: BTreeSet<&str> = set.tools.iter().map(|(name, _)| name.as_str()).collect();
    for (attribute, tool) in &set.tools {
        let own = tool.name();
        if is_plain_key(own) && !attributes.contains(own) {
            text.push_str(&format!("\n{own} = {attribute}\n"));
        }
    }
    text
}

/// What is said of a tool, then of its parameters.
fn prose(description: &str, fields: &[Field]) -> String {
    let mut prose = description.trim().to_owned();
    let said: Vec<String> = fields
        .iter()
        .filter(|field| !field.prose.is_empty())
        .map(|field| format!("    {}: {}", field.name, field.prose))
        .collect();
    if !said.is_empty() {
        if !prose.is_empty() {
            prose.push_str("\n\n");
        }
        prose.push_str("Args:\n");
        prose.push_str(&said.join("\n"));
    }
    prose
}

/// Writes the types of one namespace.
struct Stub<'a> {
    shapes: &'a Shapes,
    /// Whether a tool has the name of a builtin type.
    hidden: bool,
}

impl Stub<'_> {
    /// The parameters of a call. After the first that Python cannot name, others are by
    /// name only: their positions cannot be said.
    fn parameters(&self, arguments: &Shape) -> String {
        let mut parameters = Vec::new();
        let mut unspeakable: Vec<Type> = arguments.others.iter().cloned().collect();
        let mut by_name_only = false;
        for field in &arguments.fields {
            if !is_speakable(&field.name) {
                unspeakable.push(field.of.clone());
                by_name_only = true;
                continue;
            }
            if by_name_only {
                parameters.push("*".to_owned());
                parameters.extend(self.rest(arguments, &field.name, &mut unspeakable));
                break;
            }
            parameters.push(self.parameter(field));
        }
        if !unspeakable.is_empty() {
            let of = self.spell(&super::types::union(unspeakable), true);
            let taken = |name: &str| arguments.fields.iter().any(|field| field.name == name);
            let mut name = "others".to_owned();
            while taken(&name) {
                name.push('_');
            }
            parameters.push(format!("**{name}: {of}"));
        }
        parameters.join(", ")
    }

    /// The parameters from `first` on, and the types of those that Python cannot name.
    fn rest(&self, arguments: &Shape, first: &str, unspeakable: &mut Vec<Type>) -> Vec<String> {
        let from = arguments.fields.iter().skip_while(|it| it.name != first);
        let mut parameters = Vec::new();
        for field in from {
            if is_speakable(&field.name) {
                parameters.push(self.parameter(field));
            } else {
                unspeakable.push(field.of.clone());
            }
        }
        parameters
    }

    fn parameter(&self, field: &Field) -> String {
        let default = if field.required { "" } else { " = ..." };
        format!("{}: {}{default}", field.name, self.spell(&field.of, true))
    }

    fn typed_dict(&self, shape: &Shape) -> String {
        let name = &shape.name;
        let of = |field: &Field| {
            let of = self.spell(&field.of, shape.is_input);
            if field.required {
                of
            } else {
                format!("NotRequired[{of}]")
            }
        };
        let is_plain = shape.fields.iter().all(|field| is_plain_key(&field.name));
        if !is_plain {
            let keys: Vec<String> = shape
                .fields
                .iter()
                .map(|field| format!("{}: {}", quoted(&field.name, Language::Python), of(field)))
                .collect();
            return format!(
                "\n_{name} = TypedDict(\"_{name}\", {{{}}})\n",
                keys.join(", ")
            );
        }
        let mut text = format!("\nclass _{name}(TypedDict):\n");
        let said = prose("", &shape.fields);
        if let Some(said) = docstring(said.trim_start_matches("Args:"), "    ") {
            text.push_str(&said);
            text.push('\n');
        }
        for field in &shape.fields {
            text.push_str(&format!("    {}: {}\n", field.name, of(field)));
        }
        if shape.fields.is_empty() {
            text.push_str("    pass\n");
        }
        text
    }

    /// A type. Given to a tool, lists and objects may be whatever can be read as such,
    /// except that a text is no list of texts.
    fn spell(&self, of: &Type, is_input: bool) -> String {
        match of {
            Type::Any => "Any".to_owned(),
            Type::Null => "None".to_owned(),
            Type::Boolean => self.builtin("bool"),
            Type::Integer => self.builtin("int"),
            Type::Number => self.builtin("float"),
            Type::Text => self.builtin("str"),
            Type::Literals(all) => literals(all),
            Type::List(items) => {
                let list = if is_input && !may_be_text(items) {
                    "Sequence".to_owned()
                } else {
                    self.builtin("list")
                };
                format!("{list}[{}]", self.spell(items, is_input))
            }
            Type::Map(values) => {
                let map = if is_input {
                    "Mapping".to_owned()
                } else {
                    self.builtin("dict")
                };
                let text = self.builtin("str");
                format!("{map}[{text}, {}]", self.spell(values, is_input))
            }
            Type::Union(all) => {
                let all: Vec<String> = all.iter().map(|one| self.spell(one, is_input)).collect();
                all.join(" | ")
            }
            Type::Shape(index) => match self.shapes.get(*index) {
                Some(shape) if is_input && shape.others.is_some() => {
                    format!("_{} | Mapping[{}, Any]", shape.name, self.builtin("str"))
                }
                Some(shape) => format!("_{}", shape.name),
                None => "Any".to_owned(),
            },
        }
    }

    fn builtin(&self, name: &str) -> String {
        if self.hidden {
            format!("_builtins.{name}")
        } else {
            name.to_owned()
        }
    }
}

fn literals(all: &[Literal]) -> String {
    if let [Literal::Null] = all {
        return "None".to_owned();
    }
    let all: Vec<String> = all
        .iter()
        .map(|one| match one {
            Literal::Null => "None".to_owned(),
            Literal::Boolean(true) => "True".to_owned(),
            Literal::Boolean(false) => "False".to_owned(),
            Literal::Integer(digits) => digits.clone(),
            Literal::Text(text) => quoted(text, Language::Python),
        })
        .collect();
    format!("Literal[{}]", all.join(", "))
}

/// Whether a value of the type may be a text.
fn may_be_text(of: &Type) -> bool {
    match of {
        Type::Any | Type::Text => true,
        Type::Literals(all) => all.iter().any(|one| matches!(one, Literal::Text(_))),
        Type::Union(all) => all.iter().any(may_be_text),
        Type::Null
        | Type::Boolean
        | Type::Integer
        | Type::Number
        | Type::List(_)
        | Type::Map(_)
        | Type::Shape(_) => false,
    }
}

/// Whether a parameter can have the name. Two underscores in front would make it
/// positional-only, by an old convention that checkers still know.
fn is_speakable(name: &str) -> bool {
    is_identifier(name) && !name.starts_with("__")
}

/// Whether a key can stand in a class without changing what the keys after it mean.
fn is_plain_key(name: &str) -> bool {
    is_identifier(name)
        && !name.starts_with('_')
        && !BUILTINS.contains(&name)
        && !TYPING.contains(&name)
}
