//! What the script prints, compared as it is printed.

use std::sync::Arc;

use parking_lot::Mutex;
use wxmcp_run::{BoxFuture, Event, Observer, Stream};

use super::divergence::Divergence;
use super::recorded::Numbered;
use super::state::State;
use crate::event::Bytes;

pub(super) struct Printed {
    state: Arc<State>,
    inner: Arc<dyn Observer>,
    /// How much of the first chunk that is left was printed again, for each stream.
    at: Mutex<[Place; 2]>,
}

#[derive(Default)]
struct Place {
    chunk: usize,
    byte: usize,
}

impl Printed {
    pub(super) fn new(state: Arc<State>, inner: Arc<dyn Observer>) -> Self {
        Self {
            state,
            inner,
            at: Mutex::default(),
        }
    }

    fn compare(&self, stream: Stream, bytes: &[u8]) {
        let [out, error] = &self.state.recorded.printed;
        let mut at = self.at.lock();
        let [at_out, at_error] = &mut *at;
        let (recorded, at) = match stream {
            Stream::Stdout => (out, at_out),
            Stream::Stderr => (error, at_error),
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(chunk) = recorded.get(at.chunk) else {
                return self.differs(recorded, at, "", rest);
            };
            let left = chunk.it.0.get(at.byte..).unwrap_or_default();
            let count = left.len().min(rest.len());
            let (same, more) = rest.split_at(count);
            if left.get(..count) != Some(same) {
                let left = String::from_utf8_lossy(left);
                return self.differs(recorded, at, &left, rest);
            }
            rest = more;
            at.byte = at.byte.saturating_add(count);
            if at.byte >= chunk.it.0.len() {
                *at = Place {
                    chunk: at.chunk.saturating_add(1),
                    byte: 0,
                };
                self.state.passes();
            }
        }
    }

    fn differs(&self, recorded: &[Numbered<Bytes>], at: &Place, left: &str, actual: &[u8]) {
        let event = recorded
            .get(at.chunk)
            .map_or(self.state.recorded.events, |it| it.event);
        // The end of a cut-short recording may be in the middle of a text.
        if left.is_empty() && self.state.recorded.end.is_none() {
            return self.state.ends();
        }
        let expected = match left.is_empty() {
            true => "nothing more is printed".to_owned(),
            false => "the script prints what it printed before".to_owned(),
        };
        let divergence = Divergence::new(event, expected, "the script prints something else");
        let actual = String::from_utf8_lossy(actual);
        self.state.diverges(divergence.before().with(left, &actual));
    }
}

impl Observer for Printed {
    fn event(&self, event: Event<'_>) {
        if let Event::Output { stream, bytes } = event
            && !self.state.has_diverged()
            && self.state.how.script.is_none()
        {
            self.compare(stream, bytes);
        }
        self.inner.event(event);
    }

    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        self.inner.full()
    }
}
