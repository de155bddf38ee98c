//! Components and tools: what a component imports becomes calls.

mod check;
mod export;
mod link;
mod values;

pub(crate) use export::{ToolExport, answer, read};
pub use link::{LinkError, link};
