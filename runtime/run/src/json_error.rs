//! Words for errors of JSON.

/// What is wrong with a JSON text, without the line and column that serde_json puts behind it.
pub fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(reason) => reason.to_owned(),
        None => text,
    }
}

/// What a message of serde says of a value that does not fit, without the value, which it repeats: that may be a secret
/// in the wrong place. Names of keys stay.
pub fn without_values(message: &str) -> String {
    const OF_KEYS: [&str; 3] = ["unknown field `", "missing field `", "duplicate field `"];
    if OF_KEYS.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    let rest = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| message.strip_prefix(start));
    match rest.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            format!(
                "expected {}, found {}",
                expected_of(expected),
                kind_of(found)
            )
        }
        None => "its value cannot be used here".to_owned(),
    }
}

/// What types of ours call themselves.
fn expected_of(expected: &str) -> &str {
    match expected {
        expected if expected.starts_with("struct ") => "a table",
        "a map" => "a table",
        "a sequence" => "an array",
        "a boolean" => "true or false",
        "u64" | "u32" => "a whole number",
        "path string" => "a path",
        "parsable string" | "an integer or string" => "a size such as `64MiB`",
        expected => expected,
    }
}

fn kind_of(found: &str) -> &'static str {
    match found.split([' ', '`']).next() {
        Some("string") => "a string",
        Some("integer") => "a number",
        Some("floating") => "a number with a fraction",
        Some("boolean") => "true or false",
        Some("map") => "a table",
        Some("sequence") => "an array",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_position_behind_the_reason_goes() {
        let syntax = serde_json::from_str::<u8>("[1,\n x").unwrap_err();
        assert!(syntax.line() > 0);
        let reason = without_position(&syntax);
        assert!(!reason.contains(" at line ") && syntax.to_string().starts_with(&reason));
        let words: serde_json::Error = serde::de::Error::custom("look at line three");
        assert_eq!(without_position(&words), "look at line three");
    }

    #[test]
    fn keys_and_types_are_named_and_values_are_not() {
        let words = |text: &str| {
            let error = serde_json::from_str::<Vec<u8>>(text).unwrap_err();
            without_values(&without_position(&error))
        };
        assert_eq!(words("[\"canary\"]"), "expected u8, found a string");
        assert_eq!(words("{\"canary\": 1}"), "expected an array, found a table");
        assert_eq!(without_values("canary"), "its value cannot be used here");
        let key = "unknown field `x`, expected `y`";
        assert_eq!(without_values(key), key);
    }
}
