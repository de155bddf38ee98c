//! Recording: a run goes on as it would, and what it is given is kept.
//!
//! The recorder stands between a run and whoever gives it something: clocks, the order of completions, the host of tools, the
//! observer. It asks nothing that the run did not ask.

mod aside;
mod clocks;
mod head;
mod host;
mod order;
mod secret_files;
mod secrets;
mod session;
mod tape;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use wxmcp_run::{
    BoxFuture, CallContext, Event as RunEvent, Ledger, Observer, Report, Run, Sources, Stream,
    ToolDescription, ToolHost,
};

use crate::canonical;
use crate::event::{Bytes, End, Event, Head};
pub use head::NotRecorded;
use host::RecordedHost;
pub use secret_files::secret_file_of;
pub use secrets::secret_of;
pub use session::{RecordedSession, SessionRecorder};
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

    /// A run has ended, and another one of its session may follow: makes what was taken so far a whole recording.
    ///
    /// # Errors
    ///
    /// When it cannot be kept.
    fn run_ended(&mut self) -> io::Result<()> {
        self.flush()
    }

    /// Ends the recording, whose last event was its end.
    ///
    /// # Errors
    ///
    /// When it cannot be kept.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Records one run, or those of a session.
pub struct Recorder {
    tape: Running,
    /// What the script itself is given, in all runs of its session.
    sources: Sources,
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
        let sources = tape::sources(&tape, 0, &[], run.sources.clone(), key);
        let this = Self {
            tape: Running(tape),
            sources,
        };
        Ok((this.recorded(run), this))
    }

    /// The next run, of the same session or, with what its mounts hold, of another one: as it is to be carried out. The one
    /// before has ended.
    ///
    /// # Errors
    ///
    /// When the sink cannot keep the head.
    pub fn next(
        &mut self,
        run: Run,
        mut head: Head,
        captured: Option<Vec<Event>>,
    ) -> io::Result<Run> {
        let tape = &self.tape.0;
        tape.next_run(&run.sources);
        if captured.is_some() {
            let key = tape::key(run.sources.randomness);
            self.sources = tape::sources(tape, 0, &[], run.sources.clone(), key);
        }
        head.seed = tape::key(self.sources.randomness);
        head.began = tape.began();
        tape.push(Event::Head(Box::new(head)));
        let captured = captured.into_iter().flatten();
        captured.for_each(|event| tape.push(event));
        tape.failed()?;
        Ok(self.recorded(run))
    }

    fn recorded(&self, run: Run) -> Run {
        let tape = &self.tape.0;
        Run {
            sources: self.sources.clone(),
            tools: Arc::new(RecordedHost::new(run.tools, Arc::clone(tape))),
            observer: Arc::new(Heard {
                inner: run.observer,
                tape: Arc::clone(tape),
            }),
            ..run
        }
    }

    /// Takes an event that is none of the run itself: a file that it wrote.
    pub fn push(&self, event: Event) {
        self.tape.0.push(event);
    }

    /// Ends a run of a session with its report. Another may follow.
    ///
    /// # Errors
    ///
    /// When some event could not be kept.
    pub fn end_run(&self, report: &Report, tools: Vec<(String, String)>) -> io::Result<()> {
        let report = canonical::report(report).to_string();
        self.push(Event::End(Box::new(End { report, tools })));
        self.tape.0.end_run()
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

/// Digests of the definitions of the tools that a run called, by their names as it spelled them.
pub async fn digests(
    report: &Report,
    tools: &dyn ToolHost,
    ledger: &Ledger,
) -> Vec<(String, String)> {
    let namespaces = tools.namespaces();
    // Others are requests to hosts, or would start servers that the run did not use.
    let is_of_one = |name: &&String| {
        let namespace = name.split_once('.').map(|(namespace, _)| namespace);
        namespace.is_some_and(|it| namespaces.iter().any(|known| known == it))
    };
    let names = report.calls.iter().map(|call| &call.name);
    let names: BTreeSet<_> = names.filter(is_of_one).cloned().collect();
    let mut digests = Vec::new();
    for name in names {
        let context = CallContext::outside_of_runs(ledger);
        // What cannot be described was no tool, or its server has ended.
        if let Ok(described) = tools.describe(vec![name.clone()], context).await {
            let digest = described.first().map(definition_digest);
            digests.extend(digest.map(|digest| (name, digest)));
        }
    }
    digests
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
