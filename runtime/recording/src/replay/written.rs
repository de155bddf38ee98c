//! What a run left in its mounts, compared.

use super::divergence::Divergence;
use super::state::State;
use crate::capture::NotCaptured;
use crate::event::{Body, Event};

impl State {
    /// What the run left in its mounts cannot be looked at.
    pub(super) fn cannot_compare(&self, error: &NotCaptured) -> Divergence {
        let last = self.recorded.events.saturating_sub(1);
        Divergence::new(
            last,
            "what the recorded run left in its mounts",
            format!("{error}: {}", error.why),
        )
    }

    /// Compares what the run left in its mounts.
    pub(super) fn compare_written(&self, written: &[Event]) -> Option<Divergence> {
        if self.recorded.written == written {
            return None;
        }
        let lines = |events: &[Event]| events.iter().map(in_a_line).collect::<String>();
        let last = self.recorded.events.saturating_sub(1);
        let words = (
            "what the recorded run left in its mounts",
            "what the replay left there",
        );
        let differs = Divergence::new(last, words.0, words.1);
        Some(differs.with(&lines(&self.recorded.written), &lines(written)))
    }
}

/// What is at a path of a mount at the end, in a line.
fn in_a_line(event: &Event) -> String {
    match event {
        Event::Written { mount, entry } => {
            let body = match &entry.body {
                Body::File(bytes) => {
                    let text = String::from_utf8_lossy(&bytes.0);
                    return format!("mount {mount}: {} {:o}\n{text}\n", entry.path, entry.mode);
                }
                body => format!("{body:?}"),
            };
            format!("mount {mount}: {} {:o} {body}\n", entry.path, entry.mode)
        }
        Event::Removed { mount, path } => format!("mount {mount}: {path} is not there\n"),
        _ => String::new(),
    }
}
