//! What a guest sends, by `guest.wit`; and what JSON is said to weigh.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use wxmcp_run::{
    BoxFuture, Ledger, Limits, Silent, ToolAnswer, ToolCall, ToolError, ToolErrorKind, ToolHost,
    parsed_size, size_of,
};
use wxmcp_sandbox::fuzzing::Guest;

use super::now;
use crate::cost::{self, Bound, Line, within};

const BOUND: Bound = Bound {
    steps: Line(50_000, 1_500),
    allocations: Line(2_000, 40),
    peak: Line(64 << 10, 2_000),
};

/// Lines: `s1 {..}` submits operation 1, `c1 {..}` calls it, `w` waits, `x5` cancels 5, `e3 {..}` emits kind 3.
pub(crate) fn messages(input: &[u8]) {
    let ledger = Ledger::of_process(64 << 20);
    let returned = within(BOUND, "guest", input.len(), || now(session(input, &ledger)));
    assert_eq!(ledger.held(), 0, "a run that is over is charged for");
    if let Some(value) = returned {
        let read: Result<Value, _> = serde_json::from_str(&value);
        // Deeper than its readers take, or of a number that none has.
        let is_odd = read.is_ok() || value.contains(['[', '{']) || value.contains(['e', 'E']);
        assert!(is_odd, "no JSON: {value}");
    }
}

async fn session(input: &[u8], process: &Ledger) -> Option<String> {
    let limits = Limits {
        tool_calls: 1_000,
        ..Limits::default()
    };
    let ledger = process.for_run(32 << 20);
    let observer: Arc<dyn wxmcp_run::Observer> = Arc::new(Silent);
    let mut guest = Guest::new(Arc::new(Echo), &observer, &limits, ledger);
    let (mut submitted, mut ended) = (BTreeSet::new(), BTreeSet::new());
    let mut take = |submitted: &BTreeSet<u64>, packed: &[u8]| {
        for id in ids(packed) {
            assert!(submitted.contains(&id), "{id} was not submitted");
            assert!(ended.insert(id), "{id} ended twice");
        }
    };
    for line in input.split(|byte| *byte == b'\n') {
        let digit = |at: usize| line.get(at).map_or(0, |digit| digit.wrapping_sub(b'0'));
        let payload = line.get(3..).unwrap_or_default();
        match line.first() {
            Some(b's') => match guest.submit(digit(1), payload).await {
                Some(id) => assert!(submitted.insert(id), "{id} is given twice"),
                None => break,
            },
            Some(b'c') => match guest.call(digit(1), payload).await {
                Some(answer) => assert!(matches!(answer.first(), Some(0..=2)), "{answer:?}"),
                None => break,
            },
            Some(b'w') => take(&submitted, &guest.wait().await),
            Some(b'x') => guest.cancel(digit(1).into()),
            Some(b'e') if guest.emit(digit(1), payload) => break,
            _ => {}
        }
    }
    take(&submitted, &guest.wait().await);
    let returned = guest.finish();
    // Operations that were cancelled are given back by the event loop.
    tokio::task::yield_now().await;
    returned
}

/// The ids of completions, and that they are packed as they must be.
fn ids(mut packed: &[u8]) -> Vec<u64> {
    let mut ids = Vec::new();
    while let Some((id, rest)) = packed.split_first_chunk::<8>() {
        let length = rest.get(1..5).and_then(|it| it.try_into().ok());
        let length = usize::try_from(u32::from_le_bytes(length.unwrap_or_default()));
        let end = length.unwrap_or(usize::MAX).saturating_add(5);
        assert!(matches!(rest.first(), Some(0..=2)), "{rest:?}");
        ids.push(u64::from_le_bytes(*id));
        assert!(end <= rest.len(), "a completion is cut off");
        packed = rest.get(end..).unwrap_or_default();
    }
    assert!(packed.is_empty(), "{packed:?}");
    ids
}

/// Answers what it is asked, or an error, as the name of the tool says.
struct Echo;

impl ToolHost for Echo {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            let arguments = Value::Object(call.arguments);
            match call.name.as_str() {
                "a.never" => std::future::pending().await,
                "a.later" => {
                    tokio::task::yield_now().await;
                    Ok(ToolAnswer::new(arguments, 10))
                }
                "a.fails" => Err(ToolError::new(ToolErrorKind::ToolFailed, "no")),
                _ => Ok(ToolAnswer::new(arguments, 10)),
            }
        })
    }
}

/// Any JSON. What it takes in memory is no more than it is said to, by its text and by itself.
pub(crate) fn weight(input: &[u8]) {
    let said = parsed_size(input);
    let (read, taken, live) = cost::taken(|| serde_json::from_slice::<Value>(input));
    // An error, and what a parser needs for texts with escapes.
    let room = 1_024;
    // The list that grows is there twice for a moment.
    assert!(
        taken <= said.saturating_mul(2).saturating_add(room),
        "{taken} bytes while it is read, and it is said to take {said}"
    );
    if let Ok(value) = &read {
        for said in [said, size_of(value)] {
            assert!(
                live <= said.saturating_add(room),
                "{live} bytes are held, and it is said to take {said}"
            );
        }
    }
}
