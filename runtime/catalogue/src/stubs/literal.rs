//! Strangers' text inside source code: as a literal that means just that text, or as prose
//! that means nothing.

use crate::text::is_unseen;

/// Which language's rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    TypeScript,
}

/// A text as a string literal in double quotes. What a reader cannot see is escaped, so
/// that the literal means exactly the text and hides nothing of it.
pub(super) fn quoted(text: &str, language: Language) -> String {
    let mut literal = String::with_capacity(text.len().saturating_add(2));
    literal.push('"');
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\t' => literal.push_str("\\t"),
            _ if is_unseen(character) => {
                let number = u32::from(character);
                literal.push_str(&match (language, number) {
                    (_, 0..=0xffff) => format!("\\u{number:04x}"),
                    (Language::Python, _) => format!("\\U{number:08x}"),
                    (Language::TypeScript, _) => format!("\\u{{{number:x}}}"),
                });
            }
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

/// A Python docstring of cleaned prose, each line indented; nothing for no prose.
///
/// Backslashes are doubled and three quotes broken, so that it ends where it should. No
/// line of it begins in the first column, where some checkers look for settings.
pub(super) fn docstring(prose: &str, indent: &str) -> Option<String> {
    let prose = prose.trim();
    if prose.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(prose.len());
    let mut characters = prose.chars().peekable();
    let mut before = ' ';
    while let Some(character) = characters.next() {
        let next = characters.peek();
        let breaks = character == '"' && (before == '"' || next.is_none_or(|next| *next == '"'));
        if breaks || character == '\\' {
            text.push('\\');
        }
        text.push(character);
        before = character;
    }
    let mut lines = text.lines().map(str::trim_end);
    let mut written = format!("{indent}\"\"\"{}", lines.next().unwrap_or_default());
    let mut is_long = false;
    for line in lines {
        is_long = true;
        written.push('\n');
        if !line.is_empty() {
            written.push_str(indent);
            written.push_str(line);
        }
    }
    if is_long {
        written.push('\n');
        written.push_str(indent);
    }
    written.push_str("\"\"\"\n");
    Some(written)
}

/// A JSDoc comment of cleaned prose, and of tags that are ours; nothing for neither.
///
/// `*/` is broken, and an `@` that could begin a tag or a directive becomes `＠`.
pub(super) fn comment(prose: &str, tags: &[(&str, String)], indent: &str) -> Option<String> {
    let prose = prose.trim();
    if prose.is_empty() && tags.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = inert(prose).lines().map(str::to_owned).collect();
    for (tag, text) in tags {
        let text = inert(text.trim()).replace('\n', " ");
        lines.push(format!("@{tag} {text}"));
    }
    if let [line] = lines.as_slice() {
        return Some(format!("{indent}/** {} */\n", line.trim_end()));
    }
    let mut written = format!("{indent}/**\n");
    for line in lines {
        written.push_str(format!("{indent} * {line}").trim_end());
        written.push('\n');
    }
    written.push_str(&format!("{indent} */\n"));
    Some(written)
}

fn inert(prose: &str) -> String {
    let mut text = String::with_capacity(prose.len());
    let mut before = ' ';
    for character in prose.chars() {
        match character {
            '/' if before == '*' => text.push_str("\\/"),
            '@' if !before.is_ascii_alphanumeric() => text.push('＠'),
            _ => text.push(character),
        }
        before = character;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_mean_their_text_and_hide_nothing() {
        let text = "a\"b\\\n\u{202E}\u{E0041}é";
        assert_eq!(
            quoted(text, Language::Python),
            "\"a\\\"b\\\\\\n\\u202e\\U000e0041é\""
        );
        assert_eq!(
            quoted(text, Language::TypeScript),
            "\"a\\\"b\\\\\\n\\u202e\\u{e0041}é\""
        );
    }

    #[test]
    fn docstrings_end_where_they_should() {
        for (prose, written) in [
            ("", None),
            ("Reads.", Some("\"\"\"Reads.\"\"\"\n")),
            ("a\"\"\"b", Some("\"\"\"a\\\"\\\"\\\"b\"\"\"\n")),
            ("a \"b\" c", Some("\"\"\"a \"b\" c\"\"\"\n")),
            ("ends\"", Some("\"\"\"ends\\\"\"\"\"\n")),
            ("ends\\", Some("\"\"\"ends\\\\\"\"\"\n")),
            ("ends\\\"", Some("\"\"\"ends\\\\\\\"\"\"\"\n")),
            ("\"\"\"\"", Some("\"\"\"\\\"\\\"\\\"\\\"\"\"\"\n")),
            ("one\n\n  two ", Some("\"\"\"one\n\n  two\n\"\"\"\n")),
        ] {
            assert_eq!(docstring(prose, "").as_deref(), written, "{prose}");
        }
        assert_eq!(
            docstring("a\n# mypy: ignore-errors", "    ").as_deref(),
            Some("    \"\"\"a\n    # mypy: ignore-errors\n    \"\"\"\n")
        );
    }

    #[test]
    fn comments_hold_no_end_and_no_tag() {
        let tags = [("param", "x a\n*/ b".to_owned())];
        assert_eq!(
            comment("@ts-ignore\n**/ {@link} a@b.c *", &tags, "").as_deref(),
            Some("/**\n * ＠ts-ignore\n * **\\/ {＠link} a@b.c *\n * @param x a *\\/ b\n */\n")
        );
        assert_eq!(
            comment("ends *", &[], "").as_deref(),
            Some("/** ends * */\n")
        );
        assert_eq!(comment("/", &[], "").as_deref(), Some("/** / */\n"));
        assert_eq!(comment(" ", &[], ""), None);
    }
}
