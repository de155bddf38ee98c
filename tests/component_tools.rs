//! Components as tool files, through the binary: what they export are tools.

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{TestResult, tree, wx};

/// Two functions on numbers, one on text that fails where it is empty, one that no JSON can
/// call.
const MATHS: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local i32)
      (local.set 4 (global.get $next))
      (global.set $next (i32.add (global.get $next) (local.get 3)))
      (local.get 4))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
    ;; result<u32, string> of a text: its length, or what is wrong with it.
    (data (i32.const 100) "it is empty")
    (func (export "length") (param i32 i32) (result i32)
      (if (i32.eqz (local.get 1))
        (then
          (i32.store8 (i32.const 0) (i32.const 1))
          (i32.store (i32.const 4) (i32.const 100))
          (i32.store (i32.const 8) (i32.const 11)))
        (else
          (i32.store8 (i32.const 0) (i32.const 0))
          (i32.store (i32.const 4) (local.get 1))))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func $add (param "first" s32) (param "second-one" s32) (result s32)
    (canon lift (core func $i "add")))
  (func $half (param "of" f64) (result f64) (canon lift (core func $i "half")))
  (func $length (param "text" string) (result (result u32 (error string)))
    (canon lift (core func $i "length") (memory $memory) (realloc (core func $i "realloc"))))
  (export "add" (func $add))
  (instance $texts (export "length" (func $length)))
  (export "acme:text/texts@1.0.0" (instance $texts))
  (export "half-of" (func $half)))"#;

/// A tool that asks `math.add` for a sum.
const ASKS: &str = r#"(component
  (import "tools:math/math@0.1.0" (instance $math
    (type $error' (record (field "kind" string) (field "message" string) (field "data" (option string))))
    (export "tool-error" (type $error (eq $error')))
    (export "add" (func (param "a" s64) (param "b" s64) (result (result s64 (error $error)))))))
  (alias export $math "add" (func $add))
  (core module $memory (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $add (canon lower (func $add) (memory $mem) (realloc (core func $memory "realloc"))))
  (core module $m
    (import "" "add" (func $add (param i64 i64 i32)))
    (import "" "memory" (memory 1))
    (func (export "twice") (param i64) (result i64)
      (call $add (local.get 0) (local.get 0) (i32.const 64))
      (if (i32.load8_u (i32.const 64)) (then (return (i64.const -1))))
      (i64.load (i32.const 72))))
  (core instance $i (instantiate $m (with "" (instance
    (export "add" (func $add)) (export "memory" (memory $mem))))))
  (func $twice (param "of" s64) (result s64) (canon lift (core func $i "twice")))
  (export "twice" (func $twice)))"#;

const ADD: &str = "def add(a: int, b: int) -> int:\n    return a + b\n";

/// The answer of a tool, or what is said of its failure.
fn call(
    folder: &Path,
    tool: &str,
    arguments: &Value,
) -> Result<Result<Value, String>, Box<dyn Error>> {
    let printed = wx(
        folder,
        &["tools", "call", tool, "--args", &arguments.to_string()],
    )?;
    Ok(match printed.code {
        Some(0) => Ok(serde_json::from_str(&printed.stdout)?),
        _ => Err(printed.stderr),
    })
}

#[test]
fn exported_functions_are_tools() -> TestResult {
    let folder = tree::<&[u8]>(&[
        ("tools/calc/maths.wasm", &wat::parse_str(MATHS)?),
        (
            "tools/calc/maths.json",
            br#"{"tools": {"add": {"description": "Adds two numbers."}}}"#,
        ),
    ])?;
    let listed = wx(folder.path(), &["tools", "list", "--json"])?;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    for name in ["maths_add", "maths_half_of", "maths_length"] {
        assert!(listed.stdout.contains(name), "{}", listed.stdout);
    }
    assert!(
        listed.stdout.contains("Adds two numbers."),
        "{}",
        listed.stdout
    );
    let folder = folder.path();
    for (tool, arguments, answer) in [
        (
            "calc.maths_add",
            json!({"first": 2, "second_one": -5}),
            json!(-3),
        ),
        ("calc.maths_half_of", json!({"of": 5}), json!(2.5)),
        ("calc.maths_length", json!({"text": "häuser"}), json!(7)),
    ] {
        assert_eq!(call(folder, tool, &arguments)?, Ok(answer), "{tool}");
    }
    for (tool, arguments, said) in [
        ("calc.maths_length", json!({"text": ""}), "it is empty"),
        ("calc.maths_add", json!({"first": 2}), "second_one"),
        (
            "calc.maths_add",
            json!({"first": 2, "second_one": 3_000_000_000_u32}),
            "3000000000",
        ),
        (
            "calc.maths_add",
            json!({"first": 2, "second_one": 1, "more": 1}),
            "more",
        ),
    ] {
        let failed = call(folder, tool, &arguments)?.unwrap_err();
        assert!(failed.contains(said), "{failed}");
    }
    Ok(())
}

/// A script sees no difference.
#[test]
fn scripts_call_components_like_any_tool() -> TestResult {
    let folder = tree::<&[u8]>(&[
        ("tools/calc/maths.wasm", &wat::parse_str(MATHS)?),
        (
            "script.py",
            br#"
from tools import calc
print(calc.maths_add(20, 22), calc.maths_length(text="four"))
try:
    calc.maths_length("")
except ToolError as error:
    print(error.kind, error)
"#,
        ),
    ])?;
    let printed = wx(folder.path(), &["run", "script.py"])?;
    assert_eq!(
        printed.stdout, "42 4\ntool-failed it is empty\n",
        "{}",
        printed.stderr
    );
    Ok(())
}

/// One exported function is the tool that the file is called after.
#[test]
fn a_component_asks_for_the_tools_that_it_imports() -> TestResult {
    let folder = tree::<&[u8]>(&[
        ("tools/math/add.py", ADD.as_bytes()),
        ("tools/more/double.wasm", &wat::parse_str(ASKS)?),
    ])?;
    let arguments = json!({"of": 21});
    let refused = call(folder.path(), "more.double", &arguments)?.unwrap_err();
    assert!(
        refused.contains("`tools:math/math@0.1.0` is no namespace of tools")
            && refused.contains("`tools` of `[grants.\"more.double\"]` in wxmcp.toml"),
        "{refused}"
    );
    let checked = wx(folder.path(), &["tools", "check"])?;
    assert!(
        checked.stdout.contains("math.add"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    fs::write(
        folder.path().join("wxmcp.toml"),
        "[grants.\"more.double\"]\ntools = [\"math.add\"]\n",
    )?;
    assert_eq!(
        call(folder.path(), "more.double", &arguments)?,
        Ok(json!(42))
    );
    Ok(())
}

/// What a component cannot be is said, and the rest of the folder works.
#[test]
fn files_that_are_no_tools_are_listed_with_what_is_wrong() -> TestResult {
    let resources = r#"(component
      (type $r (resource (rep i32)))
      (core func $new (canon resource.new $r))
      (export $thing "thing" (type $r))
      (func $make (result (own $thing)) (canon lift (core func $new)))
      (export "make" (func $make)))"#;
    let resources = resources.replace(
        "(core func $new (canon resource.new $r))",
        "(core func $n (canon resource.new $r))
         (core module $m (import \"\" \"n\" (func $n (param i32) (result i32)))
           (func (export \"make\") (result i32) (call $n (i32.const 0))))
         (core instance $i (instantiate $m (with \"\" (instance (export \"n\" (func $n))))))
         (alias core export $i \"make\" (core func $new))",
    );
    let folder = tree::<&[u8]>(&[
        ("tools/t/module.wasm", &wat::parse_str("(module)")?),
        ("tools/t/nothing.wasm", &wat::parse_str("(component)")?),
        ("tools/t/broken.wasm", b"\0asm\x0d\0\x01\0junk"),
        ("tools/t/things.wasm", &wat::parse_str(resources)?),
        ("tools/t/maths.wasm", &wat::parse_str(MATHS)?),
        ("tools/t/asks.wasm", &wat::parse_str(ASKS)?),
        ("tools/t/asks.json", b"{\"grant\": {}}"),
        ("tools/t/works.py", b"def works() -> int:\n    return 1\n"),
    ])?;
    let checked = wx(folder.path(), &["tools", "check"])?;
    let said = format!("{}{}", checked.stdout, checked.stderr);
    for (file, why) in [
        (
            "module.wasm",
            "it is a core module, not a WebAssembly component",
        ),
        ("nothing.wasm", "it exports no functions"),
        ("broken.wasm", "it is not a valid component"),
        (
            "things.wasm",
            "its function `make` is no tool: no JSON stands for a resource",
        ),
        (
            "asks.wasm",
            "`asks.json` beside it says nothing usable: unknown field `grant`",
        ),
    ] {
        let line = said.lines().find(|line| line.contains(file));
        assert!(
            line.is_some_and(|line| line.contains(why)),
            "{file}: {said}"
        );
    }
    assert_eq!(call(folder.path(), "t.works", &json!({}))?, Ok(json!(1)));
    let sum = json!({"first": 1, "second_one": 1});
    assert_eq!(call(folder.path(), "t.maths_add", &sum)?, Ok(json!(2)));
    Ok(())
}

/// A component that changes, or what is said of it, is another tool at the next call.
#[test]
fn changed_components_are_seen() -> TestResult {
    let folder = tree::<&[u8]>(&[
        ("tools/calc/maths.wasm", &wat::parse_str(MATHS)?),
        (
            "script.py",
            br#"
import tools
print(call_tool("calc.maths_add", first=1, second_one=2))
print(tools.describe("calc.maths_add")[0]["description"])
"#,
        ),
    ])?;
    let subtracts = MATHS.replace(
        "(i32.add (local.get 0) (local.get 1)))",
        "(i32.sub (local.get 0) (local.get 1)))",
    );
    let run = || wx(folder.path(), &["run", "script.py"]);
    assert_eq!(run()?.stdout, "3\n\n");
    let component = folder.path().join("tools/calc/maths.wasm");
    fs::write(&component, wat::parse_str(subtracts)?)?;
    let printed = run()?;
    assert_eq!(printed.stdout, "-1\n\n", "{}", printed.stderr);
    let told = r#"{"tools": {"add": {"description": "Told now."}}}"#;
    fs::write(component.with_extension("json"), told)?;
    let printed = run()?;
    assert_eq!(printed.stdout, "-1\nTold now.\n", "{}", printed.stderr);
    Ok(())
}

/// Limits of tool files hold for components.
#[test]
fn a_component_that_computes_for_ever_is_stopped() -> TestResult {
    let spins = MATHS.replace(
        "(f64.div (local.get 0) (f64.const 2))",
        "(loop (br 0)) (f64.const 0)",
    );
    let folder = tree::<&[u8]>(&[("tools/calc/maths.wasm", &wat::parse_str(spins)?)])?;
    fs::write(
        folder.path().join("wxmcp.toml"),
        "[limits]\ncall-timeout = \"300ms\"\n",
    )?;
    let failed = call(folder.path(), "calc.maths_half_of", &json!({"of": 1}))?.unwrap_err();
    assert!(
        failed.contains("was stopped by the time limit of 0.3 s"),
        "{failed}"
    );
    Ok(())
}

/// Capabilities are reached by the protocol of interpreters, with the grants of a tool file.
#[test]
fn a_component_has_the_capabilities_that_are_granted_to_it() -> TestResult {
    let request =
        r#"{"connection":"main","action":"query","statement":"SELECT 6 * 7","parameters":[]}"#;
    let component = format!(
        r#"(component
          (import "wxmcp:guest/waiting@0.1.0" (instance $waiting
            (export "call" (func (param "operation" u8) (param "payload" (list u8)) (result (list u8))))))
          (alias export $waiting "call" (func $call))
          (core module $memory (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
          (core instance $memory (instantiate $memory))
          (alias core export $memory "memory" (core memory $mem))
          (core func $call (canon lower (func $call) (memory $mem) (realloc (core func $memory "realloc"))))
          (core module $m
            (import "" "call" (func $call (param i32 i32 i32 i32)))
            (import "" "memory" (memory 1))
            (data (i32.const 100) "{}")
            ;; The answer behind its first byte, which says whether it is one.
            (func (export "ask") (result i32)
              (call $call (i32.const 7) (i32.const 100) (i32.const {}) (i32.const 16))
              (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
              (i32.store (i32.const 20) (i32.sub (i32.load (i32.const 20)) (i32.const 1)))
              (i32.const 16)))
          (core instance $i (instantiate $m (with "" (instance
            (export "call" (func $call)) (export "memory" (memory $mem))))))
          (func $ask (result string) (canon lift (core func $i "ask") (memory $mem)))
          (export "ask" (func $ask)))"#,
        request.replace('"', "\\\""),
        request.len()
    );
    let folder = tree::<&[u8]>(&[("tools/t/ask.wasm", &wat::parse_str(component)?)])?;
    let folder = folder.path();
    let connection = "[connections.main]\nurl = \"sqlite::memory:\"\n";
    let approved = format!("{connection}\n[grants.\"t.ask\"]\nsql = [\"main\"]\n");
    let ask = || -> Result<String, Box<dyn Error>> {
        let answer = call(folder, "t.ask", &json!({}))??;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    };
    fs::write(folder.join("wxmcp.toml"), &approved)?;
    let answer = ask()?;
    assert!(
        answer.contains("`t.ask` does not ask for `main`"),
        "{answer}"
    );
    fs::write(folder.join("wxmcp.toml"), connection)?;
    fs::write(
        folder.join("tools/t/ask.json"),
        r#"{"grants": {"sql": ["main"]}}"#,
    )?;
    let answer = ask()?;
    assert!(answer.contains("which is not approved"), "{answer}");
    fs::write(folder.join("wxmcp.toml"), &approved)?;
    let answer = ask()?;
    assert!(answer.contains("\"rows\":[[42]]"), "{answer}");
    Ok(())
}
