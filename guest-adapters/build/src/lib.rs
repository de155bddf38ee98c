//! Builds the interpreter guests and locks their digests. Never shipped.
//!
//! [`pipeline`] is the whole of it; [`python`] (componentize, flatten, make immortal,
//! optimise, meter) and [`javascript`] (componentize, meter) are what differs between guests, and each step is a
//! module of its own.

pub mod cache;
pub mod componentize;
pub mod components;
pub mod digest;
pub mod extension;
pub mod flatten;
mod folder;
pub mod image;
pub mod immortal;
pub mod inputs;
pub mod javascript;
pub mod lock;
pub mod meter;
pub mod native;
pub mod optimise;
pub mod packages;
pub mod pipeline;
pub mod program;
pub mod python;
pub mod recipe;
pub mod stack;
