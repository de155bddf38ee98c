//! Components and tools: what a component imports becomes calls.

mod check;
mod export;
mod link;
mod open;
mod values;

pub(crate) use export::{answer, read};
pub use link::{Imports, LinkError, link};
pub use open::{open, runner};
