//! Components that somebody supplied, as scripts: what they import, and what hostile ones do.

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use support::{Printed, wxmcp};
use tempfile::TempDir;
use wxmcp_sandbox::NativeCache;
use wxmcp_sandbox::supplied::{CompileLimits, Compiler};

type TestResult = Result<(), Box<dyn Error>>;

/// A component that is a command. `own` are fields of its core module, `body` is what `run`
/// does; it answers whether that went wrong.
fn command(own: &str, body: &str) -> String {
    format!(
        r#"(component
          (core module $m
            {own}
            (func (export "run") (result i32) {body} (i32.const 0)))
          (core instance $i (instantiate $m))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $exports (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $exports)))"#
    )
}

/// A command with these imports, none of which it calls.
fn importing(imports: &str) -> String {
    command("", "").replacen("(component", &format!("(component {imports}"), 1)
}

/// A folder with a component in it, and a tool that adds.
fn folder(component: &str) -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("agent.wasm"), wat::parse_str(component)?)?;
    fs::create_dir_all(folder.path().join("tools/math"))?;
    fs::write(
        folder.path().join("tools/math/add.py"),
        "def add(a: int, b: int) -> int:\n    return a + b\n",
    )?;
    Ok(folder)
}

fn run(folder: &Path, flags: &[&str]) -> Result<Printed, Box<dyn Error>> {
    let mut command = wxmcp(folder);
    command.arg("run").args(flags).arg("agent.wasm");
    Ok(command.output()?.into())
}

fn run_text(component: &str, flags: &[&str]) -> Result<Printed, Box<dyn Error>> {
    let folder = folder(component)?;
    run(folder.path(), flags)
}

#[track_caller]
fn assert_refused(printed: &Printed, code: i32, said: &str) {
    assert!(printed.stderr.contains(said), "{}", printed.stderr);
    assert_eq!(printed.code, Some(code), "{}", printed.stderr);
}

const ERROR: &str = r#"
    (type $error' (record (field "kind" string) (field "message" string) (field "data" (option string))))
    (export "tool-error" (type $error (eq $error')))"#;

#[test]
fn a_command_ends_as_it_says() -> TestResult {
    let well = run_text(&command("", ""), &[])?;
    assert_eq!((well.code, well.stderr.as_str()), (Some(0), ""));
    let badly = run_text(&command("", "(return (i32.const 1))"), &[])?;
    assert_eq!(badly.code, Some(1));
    Ok(())
}

#[test]
fn an_import_of_a_tools_type_is_linked() -> TestResult {
    let printed = run_text(
        &importing(&format!(
            r#"(import "tools:math/math@0.1.0" (instance {ERROR}
              (export "add" (func (param "a" s64) (param "b" s64) (result (result s64 (error $error)))))))"#
        )),
        &[],
    )?;
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    Ok(())
}

#[test]
fn imports_that_no_tool_answers_are_refused_by_name_with_the_nearest() -> TestResult {
    for (imports, said) in [
        (
            r#"(import "tools:maths/maths@0.1.0" (instance (export "add" (func))))"#,
            "`tools:maths/maths@0.1.0` is no namespace of tools; did you mean `tools:math/math@0.1.0`?",
        ),
        (
            r#"(import "acme:elsewhere/things@1.0.0" (instance (export "add" (func))))"#,
            "`acme:elsewhere/things@1.0.0` is no namespace of tools",
        ),
        (
            r#"(import "tools:math/math@0.1.0" (instance (export "ad" (func))))"#,
            "`tools:math/math@0.1.0#ad` is no tool; did you mean `add`?",
        ),
        (
            r#"(import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func))))"#,
            "`wasi:http/outgoing-handler@0.2.0` is not among what wxmcp offers of WASI",
        ),
        (r#"(import "now" (func))"#, "`now` is no namespace of tools"),
        (
            r#"(import "tools:math/math@0.1.0" (instance (export "thing" (type (sub resource)))))"#,
            "`tools:math/math@0.1.0` is imported with more than functions and types of values",
        ),
    ] {
        let printed = run_text(&importing(imports), &[])?;
        assert_refused(&printed, 2, said);
    }
    Ok(())
}

#[test]
fn functions_of_other_types_are_refused_with_what_is_different() -> TestResult {
    for (signature, said) in [
        (
            r#"(param "a" s32) (param "b" s64) (result (result s64 (error $error)))"#,
            "`tools:math/math@0.1.0#add` has another type: parameter `a` is s32, the tool's is s64",
        ),
        (
            r#"(param "b" s64) (param "a" s64) (result (result s64 (error $error)))"#,
            "it takes (b, a), the tool (a, b)",
        ),
        (
            r#"(param "a" s64) (result (result s64 (error $error)))"#,
            "it takes (a), the tool (a, b)",
        ),
        (
            r#"(param "a" s64) (param "b" s64) (result (result string (error $error)))"#,
            "the answer is string, the tool's is s64",
        ),
        (
            r#"(param "a" s64) (param "b" s64) (result (result s64 (error string)))"#,
            "the error is not `tool-error`",
        ),
        (
            r#"(param "a" s64) (param "b" s64) (result s64)"#,
            "it does not answer `result<.., tool-error>`",
        ),
    ] {
        let printed = run_text(
            &importing(&format!(
                r#"(import "tools:math/math@0.1.0" (instance {ERROR} (export "add" (func {signature}))))"#
            )),
            &[],
        )?;
        assert_refused(&printed, 2, said);
    }
    Ok(())
}

/// A component that exports a world of `guest.wit` runs scripts; another says that it does not.
#[test]
fn a_component_may_be_the_interpreter() -> TestResult {
    let folder = folder(&command("", ""))?;
    let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-adapters/probe/probe.wat");
    fs::write(folder.path().join("probe.wasm"), wat::parse_file(probe)?)?;
    let run = |interpreter: &str| -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command.args(["run", "--interpreter", interpreter, "-c", "ov"]);
        Ok(command.output()?.into())
    };
    let printed = run("probe.wasm")?;
    assert_eq!(
        (printed.stdout.as_str(), printed.code),
        ("out\n42\n", Some(0)),
        "{}",
        printed.stderr
    );
    assert_refused(&run("agent.wasm")?, 2, "the component is no interpreter");
    Ok(())
}

/// A tool that is not granted is not there.
#[test]
fn grants_hold_for_imports() -> TestResult {
    let component = importing(&format!(
        r#"(import "tools:math/math@0.1.0" (instance {ERROR}
          (export "add" (func (param "a" s64) (param "b" s64) (result (result s64 (error $error)))))))"#
    ));
    let folder = folder(&component)?;
    let denied = run(folder.path(), &["--deny-tool", "math.*"])?;
    assert_refused(
        &denied,
        2,
        "`tools:math/math@0.1.0` is no namespace of tools",
    );
    let granted = run(folder.path(), &["--allow-tool", "math.*"])?;
    assert_eq!(granted.code, Some(0), "{}", granted.stderr);
    Ok(())
}

#[test]
fn what_is_no_component_is_named() -> TestResult {
    let folder = folder(&command("", ""))?;
    let file = folder.path().join("agent.wasm");
    for (bytes, said) in [
        (
            wat::parse_str("(module)")?,
            "it is a core module, not a WebAssembly component",
        ),
        (b"(component)".to_vec(), "it is text, not"),
        (Vec::new(), "it is something else, not"),
        // Native code of our own engine is still native code.
        (
            fs::read(env!("CARGO_BIN_EXE_wxmcp"))?,
            "it is native code, which wxmcp only makes itself",
        ),
        (
            wat::parse_str("(component)")?,
            "the component exports neither `main",
        ),
        (
            b"\0asm\x0d\0\x01\0garbage that is no section".to_vec(),
            "it is not a valid component:",
        ),
    ] {
        fs::write(&file, bytes)?;
        assert_refused(&run(folder.path(), &[])?, 2, said);
    }
    let huge = fs::File::options().write(true).open(&file)?;
    fs::write(&file, b"\0asm\x0d\0\x01\0")?;
    huge.set_len(129 << 20)?;
    assert_refused(&run(folder.path(), &[])?, 2, "it is larger than 128 MiB");
    Ok(())
}

/// Compiling ends, one way or the other, and says why.
#[test]
fn hostile_shapes_are_compiled_or_refused_within_limits() -> TestResult {
    // Many functions are many functions.
    let many = "(func)".repeat(200_000);
    let printed = run_text(&command(&many, ""), &[])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    // Blocks within blocks.
    let deep = format!("{}{}", "(block ".repeat(900), ")".repeat(900));
    let printed = run_text(&command("", &deep), &[])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    // Components within components. Text of that depth nobody parses: it is put together.
    let mut nested = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..3_000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        leb128(&mut outer, nested.len());
        outer.extend(&nested);
        nested = outer;
    }
    let folder = folder(&command("", ""))?;
    fs::write(folder.path().join("agent.wasm"), nested)?;
    assert_refused(
        &run(folder.path(), &[])?,
        2,
        "the component exports neither `main",
    );
    // One body that is larger than any may be.
    let large = "(nop)".repeat(7_700_000);
    let module = format!("(module (func {large}))");
    let core = wat::parse_str(&module)?;
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    leb128(&mut component, core.len());
    component.extend(core);
    fs::write(folder.path().join("agent.wasm"), component)?;
    assert_refused(&run(folder.path(), &[])?, 2, "it is not a valid component:");
    Ok(())
}

/// A compiler has limits of its own, and each is named.
#[test]
fn compiling_is_stopped_by_its_limits() -> TestResult {
    let many = wat::parse_str(command(&"(func)".repeat(60_000), ""))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let compiled = |limits: CompileLimits| {
        let program = env!("CARGO_BIN_EXE_wxmcp").into();
        let compiler = Compiler::new(
            program,
            "__compile-component",
            NativeCache::new(None),
            limits,
        );
        match runtime.block_on(compiler.component(&many)) {
            Ok(_) => "compiled".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    let enough = CompileLimits::default();
    assert_eq!(compiled(enough), "compiled");
    for (limits, said) in [
        (
            CompileLimits {
                component: 1 << 10,
                ..enough
            },
            "it is larger than 1 KiB",
        ),
        (
            CompileLimits {
                memory: 100 << 20,
                ..enough
            },
            "compiling it takes more than 100 MiB of memory",
        ),
        (
            CompileLimits {
                native: 1 << 20,
                ..enough
            },
            "compiled it is larger than 1 MiB",
        ),
        (
            CompileLimits {
                time: Duration::from_millis(10),
                ..enough
            },
            "compiling it takes longer than 10ms",
        ),
    ] {
        assert_eq!(compiled(limits), said);
    }
    Ok(())
}

fn leb128(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

#[test]
fn limits_hold_for_components() -> TestResult {
    let spin = "(loop (br 0))";
    for (component, flags, code, said) in [
        (
            command("", spin),
            &["--timeout", "200ms"][..],
            3,
            "the time limit of 0.2 s",
        ),
        // Also where nothing was called yet.
        (
            command(&format!("(func $s {spin}) (start $s)"), ""),
            &["--timeout", "200ms"],
            3,
            "the time limit of 0.2 s",
        ),
        (
            command("", spin),
            &["--fuel", "1000000"],
            3,
            "the fuel limit of 1000000 units",
        ),
        (
            command("(func $f (call $f))", "(call $f)"),
            &[],
            3,
            "the stack limit",
        ),
        (
            command(
                "(memory 1)",
                "(if (i32.eq (memory.grow (i32.const 8000)) (i32.const -1)) (then unreachable))",
            ),
            &["--memory", "100MiB"],
            3,
            "the memory limit of 100 MiB",
        ),
        // What one memory may not have, many may not have together.
        (
            command(&"(memory 1000)".repeat(3), ""),
            &["--memory", "100MiB"],
            2,
            "the memory limit of 104857600 bytes is too small",
        ),
        (command("", "unreachable"), &[], 1, "the guest crashed"),
    ] {
        let printed = run_text(&component, flags)?;
        assert_refused(&printed, code, said);
    }
    let grows = command(
        "(memory 1)",
        "(if (i32.eq (memory.grow (i32.const 800)) (i32.const -1)) (then unreachable))",
    );
    let printed = run_text(&grows, &["--memory", "100MiB"])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    Ok(())
}

/// Handles of a component's own resources take memory of the host.
#[test]
fn a_flood_of_handles_is_stopped() -> TestResult {
    let component = |count: u32| {
        format!(
            r#"(component
              (type $r (resource (rep i32)))
              (core func $new (canon resource.new $r))
              (core module $m
                (import "" "new" (func $new (param i32) (result i32)))
                (func (export "run") (result i32) (local i32)
                  (loop
                    (drop (call $new (i32.const 0)))
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.get 0) (i32.const {count}))))
                  (i32.const 0)))
              (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
              (func $run (result (result)) (canon lift (core func $i "run")))
              (instance $exports (export "run" (func $run)))
              (export "wasi:cli/run@0.2.0" (instance $exports)))"#
        )
    };
    let flood = run_text(&component(50_000_000), &[])?;
    assert_refused(&flood, 1, "store handle limit exceeded");
    let some = run_text(&component(1_000), &[])?;
    assert_eq!(some.code, Some(0), "{}", some.stderr);
    Ok(())
}

/// The native code in the cache is ours, or it is not used.
#[test]
fn a_changed_file_in_the_cache_is_compiled_again() -> TestResult {
    let folder = folder(&command("", "(return (i32.const 1))"))?;
    let cache = tempfile::tempdir()?;
    let run = || -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command.env("WXMCP_CACHE_DIR", cache.path());
        Ok(command.args(["run", "agent.wasm"]).output()?.into())
    };
    assert_eq!(run()?.code, Some(1));
    let kept: Vec<_> = fs::read_dir(cache.path().join("components"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let [native] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    let written = || fs::metadata(native)?.modified();
    let stamp = written()?;
    assert_eq!(run()?.code, Some(1));
    assert_eq!(written()?, stamp);
    // The same component made to answer something else, under the first one's name.
    let well = self::folder(&command("", ""))?;
    let other = tempfile::tempdir()?;
    let mut made = wxmcp(well.path());
    made.env("WXMCP_CACHE_DIR", other.path());
    let made: Printed = made.args(["run", "agent.wasm"]).output()?.into();
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    for entry in fs::read_dir(other.path().join("components"))? {
        fs::copy(entry?.path(), native)?;
    }
    assert_eq!(run()?.code, Some(1), "native code that was changed was run");
    assert_eq!(written()?, stamp);
    Ok(())
}

/// Parameters are copied within a bound, whatever length a component claims.
#[test]
fn parameters_larger_than_a_message_are_refused() -> TestResult {
    let component = |length: u32| {
        format!(
            r#"(component
              (import "tools:text/text@0.1.0" (instance $text {ERROR}
                (export "size" (func (param "text" string) (result (result s64 (error $error)))))))
              (alias export $text "size" (func $size))
              (core module $memory (memory (export "memory") 1400)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
              (core instance $memory (instantiate $memory))
              (alias core export $memory "memory" (core memory $mem))
              (core func $size (canon lower (func $size)
                (memory $mem) (realloc (core func $memory "realloc"))))
              (core module $m
                (import "" "size" (func $size (param i32 i32 i32)))
                (import "" "memory" (memory 1400))
                (func (export "run") (result i32)
                  (call $size (i32.const 1024) (i32.const {length}) (i32.const 64))
                  ;; ok is 0
                  (i32.load8_u (i32.const 64))))
              (core instance $i (instantiate $m (with "" (instance
                (export "size" (func $size)) (export "memory" (memory $mem))))))
              (func $run (result (result)) (canon lift (core func $i "run")))
              (instance $exports (export "run" (func $run)))
              (export "wasi:cli/run@0.2.0" (instance $exports)))"#
        )
    };
    for (length, code) in [(1_000, 0), (80 << 20, 1)] {
        let folder = folder(&component(length))?;
        fs::create_dir_all(folder.path().join("tools/text"))?;
        fs::write(
            folder.path().join("tools/text/size.py"),
            "def size(text: str) -> int:\n    return len(text)\n",
        )?;
        let printed = run(folder.path(), &["--json"])?;
        assert_eq!(
            printed.code,
            Some(code),
            "{} {}",
            printed.stdout,
            printed.stderr
        );
        if code != 0 {
            assert!(
                printed.stdout.contains("too much data"),
                "{}",
                printed.stdout
            );
        }
    }
    Ok(())
}
