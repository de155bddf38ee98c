use super::*;

fn file(source: &str, dialect: Dialect) -> Program {
    transform(source, dialect, Form::File(Format::ByText)).unwrap()
}

fn lines(program: &Program) -> (&str, &str) {
    program.source.split_once('\n').unwrap()
}

#[test]
fn a_script_with_files_fills_its_imports_when_they_are_there() {
    let source = "import a, { b as c } from './x.js'; import * as d from 'pkg'\nc(a, d)";
    let program = program(source, Dialect::JavaScript);
    assert_eq!(
        lines(&program).0,
        "(function($m){\"use strict\";let a,c,d;$m.link({__proto__:null,},\
         [()=>{a=$m.modules[0][\"default\"];},()=>{c=$m.modules[0][\"b\"];},()=>{d=$m.modules[1];}]);/*cycle*/"
    );
    assert_eq!(program.imports[0].from, Origin::File("./x.js".to_owned()));
    assert_eq!(program.imports[1].from, Origin::File("pkg".to_owned()));
}

#[test]
fn modules_of_node_are_bound_as_tools_are() {
    let source = "import fs, { join as j } from 'fs'; import 'node:os'; j(fs)";
    let program = program(source, Dialect::JavaScript);
    assert_eq!(
        lines(&program).0,
        "(function($m){\"use strict\";const fs=$m.modules[0][\"default\"];const j=$m.modules[0][\"join\"];"
    );
    assert_eq!(
        program.imports[1].from,
        Origin::Module("node:os".to_owned())
    );
    assert_eq!(program.links, None);
}

#[test]
fn what_a_module_exports_are_getters_and_changes_are_told() {
    let source = "export const a = 1;\nlet n = 0;\nexport { n as count };\nfunction f() { n++; return n = 2 }\n\
                  export default class {}";
    let program = file(source, Dialect::JavaScript);
    let (head, body) = lines(&program);
    assert!(
        head.ends_with("$m.link({__proto__:null,[\"a\"]:()=>a,[\"count\"]:()=>n,[\"default\"]:()=>$m.default},[]);/*cycle*/"),
        "{head}"
    );
    let told = "function f() { $m.up(n++); return $m.up(n = 2) }";
    assert!(body.contains(told), "{body}");
    assert!(
        body.starts_with(";      const a = 1;;$m.up();\nlet n = 0;;$m.up();\n"),
        "{body}"
    );
    assert!(!program.common);
}

#[test]
fn what_is_passed_on_is_of_others() {
    let source = "import { a } from './a.js';\nexport { a as b };\nexport { c } from './c.js';\n\
                  export * from './d.js';\nexport * as e from './e.js';\nexport default a;";
    let program = file(source, Dialect::JavaScript);
    let links = serde_json::to_value(program.links.as_ref().unwrap()).unwrap();
    assert_eq!(
        links["from"],
        serde_json::json!([["c", 1, "c"], ["e", 3, null], ["b", 0, "a"]])
    );
    assert_eq!(links["stars"], serde_json::json!([2]));
    assert_eq!(links["exports"], serde_json::json!(["default"]));
    assert_eq!(program.imports.len(), 4);
}

#[test]
fn text_decides_what_is_common_js() {
    let is_common = |source| file(source, Dialect::JavaScript).common;
    for source in [
        "exports.a = 1",
        "var a = 0755",
        "1",
        "module.exports = require('./x')",
    ] {
        assert!(is_common(source), "{source}");
    }
    for source in [
        "export const a = 1",
        "await f()",
        "import.meta.url",
        "import './x.js'",
    ] {
        assert!(!is_common(source), "{source}");
    }
    let script = |source| program(source, Dialect::JavaScript);
    assert!(script("const fs = require('fs')").common);
    assert!(!script("const a = 1").common);
    assert!(!script("const a = await require('fs')").common);
    assert!(!script("function require() {}\nrequire()").common);
}

#[test]
fn a_script_has_the_names_of_common_js_that_it_does_not_declare() {
    let head = |source, dialect| lines(&program(source, dialect)).0.to_owned();
    assert_eq!(
        head(
            "const { a } = require('x')\na(__dirname)",
            Dialect::JavaScript
        ),
        "(function($m){let require=$m.require;let __dirname=$m.__dirname;"
    );
    assert_eq!(
        head(
            "import p from 'path'; const __dirname = p.x; p(__dirname, __filename)",
            Dialect::JavaScript
        ),
        "(function($m){\"use strict\";let __filename=$m.__filename;const p=$m.modules[0][\"default\"];"
    );
    assert_eq!(
        head("import fs = require('fs'); fs.x()", Dialect::TypeScript),
        "(function($m){\"use strict\";let require=$m.require;"
    );
    assert_eq!(
        body("import fs = require('fs');", Dialect::TypeScript),
        "const  fs = require('fs');"
    );
}

#[test]
fn sloppy_sources_are_read_where_they_can_be_common_js() {
    assert!(file("with (a) b", Dialect::JavaScript).common);
    let mode = "require('fs').chmodSync(x, 0755)";
    assert!(transform(mode, Dialect::JavaScript, Form::Script).is_ok());
    let module = Form::File(Format::Module);
    assert!(transform("var await = 1", Dialect::JavaScript, module).is_err());
    assert!(file("var await = 1", Dialect::JavaScript).common);
    assert!(transform("return 1}), (function () {", Dialect::JavaScript, module).is_err());
}

#[test]
fn files_of_packages_import_no_tools() {
    let source = "import { Runner } from '../tools/runner.mjs'; export * from './tools'; Runner();";
    let of = |name: &str| crate::file(source, Dialect::JavaScript, Format::ByText, name);
    let program = of("/project/node_modules/a/lib/index.mjs").unwrap();
    let origins: Vec<&Origin> = program.imports.iter().map(|import| &import.from).collect();
    let file = |specifier: &str| Origin::File(specifier.to_owned());
    assert_eq!(origins, [&file("../tools/runner.mjs"), &file("./tools")]);
    assert!(of("/project/lib/index.mjs").is_err());
}

#[test]
fn files_tell_their_names_and_packages_do_not() {
    let source = "export const all = () => github.list_issues({});";
    let of = |name: &str| crate::file(source, Dialect::JavaScript, Format::ByText, name).unwrap();
    let names = of("/project/lib/issues.js")
        .ambient
        .unwrap_or_default()
        .names;
    assert_eq!(Vec::from_iter(names), ["github"]);
    assert_eq!(of("/project/node_modules/a/index.js").ambient, None);
}
