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

    /// Answers how many of the bytes are known of the recorded run, or differ from it.
    fn compare(&self, stream: Stream, bytes: &[u8]) -> usize {
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
                return match self.is_known_to_end() {
                    true => self.differs(recorded, at, "", bytes, rest),
                    false => {
                        self.state.ends();
                        bytes.len().saturating_sub(rest.len())
                    }
                };
            };
            if self.state.stops_at(chunk.event) && !self.state.how.in_session {
                return bytes.len().saturating_sub(rest.len());
            }
            let left = chunk.it.0.get(at.byte..).unwrap_or_default();
            let count = left.len().min(rest.len());
            let (same, more) = rest.split_at(count);
            if left.get(..count) != Some(same) {
                let left = String::from_utf8_lossy(left);
                return self.differs(recorded, at, &left, bytes, rest);
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
        bytes.len()
    }

    /// A recording that was cut short may have ended in the middle of a text.
    fn is_known_to_end(&self) -> bool {
        self.state.recorded.end.is_some()
    }

    fn differs(
        &self,
        recorded: &[Numbered<Bytes>],
        at: &Place,
        left: &str,
        printed: &[u8],
        actual: &[u8],
    ) -> usize {
        let event = recorded
            .get(at.chunk)
            .map_or(self.state.recorded.events, |it| it.event);
        let expected = match left.is_empty() {
            true => "nothing more is printed".to_owned(),
            false => "the script prints what it printed before".to_owned(),
        };
        let divergence = Divergence::new(event, expected, "the script prints something else");
        let actual = String::from_utf8_lossy(actual);
        self.state.diverges(divergence.before().with(left, &actual));
        printed.len()
    }
}

impl Observer for Printed {
    fn event(&self, event: Event<'_>) {
        let Event::Output { stream, bytes } = event else {
            return self.inner.event(event);
        };
        if self.state.is_over() {
            return;
        }
        let known = match self.state.has_diverged() || self.state.how.script.is_some() {
            true => bytes.len(),
            false => self.compare(stream, bytes),
        };
        let number = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        };
        self.state.printed(number, known);
        if let Some(bytes) = bytes.get(..known).filter(|bytes| !bytes.is_empty()) {
            self.inner.event(Event::Output { stream, bytes });
        }
    }

    /// Nothing is printed beyond the end: the script waits there until it is ended.
    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        match self.state.is_over() {
            true => Some(Box::pin(std::future::pending())),
            false => self.inner.full(),
        }
    }
}
