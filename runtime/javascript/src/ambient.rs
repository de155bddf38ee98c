//! Names that a script uses and that nothing in it declares: they may be those of namespaces and tools.
//!
//! Only names are told; what they mean is asked in the sandbox, where it is known which namespaces the
//! caller may see. What JavaScript and our own globals define is left out.

use std::collections::BTreeSet;

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::{ReferenceId, Scoping, SemanticBuilder};
use serde::Serialize;

use super::Import;
use super::Origin;
use super::types::Eraser;

/// Most names that are told; a script with more has no need of them all.
const MAX_NAMES: usize = 1_000;

/// What engine and adapter define. A name that is missing here costs a look at the global object, no more.
const GLOBALS: [&str; 103] = [
    "AbortController",
    "AbortSignal",
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Blob",
    "Boolean",
    "Buffer",
    "CompressionStream",
    "DataView",
    "Date",
    "DecompressionStream",
    "Error",
    "EvalError",
    "Event",
    "EventTarget",
    "File",
    "FinalizationRegistry",
    "Float32Array",
    "Float64Array",
    "FormData",
    "Headers",
    "Infinity",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Intl",
    "Iterator",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReadableStream",
    "ReferenceError",
    "RegExp",
    "Request",
    "Response",
    "Set",
    "String",
    "Symbol",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "ToolError",
    "TransformStream",
    "TypeError",
    "URIError",
    "URL",
    "URLSearchParams",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "WritableStream",
    "__dirname",
    "__filename",
    "arguments",
    "atob",
    "btoa",
    "callTool",
    "clearImmediate",
    "clearInterval",
    "clearTimeout",
    "console",
    "content",
    "crypto",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "exports",
    "fetch",
    "files",
    "image",
    "isFinite",
    "isNaN",
    "module",
    "parseFloat",
    "parseInt",
    "performance",
    "process",
    "progress",
    "queueMicrotask",
    "require",
    "setImmediate",
    "setInterval",
    "setTimeout",
    "stdin",
    "structuredClone",
    "undefined",
    "unescape",
];

/// Globals that reach other globals by names that are data.
const OPENING: [&str; 7] = [
    "globalThis",
    "global",
    "self",
    "window",
    "eval",
    "Function",
    "Reflect",
];

/// Members of the global `tools` that are no namespaces.
const OF_TOOLS: [&str; 3] = ["search", "describe", "namespaces"];

/// What other hosts call the tools, with namespaces as members.
const VIEWS: [&str; 3] = ["codemode", "mcp", "mcp_servers"];

/// Functions of `Promise` whose argument holds calls that are awaited.
const GATHERING: [&str; 4] = ["all", "allSettled", "any", "race"];

/// What of a script's names may be tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Ambient {
    /// Names that nothing declares or assigns to.
    pub(crate) names: BTreeSet<String>,
    /// Those of them whose calls are awaited, so that they may be tools.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) called: BTreeSet<String>,
    /// Members of `tools` that are called: `tools.list_issues(..)`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) members: BTreeSet<String>,
    /// Members of `tools` and of what other hosts call them, which may be namespaces.
    #[serde(skip)]
    pub(crate) through: BTreeSet<String>,
    /// Whether names may be reached that the text does not tell.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) open: bool,
}

impl Ambient {
    /// The names of a script; nothing where it has no use for any.
    pub(crate) fn of(tree: &Program<'_>, imports: &[Import]) -> Option<Self> {
        let semantic = SemanticBuilder::new().build(tree).semantic;
        let scoping = semantic.scoping();
        let mut ambient = Self::default();
        let mut has_tools = imports.iter().any(imports_tools);
        for (name, references) in undeclared(tree, scoping) {
            let references = references.iter().map(|&it| scoping.get_reference(it));
            let is_value = references.clone().any(oxc_semantic::Reference::is_value);
            if !is_value || references.clone().any(oxc_semantic::Reference::is_write) {
                continue;
            }
            if OPENING.contains(&name) {
                ambient.open = true;
            } else if name == "tools" {
                has_tools = true;
            } else if GLOBALS.binary_search(&name).is_err() && ambient.names.len() < MAX_NAMES {
                ambient.names.insert(name.to_owned());
            }
        }
        let mut uses = Uses {
            ambient,
            has_tools,
            is_tools_open: false,
            asked: BTreeSet::new(),
        };
        uses.parameters(tree);
        if !uses.has_tools && uses.ambient.names.is_empty() {
            return uses.ambient.open.then_some(uses.ambient);
        }
        uses.visit_program(tree);
        let Uses {
            mut ambient,
            is_tools_open,
            asked,
            ..
        } = uses;
        ambient
            .called
            .retain(|name| ambient.names.contains(name) && !asked.contains(name));
        let is_empty = ambient.names.is_empty() && ambient.members.is_empty();
        (!is_empty || ambient.open || is_tools_open).then_some(ambient)
    }
}

/// The names that nothing declares, with their uses. `declare const github: any` declares a type only.
pub(crate) fn undeclared<'s>(
    tree: &Program<'_>,
    scoping: &'s Scoping,
) -> Vec<(&'s str, &'s [ReferenceId])> {
    let unresolved = scoping.root_unresolved_references().iter();
    let mut found: Vec<(&str, &[ReferenceId])> = unresolved
        .map(|(name, references)| (name.as_str(), references.as_slice()))
        .collect();
    let declarations = tree.body.iter().filter_map(|statement| match statement {
        Statement::ExportDeclaration(it) => Some(&it.declaration),
        other => other.as_declaration(),
    });
    for declaration in declarations.filter(|it| Eraser::is_erased(it)) {
        let bound = match declaration {
            Declaration::VariableDeclaration(it) => {
                let names = it.declarations.iter();
                names
                    .flat_map(|one| one.id.get_binding_identifiers())
                    .collect()
            }
            other => Vec::from_iter(other.id()),
        };
        for symbol in bound.iter().filter_map(|id| id.symbol_id.get()) {
            let references = scoping.get_resolved_reference_ids(symbol);
            found.push((scoping.symbol_name(symbol), references));
        }
    }
    found
}

/// Whether an import has the object `tools`.
fn imports_tools(import: &Import) -> bool {
    matches!(&import.from, Origin::Module(name) if name == "wxmcp")
        && (import.star || import.names.iter().any(|it| it == "tools"))
}

struct Uses {
    ambient: Ambient,
    /// Whether `tools` is ours.
    has_tools: bool,
    /// Whether something else is done with `tools` than to use its functions.
    is_tools_open: bool,
    /// Names that the script asks after, as it does of what may not be there: `typeof name`.
    asked: BTreeSet<String>,
}

impl Uses {
    /// `async ({ github }) => ..` as the script's value is called with the globals.
    fn parameters(&mut self, tree: &Program<'_>) {
        for statement in &tree.body {
            let value = match statement {
                Statement::ExpressionStatement(it) => it.expression.get_inner_expression(),
                Statement::ExportDefaultDeclaration(it) => match it.declaration.as_expression() {
                    Some(value) => value.get_inner_expression(),
                    None => continue,
                },
                _ => continue,
            };
            let Expression::ArrowFunctionExpression(function) = value else {
                continue;
            };
            let first = function.params.items.first().map(|it| &it.pattern);
            let Some(BindingPattern::ObjectPattern(pattern)) = first else {
                continue;
            };
            for property in &pattern.properties {
                match property.key.static_name().as_deref() {
                    Some("tools") => self.has_tools = true,
                    Some(name) if GLOBALS.binary_search(&name).is_err() => {
                        self.ambient.names.insert(name.to_owned());
                    }
                    _ => {}
                }
            }
        }
    }

    /// `tools.github`, `mcp['github']`
    fn through(&mut self, object: &str, name: &str) {
        let is_view = VIEWS.contains(&object) && self.ambient.names.contains(object);
        if is_view || object == "tools" && self.has_tools {
            self.ambient.through.insert(name.to_owned());
        }
    }

    fn awaited(&mut self, value: &Expression<'_>) {
        if let Expression::CallExpression(call) = value.get_inner_expression()
            && let Expression::Identifier(name) = call.callee.get_inner_expression()
        {
            self.ambient.called.insert(name.name.to_string());
        }
    }
}

impl<'a> Visit<'a> for Uses {
    fn visit_await_expression(&mut self, it: &AwaitExpression<'a>) {
        self.awaited(&it.argument);
        walk::walk_await_expression(self, it);
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        if it.operator == UnaryOperator::Typeof
            && let Expression::Identifier(name) = it.argument.get_inner_expression()
        {
            self.asked.insert(name.name.to_string());
        }
        walk::walk_unary_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Expression::StaticMemberExpression(member) = it.callee.get_inner_expression() {
            let name = member.property.name.as_str();
            match member.object.get_inner_expression() {
                Expression::Identifier(object)
                    if object.name == "Promise" && GATHERING.contains(&name) =>
                {
                    let mut gathered = Gathered(BTreeSet::new());
                    gathered.visit_arguments(&it.arguments);
                    self.ambient.called.append(&mut gathered.0);
                }
                Expression::Identifier(object)
                    if object.name == "tools"
                        && self.has_tools
                        && !OF_TOOLS.contains(&name)
                        && self.ambient.members.len() < MAX_NAMES =>
                {
                    self.ambient.members.insert(name.to_owned());
                }
                object if matches!(name, "then" | "catch" | "finally") => self.awaited(object),
                _ => {}
            }
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        if let (Expression::Identifier(object), Expression::StringLiteral(name)) =
            (&it.object, &it.expression)
        {
            self.through(&object.name, &name.value);
        }
        walk::walk_computed_member_expression(self, it);
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        if let Expression::Identifier(object) = &it.object {
            self.through(&object.name, &it.property.name);
        }
        match &it.object {
            Expression::Identifier(object)
                if object.name == "tools" && OF_TOOLS.contains(&it.property.name.as_str()) => {}
            _ => walk::walk_static_member_expression(self, it),
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.is_tools_open |= self.has_tools && it.name == "tools";
    }
}

/// The functions that are called inside of `Promise.all(..)`.
struct Gathered(BTreeSet<String>);

impl<'a> Visit<'a> for Gathered {
    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Expression::Identifier(name) = it.callee.get_inner_expression() {
            self.0.insert(name.name.to_string());
        }
        walk::walk_call_expression(self, it);
    }
}

#[cfg(test)]
mod tests;
