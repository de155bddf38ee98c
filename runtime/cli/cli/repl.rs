//! What may stand behind `wxmcp repl`.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigArgs, LimitArgs, NamedLanguage, PolicyArgs};

pub(super) const HELP: &str = "\
What is typed runs in one session: variables, functions and imports stay. `_` is the last value.
Limits begin anew with each input. One that a limit stops, or that Ctrl-C interrupts, ends the
session, and a new one begins. Ctrl-D, `exit()` and `process.exit()` leave.";

/// `wxmcp repl`.
#[derive(Debug, Args)]
pub(crate) struct ReplArgs {
    /// The language
    #[arg(long, value_enum, default_value = "py")]
    pub(crate) lang: NamedLanguage,

    /// Record the session into FILE, which `wxmcp replay` reads
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Record environment variables and files of mounts, too, whose names look like those of secrets
    #[arg(long, requires = "record")]
    pub(crate) record_env: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
