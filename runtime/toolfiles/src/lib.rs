//! The tool tree: `tools/<namespace>/<tool>.{ts,js,py,wasm}`.
//!
//! Every folder is a namespace, every file in it a tool. Nothing is read before it is
//! asked for; what changes on disk is seen at the next call, and is for runs that begin later. A folder is a provider of tools (`tree`, `folder`); a
//! file is read once to learn what it is (`look`, `describe`, `definition`, `cache`) and run in a sandbox of its own
//! (`runner`, `slots`, `worker`). Components are tools here too, and import tools (`components`).

mod cache;
mod component;
mod components;
mod config;
mod definition;
mod describe;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod look;
mod place;
mod read_file;
mod reporting;
mod runner;
mod shared;
mod slots;
mod stamp;
mod tree;
mod worker;

pub use components::{Imports, LinkError, link, open, runner};
pub use config::{Interpreters, TreeConfig};
pub use read_file::{ReadError, read_file};
pub use tree::Tree;
