//! Runs that ended without a report: they could not begin, or their worker was lost.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, json};
use wxmcp_run::{CallRecord, RunError};

use crate::answer::{calls, ending, recording, recording_member};
use crate::recordings::RecordingNote;
use crate::results::SessionNote;

/// Why a run has no report.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    /// What happened, in words.
    pub(crate) words: String,
    pub(crate) kind: LossKind,
    /// Calls that it had made.
    calls: Vec<CallRecord>,
    session: Option<SessionNote>,
    /// Of a run that was to be recorded.
    recording: Option<RecordingNote>,
}

/// What is known of a run without a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LossKind {
    /// It did nothing.
    NotBegun,
    /// It may have done something.
    Lost,
}

impl Loss {
    /// Of a run that was begun.
    pub(crate) fn lost(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            kind: LossKind::Lost,
            calls: Vec::new(),
            session: None,
            recording: None,
        }
    }

    /// The same, of a run that was to be recorded.
    pub(crate) fn recorded(self, recording: Option<RecordingNote>) -> Self {
        Self { recording, ..self }
    }

    /// Of one that was not.
    pub(crate) fn not_begun(words: impl Into<String>) -> Self {
        Self {
            kind: LossKind::NotBegun,
            ..Self::lost(words)
        }
    }

    /// What the runner said instead of a report.
    pub(crate) fn of(error: RunError, session: Option<SessionNote>) -> Self {
        let words = error.to_string();
        let loss = match error {
            RunError::WorkerEnded { calls, .. } => Self {
                calls,
                ..Self::lost(words)
            },
            RunError::SessionLost(_) | RunError::NotRecorded(_) => Self::not_begun(words),
            _ => Self::not_begun(format!("the run could not begin: {words}")),
        };
        Self { session, ..loss }
    }

    /// The answer for this run: in both forms, as for one that failed with a report.
    pub(crate) fn answer(&self, run: &str) -> CallToolResult {
        let kind = match self.kind {
            LossKind::NotBegun => "not-begun",
            LossKind::Lost => "lost",
        };
        let mut structured = Map::new();
        let mut add = |name: &str, value| structured.insert(name.to_owned(), value);
        add("outcome", json!(kind));
        add("value", json!(null));
        add("error", json!({"kind": kind, "message": self.words}));
        add("calls", calls(&self.calls));
        add("run", json!(run));
        let mut text = self.words.clone();
        if let Some(session) = &self.session {
            add("session", json!(session.handle));
            if let Some(why) = &session.ended {
                add("session_ended", json!(why));
            }
            text = format!("{text}\n{}", ending(Some(session)));
        }
        if let Some(note) = &self.recording {
            text = format!("{text}\n{}", recording(note, run));
            let (name, said) = recording_member(note, run);
            structured.insert(name.to_owned(), said);
        }
        let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
        result.structured_content = Some(structured.into());
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmcp_run::{CallEnd, WorkerEnd};

    #[test]
    fn a_lost_run_is_answered_in_both_forms() {
        let call = |sequence, ended| CallRecord {
            sequence,
            name: format!("mail.send{sequence}"),
            ended,
            argument_bytes: 2,
        };
        let end = CallEnd {
            error: None,
            milliseconds: 1.0,
            answer_bytes: 1,
        };
        let error = RunError::WorkerEnded {
            how: WorkerEnd::Exit(3),
            calls: vec![call(1, Some(end)), call(2, None)],
        };
        let session = SessionNote {
            handle: "h".to_owned(),
            ended: Some("why".to_owned()),
        };
        let result = Loss::of(error, Some(session)).answer("r");
        let words = "the run was lost: its worker process ended with exit code 3; \
                     1 of its tool calls had ended, 1 were under way";
        assert_eq!(result.is_error, Some(true));
        assert_eq!(
            result.content[0].as_text().unwrap().text,
            format!("{words}\n[session ended] h: why")
        );
        assert_eq!(
            result.structured_content.unwrap(),
            json!({
                "outcome": "lost",
                "value": null,
                "error": {"kind": "lost", "message": words},
                "calls": [["mail.send1", "done"], ["mail.send2", "unanswered"]],
                "run": "r",
                "session": "h",
                "session_ended": "why",
            })
        );
    }

    #[test]
    fn one_that_did_not_begin_says_so() {
        let result = Loss::of(RunError::SessionLost(WorkerEnd::Exit(3)), None).answer("r");
        let structured = result.structured_content.unwrap();
        assert_eq!(structured["outcome"], "not-begun");
        assert_eq!(
            structured["error"]["message"],
            "the session has ended: its worker process ended with exit code 3; the run did not begin"
        );
    }
}
