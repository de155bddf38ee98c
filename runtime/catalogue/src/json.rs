//! JSON from strangers, bounded before it is kept.

use crate::unreadable_number;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wxmcp_run::without_lone_surrogates;

/// Values that one JSON text may hold. Each takes some 104 bytes in memory, so a
/// text of 32 MiB could otherwise become three gigabytes.
pub const MAX_VALUES: usize = 1_000_000;

/// Why a text was not taken.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It holds more than [`MAX_VALUES`] values.
    #[error("it holds more than {MAX_VALUES} values")]
    TooMany,
    /// It holds a number that no reader holds.
    #[error("{0}")]
    Number(String),
    /// It is not JSON, or is nested too deeply (128 levels).
    #[error("it is not readable JSON: {0}")]
    Nonsense(#[from] serde_json::Error),
}

/// Parses a text of bounded length into a tree of bounded size.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    if holds_too_many(text.as_bytes()) {
        return Err(JsonError::TooMany);
    }
    readable(text)
}

/// Parses a text that was bounded where it came from.
pub fn readable(text: &str) -> Result<Value, JsonError> {
    let value = read(text.as_bytes())?;
    match unreadable_number(&value) {
        Some(why) => Err(JsonError::Number(why)),
        None => Ok(value),
    }
}

/// Reads a text of bounded length and known shape. Half a surrogate becomes U+FFFD: many
/// servers cut texts between two halves.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(text).or_else(|error| read_mended(text, error))
}

fn read_mended<T: DeserializeOwned>(
    text: &[u8],
    error: serde_json::Error,
) -> Result<T, serde_json::Error> {
    match without_lone_surrogates(text) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    }
}

/// Counts what separates values outside of strings; an upper bound but for one.
pub fn holds_too_many(text: &[u8]) -> bool {
    if text.len() <= MAX_VALUES {
        return false;
    }
    let mut in_string = false;
    let mut escaped = false;
    let mut separators: usize = 0;
    for byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => in_string = true,
                b',' | b'[' | b'{' | b':' => separators = separators.saturating_add(1),
                _ => {}
            }
        }
    }
    separators > MAX_VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_are_refused_and_long_strings_are_not() {
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert!(matches!(parse(&many), Err(JsonError::TooMany)));
        let text = Value::from("a,[\"{:\\".repeat(MAX_VALUES)).to_string();
        assert!(parse(&text).is_ok());
    }

    #[test]
    fn half_a_surrogate_is_replaced_wherever_it_stands() {
        let value = parse(r#"{"k\udc00": ["\ud83d", "\ud83d\ude00", "\\ud83d"]}"#).unwrap();
        let expected = serde_json::json!({"k\u{fffd}": ["\u{fffd}", "\u{1f600}", "\\ud83d"]});
        assert_eq!(value, expected);
        assert!(parse(r#"{"k": "\ud83d" "#).is_err());
    }

    #[test]
    fn deep_and_broken_texts_are_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(parse(&deep), Err(JsonError::Nonsense(_))));
        assert!(matches!(parse("{'a': 1}"), Err(JsonError::Nonsense(_))));
        assert!(matches!(parse("[1, 1e400]"), Err(JsonError::Number(_))));
    }
}
