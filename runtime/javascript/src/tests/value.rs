use super::*;

#[test]
fn the_last_expression_is_the_value() {
    for (source, expected) in [
        ("const a = 1\na", "const a = 1\nreturn $m.last=a"),
        ("f(); // end", "return $m.last=f(); // end"),
        (
            "let a; a as number;;",
            "let a; return $m.last=a          ;;",
        ),
        ("({ v: 22 })", "return $m.last=({ v: 22 })"),
        ("`a${1}`", "return $m.last=`a${1}`"),
        ("await x", "return $m.last=await x"),
        ("a, b", "return a, b"),
        ("'use strict'\na!", "'use strict'\nreturn $m.last=a;"),
        ("'text'", "return 'text'"),
        (
            "main()\nfunction main() {}\ninterface A {}",
            "return $m.last=main()\nfunction main() {}\n;             ",
        ),
        // A function that stands there is called.
        (
            "const a = 1\nasync () => a;",
            "const a = 1\nreturn async () => a;",
        ),
        ("(function () {})", "return (function () {})"),
    ] {
        assert_eq!(body(source, Dialect::TypeScript), expected, "{source}");
    }
}

#[test]
fn what_is_done_for_its_effect_is_no_value() {
    for source in [
        "a = 1",
        "a.b += 1",
        "i++",
        "setTimeout(() => 1, 5)",
        "globalThis.setInterval(f, 5)",
        "queueMicrotask(f)",
        "console.log(1)",
        "await process.stdout.write('x')",
        "ok && console.log(1)",
        "process?.stderr?.write?.('x')",
        "if (a) b",
        "{ a }",
        "try { a } catch {}",
        "const a = 1",
        "a\nclass B {}",
        "'use strict'",
        "return 1",
        "",
    ] {
        assert_eq!(body(source, Dialect::JavaScript), source);
    }
    assert!(!body("1\nexport default 2", Dialect::JavaScript).contains("last"));
}

#[test]
fn what_is_put_into_a_line_is_known() {
    let shift = |source| program(source, Dialect::TypeScript).shifts;
    let expected = Shift {
        line: 3,
        column: 12,
        width: 15,
    };
    assert_eq!(shift("\n/*\n*/  let x; x"), [expected]);
    // Columns are counted in UTF-16 units.
    assert_eq!(shift("\n\nlet 𝒯𝒯 ; x"), [expected]);
    assert_eq!(shift("let x"), []);
}

#[test]
fn a_script_that_only_defines_is_noted() {
    let note = |source| {
        program(source, Dialect::TypeScript)
            .note
            .unwrap_or_default()
    };
    for source in [
        "async function main() { return 1 }",
        "const main = async () => 1; console.log('begins')",
        "export function main(): void { main() }",
    ] {
        let expected = "the script defines `main` and does not call it: end it with `main()`";
        assert_eq!(note(source), expected, "{source}");
    }
    assert_eq!(
        note("export const result = 27"),
        "the script exports `result`, which has no effect: write `return result`, or `export default`"
    );
    for source in [
        "function run() {}; run()",
        "function run() {}; list.forEach(run)",
        "const run = 5",
        "export const a = 1; console.log(a)",
        "export default function main() {}",
        "function other() {}",
        "export type A = 1",
    ] {
        assert_eq!(note(source), "", "{source}");
    }
}

#[test]
fn what_a_module_of_node_exports_is_the_value() {
    assert_eq!(
        body("module.exports = { a: 1 } as T\n(b)", Dialect::TypeScript),
        "module.exports = { a: 1 };    \n(b)\nreturn $m.exported()"
    );
    assert_eq!(
        body("const module = {}; module.exports = 1", Dialect::JavaScript),
        "const module = {}; module.exports = 1"
    );
}
