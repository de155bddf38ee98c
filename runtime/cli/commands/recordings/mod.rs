//! Commands about recordings: made, replayed, verified, shown.

mod again;
mod folders;
mod keep;
mod limits;
mod load;
mod names;
mod replay;
mod secret_files;
mod show;
mod summary;
mod target;
mod verify;

pub(super) use keep::{default_path, keep, output_behind};
pub(super) use load::Loaded;
pub(super) use replay::execute as replay;
pub(super) use show::execute as show;
pub(super) use verify::execute as verify;
