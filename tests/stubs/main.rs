//! Stubs of real servers' tools, as the strictest type checkers read them.

mod answers;
mod checkers;
mod hostile;
mod real_servers;
#[path = "../support/mod.rs"]
mod support;
