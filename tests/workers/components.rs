//! Components run in workers, as scripts and as tool files: they answer what they answer in this process, and what crashes
//! them ends nothing else.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use wxmcp_catalogue::Definition;
use wxmcp_host::{Guests, Job, Runtime, ToolsConfig, rust_tool};
use wxmcp_policy::{Approvals, CapabilityList, Principal};
use wxmcp_run::{
    CallContext, ComponentEntry, Language, Ledger, Outcome, Report, RunError, Runner, Silent,
    ToolCall, ToolError, ToolErrorKind, ToolHost as _, WorkerEnd,
};
use wxmcp_toolfiles::{Interpreters as _, TreeConfig};
use wxmcp_upstream::GuardCommand;

use crate::same::shown;
use crate::support::TestResult;
use crate::{guests, guests_with, kill, until};

/// What answers the call of a tool.
type Answer = Result<Value, ToolError>;

/// Functions on numbers and text; `next` counts the calls of its instance.
pub(crate) const CALC: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (global $calls (mut i32) (i32.const 0))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local i32)
      (local.set 4 (global.get $next))
      (global.set $next (i32.add (global.get $next) (local.get 3)))
      (local.get 4))
    (func (export "i64") (param i64) (result i64) (local.get 0))
    (func (export "f64") (param f64) (result f64) (local.get 0))
    (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
    (func (export "next") (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (global.get $calls))
    (func (export "spin") (loop (br 0)))
    (func (export "grow") (result i32)
      (if (i32.eq (memory.grow (i32.const 8000)) (i32.const -1)) (then unreachable))
      (i32.const 1))
    ;; The text itself.
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0))
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
  (func $signed (param "of" s64) (result s64) (canon lift (core func $i "i64")))
  (func $unsigned (param "of" u64) (result u64) (canon lift (core func $i "i64")))
  (func $float (param "of" f64) (result f64) (canon lift (core func $i "f64")))
  (func $divide (param "first" s32) (param "second-one" s32) (result s32)
    (canon lift (core func $i "divide")))
  (func $next (result u32) (canon lift (core func $i "next")))
  (func $spin (canon lift (core func $i "spin")))
  (func $grow (result s32) (canon lift (core func $i "grow")))
  (func $echo (param "text" string) (result string)
    (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc"))))
  (func $length (param "text" string) (result (result u32 (error string)))
    (canon lift (core func $i "length") (memory $memory) (realloc (core func $i "realloc"))))
  (export "signed" (func $signed))
  (export "unsigned" (func $unsigned))
  (export "float" (func $float))
  (export "divide" (func $divide))
  (export "next" (func $next))
  (export "spin" (func $spin))
  (export "grow" (func $grow))
  (instance $texts (export "length" (func $length)) (export "echo" (func $echo)))
  (export "acme:text/texts@1.0.0" (instance $texts)))"#;

/// The import of `math.add`, of any other type than it has with `of` in place of `s64`.
fn imports(of: &str) -> String {
    format!(
        r#"(import "tools:math/math@0.1.0" (instance $math
            (type $error' (record (field "kind" string) (field "message" string) (field "data" (option string))))
            (export "tool-error" (type $error (eq $error')))
            (export "add" (func (param "a" {of}) (param "b" {of}) (result (result {of} (error $error)))))))
          (alias export $math "add" (func $add))
          (core module $memory (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
          (core instance $memory (instantiate $memory))
          (alias core export $memory "memory" (core memory $mem))
          (core func $add (canon lower (func $add) (memory $mem) (realloc (core func $memory "realloc"))))
          (core instance $tools (export "add" (func $add)) (export "memory" (memory $mem)))"#
    )
}

/// A core module that calls `math.add`; `$twice` leaves the sum of a number with itself, or -1 where the call failed.
fn asking(functions: &str) -> String {
    format!(
        r#"(core module $m
            (import "" "add" (func $add (param i64 i64 i32)))
            (import "" "memory" (memory 1))
            (func $twice (export "twice") (param i64) (result i64)
              (call $add (local.get 0) (local.get 0) (i32.const 64))
              (if (i32.load8_u (i32.const 64)) (then (return (i64.const -1))))
              (i64.load (i32.const 72)))
            {functions})
          (core instance $i (instantiate $m (with "" (instance $tools))))"#
    )
}

/// A tool that asks `math.add` for a sum, and another that computes for ever behind that.
fn asks() -> String {
    format!(
        r#"(component {} {}
          (func $twice (param "of" s64) (result s64) (canon lift (core func $i "twice")))
          (func $spins (param "of" s64) (result s64) (canon lift (core func $i "spins")))
          (export "twice" (func $twice))
          (export "spins" (func $spins)))"#,
        imports("s64"),
        asking(
            r#"(func (export "spins") (param i64) (result i64)
              (drop (call $twice (local.get 0))) (loop (br 0)) (i64.const 0))"#
        )
    )
}

/// A script that asks `math.add` for 21 + 21, does what `then` says, and succeeds if the sum is 42.
fn script(then: &str) -> String {
    let run = format!(
        r#"(func (export "run") (result i32) (local i64)
          (local.set 0 (call $twice (i64.const 21)))
          {then}
          (i64.ne (local.get 0) (i64.const 42)))"#
    );
    format!(
        r#"(component {} {}
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $exports (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $exports)))"#,
        imports("s64"),
        asking(&run)
    )
}

/// A runtime with these tool files and `math.add`, whose calls are counted.
struct Opened {
    runtime: Runtime,
    guests: Arc<Guests>,
    calls: Arc<AtomicUsize>,
    ledger: Ledger,
    folder: tempfile::TempDir,
}

impl Opened {
    fn new(guests: &Arc<Guests>, files: &[(&str, &[u8])]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        for (name, content) in files {
            let file = folder.path().join("tools").join(name);
            std::fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
            std::fs::write(file, content)?;
        }
        let ledger = Ledger::of_process(1 << 30);
        let calls = Arc::new(AtomicUsize::new(0));
        let runtime = Runtime::with_guests(Arc::clone(guests))
            .tools(config(folder.path(), guests, &ledger)?)
            .tool("math", add(&calls))
            .build()?;
        Ok(Self {
            runtime,
            guests: Arc::clone(guests),
            calls,
            ledger,
            folder,
        })
    }

    async fn call(&self, tool: &str, arguments: &Value) -> Answer {
        let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
        let call = ToolCall {
            sequence: 1,
            name: tool.to_owned(),
            arguments,
            context: CallContext::outside_of_runs(&self.ledger),
        };
        let answer = self.runtime.tools().call(call).await;
        answer.map(|answer| answer.value)
    }

    /// Runs a component as a script.
    async fn run(&self, component: &str, job: Job) -> Result<Report, Box<dyn Error>> {
        let runner = self.runtime.component(&wat::parse_str(component)?).await?;
        Ok(runner.run(self.of(job)).await?)
    }

    fn of(&self, job: Job) -> wxmcp_run::Run {
        let tools = Arc::clone(self.runtime.tools());
        job.into_run(tools, Arc::new(Silent), std::future::pending())
    }

    /// Ends all workers, while something runs in one.
    fn kill_workers(&self) -> TestResult {
        for pid in self.guests.pool().ok_or("no pool")?.processes() {
            kill(pid)?;
        }
        Ok(())
    }
}

/// A tool that adds.
fn add(calls: &Arc<AtomicUsize>) -> Arc<dyn wxmcp_host::RustTool> {
    let definition = Definition {
        name: "add".to_owned(),
        description: "Adds two numbers.".to_owned(),
        input_schema: json!({"type": "object", "required": ["a", "b"], "additionalProperties": false,
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}),
        output_schema: Some(json!({"type": "integer"})),
    };
    let calls = Arc::clone(calls);
    rust_tool(definition, move |arguments| {
        calls.fetch_add(1, Ordering::SeqCst);
        async move {
            let number = |name: &str| arguments.get(name).and_then(Value::as_i64);
            let (a, b) = (number("a").unwrap_or(0), number("b").unwrap_or(0));
            let sum = a.checked_add(b);
            let too_large = || ToolError::new(ToolErrorKind::ToolFailed, "the sum is too large");
            sum.map(Value::from).ok_or_else(too_large)
        }
    })
}

fn config(
    folder: &Path,
    guests: &Arc<Guests>,
    ledger: &Ledger,
) -> Result<ToolsConfig, Box<dyn Error>> {
    let everything = CapabilityList {
        tools: vec!["*".to_owned()],
        ..CapabilityList::default()
    };
    let guard = GuardCommand {
        program: env!("CARGO_BIN_EXE_wxmcp").into(),
        args: vec!["__upstream-guard".into()],
    };
    Ok(ToolsConfig {
        tree: Some(TreeConfig {
            folder: folder.join("tools"),
            cache: None,
            version: "test".to_owned(),
            interpreters: guests.clone(),
            sees: wxmcp_run::Policy::default(),
            approvals: Approvals::new(BTreeMap::from([("*".to_owned(), everything)]))?,
            memory: 128 << 20,
            call_timeout: Duration::from_secs(30),
            observer: Arc::new(Silent),
        }),
        ledger: ledger.clone(),
        ..ToolsConfig::new(guard)
    })
}

fn job() -> Job {
    Job::new(Language::Component, "agent.wasm", "")
}

/// Calls, and what they answer: a value, or the kind of the error and a part of its message.
const CALLS: &str = r#"[
  ["calc.calc_signed", {"of": -9223372036854775808}, {"is": -9223372036854775808}],
  ["calc.calc_signed", {"of": 9223372036854775807}, {"is": 9223372036854775807}],
  ["calc.calc_signed", {"of": 9223372036854775808}, {"fails": "invalid-arguments", "said": "9223372036854775808"}],
  ["calc.calc_unsigned", {"of": 18446744073709551615}, {"is": 18446744073709551615}],
  ["calc.calc_unsigned", {"of": -1}, {"fails": "invalid-arguments", "said": "-1"}],
  ["calc.calc_float", {"of": 0.1}, {"is": 0.1}],
  ["calc.calc_float", {"of": 1.7976931348623157e308}, {"is": 1.7976931348623157e308}],
  ["calc.calc_divide", {"first": -7, "second_one": 2}, {"is": -3}],
  ["calc.calc_divide", {"first": 7, "second_one": 0}, {"fails": "tool-failed", "said": ""}],
  ["calc.calc_divide", {"first": 7}, {"fails": "invalid-arguments", "said": "second_one"}],
  ["calc.calc_divide", {"first": 7, "second_one": 1, "more": 1}, {"fails": "invalid-arguments", "said": "more"}],
  ["calc.calc_echo", {"text": "h\u00e4user \ud83d\ude00\u0000"}, {"is": "h\u00e4user \ud83d\ude00\u0000"}],
  ["calc.calc_echo", {"text": 1}, {"fails": "invalid-arguments", "said": ""}],
  ["calc.calc_length", {"text": "h\u00e4user"}, {"is": 7}],
  ["calc.calc_length", {"text": ""}, {"fails": "tool-failed", "said": "it is empty"}],
  ["calc.calc_next", {}, {"is": 1}],
  ["calc.calc_next", {}, {"is": 1}],
  ["kept.calc_next", {}, {"is": 1}],
  ["kept.calc_next", {}, {"is": 2}],
  ["more.asks_twice", {"of": 21}, {"is": 42}],
  ["more.asks_twice", {"of": -4611686018427387904}, {"is": -9223372036854775808}],
  ["more.asks_twice", {"of": 9223372036854775807}, {"is": -1}],
  ["calc.calc_none", {}, {"fails": "unknown-tool", "said": "calc_none"}]
]"#;

#[tokio::test]
async fn components_that_are_tools_answer_as_they_do_in_this_process() -> TestResult {
    let (calc, asks) = (wat::parse_str(CALC)?, wat::parse_str(asks())?);
    let files: [(&str, &[u8]); 4] = [
        ("calc/calc.wasm", &calc),
        ("kept/calc.wasm", &calc),
        ("kept/calc.json", br#"{"reusable": true}"#),
        ("more/asks.wasm", &asks),
    ];
    let cases: Vec<(String, Value, Value)> = serde_json::from_str(CALLS)?;
    let mut all = Vec::new();
    for in_workers in [false, true] {
        let opened = Opened::new(&guests(in_workers), &files)?;
        let mut answers = Vec::new();
        for (tool, arguments, expected) in &cases {
            let answer = opened.call(tool, arguments).await;
            let is_right = match &answer {
                Ok(value) => expected.get("is") == Some(value),
                Err(error) => {
                    let said = expected["said"].as_str().unwrap_or("not this");
                    expected["fails"] == error.kind.to_string() && error.message.contains(said)
                }
            };
            assert!(is_right, "{tool} {arguments}: {answer:?}");
            answers.push(answer.map_err(|error| (error.kind, error.message, error.data)));
        }
        assert_eq!(opened.calls.load(Ordering::SeqCst), 3);
        // What is kept between calls is charged: the instance of `kept/calc.wasm`.
        assert_ne!(opened.ledger.held(), 0);
        // Sixteen at once, each with its own value.
        let many = (0..16_i64).map(|of| {
            let opened = &opened;
            async move { opened.call("more.asks_twice", &json!({"of": of})).await }
        });
        for (of, answer) in (0_i64..).zip(futures_util::future::join_all(many).await) {
            assert_eq!(answer?, json!(2 * of));
        }
        opened.runtime.shutdown().await;
        all.push(answers);
    }
    // To the word.
    assert_eq!(all.first(), all.last());
    Ok(())
}

#[tokio::test]
async fn a_component_that_is_a_tool_fails_by_name_when_its_worker_ends() -> TestResult {
    let asks = wat::parse_str(asks())?;
    let opened = Arc::new(Opened::new(&guests(true), &[("more/asks.wasm", &asks)])?);
    let twin = json!({"of": 4});
    assert_eq!(opened.call("more.asks_twice", &twin).await?, json!(8));
    let spinning = Arc::clone(&opened);
    let spinning = tokio::spawn(async move { spinning.call("more.asks_spins", &twin).await });
    // It computes behind its call.
    until(|| opened.calls.load(Ordering::SeqCst) == 2).await;
    opened.kill_workers()?;
    let error = spinning.await?.err().ok_or("it ended")?;
    let expected = "`more.asks_spins` could not be run: the run was lost: its worker process was ended by signal 9 (SIGKILL";
    assert!(error.message.contains(expected), "{error}");
    let answer = opened.call("more.asks_twice", &json!({"of": 5})).await?;
    assert_eq!(answer, json!(10));
    Ok(())
}

#[tokio::test]
async fn a_component_that_is_a_script_fails_by_name_when_its_worker_ends() -> TestResult {
    let opened = Opened::new(&guests(true), &[])?;
    let spins = wat::parse_str(script("(loop (br 0))"))?;
    let runner = opened.runtime.component(&spins).await?;
    let run = opened.of(job());
    let spinning = tokio::spawn(async move { runner.run(run).await });
    until(|| opened.calls.load(Ordering::SeqCst) == 1).await;
    opened.kill_workers()?;
    match spinning.await? {
        Err(RunError::WorkerEnded { how, calls }) => {
            assert_eq!(how, WorkerEnd::Signal(9));
            let calls: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
            assert_eq!(calls, ["math.add"]);
        }
        other => return Err(format!("{other:?}").into()),
    }
    let report = opened.run(&script(""), job()).await?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    Ok(())
}

#[tokio::test]
async fn a_component_that_is_cancelled_ends_as_cancelled() -> TestResult {
    let opened = Opened::new(&guests(true), &[])?;
    let runner = opened
        .runtime
        .component(&wat::parse_str(script("(loop (br 0))"))?)
        .await?;
    let (cancel, cancelled) = tokio::sync::oneshot::channel::<()>();
    let tools = Arc::clone(opened.runtime.tools());
    let run = job().into_run(tools, Arc::new(Silent), async move {
        let _cancelled = cancelled.await;
    });
    let spinning = tokio::spawn(async move { runner.run(run).await });
    until(|| opened.calls.load(Ordering::SeqCst) == 1).await;
    drop(cancel);
    // Its worker, which is not ended for that, says so.
    let workers = opened.guests.pool().ok_or("no pool")?.processes();
    let report = spinning.await??;
    assert!(
        matches!(report.outcome, Outcome::Cancelled),
        "{:?}",
        report.outcome
    );
    assert_eq!(opened.guests.pool().ok_or("no pool")?.processes(), workers);
    Ok(())
}

#[tokio::test]
async fn limits_of_tools_hold_in_workers_by_name() -> TestResult {
    let calc = wat::parse_str(CALC)?;
    for in_workers in [false, true] {
        let guests = guests(in_workers);
        let folder = tempfile::tempdir()?;
        std::fs::create_dir_all(folder.path().join("tools/calc"))?;
        std::fs::write(folder.path().join("tools/calc/calc.wasm"), &calc)?;
        let ledger = Ledger::of_process(1 << 30);
        let mut config = config(folder.path(), &guests, &ledger)?;
        if let Some(tree) = &mut config.tree {
            tree.call_timeout = Duration::from_millis(300);
        }
        let runtime = Runtime::with_guests(guests).tools(config).build()?;
        for (tool, kind, said) in [
            (
                "calc.calc_spin",
                ToolErrorKind::CallTimedOut,
                "`calc.calc_spin` was stopped by the time limit of 0.3 s of one call",
            ),
            (
                "calc.calc_grow",
                ToolErrorKind::LimitReached,
                "`calc.calc_grow` was stopped by the memory limit of 128 MiB",
            ),
        ] {
            let call = ToolCall {
                sequence: 1,
                name: tool.to_owned(),
                arguments: Map::new(),
                context: CallContext::outside_of_runs(&ledger),
            };
            let error = runtime.tools().call(call).await.err().ok_or("it ended")?;
            assert_eq!((error.kind, error.message.as_str()), (kind, said));
        }
        runtime.shutdown().await;
    }
    Ok(())
}

/// A script, a change of its job's limits, and a part of how it ends.
type Case = (String, fn(&mut Job), &'static str);

#[tokio::test]
async fn scripts_report_what_they_report_in_this_process() -> TestResult {
    let nothing: fn(&mut Job) = |_| ();
    let cases: [Case; 8] = [
        (script(""), nothing, r#""returned":"null""#),
        (script("(local.set 0 (i64.const 1))"), nothing, "Exited(1)"),
        (script("unreachable"), nothing, "Raised"),
        (
            script("(loop (br 0))"),
            |job| job.limits.fuel = Some(1_000_000),
            "Stopped(Fuel(1000000)",
        ),
        (
            script("(loop (br 0))"),
            |job| job.limits.wall = Duration::from_millis(300),
            "Stopped(WallTime(300)",
        ),
        (
            script(
                "(if (i32.eq (memory.grow (i32.const 8000)) (i32.const -1)) (then unreachable))",
            ),
            |job| job.limits.memory = 100 << 20,
            "Stopped(Memory(104857600)",
        ),
        (
            script("(if (i32.eq (memory.grow (i32.const 800)) (i32.const -1)) (then unreachable))"),
            |job| job.limits.memory = 100 << 20,
            r#""returned":"null""#,
        ),
        (
            script("(drop (call $twice (i64.const 1)))"),
            |job| job.limits.tool_calls = 1,
            "Stopped(ToolCalls(1)",
        ),
    ];
    let here = Opened::new(&guests(false), &[])?;
    let elsewhere = Opened::new(&guests(true), &[])?;
    for (component, limit, said) in cases {
        let mut job = job();
        limit(&mut job);
        let report = here.run(&component, job.clone()).await?;
        let other = elsewhere.run(&component, job).await?;
        let outcome = shown(&report)["outcome"].to_string().replace('\\', "");
        assert!(outcome.contains(&said.replace('\\', "")), "{outcome}");
        assert_eq!(shown(&report), shown(&other), "{said}");
        // The last instruction before a deadline is nobody's choice.
        if !said.contains("WallTime") {
            assert_eq!(report.usage.fuel, other.usage.fuel, "{said}");
        }
    }
    elsewhere.runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn without_a_cache_the_worker_takes_the_file_that_its_parent_has_open() -> TestResult {
    let guests = guests_with(None, true);
    let calc = wat::parse_str(CALC)?;
    let opened = Opened::new(&Arc::new(guests), &[("calc/calc.wasm", &calc)])?;
    let sum = json!({"first": 84, "second_one": 2});
    assert_eq!(opened.call("calc.calc_divide", &sum).await?, json!(42));
    Ok(())
}

#[tokio::test]
async fn a_worker_checks_what_it_loads_and_links() -> TestResult {
    let guests = guests(true);
    let opened = Opened::new(&guests, &[])?;
    let runner = guests
        .elsewhere(Some(&Principal::local()))
        .ok_or("no pool")?;
    let supplied = guests.supplied(&wat::parse_str(script(""))?).await?;
    let sound = supplied.compiled(ComponentEntry::Script, Vec::new());
    let ran = |component| async {
        let runner: Arc<dyn Runner> = runner
            .for_component(component)
            .ok_or("it is not elsewhere")?;
        match runner.run(opened.of(job())).await {
            Ok(report) => Err(format!("{:?}", report.outcome).into()),
            Err(error) => Ok::<_, Box<dyn Error>>(error.to_string()),
        }
    };
    // No imports are sent, or what is none.
    let mut other = sound.clone();
    other.imports = Arc::from(*b"\xff\xff\xff\xff\xff\xff");
    assert!(ran(other).await?.starts_with("cannot link the component"));
    let mut other = sound.clone();
    other.imports = Arc::from([0]);
    let said = ran(other).await?;
    let expected =
        "it imports what no tool answers: `tools:math/math@0.1.0` is no namespace of tools";
    assert_eq!(said, expected);
    // A digest that nothing is cached by, with no file, and with a file that anybody may have written.
    let mut other = sound.clone();
    (other.digest, other.native) = ([7; 32], None);
    let said = ran(other).await?;
    assert!(said.starts_with("cannot load the component"), "{said}");
    let forged = opened.folder.path().join("forged.native");
    std::fs::write(&forged, b"native code")?;
    let mut other = sound.clone();
    other.digest = [7; 32];
    other.native = Some(Arc::new(std::fs::File::open(&forged)?.into()));
    let said = ran(other).await?;
    assert!(said.starts_with("cannot load the component"), "{said}");
    // The very same component with the imports that were found for it runs.
    let report = opened.run(&script(""), job()).await?;
    assert!(matches!(report.outcome, Outcome::Returned(_)));
    Ok(())
}
