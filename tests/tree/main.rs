//! The tool tree through the binary: what changes, what is kept, what is said of it.

mod answers;
mod calls;
mod changes;
mod check;
mod configuration;
mod names;
#[path = "../support/mod.rs"]
mod support;
