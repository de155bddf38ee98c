//! Ids of JSON-RPC messages, whole or too long to be read whole.

/// Ids are numbers; some servers send them back as strings, some languages as `7.0`.
pub(super) fn number(id: &str) -> Option<i64> {
    let id = id.trim_matches('"');
    id.strip_suffix(".0").unwrap_or(id).parse().ok()
}

/// The message's id, if it stands before the result in the start of a line.
pub(super) fn at_start(head: &[u8]) -> Option<i64> {
    let head = String::from_utf8_lossy(head);
    let inside = head.trim_start().strip_prefix('{')?;
    let (before, after) = inside.split_once("\"id\"")?;
    // Only plain members may come before it: `"jsonrpc":"2.0",`.
    if before.contains(['{', '[', '\\']) || before.contains("\"result\"") {
        return None;
    }
    let value = after.trim_start().strip_prefix(':')?.trim_start();
    let end = value.find([',', '}'])?;
    number(value.get(..end)?.trim())
}

/// The id, if the line is nothing but that member of a message.
pub(super) fn in_line(line: &[u8]) -> Option<i64> {
    let value = line.strip_prefix(b"\"id\"")?.trim_ascii_start();
    let value = value.strip_prefix(b":")?.trim_ascii();
    let value = value.strip_suffix(b",").unwrap_or(value).trim_ascii_end();
    number(std::str::from_utf8(value).ok()?)
}

/// The message's id, if it is the last member of a line, `jsonrpc` aside.
pub(super) fn at_end(tail: &[u8]) -> Option<i64> {
    let tail = String::from_utf8_lossy(tail);
    let inside = tail.trim_end().strip_suffix('}')?.trim_end();
    let inside = inside
        .strip_suffix("\"jsonrpc\":\"2.0\"")
        .map_or(inside, |rest| rest.trim_end().trim_end_matches(','));
    let (_, value) = inside.rsplit_once("\"id\":")?;
    number(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_where_servers_put_it_and_nowhere_else() {
        for (head, id) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":{"#, Some(7)),
            (r#" { "id" : "8" , "result""#, Some(8)),
            (r#"{"id":9}"#, Some(9)),
            (r#"{"result":{"id":7,"#, None),
            (r#"{"a":{"id":7,"#, None),
            (r#"{"a":"\"id\":7","id":8,"#, None),
            (r#"{"id":"x","#, None),
            (r#"{"id":7"#, None),
            ("", None),
        ] {
            assert_eq!(at_start(head.as_bytes()), id, "{head}");
        }
        for (tail, id) in [
            (r#"xx"}]},"jsonrpc":"2.0","id":7}"#, Some(7)),
            (r#"xx"}]},"id":"7","jsonrpc":"2.0" } "#, Some(7)),
            (r#"xx\"id\":7"}"#, None),
            (r#"{"id":7}}"#, None),
            (r#""id":7"#, None),
            ("", None),
        ] {
            assert_eq!(at_end(tail.as_bytes()), id, "{tail}");
        }
        for (line, id) in [
            (r#""id": 7,"#, Some(7)),
            (r#""id" : "7""#, Some(7)),
            (r#""id": {"#, None),
            (r#""idea": 7"#, None),
        ] {
            assert_eq!(in_line(line.as_bytes()), id, "{line}");
        }
    }
}
