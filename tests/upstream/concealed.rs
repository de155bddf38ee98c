//! Servers cannot read wxmcp's environment, where it may hold what they were not given.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{TestResult, repository};

/// A user without rights.
const NOBODY: u32 = 65_534;

#[cfg(target_os = "linux")]
#[test]
fn a_server_reads_neither_environment_nor_memory_of_wxmcp() -> TestResult {
    let folder = tempfile::tempdir()?;
    let inside = |name: &str| folder.path().join(name);
    // Another user may not reach the repository.
    fs::copy(env!("CARGO_BIN_EXE_wxmcp"), inside("wxmcp"))?;
    fs::copy(repository().join("fixtures/mcp/liar.py"), inside("liar.py"))?;
    let liar = json!({"command": "python3", "args": ["-ISu", "liar.py"]});
    let servers = json!({"mcpServers": {"liar": liar}});
    fs::write(inside(".mcp.json"), servers.to_string())?;
    let mut run = Command::new(inside("wxmcp"));
    run.env_clear()
        .env("PATH", std::env::var("PATH")?)
        .env("HOME", folder.path())
        .env("TOKEN", "for nobody else")
        .current_dir(folder.path())
        .args(["run", "-c"])
        .arg("import json; from tools import liar; print(json.dumps(liar.looks_at_its_parents()))");
    // Root reads everything.
    if rustix::process::geteuid().is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        run.uid(NOBODY).gid(NOBODY);
    }
    let output = run.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let found: Value = serde_json::from_slice(&output.stdout).map_err(|_| errors.into_owned())?;
    let expected = json!({
        "guard environ": "read",
        "guard maps": "read",
        "wxmcp environ": "Permission denied",
        "wxmcp maps": "Permission denied",
    });
    assert_eq!(found, expected);
    Ok(())
}
