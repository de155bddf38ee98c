//! What JSON takes on the host's heap once it is read.

use serde_json::Value;

/// Bytes of one value in a list or an object, its own text apart: a [`Value`] of 32 bytes, in a list that has room for
/// as many again, and the allocation of a number's digits or of a key.
const NODE: u64 = 104;

/// An upper bound, in bytes, of what JSON takes when it is read: its own bytes, and a node for each value that its
/// separators announce.
pub fn parsed_size(json: &[u8]) -> u64 {
    let is_separator = |byte: &&u8| matches!(byte, b',' | b'[' | b'{' | b':');
    let separators = json.iter().filter(is_separator).count();
    count(json.len()).saturating_add(count(separators).saturating_mul(NODE))
}

/// The same of a value that was read; no copy is made.
pub fn size_of(value: &Value) -> u64 {
    let inside = match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => count(number.as_str().len()),
        Value::String(text) => count(text.len()),
        Value::Array(items) => items.iter().map(size_of).fold(0, u64::saturating_add),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| count(key.len()).saturating_add(size_of(value)))
            .fold(0, u64::saturating_add),
    };
    inside.saturating_add(NODE)
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_weigh_agree() {
        for text in [
            "[0,1.5,\"abc\",null]",
            "{\"a\":[{\"b\":true}],\"c\":{}}",
            "7",
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            let (of_text, of_value) = (parsed_size(text.as_bytes()), size_of(&value));
            // Of text, the value itself is on the stack; its separators and quotes are bytes.
            assert!(
                of_text.abs_diff(of_value) <= 2 * NODE + count(text.len()),
                "{text}"
            );
        }
    }

    #[test]
    fn two_bytes_of_text_weigh_a_node() {
        let text = format!("[{}0]", "0,".repeat(999));
        assert_eq!(
            parsed_size(text.as_bytes()),
            count(text.len()) + 1000 * NODE
        );
    }
}
