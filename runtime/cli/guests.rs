//! The interpreters of this executable.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use wxmcp_guests::NATIVES;
use wxmcp_host::{Guests, cache_directory};
use wxmcp_sandbox::NativeCache;
use wxmcp_worker::LogLine;

use crate::exit::Failure;

/// What runs scripts and tool files; loads nothing yet.
pub(crate) fn guests() -> Arc<Guests> {
    Arc::new(Guests::new(NATIVES, cache_directory()))
}

/// The same, with runs in worker processes: this executable again.
pub(crate) fn in_workers(log: LogLine) -> Result<Guests, Failure> {
    Ok(Guests::new(NATIVES, cache_directory()).in_workers(this_program()?, Some(log)))
}

/// This very file: another may lie at its path by the time that it is started.
pub(crate) fn this_program() -> Result<PathBuf, Failure> {
    match cfg!(target_os = "linux") {
        true => Ok(PathBuf::from("/proc/self/exe")),
        false => std::env::current_exe()
            .context("find this program's own file")
            .map_err(Failure::fault),
    }
}

/// Where guests are unpacked.
pub(crate) fn cache() -> NativeCache {
    NativeCache::new(cache_directory())
}
