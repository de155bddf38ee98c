//! `wxmcp serve` as its clients meet it: lines of JSON on pipes, in both eras of the protocol.

mod answers;
mod client;
mod ends;
mod long_runs;
mod offer;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
