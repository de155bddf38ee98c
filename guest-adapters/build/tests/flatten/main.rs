//! A flat component does what the component did that it was made from, and
//! what cannot be flattened is refused by name.

mod changes;
mod linked;
mod modes;
mod refusals;
mod same;
