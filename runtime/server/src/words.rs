//! How runs ended, in words.

use wxmcp_run::{Outcome, Report, RunError};

/// Why a run that was the last of its session was the last.
pub(crate) fn over(ran: &Result<Report, RunError>) -> String {
    match ran.as_ref().map(|report| &report.outcome) {
        Ok(Outcome::Stopped(limit, _)) => format!("its last run was stopped by {limit}"),
        Ok(Outcome::Cancelled) => "its last run was cancelled".to_owned(),
        Ok(_) => "its last run ended the interpreter".to_owned(),
        Err(error @ RunError::WorkerEnded { .. }) => error.to_string(),
        Err(RunError::SessionLost(how)) => format!("its worker process {how}"),
        Err(error) => format!("its last run could not begin: {error}"),
    }
}

/// How a run ended, for the log.
pub(crate) fn outcome(report: &Report) -> String {
    let calls = report.calls.len();
    match &report.outcome {
        Outcome::Returned(_) => format!("returned, {calls} calls"),
        Outcome::Raised(raised) => format!("raised {}, {calls} calls", one_word(&raised.kind)),
        Outcome::Exited(code) => format!("exited with {code}, {calls} calls"),
        Outcome::Stopped(limit, _) => format!("stopped by {limit}, {calls} calls"),
        Outcome::Cancelled => format!("cancelled, {calls} calls"),
    }
}

/// A script's own word, made safe for a log.
fn one_word(word: &str) -> String {
    let plain = word
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    plain.take(80).collect()
}
