//! Operations that ended, as they wait for the guest.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{length, too_much};
use crate::aside::aside;
use crate::digits::marked;
use wxmcp_run::{Charge, Held, Ledger, Note, ToolAnswer, ToolError, ToolErrorKind, Written};

/// An operation that ended and was not yet delivered.
pub(super) struct Ended {
    pub(super) id: u64,
    pub(super) form: Form,
    pub(super) payload: Vec<u8>,
    pub(super) notes: Vec<Note>,
    pub(super) error: Option<ToolErrorKind>,
    pub(super) answer_bytes: u64,
    pub(super) elapsed: Duration,
    /// For the payload.
    pub(super) charge: Option<Charge>,
    /// For the operation itself.
    _held: Held,
}

/// What the payload of a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An error.
    Failed,
    /// The answer.
    Answer,
    /// `{"value", "content"}`: the answer, and content that says more.
    WithContent,
}

impl Form {
    /// As `wit/guest.wit` has it.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Failed => 0,
            Self::Answer => 1,
            Self::WithContent => 2,
        }
    }
}

/// How an operation succeeded; its payload is marked as integers need it.
pub(super) struct Done {
    form: Form,
    payload: Vec<u8>,
    /// Size of the answer as it arrived at the host.
    bytes: u64,
    notes: Vec<Note>,
    /// What is charged for the payload already.
    charge: Option<Charge>,
    /// What the answer held until the payload is charged.
    _held: Held,
}

impl Done {
    pub(super) fn new(payload: Vec<u8>, bytes: u64) -> Self {
        Self {
            form: Form::Answer,
            payload: marked(payload),
            bytes,
            notes: Vec::new(),
            charge: None,
            _held: Held::default(),
        }
    }

    /// What was written and charged by those who answered.
    pub(super) fn written(answer: Written, bytes: u64) -> Self {
        Self {
            charge: Some(answer.charge),
            ..Self::new(answer.json, bytes)
        }
    }

    /// The answer of a tool; with its content, for a guest that takes it.
    pub(super) fn answered(answer: ToolAnswer, takes_content: bool) -> Result<Self, ToolError> {
        #[derive(Serialize)]
        struct Both<'a> {
            value: &'a Value,
            content: &'a Value,
        }
        let value = &answer.value;
        let (form, payload) = match answer.content.as_ref().filter(|_| takes_content) {
            Some(content) => (
                Form::WithContent,
                serde_json::to_vec(&Both { value, content }),
            ),
            None => (Form::Answer, serde_json::to_vec(value)),
        };
        Ok(Self {
            form,
            payload: marked(payload.map_err(unwritten)?),
            bytes: answer.bytes,
            notes: answer.notes,
            charge: None,
            _held: answer.held,
        })
    }
}

/// JSON of an answer about tools for which so many bytes are charged.
pub(super) async fn written<T: Serialize + Send + 'static>(
    answer: T,
    bytes: u64,
) -> Result<Vec<u8>, ToolError> {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    aside(bytes, move || {
        serde_json::to_vec(&answer).map_err(unwritten)
    })
    .await
}

/// Why an answer is not handed over.
pub(super) fn unwritten(error: serde_json::Error) -> ToolError {
    ToolError::new(
        ToolErrorKind::InvalidAnswer,
        format!("the answer cannot be written as JSON: {error}"),
    )
}

impl Ended {
    /// The end of a task that handed its answer over itself.
    pub(super) fn nothing(id: u64) -> Self {
        Self::plain(id, Vec::new(), Duration::ZERO)
    }

    /// The end of an operation that has an answer and no record.
    pub(super) fn plain(id: u64, payload: Vec<u8>, elapsed: Duration) -> Self {
        Self {
            id,
            form: Form::Answer,
            payload,
            notes: Vec::new(),
            error: None,
            answer_bytes: 0,
            elapsed,
            charge: None,
            _held: Held::default(),
        }
    }

    /// The same with what is charged for the operation.
    pub(super) fn holding(self, held: Held) -> Self {
        Self {
            _held: held,
            ..self
        }
    }

    pub(super) fn new(
        id: u64,
        result: Result<Done, ToolError>,
        elapsed: Duration,
        ledger: &Ledger,
    ) -> Self {
        let charged = result.and_then(|mut done| {
            let bytes = length(done.payload.len());
            let charge = match done.charge.take() {
                Some(mut charge) => charge.resize(bytes).map(|()| charge),
                None => ledger.charge(bytes),
            };
            let charge = charge.map_err(|error| too_much("answers that wait to be read", error))?;
            Ok((done, charge))
        });
        match charged {
            Ok((done, charge)) => Self {
                form: done.form,
                notes: done.notes,
                answer_bytes: done.bytes,
                charge: Some(charge),
                ..Self::plain(id, done.payload, elapsed)
            },
            Err(error) => Self::failed(id, &error, elapsed, ledger),
        }
    }

    pub(super) fn failed(id: u64, error: &ToolError, elapsed: Duration, ledger: &Ledger) -> Self {
        let mut payload = serde_json::to_vec(error).unwrap_or_default();
        let charge = ledger.charge(length(payload.len())).ok();
        if charge.is_none() {
            let short = ToolError::new(error.kind, "the call failed; the message was too large");
            payload = serde_json::to_vec(&short).unwrap_or_default();
        }
        Self {
            form: Form::Failed,
            error: Some(error.kind),
            charge,
            ..Self::plain(id, marked(payload), elapsed)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_goes_only_to_a_guest_that_takes_it() {
        let answer = ToolAnswer {
            content: Some(json!([{"type": "text", "text": "x"}])),
            ..ToolAnswer::new(json!({"a": 1}), 7)
        };
        let plain = Done::answered(answer.clone(), false).unwrap();
        assert_eq!(
            (plain.form.byte(), plain.payload),
            (1, br#"{"a":1}"#.to_vec())
        );
        let both = Done::answered(answer, true).unwrap();
        let payload = br#"{"value":{"a":1},"content":[{"type":"text","text":"x"}]}"#;
        assert_eq!((both.form.byte(), both.payload), (2, payload.to_vec()));
        let alone = Done::answered(ToolAnswer::new(json!(1), 7), true).unwrap();
        assert_eq!((alone.form.byte(), alone.payload), (1, b"1".to_vec()));
    }
}
