//! Exit codes, and the last words of a run that went wrong.

use std::process::ExitCode;

use wxmcp_run::Outcome;

use crate::queue::QUEUE;
use crate::render;
use crate::streams::{self, Loss};

/// What the process answers its caller. The numbers are documented in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The script returned, or the command did what was asked.
    Success,
    /// The script raised, or what `doctor` looked at is not sound.
    Failure,
    /// The command line is wrong.
    Usage,
    /// A limit stopped the script.
    Limit,
    /// What was replayed differs from its recording.
    Diverged,
    /// The user interrupted it.
    Cancelled,
    /// The script ended itself with this code.
    Script(u8),
}

impl From<&Outcome> for Exit {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Returned(_) => Self::Success,
            Outcome::Raised(_) => Self::Failure,
            Outcome::Exited(code) => Self::Script(*code),
            Outcome::Stopped(..) => Self::Limit,
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Limit => 3,
            Self::Diverged => 65,
            Self::Cancelled => 130,
            Self::Script(code) => code,
        }
    }
}

/// A command that could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What we were doing, with the causes below it.
    pub(crate) error: anyhow::Error,
    /// What the reader can do about it.
    pub(crate) hint: Option<String>,
    code: u8,
}

impl Failure {
    /// The caller asked for something that cannot be; exit code 2.
    pub(crate) fn usage(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: None,
            code: 2,
        }
    }

    /// What was asked for was tried, and failed; exit code 1.
    pub(crate) fn raised(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: None,
            code: 1,
        }
    }

    /// wxmcp or the machine is at fault; exit code 70.
    pub(crate) fn fault(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: None,
            code: 70,
        }
    }

    /// What was done could not be kept in a file; exit code 74.
    pub(crate) fn unwritten(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: None,
            code: NOT_WRITTEN,
        }
    }

    /// What was recorded does not replay as it was recorded; exit code 65.
    pub(crate) fn diverged(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: None,
            code: Exit::Diverged.code(),
        }
    }

    /// The same, but with exit code 2: what was asked for is refused.
    pub(crate) fn into_usage(self) -> Self {
        Self { code: 2, ..self }
    }

    /// Adds what the reader can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Exit code of a command whose output could not be written (`EX_IOERR` of `sysexits.h`).
const NOT_WRITTEN: u8 = 74;

/// Prints what is left to say, waits until it is read, and chooses the exit code. Output that could not
/// be written counts more than how the script ended; that its reader went away has ended the script, if
/// anything. Output that was not read in time is a failure of what was a success otherwise.
pub(crate) fn conclude(outcome: Result<Exit, Failure>) -> ExitCode {
    let code = match outcome {
        Ok(exit) => exit.code(),
        Err(failure) => {
            render::failure(&failure.error, failure.hint.as_deref());
            failure.code
        }
    };
    if let Some(stuck) = QUEUE.finish() {
        render::loss(&Loss::Unread(stuck.name()));
        QUEUE.last_words(stuck);
        return ExitCode::from(if code == 0 { NOT_WRITTEN } else { code });
    }
    let Some(loss) = streams::lost() else {
        return ExitCode::from(code);
    };
    render::loss(&loss);
    let _unread = QUEUE.finish();
    ExitCode::from(match loss {
        Loss::Failed(..) => NOT_WRITTEN,
        Loss::ReaderGone | Loss::Unread(_) => code,
    })
}
