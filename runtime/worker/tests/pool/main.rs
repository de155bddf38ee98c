//! Pools of worker processes: what crosses, how they end, whose they are, and what they may not say.

mod components;
mod crossing;
mod ends;
mod hostile;
mod principals;
mod recorded;
mod support;
