//! What may stand behind the commands about recordings.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::RunArgs;

pub(super) const RECORD: &str = "\
The run is what it would be, with the clock, the waits and the random numbers of this machine; all that it
is given is kept in one file. `wxmcp replay FILE` gives the same report with no tool, no network and no
wait. Environment variables whose names look like secrets are refused unless --record-env says otherwise, files
of mounts unless --record-files does. Standard input is read to its end before the script begins, and is empty
where it is a terminal. A recording that is in the file already is replaced when the new one is whole; the run
sees neither.
Values that rules under [recording] in wxmcp.toml name are left out; the recording is then replayed once before it is kept.

Exit codes: those of `wxmcp run`, 74 if the recording could not be written, and 65 if it does not replay without what
these rules hit.";

pub(super) const REPLAY: &str = "\
With --live nothing is compared: calls are answered by the recording where it has the same call, by tools where it has not,
and limits and folders are those of the recording.

Exit codes: those of `wxmcp run` where the replay is what was recorded; 65 where it differs.";

pub(super) const VERIFY: &str = "\
Each run is replayed with the answers, times and random numbers that were recorded. Where the script stands beside its
recording (`a.py`, `a.wxr`), it is the script as it is now; where none does, the recorded text, and a note says so.

Exit codes:
  0 each replay is what was recorded   65 one differs
  2 usage, a file that is no recording, or a recording that was cut short";

/// `wxmcp record`.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The file of the recording; a name that ends in `.wxr` may also stand right behind the script [default: beside the
    /// script, `script.wxr`]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What is kept of a run.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct KeepArgs {
    /// Record the run into FILE, which `wxmcp replay` reads
    #[arg(long, value_name = "FILE", conflicts_with_all = ["interactive", "interpreter"])]
    pub(crate) record: Option<PathBuf>,

    /// Record environment variables, too, whose names look like those of secrets
    #[arg(long)]
    pub(crate) record_env: bool,

    /// Keep a recording, too, that does not replay any more because of a rule under `recording` in wxmcp.toml
    #[arg(long)]
    pub(crate) record_divergent: bool,

    /// Record mounts, too, with files whose names look like those of secrets, such as `.env` and `.git`
    #[arg(long)]
    pub(crate) record_files: bool,
}

/// `wxmcp replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Stop before the event with this number; `wxmcp recording show --calls` prints the numbers
    #[arg(long, value_name = "EVENT")]
    pub(crate) until: Option<usize>,

    /// Stop at the first call from the event of --until on, and read lines that go on with the script's variables
    #[arg(short, long, requires = "until", conflicts_with_all = ["json", "quiet", "script"])]
    pub(crate) interactive: bool,

    /// Give the recorded answers to this script instead, and say which call is the first that differs
    #[arg(long, value_name = "FILE", conflicts_with = "until")]
    pub(crate) script: Option<String>,

    #[command(flatten)]
    pub(crate) live: LiveArgs,

    /// Print one JSON report instead of the script's output and value
    #[arg(long)]
    pub(crate) json: bool,

    /// Print what the replay used to standard error at its end
    #[arg(long)]
    pub(crate) usage: bool,

    /// Print neither progress nor the script's value
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// A replay that goes on with real tools.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Real tools")]
pub(crate) struct LiveArgs {
    /// Ask the tools for what the recording has no answer to, as `wxmcp run` would: with the tool tree, servers and policy of
    /// this folder
    #[arg(long, conflicts_with_all = ["until", "interactive"])]
    pub(crate) live: bool,

    /// Record the run, too: into FILE, which replays alone
    #[arg(long, short = 'o', value_name = "FILE", requires = "live")]
    pub(crate) record: Option<PathBuf>,

    /// Wall-clock time, waits for tools included [default: that of the recording]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "live")]
    pub(crate) timeout: Option<Duration>,

    /// Grant only tools that fit a pattern, `database.*` [default: every configured tool]
    #[arg(long = "allow-tool", value_name = "PATTERN", requires = "live")]
    pub(crate) allow_tools: Vec<String>,

    /// Refuse tools that fit a pattern, whatever else grants them
    #[arg(long = "deny-tool", value_name = "PATTERN", requires = "live")]
    pub(crate) deny_tools: Vec<String>,

    /// Let the script send requests to a host, as in `wxmcp run` [default: none]
    #[arg(long = "allow-host", value_name = "PATTERN", requires = "live")]
    pub(crate) allow_hosts: Vec<String>,

    /// MCP servers, in the form of `.mcp.json` [default: .mcp.json, mcp.json]
    #[arg(long, value_name = "PATH", requires = "live")]
    pub(crate) mcp_config: Option<PathBuf>,

    /// The tool tree [default: tools, beside wxmcp.toml]
    #[arg(long, value_name = "DIR", requires = "live")]
    pub(crate) tools: Option<PathBuf>,

    /// Policy, connections and grants [default: wxmcp.toml]
    #[arg(long, value_name = "PATH", requires = "live")]
    pub(crate) config: Option<PathBuf>,
}

/// `wxmcp verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Recordings, and folders of such (`*.wxr`)
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Before that, record each script of the folders that has no recording beside it
    #[arg(long)]
    pub(crate) run: bool,

    /// Record what differs again, by the command line that recorded it, and show what differed. Run it in the same folder
    #[arg(long)]
    pub(crate) update: bool,

    /// Let --update run command lines, too, that grant more than a script has by itself: --volume, --mcp-config and the like.
    /// It prints each before it runs it
    #[arg(long, requires = "update")]
    pub(crate) trust_commands: bool,

    /// Print a JSON object for each recording, a line each
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a report in JUnit's format, which CI systems read
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Print only what differs, and the summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// `wxmcp recording`.
#[derive(Debug, Args)]
pub(crate) struct RecordingArgs {
    #[command(subcommand)]
    pub(crate) command: RecordingCommand,
}

/// What can be done with a recording besides replaying it.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordingCommand {
    /// Print what a recording holds, a JSON object for each event
    Show {
        /// The recording
        #[arg(value_name = "FILE")]
        file: PathBuf,

        /// Print a table of the calls instead, with the numbers of their events
        #[arg(long)]
        calls: bool,
    },
}
