//! Limits of a run hold for components.

use crate::components::{assert_refused, command, run_text};
use crate::support::TestResult;

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
