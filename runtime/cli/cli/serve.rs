//! What may be written behind `wxmcp serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ConfigArgs, LimitArgs, PolicyArgs};

pub(super) const HELP: &str = "\
The agent gets three tools, however many are behind them: run_code, search_tools, describe_tools.
Programs run as by `wxmcp run`, with the same limits, policy and configuration, but for 300 s. What is written in
`--log` is one line a run: never code, values or secrets.

Examples:
  claude mcp add wxmcp -- wxmcp serve       add it to Claude Code
  wxmcp serve -v ./data:/data               let programs read ./data as /data
  wxmcp serve --config /path/wxmcp.toml --mcp-config /path/.mcp.json";

/// Fewest characters of an answer: with fewer there is no room for what an answer says besides its texts.
const LEAST_ANSWER: usize = 1_000;

/// Characters of an answer.
fn characters(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(characters) if characters >= LEAST_ANSWER => Ok(characters),
        Ok(_) => Err(format!(
            "an answer has {LEAST_ANSWER} characters or more: with fewer it could not say how a run ended"
        )),
        Err(_) => Err("it is no whole number of characters".to_owned()),
    }
}

/// `wxmcp serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Serve one client at standard input and output, which is the default
    #[arg(long)]
    pub(crate) stdio: bool,

    /// Characters of an answer that the agent reads, 1000 or more; the whole is a resource
    #[arg(long, value_name = "N", value_parser = characters, default_value = "25000")]
    pub(crate) max_answer: usize,

    /// How long a call waits before it answers with a handle to wait on with
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "20s")]
    pub(crate) yield_after: Duration,

    /// How long runs may go on after the client has left, or after a signal; a second one ends at once
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "10s")]
    pub(crate) drain: Duration,

    /// How long a session is kept that nobody uses
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "30m")]
    pub(crate) session_idle: Duration,

    /// Print what a client's configuration has to say to start this server, and serve nobody
    #[arg(long, value_enum, value_name = "CLIENT")]
    pub(crate) print_config: Option<McpClient>,

    /// Write what happens to a file instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// An agent that starts MCP servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum McpClient {
    /// `.mcp.json` of a project
    ClaudeCode,
    /// `claude_desktop_config.json`
    ClaudeDesktop,
    /// `.cursor/mcp.json`
    Cursor,
    /// `.vscode/mcp.json`
    #[value(name = "vscode")]
    VsCode,
    /// `settings.json` of Zed
    Zed,
    /// `~/.codex/config.toml`
    Codex,
    /// `.gemini/settings.json`
    Gemini,
}
