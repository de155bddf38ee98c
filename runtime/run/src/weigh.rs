//! What JSON takes on the host's heap once it is read.

use serde_json::Value;

/// Bytes of a [`Value`], wherever it is.
const VALUE: u64 = 72;

/// Bytes of a list with something in it: room for four values.
const LIST: u64 = 296;

/// Bytes of an object with a member, of which [`MEMBER`] are the member's.
const OBJECT: u64 = 272;

/// Bytes of what follows a comma: a value in a list that has room for as many again, and the allocation of a number's digits.
const NEXT: u64 = 152;

/// Bytes of a member besides: a name, a digest, and its place in the table.
const MEMBER: u64 = 64;

/// Separators of a text from which on those inside of strings are not counted.
const MANY: usize = 10_000;

/// An upper bound, in bytes, of what JSON takes once it is read: its own bytes, and what the values take that its separators announce.
/// While it is read, the list that grows may be there twice.
pub fn parsed_size(json: &[u8]) -> u64 {
    let separators = json.iter().filter(|byte| is_separator(**byte)).count();
    count(json.len()).saturating_add(announced(json, separators > MANY))
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b'[' | b'{' | b':')
}

/// What separators announce; of all, or of those that are no part of a string: a long text with commas is no long list.
fn announced(json: &[u8], knows_strings: bool) -> u64 {
    let (mut is_in_string, mut is_escaped) = (false, false);
    let mut bytes: u64 = 0;
    for (at, byte) in json.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if knows_strings => is_escaped = is_in_string,
            b'"' if knows_strings => is_in_string = !is_in_string,
            separator if !is_in_string => {
                let next = json.get(at.saturating_add(1));
                bytes = bytes.saturating_add(match (separator, next) {
                    (b'[', Some(b']')) | (b'{', Some(b'}')) => 0,
                    (b'[', _) => LIST,
                    (b'{', _) => OBJECT,
                    (b',', _) => NEXT,
                    (b':', _) => MEMBER,
                    _ => 0,
                });
            }
            _ => {}
        }
    }
    bytes
}

/// The same of a value that was read; no copy is made.
pub fn size_of(value: &Value) -> u64 {
    inside(value).saturating_add(VALUE)
}

/// What a value has allocated.
fn inside(value: &Value) -> u64 {
    /// Fewest bytes that the digits of a number are given.
    const DIGITS: u64 = 8;
    match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => count(number.as_str().len()).saturating_add(DIGITS),
        Value::String(text) => count(text.len()),
        Value::Array(items) => items.iter().map(inside).fold(
            count(items.capacity()).saturating_mul(VALUE),
            u64::saturating_add,
        ),
        Value::Object(members) => {
            let each = NEXT.saturating_add(MEMBER);
            let first = OBJECT.saturating_sub(NEXT);
            let own = count(members.len()).saturating_mul(each);
            let own = own.saturating_add(if members.is_empty() { 0 } else { first });
            members
                .iter()
                .map(|(key, value)| count(key.len()).saturating_add(inside(value)))
                .fold(own, u64::saturating_add)
        }
    }
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
            // Of text, the value itself is on the stack.
            assert!(of_value <= of_text + VALUE + 8, "{text}");
            assert!(of_text <= 2 * of_value + count(text.len()), "{text}");
        }
    }

    /// The fuzzer's target `weight` counts what the allocator is asked for.
    #[test]
    fn text_weighs_what_its_lists_and_objects_take() {
        assert!(std::mem::size_of::<Value>() <= usize::try_from(VALUE).unwrap());
        for (text, taken) in [
            // Measured: numbers in a list; lists in lists; objects of one member.
            (format!("[{}0]", "0,".repeat(1024)), 2048 * 72 + 1025 * 8),
            (
                format!("{}{}", "[".repeat(100), "]".repeat(100)),
                99 * 4 * 72,
            ),
            (
                format!("[{}0]", "[0],".repeat(999)),
                1024 * 72 + 999 * (4 * 72 + 8),
            ),
            (
                format!("[{}0]", "{\"\":0},".repeat(999)),
                1024 * 72 + 999 * 328,
            ),
        ] {
            let weight = parsed_size(text.as_bytes());
            assert!(weight >= taken, "{weight}: {text}");
            assert!(weight <= 2 * taken + count(text.len()), "{weight}: {text}");
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(size_of(&value) + 1_024 >= taken, "{text}");
        }
    }

    #[test]
    fn separators_inside_of_a_long_text_weigh_nothing() {
        let text = Value::from("a,[\"{:\\".repeat(MANY)).to_string();
        assert_eq!(parsed_size(text.as_bytes()), count(text.len()));
        let list = format!("[{text}{}]", ",0".repeat(MANY));
        let nodes = LIST + count(MANY) * NEXT;
        assert_eq!(parsed_size(list.as_bytes()), count(list.len()) + nodes);
    }
}
