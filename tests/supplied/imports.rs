//! What a component imports of the tools.

use std::fs;

use crate::components::{ERROR, assert_refused, folder, importing, run, run_text};
use crate::support::TestResult;

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
