use super::*;

fn levels(source: &str) -> usize {
    let read = |dialect| nesting(source, dialect, usize::MAX).0;
    read(Dialect::JavaScript).max(read(Dialect::TypeScript))
}

#[test]
fn text_and_flat_lists_nest_nothing() {
    for (source, most) in [
        (format!("const a = [{}]", "1, ".repeat(26_000)), 4),
        (format!("const a = [{}]", "-1.5e-3,\n".repeat(26_000)), 8),
        (
            format!(
                "const a = [{}]",
                "{ a: 'x', b: [1, 2], c: null },".repeat(9_000)
            ),
            12,
        ),
        (format!("const a = {{{}}}", "k: f(1),".repeat(26_000)), 8),
        (format!("const a = '{}'", "(it {was <[".repeat(30_000)), 4),
        (format!("const a = \"{}\"", "\\\"(;".repeat(30_000)), 4),
        (
            format!("const a = `{}`", "({[ ' \" ${b} \\` ".repeat(30_000)),
            8,
        ),
        (format!("/*{}*/ a", "((\n".repeat(30_000)), 4),
        (format!("// {}\na", "((".repeat(30_000)), 4),
        (format!("a = /{}/g", "[(/]\\(".repeat(10_000)), 4),
        (
            "f(/[\"'`(]/.test(x), y => /\\/(/.test(y));\n".repeat(10_000),
            12,
        ),
        (
            "if (a) /[(]/.test(b);\nreturn /[(]/;\nx = a / b / c;\n".repeat(10_000),
            12,
        ),
        (
            "const a = compute(1, 2)\nif (a) { f(a) }\nelse { g(a) }\n".repeat(10_000),
            16,
        ),
        ("function f(a) { return a.b().c() } ".repeat(10_000), 12),
        (
            "class A<T> { b?: T<U>; c(): D<E> { return <F>this; } }\n".repeat(5_000),
            16,
        ),
        (
            "switch (a) { case 1: b(); break; default: c() }\n".repeat(5_000),
            16,
        ),
        ("do a(); while (b)\nwhile (c) d()\n".repeat(10_000), 16),
    ] {
        let found = levels(&source);
        assert!(
            found <= most,
            "{found}: {}",
            source.get(..60).unwrap_or(&source)
        );
    }
}

#[test]
fn whatever_nests_is_counted() {
    for (part, each) in [
        ("(", 1),
        ("[", 1),
        ("{", 1),
        ("`${", 1),
        ("!", 1),
        ("a=>", 1),
        ("a?b:", 1),
        ("1+", 1),
        ("a.b.", 2),
        ("f()", 1),
        ("a``", 1),
        ("typeof ", 1),
        ("if(1)", 1),
        ("if(1)\n", 1),
        ("if(1) a; else ", 1),
        ("if(1) {}\nelse ", 1),
        ("do if(1) a; else ", 2),
        ("a:", 1),
        ("a: b: c, {", 3),
        ("{a>0;", 1),
        ("{a > '; ' + b;", 1),
        ("1+';'+", 2),
        ("f(a, ", 1),
        ("a => [b, ", 2),
        ("if(1) function f() { a, ", 2),
        ("x = @d\nclass extends ", 1),
        ("class extends ", 1),
        ("class { a = ", 1),
        ("f(/'/, ", 1),
        ("}\n/'/; {(", 1),
        ("a\n/'/; (", 1),
    ] {
        let source = part.repeat(1_000);
        let found = nesting(&source, Dialect::JavaScript, usize::MAX).0;
        assert!(found >= each * 1_000, "{found}: {part}");
    }
    for (part, each) in [
        ("A<", 1),
        ("A<B, ", 1),
        ("x = <T, U>(a) => ", 1),
        ("x = <const\nT>(a) => ", 1),
        ("a => class implements B, C { x = ", 2),
        (" as any", 1),
        ("a!", 1),
        ("keyof ", 1),
        ("A extends B ? C : ", 1),
        ("x > /'/; (", 1),
    ] {
        let source = format!("x = a{}", part.repeat(1_000));
        let found = nesting(&source, Dialect::TypeScript, usize::MAX).0;
        assert!(found >= each * 1_000, "{found}: {part}");
    }
}

#[test]
fn a_source_beyond_the_limit_is_not_read_on() {
    let (levels, place) = nesting(&"(".repeat(100), Dialect::JavaScript, 10);
    assert_eq!((levels, place), (11, 10));
}
