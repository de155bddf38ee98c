//! What a client hears while a call of it goes on: progress where it gave a token, printed lines where it asked.

// Logging is deprecated in the newest revision of the protocol, and still what clients of all revisions know.
#![expect(deprecated, reason = "clients still ask for log messages")]

use rmcp::RoleServer;
use rmcp::model::{
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken,
};
use rmcp::service::{Peer, RequestContext};
use serde_json::json;
use wxmcp_run::Stream;

use crate::running::Heard;

/// By how much progress grows with an event that has no number of its own: the protocol wants it to grow.
const STEP: f64 = 0.001;

/// Sends what is heard of a run to the client that waits for it.
pub(crate) struct Listening {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    level: Option<LoggingLevel>,
    progress: f64,
    total: Option<f64>,
}

impl Listening {
    /// For one request; `level` is what the connection asked for.
    pub(crate) fn of(context: &RequestContext<RoleServer>, level: Option<LoggingLevel>) -> Self {
        Self {
            peer: context.peer.clone(),
            token: context.meta.get_progress_token(),
            level: context.meta.log_level().or(level),
            progress: 0.0,
            total: None,
        }
    }

    /// Sends one event, if the client wants its kind. What cannot be sent is nothing: the answer has it all.
    pub(crate) async fn send(&mut self, heard: Heard) {
        match heard {
            Heard::Printed(stream, text) => {
                let level = match stream {
                    Stream::Stdout => LoggingLevel::Info,
                    Stream::Stderr => LoggingLevel::Warning,
                };
                self.log(level, &text).await;
            }
            Heard::Progress {
                message,
                done,
                total,
            } => self.step(message, done, total).await,
            Heard::CallBegun(name) => self.step(Some(format!("{name} ..")), None, None).await,
            Heard::CallProgress(words) => self.step(Some(words), None, None).await,
            Heard::CallEnded(sequence, error) => {
                let words = match error {
                    None => format!("call {sequence} done"),
                    Some(kind) => format!("call {sequence}: {kind}"),
                };
                self.step(Some(words), None, None).await;
            }
            Heard::Missed(count) => {
                let words = format!("[{count} messages were not sent: they came too fast]");
                self.log(LoggingLevel::Info, &words).await;
            }
        }
    }

    async fn log(&mut self, level: LoggingLevel, text: &str) {
        let Some(least) = self.level else {
            return;
        };
        if rank(level) < rank(least) {
            return;
        }
        let mut message = LoggingMessageNotificationParam::new(level, json!(text));
        message.logger = Some("run_code".to_owned());
        let _gone = self.peer.notify_logging_message(message).await;
    }

    async fn step(&mut self, message: Option<String>, done: Option<f64>, total: Option<f64>) {
        let Some(token) = self.token.clone() else {
            return;
        };
        self.progress = next(self.progress, done);
        self.total = total.filter(|it| it.is_finite()).or(self.total);
        let mut params = ProgressNotificationParam::new(token, self.progress);
        params.total = self.total.filter(|total| *total >= self.progress);
        params.message = message;
        let _gone = self.peer.notify_progress(params).await;
    }
}

/// How far a run is that was so far before. That grows with every message, as the protocol wants, also where a script
/// counts backwards, or so high that a step is nothing.
fn next(before: f64, done: Option<f64>) -> f64 {
    match done {
        Some(done) if done.is_finite() && done > before => done,
        _ => (before + STEP).max(before.next_up()).min(f64::MAX),
    }
}

fn rank(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_grows_with_every_message() {
        let mut before = 0.0;
        for done in [
            None,
            Some(1.0),
            Some(1.0),
            Some(-5.0),
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(1e17),
            None,
            Some(3.0),
        ] {
            let now = next(before, done);
            assert!(now > before, "{before}, {now}");
            before = now;
        }
        assert_eq!(next(1.0, Some(2.5)), 2.5);
        assert_eq!(next(f64::MAX, None), f64::MAX);
    }
}
