//! Recording: a run goes on as it would, and what it is given is kept.
//!
//! The recorder stands between a run and whoever gives it something: clocks, the order of completions, the host of tools, the
//! observer. It asks nothing that the run did not ask.

mod clocks;
mod head;
mod host;
mod order;
mod tape;

use std::io;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use wxmcp_run::{BoxFuture, Event as RunEvent, Observer, Report, Run, Stream, ToolDescription};

use crate::canonical;
use crate::event::{Bytes, End, Event, Head};
pub use head::NotRecorded;
use host::RecordedHost;
use tape::{Running, Tape};

/// Takes the events of a recording, in their order.
pub trait Sink: Send {
    /// Takes one event.
    ///
    /// # Errors
    ///
    /// When it cannot be kept.
    fn push(&mut self, event: &Event) -> io::Result<()>;

    /// Keeps all that it has taken where the end of this process does not reach it.
    ///
    /// # Errors
    ///
    /// When it cannot be kept.
    fn flush(&mut self) -> io::Result<()>;

    /// Ends the recording, whose last event was its end.
    ///
    /// # Errors
    ///
    /// When it cannot be kept.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Records one run.
pub struct Recorder {
    tape: Running,
}

impl Recorder {
    /// The run as it is to be carried out instead of `run`, and who records it. `head` says what is run; of it, the
    /// seed and the time are set here.
    ///
    /// # Errors
    ///
    /// When the sink cannot keep the head.
    pub fn of(
        run: Run,
        mut head: Head,
        captured: Vec<Event>,
        sink: Box<dyn Sink>,
    ) -> io::Result<(Run, Self)> {
        let key = tape::key(run.sources.randomness);
        head.seed = key;
        let tape = Tape::new(&run.sources, sink)?;
        head.began = tape.began();
        tape.push(Event::Head(Box::new(head)));
        captured.into_iter().for_each(|event| tape.push(event));
        tape.failed()?;
        let sources = tape::sources(&tape, 0, &[], run.sources, key);
        let run = Run {
            sources,
            tools: Arc::new(RecordedHost::new(run.tools, Arc::clone(&tape))),
            observer: Arc::new(Heard {
                inner: run.observer,
                tape: Arc::clone(&tape),
            }),
            ..run
        };
        let tape = Running(tape);
        Ok((run, Self { tape }))
    }

    /// Takes an event that is none of the run itself: a file that it wrote.
    pub fn push(&self, event: Event) {
        self.tape.0.push(event);
    }

    /// Ends the recording with the run's report.
    ///
    /// # Errors
    ///
    /// When some event could not be kept.
    pub fn finish(self, report: &Report, tools: Vec<(String, String)>) -> io::Result<()> {
        let report = canonical::report(report).to_string();
        self.tape
            .0
            .push(Event::End(Box::new(End { report, tools })));
        self.tape.0.finish()
    }
}

/// The digest of a tool's definition, as recordings have it: SHA-256, in hexadecimal, of what scripts may know of it.
pub fn definition_digest(tool: &ToolDescription) -> String {
    let text = serde_json::to_string(tool).unwrap_or_default();
    HEXLOWER.encode(&Sha256::digest(text))
}

/// Hears of a run for the recording, and for whoever heard of it before.
struct Heard {
    inner: Arc<dyn Observer>,
    tape: Arc<Tape>,
}

impl Observer for Heard {
    fn event(&self, event: RunEvent<'_>) {
        if let RunEvent::Output { stream, bytes } = event {
            self.tape.push(Event::Printed {
                stream: match stream {
                    Stream::Stdout => 1,
                    Stream::Stderr => 2,
                },
                bytes: Bytes(bytes.to_vec()),
            });
        }
        self.inner.event(event);
    }

    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        self.inner.full()
    }
}
