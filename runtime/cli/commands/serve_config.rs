//! `wxmcp serve --print-config`: the lines that make a client start this server.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::{McpClient, ServeArgs};
use crate::exit::{Exit, Failure};
use crate::render;

/// Seconds that Codex waits for an answer: longer than a call waits before it answers with a handle.
const CODEX_SECONDS: u64 = 60;

/// Prints the lines to standard output, and to standard error where they belong.
pub(super) fn print(client: McpClient, args: &ServeArgs) -> Result<Exit, Failure> {
    let program = std::env::current_exe()
        .context("find this program's own file")
        .map_err(Failure::fault)?;
    let program = program.to_string_lossy().into_owned();
    let words = words(args).map_err(Failure::usage)?;
    let server = json!({"command": program, "args": words});
    let lines = match client {
        McpClient::ClaudeCode
        | McpClient::ClaudeDesktop
        | McpClient::Cursor
        | McpClient::Gemini => json!({"mcpServers": {"wxmcp": server}}),
        McpClient::VsCode => {
            json!({"servers": {"wxmcp": {"type": "stdio", "command": program, "args": words}}})
        }
        McpClient::Zed => json!({"context_servers": {"wxmcp": server}}),
        McpClient::Codex => {
            render::bytes(codex(&program, &words).as_bytes());
            return Ok(place(client));
        }
    };
    render::bytes(format!("{lines:#}\n").as_bytes());
    Ok(place(client))
}

fn codex(program: &str, words: &[String]) -> String {
    // What JSON writes of a text is a text of TOML, too.
    let (program, words) = (Value::from(program), Value::from(words.to_vec()));
    format!(
        "[mcp_servers.wxmcp]\ncommand = {program}\nargs = {words}\ntool_timeout_sec = {CODEX_SECONDS}\n"
    )
}

fn place(client: McpClient) -> Exit {
    let place = match client {
        McpClient::ClaudeCode => {
            ".mcp.json of a project; or: claude mcp add wxmcp -- wxmcp serve .."
        }
        McpClient::ClaudeDesktop => "claude_desktop_config.json",
        McpClient::Cursor => ".cursor/mcp.json of a project, or ~/.cursor/mcp.json",
        McpClient::VsCode => ".vscode/mcp.json",
        McpClient::Zed => "settings.json of Zed",
        McpClient::Codex => "~/.codex/config.toml",
        McpClient::Gemini => ".gemini/settings.json of a project, or ~/.gemini/settings.json",
    };
    render::note(&format!("these lines belong into {place}"));
    Exit::Success
}

/// The arguments with which a client in any folder starts this very server.
fn words(args: &ServeArgs) -> anyhow::Result<Vec<String>> {
    let mut words = vec!["serve".to_owned()];
    let mut given = std::env::args().skip_while(|word| word != "serve").skip(1);
    while let Some(word) = given.next() {
        let name = word.split('=').next().unwrap_or_default();
        match name {
            "--print-config" | "--config" | "--mcp-config" | "--tools" => {
                if name == word {
                    given.next();
                }
            }
            "-v" | "--volume" => {
                let volume = given.next().unwrap_or_default();
                words.extend(["-v".to_owned(), absolute_volume(&volume)?]);
            }
            "--log" if name == word => {
                let log = absolute(Path::new(&given.next().unwrap_or_default()))?;
                words.extend([word, log]);
            }
            _ => words.push(word),
        }
    }
    let config = &args.config;
    let usual = |name: &str| Some(PathBuf::from(name)).filter(|path| path.exists());
    let files = [
        (
            "--config",
            config.config.clone().or_else(|| usual("wxmcp.toml")),
        ),
        (
            "--mcp-config",
            config
                .mcp_config
                .clone()
                .or_else(|| usual(".mcp.json"))
                .or_else(|| usual("mcp.json")),
        ),
        ("--tools", config.tools.clone().or_else(|| usual("tools"))),
    ];
    for (flag, path) in files {
        if let Some(path) = path {
            words.extend([flag.to_owned(), absolute(&path)?]);
        }
    }
    Ok(words)
}

fn absolute(path: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(path)?;
    Ok(path.to_string_lossy().into_owned())
}

/// `./data:/data:rw` with the folder's whole path.
fn absolute_volume(volume: &str) -> anyhow::Result<String> {
    let (source, rest) = volume
        .split_once(':')
        .with_context(|| format!("`{volume}` names no folder of the script"))?;
    Ok(format!("{}:{rest}", absolute(Path::new(source))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codex_is_written_as_toml() {
        let words = [
            "serve".to_owned(),
            "--config".to_owned(),
            "/a \"b\"/ü.toml".to_owned(),
        ];
        let text = codex("/opt/wxmcp", &words);
        let read: toml::Value = toml::from_str(&text).unwrap();
        let server = &read["mcp_servers"]["wxmcp"];
        assert_eq!(server["command"].as_str(), Some("/opt/wxmcp"));
        assert_eq!(server["args"][2].as_str(), Some(words[2].as_str()));
    }

    #[test]
    fn volumes_are_absolute() {
        let volume = absolute_volume("data:/data:rw,1GiB").unwrap();
        assert!(
            volume.starts_with('/') && volume.ends_with("/data:/data:rw,1GiB"),
            "{volume}"
        );
        assert!(absolute_volume("data").is_err());
    }
}
