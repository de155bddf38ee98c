//! Servers over standard input and output: the process and its guard, lines, JSON-RPC frames and their ids, and the
//! transport that rmcp sees.

mod arrived;
mod frame;
pub mod fuzzing;
pub(crate) mod guard;
mod ids;
mod lines;
mod log;
pub(crate) mod payer;
pub(crate) mod pipe;
pub(crate) mod pipe_state;
pub(crate) mod probe;
pub(crate) mod process;

pub(crate) use arrived::{Arrived, Received};
