//! Stubs of real servers' tools, as the strictest type checkers read them.

mod support;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use support::{Printed, checkers, wxmcp};
use wxmcp_catalogue::stubs::{self, StubFile, ToolSet};
use wxmcp_catalogue::{Definition, Namespace};

type TestResult = Result<(), Box<dyn Error>>;

/// Lines on which a checker finds errors, and all that it printed.
type Checked = Result<(BTreeSet<usize>, String), Box<dyn Error>>;

/// What checks a file of a folder.
type Check = fn(&Path, &str) -> Checked;

/// A tool: its namespace, its identifier, the schema of its arguments.
type Tool = (String, String, Value);

/// Settings under which TypeScript's stubs must hold.
const TSCONFIG: &str = r#"{"compilerOptions": {"strict": true, "noEmit": true, "target": "esnext",
"module": "esnext", "moduleResolution": "bundler", "moduleDetection": "force", "types": [],
"lib": ["esnext", "webworker"]}, "include": ["**/*.ts"]}"#;

/// Every server of `tests/servers`: each starts without credentials. Left out of those that
/// do are desktop-commander (264 MB installed) and mcp-server-kubernetes (233 MB);
/// figma-developer-mcp wants a key to start.
fn configuration(folder: &Path) -> Result<Value, Box<dyn Error>> {
    let servers = std::env::var_os("WXMCP_TEST_SERVERS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers"),
        PathBuf::from,
    );
    let servers = servers
        .canonicalize()
        .map_err(|_| "the test servers are not installed: run `make test`")?;
    let path = |part: &str| servers.join(part).to_string_lossy().into_owned();
    let node = |script: &str, args: &[&str]| {
        let script = path(&format!("node_modules/{script}"));
        let args = [&[script.as_str()], args].concat();
        json!({"command": "node", "args": args})
    };
    let own = |name: &str, args: &[&str]| {
        node(
            &format!("@modelcontextprotocol/server-{name}/dist/index.js"),
            args,
        )
    };
    let python = |program: &str, args: &[&str]| json!({"command": path(program), "args": args});
    let here = folder.to_string_lossy();
    let database = folder.join("notes.db");
    Ok(json!({"mcpServers": {
        "everything": own("everything", &[]),
        "filesystem": own("filesystem", &[&here]),
        "memory": own("memory", &[]),
        "sequential-thinking": own("sequential-thinking", &[]),
        "playwright": node("@playwright/mcp/cli.js", &[]),
        "chrome-devtools": node(".bin/chrome-devtools-mcp", &["--no-usage-statistics"]),
        "context7": node(".bin/context7-mcp", &[]),
        "git": python("venv/bin/mcp-server-git", &[]),
        "time": python("venv/bin/mcp-server-time", &[]),
        "fetch": python("venv/bin/mcp-server-fetch", &[]),
        "sqlite": python("venv-sqlite/bin/mcp-server-sqlite", &["--db-path", &database.to_string_lossy()]),
        "duckduckgo": python("venv-sqlite/bin/duckduckgo-mcp-server", &[]),
    }}))
}

/// Writes the tools of all servers to `folder/FORMAT` for each format.
fn export(folder: &Path, formats: &[&str]) -> TestResult {
    let configuration = configuration(folder)?;
    fs::write(folder.join("mcp.json"), configuration.to_string())?;
    for format in formats {
        let printed = Printed::from(
            wxmcp(folder)
                .args(["tools", "export", "--format", format, "-o", format])
                .output()?,
        );
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        assert!(
            printed.stderr.contains(" of 12 namespaces"),
            "{}",
            printed.stderr
        );
    }
    Ok(())
}

fn lines(program: &str, arguments: &[&str], folder: &Path, file: &str) -> Checked {
    let output = Command::new(checkers()?.join(program))
        .args(arguments)
        .current_dir(folder)
        .output()?;
    let printed = Printed::from(output);
    let all = printed.stdout + &printed.stderr;
    // `script.py:3: error: ..` and `script.ts(3,5): error ..`
    let found = all
        .lines()
        .filter(|line| line.contains(" error"))
        .filter_map(|line| {
            let number = line.strip_prefix(file)?.get(1..)?;
            let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
        .collect();
    Ok((found, all))
}

fn mypy(folder: &Path, file: &str) -> Checked {
    lines("mypy", &["--strict", "--no-incremental", "."], folder, file)
}

fn tsc(folder: &Path, file: &str) -> Checked {
    fs::write(folder.join("tsconfig.json"), TSCONFIG)?;
    lines("tsc", &["--pretty", "false", "-p", "."], folder, file)
}

/// Calls of every tool, and whether each is right.
struct Calls {
    lines: Vec<String>,
    wrong: BTreeSet<usize>,
}

impl Calls {
    fn add(&mut self, line: String, is_right: bool) {
        self.lines.push(line);
        if !is_right {
            self.wrong.insert(self.lines.len());
        }
    }
}

/// A value that fits a schema, simple as those of real tools are.
fn example(schema: &Value, root: &Value) -> Value {
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(pointer.trim_start_matches('#'));
        return target.map_or(Value::Null, |target| example(target, root));
    }
    if let Some(first) = schema.pointer("/enum/0").or_else(|| schema.get("const")) {
        return first.clone();
    }
    if let Some(first) = schema
        .pointer("/anyOf/0")
        .or_else(|| schema.pointer("/oneOf/0"))
    {
        return example(first, root);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first(),
        kind => kind,
    };
    match kind.and_then(Value::as_str) {
        Some("string") => json!("x"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => {
            let items = schema.get("items").map(|items| example(items, root));
            Value::Array(items.into_iter().collect())
        }
        Some("object") => Value::Object(needed(schema, root)),
        _ => Value::Null,
    }
}

/// The members that an object must have.
fn needed(schema: &Value, root: &Value) -> Map<String, Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let declared = schema.get("properties").and_then(Value::as_object);
    let mut members = Map::new();
    // In the order of the schema, as positional arguments are.
    for (name, of) in declared.into_iter().flatten() {
        if required.is_some_and(|names| names.iter().any(|it| it == name.as_str())) {
            members.insert(name.clone(), example(of, root));
        }
    }
    members
}

fn python_value(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", json!(name), python_value(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// Each tool of each namespace in a folder of `--format json-schema`.
fn tools(folder: &Path) -> Result<Vec<Tool>, Box<dyn Error>> {
    let mut all = Vec::new();
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    for path in paths {
        let file: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
        let text = |of: &Value, key: &str| {
            let text = of.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let tools = file.get("tools").and_then(Value::as_array);
        for tool in tools.into_iter().flatten() {
            let input = tool.get("input").cloned().unwrap_or_default();
            all.push((text(&file, "namespace"), text(tool, "attribute"), input));
        }
    }
    Ok(all)
}

/// Whether a tool takes arguments that its schema does not name.
fn is_open(input: &Value) -> bool {
    match input.get("additionalProperties") {
        None => input.get("properties").is_none(),
        Some(others) => *others != json!(false),
    }
}

/// Every tool of every server, called rightly by name and in order, and wrongly: with a
/// name that it does not know, without what it needs, with a value of a wrong type.
#[test]
fn every_tool_of_real_servers_can_be_called_rightly_and_not_wrongly() -> TestResult {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    export(folder, &["python", "typescript", "json-schema"])?;
    let tools = tools(&folder.join("json-schema"))?;
    assert!(tools.len() > 110, "{} tools", tools.len());
    let namespaces: BTreeSet<&str> = tools.iter().map(|(name, ..)| name.as_str()).collect();
    let names: Vec<&str> = namespaces.iter().copied().collect();

    let mut python = Calls {
        lines: Vec::new(),
        wrong: BTreeSet::new(),
    };
    python.add(format!("from tools import {}", names.join(", ")), true);
    let mut typescript = Calls {
        lines: Vec::new(),
        wrong: BTreeSet::new(),
    };
    for name in &names {
        typescript.add(format!("import * as {name} from './tools/{name}';"), true);
    }
    for (namespace, attribute, input) in &tools {
        let needed = needed(input, input);
        let full = format!("{namespace}.{attribute}");
        let by_name: Vec<String> = needed
            .iter()
            .map(|(name, value)| format!("{name}={}", python_value(value)))
            .collect();
        let in_order: Vec<String> = needed.values().map(python_value).collect();
        python.add(format!("{full}({})", by_name.join(", ")), true);
        python.add(format!("{full}.sync({})", in_order.join(", ")), true);
        python.add(
            format!("{full}({}, nonsense_=1)", by_name.join(", ")).replace("(, ", "("),
            is_open(input),
        );
        let camel = format!("{namespace}.{}", stubs::camel_name(attribute));
        let object = Value::Object(needed.clone());
        let values: Vec<String> = needed.values().map(Value::to_string).collect();
        typescript.add(format!("await {camel}({object});"), true);
        typescript.add(format!("await {full}({});", values.join(", ")), true);
        let mut odd = needed.clone();
        odd.insert("nonsense_".to_owned(), json!(1));
        typescript.add(
            format!("await {camel}({});", Value::Object(odd)),
            is_open(input),
        );
        let Some((first, value)) = needed.iter().next() else {
            continue;
        };
        python.add(format!("{full}()"), false);
        typescript.add(format!("await {camel}({{}});"), false);
        // What nothing is known of takes everything.
        let takes_all = value.is_null();
        let mut mistyped = by_name.clone();
        mistyped[0] = format!("{first}=object()");
        python.add(format!("{full}({})", mistyped.join(", ")), takes_all);
        let rest = Value::Object(
            needed
                .iter()
                .skip(1)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        );
        typescript.add(
            format!(
                "await {camel}({{ ...{rest}, {}: Symbol() }});",
                json!(first)
            ),
            takes_all,
        );
    }
    let checks: [(PathBuf, &str, Calls, Check); 2] = [
        (folder.join("python"), "calls.py", python, mypy),
        (folder.join("typescript"), "calls.ts", typescript, tsc),
    ];
    for (folder, file, calls, checked) in checks {
        fs::write(folder.join(file), calls.lines.join("\n"))?;
        let (found, all) = checked(&folder, file)?;
        let said = |lines: BTreeSet<usize>| -> Vec<String> {
            lines
                .iter()
                .map(|at| format!("{at}: {}", calls.lines[at - 1]))
                .collect()
        };
        let missed: BTreeSet<usize> = calls.wrong.difference(&found).copied().collect();
        assert!(missed.is_empty(), "not found: {:#?}", said(missed));
        let refused: BTreeSet<usize> = found.difference(&calls.wrong).copied().collect();
        assert!(refused.is_empty(), "{all}\nrefused: {:#?}", said(refused));
        // Nothing is wrong with the stubs themselves.
        let others: Vec<&str> = all
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']) && line.contains(" error"))
            .filter(|line| !line.starts_with(file) && !line.starts_with("Found"))
            .collect();
        assert!(others.is_empty(), "{others:#?}");
    }
    Ok(())
}

/// Lines that end in `wrong` must be found, no others.
fn judged(folder: &Path, file: &str, text: &str, checked: Check) -> TestResult {
    fs::write(folder.join(file), text)?;
    let wrong: BTreeSet<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.ends_with("wrong"))
        .map(|(at, _)| at + 1)
        .collect();
    let (found, all) = checked(folder, file)?;
    assert_eq!(found, wrong, "{all}");
    Ok(())
}

fn sets(definitions: Vec<Definition>) -> Vec<ToolSet> {
    let namespace = Namespace::new(definitions);
    vec![ToolSet {
        namespace: "things".to_owned(),
        tools: namespace
            .tools()
            .map(|named| (named.attribute.to_owned(), named.tool.clone()))
            .collect(),
    }]
}

fn put(folder: &Path, files: &[StubFile]) -> TestResult {
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        fs::write(path, &file.text)?;
    }
    Ok(())
}

fn edit() -> Definition {
    Definition {
        name: "edit-file".to_owned(),
        description: "Edits.".to_owned(),
        input_schema: json!({
            "$defs": {"Node": {"type": "object", "properties": {
                "name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            }, "required": ["name"]}},
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "mode": {"enum": ["fast", "slow", null]},
                "tree": {"$ref": "#/$defs/Node"},
                "limits": {"type": "object", "additionalProperties": {"type": "number"}},
            },
            "required": ["path"],
        }),
        output_schema: Some(json!({
            "type": "object",
            "properties": {"lines": {"type": "array", "items": {"type": "string"}}, "user-id": {"type": "integer"}},
            "required": ["lines"],
        })),
    }
}

#[test]
fn python_calls_are_typed_as_they_answer() -> TestResult {
    let blocking = r#"
from tools import things, ToolError, search
from tools.things import edit_file
answer = edit_file("a", mode="fast", tree={"name": "x", "below": [{"name": "y"}]}, limits={"a": 1})
answer["lines"][0].upper()
answer["nothing"]  # wrong
edit_file("a", mode="quick")  # wrong
edit_file("a", tree={"name": "x", "below": [{"nam": "y"}]})  # wrong
edit_file("a", limits={"a": "1"})  # wrong
things.edit_fil("a")  # wrong
search("x")[0]["name"].upper()
try:
    edit_file("a").get("user-id")
except ToolError as error:
    error.kind.upper()
    error.kinds  # wrong
"#;
    let awaited = r#"
import asyncio
from tools.things import edit_file
from tools import call_tool
async def main() -> None:
    one, two = await asyncio.gather(edit_file("a"), edit_file(path="b"))
    one["lines"][0].upper()
    edit_file("a")["lines"]  # wrong
    edit_file.sync("a")["lines"]
    edit_file.aio("a")["lines"]  # wrong
    (await edit_file.aio("a"))["lines"]
    (await call_tool("things.edit-file", path="a"))["lines"]
    edit_file(1)  # wrong
"#;
    let either = r#"
from tools.things import edit_file
async def main() -> None:
    (await edit_file("a"))["lines"]
    await edit_file("a", 3)  # wrong
edit_file("a")["lines"]
edit_file.sync("a")["nothing"]  # wrong
"#;
    for (calls, text) in [
        (stubs::Calls::Blocking, blocking),
        (stubs::Calls::Awaited, awaited),
        (stubs::Calls::Either, either),
    ] {
        let folder = tempfile::tempdir()?;
        put(folder.path(), &stubs::python(&sets(vec![edit()]), calls))?;
        judged(folder.path(), "calls.py", text, mypy)?;
    }
    Ok(())
}

#[test]
fn typescript_calls_are_typed_as_they_answer() -> TestResult {
    let folder = tempfile::tempdir()?;
    put(folder.path(), &stubs::typescript(&sets(vec![edit()])))?;
    let text = r#"
import things, { editFile, edit_file, type EditFileAnswer } from './tools/things';
import * as all from './tools/things';
import { things as again } from './tools';
const answer: EditFileAnswer = await editFile({ path: 'a', mode: null, tree: { name: 'x', below: [{ name: 'y' }] } });
answer.lines[0].toUpperCase();
answer.nothing; // wrong
(await edit_file('a', 'slow'))['user-id']?.toFixed();
await editFile('a', 'quick'); // wrong
await editFile({ path: 'a', tree: { name: 'x', below: [{ nam: 'y' }] } }); // wrong
await all.editFile({ path: 'a', limits: { a: '1' } }); // wrong
await things['edit-file']('a');
await things.editFil('a'); // wrong
editFile('a').lines; // wrong
again.editFile(); // wrong
const [first] = await tools.search('x');
first.name.toUpperCase();
progress('half', 1, '2'); // wrong
try { await callTool('x', { a: 1 }); } catch (e) { if (e instanceof ToolError) e.kind.toUpperCase(); }
text('x'); image(await files.readBytes('/x')); process.exit(3);
"#;
    judged(folder.path(), "calls.ts", text, tsc)
}

/// A namespace whose prose, names and literals try to be code; and its twin, which has
/// harmless prose in their place.
fn hostile(prose: &dyn Fn(&str) -> String) -> Vec<Definition> {
    let texts = [
        "ends \"\"\"\nimport os\n\"\"\"",
        "\"\"\"\"\"",
        "quote\"",
        "back\\",
        "back\\\"",
        "*/ export const x = 1; /*",
        "**/",
        "${process.exit()} `",
        "@ts-nocheck\n@ts-ignore",
        "@deprecated {@link x}",
        "/// <reference path=\"x\" />",
        "# type: ignore\n# mypy: ignore-errors\n# ty: ignore",
        "\u{1b}[31m \u{202e}evil\u{2066} \u{200b}zero\u{e0041}tag \u{0}nul \r return \u{2028} line",
        "\\N{DIGIT ONE} \\x41 \\u0041 \\",
    ];
    let names = [
        "class",
        "self",
        "this",
        "arguments",
        "a-b",
        "__x",
        "\"quoted\"",
        "x: int) -> None: ...\n#",
        "*/",
        "\u{202e}abc",
        "é",
        "list",
        "Any",
        "constructor",
        "__proto__",
        "${x}",
        "1",
        "'",
    ];
    let members = |of: &str| {
        let mut all = Map::new();
        for name in names {
            let schema = json!({"type": "string", "description": prose(of), "default": prose(of)});
            all.insert(name.to_owned(), schema);
        }
        all
    };
    let mut definitions: Vec<Definition> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| Definition {
            name: format!("tool{at}"),
            description: prose(text),
            input_schema: json!({"properties": members(text), "required": ["class", "a-b"]}),
            output_schema: Some(json!({"type": "object", "properties": {
                "inner": {"type": "object", "properties": members(text), "description": prose(text)},
                "kind": {"enum": texts},
            }})),
        })
        .collect();
    for name in [
        "list",
        "str",
        "tool",
        "delete",
        "default",
        "*/",
        "\"",
        "$x",
        "then",
        "TypedDict",
        "all",
    ] {
        definitions.push(Definition {
            name: name.to_owned(),
            description: prose(&"x\"\"\"*/".repeat(200_000)),
            input_schema: json!({"properties": {"list": {"type": "array", "items": {"type": "string"}}}}),
            output_schema: None,
        });
    }
    definitions
}

/// Prints a Python file's tree without what it says of itself.
const TREE: &str = r#"
import ast, sys
tree = ast.parse(open(sys.argv[1], encoding="utf-8").read())
for node in ast.walk(tree):
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        if isinstance(body[0].value.value, str) or body[0].value.value is ...:
            del body[0]
print(ast.dump(tree))
"#;

#[test]
fn hostile_prose_changes_nothing() -> TestResult {
    let evil = stubs_in_folder(&|text| text.to_owned())?;
    let twin = stubs_in_folder(&|_| "harmless".to_owned())?;
    let mut trees = Vec::new();
    for folder in [&evil, &twin] {
        let folder = folder.path();
        for file in ["python/tools/things.pyi", "typescript/tools/things.d.ts"] {
            let text = fs::read_to_string(folder.join(file))?;
            let unseen = |c: char| {
                c.is_control() && c != '\n'
                    || "\u{202e}\u{200b}\u{2066}\u{2028}\u{e0041}".contains(c)
            };
            assert!(!text.contains(unseen), "{file}");
        }
        let output = Command::new("python3")
            .args(["-c", TREE, "python/tools/things.pyi"])
            .current_dir(folder)
            .output()?;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // The compiler prints declarations from its tree, without comments.
        fs::create_dir(folder.join("printed"))?;
        fs::copy(
            folder.join("typescript/tools/things.d.ts"),
            folder.join("printed/things.ts"),
        )?;
        let (_, said) = lines(
            "tsc",
            &[
                "--declaration",
                "--emitDeclarationOnly",
                "--removeComments",
                "--target",
                "esnext",
                "--module",
                "esnext",
                "--moduleResolution",
                "bundler",
                "--outDir",
                "printed/out",
                "printed/things.ts",
            ],
            folder,
            "",
        )?;
        let printed = fs::read_to_string(folder.join("printed/out/things.d.ts"))
            .map_err(|error| format!("{error}: {said}"))?;
        assert!(!printed.contains("/**"), "{printed}");
        trees.push((String::from_utf8(output.stdout)?, printed));
        let (_, all) = mypy(&folder.join("python"), "")?;
        assert!(all.starts_with("Success"), "{all}");
        let (_, all) = tsc(&folder.join("typescript"), "")?;
        assert_eq!(all, "");
    }
    assert!(trees[0].0.len() > 10_000 && trees[0].1.len() > 10_000);
    assert_eq!(trees[0], trees[1]);
    Ok(())
}

fn stubs_in_folder(prose: &dyn Fn(&str) -> String) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let sets = sets(hostile(prose));
    assert!(sets.iter().all(|set| set.tools.len() > 20));
    put(
        &folder.path().join("python"),
        &stubs::python(&sets, stubs::Calls::Either),
    )?;
    put(&folder.path().join("typescript"), &stubs::typescript(&sets))?;
    Ok(folder)
}

/// A parser of WIT reads what is exported as the folder that it is, and its world is a
/// component type.
#[test]
fn a_component_can_import_every_tool_of_real_servers() -> TestResult {
    let folder = tempfile::tempdir()?;
    export(folder.path(), &["wit"])?;
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(folder.path().join("wit"))?;
    let encoded = wit_component::encode(&resolve, package)?;
    wasmparser::Validator::new().validate_all(&encoded)?;
    let functions: usize = resolve
        .interfaces
        .iter()
        .map(|(_, interface)| interface.functions.len())
        .sum();
    assert!(functions > 110, "{functions} tools");
    Ok(())
}
