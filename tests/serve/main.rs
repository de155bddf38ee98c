//! `wxmcp serve` as its clients meet it: lines of JSON on pipes, in both eras of the protocol.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests of JSON, by a client that fails where it stands"
)]

mod answers;
mod cases;
mod client;
mod configs;
mod ends;
mod itself;
mod lines;
mod long_runs;
mod offer;
mod place;
mod recorded;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod threads;
mod tree;
