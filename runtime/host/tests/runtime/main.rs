//! Runtimes with real interpreters: every road through the pipeline, several callers on one broker, sessions, clocks
//! and random numbers.

mod callers;
mod captured;
mod packages_of_javascript;
mod recorded_sessions;
mod replays;
mod roads;
mod runs;
mod sessions;
mod support;
