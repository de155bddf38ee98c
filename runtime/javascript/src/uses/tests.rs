//! Small scripts, and what they use.

use super::*;

/// Names that cases use and bind nowhere: each may be a namespace, or a tool, which is not what they are about.
const UNBOUND: [&str; 8] = ["a", "b", "f", "g", "name", "names", "text", "x"];

/// `database: query, update; mail: any; named: a.b; open`
fn told(source: &str, dialect: Dialect) -> String {
    let uses = ToolUses::read(source, dialect).unwrap();
    let mut parts = Vec::new();
    for (mark, imports) in [("", &uses.imported), ("?", &uses.perhaps)] {
        for import in imports {
            if mark == "?" && UNBOUND.contains(&import.namespace.as_str()) {
                continue;
            }
            let tools = import.tools.as_ref().map_or("any".to_owned(), |tools| {
                tools.iter().cloned().collect::<Vec<_>>().join(", ")
            });
            parts.push(format!("{}{mark}: {tools}", import.namespace));
        }
    }
    if !uses.named.is_empty() {
        parts.push(format!("named: {}", uses.named.join(", ")));
    }
    if uses.is_open {
        parts.push("open".to_owned());
    }
    parts.join("; ")
}

fn each(dialect: Dialect, cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(told(source, dialect), *expected, "{source}");
    }
}

#[test]
fn members_of_fixed_names_are_the_tools() {
    let cases = [
        ("import { query as q } from './tools/d'", "d: query"),
        (
            "import { query, update } from './tools/d'",
            "d: query, update",
        ),
        ("import q from './tools/d/query.js'; q()", "d: query"),
        (
            "import * as d from './tools/d'; d.query(d.a)",
            "d: a, query",
        ),
        ("import d from './tools/d'; d['query']()", "d: query"),
        ("import { d } from './tools'; await d?.query()", "d: query"),
        ("import { d } from './tools'; (d).query()", "d: query"),
        (
            "import * as d from './tools/d'; const { query, 'a-b': b } = d",
            "d: a-b, query",
        ),
        (
            "import * as d from './tools/d'; const f = d.query",
            "d: query",
        ),
        ("import * as d from './tools/d'", "d: "),
        ("import { d, e } from './tools'; d.x(e.y)", "d: x; e: y"),
        (
            "import * as d from './tools/d'; function f(d) { d[0](d) } d.x()",
            "d: x",
        ),
        ("const { a } = await import('./tools/d')", "d?: a"),
        ("(await import('tools/d')).a()", "d?: a"),
    ];
    each(Dialect::JavaScript, &cases);
    each(
        Dialect::TypeScript,
        &[
            (
                "import { query, Row } from './tools/d'; let r: Row = query()",
                "d: query",
            ),
            (
                "import * as d from './tools/d'; let q: typeof d.other; d!.query()",
                "d: query",
            ),
            ("import type { a } from './tools/d'; let q: a", ""),
            (
                "import { d } from './tools'; enum E { A } d.query(E.A)",
                "d: query",
            ),
        ],
    );
}

#[test]
fn a_namespace_that_is_not_followed_is_used_whole() {
    let cases = [
        ("import './tools/d'", "d: any"),
        ("import * as d from './tools/d'; f(d)", "d: any"),
        ("import * as d from './tools/d'; d[name]()", "d: any"),
        (
            "import * as d from './tools/d'; const e = d; e.x()",
            "d: any",
        ),
        (
            "import * as d from './tools/d'; const { x, ...rest } = d",
            "d: any",
        ),
        (
            "import * as d from './tools/d'; const { [x]: y } = d",
            "d: any",
        ),
        (
            "import * as d from './tools/d'; let x; ({ x } = d)",
            "d: any",
        ),
        ("import * as d from './tools/d'; return { d }", "d: any"),
        ("import * as d from './tools/d'; export { d }", "d: any"),
        ("import * as d from './tools/d'; d.default.x()", "d: any"),
        (
            "import d, { query } from './tools/d'; Object.keys(d)",
            "d: any",
        ),
        ("import { default as d } from './tools/d'; d.x()", "d: any"),
        (
            "import * as d from './tools/d'; for (const k in d) k",
            "d: any",
        ),
        ("import * as d from './tools/d'; d.x(); d", "d: any"),
        ("const d = await import('./tools/d'); d.x()", "d?: any"),
        ("import('./tools/d').then((d) => d.x())", "d?: any"),
    ];
    each(Dialect::JavaScript, &cases);
    each(
        Dialect::TypeScript,
        &[
            ("import * as d from './tools/d'; (d as any).x()", "d: any"),
            (
                "import * as d from './tools/d'; import q = d.query; q()",
                "d: any; open",
            ),
        ],
    );
}

#[test]
fn names_of_calls_are_read_where_they_are_literals() {
    let cases = [
        (
            "callTool('d.query', {}); callTool(`e.x`)",
            "named: d.query, e.x",
        ),
        (
            "import { callTool as c } from 'wxmcp'; c('d.query')",
            "named: d.query",
        ),
        (
            "import { mcp } from 'wxmcp'; mcp.callTool('d.query')",
            "named: d.query",
        ),
        (
            "import * as w from 'wxmcp'; w.callTool('d.query'); w.text('x')",
            "named: d.query",
        ),
        (
            "tools.describe('d.query', ['d.x']); tools.search('x')",
            "named: d.query, d.x",
        ),
        (
            "import { a } from './tools/d'; import * as d from './tools/d'; tools.describe(a, d.b)",
            "d: a; d: b",
        ),
        ("const callTool = () => 1; callTool(name)", ""),
        ("callTool(name)", "open"),
        ("callTool('d.' + name)", "open"),
        ("callTool(...names)", "open"),
        ("callTool()", "open"),
        ("const c = callTool; c('d.x')", "open"),
        ("callTool.call(null, 'd.x')", "open"),
        ("import { mcp } from 'wxmcp'; f(mcp)", "open"),
        ("tools.describe(name)", "open"),
        ("globalThis.callTool('d.x')", "open"),
        ("eval(text)", "open"),
        ("await import(name)", "open"),
    ];
    each(Dialect::JavaScript, &cases);
}

#[test]
fn more_names_than_are_kept_are_any() {
    let names: Vec<String> = (0..=MAX_NAMES).map(|n| format!("d.t{n}();")).collect();
    let source = format!("import * as d from './tools/d'; {}", names.concat());
    assert_eq!(told(&source, Dialect::JavaScript), "d: any; open");
}
