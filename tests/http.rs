//! Requests to hosts through the binary: flags, settings, the report, the shipped tool.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{TestResult, http as server, repository, wx};

#[test]
fn a_host_is_granted_by_flag_or_setting_and_a_refusal_names_both() -> TestResult {
    let port = server::start()?;
    let folder = tempfile::tempdir()?;
    let code = format!(
        "import urllib.request; urllib.request.urlopen('http://localhost:{port}/hello').read().decode()"
    );
    let refused = wx(folder.path(), &["run", "-c", &code])?;
    let words = format!(
        "`http://localhost:{port}` is not granted: run the script with `--allow-host localhost:{port}`, \
         or write `allow-hosts = [\"localhost:{port}\"]` under `[policy]` in wxmcp.toml"
    );
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    let host = format!("localhost:{port}");
    let granted = wx(folder.path(), &["run", "--allow-host", &host, "-c", &code])?;
    assert_eq!(granted.stdout, "hello\n", "{}", granted.stderr);
    let settings = format!("[policy]\nallow-hosts = [\"{host}\"]\n");
    fs::write(folder.path().join("wxmcp.toml"), settings)?;
    let granted = wx(folder.path(), &["run", "-c", &code])?;
    assert_eq!(granted.stdout, "hello\n", "{}", granted.stderr);
    Ok(())
}

/// In the report without what its URL holds, and within the limit of calls.
#[test]
fn a_request_is_a_call_of_the_report() -> TestResult {
    let port = server::start()?;
    let folder = tempfile::tempdir()?;
    let host = format!("127.0.0.1:{port}");
    let code = format!(
        "await fetch('http://{host}/hello?key=canary'); await fetch('http://{host}/', {{method: 'PUT'}}); \
         await fetch('http://{host}/hello')"
    );
    let run = ["run", "--json", "--lang", "js", "--allow-host", &host];
    let printed = wx(folder.path(), &[&run[..], &["-c", &code]].concat())?;
    let report: Value = serde_json::from_str(&printed.stdout)?;
    let names: Vec<&Value> = report["calls"]
        .as_array()
        .ok_or("no calls")?
        .iter()
        .map(|call| &call["name"])
        .collect();
    let get = json!(format!("http GET http://{host}"));
    assert_eq!(
        names,
        [&get, &json!(format!("http PUT http://{host}")), &get]
    );
    let limited = ["--max-tool-calls", "2", "-c", &code];
    let printed = wx(folder.path(), &[&run[..], &limited].concat())?;
    assert_eq!(printed.code, Some(3));
    let report: Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(
        report["calls"].as_array().map(Vec::len),
        Some(2),
        "{report}"
    );
    Ok(())
}

#[test]
fn the_shipped_tool_asks_the_hosts_that_are_approved() -> TestResult {
    let port = server::start()?;
    let folder = tempfile::tempdir()?;
    let tools = repository().join("tools");
    let settings = format!(
        "[tools]\nfolder = {:?}\n[grants.\"api.fetch\"]\nhttp = [\"127.0.0.1:{port}\"]\n",
        tools.display().to_string()
    );
    fs::write(folder.path().join("wxmcp.toml"), settings)?;
    let call = |arguments: Value| {
        let arguments = arguments.to_string();
        wx(
            folder.path(),
            &["tools", "call", "api.fetch", "--args", &arguments],
        )
    };
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let printed = call(json!({"url": "https://example.org/"}))?;
    let words = "`api.fetch` asks for `example.org`, which is not approved: write `http = [\"example.org\"]`";
    assert!(printed.stderr.contains(words), "{}", printed.stderr);
    let printed = call(json!({"url": url("/hello")}))?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let told: Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(told["body"], "hello");
    assert_eq!(told["headers"]["content-type"], "text/plain");
    let printed = call(json!({"url": url("/echo"), "method": "POST", "body": {"a": 1}}))?;
    let told: Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(told["body"]["body"], "{\"a\":1}");
    assert_eq!(told["body"]["headers"]["content-type"], "application/json");
    Ok(())
}
