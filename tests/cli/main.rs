//! The command line as a user meets it: flags, settings, exit codes, reports.

mod commands;
mod deterministic;
mod file_ends;
mod files;
mod machine;
mod outcomes;
mod place;
mod recordings;
mod repl;
mod report;
mod scripts;
mod settings;
mod starts;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod verify;
