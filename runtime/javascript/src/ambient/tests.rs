use super::super::{Dialect, Form, transform};
use super::*;

fn ambient(source: &str) -> Ambient {
    let program = transform(source, Dialect::TypeScript, Form::Script);
    program.ok().and_then(|it| it.ambient).unwrap_or_default()
}

fn names(source: &str) -> Vec<String> {
    ambient(source).names.into_iter().collect()
}

#[test]
fn the_list_of_globals_is_sorted() {
    assert!(GLOBALS.is_sorted());
}

#[test]
fn a_script_that_declares_all_its_names_tells_none() {
    for source in [
        "console.log('hello')",
        "const github = 1; console.log(github, JSON.stringify({ github }))",
        "import { x } from './tools/github'; await x()",
        "await tools.search('x'); tools.describe('a.b'); await callTool('a.b')",
        "function f(github) { return github.x() } class github {} f(github)",
        "type X = { github: string }; let y: github; undefined",
        "github = 1; github.list()",
    ] {
        let program = transform(source, Dialect::TypeScript, Form::Script);
        assert_eq!(program.ok().and_then(|it| it.ambient), None, "{source}");
    }
}

#[test]
fn names_count_in_the_scopes_that_do_not_declare_them() {
    assert_eq!(names("await github.list()"), ["github"]);
    assert_eq!(names("{ const github = 1; } github.list()"), ["github"]);
    assert_eq!(
        names("const f = (github) => github.x(); f(github)"),
        ["github"]
    );
    assert_eq!(names("typeof slack !== 'undefined'"), ["slack"]);
    assert_eq!(
        names(
            "declare const github: any; declare function list(): void; await github.list(); list()"
        ),
        ["github", "list"]
    );
    assert_eq!(names("enum A { x } await github.list(A.x)"), ["github"]);
    assert_eq!(
        names("async ({ github, tools }) => github.list()"),
        ["github"]
    );
    assert!(ambient("'github' in globalThis").open);
}

#[test]
fn what_is_awaited_may_be_a_tool_and_what_is_asked_after_is_none() {
    let called = |source| ambient(source).called.into_iter().collect::<Vec<_>>();
    assert_eq!(called("await list_issues({})"), ["list_issues"]);
    assert_eq!(called("list_issues({}).then((x) => x)"), ["list_issues"]);
    assert_eq!(
        called("await Promise.all(ids.map((id) => read_one({ id })))"),
        ["read_one"]
    );
    assert!(called("console.log(formatRow(1))").is_empty());
    assert!(called("typeof idle === 'function' && await idle()").is_empty());
    assert!(called("const own = async () => 1; await own()").is_empty());
    let members = ambient("await tools.getWeather({}); tools.github.x()").members;
    assert_eq!(members.into_iter().collect::<Vec<_>>(), ["getWeather"]);
}
