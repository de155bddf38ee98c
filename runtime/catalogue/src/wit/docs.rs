//! Prose of schemas and tools as it may stand in WIT: behind `///`, where it cannot end, and
//! without [`MARK`], by which a reader of the text tells what a name stands for.

use serde_json::{Map, Value};

use crate::text::{MAX_DESCRIPTION_BYTES, clean, is_unseen};

/// Begins each remark of ours on how WIT and JSON correspond. No prose has it.
pub(super) const MARK: &str = "JSON:";

/// What is said of one field or type, in bytes.
const MAX_FIELD_PROSE: usize = 1_000;

/// Longest value that is repeated from a schema, in bytes.
const MAX_SHOWN_BYTES: usize = 100;

/// Words of schemas that no type says, and what they are called.
const SAID: [(&str, &str); 14] = [
    ("format", "Format"),
    ("pattern", "Pattern"),
    ("minimum", "At least"),
    ("exclusiveMinimum", "More than"),
    ("maximum", "At most"),
    ("exclusiveMaximum", "Less than"),
    ("multipleOf", "A multiple of"),
    ("minLength", "Shortest"),
    ("maxLength", "Longest"),
    ("minItems", "Fewest items"),
    ("maxItems", "Most items"),
    ("minProperties", "Fewest members"),
    ("maxProperties", "Most members"),
    ("default", "Default"),
];

/// The description of a tool, in lines.
pub(super) fn description(text: &str) -> String {
    let inert = inert(text, MAX_DESCRIPTION_BYTES);
    let mut lines: Vec<&str> = Vec::new();
    for line in inert.lines().map(str::trim_end) {
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// What a schema says of itself, on one line, with what its type does not say.
pub(super) fn of_schema(schema: &Map<String, Value>) -> String {
    let said = ["description", "title"]
        .iter()
        .find_map(|word| schema.get(*word).and_then(Value::as_str))
        .unwrap_or_default();
    let mut prose = one_line(&inert(said, MAX_FIELD_PROSE));
    for (word, called) in SAID {
        let Some(value) = schema.get(word).filter(|value| !value.is_null()) else {
            continue;
        };
        if !prose.is_empty() {
            if !prose.ends_with(['.', '!', '?']) {
                prose.push('.');
            }
            prose.push(' ');
        }
        let shown = one_line(&inert(&value.to_string(), MAX_SHOWN_BYTES));
        prose.push_str(&format!("{called}: `{shown}`."));
    }
    prose
}

/// A name or a constant as JSON, on one line, with nothing that cannot be seen.
pub(super) fn spelled(value: &Value) -> String {
    let mut spelled = String::new();
    for character in value.to_string().chars() {
        if is_forbidden(character) || character != ' ' && character.is_whitespace() {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                spelled.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            spelled.push(character);
        }
    }
    spelled
}

fn inert(text: &str, limit: usize) -> String {
    let seen: String = clean(text, limit)
        .chars()
        .filter(|it| *it == '\n' || *it == '\t' || !is_forbidden(*it))
        .collect();
    seen.replace(MARK, "JSON :")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that nobody sees, and those that parsers of WIT refuse: Unicode calls their
/// use deprecated.
fn is_forbidden(character: char) -> bool {
    is_unseen(character)
        || matches!(
            character,
            '\u{149}' | '\u{673}' | '\u{f77}' | '\u{f79}' | '\u{17a3}' | '\u{17a4}'
        )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prose_stays_prose() {
        assert_eq!(
            description("Reads.\r\n\n\n\nJSON: \"x\"\u{149}\u{202E}\n*/ }\n\n"),
            "Reads.\n\nJSON : \"x\"\n*/ }"
        );
        let schema = json!({"description": "How\nmany", "minimum": 1, "default": "JSON:\n"});
        assert_eq!(
            of_schema(schema.as_object().unwrap()),
            "How many. At least: `1`. Default: `\"JSON :\\n\"`."
        );
        // A mark that only comes about by what is removed.
        assert_eq!(description("JS\u{149}ON: x"), "JSON : x");
    }

    #[test]
    fn names_are_spelled_so_that_they_can_be_read_back() {
        for name in [
            "",
            "a\"b\\",
            "日本",
            "x\u{202E}\u{E0041}\u{149}\n\u{2028}",
            "\u{1F600}",
        ] {
            let spelled = spelled(&Value::from(name));
            assert!(!spelled.chars().any(is_forbidden), "{spelled}");
            assert_eq!(serde_json::from_str::<String>(&spelled).unwrap(), name);
        }
    }
}
