//! Commands about recordings: made, replayed, verified, shown.

mod again;
mod differs;
mod keep;
mod keep_session;
mod limits;
mod live;
mod load;
mod names;
mod opening;
mod redact_aside;
mod redacting;
mod redactor;
mod replay;
mod session;
mod show;
mod summary;
mod target;
mod verify;

pub(super) use keep::{default_path, keep, output_behind, refuse_secrets};
pub(super) use keep_session::SessionFile;
pub(super) use load::Loaded;
pub(super) use redact_aside::Aside;
pub(crate) use redact_aside::{REDACTOR, redact_main};
pub(super) use replay::execute as replay;
pub(super) use session::Again;
pub(super) use show::execute as show;
pub(super) use verify::execute as verify;
