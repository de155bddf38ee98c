//! What a component may be: a command, an interpreter, nothing of ours.

use std::error::Error;
use std::fs;

use crate::components::{assert_refused, command, folder, run, run_text};
use crate::support::{Printed, TestResult, repository, wxmcp};

#[test]
fn a_command_ends_as_it_says() -> TestResult {
    let well = run_text(&command("", ""), &[])?;
    assert_eq!((well.code, well.stderr.as_str()), (Some(0), ""));
    let badly = run_text(&command("", "(return (i32.const 1))"), &[])?;
    assert_eq!(badly.code, Some(1));
    Ok(())
}

/// Neither its clocks nor the order of its calls would be the same: what cannot be had is refused, and nothing is written.
#[test]
fn a_component_is_neither_recorded_nor_deterministic() -> TestResult {
    let folder = folder(&command("", ""))?;
    for (args, said) in [
        (
            &["record", "agent.wasm"][..],
            "a component is not recorded: `agent.wasm`",
        ),
        (
            &["run", "--record", "agent.wxr", "agent.wasm"],
            "a component is not recorded: `agent.wasm`",
        ),
        (
            &["run", "--deterministic", "agent.wasm"],
            "a component does not run deterministically: `agent.wasm`",
        ),
    ] {
        let printed: Printed = wxmcp(folder.path()).args(args).output()?.into();
        assert_refused(&printed, 2, said);
        assert!(!folder.path().join("agent.wxr").exists());
    }
    let runs: Printed = wxmcp(folder.path())
        .args(["run", "agent.wasm"])
        .output()?
        .into();
    assert_eq!((runs.code, runs.stderr.as_str()), (Some(0), ""));
    Ok(())
}

/// A component that exports a world of `guest.wit` runs scripts; another says that it does not.
#[test]
fn a_component_may_be_the_interpreter() -> TestResult {
    let folder = folder(&command("", ""))?;
    let probe = repository().join("guest-adapters/probe/probe.wat");
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

/// Compiling is waited for as long as the run may wait for what starts, and is in the report.
#[test]
fn compiling_counts_as_a_start() -> TestResult {
    let folder = folder(&command("", ""))?;
    let cache = tempfile::tempdir()?;
    let run = |time: &str| -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command
            .args(["run", "--json", "--start-timeout", time, "agent.wasm"])
            .env("WXMCP_CACHE_DIR", cache.path());
        Ok(command.output()?.into())
    };
    assert_refused(
        &run("1ms")?,
        2,
        "takes longer than the start-timeout of 1ms",
    );
    let report: serde_json::Value = serde_json::from_str(&run("60s")?.stdout)?;
    assert_eq!(report["outcome"], "returned", "{report}");
    let waited = report["usage"]["start_ms"].as_f64().ok_or("no time")?;
    assert!(waited > 0.0, "{report}");
    Ok(())
}
