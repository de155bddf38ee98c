use super::*;

fn session(source: &str, dialect: Dialect) -> Program {
    transform(source, dialect, Form::Session(dialect)).unwrap()
}

/// The script's part of a text.
fn inner(text: &str) -> &str {
    let (_, body) = text.split_once('\n').unwrap();
    body.strip_suffix("\n})").unwrap()
}

fn told(source: &str, dialect: Dialect) -> serde_json::Value {
    serde_json::to_value(session(source, dialect).session.unwrap()).unwrap()
}

/// Source and what becomes of it: nothing that stays has moved.
const DECLARED: [(&str, &str); 26] = [
    ("const a = 1;", ";     a = 1;"),
    ("let a = 1, b = a", ";   a = 1, b = a"),
    ("var a = 1", ";   a = 1"),
    ("var a", ";   0;"),
    ("var a, b = 2, c;", ";   0, b = 2, 0;"),
    ("const { a, b: [c] } = d", ";0,   { a, b: [c] } = d"),
    ("let [a] = b, { c } = d", ";0, [a] = b, { c } = d"),
    (
        "f()\nconst { a = 1, ...b } = c",
        "f()\n;0,   { a = 1, ...b } = c",
    ),
    ("if (a) var b = 1\nelse b", "if (a)     b = 1\nelse b"),
    ("if (a) var b; else b", "if (a)     0; else b"),
    ("if (a) var b\nelse b", "if (a)     0;\nelse b"),
    (
        "for (var i = 0, j; i < 3; i++) ;",
        "for (    i = 0, 0; i < 3; i++) ;",
    ),
    (
        "for (var { a } of b) { var c = a }",
        "for (    { a } of b) {     c = a }",
    ),
    ("for (var a in b) ;", "for (    a in b) ;"),
    (
        "for (let a of b) { const c = a }",
        "for (let a of b) { const c = a }",
    ),
    ("{ let a = 1; class B {} }", "{ let a = 1; class B {} }"),
    (
        "try { var a = b() } catch { var { a } = c }",
        "try {     a = b() } catch { 0,  { a } = c }",
    ),
    (
        "a: for (;;) { var b = 1; break a }",
        "a: for (;;) {     b = 1; break a }",
    ),
    ("export const a = 1", ";      ;     a = 1"),
    ("let a: number = 1", ";   a         = 1"),
    ("var a: number, b!: string", ";   0        , 0 ;       ;"),
    ("declare let a: number", ";                    "),
    (
        "(() => { var a = 1; let b })()",
        "return $m.last=(() => { var a = 1; let b })()",
    ),
    ("function f() { var a }", ";                     "),
    (
        "const a = 1\nfunction f() {\n  return a\n}\nf\n",
        ";     a = 1\n;             \n          \n \nreturn $m.last=f\n",
    ),
    (
        "function f() {} function g() {} 1",
        ";               ;               return $m.last=1",
    ),
];

#[test]
fn declarations_become_assignments_in_their_place() {
    for (source, expected) in DECLARED {
        let program = session(source, Dialect::TypeScript).source;
        assert_eq!(inner(&program), expected, "{source}");
    }
}

#[test]
fn names_are_told_with_how_they_were_declared() {
    let source = "import { q } from './tools/db';\nvar a; let b, { c, d: [e] } = x; const f = 1\n\
                  class G {}\nfunction h() {}\nfor (var i of []) { let no; }\nh(q)";
    let expected = serde_json::json!([
        ["a", "var"],
        ["b", "let"],
        ["c", "let"],
        ["e", "let"],
        ["f", "const"],
        ["G", "let"],
        ["h", "new"],
        ["i", "var"],
    ]);
    assert_eq!(told(source, Dialect::JavaScript)["names"], expected);
    let enums = "enum A { B }\nnamespace N { export const x = 1 }\nvar v = 1";
    let expected = serde_json::json!([["A", "new"], ["N", "let"], ["v", "var"]]);
    assert_eq!(told(enums, Dialect::TypeScript)["names"], expected);
}

#[test]
fn functions_have_a_text_of_their_own() {
    let functions = |source| {
        let told = told(source, Dialect::TypeScript);
        inner(told["functions"].as_str().unwrap()).to_owned()
    };
    assert_eq!(
        functions("const a = 1\nfunction f(x: T): T {\n  return x\n}\nf"),
        ";          \nf=function(x   )    {\n  return x\n}\n;"
    );
    assert_eq!(
        functions("export async function  f() {}; function *g() {}"),
        ";      f=async function () {}; g=function*() {}"
    );
    // There is no room for the longer text: it is put in.
    assert_eq!(
        functions("function*f(){}function g(){}"),
        ";f=function*          (){};g=function          (){}"
    );
    assert_eq!(told("1", Dialect::JavaScript).get("functions"), None);
    let head = told("function f() { import('./tools/a') }", Dialect::JavaScript);
    let head = head["functions"].as_str().unwrap().to_owned();
    assert!(
        head.starts_with("(function($m){\"use strict\";const $i=$m.import;\n"),
        "{head}"
    );
}

#[test]
fn what_moves_the_rest_of_a_line_is_known() {
    let shifts = |source| session(source, Dialect::JavaScript).shifts;
    assert_eq!(shifts("const a = 1; let { b } = a; var c; a = 2"), []);
    let shift = |line, column, width| Shift {
        line,
        column,
        width,
    };
    assert_eq!(
        shifts("let a; class B {} a"),
        [
            shift(1, 6, 7),
            shift(1, 8, 3),
            shift(1, 18, 1),
            shift(1, 19, 15)
        ]
    );
}

#[test]
fn imports_belong_to_the_session() {
    let source =
        "import { query, Row } from './tools/db'\nimport { Gone } from './types'\nquery({})";
    let program = session(source, Dialect::TypeScript);
    // `Row` may be a type; a later script may use it.
    assert_eq!(program.imports.len(), 2);
    assert_eq!(program.imports[0].names, ["query"]);
    // Nobody minds where a file is missing of which only types are wanted.
    let types = &program.imports[1];
    assert!(types.names.is_empty() && types.perhaps && !program.imports[0].perhaps);
    assert!(program.source.contains(
        "$m.bind(\"query\",$m.modules[0][\"query\"]);$m.bind(\"Row\",$m.modules[0][\"Row\"]);"
    ));
    let program = session("import { Row } from './tools/db'", Dialect::JavaScript);
    assert_eq!(program.imports[0].names, ["Row"]);
    let generated = session(
        "import { Row } from './tools/db'\nenum A { B }",
        Dialect::TypeScript,
    );
    assert_eq!(generated.imports.len(), 1);
    assert!(generated.source.contains("$m.bind(\"Row\""));
}

#[test]
fn one_script_declares_a_name_once() {
    for source in [
        "let a; let a",
        "const a = 1; var a",
        "class a {} function a() {}",
        "let a; { var a }",
    ] {
        let refused = transform(
            source,
            Dialect::JavaScript,
            Form::Session(Dialect::JavaScript),
        );
        let traceback = refused.unwrap_err().raised("script.js").traceback;
        assert!(traceback.contains("`a` is declared twice"), "{traceback}");
    }
    for source in [
        "var a; var a",
        "function a() {} function a() {}",
        "let a; { let a }",
    ] {
        session(source, Dialect::JavaScript);
    }
}

#[test]
fn a_script_of_a_session_is_not_told_to_call_what_it_defines() {
    assert_eq!(
        session("function main() {}", Dialect::JavaScript).note,
        None
    );
}

#[test]
fn what_is_still_open_goes_on() {
    for open in [
        "f(",
        "{",
        "if (a) {\n  b",
        "const a = [1,",
        "`text\nmore",
        "f(`a ${b",
        "/* a",
        "class A {",
        "a +",
        "() =>",
        "function f(a,\n",
    ] {
        assert!(is_unfinished(open, Dialect::TypeScript), "{open}");
    }
    for whole in [
        "",
        "f()",
        "a = ;",
        "'text",
        "}",
        "let a: number",
        "`a`",
        "// `",
        "if (a) {}",
        "x = = 1",
        "a(]",
    ] {
        assert!(!is_unfinished(whole, Dialect::TypeScript), "{whole}");
    }
}
