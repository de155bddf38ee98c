//! The interpreters of this executable.

use std::sync::Arc;

use wxmcp_guests::NATIVES;
use wxmcp_host::{Guests, cache_directory};
use wxmcp_sandbox::NativeCache;

/// What runs scripts and tool files; loads nothing yet.
pub(crate) fn guests() -> Arc<Guests> {
    Arc::new(Guests::new(NATIVES, cache_directory()))
}

/// Where guests are unpacked.
pub(crate) fn cache() -> NativeCache {
    NativeCache::new(cache_directory())
}
