//! Builds the interpreter guests: componentize, flatten, make immortal, optimise,
//! compile, lock. Never shipped.
//!
//! [`pipeline`] is the whole of it, in order; each step is a module of its own.

pub mod cache;
pub mod componentize;
pub mod digest;
pub mod flatten;
pub mod image;
pub mod immortal;
pub mod inputs;
pub mod lock;
pub mod native;
pub mod optimise;
pub mod packages;
pub mod pipeline;
pub mod program;
pub mod stack;
