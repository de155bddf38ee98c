//! Who hears of a running tool file: the run that called it hears how far it is.

use std::sync::Arc;

use wxmcp_run::{BoxFuture, CallProgress, Event, Observer, Step};

/// Passes on what a tool file says of its progress, and what the tools that it calls say of theirs.
pub(crate) struct Reporting {
    /// Who hears everything.
    pub(crate) observer: Arc<dyn Observer>,
    /// The call that the tool file answers.
    pub(crate) progress: CallProgress,
}

impl Observer for Reporting {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Progress {
                message,
                done,
                total,
            } => self.progress.report(|| Step {
                message: message.map(str::to_owned),
                done,
                total,
            }),
            Event::CallProgress {
                name,
                message,
                done,
                total,
                ..
            } => self.progress.report(|| Step {
                message: Some(match message {
                    Some(message) => format!("{name}: {message}"),
                    None => name.to_owned(),
                }),
                done,
                total,
            }),
            Event::Output { .. } | Event::CallStarted { .. } | Event::CallEnded { .. } => {}
        }
        self.observer.event(event);
    }

    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        self.observer.full()
    }
}
