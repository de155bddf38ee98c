//! Packages that scripts import. A user declares them; other programs resolve them on the host, and never while a run is
//! under way; `wxmcp.lock` keeps exact versions and digests; what is locked becomes one bundle for each language.
//!
//! Nothing of a package runs on the host.

mod declare;
mod error;
pub mod javascript;
mod lock;
mod locked;
pub mod python;
mod requirement;
mod script;
mod seen;
mod tools;

pub use declare::{DeclareError, Table, with};
pub use error::PackageError;
pub use lock::{Declared, Lock, LockError, Locked, NAME};
pub use locked::unlocked;
pub use requirement::{Requirement, normal};
pub use script::{PYTHON, required};
pub use seen::seen_by;
