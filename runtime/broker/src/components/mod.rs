//! Components and tools: what a component imports becomes calls, whoever wrote it.

mod check;
mod link;
mod values;

pub use link::LinkError;
