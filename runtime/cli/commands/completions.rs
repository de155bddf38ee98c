//! `wxmcp completions SHELL`.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};

pub(super) fn execute(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wxmcp", &mut script);
    crate::render::bytes(&script);
    Ok(Exit::Success)
}
