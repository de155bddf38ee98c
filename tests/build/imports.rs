//! A component imports the tools that its script may use.

use std::fs;

use crate::folders::{narrowed, two_tools, wx};
use crate::support::TestResult;

const NARROW_PRINTS: &str = "\
[{'n': 2}]
unknown-tool there is no tool `database.drop` in this component, which was built with `database.query`; \
where there is one, `wxmcp build --with database.drop` adds it
";

/// A component of a script that calls one tool of two, and one that no literal could add, runs
/// where the other tool is denied.
fn runs_without_the_other_tool(script: (&str, &str)) -> TestResult {
    let folder = two_tools()?;
    narrowed(folder.path(), script, &[], "imports database (1 tool)")?;
    let denied = ["run", "--deny-tool", "database.update", "out.wasm"];
    let ran = wx(folder.path(), &denied, "")?;
    assert_eq!(ran.stdout, NARROW_PRINTS, "{}", ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    Ok(())
}

#[test]
fn python_runs_where_a_tool_is_denied_that_it_does_not_use() -> TestResult {
    let source = r#"
from tools import database
print(database.query("select max(n) as n from numbers"))
try:
    call_tool("database.drop")
except ToolError as error:
    print(error.kind, error)
"#;
    runs_without_the_other_tool(("narrow.py", source))
}

#[test]
fn typescript_runs_where_a_tool_is_denied_that_it_does_not_use() -> TestResult {
    let source = r#"
import * as database from './tools/database';
const [{ n }] = await database.query('select max(n) as n from numbers');
console.log(`[{'n': ${n}}]`);
try { await callTool('database.drop') } catch (error) { console.log(error.kind, error.message) }
"#;
    runs_without_the_other_tool(("narrow.ts", source))
}

/// A namespace as a global, a tool by its name alone, and what other hosts call both.
#[test]
fn names_that_python_binds_nowhere_are_imported() -> TestResult {
    let source = r#"
newest = database.query("select max(n) as n from numbers")
same = [query("select max(n) as n from numbers"), codemode.database_query("select max(n) as n from numbers")]
same += [tools["database"].query("select max(n) as n from numbers"), mcp.database.query("select max(n) as n from numbers")]
print(newest if all(one == newest for one in same) else same)
try:
    call_tool("database.drop")
except ToolError as error:
    print(error.kind, error)
"#;
    runs_without_the_other_tool(("narrow.py", source))
}

#[test]
fn names_that_typescript_declares_nowhere_are_imported() -> TestResult {
    let source = r#"
const sql = 'select max(n) as n from numbers';
const [{ n }] = await database.query(sql);
const same = await Promise.all([query(sql), codemode.database_query(sql), tools['database'].query(sql), mcp.database.query(sql)]);
console.log(same.every(([row]) => row.n === n) ? `[{'n': ${n}}]` : same);
try { await callTool('database.drop') } catch (error) { console.log(error.kind, error.message) }
"#;
    runs_without_the_other_tool(("narrow.ts", source))
}

#[test]
fn a_component_imports_what_its_script_may_use_and_no_more() -> TestResult {
    let folder = two_tools()?;
    let both = "imports database (2 tools)";
    for (source, with, told) in [
        ("d.query()", &["--with", "database.update"][..], both),
        ("console.log(Object.keys(d))", &[], both),
        ("", &[], "imports database (0 tools)"),
    ] {
        let script = format!("import * as d from './tools/database'; {source}");
        let imports = narrowed(folder.path(), ("a.js", &script), with, told)?;
        let has = |tool: &str| imports.contains(&format!("  {tool}: func("));
        assert_eq!(has("query"), !source.is_empty(), "{source}: {imports}");
        assert_eq!(has("update"), told == both, "{source}: {imports}");
    }
    Ok(())
}

/// Names that mean something in Python, in its bindings, or in WIT; and no tools at all.
#[test]
fn namespaces_of_any_name_are_imported() -> TestResult {
    let folder = tempfile::tempdir()?;
    for (path, source) in [
        (
            "types/optional.py",
            "def optional(list: list[int], none: bool = False) -> dict: ...",
        ),
        (
            "class/get.py",
            "def get(from_: str, lambda_: int | str = 1) -> list[dict[str, int]]: ...",
        ),
        ("host/list.py", "def list(n: int) -> int: ..."),
    ] {
        let path = folder.path().join("tools").join(path);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        fs::write(path, source)?;
    }
    let all = "imports class_ (1 tool), host (1 tool), types (1 tool)";
    for (name, source, told) in [
        ("all.py", "from tools import *\n", all),
        (
            "all.js",
            "import './tools/class_'; import './tools/host'; import './tools/types'",
            all,
        ),
        ("none.py", "1\n", "imports no tools"),
        ("none.js", "1\n", "imports no tools"),
    ] {
        fs::write(folder.path().join(name), source)?;
        let printed = wx(folder.path(), &["build", name, "-o", "out.wasm"], "")?;
        assert_eq!(printed.code, Some(0), "{name}: {}", printed.stderr);
        assert!(
            printed.stdout.trim_end().ends_with(told),
            "{name}: {}",
            printed.stdout
        );
    }
    Ok(())
}
