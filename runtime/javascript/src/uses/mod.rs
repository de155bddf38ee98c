//! Which tools a script in JavaScript or TypeScript uses, as far as its text tells.
//!
//! A name that an import binds to a namespace is followed to each of its uses: a member of a
//! fixed name is that tool, a pattern that takes such members is these tools. Whatever else is
//! done with the namespace may use any of its tools. So it is with `callTool` and
//! `tools.describe`: a literal names a tool, anything else may name any.

use std::collections::{BTreeMap, BTreeSet};

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, ArrayExpressionElement, BindingPattern, CallExpression, Expression, ObjectPattern,
    Program, PropertyKey,
};
use oxc_semantic::{AstNodes, NodeId, Scoping, SemanticBuilder, SymbolId};
use oxc_span::GetSpan;

use super::ambient::{Ambient, undeclared};
use super::specifier::{Target, of_script};
use super::{Dialect, Form, Import, Origin, SourceError, depth, parse, transform, without_fences};
use wxmcp_run::Raised;
use wxmcp_run::{Language, Script};

/// Most names of tools that are kept of a script; with more it may use any.
const MAX_NAMES: usize = 1_000;

/// Globals that reach other globals by names that are data.
const OPENING: [&str; 5] = ["globalThis", "self", "eval", "Function", "Reflect"];

/// The tools that a script uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolUses {
    /// Of namespaces that it imports: each must be there.
    pub imported: Vec<ImportedTools>,
    /// Of those that it imports while it runs.
    pub perhaps: Vec<ImportedTools>,
    /// Tools that it calls, or has described: `namespace.tool`, or the tool's own name, or both joined otherwise.
    pub named: Vec<String>,
    /// Whether it may use tools by names that its text does not tell.
    pub is_open: bool,
}

/// The tools that are imported of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedTools {
    /// The namespace, as the script spells it.
    pub namespace: String,
    /// The tools, as it spells them; `None` if it may be any.
    pub tools: Option<BTreeSet<String>>,
}

impl ToolUses {
    /// Reads a script. One in Python, and a component, is not read: it uses nothing.
    ///
    /// # Errors
    ///
    /// The exception that the source raises because it is no program.
    pub fn new(script: &Script) -> Result<Self, Raised> {
        let dialect = match script.language {
            Language::JavaScript => Dialect::JavaScript,
            Language::TypeScript => Dialect::TypeScript,
            Language::Python | Language::Component => return Ok(Self::default()),
        };
        Self::read(&script.source, dialect).map_err(|error| error.raised(&script.name))
    }

    fn read(source: &str, dialect: Dialect) -> Result<Self, SourceError> {
        // These are the imports that are left when types are gone.
        let program = transform(source, dialect, Form::Script)?;
        let (imports, ambient) = (program.imports, program.ambient.unwrap_or_default());
        let source = without_fences(source, dialect)?;
        depth::with_stack(&source, dialect, || {
            let allocator = Allocator::default();
            let tree = parse(&allocator, &source, dialect)?;
            let semantic = SemanticBuilder::new().with_build_nodes(true).build(&tree);
            let scoping = semantic.semantic.scoping();
            let mut reader = Reader {
                scoping,
                nodes: semantic.semantic.nodes(),
                symbols: BTreeMap::new(),
                found: Found::default(),
                ambient,
            };
            reader.imports(&imports);
            reader.follow_all(&tree);
            Ok(reader.found.uses(&imports))
        })
    }
}

/// What a name of the tools stands for.
#[derive(Clone, Debug)]
enum Meaning {
    /// A namespace of an import, or one that is imported at run time.
    Namespace(Space),
    Tool,
    /// `callTool`
    Call,
    /// `tools.describe`
    Describe,
    /// The global `tools`.
    Tools,
    /// `codemode`, whose members are all tools.
    Flat,
    /// `mcp`, whose members are the namespaces.
    Spaces,
    /// What has `callTool` as a member: the module `wxmcp`, and `mcp` of it.
    Module,
    /// Nothing that leads to a tool.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    /// By its place among the imports.
    Import(usize),
    Dynamic(String),
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    /// The tools that are used; `None` for any.
    tools: BTreeMap<Space, Option<BTreeSet<String>>>,
    named: BTreeSet<String>,
    is_open: bool,
}

struct Reader<'s, 'a> {
    scoping: &'s Scoping,
    nodes: &'s AstNodes<'a>,
    /// What imports bind.
    symbols: BTreeMap<SymbolId, Meaning>,
    found: Found,
    /// Names that nothing declares.
    ambient: Ambient,
}

impl Reader<'_, '_> {
    fn imports(&mut self, imports: &[Import]) {
        let scoping = self.scoping;
        let locals: BTreeMap<&str, SymbolId> = scoping
            .symbol_ids()
            .filter(|&symbol| scoping.symbol_flags(symbol).is_import())
            .map(|symbol| (scoping.symbol_name(symbol), symbol))
            .collect();
        for (place, import) in imports.iter().enumerate() {
            let space = Space::Import(place);
            // `import './tools/database'` binds nothing, but says that it is needed.
            if import.bound.is_empty() {
                self.found.any(&space);
            }
            for (local, own) in &import.bound {
                let meaning = match (&import.from, own.as_deref()) {
                    (Origin::Namespace(_), None) => Meaning::Namespace(space.clone()),
                    (Origin::Namespace(_), Some(own)) => {
                        self.found.tool(&space, own);
                        Meaning::Tool
                    }
                    (Origin::Module(name), own) if name == "wxmcp" => {
                        own.map_or(Meaning::Module, member)
                    }
                    (
                        Origin::Module(_) | Origin::File(_) | Origin::Shared(_) | Origin::Index(_),
                        _,
                    ) => Meaning::Other,
                };
                match locals.get(local.as_str()) {
                    Some(&symbol) => {
                        self.symbols.insert(symbol, meaning);
                    }
                    None => self.found.escape(&meaning),
                }
            }
        }
    }

    fn follow_all(&mut self, tree: &Program<'_>) {
        for (symbol, meaning) in self.symbols.clone() {
            for reference in self.scoping.get_resolved_references(symbol) {
                if reference.is_value() {
                    self.follow(reference.node_id(), meaning.clone());
                }
            }
        }
        for (name, references) in undeclared(tree, self.scoping) {
            let meaning = match name {
                "callTool" | "callMCPTool" | "callMcpTool" | "call_mcp_tool" | "call_tool" => {
                    Meaning::Call
                }
                "tools" => Meaning::Tools,
                "codemode" => Meaning::Flat,
                "mcp" | "mcp_servers" => Meaning::Spaces,
                name if OPENING.contains(&name) => {
                    self.found.is_open = true;
                    continue;
                }
                name if self.ambient.names.contains(name) => {
                    if self.ambient.called.contains(name) {
                        self.found.named.insert(name.to_owned());
                    }
                    Meaning::Namespace(Space::Dynamic(name.to_owned()))
                }
                _ => continue,
            };
            for &reference in references {
                let reference = self.scoping.get_reference(reference);
                if reference.is_value() {
                    self.follow(reference.node_id(), meaning.clone());
                }
            }
        }
        for node in self.nodes.iter() {
            match node.kind() {
                AstKind::ImportExpression(it) => self.dynamic_import(&it.source, node.id()),
                // An alias, of whatever is behind its dots.
                AstKind::TSImportEqualsDeclaration(_) => self.found.is_open = true,
                _ => {}
            }
        }
    }

    fn dynamic_import(&mut self, specifier: &Expression<'_>, node: NodeId) {
        let Some(specifier) = literal(specifier) else {
            self.found.is_open = true;
            return;
        };
        if let Ok(Target::Namespace(namespace)) = of_script(&specifier) {
            let space = Space::Dynamic(namespace);
            match self.nodes.parent_kind(node) {
                AstKind::AwaitExpression(_) => {
                    self.follow(self.nodes.parent_id(node), Meaning::Namespace(space));
                }
                _ => self.found.any(&space),
            }
        }
    }

    /// From a name of the tools to what is done with it.
    fn follow(&mut self, mut node: NodeId, mut meaning: Meaning) {
        loop {
            let parent = self.nodes.parent_id(node);
            let span = self.nodes.kind(node).span();
            meaning = match (self.nodes.kind(parent), meaning) {
                (_, Meaning::Tool | Meaning::Other) => return,
                (
                    AstKind::ParenthesizedExpression(_) | AstKind::TSNonNullExpression(_),
                    meaning,
                ) => meaning,
                (AstKind::StaticMemberExpression(it), meaning) if it.object.span() == span => {
                    match self.member(meaning, &it.property.name) {
                        Some(meaning) => meaning,
                        None => return,
                    }
                }
                (AstKind::ComputedMemberExpression(it), meaning) if it.object.span() == span => {
                    let next = literal(&it.expression);
                    match next.map(|name| self.member(meaning.clone(), &name)) {
                        Some(Some(meaning)) => meaning,
                        Some(None) => return,
                        None => return self.found.escape(&meaning),
                    }
                }
                (AstKind::VariableDeclarator(it), Meaning::Namespace(space)) => {
                    match &it.id {
                        BindingPattern::ObjectPattern(pattern) => self.taken(pattern, &space),
                        _ => self.found.any(&space),
                    }
                    return;
                }
                (AstKind::CallExpression(it), meaning) if it.callee.span() == span => {
                    return self.called(it, &meaning);
                }
                (_, meaning) => return self.found.escape(&meaning),
            };
            node = parent;
        }
    }

    /// What a member is; `None` if it leads to nothing further.
    fn member(&mut self, of: Meaning, name: &str) -> Option<Meaning> {
        match of {
            Meaning::Namespace(space) => {
                self.found.tool(&space, name);
                None
            }
            Meaning::Module => Some(member(name)),
            Meaning::Tools | Meaning::Flat if name == "describe" => Some(Meaning::Describe),
            Meaning::Tools | Meaning::Flat if matches!(name, "search" | "namespaces") => None,
            Meaning::Spaces if matches!(name, "callTool" | "call_tool") => Some(Meaning::Call),
            Meaning::Tools | Meaning::Flat | Meaning::Spaces => {
                if matches!(of, Meaning::Flat) || self.ambient.members.contains(name) {
                    self.found.named.insert(name.to_owned());
                }
                Some(Meaning::Namespace(Space::Dynamic(name.to_owned())))
            }
            // `callTool.call(..)`, and the like.
            other => {
                self.found.escape(&other);
                None
            }
        }
    }

    /// `const { query } = database`
    fn taken(&mut self, pattern: &ObjectPattern<'_>, space: &Space) {
        if pattern.rest.is_some() {
            self.found.any(space);
        }
        for property in &pattern.properties {
            match &property.key {
                PropertyKey::StaticIdentifier(key) => self.found.tool(space, &key.name),
                PropertyKey::StringLiteral(key) => self.found.tool(space, &key.value),
                _ => self.found.any(space),
            }
        }
    }

    fn called(&mut self, call: &CallExpression<'_>, meaning: &Meaning) {
        match meaning {
            Meaning::Call => {
                let mut arguments = call.arguments.iter().map(Argument::as_expression);
                let name = arguments.next().flatten();
                let tool = arguments.next().flatten().and_then(literal);
                // `callMCPTool('github', 'create_issue', {..})`
                match (name.and_then(literal), tool) {
                    (Some(space), Some(tool)) => {
                        self.found.named.insert(format!("{space}.{tool}"));
                    }
                    _ => self.named(name),
                }
            }
            Meaning::Describe => {
                for argument in &call.arguments {
                    match argument.as_expression() {
                        Some(Expression::ArrayExpression(array)) => array
                            .elements
                            .iter()
                            .map(ArrayExpressionElement::as_expression)
                            .for_each(|element| self.described(element)),
                        other => self.described(other),
                    }
                }
            }
            other => self.found.escape(other),
        }
    }

    fn named(&mut self, name: Option<&Expression<'_>>) {
        match name.and_then(literal) {
            Some(name) => {
                self.found.named.insert(name);
            }
            None => self.found.is_open = true,
        }
    }

    /// What `describe` is asked: a name, or a function that is imported.
    fn described(&mut self, what: Option<&Expression<'_>>) {
        let is_function = match what {
            Some(Expression::Identifier(it)) => {
                let symbol = self.scoping.get_reference(it.reference_id()).symbol_id();
                let meaning = symbol.and_then(|symbol| self.symbols.get(&symbol));
                matches!(meaning, Some(Meaning::Tool))
            }
            Some(Expression::StaticMemberExpression(it)) => match &it.object {
                Expression::Identifier(it) => {
                    let symbol = self.scoping.get_reference(it.reference_id()).symbol_id();
                    let meaning = symbol.and_then(|symbol| self.symbols.get(&symbol));
                    matches!(meaning, Some(Meaning::Namespace(_)))
                }
                _ => false,
            },
            _ => false,
        };
        if !is_function {
            self.named(what);
        }
    }
}

/// What a member of the module `wxmcp` is.
fn member(name: &str) -> Meaning {
    match name {
        "callTool" | "callMCPTool" => Meaning::Call,
        "tools" => Meaning::Tools,
        "mcp" | "default" => Meaning::Module,
        _ => Meaning::Other,
    }
}

/// The text of a literal without parts.
fn literal(expression: &Expression<'_>) -> Option<String> {
    match expression {
        Expression::StringLiteral(it) => Some(it.value.to_string()),
        Expression::TemplateLiteral(it) => {
            match (it.quasis.as_slice(), it.expressions.as_slice()) {
                ([text], []) => text.value.cooked.as_ref().map(ToString::to_string),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Found {
    fn any(&mut self, space: &Space) {
        self.tools.insert(space.clone(), None);
    }

    fn tool(&mut self, space: &Space, name: &str) {
        // The namespace itself.
        if name == "default" {
            return self.any(space);
        }
        let known = self.tools.entry(space.clone());
        if let Some(tools) = known.or_insert_with(|| Some(BTreeSet::new())) {
            tools.insert(name.to_owned());
        }
    }

    /// What is used in a way that is not followed.
    fn escape(&mut self, meaning: &Meaning) {
        match meaning {
            Meaning::Namespace(space) => self.any(space),
            Meaning::Call
            | Meaning::Describe
            | Meaning::Tools
            | Meaning::Flat
            | Meaning::Spaces
            | Meaning::Module => {
                self.is_open = true;
            }
            Meaning::Tool | Meaning::Other => {}
        }
    }

    fn uses(mut self, imports: &[Import]) -> ToolUses {
        let sizes = self.tools.values().flatten().map(BTreeSet::len);
        if sizes.sum::<usize>().saturating_add(self.named.len()) > MAX_NAMES {
            self.is_open = true;
            self.tools.values_mut().for_each(|tools| *tools = None);
            self.named.clear();
        }
        let mut uses = ToolUses {
            named: self.named.into_iter().collect(),
            is_open: self.is_open,
            ..ToolUses::default()
        };
        for (place, import) in imports.iter().enumerate() {
            if let Origin::Namespace(namespace) = &import.from {
                let tools = self.tools.remove(&Space::Import(place));
                uses.imported.push(ImportedTools {
                    namespace: namespace.clone(),
                    tools: tools.unwrap_or_else(|| Some(BTreeSet::new())),
                });
            }
        }
        for (space, tools) in self.tools {
            if let Space::Dynamic(namespace) = space {
                uses.perhaps.push(ImportedTools { namespace, tools });
            }
        }
        uses
    }
}

#[cfg(test)]
mod tests;
