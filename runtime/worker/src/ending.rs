//! How a run ended, as a message and back.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use wxmcp_run::{Limit, Outcome, Raised, Report, RunError, RunId};

use crate::message::{self, Blob, Json, RunFailure};

impl TryFrom<Report> for message::Report {
    type Error = serde_json::Error;

    fn try_from(report: Report) -> Result<Self, Self::Error> {
        Ok(Self {
            outcome: match report.outcome {
                Outcome::Returned(value) => {
                    message::Outcome::Returned(Box::<str>::from(value).into())
                }
                Outcome::Raised(raised) => message::Outcome::Raised(text(&raised)?),
                Outcome::Exited(code) => message::Outcome::Exited(code),
                Outcome::Stopped(limit, raised) => {
                    let raised = raised.as_ref().map(text);
                    message::Outcome::Stopped(text(&limit)?, raised.transpose()?)
                }
                Outcome::Cancelled => message::Outcome::Cancelled,
            },
            stdout: Blob(report.stdout),
            stderr: Blob(report.stderr),
            calls: report.calls,
            usage: report.usage,
            artifacts: report.artifacts,
        })
    }
}

impl message::Report {
    /// The report of a run.
    ///
    /// # Errors
    ///
    /// JSON that is none.
    pub(crate) fn of(self, run: RunId) -> Result<Report, serde_json::Error> {
        let outcome = match self.outcome {
            message::Outcome::Returned(value) => Outcome::Returned(RawValue::from_string(value)?),
            message::Outcome::Raised(raised) => Outcome::Raised(read(&raised)?),
            message::Outcome::Exited(code) => Outcome::Exited(code),
            message::Outcome::Stopped(limit, raised) => {
                let raised = raised.as_deref().map(read::<Raised>);
                Outcome::Stopped(read::<Limit>(&limit)?, raised.transpose()?)
            }
            message::Outcome::Cancelled => Outcome::Cancelled,
        };
        Ok(Report {
            run,
            outcome,
            stdout: self.stdout.0,
            stderr: self.stderr.0,
            calls: self.calls,
            usage: self.usage,
            artifacts: self.artifacts,
        })
    }
}

fn text<T: Serialize>(value: &T) -> Result<Json, serde_json::Error> {
    serde_json::to_string(value)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

impl From<&RunError> for RunFailure {
    fn from(error: &RunError) -> Self {
        match error {
            RunError::Guest(words, _) => Self::Guest(with_causes(words.clone(), error)),
            RunError::Mount { guest, source } => Self::Mount {
                guest: guest.clone(),
                why: with_causes(source.to_string(), source.as_ref()),
            },
            RunError::NoWorkdir { guest } => Self::NoWorkdir(guest.clone()),
            RunError::MemoryTooSmall { limit } => Self::MemoryTooSmall(*limit),
            RunError::SessionOver => Self::SessionOver,
            RunError::NoInterpreter => Self::NoInterpreter,
            RunError::NotRecorded(why) => Self::NotRecorded(why.clone()),
            RunError::Engine(source) => {
                Self::Other(with_causes(source.to_string(), source.as_ref()))
            }
            other => Self::Guest(with_causes(other.to_string(), other)),
        }
    }
}

impl From<RunFailure> for RunError {
    fn from(failure: RunFailure) -> Self {
        match failure {
            RunFailure::Guest(words) => Self::Guest(words, None),
            RunFailure::Mount { guest, why } => Self::Mount {
                guest,
                source: why.into(),
            },
            RunFailure::NoWorkdir(guest) => Self::NoWorkdir { guest },
            RunFailure::MemoryTooSmall(limit) => Self::MemoryTooSmall { limit },
            RunFailure::SessionOver => Self::SessionOver,
            RunFailure::NoInterpreter => Self::NoInterpreter,
            RunFailure::NotRecorded(why) => Self::NotRecorded(why),
            RunFailure::Other(words) => Self::Engine(words.into()),
        }
    }
}

/// Words, and those of each cause.
fn with_causes(mut words: String, error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
