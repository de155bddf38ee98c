//! What starting a server costs, and how often it is tried.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::place::Place;
use crate::support::{Printed, TestResult, scripted, wxmcp};

/// A server that is silent on the first probe is asked as it answers from then on.
#[test]
fn the_handshake_that_worked_is_remembered() -> TestResult {
    let place = Place::with("{}")?;
    let (asked, plan) = (place.path().join("asked"), place.path().join("plan"));
    let config = json!({"mcpServers": {"s": scripted(&json!({"plan": plan}))}});
    fs::write(place.path().join(".mcp.json"), config.to_string())?;
    let call = |era: &str| -> Result<Vec<String>, Box<dyn Error>> {
        let told = json!({"tools": ["t"], "era": era, "asked": asked});
        fs::write(&plan, told.to_string())?;
        let _ = fs::remove_file(&asked);
        let printed = place.wx_alone(&["tools", "call", "s.t"])?;
        assert_eq!(printed.code, Some(0), "{era}: {}", printed.stderr);
        let asked = fs::read_to_string(&asked)?;
        Ok(asked.lines().map(str::to_owned).collect())
    };
    let legacy = ["initialize", "tools/list", "tools/call"];
    let probed = ["server/discover", "initialize", "tools/list", "tools/call"];
    assert_eq!(call("silent")?, probed);
    assert_eq!(call("silent")?, legacy);
    assert_eq!(call("legacy")?, legacy);
    // The server is of the other era now: it is asked anew, and that is remembered.
    let modern = ["server/discover", "tools/list", "tools/call"];
    assert_eq!(call("modern")?[0], "initialize");
    assert_eq!(call("modern")?, modern);
    assert_eq!(call("legacy")?, probed);
    assert_eq!(call("legacy")?, legacy);
    // What is kept is only believed as far as it can be read.
    fs::write(place.path().join("cache/eras"), [0xFF, b'\n', b'x'])?;
    assert_eq!(call("legacy")?, probed);
    assert_eq!(call("legacy")?, legacy);
    Ok(())
}

/// Servers that answer only when all of them were asked are all listed, searched and examined.
#[test]
fn servers_start_at_the_same_time() -> TestResult {
    for command in [
        &["tools", "list"][..],
        &["tools", "search", "t"],
        &["doctor"],
        &["tools", "check"],
    ] {
        let place = Place::with("{}")?;
        let [one, two] = ["one", "two"].map(|name| place.path().join(name));
        let server = |own: &Path, other: &Path| {
            scripted(&json!({"tools": ["t"], "era": "silent", "meets": [own, other]}))
        };
        let config = json!({"mcpServers": {"a": server(&one, &two), "b": server(&two, &one)}});
        fs::write(place.path().join(".mcp.json"), config.to_string())?;
        let printed = place.wx(command)?;
        assert_eq!(
            printed.code,
            Some(0),
            "{command:?}: {}{}",
            printed.stdout,
            printed.stderr
        );
    }
    Ok(())
}

/// After the last start that is tried, errors still say why it did not work.
#[test]
fn the_reason_is_told_when_a_server_is_not_started_again() -> TestResult {
    let place = Place::new(&json!({
        "broken": {"command": "sh", "args": ["-c", "echo no licence >&2; exit 3"]},
    }))?;
    let source = "
for _ in range(6):
    try: call_tool('broken.t')
    except ToolError as error: last = str(error)
print(last)";
    let printed = place.run("python", source)?;
    assert!(
        printed.contains("it is not started again; the last time: "),
        "{printed}"
    );
    assert!(
        printed.contains("status 3") && printed.contains("no licence"),
        "{printed}"
    );
    Ok(())
}

/// Servers that never answer cost a run its start-timeout once, not each of them; then its own time counts.
#[test]
fn all_servers_of_a_run_share_its_time_for_starts() -> TestResult {
    let place = Place::with("{}")?;
    let silent = json!({"command": "sleep", "args": ["1000"]});
    let config = json!({"mcpServers": {"a": silent, "b": silent, "c": silent}});
    fs::write(place.path().join(".mcp.json"), config.to_string())?;
    let one_by_one = "
for name in 'a', 'b', 'c':
    try: call_tool(name + '.x')
    except ToolError as e: print(e.kind, 'start-timeout' in str(e))";
    let at_once = "
import asyncio
answers = [call_tool.aio(name + '.x') for name in ('a', 'b', 'c')]
for e in await asyncio.gather(*answers, return_exceptions=True): print(e.kind, 'start-timeout' in str(e))";
    for code in [one_by_one, at_once] {
        let printed = place.wx(&[
            "run",
            "--json",
            "--start-timeout",
            "1s",
            "--timeout",
            "20s",
            "-c",
            code,
        ])?;
        let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
        let told = "upstream-unavailable True\n".repeat(3);
        assert_eq!(report["stdout"], json!(told), "{report}");
        let waited = report["usage"]["start_ms"].as_f64().ok_or("no time")?;
        // Starting calls is the script's own time.
        assert!((100.0..=1000.0).contains(&waited), "{report}");
    }
    // Three times as long would do for nobody, once does.
    let server = scripted(&json!({"tools": ["x"], "era": "silent"}));
    let config = json!({"mcpServers": {"a": server, "b": silent}});
    fs::write(place.path().join(".mcp.json"), config.to_string())?;
    let code = "call_tool('a.x')
try: call_tool('b.x')
except ToolError as e: print(e.kind)
call_tool('a.x')";
    let args = ["run", "--json", "--timeout", "20s", "-c", code];
    let mut command = wxmcp(place.path());
    command.args(args).env("WXMCP_START_TIMEOUT", "4s");
    let printed = Printed::from(command.output()?);
    let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(report["outcome"], "returned", "{report}");
    assert_eq!(report["stdout"], "upstream-unavailable\n", "{report}");
    Ok(())
}
