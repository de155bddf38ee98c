//! `wxmcp check`, `run --check` and `tools export`, through the binary.

mod support;

use std::error::Error;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;
use support::{Printed, TestResult, checkers, repository, wxmcp};
use tempfile::TempDir;

const LOOK: &str = r#"
from typing import Literal, TypedDict

class Found(TypedDict):
    lines: list[str]

def look_up(path: str, mode: Literal["a", "b"] = "a") -> Found:
    """Looks."""
    return {"lines": [path, mode]}
"#;

/// A folder with one tool, `docs.look_up`.
fn tree() -> Result<TempDir, Box<dyn Error>> {
    support::tree(&[("tools/docs/look_up.py", LOOK)])
}

fn wx(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
    let mut command = wxmcp(folder);
    command.env("WXMCP_CHECKERS", checkers()?);
    Ok(command.args(args).output()?.into())
}

/// What is found in a script: line, column, rule, and a part of the message each.
fn found(name: &str, source: &str, expected: &[(u64, u64, &str, &str)]) -> TestResult {
    let folder = tree()?;
    fs::write(folder.path().join(name), source)?;
    let printed = wx(folder.path(), &["check", "--json", name])?;
    let told: Value = serde_json::from_str(&printed.stdout)
        .map_err(|error| format!("{error}: {} {}", printed.stdout, printed.stderr))?;
    let findings = told.get("findings").and_then(Value::as_array);
    let findings = findings.ok_or("no findings")?;
    let places: Vec<(u64, u64, &str)> = findings
        .iter()
        .map(|it| {
            let number = |key: &str| it.get(key).and_then(Value::as_u64).unwrap_or_default();
            let rule = it.get("rule").and_then(Value::as_str);
            (number("line"), number("column"), rule.unwrap_or_default())
        })
        .collect();
    let wanted: Vec<(u64, u64, &str)> = expected.iter().map(|it| (it.0, it.1, it.2)).collect();
    assert_eq!(places, wanted, "{findings:#?}");
    for (finding, (.., part)) in findings.iter().zip(expected) {
        let message = finding.get("message").and_then(Value::as_str);
        let message = message.unwrap_or_default();
        assert!(message.contains(part), "{message}");
    }
    let code = if expected.is_empty() { 0 } else { 1 };
    assert_eq!(printed.code, Some(code));
    Ok(())
}

#[test]
fn python_is_checked_with_its_own_lines_and_columns() -> TestResult {
    let source = r#"import asyncio
from tools import docs
one, two = await asyncio.gather(docs.look_up(path="é" * 2), docs.look_up(3))
text = """
await nothing
"""; one["lines"]; one["line"]
if not two:
    return 1
docs.look_up("x")["lines"]
docs.look_up.sync("x", mode="c")
tools.docs.lookup("x")
lines = [line async for line in text]
progress("half"); ToolError(1)
async with text as it:
    return docs.look_up(pth="x")
"#;
    let expected = [
        (
            3,
            74,
            "invalid-argument-type",
            "Expected `str`, found `Literal[3]`",
        ),
        (6, 24, "invalid-typed-dict-key", "\"line\""),
        (9, 1, "not-subscriptable", "ToolCall"),
        (
            10,
            24,
            "invalid-argument-type",
            "Expected `Literal[\"a\", \"b\"]`",
        ),
        (11, 1, "missing-attribute", "lookup"),
        (12, 33, "not-iterable", "async"),
        (13, 29, "invalid-argument-type", "Expected `str`"),
        (14, 12, "invalid-context-manager", "async with"),
        (15, 12, "missing-argument", "path"),
        (15, 25, "unknown-argument", "pth"),
    ];
    found("script.py", source, &expected)
}

#[test]
fn calls_of_plain_python_answer_their_values() -> TestResult {
    let plain = "from tools.docs import look_up\nlook_up('x')['lines'][0].upper()\n\
                 def f():\n    await look_up('x')\nlook_up('x')['nothing']\n";
    found(
        "plain.py",
        plain,
        &[
            (4, 5, "invalid-syntax", "await"),
            (4, 11, "invalid-await", "_LookUpAnswer"),
            (5, 14, "invalid-typed-dict-key", "nothing"),
        ],
    )?;
    // Both ways of calling in one script.
    let mixed = "import asyncio\nfrom tools import docs\nasync def main():\n    \
                 return (await docs.look_up('x'))['lines']\n\
                 print(docs.look_up('x')['lines'], asyncio.run(main()), docs.look_up(1))\n";
    found(
        "mixed.py",
        mixed,
        &[(5, 69, "invalid-argument-type", "str")],
    )
}

#[test]
fn typescript_is_checked_with_its_own_lines_and_columns() -> TestResult {
    let source = r#"import * as docs from '@tools/docs.ts'; docs.lookUp(3);
import one from './tools/docs/look_up.ts';
import { Docs } from './tools';
const [data] = process.argv.slice(2);
if (!data) return; one({ path: data, mode: 'c' });
const { lines } = await Docs.look_up('x');
for (const line of lines) line.toFixed();
const again = await import('./tools/docs'); again.lookup('x');
const loose = (x) => x.anything;
try { loose(1); } catch (error) { console.log(error.message); }
return (await docs.lookUp({ path: data })).line;
"#;
    let expected = [
        (1, 53, "TS2769", "'number' is not assignable"),
        (5, 38, "TS2769", "\"a\" | \"b\""),
        (7, 32, "TS2551", "toFixed"),
        (8, 51, "TS2551", "lookup"),
        (11, 44, "TS2551", "'line'"),
    ];
    found("script.ts", source, &expected)
}

/// Nothing is known of files, packages and Node's modules: they are accepted, with members and types of any kind.
#[test]
fn modules_that_are_no_tools_have_any_type() -> TestResult {
    let source = r#"#!/usr/bin/env node
import fs, { readFileSync, type Stats } from 'node:fs';
import * as path from 'path';
import old = require('./old');
import { load, Row as R } from './lib/load';
import type { Options } from './types.js';
import config from './config.json' with { type: 'json' };
export { load as again } from './lib/load';
export * from './more';

const options: Options = { dir: __dirname };
const rows: R[] = load(readFileSync(path.join(config.dir, 'x'), 'utf8'), options);
const stats: Stats = fs.statSync(__filename);
const { extra } = await import(`./extra.js`);
const { run } = require('./run');
if (require.main === module) run(rows, stats, extra, old);
module.exports = { rows };
const wrong: number = 'a';
"#;
    found("a.ts", source, &[(18, 7, "TS2322", "not assignable")])
}

#[test]
fn source_that_is_no_program_is_found_where_it_stops_being_one() -> TestResult {
    found(
        "a.py",
        "def f(:\n    pass\n",
        &[(1, 7, "syntax", "invalid syntax")],
    )?;
    found(
        "a.ts",
        "const a = 1;\nconst b = ;\n",
        &[(2, 11, "syntax", "")],
    )?;
    let deep = format!("x = {}{}\n", "(".repeat(5_000), ")".repeat(5_000));
    found("deep.py", &deep, &[(1, 1, "syntax", "nested too deep")])?;
    found("nul.py", "x = 1\0", &[(1, 1, "syntax", "null")])
}

/// A checker runs outside the sandbox: it must not read this machine's files for a script.
#[test]
fn a_script_learns_nothing_of_the_hosts_files() -> TestResult {
    let secret = tempfile::tempdir()?;
    let folder = secret.path().to_string_lossy().into_owned();
    let secret = secret.path();
    fs::write(secret.join("secret.py"), "canary = 'canary'\n")?;
    fs::write(
        secret.join("secret.ts"),
        "export const canary = 'canary';\n",
    )?;
    let python = format!(
        "# /// script\n# requires-python = '>=3.8'\n# [tool.ty.environment]\n\
         # extra-paths = [\"{folder}\"]\n# ///\nimport secret\nimport mypy\nint(secret.canary + 1)\n"
    );
    found(
        "a.py",
        &python,
        &[
            (6, 8, "import-not-found", "`secret`"),
            (7, 8, "import-not-found", "`mypy`"),
        ],
    )?;
    let typescript =
        format!("import {{ canary }} from '{folder}/secret';\nconst a: number = canary;\n");
    // What is imported of a file has any type: it is not read.
    found("a.ts", &typescript, &[])?;
    let typescript =
        format!("/// <reference path=\"{folder}/secret.ts\" />\nconst a: number = canary;\n");
    found("a.ts", &typescript, &[(2, 19, "TS2304", "canary")])
}

/// A fence around a script is no part of it, and moves no line.
#[test]
fn scripts_in_a_fence_are_checked() -> TestResult {
    let fenced = "```python\nfrom tools import docs\ndocs.look_up(1)\n```\n";
    found("a.py", fenced, &[(3, 14, "invalid-argument-type", "str")])?;
    let fenced = "```ts\nimport { lookUp } from './tools/docs';\nreturn lookUp(1);\n```\n";
    found("a.ts", fenced, &[(3, 15, "TS2769", "LookUpArguments")])
}

#[test]
fn scripts_that_are_indented_as_a_whole_are_checked() -> TestResult {
    let indented = "    from tools import docs\n    docs.look_up(1)\n    return None\n";
    found("a.py", indented, &[(2, 18, "invalid-argument-type", "str")])?;
    found(
        "a.py",
        "  x = 1\ny = 2\n",
        &[(1, 2, "syntax", "unexpected indent")],
    )?;
    found(
        "a.py",
        "  x = 1\n  y = = 2\n",
        &[(2, 7, "syntax", "invalid syntax")],
    )
}

#[test]
fn run_with_check_refuses_what_does_not_fit() -> TestResult {
    let folder = tree()?;
    let folder = folder.path();
    let good = "from tools import docs\nreturn docs.look_up('x')['lines']\n";
    fs::write(folder.join("good.py"), good)?;
    fs::write(
        folder.join("bad.py"),
        "print('ran')\ntools.docs.look_up(pth='x')\n",
    )?;
    let printed = wx(folder, &["run", "--check", "good.py"])?;
    assert_eq!(
        (printed.code, printed.stdout.as_str()),
        (Some(0), "[\"x\",\"a\"]\n"),
        "{}",
        printed.stderr
    );
    let printed = wx(folder, &["run", "--check", "bad.py"])?;
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(2), ""));
    assert!(
        printed
            .stderr
            .contains("note: bad.py:2:20: unknown-argument: ")
            && printed
                .stderr
                .contains("error: `bad.py` does not fit the types of its tools: 2 findings"),
        "{}",
        printed.stderr
    );
    // Off by default.
    let printed = wx(folder, &["run", "bad.py"])?;
    assert_eq!(printed.stdout, "ran\n");
    Ok(())
}

#[test]
fn a_checker_that_is_not_there_is_named_with_the_way_to_get_it() -> TestResult {
    let folder = tree()?;
    let folder = folder.path();
    fs::write(folder.join("a.py"), "1")?;
    fs::write(folder.join("a.ts"), "1")?;
    fs::write(folder.join("a.js"), "1")?;
    fs::write(folder.join("wxmcp.toml"), "[check]\nfolder = 'nowhere'\n")?;
    for (script, words) in [
        ("a.py", "there is no `ty` in `nowhere`"),
        ("a.ts", "there is no `tsgo` or `tsc` in `nowhere`"),
        ("a.js", "has no types to check"),
    ] {
        let printed = Printed::from(wxmcp(folder).args(["check", script]).output()?);
        assert_eq!(printed.code, Some(2));
        assert!(printed.stderr.contains(words), "{}", printed.stderr);
    }
    Ok(())
}

/// A checker gets nothing of ours, and what goes wrong with it is no finding and no pass.
#[test]
fn a_checker_runs_apart_and_its_failure_is_no_pass() -> TestResult {
    let folder = tree()?;
    let folder = folder.path();
    fs::write(folder.join("a.ts"), "const a: number = 1;")?;
    let says = |script: &str| -> Result<Printed, Box<dyn Error>> {
        let checker = folder.join("bin/tsc");
        fs::create_dir_all(folder.join("bin"))?;
        fs::write(&checker, format!("#!/bin/sh\n{script}\n"))?;
        fs::set_permissions(&checker, fs::Permissions::from_mode(0o755))?;
        let mut command = wxmcp(folder);
        command.env("WXMCP_CHECKERS", "bin").env("SECRET", "canary");
        Ok(command.args(["check", "a.ts"]).output()?.into())
    };
    let printed =
        says("[ -z \"$SECRET\" ] && [ \"$HOME\" = \"$PWD\" ] && [ -f tools/index.d.ts ]")?;
    assert_eq!(
        (printed.code, printed.stdout.as_str()),
        (Some(0), ""),
        "{}",
        printed.stderr
    );
    let printed = says("echo oops; exit 5")?;
    assert!(
        printed.stderr.contains("exit code 5: oops"),
        "{}",
        printed.stderr
    );
    assert_eq!(printed.code, Some(1));
    let printed = says("kill -9 $$")?;
    assert!(
        printed.stderr.contains("did not survive the script"),
        "{}",
        printed.stderr
    );
    let printed = says("yes | head -c 9000000")?;
    assert!(
        printed.stderr.contains("more than 8 MiB"),
        "{}",
        printed.stderr
    );
    let printed =
        says("for i in $(seq 150); do echo \"script.ts($i,1): error TS1: x\"; done; exit 2")?;
    assert_eq!(printed.stdout.lines().count(), 101);
    assert!(
        printed.stdout.ends_with("and 50 more\n"),
        "{}",
        printed.stdout
    );
    Ok(())
}

#[test]
fn the_examples_fit_their_tools() -> TestResult {
    let root = repository();
    for script in ["examples/records/report.py", "examples/records/report.ts"] {
        let printed = wx(root, &["check", script])?;
        assert_eq!(
            (printed.code, printed.stdout.as_str()),
            (Some(0), ""),
            "{}",
            printed.stderr
        );
    }
    Ok(())
}

#[test]
fn an_export_replaces_its_files_and_no_others() -> TestResult {
    let folder = tree()?;
    let folder = folder.path();
    fs::create_dir_all(folder.join("out/tools"))?;
    fs::write(folder.join("out/tools/docs.pyi"), "old")?;
    fs::write(folder.join("out/tools/mine.pyi"), "mine")?;
    let export = |format: &str| {
        wx(
            folder,
            &["tools", "export", "--format", format, "-o", "out"],
        )
    };
    for format in ["python", "typescript", "json-schema", "anthropic", "openai"] {
        let printed = export(format)?;
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    }
    let text = |path: &str| fs::read_to_string(folder.join("out").join(path));
    assert!(text("tools/docs.pyi")?.contains("def look_up(path: str, "));
    assert_eq!(text("tools/mine.pyi")?, "mine");
    let anthropic: Value = serde_json::from_str(&text("anthropic.json")?)?;
    assert_eq!(anthropic[0]["name"], "docs__look_up");
    assert_eq!(
        anthropic[0]["input_schema"]["required"],
        serde_json::json!(["path"])
    );
    let openai: Value = serde_json::from_str(&text("openai.json")?)?;
    assert_eq!(
        openai[0]["output_schema"]["required"],
        serde_json::json!(["lines"])
    );
    let schemas: Value = serde_json::from_str(&text("docs.json")?)?;
    assert_eq!(schemas["tools"][0]["attribute"], "look_up");
    let first = text("tools/docs.d.ts")?;
    export("typescript")?;
    assert_eq!(text("tools/docs.d.ts")?, first);
    let python = ["tools", "export", "--format", "python", "-o", "out"];
    wx(folder, &[&python[..], &["--calls", "awaited"]].concat())?;
    assert!(text("_wxmcp_stubs.pyi")?.contains("**kwargs: _P.kwargs) -> ToolCall[_T]: ..."));
    let printed = wx(folder, &[&python[..], &["nowhere"]].concat())?;
    assert_eq!(printed.code, Some(1));
    // A link where a folder of the export should be leads nowhere.
    fs::create_dir(folder.join("linked"))?;
    fs::create_dir(folder.join("elsewhere"))?;
    symlink(folder.join("elsewhere"), folder.join("linked/tools"))?;
    let printed = wx(
        folder,
        &["tools", "export", "--format", "python", "-o", "linked"],
    )?;
    assert_eq!(printed.code, Some(2));
    assert!(
        printed.stderr.contains("is no folder"),
        "{}",
        printed.stderr
    );
    assert_eq!(fs::read_dir(folder.join("elsewhere"))?.count(), 0);
    Ok(())
}

/// Names that a script declares nowhere have the types of what they stand for.
#[test]
fn names_of_tools_are_checked_where_nothing_declares_them() -> TestResult {
    let source = "docs.look_up(3)\nlook_up('x')['line']\ntools.docs.look_up(path=4)\n\
                  print(codemode.look_up(5), mcp['docs'].look_up(6), tools['docs']['look_up'](7))\n\
                  docs_look_up(8)\nfrom servers.docs import look_up as own\nown(9)\ndosc.look_up('x')\n\
                  def f(docs):\n    return docs.anything()\n";
    let wrong = "invalid-argument-type";
    let expected = [
        (1, 14, wrong, "str"),
        (2, 14, "invalid-typed-dict-key", "line"),
        (5, 14, wrong, "str"),
        (7, 5, wrong, "str"),
        (8, 1, "unresolved-reference", "dosc"),
    ];
    found("script.py", source, &expected)?;
    let plain = "tools.docs.look_up(path=4)\n";
    found("plain.py", plain, &[(1, 20, wrong, "str")])?;
    let source = "await docs.lookUp(3);\nconst { lines } = await look_up('x'); lines[0].toFixed();\n\
                  await tools.docs.lookUp({ pth: 'x' });\nawait codemode.look_up(5); await mcp['docs'].lookUp(6);\n\
                  import { lookUp as own } from './servers/docs';\nawait own(9); await dosc.lookUp('x');\n\
                  const f = (docs: any) => docs.anything();\nawait tools.look_up('x'); await tools.look_down('x');\n";
    let expected = [
        (1, 19, "TS2769", "overload"),
        (2, 48, "TS2551", "toFixed"),
        (3, 27, "TS2769", "overload"),
        (6, 11, "TS2769", "overload"),
        (6, 21, "TS2304", "dosc"),
        (8, 39, "TS2339", "look_down"),
    ];
    found("script.ts", source, &expected)
}
