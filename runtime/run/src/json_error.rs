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
}
