//! wxmcp among its own servers, by whatever command it is started.

use serde_json::json;

use crate::client::{Client, Era, text};
use crate::support::{TestResult, scripted, tree, wx};

/// The words about a server that is wxmcp.
const WORDS: &str =
    "could not be started: it is wxmcp itself, which runs programs with tools, and is left out";

#[test]
fn a_server_that_turns_out_to_be_wxmcp_is_left_out_and_the_others_serve() -> TestResult {
    let program = env!("CARGO_BIN_EXE_wxmcp");
    let folder = tree::<&str>(&[])?;
    let copy = folder.path().join("mytool");
    if std::fs::hard_link(program, &copy).is_err() {
        std::fs::copy(program, &copy)?;
    }
    let by_name =
        |era: &str| scripted(&json!({"name": "wxmcp", "era": era, "tools": ["run_code"]}));
    let servers = json!({"mcpServers": {
        "copied": {"command": "./mytool", "args": ["serve"]},
        "shell": {"command": "sh", "args": ["-c", format!("exec {program} serve")]},
        "older": by_name("legacy"),
        "newer": by_name("modern"),
        "other": scripted(&json!({"name": "wxmcp-tools", "tools": ["mine"]})),
        "named": {"command": "wxmcp", "args": ["serve"]},
    }});
    std::fs::write(folder.path().join(".mcp.json"), servers.to_string())?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    for name in ["copied", "shell", "older", "newer"] {
        // Again, too: it is not started anew.
        for _ in 0..2 {
            let code = format!("from tools import {name}\n{name}.run_code(code='1')");
            let result = client.run(&code);
            let words = format!("`{name}` {WORDS}");
            assert!(text(&result).contains(&words), "{result}");
        }
    }
    let result = client.run("from tools import other\nother.mine()['tool']");
    assert_eq!(text(&result), "mine");
    let found = client.call("search_tools", json!({"query": "run_code"}));
    assert!(!found.to_string().contains("run_code."), "{found}");
    assert!(client.end().success());
    let doctor = wx(folder.path(), &["doctor"])?;
    assert_eq!(doctor.code, Some(0), "{}{}", doctor.stdout, doctor.stderr);
    for name in ["copied", "shell", "older", "newer"] {
        let line = format!("ok    server `{name}` of .mcp.json: `{name}` {WORDS}\n");
        assert!(doctor.stdout.contains(&line), "{}", doctor.stdout);
    }
    let left_out = "`named` is wxmcp itself, and is left out";
    let line = doctor.stdout.lines().find(|line| line.ends_with(left_out));
    assert!(
        line.is_some_and(|line| line.starts_with("ok    .mcp.json:")),
        "{}",
        doctor.stdout
    );
    assert!(
        doctor.stdout.contains("`other` of .mcp.json: 1 tools"),
        "{}",
        doctor.stdout
    );
    Ok(())
}
