use super::*;

mod linked;
mod session;
mod value;

fn program(source: &str, dialect: Dialect) -> Program {
    transform(source, dialect, Form::Script).unwrap()
}

/// The script's part of a program.
fn body(source: &str, dialect: Dialect) -> String {
    let program = program(source, dialect).source;
    let (_, body) = program.split_once('\n').unwrap();
    body.strip_suffix("\n})").unwrap().to_owned()
}

/// The same of a tool file, which has no value: nothing but types and modules changes.
fn erased(source: &str, dialect: Dialect) -> String {
    let program = transform(source, dialect, Form::Module).unwrap().source;
    let (_, body) = program.split_once('\n').unwrap();
    let (body, _) = body.rsplit_once("\nreturn {__proto__:null,").unwrap();
    body.to_owned()
}

fn header(source: &str, dialect: Dialect) -> String {
    let program = program(source, dialect).source;
    program.split_once('\n').unwrap().0.to_owned()
}

fn refusal(source: &str, dialect: Dialect) -> String {
    let raised = transform(source, dialect, Form::Script)
        .unwrap_err()
        .raised("script.ts");
    raised.traceback
}

/// Source and what becomes of it, one below the other, so that columns can be seen.
const ERASED: [(&str, &str); 34] = [
    ("let a: number = 1;", "let a         = 1;"),
    (
        "const b = <T,>(x: T): x is T => x!;",
        "const b =     (x   )         => x ;",
    ),
    ("let v!: string", "let v ;       "),
    (
        "function f(this: A, a?: B, ...c: C[]): D { return a }",
        "function f(         a    , ...c     )    { return a }",
    ),
    (
        "function g(a: A): void;\nfunction g(a: any) {}",
        ";                      \nfunction g(a     ) {}",
    ),
    ("interface A { b: c }", ";                   "),
    ("type A = {\n  b: c\n};", ";         \n      \n  "),
    ("declare const x: A; x", ";                   x"),
    (
        "declare module 'x' {}\ndeclare global { }",
        ";                    \n;                 ",
    ),
    (
        "abstract class A<T> extends B<T> implements C, D {}",
        "         class A    extends B                    {}",
    ),
    (
        "class A { public readonly a?: b = 1; static declare c: d }",
        "class A { ;               a     = 1; ;                   }",
    ),
    (
        "class A { private b() {} protected async *c() {} }",
        "class A { ;       b() {} ;         async *c() {} }",
    ),
    (
        "class A { x = 1\n public ['y'] = 2 }",
        "class A { x = 1\n ;      ['y'] = 2 }",
    ),
    (
        "class A { [k: string]: any; a(): void; a() {} }",
        "class A { ;                 ;          a() {} }",
    ),
    (
        "class A { abstract b: c; override d?(): void {} }",
        "class A { ;              ;        d ()       {} }",
    ),
    ("class A { ['a']!: b }", "class A { ['a'] ;   }"),
    ("f<T>(x as any)", "f   (x       )"),
    ("const c = a as b\n(d)", "const c = a;    \n(d)"),
    ("a satisfies b\n[0]", "a;           \n[0]"),
    ("x = <any>y", "x =      y"),
    ("new Map<string, number>()", "new Map                ()"),
    ("tag<T>`x`", "tag   `x`"),
    (
        "let s = 'type A = 1' // as any",
        "let s = 'type A = 1' // as any",
    ),
    (
        "for (const x of y as any[]) ;",
        "for (const x of y         ) ;",
    ),
    (
        "try {} catch (e: unknown) {}",
        "try {} catch (e         ) {}",
    ),
    (
        "let { a, b }: { a: A; b: B } = c",
        "let { a, b }                 = c",
    ),
    (
        "export type A = 1; export interface B {}",
        ";                  ;                    ",
    ),
    ("export const a: number = 1", ";      const a         = 1"),
    ("export { a }; let a", ";             let a"),
    (
        "import type { A } from './a'; let x: A",
        ";                             let x;  ",
    ),
    ("let x = y!.z![0]!", "let x = y .z [0];"),
    (
        "let f = (a: A,\n  b?: B) => a",
        "let f = (a   ,\n  b    ) => a",
    ),
    ("let 𝒯: '𝒯' = 1", "let 𝒯       = 1"),
    (
        "const x = { a: b as c, d: <e>f }",
        "const x = { a: b     , d:    f }",
    ),
];

#[test]
fn types_go_and_everything_else_stays_where_it_was() {
    for (source, expected) in ERASED {
        assert_eq!(erased(source, Dialect::TypeScript), expected, "{source}");
    }
}

#[test]
fn every_kept_line_and_column_survives() {
    for (source, _) in ERASED {
        let body = erased(source, Dialect::TypeScript);
        assert_eq!(body.lines().count(), source.lines().count(), "{source}");
        for (before, after) in source.lines().zip(body.lines()) {
            let units = |line: &str| line.encode_utf16().collect::<Vec<_>>();
            let (before, after) = (units(before), units(after));
            assert_eq!(before.len(), after.len(), "{source}");
            for (b, a) in before.iter().zip(&after) {
                let added = [u16::from(b' '), u16::from(b';')].contains(a);
                assert!(a == b || added, "{source}");
            }
        }
    }
}

#[test]
fn javascript_without_modules_is_left_alone() {
    for source in [
        "const a = 1\n\nlet b = `${a}`; // c",
        "#x in y",
        "return 1",
        "await 1; for await (const x of y) {}",
        "\r\n\u{2028}a",
    ] {
        let expected = source;
        match transform(source, Dialect::JavaScript, Form::Script) {
            Ok(_) => assert_eq!(erased(source, Dialect::JavaScript), expected),
            Err(error) => assert_eq!(source, "#x in y", "{error:?}"),
        }
    }
    assert_eq!(
        erased("#!/usr/bin/env node\n1", Dialect::JavaScript),
        "                   \n1"
    );
}

#[test]
fn imports_become_bindings_of_the_header() {
    let source = "import { query, update as u } from './tools/database'\nimport * as files from 'tools/file.ts'\nquery(u, files)";
    for dialect in [Dialect::JavaScript, Dialect::TypeScript] {
        let program = program(source, dialect);
        let [database, file] = program.imports.as_slice() else {
            panic!("{:?}", program.imports);
        };
        assert_eq!(database.from, Origin::Namespace("database".to_owned()));
        assert_eq!(database.names, ["query", "update"]);
        assert_eq!((file.line, file.column, file.star), (2, 1, true));
        assert_eq!(
            header(source, dialect),
            "(function($m){\"use strict\";const query=$m.modules[0][\"query\"];\
             const u=$m.modules[0][\"update\"];const files=$m.modules[1];"
        );
        assert!(body(source, dialect).ends_with("\nreturn $m.last=query(u, files)"));
    }
}

#[test]
fn only_a_source_that_waits_becomes_an_async_function() {
    let waiting = [
        "await f()",
        "const x = [1, { y: await f() }]",
        "for await (const x of y) {}",
        "if (x) { while (y) z(`${await f()}`) }",
        "class A extends (await f()) {}",
        "class A { [await f()]() {} }",
        "await using x = f()",
        "export const x = await f()",
        "export default await f()",
        // The engine refuses it, and says so in an async function only.
        "const f = (a = await 1) => a",
    ];
    let not = [
        "f()",
        "const f = async () => await g()",
        "async function f() { for await (const x of y) await x }",
        "class A { async f() { await g() } static async *h() { await g() } }",
        "export default async () => await g()",
        "({ async f() { await using x = y } })",
        "// await f()\n'await f()'",
    ];
    for (sources, word) in [
        (&waiting[..], "(async function($m){"),
        (&not[..], "(function($m){"),
    ] {
        for source in sources {
            for dialect in [Dialect::JavaScript, Dialect::TypeScript] {
                let header = header(source, dialect);
                assert!(header.starts_with(word), "{source}: {header}");
            }
        }
    }
    // Generated code too.
    let enums = |rest: &str| header(&format!("enum E {{ A }}\n{rest}"), Dialect::TypeScript);
    assert!(enums("f(E.A)").starts_with("(function($m){"));
    assert!(enums("await f(E.A)").starts_with("(async function($m){"));
}

#[test]
fn other_forms_of_imports_are_understood() {
    let names = |source| {
        let imports = program(source, Dialect::JavaScript).imports;
        imports
            .into_iter()
            .map(|import| {
                (
                    space(import.from),
                    import.names,
                    import.star,
                    import.default,
                )
            })
            .collect::<Vec<_>>()
    };
    let one = |space: &str, names: &[&str], star, default| {
        let names = names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>();
        vec![(space.to_owned(), names, star, default)]
    };
    assert_eq!(
        names("import d from './tools/db'"),
        one("db", &[], false, true)
    );
    assert_eq!(names("import './tools/db'"), one("db", &[], false, false));
    assert_eq!(
        names("import { a } from './tools'"),
        one("a", &[], true, false)
    );
    assert_eq!(
        names("import q from './tools/db/query.js'"),
        one("db", &["query"], false, true)
    );
    assert_eq!(
        names("import { 'a-b' as c } from \"tools/db\" with { type: 'x' }"),
        one("db", &["a-b"], false, false)
    );
}

#[test]
fn typescript_drops_imports_of_types() {
    let source = "import { type A, B, c } from './tools/x'; let a: A, b: B; c()";
    assert_eq!(program(source, Dialect::TypeScript).imports[0].names, ["c"]);
    for only_types in [
        "import { A } from './tools/x'; let a: A",
        "import { type A } from './nowhere'; let a: A",
        "import { type A, type B, } from './nowhere.ts'; let a: A",
        "import type { A } from './nowhere'; let a: A",
        "import { A } from './nowhere'; let a: A",
        "export type { A } from './nowhere'",
        "export { type A, type B } from './nowhere'",
        "export type * from './nowhere'",
        "import { type A } from './nowhere'; enum E { B } let a: A",
    ] {
        let program = program(only_types, Dialect::TypeScript);
        assert!(program.imports.is_empty(), "{only_types}");
    }
}

#[test]
fn exports_by_default_are_the_value() {
    let last = |source: &str| {
        let program = program(source, Dialect::TypeScript).source;
        program.lines().rev().nth(1).unwrap().to_owned()
    };
    assert_eq!(last("export default 42"), "return $m.default");
    assert_eq!(
        body("export default 42", Dialect::JavaScript),
        ";$m.default=   42\nreturn $m.default"
    );
    assert_eq!(last("export default function f() {}"), "return f");
    assert_eq!(last("const a = 1; export { a as default }"), "return a");
    assert_eq!(
        body("export default class {}\n(1)", Dialect::JavaScript),
        ";$m.default=   class {};\n(1)\nreturn $m.default"
    );
    assert_eq!(
        last("export default interface A {}"),
        ";                            "
    );
}

#[test]
fn long_sources_are_read_in_a_moment() {
    let imports: String = (0..40_000)
        .map(|i| format!("import {{ t{i} }} from './tools/x'; t{i};"))
        .collect();
    let exports: String = (0..80_000)
        .map(|i| format!("export const a{i} = 1 as number;\n"))
        .collect();
    let statements = "f(x as T)\n".repeat(80_000);
    let names: String = (0..40_000).map(|i| format!("$m{i} ")).collect();
    let names = format!("// {names}");
    for source in [imports, exports, statements, names] {
        let begun = std::time::Instant::now();
        transform(&source, Dialect::TypeScript, Form::Script).unwrap();
        // Anything that is not linear takes minutes, in a debug build.
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    }
}

#[test]
fn dynamic_imports_and_meta_are_ours() {
    assert_eq!(
        body(
            "const a = import('x'), b = import.meta.url",
            Dialect::JavaScript
        ),
        "const a = $i    ('x'), b = $m    .meta.url"
    );
    assert!(header("import('$i')", Dialect::JavaScript).contains("const $i1=$m.import;"));
}

#[test]
fn what_is_more_than_types_is_generated_with_a_map() {
    let source = "enum Color { Red, Green = 'g' }\nnamespace N { export const x = 1 }\nclass P { constructor(private a: number) {} }\n\nthrow new Error(Color.Red)";
    let program = program(source, Dialect::TypeScript);
    let map = program.map.unwrap();
    let line = program
        .source
        .lines()
        .position(|line| line.contains("throw"))
        .unwrap()
        - 1;
    assert_eq!(map.lines[line][0], [0, 4, 0]);
    assert!(program.source.contains("this.a = a"), "{}", program.source);
    assert!(!program.source.contains("enum"));
    let with_import = format!("import {{ q, T }} from './tools/x'\n{source}\nq(null as T)");
    let program = self::program(&with_import, Dialect::TypeScript);
    assert_eq!(program.imports[0].names, ["q"]);
    assert_eq!(program.imports[0].line, 1);
}

#[test]
fn a_line_end_inside_a_type_does_not_end_a_statement() {
    for source in [
        "const f = async <\nT>(x: T) => x",
        "const f = (x): {\n} => x",
        "() => { return <\nany>x }",
    ] {
        assert!(
            program(source, Dialect::TypeScript).map.is_some(),
            "{source}"
        );
    }
}

#[test]
fn nothing_leaves_the_wrapper() {
    for source in [
        "}); evil(); (async function(){",
        "}",
        "*/ evil()",
        "`",
        "/* ",
        "return (",
        "<!-- x",
    ] {
        for dialect in [Dialect::JavaScript, Dialect::TypeScript] {
            assert!(
                transform(source, dialect, Form::Script).is_err(),
                "{source}"
            );
        }
    }
    for source in ["1 // x", "1 /* x */", "x = 1;;", "if (1) ; else ;"] {
        assert!(
            transform(source, Dialect::JavaScript, Form::Script).is_ok(),
            "{source}"
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn a_program_parses_iff_its_source_does() {
    let pieces = [
        "let a",
        ": number",
        " = 1",
        ";",
        "\n",
        "a",
        "<T>",
        "(",
        ")",
        "{",
        "}",
        " as any",
        "!",
        "=>",
        "class A ",
        "x",
        "return ",
        "import {b} from './tools/b'",
        "export ",
        "default ",
        "function f",
        "type T = 1",
        "enum E {A}",
        "`${",
        "/",
        "async ",
        "await ",
        "// c\n",
        "if (1) ",
        ",",
        "'s'",
        "?.",
    ];
    // A generator of its own, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut valid = 0;
    for _ in 0..20_000 {
        let mut source = String::new();
        for _ in 0..(state % 9 + 1) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            source.push_str(pieces[usize::try_from(state % 32).unwrap()]);
        }
        let allocator = Allocator::default();
        let before = parsed(&allocator, &source, SourceType::ts().with_module(true));
        let Ok(program) = transform(&source, Dialect::TypeScript, Form::Script) else {
            continue;
        };
        assert!(before.diagnostics.is_empty(), "{source}");
        let allocator = Allocator::default();
        let after = parsed(&allocator, &program.source, SourceType::mjs());
        assert!(
            after.diagnostics.is_empty(),
            "{source:?} became {:?}: {:?}",
            program.source,
            after.diagnostics.first()
        );
        valid += 1;
    }
    assert!(valid > 500, "only {valid} sources were programs");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (source, message) in [
        ("@d class A {}", "decorators are not supported"),
        (
            "import * as t from './tools'; t",
            "the tool tree is imported by name",
        ),
        ("const a = <div></div>", "JSX is not supported"),
        ("const a = <A b={1} />", "JSX is not supported"),
    ] {
        let found = refusal(source, Dialect::TypeScript);
        assert!(found.contains(message), "{source}: {found}");
    }
}

#[test]
fn an_error_shows_its_line_and_column() {
    assert_eq!(
        refusal("let a = 1;\nlet b = = 2;", Dialect::JavaScript),
        "SyntaxError: Unexpected token\n    at script.ts:2:9\n\n    let b = = 2;\n            ^\n"
    );
}

#[test]
fn fences_go_and_lines_stay() {
    assert_eq!(
        body("\n```ts\nlet a: b\n```\n", Dialect::TypeScript),
        "\n\nlet a;  "
    );
    assert_eq!(
        body("~~~\nreturn 1\n~~~", Dialect::JavaScript),
        "\nreturn 1"
    );
    for (source, expected) in [
        ("````js\nreturn 1\n````", "\nreturn 1"),
        ("  ~~~~~ts title=x\n  return 1\n  ~~~~~~\n", "\n  return 1"),
        ("```js\nreturn 1", "\nreturn 1"),
        ("```\nreturn 1\n```\nIt answers 1.", "\nreturn 1"),
        (
            "Here is it:\n\n```js\nreturn 1\n```\nDone.",
            "\n\n\nreturn 1",
        ),
        ("````js\nreturn `\n~~~\n`\n````", "\nreturn `\n~~~\n`"),
        ("~~~js\nreturn `\n~~~\n`\n~~~", "\nreturn `\n~~~\n`"),
    ] {
        assert_eq!(body(source, Dialect::JavaScript), expected, "{source}");
    }
    // A program that holds a fence is none in a fence.
    let program = "const a = `\n~~~\nb\n~~~\n`";
    assert_eq!(body(program, Dialect::JavaScript), program);
    let two = refusal("```js\na\n```\nand\n```js\nb\n```", Dialect::JavaScript);
    assert!(two.contains("several Markdown code blocks"), "{two}");
    assert!(two.contains(":5:1"), "{two}");
}

fn space(from: Origin) -> String {
    match from {
        Origin::Namespace(name) => name,
        Origin::Module(name) => format!("the module {name}"),
        Origin::File(path) => format!("the file {path}"),
        Origin::Shared(path) => format!("the shared file {path}"),
        Origin::Index(index) => format!("the shared file {index}"),
    }
}

#[test]
fn a_module_answers_its_exports() {
    let program = transform(
        "export const a = 1, {b, c: [d]} = x;\nexport async function f() {}\nexport interface T {}\n\
         const g = 2;\nexport { g as h };\nexport default class {}",
        Dialect::TypeScript,
        Form::Module,
    )
    .unwrap();
    assert!(
        program.source.ends_with(
            "return {__proto__:null,\"a\":a,\"b\":b,\"d\":d,\"f\":f,\"h\":g,\"default\":$m.default}\n})"
        ),
        "{}",
        program.source
    );
    let function = transform("async () => 1", Dialect::JavaScript, Form::Module).unwrap();
    assert!(!function.source.contains("return ("), "{}", function.source);
}
