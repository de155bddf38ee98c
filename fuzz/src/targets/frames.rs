//! What servers write: lines, messages, and ids of what cannot be read.

use std::collections::BTreeSet;

use serde_json::Value;
use wxmcp_upstream::fuzzing::{damaged, transcript};

use super::now;
use crate::cost::{Bound, Line, within};

const BOUND: Bound = Bound {
    steps: Line(50_000, 600),
    allocations: Line(3_000, 30),
    // Room for lines is made in steps of 64 KiB.
    peak: Line(512 << 10, 600),
};

/// Longest line, in bytes: short, so that inputs have some that are too long.
const LIMIT: usize = 2_000;

/// The first byte says how the output is cut, and whether the handshake is under way.
pub(crate) fn frames(input: &[u8]) {
    let Some((first, output)) = input.split_first() else {
        return;
    };
    let is_shaking_hands = first % 2 == 1;
    let chunk = usize::from(first / 2).saturating_mul(7).saturating_add(1);
    let whole = within(BOUND, "frames", output.len(), || {
        now(transcript(output, usize::MAX, LIMIT, is_shaking_hands))
    });
    let cut = now(transcript(output, chunk, LIMIT, is_shaking_hands));
    // The start of a line that is too long is longer where more of it is there at once.
    if output
        .split(|byte| *byte == b'\n')
        .all(|it| it.len() <= LIMIT)
    {
        assert_eq!(whole.to_string(), cut.to_string(), "cut at {chunk}");
    }
    let mut answered = BTreeSet::new();
    for id in whole.answered() {
        assert!(answered.insert(id), "{id} is answered twice");
        assert!((0..=3).contains(&id), "{id} was never asked");
    }
    for (id, value) in whole.results() {
        let text = String::from_utf8_lossy(output);
        let is_plain = !text.contains(['\u{fffd}', '\\']) && !text.contains("NaN");
        let is_plain = is_plain && !text.contains("Infinity");
        let sent = || text.lines().any(|line| holds(line, value));
        assert!(!is_plain || sent(), "{id}: nobody sent {value}");
    }
}

/// Whether a line holds a message with this result, all of it or behind something else.
fn holds(line: &str, value: &Value) -> bool {
    line.match_indices('{').any(|(at, _)| {
        let rest = line.get(at..).unwrap_or_default();
        let message = serde_json::Deserializer::from_str(rest)
            .into_iter::<Value>()
            .next();
        matches!(message, Some(Ok(message)) if message.get("result") == Some(value))
    })
}

const IDS: Bound = Bound {
    steps: Line(1_000, 40),
    allocations: Line(20, 1),
    peak: Line(4 << 10, 16),
};

/// A line. The ids of one that is JSON are those that a parser finds.
pub(crate) fn ids(input: &[u8]) {
    let (id, is_answer) = within(IDS, "ids", input.len(), || damaged(input));
    let Ok(Value::Object(message)) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    // Of members that are there twice, and names in other spellings, a parser keeps others.
    let text = String::from_utf8_lossy(input);
    let once = ["id", "method", "result", "error"]
        .iter()
        .all(|name| text.matches(&format!("\"{name}\"")).count() <= 1);
    if !once || text.contains('\\') {
        return;
    }
    let parsed = match message.get("id") {
        Some(Value::Number(number)) => {
            let text = number.as_str();
            text.strip_suffix(".0").unwrap_or(text).parse().ok()
        }
        Some(Value::String(text)) => {
            let text = text.trim_matches('"');
            text.strip_suffix(".0").unwrap_or(text).parse().ok()
        }
        _ => None,
    };
    assert_eq!(id, parsed, "{text}");
    let has = |name| message.contains_key(name);
    let wanted = (has("result") || has("error")) && !has("method");
    assert_eq!(is_answer, wanted, "{text}");
}
