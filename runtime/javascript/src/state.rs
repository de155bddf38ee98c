//! Whether a tool file keeps anything between calls, as far as its text tells.

mod top;

use oxc_allocator::Allocator;
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::ScopeFlags;

use super::{Dialect, depth, parse, without_fences};
use top::{Top, What, is_tools};
use wxmcp_run::Language;

/// Names by which anything that outlives a call can be reached.
const NAMES: [&str; 6] = [
    "Function",
    "Reflect",
    "arguments",
    "eval",
    "globalThis",
    "self",
];

/// Members by which what all calls share can be reached from a value of one's own.
const MEMBERS: [&str; 6] = [
    "__proto__",
    "callee",
    "caller",
    "constructor",
    "getPrototypeOf",
    "prototype",
];

/// Methods that call the functions that they get, and keep none.
const CALLING: [&str; 14] = [
    "catch",
    "every",
    "filter",
    "find",
    "findIndex",
    "flatMap",
    "forEach",
    "from",
    "map",
    "reduce",
    "refine",
    "some",
    "sort",
    "then",
];

/// Whether a tool file of JavaScript or TypeScript shows no place where a call could leave something
/// for the next: its top level declares functions, constants that are plain values, schemas and the
/// tool; its functions assign to nothing but their own variables, and call what they share, but hand
/// it to nobody. What they call is not followed.
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
            let Some(top) = Top::of(&tree) else {
                return Ok(false);
            };
            let mut reader = Reader {
                top,
                functions: 0,
                shows_state: false,
            };
            reader.visit_program(&tree);
            Ok(!reader.shows_state)
        })
    };
    read().unwrap_or(false)
}

struct Reader {
    top: Top,
    /// How many functions what is read now is in.
    functions: usize,
    shows_state: bool,
}

impl Reader {
    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.functions = self.functions.saturating_add(1);
        walk(self);
        self.functions = self.functions.saturating_sub(1);
    }

    /// Takes note of what is written to, unless it is a function's own.
    fn writes(&mut self, root: Option<&str>) {
        if self.functions > 0 && !root.is_some_and(|name| self.top.is_own(name)) {
            self.shows_state = true;
        }
    }

    /// Something is called, or made by `new`.
    fn called(&mut self, callee: &Expression<'_>) {
        let callee = callee.get_inner_expression();
        if let Expression::Identifier(it) = callee {
            self.shows_state |= NAMES.contains(&it.name.as_str());
        } else if let Some(member) = callee.as_member_expression() {
            self.member(member, true);
        } else {
            self.visit_expression(callee);
        }
    }

    fn member(&mut self, it: &MemberExpression<'_>, is_called: bool) {
        if let Some(name) = it.static_property_name() {
            self.shows_state |= MEMBERS.contains(&name);
        }
        if let MemberExpression::ComputedMemberExpression(it) = it {
            self.visit_expression(&it.expression);
        }
        let object = it.object().get_inner_expression();
        if let Expression::Identifier(it) = object {
            let name = it.name.as_str();
            let keeps = match self.top.what(name) {
                Some(What::Function) => true,
                Some(What::Made) => !is_called,
                Some(What::Plain | What::Imported) | None => NAMES.contains(&name),
            };
            self.shows_state |= self.functions > 0 && keeps;
        } else if let Some(member) = object.as_member_expression() {
            self.member(member, false);
        } else {
            self.visit_expression(object);
        }
    }

    /// A function that is handed to what calls it, and keeps it not.
    fn is_handed_on(&self, callee: &Expression<'_>, argument: &Argument<'_>) -> bool {
        let member = callee.get_inner_expression().as_member_expression();
        let method = member.and_then(MemberExpression::static_property_name);
        let Some(Expression::Identifier(it)) = argument.as_expression() else {
            return false;
        };
        method.is_some_and(|method| CALLING.contains(&method))
            && (self.top.what(&it.name) == Some(What::Function)
                || ["Boolean", "Number", "String"].contains(&it.name.as_str()))
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        // Used as a value: whoever gets it may change it.
        let name = it.name.as_str();
        let is_harmless = self.top.is_own(name)
            || self.top.what(name) == Some(What::Plain)
            || ["Infinity", "NaN", "undefined"].contains(&name);
        self.shows_state |= self.functions > 0 && (!is_harmless || NAMES.contains(&name));
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if self.functions == 0 && !root(&it.callee).is_some_and(|name| self.top.makes(name)) {
            self.shows_state = true;
        }
        self.called(&it.callee);
        for argument in &it.arguments {
            if !self.is_handed_on(&it.callee, argument) {
                self.visit_argument(argument);
            }
        }
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        self.shows_state |= self.functions == 0;
        self.called(&it.callee);
        self.visit_arguments(&it.arguments);
    }

    fn visit_tagged_template_expression(&mut self, it: &TaggedTemplateExpression<'a>) {
        self.shows_state |= self.functions == 0;
        self.called(&it.tag);
        self.visit_template_literal(&it.quasi);
    }

    fn visit_member_expression(&mut self, it: &MemberExpression<'a>) {
        self.member(it, false);
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        if it.operator == BinaryOperator::Instanceof {
            self.visit_expression(&it.left);
            self.called(&it.right);
        } else {
            walk::walk_binary_expression(self, it);
        }
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        if self.functions == 0 && !self.top.describes(it) {
            self.shows_state = true;
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_update_expression(&mut self, it: &UpdateExpression<'a>) {
        self.shows_state |= self.functions == 0;
        walk::walk_update_expression(self, it);
    }

    fn visit_this_expression(&mut self, _it: &ThisExpression) {
        self.shows_state = true;
    }

    fn visit_import_meta(&mut self, _it: &ImportMeta) {
        self.shows_state = true;
    }

    fn visit_new_target(&mut self, _it: &NewTarget) {
        self.shows_state = true;
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        let from = it.source.get_inner_expression();
        self.shows_state |= !matches!(from, Expression::StringLiteral(it) if is_tools(&it.value));
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
        self.within(|reader| walk::walk_function(reader, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.within(|reader| walk::walk_arrow_function_expression(reader, it));
    }

    // Types are no values.

    fn visit_ts_type(&mut self, _it: &TSType<'a>) {}

    fn visit_ts_type_parameter_declaration(&mut self, _it: &TSTypeParameterDeclaration<'a>) {}

    fn visit_ts_type_parameter_instantiation(&mut self, _it: &TSTypeParameterInstantiation<'a>) {}

    fn visit_ts_interface_declaration(&mut self, _it: &TSInterfaceDeclaration<'a>) {}

    fn visit_ts_type_alias_declaration(&mut self, _it: &TSTypeAliasDeclaration<'a>) {}
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
            "import { createTool, sql } from 'wxmcp';\nimport { z } from 'zod';\nconst MOST = 5;\nconst row = z.object({a: z.string()});\nexport const a = createTool({parameters: row, async execute({ c }) { let b; [b] = [c]; ({ b } = { b: 1 }); return b ?? MOST; }});",
            "import { other } from './tools';\nexport default async (x) => await other.b({ x });",
            "import { sql, type Row } from 'wxmcp';\ntype Own = Row | null;\nconst euro = (n: number): string => `${n} €`;\nexport async function a(id: string, most?: number) { try { const rows = await sql('main').query('SELECT ?', [id]); return rows.map(euro).filter(Boolean).slice(0, most ?? 3) as Own[]; } catch (error) { if (error instanceof TypeError) return undefined; throw new Error(`no: ${error.message}`); } }\nexport { euro as shown };",
            "import z from 'zod';\nconst row = z.object({a: z.string()});\nexport const a = (x) => { const { length } = 'x'; const m = new Map(); m.set(length, Math.max(1, x)); return row.parse(JSON.parse(x)) ?? [...m]; };",
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

    #[test]
    fn what_reaches_state_by_another_name_is_taken_for_it() {
        for source in [
            "export function a() { const own = a as any; own.n = (own.n ?? 0) + 1; }",
            "export function a() { const all = globalThis; all.n = 1; }",
            "export function a() { globalThis.seen.push(1); }\nglobalThis.seen ??= [];",
            "globalThis.seen = new Map(); export function a() {}",
            "if (true) { globalThis.seen = [] } export function a() {}",
            "const text = `${globalThis.seen = []}`; export function a() {}",
            "export function a() { a.seen.push(1); }\na.seen = [];",
            "export function a(x, seen = a.seen) { seen.push(x); }",
            "export function a() { const { seen } = a; seen.push(1); }",
            "export function a() { Object.assign(a, { n: 1 }); }",
            "export function a() { Reflect.set({}, 'n', 1); }",
            "export function a() { const P = [].constructor; P.n = 1; }",
            "export function a() { const P = Object.getPrototypeOf([]); P.n = 1; }",
            "export function a() { const P = Array['prototype']; P.n = 1; }",
            "export function a() { const { prototype: P } = Array; P.n = 1; }",
            "export function a() { return (0, eval)('n = 1'); }",
            "export function a() { return Function('n = 1')(); }",
            "function keep(own) { own.n = 1; } export function a() { keep(a); }",
            "function z() { return []; } const seen = z(); export function a() {}",
            "const z = () => []; const seen = z(); export function a() {}",
            "import { z } from 'zod'; const row = z.object({}); export function a() { const own = row; own.n = 1; }",
            "import { z } from 'zod'; const row = z.object({}); export function a() { row.shape.n = 1; row.x.push(1); }",
            "import { createTool } from 'wxmcp'; export const a = createTool({ execute: (() => { const seen = []; return () => seen.push(1); })() });",
            "import { createTool } from 'wxmcp'; export const a = createTool({ seen: [], execute() { const own = this; own.seen.push(1); } });",
            "import { createTool } from 'wxmcp'; export const a = createTool({ seen: [], execute() { a.seen.push(1); a.x.seen.push(1); } });",
            "export async function a() { const own = await import('./_shared.ts'); own.keep(); }",
            "export * from './_shared.ts';",
            "export { a } from './_shared.ts';",
        ] {
            assert!(!is_free_of_state(source), "{source}");
        }
    }
}
