//! `wxmcp build`, and what it makes, through the binary.

mod folders;
mod imports;
mod python;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
mod typescript;
