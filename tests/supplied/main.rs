//! Components that somebody supplied, as scripts: what they import, and what hostile ones do.

mod commands;
mod compiling;
mod components;
mod imports;
mod limits;
#[path = "../support/mod.rs"]
mod support;
