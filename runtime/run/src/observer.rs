//! Events of a run, as they happen.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::call_progress::CallProgress;
use crate::tool::{BoxFuture, ToolErrorKind};

/// Longest name of a tool that is told with its progress, in bytes.
const MAX_NAME: usize = 256;

/// Hears of a run's events, in order, on the thread that runs it; of [`Event::CallProgress`] on others, before the call
/// ends. Must not block: other runs and the run's own deadline would wait, too.
pub trait Observer: Send + Sync {
    /// Something happened. What comes from the script is bounded, but not clean:
    /// escape it before it reaches a terminal or a log.
    fn event(&self, event: Event<'_>);

    /// Where it has no room for more output: what ends when it has. The script waits for that after it
    /// has printed, and its deadline counts meanwhile.
    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// One event of a run.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The script printed.
    Output {
        /// Where to.
        stream: Stream,
        /// What, as far as the output limit lets it through.
        bytes: &'a [u8],
    },
    /// The script reported progress.
    Progress {
        /// Its words, at most a few hundred bytes.
        message: Option<&'a str>,
        /// Steps done.
        done: Option<f64>,
        /// Steps in all.
        total: Option<f64>,
    },
    /// A tool call left the sandbox.
    CallStarted {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// The tool's name as the script spelled it.
        name: &'a str,
    },
    /// A tool call came back.
    CallEnded {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// `None` when it succeeded.
        error: Option<ToolErrorKind>,
    },
    /// A tool that was called says how far it is.
    CallProgress {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// The tool's name as the script spelled it.
        name: &'a str,
        /// The tool's words, without secrets; at most a few hundred bytes.
        message: Option<&'a str>,
        /// Steps done, in the tool's own count.
        done: Option<f64>,
        /// Steps in all.
        total: Option<f64>,
    },
}

impl CallProgress {
    /// Tells `observer` of the call with this position and name.
    pub fn of(observer: Arc<dyn Observer>, sequence: u64, name: &str) -> Self {
        let end = name.floor_char_boundary(MAX_NAME);
        let name = name.get(..end).unwrap_or_default().to_owned();
        Self::to(move |step| {
            observer.event(Event::CallProgress {
                sequence,
                name: &name,
                message: step.message.as_deref(),
                done: step.done,
                total: step.total,
            });
        })
    }
}

/// One event of a run, as [`Event`], for whoever hears of it later or in another process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OwnedEvent {
    /// The script printed.
    Output {
        /// Where to.
        stream: Stream,
        /// What. Bounded, but not clean: escape it before it reaches a terminal or a log.
        #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
        bytes: Vec<u8>,
    },
    /// The script reported progress.
    Progress {
        /// Its words.
        message: Option<String>,
        /// Steps done.
        done: Option<f64>,
        /// Steps in all.
        total: Option<f64>,
    },
    /// A tool call left the sandbox.
    CallStarted {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// The tool's name as the script spelled it.
        name: String,
    },
    /// A tool call came back.
    CallEnded {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// `None` when it succeeded.
        error: Option<ToolErrorKind>,
    },
    /// A tool that was called says how far it is.
    CallProgress {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// The tool's name as the script spelled it.
        name: String,
        /// The tool's words.
        message: Option<String>,
        /// Steps done, in the tool's own count.
        done: Option<f64>,
        /// Steps in all.
        total: Option<f64>,
    },
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Output { stream, bytes } => Self::Output {
                stream,
                bytes: bytes.to_vec(),
            },
            Event::Progress {
                message,
                done,
                total,
            } => Self::Progress {
                message: message.map(str::to_owned),
                done,
                total,
            },
            Event::CallStarted { sequence, name } => Self::CallStarted {
                sequence,
                name: name.to_owned(),
            },
            Event::CallEnded { sequence, error } => Self::CallEnded { sequence, error },
            Event::CallProgress {
                sequence,
                name,
                message,
                done,
                total,
            } => Self::CallProgress {
                sequence,
                name: name.to_owned(),
                message: message.map(str::to_owned),
                done,
                total,
            },
        }
    }
}

impl OwnedEvent {
    /// The event, for an observer.
    pub fn as_event(&self) -> Event<'_> {
        match self {
            Self::Output { stream, bytes } => Event::Output {
                stream: *stream,
                bytes,
            },
            Self::Progress {
                message,
                done,
                total,
            } => Event::Progress {
                message: message.as_deref(),
                done: *done,
                total: *total,
            },
            Self::CallStarted { sequence, name } => Event::CallStarted {
                sequence: *sequence,
                name,
            },
            Self::CallEnded { sequence, error } => Event::CallEnded {
                sequence: *sequence,
                error: *error,
            },
            Self::CallProgress {
                sequence,
                name,
                message,
                done,
                total,
            } => Event::CallProgress {
                sequence: *sequence,
                name,
                message: message.as_deref(),
                done: *done,
                total: *total,
            },
        }
    }
}

/// Bytes as they are, which serde would take one by one.
fn write_bytes<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

fn read_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    from.deserialize_bytes(Bytes)
}

/// The streams that a script prints to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Hears everything and does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: Event<'_>) {}
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::call_progress::Step;

    #[derive(Default)]
    struct Kept(Mutex<Vec<OwnedEvent>>);

    impl Observer for Kept {
        fn event(&self, event: Event<'_>) {
            self.0.lock().push(event.into());
        }
    }

    #[test]
    fn progress_of_a_call_is_an_event_with_its_name_and_crosses_as_it_is() {
        let kept = Arc::new(Kept::default());
        let observer: Arc<dyn Observer> = Arc::<Kept>::clone(&kept);
        let progress = CallProgress::of(observer, 2, &"é".repeat(MAX_NAME));
        progress.report(|| Step {
            message: Some("half".to_owned()),
            done: Some(1.0),
            total: Some(2.0),
        });
        let events = kept.0.lock();
        let expected = OwnedEvent::CallProgress {
            sequence: 2,
            name: "é".repeat(MAX_NAME / 2),
            message: Some("half".to_owned()),
            done: Some(1.0),
            total: Some(2.0),
        };
        assert_eq!(*events, [expected]);
        assert_eq!(OwnedEvent::from(events[0].as_event()), events[0]);
    }
}
