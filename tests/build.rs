//! `wxmcp build`, and what it makes, through the binary.

mod support;

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::{Printed, componentizers, wxmcp};
use tempfile::TempDir;
use wit_component::{DecodedWasm, WitPrinter};

type TestResult = Result<(), Box<dyn Error>>;

const PYTHON: &str = r#"
import asyncio, sys
from tools import database
mode = sys.argv[1]
if mode == "raise":
    def fail():
        raise ValueError("é")
    fail()
if mode == "exit":
    print("leaving", end="")
    sys.exit(3)
rows, counted = await asyncio.gather(
    database.query("select * from numbers where n < ? order by n", [2]),
    database.query(sql="select count(*) as many, null as missing from numbers"),
)
print(rows, counted, input())
try:
    await database.query("select nothing")
except ToolError as error:
    print(error.kind, error.tool)
try:
    database.query.sync(sql=3)
except ToolError as error:
    print(error.kind, error)
try:
    call_tool.sync("database.query", {"sql": "select 9007199254740993 as big"})
except ToolError as error:
    print(error.kind, error)
print(tools.describe("database.query")[0]["name"], dir(database)[-1])
try:
    tools.search("x")
except ToolError as error:
    print(error)
async with asyncio.timeout(5):
    await asyncio.sleep(0.01)
try:
    text("x")
except RuntimeError as error:
    print(error)
with open("/data/python", "w") as file:
    file.write("written")
print(open("/data/given").read())
import decimal, zoneinfo, random
return {"rows": rows, "random": 0 <= random.random() < 1}
"#;

const PYTHON_PRINTS: &str = r#"[{'n': 0, 'text': 'n0', 'half': 0}, {'n': 1, 'text': 'n1', 'half': 0.5}] [{'many': 3, 'missing': None}] typed
tool-failed database.query
invalid-arguments the arguments of `database.query` do not fit: at `/sql`: expected a string, found a number
invalid-answer the answer of `database.query` does not fit its type: at `/0/big`: 9007199254740993 does not fit `f64` exactly
database.query query
a component that was built has no search of tools; its own are in `dir(tools)`
a component that was built has nobody to hand images and texts to; print, or return them
given
{"rows":[{"n":0,"text":"n0","half":0},{"n":1,"text":"n1","half":0.5}],"random":true}
"#;

const TYPESCRIPT: &str = r#"
import { query } from './tools/database';
enum Mode { Raise = 'raise', Exit = 'exit' }
interface Row { n: number }
const mode: string = process.argv[2];
if (mode === Mode.Raise) {
  function fail(): never { throw new TypeError('é') }
  fail();
}
if (mode === Mode.Exit) {
  process.stdout.write('leaving');
  process.exit(3);
}
const [rows, counted] = await Promise.all([
  query('select * from numbers where n < ? order by n', [2]) as Promise<Row[]>,
  query({ sql: 'select count(*) as many, null as missing from numbers' }),
]);
console.log(rows, counted, await stdin.text());
try { await query('select nothing') } catch (error) { console.log(error.kind, error.tool) }
try { await callTool('database.query', { sql: 3 }) } catch (error) { console.log(error.kind, error.message) }
try { await fetch('https://example.com') } catch (error) { console.log(error.message) }
setTimeout(() => console.log('last'), 20);
setTimeout(() => console.log('first'), 10);
try { text('x') } catch (error) { console.log(error.message) }
await files.mkdir('/data/made/below', { recursive: true });
await files.append('/data/made/below/typescript', 'writ');
await files.append('/data/made/below/typescript', 'ten');
console.log(await files.readText('/data/given'), await files.list('/data/made'), await files.exists('/data/x'));
try { await files.readText('/data/made') } catch (error) { console.log(error.code) }
console.log((await tools.describe(query))[0].name, process.env.KEY);
return { rows };
"#;

const TYPESCRIPT_PRINTS: &str = "\
[ { n: 0, text: 'n0', half: 0 }, { n: 1, text: 'n1', half: 0.5 } ] [ { many: 3, missing: null } ] typed

tool-failed database.query
invalid-arguments the arguments of `database.query` do not fit: at `/sql`: expected a string, found a number
fetch: a component that was built has no requests of its own; call a tool for it
a component that was built has nobody to hand images and texts to; print, or return them
given [ 'below' ] false
EBADF
database.query value
first
last
{\"rows\":[{\"n\":0,\"text\":\"n0\",\"half\":0},{\"n\":1,\"text\":\"n1\",\"half\":0.5}]}
";

/// A folder with the tool `database.query` that ships, on a database of three rows.
fn tree() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let ships = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/database/query.ts");
    fs::create_dir_all(folder.path().join("tools/database"))?;
    fs::copy(ships, folder.path().join("tools/database/query.ts"))?;
    fs::write(
        folder.path().join("wxmcp.toml"),
        "[connections.main]\nurl = \"sqlite:sample.db\"\n\
         [grants.\"database.query\"]\nsql = [\"main\"]\n",
    )?;
    fs::create_dir(folder.path().join("data"))?;
    fs::write(folder.path().join("data/given"), "given")?;
    rusqlite::Connection::open(folder.path().join("sample.db"))?.execute_batch(
        "create table numbers(n integer, text text, half real);
         insert into numbers values (0, 'n0', 0.0), (1, 'n1', 0.5), (2, 'n2', 1.0);",
    )?;
    Ok(folder)
}

fn wx(folder: &Path, args: &[&str], stdin: &str) -> Result<Printed, Box<dyn Error>> {
    let input = folder.join("input");
    fs::write(&input, stdin)?;
    let mut command = wxmcp(folder);
    command
        .env("WXMCP_COMPONENTIZERS", componentizers()?)
        .stdin(fs::File::open(input)?);
    Ok(command.args(args).output()?.into())
}

/// Builds a script in a folder of its own.
fn built(name: &str, source: &str) -> Result<TempDir, Box<dyn Error>> {
    let folder = tree()?;
    fs::write(folder.path().join(name), source)?;
    let printed = wx(folder.path(), &["build", name, "-o", "out.wasm"], "")?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let told = printed.stdout.trim_end();
    assert!(told.starts_with("out.wasm: "), "{told}");
    assert!(told.ends_with(" MiB, imports database (1 tool)"), "{told}");
    fs::remove_file(folder.path().join(name))?;
    Ok(folder)
}

/// What the component imports of the tools, as WIT.
fn imports(component: &Path) -> Result<String, Box<dyn Error>> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&fs::read(component)?)?
    else {
        return Err("it is no component".into());
    };
    let world = resolve.worlds.get(world).ok_or("no world")?;
    let mut text = String::new();
    for key in world.imports.keys() {
        text.push_str(&resolve.name_world_key(key));
        text.push('\n');
    }
    let packages = resolve.packages.iter();
    for (id, package) in packages.filter(|(_, package)| package.name.namespace == "tools") {
        let mut printer = WitPrinter::default();
        printer.print(&resolve, id, &[])?;
        text.push_str(&format!("{}\n{}", package.name, printer.output));
    }
    Ok(text)
}

fn has_typed_imports(folder: &Path) -> TestResult {
    let imports = imports(&folder.join("out.wasm"))?;
    for line in [
        "tools:database/database@0.1.0\n",
        "variant query-answer-item-value {",
        "query: func(sql: string, parameters: option<list<json>>) -> \
         result<list<list<tuple<string, option<query-answer-item-value>>>>, tool-error>;",
    ] {
        assert!(imports.contains(line), "no {line} in\n{imports}");
    }
    assert!(!imports.contains("wxmcp:guest"), "{imports}");
    assert!(!imports.contains("wasi:http"), "{imports}");
    Ok(())
}

#[test]
fn a_component_of_python_does_what_the_script_does() -> TestResult {
    let folder = built("report.py", PYTHON)?;
    has_typed_imports(folder.path())?;
    let args = ["run", "-v", "data:/data:rw", "out.wasm", "x"];
    let ran = wx(folder.path(), &args, "typed\n")?;
    assert_eq!(ran.stdout, PYTHON_PRINTS, "{}", ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    assert_eq!(
        fs::read_to_string(folder.path().join("data/python"))?,
        "written"
    );

    let raised = wx(folder.path(), &["run", "out.wasm", "raise"], "")?;
    let traceback = "Traceback (most recent call last):
  File \"report.py\", line 8, in <module>
    fail()
    ~~~~^^
  File \"report.py\", line 7, in fail
    raise ValueError(\"é\")
ValueError: é
";
    assert!(raised.stderr.starts_with(traceback), "{}", raised.stderr);
    assert_eq!(raised.code, Some(1));

    let exited = wx(folder.path(), &["run", "out.wasm", "exit"], "")?;
    assert_eq!(exited.stdout, "leaving", "{}", exited.stderr);
    // WASI tells success from failure, and no more.
    assert_eq!(exited.code, Some(1), "{}", exited.stderr);
    Ok(())
}

#[test]
fn a_component_of_typescript_does_what_the_script_does() -> TestResult {
    let folder = built("report.ts", TYPESCRIPT)?;
    has_typed_imports(folder.path())?;
    let args = [
        "run",
        "-e",
        "KEY=value",
        "-v",
        "data:/data:rw",
        "out.wasm",
        "x",
    ];
    let ran = wx(folder.path(), &args, "typed\n")?;
    assert_eq!(ran.stdout, TYPESCRIPT_PRINTS, "{}", ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let written = folder.path().join("data/made/below/typescript");
    assert_eq!(fs::read_to_string(written)?, "written");

    let raised = wx(folder.path(), &["run", "out.wasm", "raise"], "")?;
    let traceback = "TypeError: é\n    at fail (report.ts:7:34)\n    at report.ts:8:3\n";
    assert!(raised.stderr.starts_with(traceback), "{}", raised.stderr);
    assert_eq!(raised.code, Some(1));

    let exited = wx(folder.path(), &["run", "out.wasm", "exit"], "")?;
    assert_eq!(exited.stdout, "leaving", "{}", exited.stderr);
    assert_eq!(exited.code, Some(1), "{}", exited.stderr);
    Ok(())
}

const NARROW_PRINTS: &str = "\
[{'n': 2}]
unknown-tool there is no tool `database.drop` in this component, which was built with `database.query`; \
where there is one, `wxmcp build --with database.drop` adds it
";

/// The same folder, with a second tool.
fn two_tools() -> Result<TempDir, Box<dyn Error>> {
    let folder = tree()?;
    let update = folder.path().join("tools/database/update.py");
    fs::write(update, "def update(sql: str) -> int: ...")?;
    Ok(folder)
}

/// Builds in that folder, and answers what is imported.
fn narrowed(
    folder: &Path,
    script: (&str, &str),
    with: &[&str],
    told: &str,
) -> Result<String, Box<dyn Error>> {
    let (name, source) = script;
    fs::write(folder.join(name), source)?;
    let args = [&["build", name, "-o", "out.wasm"], with].concat();
    let printed = wx(folder, &args, "")?;
    let out = printed.stdout.trim_end();
    assert!(out.ends_with(told), "{name}: {out}{}", printed.stderr);
    imports(&folder.join("out.wasm"))
}

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

/// A build that is refused: its exit code, and words of what it says. Nothing is written.
fn refused(
    folder: &Path,
    tools: &Path,
    script: (&str, &str),
    expected: (i32, &[&str]),
) -> TestResult {
    let (name, source) = script;
    fs::write(folder.join(name), source)?;
    let printed: Printed = wxmcp(folder)
        .env("WXMCP_COMPONENTIZERS", tools)
        .args(["build", name, "-o", "out.wasm"])
        .output()?
        .into();
    let (code, words) = expected;
    assert_eq!(printed.code, Some(code), "{}", printed.stderr);
    for word in words {
        assert!(printed.stderr.contains(word), "{}", printed.stderr);
    }
    assert!(!folder.join("out.wasm").exists());
    Ok(())
}

#[test]
fn sources_that_are_no_programs_are_refused_with_their_place() -> TestResult {
    let folder = tree()?;
    let nowhere = folder.path().join("nowhere");
    let refuse =
        |script, code, words: &[&str]| refused(folder.path(), &nowhere, script, (code, words));
    refuse(
        ("a.py", "x = 1\nx = = 2\n"),
        1,
        &["a.py:2:5: invalid syntax"],
    )?;
    refuse(
        ("a.ts", "let a = 1;\nlet b = ;\n"),
        1,
        &["a.ts:2: SyntaxError: "],
    )?;
    refuse(
        ("a.js", "const a: number = 1;\n"),
        1,
        &["a.js:1: SyntaxError: "],
    )?;
    let zod = ("b.ts", "import { z } from 'zod';\nconsole.log(z);\n");
    refuse(zod, 2, &["b.ts:1: `zod` is not in components"])?;
    refuse(("a.wasm", ""), 2, &["`a.wasm` is a component already"])
}

#[test]
fn namespaces_that_are_not_there_are_refused_with_the_nearest() -> TestResult {
    let folder = tree()?;
    let tools = componentizers()?;
    let words = ["there is no namespace `databse`; did you mean `database`?"];
    for script in [
        ("a.py", "from tools import databse\n"),
        ("b.py", "def f():\n    from tools.databse import query\n"),
        (
            "a.ts",
            "import { query } from './tools/databse';\nawait query('x');\n",
        ),
    ] {
        refused(folder.path(), &tools, script, (2, &words))?;
    }
    fs::write(folder.path().join("c.py"), "1\n")?;
    let args = ["build", "c.py", "-o", "out.wasm", "--with", "databse"];
    let printed = wx(folder.path(), &args, "")?;
    assert!(printed.stderr.contains(words[0]), "{}", printed.stderr);
    assert_eq!(printed.code, Some(2));
    let args = ["build", "c.py", "-o", "out.wasm", "--with", "database.qury"];
    let printed = wx(folder.path(), &args, "")?;
    let words = "there is no tool `database.qury`; did you mean `database.query`?";
    assert!(printed.stderr.contains(words), "{}", printed.stderr);
    assert_eq!(printed.code, Some(2));
    Ok(())
}

#[test]
fn missing_componentizers_are_named_with_how_to_get_them() -> TestResult {
    let folder = tree()?;
    let nowhere = folder.path().join("nowhere");
    let python = [
        "there is no `componentize-py` in `",
        "nowhere/bin`: components of Python are made by it",
        "pip install componentize-py==0.25.1",
        "WXMCP_COMPONENTIZERS",
    ];
    refused(folder.path(), &nowhere, ("a.py", "1\n"), (2, &python))?;
    let javascript = [
        "there is no `@bytecodealliance/componentize-js` in `",
        "nowhere/node_modules`: components of JavaScript are made by it",
        "npm install @bytecodealliance/componentize-js@0.23.0",
    ];
    refused(folder.path(), &nowhere, ("a.js", "1\n"), (2, &javascript))?;
    let config = folder.path().join("wxmcp.toml");
    let text = fs::read_to_string(&config)?;
    fs::write(&config, format!("{text}[build]\nfolder = \"elsewhere\"\n"))?;
    refused(
        folder.path(),
        Path::new(""),
        ("a.py", "1\n"),
        (2, &["in `elsewhere/bin`"]),
    )
}

#[test]
fn componentizers_of_another_version_are_refused() -> TestResult {
    let folder = tree()?;
    let tools = folder.path().join("componentizers");
    fs::create_dir_all(tools.join("bin"))?;
    let program = tools.join("bin/componentize-py");
    fs::write(&program, "#!/bin/sh\necho componentize-py 0.24.0\n")?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let words = ["is of version 0.24.0: only 0.25.1 is known to work"];
    refused(folder.path(), &tools, ("a.py", "1\n"), (2, &words))?;
    let package = tools.join("node_modules/@bytecodealliance/componentize-js");
    fs::create_dir_all(&package)?;
    fs::write(package.join("package.json"), r#"{"version": "0.24.1"}"#)?;
    let words = ["is of version 0.24.1: only 0.23.0 is known to work"];
    refused(folder.path(), &tools, ("a.ts", "1\n"), (2, &words))
}

#[test]
fn what_a_componentizer_says_is_told() -> TestResult {
    let folder = tree()?;
    let tools = folder.path().join("componentizers");
    fs::create_dir_all(tools.join("bin"))?;
    let program = tools.join("bin/componentize-py");
    let fails = "#!/bin/sh\n[ \"$1\" = --version ] && echo componentize-py 0.25.1 && exit\n\
                 echo no room >&2\nexit 7\n";
    fs::write(&program, fails)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let words = ["`componentize-py` failed with exit code 7: no room"];
    refused(folder.path(), &tools, ("a.py", "1\n"), (1, &words))
}
