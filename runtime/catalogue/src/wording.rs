//! Words from strangers inside our own sentences.

use crate::clean;

/// Longest text that is repeated inside a sentence, in bytes.
const MAX_REPEATED_BYTES: usize = 300;

/// A stranger's text, cleaned, cut, on one line.
pub fn bounded(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().take(200).collect();
    clean(&line.join(" "), MAX_REPEATED_BYTES)
}

/// The same between backticks, which it cannot close.
pub fn quoted(text: &str) -> String {
    format!("`{}`", bounded(text).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_stay_between_their_quotes() {
        assert_eq!(quoted("a `b`\n\u{1b}[31m c"), "`a 'b' [31m c`");
        assert!(quoted(&"x".repeat(1 << 20)).len() <= MAX_REPEATED_BYTES + 2);
        assert!(quoted(&"x ".repeat(1 << 20)).len() <= MAX_REPEATED_BYTES + 2);
    }
}
