//! What is fuzzed, by name. The folder `corpus/NAME` holds inputs of each that are worth keeping.

mod components;
mod frames;
mod guest;
mod hosts;
mod postgres;
mod recordings;
mod schema;
mod servers;
mod settings;
mod transform;

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// What comes of a future that waits for nothing but what it began itself.
fn now<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().ok());
    match runtime {
        Some(runtime) => runtime.block_on(future),
        None => panic!("there is no runtime"),
    }
}

/// One function of bytes.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Longest input, in bytes.
    pub(crate) longest: usize,
    pub(crate) run: fn(&[u8]),
}

const fn target(name: &'static str, longest: usize, run: fn(&[u8])) -> Target {
    Target { name, longest, run }
}

pub(crate) const TARGETS: &[Target] = &[
    target("component", 8 << 10, components::component),
    target("flatten", 8 << 10, components::flattened),
    target("frames", 16 << 10, frames::frames),
    target("guest", 16 << 10, guest::messages),
    target("hosts", 1 << 10, hosts::hosts),
    target("ids", 4 << 10, frames::ids),
    target("postgres", 16 << 10, postgres::answers),
    target("postgres-value", 4 << 10, postgres::values),
    target("recording", 16 << 10, recordings::recordings),
    target("schema", 16 << 10, schema::schema),
    target("servers-file", 8 << 10, servers::file),
    target("settings-file", 8 << 10, settings::file),
    target("transform", 8 << 10, transform::transform),
    target("weight", 16 << 10, guest::weight),
];
