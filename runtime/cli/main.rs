//! The `wxmcp` command.

mod check;
mod cli;
mod commands;
mod componentize;
mod exit;
mod file_error;
mod guests;
mod interrupts;
mod mounts;
mod packages;
mod place;
mod program;
mod queue;
mod render;
mod runtime;
mod settings;
mod settings_file;
mod streams;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first
        .as_deref()
        .is_some_and(|first| first == runtime::GUARD)
    {
        return wxmcp_upstream::guard_main(arguments);
    }
    if first
        .as_deref()
        .is_some_and(|first| first == wxmcp_host::COMPILER)
    {
        return wxmcp_sandbox::supplied::compile_main(arguments);
    }
    if first
        .as_deref()
        .is_some_and(|first| first == commands::REDACTOR)
    {
        return commands::redact_main(arguments);
    }
    if first.is_some_and(|first| first == wxmcp_host::WORKER) {
        return wxmcp_host::worker_main(wxmcp_guests::NATIVES, arguments);
    }
    streams::survive_file_limit();
    exit::conclude(match cli::parse() {
        Ok(cli) => commands::execute(cli),
        Err(message) => Ok(message.print()),
    })
}
