//! Native code for a component, by the settings with which it will be loaded.

use crate::digest;
use anyhow::{Context, Result};

/// Measured on the Python guest (81 MB): level 12 takes 4 s and gives 18.7 MB,
/// level 19 takes 50 s and gives 17.0 MB; both unpack in 0.25 s.
const LEVEL: i32 = 19;

/// For a guest that is only tried.
const QUICK_LEVEL: i32 = 1;

/// What is compiled for.
pub const TARGET: &str = wxmcp_sandbox::engine::TARGET;

/// The engine settings, as they were when this program was built: all of them are
/// in this one file.
const ENGINE: &str = include_str!("../../../runtime/sandbox/src/engine.rs");

/// Compiles a component.
///
/// # Errors
///
/// When it does not validate or cannot be compiled.
pub fn compile(component: &[u8], quick: bool) -> Result<Vec<u8>> {
    let compile = if quick {
        wxmcp_sandbox::engine::compile_quickly
    } else {
        wxmcp_sandbox::engine::compile
    };
    compile(component)
        .map_err(|error| anyhow::anyhow!("{error:#}"))
        .with_context(|| format!("compile the component for {TARGET}"))
}

/// Compresses native code for embedding.
///
/// # Errors
///
/// When zstd fails.
pub fn compress(native: &[u8], quick: bool) -> Result<Vec<u8>> {
    zstd::bulk::compress(native, level(quick)).context("compress the native code")
}

/// Names the native code of a component without compiling it.
pub fn key(component_sha256: &str, wasmtime: &str, quick: bool) -> String {
    let level = level(quick).to_string();
    digest::of_parts([
        ("component", component_sha256.as_bytes()),
        ("engine", ENGINE.as_bytes()),
        ("wasmtime", wasmtime.as_bytes()),
        ("target", TARGET.as_bytes()),
        ("zstd", level.as_bytes()),
    ])
}

fn level(quick: bool) -> i32 {
    if quick { QUICK_LEVEL } else { LEVEL }
}
