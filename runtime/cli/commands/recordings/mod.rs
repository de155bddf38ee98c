//! Commands about recordings: made, replayed, verified, shown.

mod again;
mod differs;
mod keep;
mod live;
mod load;
mod redacting;
mod replay;
mod show;
mod verify;

pub(super) use keep::{default_path, keep};
pub(super) use load::Loaded;
pub(super) use replay::execute as replay;
pub(super) use show::execute as show;
pub(super) use verify::execute as verify;
