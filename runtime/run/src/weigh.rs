//! What JSON takes on the host's heap once it is read.

use serde_json::Value;

/// Bytes of one value in a list or an object, its own text apart: a [`Value`] of 32 bytes, in a list that has room for
/// as many again, and the allocation of a number's digits or of a key.
const NODE: u64 = 104;

/// Separators of a text from which on those inside of strings are not counted.
const MANY: usize = 10_000;

/// An upper bound, in bytes, of what JSON takes when it is read: its own bytes, and a node for each value that its
/// separators announce.
pub fn parsed_size(json: &[u8]) -> u64 {
    let separators = json.iter().filter(|byte| is_separator(**byte)).count();
    let separators = if separators > MANY {
        outside_of_strings(json)
    } else {
        separators
    };
    count(json.len()).saturating_add(count(separators).saturating_mul(NODE))
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b'[' | b'{' | b':')
}

/// Separators that are no part of a string: a long text with commas is no long list.
fn outside_of_strings(json: &[u8]) -> usize {
    let (mut is_in_string, mut is_escaped) = (false, false);
    let mut separators: usize = 0;
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_in_string,
            b'"' => is_in_string = !is_in_string,
            other if !is_in_string && is_separator(*other) => {
                separators = separators.saturating_add(1);
            }
            _ => {}
        }
    }
    separators
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
            // Of text, the value itself is on the stack; brackets and colons count as values.
            assert!(of_value <= of_text + NODE, "{text}");
            assert!(of_text <= 2 * of_value + count(text.len()), "{text}");
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

    #[test]
    fn separators_inside_of_a_long_text_weigh_nothing() {
        let text = Value::from("a,[\"{:\\".repeat(MANY)).to_string();
        assert_eq!(parsed_size(text.as_bytes()), count(text.len()));
        let list = format!("[{text}{}]", ",0".repeat(MANY));
        let nodes = count(MANY + 1) * NODE;
        assert_eq!(parsed_size(list.as_bytes()), count(list.len()) + nodes);
    }
}
