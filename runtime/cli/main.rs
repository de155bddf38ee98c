//! The `wxmcp` command.

mod broker;
mod check;
mod cli;
mod commands;
mod exit;
mod guests;
mod render;
mod settings;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == broker::GUARD) {
        return wxmcp_broker::guard_main(arguments);
    }
    let outcome = cli::parse().and_then(commands::execute);
    exit::conclude(outcome)
}
