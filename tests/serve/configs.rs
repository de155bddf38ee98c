//! `--print-config`: what it prints is read as its client reads it, and starts the server.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, Era, text};
use crate::support::{TestResult, cache, tree, wxmcp};

/// One server, as Claude's clients, Cursor, Gemini and Zed write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    command: String,
    args: Vec<String>,
}

/// As VS Code does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    r#type: String,
    command: String,
    args: Vec<String>,
}

/// As Codex does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timed {
    command: String,
    args: Vec<String>,
    tool_timeout_sec: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Servers<S> {
    #[serde(alias = "context_servers", alias = "servers", alias = "mcp_servers")]
    #[serde(rename = "mcpServers")]
    servers: BTreeMap<String, S>,
}

fn one<S>(servers: Servers<S>) -> Result<S, &'static str> {
    let mut servers = servers.servers;
    servers.remove("wxmcp").ok_or("no `wxmcp` in it")
}

fn json<S: DeserializeOwned>(lines: &str, key: &str) -> Result<S, Box<dyn std::error::Error>> {
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(lines)?;
    assert_eq!(all.keys().collect::<Vec<_>>(), [key]);
    Ok(one(serde_json::from_str(lines)?)?)
}

/// The command of the lines for a client.
fn command_of(
    client: &str,
    lines: &str,
) -> Result<(String, Vec<String>), Box<dyn std::error::Error>> {
    Ok(match client {
        "vscode" => {
            let server: Typed = json(lines, "servers")?;
            assert_eq!(server.r#type, "stdio");
            (server.command, server.args)
        }
        "codex" => {
            let server: Timed = one(toml::from_str(lines)?)?;
            assert!(lines.starts_with("[mcp_servers.wxmcp]\n"), "{lines}");
            assert!(server.tool_timeout_sec > 20, "{lines}");
            (server.command, server.args)
        }
        client => {
            let key = if client == "zed" {
                "context_servers"
            } else {
                "mcpServers"
            };
            let server: Plain = json(lines, key)?;
            (server.command, server.args)
        }
    })
}

#[test]
fn what_is_printed_for_each_client_is_its_format_and_starts_the_server() -> TestResult {
    let greet = "def greet(name: str) -> str:\n    return f'hello {name}'\n";
    let folder = tree(&[
        ("my \"own\" tools, ü/tools/hello/greet.py", greet),
        ("my \"own\" tools, ü/wxmcp.toml", ""),
    ])?;
    let place = folder.path().join("my \"own\" tools, ü");
    for client in [
        "claude-code",
        "claude-desktop",
        "cursor",
        "vscode",
        "zed",
        "codex",
        "gemini",
    ] {
        let printed = wxmcp(&place)
            .args(["serve", "--timeout", "7s", "--print-config", client])
            .output()?;
        assert!(printed.status.success(), "{client}");
        let lines = String::from_utf8(printed.stdout)?;
        let (program, args) =
            command_of(client, &lines).map_err(|error| format!("{client}: {error}\n{lines}"))?;
        assert!(Path::new(&program).is_absolute(), "{lines}");
        assert_eq!(args[..3], ["serve", "--timeout", "7s"], "{lines}");
        // From any folder: a client's is its own.
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir("/")
            .env("WXMCP_CACHE_DIR", cache());
        let mut serving = Client::of(command, Era::Legacy, serde_json::json!({}));
        let result = serving.run("from tools import hello\nhello.greet(name='you')");
        assert_eq!(text(&result), "hello you", "{client}");
    }
    Ok(())
}
