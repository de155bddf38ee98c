//! Half a surrogate in JSON: writers of other languages escape it, and serde_json refuses it.

/// Length of an escape such as `\ud83d`, in bytes.
const ESCAPE: usize = 6;

/// The text with each escaped surrogate that has no other half replaced by U+FFFD, escaped;
/// `None` if it has none. The length stays the same. Linear in the length; a text that is not
/// JSON stays as unreadable as it was.
pub fn without_lone_surrogates(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = json
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
    {
        at = at.saturating_add(found);
        let after = at.saturating_add(ESCAPE);
        at = match (half(json, at), half(json, after)) {
            // `\\` and `\"` are one escape: what follows begins anew.
            (None, _) => at.saturating_add(2),
            (Some(Half::First), Some(Half::Second)) => after.saturating_add(ESCAPE),
            (Some(_), _) => {
                let text = mended.get_or_insert_with(|| json.to_vec());
                if let Some(escape) = text.get_mut(at..after) {
                    escape.copy_from_slice(b"\\ufffd");
                }
                after
            }
        };
    }
    mended
}

/// Which half of a pair an escape is.
enum Half {
    First,
    Second,
}

fn half(json: &[u8], at: usize) -> Option<Half> {
    let escape = json.get(at..at.saturating_add(ESCAPE))?;
    let digits = escape.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..0xdc00 => Some(Half::First),
        0xdc00..0xe000 => Some(Half::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn mended(json: &str) -> String {
        let bytes = without_lone_surrogates(json.as_bytes());
        bytes.map_or_else(
            || json.to_owned(),
            |bytes| String::from_utf8(bytes).unwrap(),
        )
    }

    #[test]
    fn only_half_a_pair_is_replaced() {
        for (json, text) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""a\uD83D b""#, "a\u{fffd} b"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00\ude00""#, "\u{fffd}\u{1f600}\u{fffd}"),
            (r#""\ud83d\n\ude00""#, "\u{fffd}\n\u{fffd}"),
            (r#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
        ] {
            let value: Value = serde_json::from_str(&mended(json)).unwrap();
            assert_eq!(value, text, "{json}");
        }
    }

    #[test]
    fn everything_else_stays() {
        for json in [
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""\\\\ud83d \u00e9 \ue000 \ud7ff""#,
            r#""\ud83"#,
            r#""\u+d83""#,
            "\\",
            "",
        ] {
            assert!(without_lone_surrogates(json.as_bytes()).is_none(), "{json}");
        }
    }

    #[test]
    fn many_of_them_take_linear_time() {
        let json = "\\ud83d".repeat(1 << 18);
        assert_eq!(mended(&json), "\\ufffd".repeat(1 << 18));
    }
}
