//! Packages that scripts import. A user declares them; other programs resolve them on the host, and never while a run is
//! under way; `wxmcp.lock` keeps exact versions and digests; what is locked becomes one bundle for each language.
//!
//! Nothing of a package runs on the host.

pub mod javascript;
mod lock;

pub use lock::{Declared, Lock, LockError, Locked, NAME};
