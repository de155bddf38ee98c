//! Programs that are linked with modules of files.
//!
//! What such a program exports are getters, and what it imports are variables that the guest fills: a value that comes
//! later, or changes, is seen everywhere. So modules may import each other, as everywhere else. CommonJS is
//! a function of the five names that programs elsewhere have.

use std::collections::HashSet;

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::SemanticBuilder;
use oxc_span::GetSpan;
use serde::Serialize;

use super::modules::Modules;
use super::types::Eraser;
use super::{Dialect, Form, Names};

/// Names that a module of CommonJS has.
const COMMON: [&str; 5] = ["require", "module", "exports", "__filename", "__dirname"];

/// What the guest needs to link a program with others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Links {
    /// Whether it is CommonJS: then it has neither imports nor exports, and may `require`.
    common: bool,
    /// Whether it waits at its top level.
    waits: bool,
    /// Whether it is TypeScript: what it exports from another module may be a type, which is not there.
    typed: bool,
    /// Names that it exports of its own.
    exports: Vec<String>,
    /// What it exports of others: the name, the place of the import, and the member; the module itself has none.
    from: Vec<(String, usize, Option<String>)>,
    /// Imports all of whose names it exports.
    stars: Vec<usize>,
}

/// Which kind of module a file is, as far as its name tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The text decides: `import`, `export`, `import.meta` and `await` at the top level make a module.
    #[default]
    ByText,
    /// A module: `.mjs`.
    Module,
}

/// How a program is linked.
pub(super) struct Linking {
    /// Which of the names of CommonJS it has from us.
    common: Vec<&'static str>,
    /// It is CommonJS, and not strict where its own text does not say so.
    pub(super) is_common: bool,
    pub(super) waits: bool,
    is_typed: bool,
    /// Whether its text may look at what its function is called with, which is ours.
    sees_arguments: bool,
}

impl Linking {
    /// Reads how a program is linked that was edited already.
    pub(super) fn new(
        tree: &Program<'_>,
        eraser: &Eraser<'_>,
        form: Form,
        dialect: Dialect,
        waits: bool,
    ) -> Self {
        let common = match form {
            Form::Module | Form::Shared => Vec::new(),
            Form::File(Format::Module) | Form::Package(Format::Module) => Vec::new(),
            Form::Script | Form::Session(_) | Form::File(_) | Form::Package(_) => {
                common_names(tree, eraser)
            }
        };
        let is_module = waits || eraser.uses_meta || has_module_syntax(tree);
        let is_common = match form {
            Form::File(Format::ByText) | Form::Package(Format::ByText) => !is_module,
            Form::Script => !is_module && !common.is_empty() && dialect == Dialect::JavaScript,
            Form::Module | Form::Shared | Form::Session(_) => false,
            Form::File(Format::Module) | Form::Package(Format::Module) => false,
        };
        Self {
            common,
            is_common,
            waits,
            is_typed: dialect == Dialect::TypeScript,
            sees_arguments: ["arguments", "eval"]
                .iter()
                .any(|name| eraser.values.contains(*name)),
        }
    }

    /// How the function begins that the program is: with what it has of ours, declared.
    pub(super) fn head(&self, function: &str, names: &Names, uses_import: bool) -> String {
        let strict = match self.is_common {
            true => "",
            false => "\"use strict\";",
        };
        let Names { module, import, .. } = names;
        let mut head = format!("({function}({module}){{{strict}");
        if self.sees_arguments {
            head.push_str("delete arguments[0];arguments.length=0;");
        }
        for name in &self.common {
            head.push_str(&format!("let {name}={module}.{name};"));
        }
        if uses_import {
            head.push_str(&format!("const {import}={module}.import;"));
        }
        head
    }

    /// Declares what is imported, and tells the guest how to fill it and how to read what is exported.
    pub(super) fn link(modules: &Modules, names: &Names) -> String {
        let locals = match modules.locals.is_empty() {
            true => String::new(),
            false => format!("let {};", modules.locals.join(",")),
        };
        let getter = |(name, local): &(String, String)| {
            let name = serde_json::Value::from(name.as_str());
            format!("[{name}]:()=>{local}")
        };
        let getters: Vec<String> = own_exports(modules).iter().map(getter).collect();
        format!(
            "{locals}{}.link({{__proto__:null,{}}},[{}]);/*cycle*/",
            names.module,
            getters.join(","),
            modules.setters.join(",")
        )
    }

    /// What the guest is told.
    pub(super) fn links(&self, modules: &Modules) -> Links {
        let names = own_exports(modules).into_iter().map(|(name, _)| name);
        Links {
            common: self.is_common,
            waits: self.waits,
            typed: self.is_typed,
            exports: names.collect(),
            from: modules
                .from
                .iter()
                .cloned()
                .chain(passed_on(modules))
                .collect(),
            stars: modules.stars.clone(),
        }
    }
}

/// The import of a local name, and the member of it.
fn imported(modules: &Modules, local: &str) -> Option<(usize, Option<String>)> {
    let imports = modules.imports.iter().enumerate();
    imports
        .flat_map(|(place, import)| import.bound.iter().map(move |bound| (place, bound)))
        .find(|(_, (own, _))| own == local)
        .map(|(place, (_, member))| (place, member.clone()))
}

/// Exports with the names of what they are in the program: those that are not imported.
fn own_exports(modules: &Modules) -> Vec<(String, String)> {
    let default = modules.value.iter();
    let default = default.map(|local| ("default".to_owned(), local.clone()));
    let all = modules.exports.iter().cloned().chain(default);
    all.filter(|(_, local)| !modules.declared.contains(local))
        .collect()
}

/// `import { a } from ..; export { a }`
fn passed_on(modules: &Modules) -> Vec<(String, usize, Option<String>)> {
    let default = modules.value.iter();
    let default = default.map(|local| ("default".to_owned(), local.clone()));
    let all = modules.exports.iter().cloned().chain(default);
    all.filter_map(|(name, local)| {
        let (place, member) = imported(modules, &local)?;
        Some((name, place, member))
    })
    .collect()
}

fn has_module_syntax(tree: &Program<'_>) -> bool {
    tree.body.iter().any(|statement| {
        matches!(
            statement,
            Statement::ImportDeclaration(_)
                | Statement::ExportDeclaration(_)
                | Statement::ExportNamedDeclaration(_)
                | Statement::ExportDefaultDeclaration(_)
                | Statement::ExportFromDeclaration(_)
                | Statement::ExportAllDeclaration(_)
        )
    })
}

/// The names of CommonJS that a program uses and does not declare.
fn common_names(tree: &Program<'_>, eraser: &Eraser<'_>) -> Vec<&'static str> {
    let is_used = |name: &&str| eraser.values.contains(*name);
    if !eraser.requires && !COMMON.iter().any(is_used) {
        return Vec::new();
    }
    let semantic = SemanticBuilder::new().build(tree).semantic;
    let scoping = semantic.scoping();
    let unresolved = scoping.root_unresolved_references();
    let is_free = |name: &&str| {
        let is_declared = scoping.get_root_binding((*name).into()).is_some();
        let is_required = eraser.requires && *name == "require";
        !is_declared && (is_required || unresolved.contains_key(*name))
    };
    COMMON.into_iter().filter(is_free).collect()
}

/// Names of the top level that a program exports, as it calls them.
pub(super) fn exported_locals(tree: &Program<'_>) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut add = |declaration: &Declaration<'_>| match declaration {
        Declaration::VariableDeclaration(it) => it
            .declarations
            .iter()
            .flat_map(|one| one.id.get_binding_identifiers())
            .for_each(|id| {
                found.insert(id.name.to_string());
            }),
        other => found.extend(other.id().map(|id| id.name.to_string())),
    };
    for statement in &tree.body {
        if let Statement::ExportDeclaration(it) = statement {
            add(&it.declaration);
        }
    }
    for statement in &tree.body {
        match statement {
            Statement::ExportNamedDeclaration(it) => {
                found.extend(it.specifiers.iter().map(|one| one.local.name().to_string()));
            }
            Statement::ExportDefaultDeclaration(it) => match &it.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(it) => {
                    found.extend(it.id.iter().map(|id| id.name.to_string()));
                }
                ExportDefaultDeclarationKind::ClassDeclaration(it) => {
                    found.extend(it.id.iter().map(|id| id.name.to_string()));
                }
                other => {
                    if let Some(Expression::Identifier(it)) = other.as_expression() {
                        found.insert(it.name.to_string());
                    }
                }
            },
            _ => {}
        }
    }
    found
}

/// Has the guest look again at what is exported, behind a statement that gives it a value.
pub(super) fn tell_of_declaration(statement: &Statement<'_>, eraser: &mut Eraser<'_>) {
    let declaration = match statement {
        Statement::ExportDeclaration(it) => &it.declaration,
        other => match other.as_declaration() {
            Some(declaration) => declaration,
            None => return,
        },
    };
    if Eraser::is_erased(declaration) {
        return;
    }
    let is_exported = match declaration {
        Declaration::VariableDeclaration(it) => it
            .declarations
            .iter()
            .flat_map(|one| one.id.get_binding_identifiers())
            .any(|id| eraser.told.contains(id.name.as_str())),
        Declaration::ClassDeclaration(it) => {
            let id = it.id.as_ref();
            id.is_some_and(|id| eraser.told.contains(id.name.as_str()))
        }
        _ => false,
    };
    if is_exported {
        let text = format!(";{}.up();", eraser.meta);
        eraser.edits.insert(statement.span().end, &text);
    }
}

/// Has the guest look again at what is exported, where an expression assigns to it.
pub(super) fn tell_of_assignments(tree: &Program<'_>, eraser: &mut Eraser<'_>) {
    let mut finder = Assignments { eraser };
    finder.visit_program(tree);
}

struct Assignments<'e, 's> {
    eraser: &'e mut Eraser<'s>,
}

impl Assignments<'_, '_> {
    fn wrap(&mut self, it: oxc_span::Span) {
        let text = format!("{}.up(", self.eraser.meta);
        self.eraser.edits.insert(it.start, &text);
        self.eraser.edits.insert(it.end, ")");
    }

    fn is_told(&self, target: &AssignmentTarget<'_>) -> bool {
        match target {
            AssignmentTarget::AssignmentTargetIdentifier(it) => {
                self.eraser.told.contains(it.name.as_str())
            }
            AssignmentTarget::ArrayAssignmentTarget(_)
            | AssignmentTarget::ObjectAssignmentTarget(_) => true,
            _ => false,
        }
    }
}

impl<'a> Visit<'a> for Assignments<'_, '_> {
    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        if self.is_told(&it.left) {
            self.wrap(it.span);
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_update_expression(&mut self, it: &UpdateExpression<'a>) {
        if let SimpleAssignmentTarget::AssignmentTargetIdentifier(target) = &it.argument
            && self.eraser.told.contains(target.name.as_str())
        {
            self.wrap(it.span);
        }
        walk::walk_update_expression(self, it);
    }
}

/// Whether something of what is exported changes after it was declared.
pub(super) fn changes(tree: &Program<'_>, exported: &HashSet<String>) -> bool {
    if exported.is_empty() {
        return false;
    }
    let semantic = SemanticBuilder::new().build(tree).semantic;
    let scoping = semantic.scoping();
    exported.iter().any(|name| {
        let symbol = scoping.get_root_binding(name.as_str().into());
        symbol.is_some_and(|symbol| scoping.symbol_is_mutated(symbol))
    })
}
