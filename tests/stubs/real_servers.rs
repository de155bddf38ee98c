//! Every tool of real servers.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use wxmcp_catalogue::stubs;

use crate::checkers::{Check, mypy, tsc};
use crate::support::{Printed, TestResult, servers, wxmcp};

/// A tool: its namespace, its identifier, the schema of its arguments.
type Tool = (String, String, Value);

/// Every server of `tests/servers`: each starts without credentials. Left out of those that
/// do are desktop-commander (264 MB installed) and mcp-server-kubernetes (233 MB);
/// figma-developer-mcp wants a key to start.
fn configuration(folder: &Path) -> Result<Value, Box<dyn Error>> {
    let servers = servers()?;
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
#[expect(clippy::too_many_lines, reason = "one table of cases")]
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
