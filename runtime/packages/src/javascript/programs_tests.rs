use super::*;

fn files(all: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let all = all.iter();
    all.map(|(path, text)| (format!("node_modules/{path}"), text.as_bytes().to_vec()))
        .collect()
}

/// The JSON of each module, by its path, and what is imported by name.
fn described(files: &BTreeMap<String, Vec<u8>>) -> (BTreeMap<String, Value>, Value) {
    let made: BTreeMap<String, Vec<u8>> = files_of(files).into_iter().collect();
    let code = &made[".wxmcp/code"];
    let number = |at: usize| {
        let bytes = code[4 * at..4 * at + 4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap()
    };
    let modules = (0..number(0)).map(|module| {
        let blob = std::str::from_utf8(&code[number(module + 1)..number(module + 2)]).unwrap();
        let (json, source) = blob.split_once('\n').unwrap();
        let mut value: Value = serde_json::from_str(json).unwrap();
        let path = value["path"].as_str().unwrap().to_owned();
        let (package, rest) = package_and_rest(&path).unwrap();
        let paths =
            std::str::from_utf8(&made[&format!(".wxmcp/paths/{}", encoded(package))]).unwrap();
        assert!(paths.contains(&format!("\n{rest}\t{module}")), "{paths}");
        value["number"] = json!(module);
        value["source"] = json!(source);
        (path, value)
    });
    assert_eq!(number(number(0) + 1), code.len());
    (
        modules.collect(),
        serde_json::from_slice(&made[".wxmcp/index"]).unwrap(),
    )
}

#[test]
fn specifiers_mean_what_they_mean_to_node() {
    let files = files(&[
        (
            "a/package.json",
            r##"{"name": "a", "type": "module", "exports": {".": {"import": "./a.js", "require": "./a.cjs"},
            "./sub/*": "./lib/*.js"}, "imports": {"#own": "./own.js", "#b": "b"}}"##,
        ),
        (
            "a/a.js",
            "import own from '#own'; import b from '#b'; import c from '@s/c/x'; import self from 'a/sub/one'; import 'node:fs'; import 'fs';",
        ),
        (
            "a/a.cjs",
            "require('./lib/one'); require('b'); require('./none')",
        ),
        ("a/own.js", "export default 1"),
        ("a/lib/one.js", "export default 1"),
        ("a/node_modules/b/package.json", r#"{"main": "lib"}"#),
        ("a/node_modules/b/lib/index.js", "exports.b = 1"),
        ("b/index.js", "exports.b = 2"),
        ("@s/c/x.json", "1"),
    ]);
    let (modules, index) = described(&files);
    let own = &modules["node_modules/a/own.js"];
    assert_eq!(
        (&own["simple"], &own["names"]),
        (&json!([]), &json!(["default"]))
    );
    let found = |path: &str| &modules[&format!("node_modules/{path}")]["found"];
    let number = |path: &str| modules[&format!("node_modules/{path}")]["number"].clone();
    let nested = number("a/node_modules/b/lib/index.js");
    assert_eq!(
        found("a/a.js")["import"],
        json!({"#own": number("a/own.js"), "#b": nested, "@s/c/x": "node_modules/@s/c/x.json",
            "a/sub/one": number("a/lib/one.js")})
    );
    assert_eq!(
        found("a/a.cjs")["require"],
        json!({"./lib/one": number("a/lib/one.js"), "b": nested})
    );
    let entries = json!({"a": [number("a/a.js"), number("a/a.cjs")], "b": [number("b/index.js"), number("b/index.js")],
        "@s/c": [-1, -1]});
    assert_eq!(index, json!({"form": FORM, "entries": entries}));
}

#[test]
fn modules_that_only_pass_on_are_lazy_where_loading_has_no_effects() {
    let barrel = "export * from './one.js'; export { two as other } from './two.js'; export * as all from './two.js'; \
                  import three from './three.js'; export { three };";
    let package = |effects: &str| {
        files(&[
            (
                "a/package.json",
                &format!(r#"{{"type": "module", "main": "a.js", "sideEffects": {effects}}}"#),
            ),
            ("a/a.js", barrel),
            ("a/one.js", "export const one = 1; export default 0;"),
            ("a/two.js", "export function two() {}"),
            ("a/three.js", "export default 3"),
        ])
    };
    let lazy = |effects: &str| {
        let (modules, _) = described(&package(effects));
        let number = |path: &str| modules[&format!("node_modules/a/{path}.js")]["number"].clone();
        let names = json!({"one": [number("one"), "one"], "other": [number("two"), "two"], "all": [number("two"), null],
            "three": [number("three"), "default"]});
        let barrel = &modules["node_modules/a/a.js"];
        match barrel.get("lazy") {
            Some(found) => {
                assert_eq!(*found, names);
                true
            }
            None => {
                assert!(barrel["links"].is_object() || barrel["simple"].is_array());
                false
            }
        }
    };
    assert!(lazy("false"));
    assert!(
        lazy(r#"["./other.js", "*.css"]"#) == lazy(r#"["*"]"#),
        "what may mean it, means it"
    );
    assert!(lazy(r#"["./other.js"]"#));
    assert!(!lazy("true") && !lazy(r#"["./one.js"]"#) && !lazy("null"));
}

#[test]
fn modules_that_wait_and_common_ones_are_loaded_at_once() {
    for (path, text) in [
        ("a/one.js", "export const one = await 1;"),
        ("a/one.js", "import './two.js'; export const one = 1;"),
        ("a/one.cjs", "exports.one = 1;"),
    ] {
        let name = path.rsplit('/').next().unwrap();
        let files = files(&[
            (
                "a/package.json",
                r#"{"type": "module", "main": "a.js", "sideEffects": false}"#,
            ),
            ("a/a.js", &format!("export * from './{name}';")),
            ("a/two.js", "await 1;"),
            (path, text),
        ]);
        let (modules, _) = described(&files);
        assert!(
            modules["node_modules/a/a.js"].get("lazy").is_none(),
            "{text}"
        );
    }
}

#[test]
fn a_text_that_is_no_program_is_left_to_the_guest() {
    let files = files(&[
        ("a/index.js", "let = = 1"),
        ("a/x.mjs", "export default 1"),
        ("a/data.json", "{}"),
    ]);
    let (modules, index) = described(&files);
    assert_eq!(modules.keys().collect::<Vec<_>>(), ["node_modules/a/x.mjs"]);
    assert_eq!(index["entries"], json!({"a": [-1, -1]}));
}

#[test]
fn modules_that_need_only_values_are_simple() {
    let files = files(&[
        (
            "a/package.json",
            r#"{"type": "module", "exports": {".": "./a.js", "./x": "./pure.js", "./all/*": "./*.js"}, "sideEffects": false}"#,
        ),
        (
            "a/a.js",
            "import { two } from './two.js'; import { one } from './all.js'; export { one as again } from './one.js'; export default two + one;",
        ),
        ("a/all.js", "export * from './one.js';"),
        ("a/one.js", "export const one = 1;"),
        (
            "a/two.js",
            "import one from './pure.js'; export const two = 2;",
        ),
        ("a/pure.js", "export default function () {}"),
        (
            "a/star.js",
            "import * as one from './one.js'; export default one;",
        ),
        (
            "a/changing.js",
            "export let n = 0; export const up = () => n++;",
        ),
        ("a/meta.js", "export default import.meta.url;"),
        ("a/later.js", "export default () => import('./one.js');"),
        ("a/node.js", "import fs from 'fs'; export default fs;"),
        (
            "a/circle.js",
            "import { b } from './circle2.js'; export const a = () => b;",
        ),
        (
            "a/circle2.js",
            "import { a } from './circle.js'; export const b = () => a;",
        ),
        ("a/needs.js", "import c from './star.js'; export default c;"),
        (
            "a/missing.js",
            "import { none } from './one.js'; export default none;",
        ),
    ]);
    let (modules, _) = described(&files);
    let of = |name: &str| &modules[&format!("node_modules/a/{name}.js")];
    let number = |name: &str| of(name)["number"].clone();
    let a = of("a");
    let simple = json!([number("two"), {"one": [number("one"), "one"]}, number("one")]);
    assert_eq!(a["simple"], simple);
    assert_eq!(
        (&a["names"], &a["from"]),
        (&json!(["default"]), &json!([["again", 2, "one"]]))
    );
    assert_eq!(of("two")["simple"], json!([number("pure")]));
    for other in [
        "star", "changing", "meta", "later", "node", "circle", "circle2", "needs", "missing",
    ] {
        assert!(
            of(other)["simple"].is_null() && of(other)["links"].is_object(),
            "{other}"
        );
    }
    let made: BTreeMap<String, Vec<u8>> = files_of(&files).into_iter().collect();
    let names = std::str::from_utf8(&made[".wxmcp/names/a"]).unwrap();
    let pure = number("pure");
    assert_eq!(names, format!("\n./x\t{pure}\t{pure}"));
}
