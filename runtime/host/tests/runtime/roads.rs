//! Whatever leaves a sandbox passes the same stages in the same order.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wxmcp_broker::STAGES;
use wxmcp_host::{Job, Runtime, ToolsConfig};
use wxmcp_policy::Hosts;
use wxmcp_run::{Language, Outcome};

use crate::support::{Seen, TestResult, config, guests, tool_tree, value};

const FILES: &[(&str, &str)] = &[
    (
        "math/add.py",
        "def add(a: int, b: int) -> int:\n    return a + b\n",
    ),
    (
        "sums/total.py",
        "from tools import math\nfrom wxmcp import tool\n\n@tool(grants={'tools': ['math.add']})\n\
         def total(numbers: list[int]) -> int:\n    sum = 0\n    for number in numbers:\n        \
         sum = math.add(a=sum, b=number)\n    return sum\n",
    ),
    (
        "rows/count.ts",
        "import { createTool, sql } from 'wxmcp';\nexport const count = createTool({\n  parameters: {},\n  \
         grants: { sql: ['main'] },\n  async execute() { return await sql('main').query('select 3 as n'); },\n});\n",
    ),
];

/// A component that calls `math.add` and ends well if it answers 3.
const COMPONENT: &str = r#"(component
  (import "tools:math/math@0.1.0" (instance $math
    (type $error' (record (field "kind" string) (field "message" string) (field "data" (option string))))
    (export "tool-error" (type $error (eq $error')))
    (export "add" (func (param "a" s64) (param "b" s64) (result (result s64 (error $error)))))))
  (alias export $math "add" (func $add))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $lowered (canon lower (func $add) (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "math" "add" (func $add (param i64 i64 i32)))
    (func (export "run") (result i32)
      (call $add (i64.const 1) (i64.const 2) (i32.const 0))
      (i32.or (i32.load8_u (i32.const 0)) (i64.ne (i64.load (i32.const 8)) (i64.const 3)))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "math" (instance (export "add" (func $lowered))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))"#;

fn watched(config: ToolsConfig, seen: &Arc<Seen>) -> ToolsConfig {
    ToolsConfig {
        watcher: Some(seen.clone()),
        ..config
    }
}

#[tokio::test]
async fn calls_nested_calls_and_capabilities_pass_every_stage_in_order() -> TestResult {
    let (folder, seen, guests) = (tool_tree(FILES)?, Arc::<Seen>::default(), guests());
    let tools = watched(config(folder.path(), &guests)?, &seen);
    let runtime = Runtime::with_guests(guests).tools(tools).build()?;
    let script = "from tools import liar, rows, sums\n\
                  [liar.echo(text='hi'), sums.total(numbers=[20, 22]), rows.count()]";
    let answer = value(&runtime, script).await?;
    assert_eq!(answer, json!(["hi", 42, [{"n": 3}]]));
    assert_eq!(seen.stages("liar.echo", 0), STAGES, "a server's tool");
    assert_eq!(seen.stages("sums.total", 0), STAGES, "a tool file");
    let twice = [STAGES, STAGES].concat();
    assert_eq!(seen.stages("math.add", 1), twice, "what it calls");
    assert_eq!(seen.stages("sql", 1), STAGES, "what it asks of a database");
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn requests_of_scripts_to_hosts_pass_every_stage_in_order() -> TestResult {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut head = [0; 1024];
        let _length = stream.read(&mut head).await?;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
        stream.write_all(answer).await
    });
    let (folder, seen, guests) = (tool_tree(&[])?, Arc::<Seen>::default(), guests());
    let tools = ToolsConfig {
        hosts: Hosts::new(["127.0.0.1"])?,
        ..watched(config(folder.path(), &guests)?, &seen)
    };
    let runtime = Runtime::with_guests(guests).tools(tools).build()?;
    let script = format!("import urllib.request\nurllib.request.urlopen('{url}').read().decode()");
    assert_eq!(value(&runtime, &script).await?, "hi");
    assert_eq!(seen.stages("http", 0), STAGES);
    serving.await??;
    Ok(())
}

#[tokio::test]
async fn typed_imports_of_components_pass_every_stage_in_order() -> TestResult {
    let (folder, seen, guests) = (tool_tree(FILES)?, Arc::<Seen>::default(), guests());
    let tools = watched(config(folder.path(), &guests)?, &seen);
    let runtime = Runtime::with_guests(guests).tools(tools).build()?;
    let runner = runtime.component(&wat::parse_str(COMPONENT)?).await?;
    let job = Job::new(Language::Component, "agent.wasm", "");
    let run = job.into_run(
        Arc::clone(runtime.tools()),
        Arc::new(wxmcp_run::Silent),
        std::future::pending(),
    );
    let report = runner.run(run).await?;
    assert!(
        matches!(report.outcome, Outcome::Exited(0) | Outcome::Returned(_)),
        "{:?}",
        report.outcome
    );
    assert_eq!(seen.stages("math.add", 0), STAGES);
    Ok(())
}

/// A stage that refuses ends the passage: nothing behind it is entered.
#[tokio::test]
async fn a_refusal_enters_no_later_stage() -> TestResult {
    let (folder, seen, guests) = (tool_tree(FILES)?, Arc::<Seen>::default(), guests());
    let tools = watched(config(folder.path(), &guests)?, &seen);
    let runtime = Runtime::with_guests(guests).tools(tools).build()?;
    let script = "from tools import math\ntry:\n    math.add(a='x', b=1)\n\
                  except Exception as error:\n    said = error.kind\nsaid";
    assert_eq!(value(&runtime, script).await?, "invalid-arguments");
    assert_eq!(
        seen.stages("math.add", 0),
        ["resolve", "permit", "validate"]
    );
    Ok(())
}
