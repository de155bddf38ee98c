//! The command line as a user meets it: flags, settings, exit codes, reports.

mod commands;
mod deterministic;
mod file_ends;
mod files;
mod hostile_recordings;
mod live;
mod machine;
mod outcomes;
mod place;
mod recordings;
mod redaction;
mod repl;
mod report;
mod scripts;
mod scripts_under_test;
mod secrets;
mod settings;
mod starts;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod verify;
