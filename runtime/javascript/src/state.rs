//! Whether a tool file keeps anything between calls, as far as its text tells.

use std::collections::HashSet;

use oxc_allocator::Allocator;
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::ScopeFlags;

use super::{Dialect, depth, parse, without_fences};
use wxmcp_run::Language;

/// Modules that keep nothing for a tool file.
const STATELESS: [&str; 2] = ["wxmcp", "zod"];

/// What those modules make that never changes, by the names they are imported by.
const MAKERS: [&str; 2] = ["createTool", "z"];

/// Whether a tool file of JavaScript or TypeScript shows no place where a call could leave something
/// for the next: its top level declares functions, constants that are plain values, schemas and the
/// tool, and its functions assign to nothing but their own variables. What it calls is not followed.
pub fn shows_no_state(source: &str, language: Language) -> bool {
    let dialect = match language {
        Language::JavaScript => Dialect::JavaScript,
        Language::TypeScript => Dialect::TypeScript,
        Language::Python | Language::Component => return false,
    };
    let read = || {
        let source = without_fences(source, dialect)?;
        depth::with_stack(&source, dialect, || {
            let allocator = Allocator::default();
            let tree = parse(&allocator, &source, dialect)?;
            let mut names = Names::default();
            names.visit_program(&tree);
            let mut reader = Reader {
                names,
                functions: 0,
                shows_state: false,
            };
            reader.visit_program(&tree);
            Ok(!reader.shows_state)
        })
    };
    read().unwrap_or(false)
}

/// Names that are declared, by where.
#[derive(Default)]
struct Names {
    top: HashSet<String>,
    inner: HashSet<String>,
    functions: usize,
}

impl<'a> Visit<'a> for Names {
    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        let names = match self.functions {
            0 => &mut self.top,
            _ => &mut self.inner,
        };
        names.insert(it.name.to_string());
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if let Some(name) = &it.id {
            self.visit_binding_identifier(name);
        }
        self.functions = self.functions.saturating_add(1);
        walk::walk_function(self, it, flags);
        self.functions = self.functions.saturating_sub(1);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.functions = self.functions.saturating_add(1);
        walk::walk_arrow_function_expression(self, it);
        self.functions = self.functions.saturating_sub(1);
    }
}

struct Reader {
    names: Names,
    functions: usize,
    shows_state: bool,
}

impl Reader {
    /// Takes note of what is written to, unless it is a function's own.
    fn writes(&mut self, root: Option<&str>) {
        let is_own = |name| self.names.inner.contains(name) && !self.names.top.contains(name);
        if self.functions > 0 && !root.is_some_and(is_own) {
            self.shows_state = true;
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        let from = it.source.value.as_str();
        let is_tools = from.split('/').any(|part| part == "tools");
        if !STATELESS.contains(&from) && !is_tools {
            self.shows_state = true;
        }
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        if self.functions == 0 {
            let is_constant = it.kind == VariableDeclarationKind::Const;
            let are_plain = it
                .declarations
                .iter()
                .all(|one| one.init.as_ref().is_some_and(is_plain));
            self.shows_state |= !(is_constant && are_plain);
        }
        walk::walk_variable_declaration(self, it);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        self.shows_state |= self.functions == 0;
        walk::walk_class(self, it);
    }

    fn visit_ts_enum_declaration(&mut self, _it: &TSEnumDeclaration<'a>) {
        self.shows_state = true;
    }

    fn visit_ts_namespace_declaration(&mut self, _it: &TSNamespaceDeclaration<'a>) {
        self.shows_state = true;
    }

    fn visit_simple_assignment_target(&mut self, it: &SimpleAssignmentTarget<'a>) {
        match it {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(it) => {
                self.writes(Some(it.name.as_str()));
            }
            it => self.writes(it.as_member_expression().and_then(|it| root(it.object()))),
        }
        walk::walk_simple_assignment_target(self, it);
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        it: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        self.writes(Some(it.binding.name.as_str()));
        walk::walk_assignment_target_property_identifier(self, it);
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        if it.operator == UnaryOperator::Delete {
            self.writes(root(&it.argument));
        }
        walk::walk_unary_expression(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.functions = self.functions.saturating_add(1);
        walk::walk_function(self, it, flags);
        self.functions = self.functions.saturating_sub(1);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.functions = self.functions.saturating_add(1);
        walk::walk_arrow_function_expression(self, it);
        self.functions = self.functions.saturating_sub(1);
    }
}

/// Whether a constant of the top level holds nothing that can change.
fn is_plain(value: &Expression<'_>) -> bool {
    match value.get_inner_expression() {
        Expression::StringLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::BooleanLiteral(_)
        | Expression::BigIntLiteral(_)
        | Expression::NullLiteral(_)
        | Expression::TemplateLiteral(_)
        | Expression::FunctionExpression(_)
        | Expression::ArrowFunctionExpression(_) => true,
        Expression::CallExpression(call) => {
            root(&call.callee).is_some_and(|name| MAKERS.contains(&name))
        }
        _ => false,
    }
}

/// The name that a chain of members and calls begins with.
fn root<'t>(value: &'t Expression<'_>) -> Option<&'t str> {
    let mut value = value.get_inner_expression();
    loop {
        value = match value {
            Expression::Identifier(it) => return Some(it.name.as_str()),
            Expression::CallExpression(call) => call.callee.get_inner_expression(),
            other => other
                .as_member_expression()?
                .object()
                .get_inner_expression(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_free_of_state(source: &str) -> bool {
        shows_no_state(source, Language::TypeScript)
    }

    #[test]
    fn files_without_state_are_found() {
        for source in [
            "export function a(x: number) { let y = x; y += 1; const t = {}; t[x] = y; return y; }\na.description = 'A.';\na.parameters = {x: {}};",
            "import { createTool, sql } from 'wxmcp';\nimport { z } from 'zod';\nconst MOST = 5;\nconst row = z.object({a: z.string()});\nexport const a = createTool({parameters: row, async execute({ a }) { let b; [b] = [a]; ({ b } = { b: 1 }); return b ?? MOST; }});",
            "import { other } from './tools';\nexport default async (x) => await other.b({ x });",
        ] {
            assert!(is_free_of_state(source), "{source}");
        }
    }

    #[test]
    fn whatever_may_be_state_is_taken_for_it() {
        for source in [
            "let n = 0; export function a() { return 1; }",
            "const seen = []; export function a() { seen.push(1); }",
            "const seen = new Map(); export function a() {}",
            "const seen = {}; export function a() {}",
            "export function a() { a.count = (a.count ?? 0) + 1; }",
            "export function a() { globalThis.n = 1; }",
            "export function a() { globalThis.n++; }",
            "export function a() { ({ x: globalThis.n } = { x: 1 }); }",
            "export function a() { for (globalThis.n of [1]); }",
            "export function a() { delete Array.prototype.at; }",
            "export function a(n) { n; } function b() { n = 1; } var n;",
            "import { keep } from './_shared.ts'; export function a() { keep(); }",
            "class K { static n = 1 } export function a() { return new K(); }",
            "export function a() { this.n = 1; }",
            "export function a( {",
        ] {
            assert!(!is_free_of_state(source), "{source}");
        }
        assert!(!shows_no_state("def a(): pass", Language::Python));
    }
}
