//! What a server of PostgreSQL says.

use serde_json::value::RawValue;
use wxmcp_capabilities::fuzzing::{answer, value};

use super::now;
use crate::cost::{Bound, Line, within};

const BOUND: Bound = Bound {
    steps: Line(20_000, 400),
    allocations: Line(2_000, 40),
    peak: Line(256 << 10, 1_000),
};

/// All that a server says, after a byte that picks whether rows are wanted.
pub(crate) fn answers(input: &[u8]) {
    let Some((first, said)) = input.split_first() else {
        return;
    };
    let answered = within(BOUND, "postgres", said.len(), || {
        now(answer(said.to_vec(), first % 2 == 0))
    });
    json(answered);
}

const VALUE: Bound = Bound {
    steps: Line(5_000, 200),
    allocations: Line(100, 8),
    peak: Line(16 << 10, 200),
};

/// Numbers of the built-in types.
const OIDS: [u32; 24] = [
    16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1186,
    1266, 1700, 2950, 3802, 1,
];

/// One value as text, after a byte that picks its type and whether it is an array.
pub(crate) fn values(input: &[u8]) {
    let Some((first, text)) = input.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let (is_array, of) = (first % 2 == 1, usize::from(first / 2));
    let oid = OIDS.get(of % OIDS.len()).copied().unwrap_or_default();
    let answered = within(VALUE, "value", text.len(), || {
        value(&text, oid, is_array.then_some(b','))
    });
    json(answered);
}

fn json(answered: Result<Vec<u8>, String>) {
    if let Ok(answer) = answered {
        let read: Result<&RawValue, _> = serde_json::from_slice(&answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(read.is_ok(), "no JSON: {text}");
    }
}
