//! Small files that ask for much: of the host's time, which takes no fuel, and of its memory.

mod support;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Printed, TestResult, tree, wx, wxmcp};

/// A command whose loop costs a few units of fuel, and the host milliseconds.
const EMITS: &str = r#"(component
  (import "wxmcp:guest/host@0.1.0" (instance $host
    (export "emit" (func (param "kind" u8) (param "payload" (list u8))))))
  (alias export $host "emit" (func $emit))
  (core module $memory (memory (export "memory") 300))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $emit (canon lower (func $emit) (memory $mem)))
  (core module $m
    (import "" "emit" (func $emit (param i32 i32 i32)))
    (func (export "run") (result i32)
      (loop (call $emit (i32.const 99) (i32.const 0) (i32.const 16777216)) (br 0))
      (i32.const 0)))
  (core instance $i (instantiate $m (with "" (instance (export "emit" (func $emit))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $exports)))"#;

/// The same without any import: two components hand each other a long string in two encodings.
const TRANSCODES: &str = r#"(component
  (component $a
    (core module $m (memory (export "memory") 1600)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
      (func (export "take") (param i32 i32)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $mem))
    (func (export "take") (param "text" string)
      (canon lift (core func $i "take") string-encoding=utf16 (memory $mem) (realloc (core func $i "realloc")))))
  (component $b
    (import "take" (func $take (param "text" string)))
    (core module $memory (memory (export "memory") 800))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (core func $take (canon lower (func $take) string-encoding=utf8 (memory $mem)))
    (core module $m (import "" "take" (func $take (param i32 i32)))
      (func (export "run") (result i32)
        (loop (call $take (i32.const 0) (i32.const 50000000)) (br 0)) (i32.const 0)))
    (core instance $i (instantiate $m (with "" (instance (export "take" (func $take))))))
    (func (export "run") (result (result)) (canon lift (core func $i "run"))))
  (instance $a (instantiate $a))
  (instance $b (instantiate $b (with "take" (func $a "take"))))
  (instance $exports (export "run" (func $b "run")))
  (export "wasi:cli/run@0.2.0" (instance $exports)))"#;

/// The deadline has its turn, whatever the host is kept busy with.
#[test]
fn work_of_the_host_does_not_hide_the_deadline() -> TestResult {
    let python =
        "from wit_world.imports import host\nb = b'x' * (15 << 20)\nwhile True: host.emit(99, b)\n";
    let folder = tree(&[
        ("emits.wasm", wat::parse_str(EMITS)?),
        ("transcodes.wasm", wat::parse_str(TRANSCODES)?),
        ("emits.py", python.into()),
        (
            "random.py",
            "import os\nwhile True: os.urandom(1 << 20)\n".into(),
        ),
    ])?;
    for name in ["emits.wasm", "transcodes.wasm", "emits.py", "random.py"] {
        let printed = wx(folder.path(), &["run", "--timeout", "500ms", name])?;
        assert!(
            printed.stderr.contains("the time limit of 0.5 s"),
            "{name}: {}",
            printed.stderr
        );
        assert_eq!(printed.code, Some(3), "{name}");
    }
    Ok(())
}

/// Reading a source is work of the host, too. The parser reads this one again at each level.
#[test]
fn reading_a_source_counts_against_the_deadline() -> TestResult {
    let nested = format!("x = {}1{}", "(a = ".repeat(8_000), ")".repeat(8_000));
    let source = format!("{nested}{}", " ".repeat(70_000));
    let folder = tree(&[("slow.js", source.as_bytes())])?;
    let printed = wx(folder.path(), &["run", "--timeout", "500ms", "slow.js"])?;
    assert!(
        printed.stderr.contains("the time limit of 0.5 s"),
        "{}",
        printed.stderr
    );
    assert_eq!(printed.code, Some(3));
    Ok(())
}

/// Tool files that compute until they are stopped, and as many that answer.
fn spinning() -> Result<tempfile::TempDir, Box<dyn Error>> {
    let mut files = Vec::new();
    for n in 1..=12 {
        for (file, text) in [
            (
                format!("p{n}.py"),
                format!("def p{n}():\n    while True: pass\n"),
            ),
            (format!("q{n}.py"), format!("def q{n}(): return {n}\n")),
            (
                format!("j{n}.js"),
                format!("export const j{n} = () => {{ while (true) {{}} }};\n"),
            ),
            (
                format!("k{n}.js"),
                format!("export const k{n} = () => {n};\n"),
            ),
        ] {
            files.push((format!("tools/spin/{file}"), text));
        }
    }
    for letter in ["p", "q", "j", "k"] {
        let python = format!(
            "import asyncio\nfrom tools import spin\n\
             tasks = [asyncio.ensure_future(getattr(spin, f'{letter}{{n}}')()) for n in range(1, 13)]\n\
             await asyncio.sleep(0.1)\nprint('under way', flush=True)\n\
             sum(await asyncio.gather(*tasks))"
        );
        let typescript = format!(
            "import * as spin from 'tools/spin';\n\
             const calls = Array.from({{length: 12}}, (_, n) => spin[`{letter}${{n + 1}}`]());\n\
             return (await Promise.all(calls)).reduce((a, b) => a + b);"
        );
        files.push((format!("{letter}.py"), python));
        files.push((format!("{letter}.ts"), typescript));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    tree(&files)
}

/// Tool files share their thread and the event loop's with the deadline, and with an interrupt.
#[test]
fn many_tool_files_that_spin_hide_neither_the_deadline_nor_an_interrupt() -> TestResult {
    let folder = spinning()?;
    for name in ["q.py", "q.ts", "k.py", "k.ts"] {
        let printed = wx(folder.path(), &["run", name])?;
        assert_eq!(printed.code, Some(0), "{name}: {}", printed.stderr);
        assert!(
            printed.stdout.ends_with("78\n"),
            "{name}: {}",
            printed.stdout
        );
    }
    for name in ["p.py", "p.ts", "j.py", "j.ts"] {
        let began = Instant::now();
        let printed = wx(folder.path(), &["run", "--timeout", "1s", name])?;
        let took = began.elapsed();
        assert_eq!(printed.code, Some(3), "{name}: {}", printed.stderr);
        assert!(
            printed.stderr.contains("the time limit of 1 s"),
            "{}",
            printed.stderr
        );
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
    }
    for name in ["p.py", "j.py"] {
        let mut child = wxmcp(folder.path())
            .args(["run", "--timeout", "60s", "--call-timeout", "60s", name])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        assert_eq!(line, "under way\n", "{name}");
        let began = Instant::now();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        let printed = Printed::from(child.wait_with_output()?);
        assert_eq!(printed.code, Some(130), "{name}: {}", printed.stderr);
        assert!(began.elapsed() < Duration::from_secs(5), "{name}");
    }
    Ok(())
}

/// Each level of a nested component instantiates the one below thirty times.
fn nested(inside: &str, levels: usize) -> String {
    let mut component = format!("(component $c {inside})");
    for _ in 0..levels {
        component = format!(
            "(component $c {component} {})",
            "(instance (instantiate $c))".repeat(30)
        );
    }
    format!(
        r#"(component {component} (instance (instantiate $c))
          (core module $m (func (export "run") (result i32) (i32.const 0)))
          (core instance $i (instantiate $m))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $exports (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $exports)))"#
    )
}

/// Instances that take no memory of their own take the host's.
#[test]
fn floods_of_instances_are_refused_before_there_is_one() -> TestResult {
    let core = "(core module $n) (core instance (instantiate $n))";
    for (inside, levels, said) in [
        ("", 4, "instance allocation for this component requires"),
        (
            core,
            2,
            "core module instances, which exceeds the configured maximum of 100",
        ),
    ] {
        let flood = wat::parse_str(nested(inside, levels))?;
        assert!(flood.len() < 4_096);
        let folder = tree(&[("agent.wasm", &flood)])?;
        let refused = wx(folder.path(), &["run", "agent.wasm"])?;
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        assert_eq!(refused.code, Some(2));
    }
    let few = tree(&[("agent.wasm", &wat::parse_str(nested("", 2))?)])?;
    let printed = wx(few.path(), &["run", "agent.wasm"])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    Ok(())
}

/// What a function answers is counted before it is copied, and what its types say before they
/// are kept.
#[test]
fn small_tool_files_make_no_large_things() -> TestResult {
    let labels: String = ('a'..='z')
        .map(|letter| format!(" \"{letter}\""))
        .chain((1..=6).map(|at| format!(" \"a{at}\"")))
        .collect();
    let flags = format!(
        r#"(component
          (core module $m (memory (export "memory") 64)
            (func (export "g") (param i32) (result i32)
              (memory.fill (i32.const 16) (i32.const 255) (i32.const 3000000))
              (i32.store (i32.const 0) (i32.const 16))
              (i32.store (i32.const 4) (local.get 0))
              (i32.const 0)))
          (core instance $i (instantiate $m))
          (alias core export $i "memory" (core memory $mem))
          (type $f' (flags{labels}))
          (export $f "f" (type $f'))
          (func $g (param "n" u32) (result (list $f)) (canon lift (core func $i "g") (memory $mem)))
          (export "g" (func $g)))"#
    );
    let cases: String = (0..9_000).map(|at| format!(" \"c{at}\"")).collect();
    let functions: String = (0..60)
        .map(|at| format!("(func $g{at} (param \"a\" $e) (canon lift (core func $i \"g\"))) (export \"g{at}\" (func $g{at}))"))
        .collect();
    let shared = format!(
        r#"(component
          (core module $m (func (export "g") (param i32)))
          (core instance $i (instantiate $m))
          (type $e' (enum{cases}))
          (export $e "e" (type $e'))
          {functions})"#
    );
    let folder = tree(&[
        ("tools/t/flags.wasm", &wat::parse_str(flags)?),
        ("tools/t/shared.wasm", &wat::parse_str(shared)?),
    ])?;
    let call = |count: u32| {
        let args = format!("{{\"n\": {count}}}");
        wx(
            folder.path(),
            &["tools", "call", "t.flags", "--args", &args],
        )
    };
    let refused = call(600_000)?;
    assert!(
        refused.stderr.contains("it holds more than 2000000 values"),
        "{}",
        refused.stderr
    );
    let some = call(2)?;
    assert_eq!(some.code, Some(0), "{}", some.stderr);
    let checked = wx(folder.path(), &["tools", "check"])?;
    assert!(
        checked
            .stdout
            .contains("the types of its functions take more than 4194304 bytes"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    Ok(())
}

/// What the machine could not do now is no property of the file.
#[test]
fn a_component_that_could_not_be_compiled_is_tried_again() -> TestResult {
    let adds = r#"(component
      (core module $m (func (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1))))
      (core instance $i (instantiate $m))
      (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
      (export "add" (func $add)))"#;
    let folder = tree(&[("tools/t/add.wasm", &wat::parse_str(adds)?)])?;
    let cache = tempfile::tempdir()?;
    let call = |limit: &str| -> Result<Printed, Box<dyn Error>> {
        // A shell only to lower a limit of the system.
        let program = wxmcp(folder.path());
        let mut shell = std::process::Command::new("bash");
        shell
            .args(["-c", &format!("{limit} exec \"$0\" \"$@\"")])
            .arg(program.get_program())
            .args(["tools", "call", "t.add", "--args", r#"{"a": 1, "b": 2}"#])
            .current_dir(folder.path())
            .env("WXMCP_CACHE_DIR", cache.path());
        Ok(shell.output()?.into())
    };
    // The compiler's output has no room.
    let starved = call("ulimit -f 1;")?;
    assert_ne!(starved.code, Some(0), "{}", starved.stdout);
    assert!(
        !starved.stderr.contains("not a valid component"),
        "{}",
        starved.stderr
    );
    let again = call("")?;
    assert_eq!(
        (again.code, again.stdout.trim()),
        (Some(0), "3"),
        "{}",
        again.stderr
    );
    // Lower limits than the compiler's own are kept, and are no error.
    fs::remove_dir_all(cache.path().join("components"))?;
    let lowered = call("ulimit -t 1000;")?;
    assert_eq!(
        (lowered.code, lowered.stdout.trim()),
        (Some(0), "3"),
        "{}",
        lowered.stderr
    );
    Ok(())
}
