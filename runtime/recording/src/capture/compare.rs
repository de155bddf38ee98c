//! What is different in a folder after a run.

use wxmcp_run::CapturedEntry;

use super::events::entry;
use crate::event::Event;

/// What of `now` is not as it was before, and what is gone, in the order of paths. Both are sorted.
pub(super) fn compare(mount: u32, before: &[CapturedEntry], now: &[CapturedEntry]) -> Vec<Event> {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    let mut changes = Vec::new();
    loop {
        match (before.peek(), now.peek()) {
            (None, None) => return changes,
            (Some(was), is) if is.is_none_or(|is| was.path < is.path) => {
                changes.push(Event::Removed {
                    mount,
                    path: was.path.clone(),
                });
                before.next();
            }
            (was, Some(is)) => {
                let was = was.filter(|was| was.path == is.path);
                if was.is_none_or(|was| !is_same(was, is)) {
                    changes.push(Event::Written {
                        mount,
                        entry: entry(is),
                    });
                }
                if was.is_some() {
                    before.next();
                }
                now.next();
            }
            (Some(_), None) => return changes,
        }
    }
}

/// The rights are those of who looks.
fn is_same(was: &CapturedEntry, is: &CapturedEntry) -> bool {
    (was.mode, &was.body) == (is.mode, &is.body)
}
