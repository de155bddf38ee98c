//! What a line from a server is: a message, or one that cannot be read.

use serde::Deserialize;
use serde_json::value::RawValue;

use wxmcp_run::Step;

use super::ids;

/// Longest message of progress that is read, in bytes of JSON.
const MAX_PROGRESS_MESSAGE: usize = 16 * 1024;

/// The parts of a message that say what it is. Parsed without recursion.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) jsonrpc: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) method: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) params: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// What a report of progress says.
#[derive(Deserialize)]
pub(super) struct Progress<'a> {
    #[serde(rename = "progressToken", borrow)]
    token: &'a RawValue,
    #[serde(borrow, default)]
    progress: Option<&'a RawValue>,
    #[serde(borrow, default)]
    total: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

impl Progress<'_> {
    /// How far it is, as far as that can be read; `shown` makes its words safe.
    pub(super) fn step(&self, shown: impl FnOnce(&[u8]) -> String) -> Step {
        let number = |raw: Option<&RawValue>| serde_json::from_str(raw?.get()).ok();
        let message = self.message.map(RawValue::get);
        let message = message.filter(|raw| raw.len() <= MAX_PROGRESS_MESSAGE);
        let message = message.and_then(|raw| serde_json::from_str::<String>(raw).ok());
        Step {
            message: message.map(|text| shown(text.as_bytes())),
            done: number(self.progress),
            total: number(self.total),
        }
    }
}

impl<'a> Envelope<'a> {
    /// Reads a line that begins with a brace: serde takes an array for an object, too.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }

    /// Whether it is an answer, or a message of the protocol that says nothing else.
    pub(super) fn is_answer(&self) -> bool {
        let is_message = |version: &RawValue| version.get() == "\"2.0\"";
        self.result.is_some()
            || self.error.is_some()
            || self.id.is_some() && self.jsonrpc.is_some_and(is_message)
    }

    /// Whether it reports progress.
    pub(super) fn is_progress(&self) -> bool {
        self.id.is_none()
            && self
                .method
                .is_some_and(|method| method.get() == "\"notifications/progress\"")
    }

    /// Of which request it reports progress, and what it says of it.
    pub(super) fn progress(&self) -> Option<(i64, Progress<'a>)> {
        let progress: Progress<'_> = serde_json::from_str(self.params?.get()).ok()?;
        Some((ids::number(progress.token.get())?, progress))
    }
}

/// What shows in a line that is not JSON.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Damaged {
    /// The id of the message.
    pub(super) id: Option<i64>,
    /// Whether it is a request or a notification.
    pub(super) has_method: bool,
    /// Whether it has a result or an error.
    pub(super) has_outcome: bool,
    /// Whether it has what only messages of the protocol have, besides.
    pub(super) is_of_protocol: bool,
    /// The first word outside of strings that JSON does not have: `NaN`. Others than these words of programming
    /// languages may be part of a secret, and are not repeated.
    word: Option<Option<&'static str>>,
}

/// How programming languages write what JSON lacks, or spells another way.
const WORDS: [&str; 14] = [
    "NaN",
    "nan",
    "-nan",
    "Infinity",
    "-Infinity",
    "+Infinity",
    "inf",
    "-inf",
    "True",
    "False",
    "None",
    "undefined",
    "nil",
    "NULL",
];

/// Bytes at the end of a line in which its id may stand.
const TAIL_BYTES: usize = 256;

impl Damaged {
    /// Looks at a line that may break off or break JSON's rules anywhere; linear, and without
    /// recursion.
    pub(super) fn look_at(line: &[u8]) -> Self {
        let mut seen = Self::default();
        let mut depth: usize = 0;
        let mut key: &[u8] = &[];
        let mut is_in_string = false;
        for Token { first, text, after } in (Tokens { rest: line }) {
            is_in_string = first == b'"' && after.is_empty();
            match first {
                b'{' | b'[' => depth = depth.saturating_add(1),
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' if depth == 1 && after.trim_ascii_start().starts_with(b":") => {
                    key = text;
                    seen.has_method |= key == b"\"method\"";
                    seen.has_outcome |= key == b"\"result\"" || key == b"\"error\"";
                    seen.is_of_protocol |= key == b"\"jsonrpc\"";
                }
                b'"' if depth == 2 && key == b"\"result\"" => {
                    seen.is_of_protocol |=
                        text == b"\"content\"" || text == b"\"structuredContent\"";
                }
                b'"' | b'-' | b'0'..=b'9' if depth == 1 && key == b"\"id\"" => {
                    seen.id = std::str::from_utf8(text).ok().and_then(ids::number);
                    key = &[];
                }
                _ => {}
            }
            if seen.word.is_none() && !after.is_empty() && first != b'"' && is_no_json(text) {
                seen.word = Some(WORDS.into_iter().find(|word| word.as_bytes() == text));
            }
        }
        if is_in_string {
            // Quotation marks are out of step: a text holds one that is not escaped.
            let tail = line.get(line.len().saturating_sub(TAIL_BYTES)..);
            seen.id = seen.id.or_else(|| ids::at_end(tail.unwrap_or(line)));
        }
        seen
    }

    /// Whether it was meant to answer a request.
    pub(super) fn is_answer(&self) -> bool {
        self.has_outcome && !self.has_method
    }

    /// What is wrong with the line.
    pub(super) fn problem(&self, line: &[u8], error: &serde_json::Error) -> String {
        if let Err(error) = std::str::from_utf8(line) {
            let at = error.valid_up_to();
            let byte = line.get(at).copied().unwrap_or_default();
            return format!("it is not UTF-8: byte 0x{byte:02X} at position {at}");
        }
        match &self.word {
            Some(Some(word)) => format!("it holds `{word}`, which is not JSON"),
            Some(None) => "it holds a word that JSON does not have".to_owned(),
            None if error.is_eof() => "it is cut off: its JSON does not end".to_owned(),
            None => format!("it is not readable JSON: {error}"),
        }
    }
}

/// A line with what JSON lacks replaced: bytes that are not UTF-8 by U+FFFD, numbers that are none
/// by null. For lists of tools: one bad byte in them must not cost all the tools.
pub(super) fn mended(line: &[u8]) -> Vec<u8> {
    let mut mended = Vec::with_capacity(line.len());
    for Token { text, .. } in (Tokens { rest: line }) {
        match text {
            b"NaN" | b"Infinity" | b"-Infinity" => mended.extend_from_slice(b"null"),
            text => mended.extend_from_slice(text),
        }
    }
    String::from_utf8_lossy(&mended).into_owned().into_bytes()
}

/// Strings, words and single bytes of a line, one after the other.
struct Tokens<'a> {
    rest: &'a [u8],
}

struct Token<'a> {
    first: u8,
    text: &'a [u8],
    /// What follows it.
    after: &'a [u8],
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (first, after) = self.rest.split_first()?;
        let length = match first {
            b'"' => string(after).saturating_add(1),
            b'-' | b'+' | b'_' | b'$' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => word(self.rest),
            _ => 1,
        };
        let (text, after) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, &[]));
        self.rest = after;
        Some(Token {
            first: *first,
            text,
            after,
        })
    }
}

/// Bytes to the end of a string whose first quotation mark is read already.
fn string(rest: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.saturating_add(1),
            _ => {}
        }
    }
    rest.len()
}

/// Bytes of a number or a word.
fn word(rest: &[u8]) -> usize {
    let is_part = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_' | b'$')
    };
    rest.iter()
        .position(|byte| !is_part(byte))
        .unwrap_or(rest.len())
}

fn is_no_json(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_alphabetic)
        && !matches!(token, b"true" | b"false" | b"null")
        && serde_json::from_slice::<f64>(token).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &[u8]) -> String {
        let error = Envelope::read(line).err().unwrap();
        Damaged::look_at(line).problem(line, &error)
    }

    #[test]
    fn the_id_of_a_damaged_answer_is_found_wherever_it_stands() {
        for (line, id) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":{"a":NaN}}"#, Some(7)),
            (r#"{"result":{"a":[NaN,{"id":3}]},"id":"7"}"#, Some(7)),
            (r#"{"id" : 7.0 , "result" : {"text":"cut o"#, Some(7)),
            (r#"{"error":{"id":3,"message":"\"id\":4"},"id":7"#, Some(7)),
            (r#"{"result":"a "quote" in a text","id":7}"#, Some(7)),
            (r#"{"result":"a "quote in a text","id":7}"#, Some(7)),
            (r#"{"result":{"id":3}"#, None),
            (r#"{"result":{"text":"\"id\":3"#, None),
            (r#"{"id":"seven","result":NaN}"#, None),
        ] {
            let seen = Damaged::look_at(line.as_bytes());
            assert_eq!((seen.id, seen.is_answer()), (id, true), "{line}");
        }
    }

    #[test]
    fn what_json_lacks_is_replaced_and_texts_stay() {
        let line = b"{\"a\": [NaN,-Infinity, Infinity],\"NaN\":\"\\\"NaN caf\xe9\"}";
        let expected = "{\"a\": [null,null, null],\"NaN\":\"\\\"NaN caf\u{fffd}\"}";
        assert_eq!(mended(line), expected.as_bytes());
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for line in [
            r#"{"broken": "#,
            r#"{"jsonrpc":"2.0","method":"x","id":7,"params":{"result":NaN}}"#,
            r#"{"log":{"id":7,"result":NaN}}"#,
            "{{{{\"result\":1",
            "",
        ] {
            assert!(!Damaged::look_at(line.as_bytes()).is_answer(), "{line}");
        }
    }

    #[test]
    fn the_damage_is_named() {
        for (line, words) in [
            (
                &br#"{"id":1,"result":{"a":NaN}}"#[..],
                "it holds `NaN`, which is not JSON",
            ),
            (
                br#"{"id":1,"result":{"a":-Infinity,"b":NaN}}"#,
                "it holds `-Infinity`, which is not JSON",
            ),
            (
                br#"{"id":1,"result":{"a":True}}"#,
                "it holds `True`, which is not JSON",
            ),
            (
                b"{\"id\":1,\"result\":\"caf\xe9\"}",
                "it is not UTF-8: byte 0xE9 at position 21",
            ),
            (
                br#"{"id":1,"result":{"a":tru"#,
                "it is cut off: its JSON does not end",
            ),
            (
                br#"{"id":1,"result":{"a":-1.5e3"#,
                "it is cut off: its JSON does not end",
            ),
            (
                br#"{"id":1,"id":1,"result":{}}"#,
                "it is not readable JSON: duplicate field `id` at line 1 column 12",
            ),
        ] {
            assert_eq!(problem(line), words);
        }
        let long = problem(format!("{{\"id\":1,\"result\":{}}}", "x".repeat(1 << 20)).as_bytes());
        assert_eq!(long, "it holds a word that JSON does not have");
    }

    #[test]
    fn deep_and_long_lines_take_linear_time() {
        for part in ["[", "{\"a\":", "\"", "\\", "x ", "-"] {
            let line = format!("{{\"result\":{}", part.repeat((1 << 19) / part.len()));
            assert!(Damaged::look_at(line.as_bytes()).is_answer(), "{part}");
        }
    }

    #[test]
    fn progress_has_its_token_whether_number_or_text() {
        for (line, token) in [
            (
                r#"{"method":"notifications/progress","params":{"progressToken":3,"progress":1}}"#,
                Some(3),
            ),
            (
                r#"{"method":"notifications/progress","params":{"progressToken":"3"}}"#,
                Some(3),
            ),
            (
                r#"{"method":"notifications/progress","params":{"progressToken":null}}"#,
                None,
            ),
            (r#"{"method":"notifications/progress","params":[]}"#, None),
            (r#"{"method":"notifications/progress"}"#, None),
        ] {
            let envelope = Envelope::read(line.as_bytes()).unwrap();
            assert!(envelope.is_progress(), "{line}");
            assert_eq!(envelope.progress().map(|(token, _)| token), token, "{line}");
        }
        for line in [
            r#"{"id":1,"method":"notifications/progress","params":{"progressToken":3}}"#,
            r#"{"method":"notifications/message","params":{"progressToken":3}}"#,
        ] {
            assert!(!Envelope::read(line.as_bytes()).unwrap().is_progress());
        }
    }
}
