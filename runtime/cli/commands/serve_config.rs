//! `wxmcp serve --print-config`: the lines that make a client start this server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::{McpClient, ServeArgs};
use crate::exit::{Exit, Failure};
use crate::render;

/// Seconds that Codex waits for an answer: longer than a call waits before it answers with a handle.
const CODEX_SECONDS: u64 = 60;

/// Flags whose value is a path of the host.
const PATHS: [&str; 1] = ["--log"];

/// Prints the lines to standard output, and to standard error where they belong.
pub(super) fn print(client: McpClient, args: &ServeArgs) -> Result<Exit, Failure> {
    let program = std::env::current_exe()
        .context("find this program's own file")
        .map_err(Failure::fault)?;
    let lines = lines(client, &program, args).map_err(Failure::usage)?;
    render::bytes(lines.as_bytes());
    Ok(place(client))
}

fn lines(client: McpClient, program: &Path, args: &ServeArgs) -> anyhow::Result<String> {
    let given: Result<Vec<String>, _> = std::env::args_os().map(text).collect();
    let given = given?.into_iter().skip_while(|word| word != "serve");
    let words = words(given.skip(1), args)?;
    let program = literal(client, &text(program.as_os_str().to_owned())?)?;
    let words: anyhow::Result<Vec<String>> =
        words.iter().map(|word| literal(client, word)).collect();
    let words = words?;
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
        McpClient::Codex => return Ok(codex(&program, &words)),
    };
    Ok(plain(&format!("{lines:#}\n")))
}

/// A text of the system, which a file of JSON or TOML can hold if it is Unicode.
fn text(word: OsString) -> anyhow::Result<String> {
    word.into_string()
        .map_err(|word| anyhow::anyhow!("{word:?} is not UTF-8, which no client's file can hold"))
}

/// A word as the client has to read it to start the server with that very word: some replace variables in it.
fn literal(client: McpClient, word: &str) -> anyhow::Result<String> {
    let name = match client {
        // What takes the place of a variable is not looked at again, and this variable has a value of its own here.
        McpClient::ClaudeCode => return Ok(word.replace("${", "${WXMCP_LITERAL:-$}{")),
        McpClient::ClaudeDesktop | McpClient::Zed | McpClient::Codex => return Ok(word.to_owned()),
        McpClient::Cursor => "Cursor",
        McpClient::VsCode => "VS Code",
        McpClient::Gemini => "Gemini",
    };
    // Gemini replaces `$NAME`, too.
    let begins_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let after = word.split('$').skip(1);
    let mut after = after.filter_map(|rest| rest.chars().next());
    let is_replaced = after.any(|c| c == '{' || (client == McpClient::Gemini && begins_name(c)));
    anyhow::ensure!(
        !is_replaced,
        "{name} takes a part of `{word}` for a variable, and has no way to write it as it is: choose a name without `$`"
    );
    Ok(word.to_owned())
}

/// JSON or TOML without characters that TOML does not allow and that a terminal would obey.
fn plain(lines: &str) -> String {
    let mut plain = String::with_capacity(lines.len());
    for c in lines.chars() {
        match c {
            // They are only inside of texts, where both languages read this.
            '\u{7f}'..='\u{9f}' => plain.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => plain.push(c),
        }
    }
    plain
}

fn codex(program: &str, words: &[String]) -> String {
    // What JSON writes of a text is a text of TOML, too, but for one character.
    let (program, words) = (Value::from(program), Value::from(words.to_vec()));
    plain(&format!(
        "[mcp_servers.wxmcp]\ncommand = {program}\nargs = {words}\ntool_timeout_sec = {CODEX_SECONDS}\n"
    ))
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

/// The arguments with which a client in any folder starts this very server; `given` are those of this command.
fn words(mut given: impl Iterator<Item = String>, args: &ServeArgs) -> anyhow::Result<Vec<String>> {
    let mut words = vec!["serve".to_owned()];
    while let Some(word) = given.next() {
        let (name, own) = flag(&word);
        let mut value = || match own {
            Some(own) => own.to_owned(),
            None => given.next().unwrap_or_default(),
        };
        match name {
            // Those of the configuration follow below.
            "--print-config" | "--config" | "--mcp-config" | "--tools" => drop(value()),
            "-v" | "--volume" => {
                let volume = absolute_volume(&value())?;
                words.extend(["-v".to_owned(), volume]);
            }
            name if PATHS.contains(&name) => {
                let path = absolute(Path::new(&value()))?;
                words.extend([name.to_owned(), path]);
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

/// A flag, and its value if that is part of the same word: `--log=FILE`, `-vSRC:DST`, `-v=SRC:DST`.
fn flag(word: &str) -> (&str, Option<&str>) {
    if let Some(short) = word.strip_prefix("-v") {
        let own = short.strip_prefix('=').unwrap_or(short);
        let name = word.get(..2).unwrap_or(word);
        return (name, Some(own).filter(|own| !own.is_empty()));
    }
    match word.split_once('=') {
        Some((name, own)) if name.starts_with("--") => (name, Some(own)),
        _ => (word, None),
    }
}

fn absolute(path: &Path) -> anyhow::Result<String> {
    text(std::path::absolute(path)?.into_os_string())
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
    use crate::cli::{Cli, Command};
    use clap::{Parser as _, ValueEnum as _};

    /// The arguments that a client is to give, of the arguments of this command.
    fn words_of(given: &[&str]) -> anyhow::Result<Vec<String>> {
        let all = ["wxmcp", "serve"].iter().chain(given);
        let Command::Serve(args) = Cli::try_parse_from(all)?.command else {
            anyhow::bail!("another command");
        };
        words(given.iter().map(|it| (*it).to_owned()), &args)
    }

    #[test]
    fn codex_is_written_as_toml() {
        let words = [
            "serve".to_owned(),
            "--config".to_owned(),
            "/a \"b\"/\u{7f}\u{9b}\u{1b}\\${HOME}/ü.toml".to_owned(),
        ];
        let text = codex("/opt/wxmcp", &words);
        assert!(!text.contains(['\u{7f}', '\u{9b}', '\u{1b}']), "{text:?}");
        let read: toml::Value = toml::from_str(&text).unwrap();
        let server = &read["mcp_servers"]["wxmcp"];
        assert_eq!(server["command"].as_str(), Some("/opt/wxmcp"));
        assert_eq!(server["args"][2].as_str(), Some(words[2].as_str()));
    }

    #[test]
    fn json_without_characters_that_terminals_obey_is_the_same_json() {
        let value = json!({"args": ["\u{7f}\u{85}\u{1b}\"", "ü\u{1f600}"]});
        let text = plain(&value.to_string());
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_a_client_would_replace_is_written_so_that_it_does_not_or_refused() {
        let word = "/a/${HOME}/$HOME/${X:-y}";
        for client in McpClient::value_variants() {
            let written = literal(*client, word);
            match client {
                McpClient::ClaudeCode => {
                    let written = written.unwrap();
                    // As Claude Code replaces: `${NAME:-default}`, once, from the left.
                    assert_eq!(written.replace("${WXMCP_LITERAL:-$}", "$"), word);
                    let left = written.replace("${WXMCP_LITERAL:-$}", "");
                    assert!(!left.contains("${"), "{left}");
                }
                McpClient::ClaudeDesktop | McpClient::Zed | McpClient::Codex => {
                    assert_eq!(written.unwrap(), word);
                }
                McpClient::Cursor | McpClient::VsCode | McpClient::Gemini => {
                    let error = written.unwrap_err().to_string();
                    assert!(error.contains("for a variable"), "{error}");
                }
            }
            assert_eq!(literal(*client, "a$/$$ 5$").unwrap(), "a$/$$ 5$");
        }
        assert!(literal(McpClient::Gemini, "/$HOME").is_err());
        assert!(literal(McpClient::Cursor, "/$HOME").is_ok());
    }

    #[test]
    fn paths_are_absolute_however_they_are_given() {
        let folder = std::env::current_dir().unwrap().display().to_string();
        let volume = format!("{folder}/data:/data:rw,1GiB");
        for given in [
            &["-v", "data:/data:rw,1GiB"][..],
            &["-vdata:/data:rw,1GiB"],
            &["-v=data:/data:rw,1GiB"],
            &["--volume", "data:/data:rw,1GiB"],
            &["--volume=data:/data:rw,1GiB"],
        ] {
            let words = words_of(given).unwrap();
            assert_eq!(words[1..3], ["-v".to_owned(), volume.clone()], "{given:?}");
        }
        for given in [&["--log", "a b"][..], &["--log=a b"]] {
            let words = words_of(given).unwrap();
            assert_eq!(words[1..3], ["--log".to_owned(), format!("{folder}/a b")]);
        }
        for (flag, file) in [
            ("--config", "w.toml"),
            ("--mcp-config", "m.json"),
            ("--tools", "t"),
        ] {
            let path = format!("{folder}/{file}");
            for given in [
                vec![flag.to_owned(), file.to_owned()],
                vec![format!("{flag}={file}")],
            ] {
                let given: Vec<&str> = given.iter().map(String::as_str).collect();
                let words = words_of(&given).unwrap();
                let pair = [flag.to_owned(), path.clone()];
                assert!(words.windows(2).any(|it| it == pair), "{words:?}");
                assert!(!words.contains(&file.to_owned()), "{words:?}");
            }
        }
        let words = words_of(&["--print-config=zed", "--timeout", "5s", "-e", "A=b"]).unwrap();
        assert_eq!(words[..5], ["serve", "--timeout", "5s", "-e", "A=b"]);
        assert!(words_of(&["-v", "data"]).is_err());
    }
}
