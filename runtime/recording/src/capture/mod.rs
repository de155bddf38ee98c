//! What mounts hold, as values: read before a run that is recorded, shown to those that replay it, and compared at the end.
//!
//! Everything is captured, or the capture is refused by the name of what it cannot hold: a pipe, a socket, a device, what
//! cannot be read, a name that is not UTF-8, more than [`MOST`] in all mounts. Symbolic links are kept as links; nothing is
//! read through one, so what lies behind a link that leads out of its mount is not there, as scripts see it. Files that
//! [`Policy::hidden`] names are left out; the run does not see them either.

mod compare;
mod events;
mod paths;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;

use wxmcp_run::{Access, Bytes, Captured, Mount, Policy, Source};

use crate::event::Event;
pub use events::{events, sources};
use read::Budget;

/// Most bytes of all mounts of a run together: what files hold, and 64 bytes for each name.
pub const MOST: u64 = 64 << 20;

/// Bytes that errors count in.
const MIB: u64 = 1 << 20;

/// Bytes that each name counts for besides its path.
const ENTRY: u64 = 64;

/// Most bytes of a path that an error shows.
const SHOWN: usize = 300;

/// What the mounts of a run held, in their order; none of a folder in memory, which was empty.
pub type Mounts = Vec<Option<Arc<Captured>>>;

/// Reads all mounts of a run. It blocks.
///
/// # Errors
///
/// What cannot be captured, by its name.
pub fn capture(policy: &Policy) -> Result<Mounts, NotCaptured> {
    refuse_overlaps(policy)?;
    let mut budget = Budget::new(MOST);
    let read = |mount| capture_one(mount, policy, &mut budget);
    policy.mounts.iter().map(read).collect()
}

/// Refuses folders of the host that two mounts show, if the script may write to one of them: each is captured alone.
fn refuse_overlaps(policy: &Policy) -> Result<(), NotCaptured> {
    let folder = |mount: &Mount| match &mount.source {
        Source::Host(folder) => std::fs::canonicalize(folder).ok(),
        Source::Memory { .. } | Source::Captured(_) | Source::Bundle(_) => None,
    };
    for (at, mount) in policy.mounts.iter().enumerate() {
        for other in policy.mounts.iter().skip(at.saturating_add(1)) {
            let writes = [mount, other]
                .iter()
                .any(|it| it.access == Access::ReadWrite);
            let (Some(one), Some(two)) = (folder(mount), folder(other)) else {
                continue;
            };
            if writes && (one.starts_with(&two) || two.starts_with(&one)) {
                return Err(NotCaptured {
                    guest: other.guest.clone(),
                    path: String::new(),
                    why: Why::Twice(mount.guest.clone()),
                });
            }
        }
    }
    Ok(())
}

fn capture_one(
    mount: &Mount,
    policy: &Policy,
    budget: &mut Budget,
) -> Result<Option<Arc<Captured>>, NotCaptured> {
    Ok(match &mount.source {
        Source::Memory { .. } | Source::Bundle(_) => None,
        Source::Captured(captured) => Some(Arc::clone(captured)),
        Source::Host(folder) => {
            let read = read::read(folder, &mount.guest, &policy.hidden, budget)?;
            let mut captured = Captured::new(read);
            captured.umask = paths::umask();
            if mount.access == Access::ReadWrite {
                captured.protected = paths::protected(folder, &policy.protected);
            }
            Some(Arc::new(captured))
        }
    })
}

/// What is different in the mounts that the script could write to, now that it has ended: in the order of mounts, and in
/// each of paths. It blocks.
///
/// # Errors
///
/// What cannot be captured, by its name, and what was changed in a mount that the script could only read.
pub fn changes(policy: &Policy, before: &Mounts) -> Result<Vec<Event>, NotCaptured> {
    let mut budget = Budget::new(MOST);
    let mut changes = Vec::new();
    for ((mount, before), number) in policy.mounts.iter().zip(before).zip(0_u32..) {
        let Some(before) = before else {
            continue;
        };
        let now = match &mount.source {
            Source::Memory { .. } | Source::Bundle(_) => continue,
            Source::Captured(captured) => captured.now(),
            Source::Host(folder) => {
                let read = read::read(folder, &mount.guest, &policy.hidden, &mut budget)?;
                Captured::new(read).entries
            }
        };
        let changed = compare::compare(number, &before.entries, &now);
        match (mount.access, changed.first()) {
            (Access::ReadWrite, _) => changes.extend(changed),
            (Access::ReadOnly, None) => {}
            (Access::ReadOnly, Some(event)) => {
                return Err(NotCaptured {
                    guest: mount.guest.clone(),
                    path: path_of(event).to_owned(),
                    why: Why::Changed,
                });
            }
        }
    }
    Ok(changes)
}

fn path_of(event: &Event) -> &str {
    match event {
        Event::Written { entry, .. } => &entry.path,
        Event::Removed { path, .. } => path,
        _ => "",
    }
}

/// Why a mount cannot be captured.
#[derive(Debug, thiserror::Error)]
#[error("cannot record {} of the mount `{guest}`", Shown(.path))]
pub struct NotCaptured {
    /// The mount, by its path in the guest.
    pub guest: String,
    /// The path in it; empty for the mount itself.
    pub path: String,
    /// Why.
    #[source]
    pub why: Why,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// A mount that the script only reads is another than it was.
    #[error("it was changed meanwhile, by something else than the run")]
    Changed,
    /// It is neither file nor folder nor link.
    #[error("it is {0}, which a recording cannot keep; mount a folder without it")]
    Kind(&'static str),
    /// The system refuses to read it.
    #[error("it cannot be read; make it readable, or mount a folder without it")]
    Unreadable(#[source] io::Error),
    /// Its name, or the target of the link, is not UTF-8.
    #[error("its {0} is not UTF-8, which no script can read; mount a folder without it")]
    NotUtf8(&'static str),
    /// There is too much.
    #[error(
        "with it the mounts have more than {}, and a recording keeps {} of all mounts together; mount a smaller folder",
        Bytes(*.size / MIB * MIB),
        Bytes(*.most)
    )]
    TooLarge {
        /// What the mounts have, up to there.
        size: u64,
        /// What they may have.
        most: u64,
    },
    /// Another mount shows it, too, and the script may write to one of them.
    #[error(
        "the mount `{0}` shows files of it, too, and the script may write to one of them; mount each folder once"
    )]
    Twice(String),
    /// It was written to meanwhile, twice.
    #[error("it changes while it is read; record when nothing else writes to the folder")]
    Changes,
}

struct Shown<'p>(&'p str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.escape_debug().take(SHOWN);
        match self.0 {
            "" => f.write_str("the folder"),
            _ => write!(f, "`{}`", shown.collect::<String>()),
        }
    }
}
