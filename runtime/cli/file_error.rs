//! What is wrong with `wxmcp.toml`: where, by which key, and what it must be. Values are not repeated: one may be a secret
//! that stands in the wrong place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wxmcp_run::without_values;

/// An error of a file in words.
pub(crate) fn words(error: &toml::de::Error, text: &str) -> String {
    let table = DeTable::parse(text);
    let at = error.span().map(|span| span.start);
    let key = at.zip(table.as_ref().ok());
    let key = key.and_then(|(at, table)| key_at(table, at));
    let what = match &table {
        Ok(_) => without_values(error.message()),
        // The parser's own words are about the form alone.
        Err(error) => error.message().to_owned(),
    };
    let line = at.and_then(|at| text.get(..at));
    let line = line.map(|before| before.matches('\n').count().saturating_add(1));
    let parts = [line.map(|line| format!("line {line}")), key, Some(what)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(": ")
}

/// The key, or the value, that is smallest at a place of the file.
fn key_at(table: &Spanned<DeTable<'_>>, at: usize) -> Option<String> {
    let mut found = Vec::new();
    collect(table.get_ref(), "", &mut found);
    found
        .into_iter()
        .filter(|(span, _)| span.contains(&at))
        .min_by_key(|(span, _)| span.len())
        .map(|(_, path)| path)
}

/// All keys and values with their places.
fn collect(table: &DeTable<'_>, path: &str, found: &mut Vec<(Range<usize>, String)>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = match path {
            "" => name.to_string(),
            path => format!("{path}.{name}"),
        };
        found.push((key.span(), path.clone()));
        collect_value(value, path, found);
    }
}

fn collect_value(
    value: &Spanned<DeValue<'_>>,
    path: String,
    found: &mut Vec<(Range<usize>, String)>,
) {
    match value.get_ref() {
        DeValue::Table(table) => collect(table, &path, found),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_value(item, format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
    found.push((value.span(), path));
}

#[cfg(test)]
mod tests {
    use super::super::settings_file::File;

    fn refused(text: &str) -> String {
        let error = toml::from_str::<File>(text).unwrap_err();
        super::words(&error, text)
    }

    #[test]
    fn an_error_has_place_key_and_type_and_no_value() {
        for (text, expected) in [
            (
                "[limits]\nmemory = \"canary\"",
                "line 2: limits.memory: expected a size such as `64MiB`, found a string",
            ),
            (
                "[limits]\nfuel = \"canary, expected canary\"",
                "line 2: limits.fuel: expected a whole number, found a string",
            ),
            (
                "[policy]\nenv = [\"A=1\",\n 817]",
                "line 3: policy.env[1]: expected a string, found a number",
            ),
            (
                "policy = \"canary\"",
                "line 1: policy: expected a table, found a string",
            ),
            (
                "[connections.x]\nurl = { canary = 1 }",
                "line 2: connections.x.url: expected a string, found a table",
            ),
            (
                "connections.x.headers.Authorization = true",
                "line 1: connections.x.headers.Authorization: expected a string, found true or false",
            ),
            (
                "[tools]\nlearn-answers = \"canary\"",
                "line 2: tools.learn-answers: expected true or false, found a string",
            ),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
        let unknown = refused("[limits]\ntimeuot = \"canary\"");
        let words = "line 2: limits.timeuot: unknown field `timeuot`, expected one of `timeout`";
        assert!(unknown.starts_with(words), "{unknown}");
        let missing = refused("[connections.x]\n");
        assert!(
            missing.contains("connections.x: missing field `url`"),
            "{missing}"
        );
    }

    /// Whatever character is missing or too much.
    #[test]
    fn broken_files_show_no_value() {
        let whole = "[connections.x]\nurl = \"canary\"\nheaders = { a = 'canary', b = \"\\u0041canary\" }\n\
                     [policy]\nenv = [\"canary\"]\n[limits]\nfuel = 10_0\ntimeout = '''canary'''\n";
        assert!(toml::from_str::<File>(whole).is_ok());
        let mut broken = 0;
        for at in 0..whole.len() {
            for with in [
                "", "\"", "'", "=", "]", "{", "\n", "\\", "\u{1}", "canary", "\"\"\"",
            ] {
                let text = format!("{}{with}{}", &whole[..at], &whole[at + 1..]);
                let Err(error) = toml::from_str::<File>(&text) else {
                    continue;
                };
                broken += 1;
                let words = super::words(&error, &text);
                // Where it became a key, it is one.
                let of_keys =
                    words.contains("unknown field `") || words.contains("missing field `");
                assert!(of_keys || !words.contains("canary"), "{text}: {words}");
            }
        }
        assert!(broken > 500, "{broken}");
    }
}
