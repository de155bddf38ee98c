//! The command line as a user meets it: flags, settings, exit codes, reports.

mod commands;
mod files;
mod machine;
mod outcomes;
mod protected;
mod report;
mod scripts;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
