//! Pools of worker processes: what crosses, how they end, whose they are, and what they may not say.
#![expect(clippy::indexing_slicing, reason = "tests of JSON")]

mod crossing;
mod ends;
mod hostile;
mod principals;
mod support;
