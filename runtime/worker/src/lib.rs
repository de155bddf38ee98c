//! Runs happen in processes of their own, so that a crash of the engine ends only the runs inside of one.
//!
//! The parent has a [`Pool`], whose runners carry out each run in a worker of its principal. A worker is this same
//! program, started with one end of a socket and nothing else; it calls [`worker_main`]. Tools, secrets, servers and
//! the ledger stay in the parent: the worker asks, about the runs that it was assigned, and the parent takes nothing that
//! it says on trust. `message.rs` lists all that can be said.

mod answers;
mod assigned;
mod begin;
mod breach;
mod carry;
mod child;
mod clock;
mod ending;
mod frame;
mod line;
mod link;
mod load;
mod memory;
mod message;
mod pool;
mod process;
mod questions;
mod recorded;
mod session;
mod worker;

pub use child::{Instance, Wanted, worker_main};
pub use pool::{Pool, PoolConfig};
pub use process::{LogLine, WorkerCommand};
