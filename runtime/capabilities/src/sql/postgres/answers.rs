//! Values as the server writes them, as JSON. Nothing is lost on the way: what JSON has no
//! form for stays text.

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::value::RawValue;
use wxmcp_catalogue::{may_have_unreadable_number, unreadable_number};

use super::super::Failure;
use super::super::rows::Cell;
use super::types::{Scalar, Type};

/// Levels of an array; the server has six.
const MAX_DEPTH: usize = 16;

/// Levels of a JSON value: readers of JSON nest as deep as it does.
const MAX_LEVELS: usize = 128;

/// Writes one value that is not NULL.
pub(super) fn write(cell: &mut Cell<'_>, text: &str, of: &Type) -> Result<(), Failure> {
    match of.delimiter {
        None => scalar(cell, text, of.scalar),
        Some(delimiter) => {
            // `[2:4]={1,2,3}`: JSON has no place for the bounds.
            let text = match text.split_once('=') {
                Some((bounds, rest)) if bounds.starts_with('[') => rest,
                _ => text,
            };
            let mut array = Array {
                rest: text,
                delimiter: char::from(delimiter),
                scalar: of.scalar,
            };
            array.write(cell, 0)?;
            if array.rest.is_empty() {
                Ok(())
            } else {
                Err(unreadable())
            }
        }
    }
}

fn scalar(cell: &mut Cell<'_>, text: &str, of: Scalar) -> Result<(), Failure> {
    match of {
        Scalar::Bool => cell.raw(if text == "t" { "true" } else { "false" }),
        Scalar::Int2 | Scalar::Int4 | Scalar::Int8 | Scalar::Oid => match text.parse() {
            Ok(number) => cell.integer(number),
            Err(_) => cell.text(text),
        },
        Scalar::Float => match text.parse() {
            Ok(number) => cell.real(number),
            Err(_) => cell.text(text),
        },
        Scalar::Bytes => match bytes(text) {
            Some(bytes) => cell.bytes(&bytes),
            None => Err(Failure::Invalid(
                "bytes can only be read with `bytea_output` at `hex`".to_owned(),
            )),
        },
        Scalar::Json if levels(text) > MAX_LEVELS => Err(Failure::Limit(format!(
            "a JSON value has more than {MAX_LEVELS} levels: read it as text, with `::text`"
        ))),
        Scalar::Json => match serde_json::from_str::<&RawValue>(text) {
            Ok(json) => {
                readable(json.get())?;
                cell.raw(json.get())
            }
            Err(_) => Err(Failure::Database("a JSON value is none".to_owned())),
        },
        Scalar::Timestamp | Scalar::TimestampTz | Scalar::TimeTz => cell.text(&iso(text)),
        Scalar::Numeric
        | Scalar::Text
        | Scalar::Date
        | Scalar::Time
        | Scalar::Interval
        | Scalar::Uuid
        | Scalar::Other => cell.text(text),
    }
}

/// Refuses JSON with a number that no reader of the answer holds.
fn readable(json: &str) -> Result<(), Failure> {
    if !may_have_unreadable_number(json) {
        return Ok(());
    }
    let value = serde_json::from_str(json)
        .map_err(|_| Failure::Database("a JSON value is none".to_owned()))?;
    match unreadable_number(&value) {
        None => Ok(()),
        Some(why) => Err(Failure::Limit(format!(
            "in a JSON value, {why}: read it as text, with `::text`"
        ))),
    }
}

/// Levels of arrays and objects in a JSON text.
fn levels(text: &str) -> usize {
    let (mut level, mut most) = (0_usize, 0_usize);
    let mut is_text = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_text = !is_text,
            b'\\' if is_text => {
                bytes.next();
            }
            b'[' | b'{' if !is_text => {
                level = level.saturating_add(1);
                most = most.max(level);
            }
            b']' | b'}' if !is_text => level = level.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// `\x` and digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()
}

/// A time as the server's ISO style writes it, as ISO 8601 writes it: `T` between date and
/// time, minutes in the offset. Eras and infinities stay as they are.
fn iso(text: &str) -> String {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.ends_with("BC") {
        return text.to_owned();
    }
    let mut iso = text.replacen(' ', "T", 1);
    let time = iso.find('T').map_or(0, |at| at.saturating_add(1));
    let is_short = iso
        .get(time..)
        .and_then(|time| time.rsplit_once(['+', '-']))
        .is_some_and(|(_, offset)| offset.len() == 2);
    if is_short {
        iso.push_str(":00");
    }
    iso
}

/// The text of an array that is being read.
struct Array<'a> {
    rest: &'a str,
    delimiter: char,
    scalar: Scalar,
}

impl Array<'_> {
    fn write(&mut self, cell: &mut Cell<'_>, depth: usize) -> Result<(), Failure> {
        if depth > MAX_DEPTH || !self.skip('{') {
            return Err(unreadable());
        }
        cell.raw("[")?;
        let mut is_first = true;
        while !self.skip('}') {
            if !is_first {
                if !self.skip(self.delimiter) {
                    return Err(unreadable());
                }
                cell.raw(",")?;
            }
            is_first = false;
            if self.rest.starts_with('{') {
                self.write(cell, depth.saturating_add(1))?;
            } else if self.skip('"') {
                let text = self.quoted()?;
                scalar(cell, &text, self.scalar)?;
            } else {
                let end = self.rest.find([self.delimiter, '}']);
                let (text, rest) = self.rest.split_at(end.ok_or_else(unreadable)?);
                self.rest = rest;
                match text {
                    "NULL" => cell.null()?,
                    text => scalar(cell, text, self.scalar)?,
                }
            }
        }
        cell.raw("]")
    }

    fn skip(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// What stands up to the next quote; a backslash takes the meaning from what follows.
    fn quoted(&mut self) -> Result<String, Failure> {
        let mut text = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next().ok_or_else(unreadable)? {
                '"' => break,
                '\\' => text.push(characters.next().ok_or_else(unreadable)?),
                other => text.push(other),
            }
        }
        self.rest = characters.as_str();
        Ok(text)
    }
}

fn unreadable() -> Failure {
    Failure::Database("an array is not written as expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::super::rows::Rows;
    use super::*;

    fn written(text: &str, of: Scalar, delimiter: Option<u8>) -> Result<String, String> {
        let of = Type {
            name: "x".to_owned(),
            scalar: of,
            delimiter,
        };
        let mut rows =
            Rows::new([("x".to_owned(), None)], &wxmcp_run::Ledger::unbounded()).unwrap();
        rows.add(|_, cell| write(cell, text, &of))
            .map_err(|failure| format!("{failure:?}"))?;
        let answer =
            String::from_utf8(rows.finish().unwrap().json).map_err(|error| error.to_string())?;
        let answer = answer.strip_prefix("{\"rows\":[[").ok_or("no rows")?;
        let end = answer.rfind("]],\"columns\"").ok_or("no columns")?;
        Ok(answer.split_at(end).0.to_owned())
    }

    #[test]
    fn values_are_json_and_lose_nothing() {
        for (text, of, expected) in [
            ("9007199254740991", Scalar::Int8, "9007199254740991"),
            ("-9223372036854775808", Scalar::Int8, "-9223372036854775808"),
            ("0.1", Scalar::Float, "0.1"),
            ("NaN", Scalar::Float, "\"NaN\""),
            ("-Infinity", Scalar::Float, "\"-Infinity\""),
            ("12.500", Scalar::Numeric, "\"12.500\""),
            ("\\x00ff", Scalar::Bytes, r#"{"$bytes":"AP8="}"#),
            ("{\"a\": 1.0e30}", Scalar::Json, "{\"a\": 1.0e30}"),
            (
                "2026-11-25 13:15:52.5+00",
                Scalar::TimestampTz,
                "\"2026-11-25T13:15:52.5+00:00\"",
            ),
            (
                "2026-11-25 13:15:52-03:30",
                Scalar::TimestampTz,
                "\"2026-11-25T13:15:52-03:30\"",
            ),
            (
                "2026-11-25 13:15:52",
                Scalar::Timestamp,
                "\"2026-11-25T13:15:52\"",
            ),
            ("infinity", Scalar::TimestampTz, "\"infinity\""),
            ("13:15:52+02", Scalar::TimeTz, "\"13:15:52+02:00\""),
            (
                "0044-03-15 00:00:00 BC",
                Scalar::Timestamp,
                "\"0044-03-15 00:00:00 BC\"",
            ),
        ] {
            assert_eq!(written(text, of, None).as_deref(), Ok(expected), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (text, of, words) in [
            ("\\x0", Scalar::Bytes, "`bytea_output` at `hex`"),
            ("\\xgg", Scalar::Bytes, "`bytea_output` at `hex`"),
            ("a\\000", Scalar::Bytes, "`bytea_output` at `hex`"),
            ("{\"a\": 1.0e400}", Scalar::Json, "in a JSON value, "),
            (&deep, Scalar::Json, "more than 128 levels"),
            ("{", Scalar::Json, "a JSON value is none"),
        ] {
            let error = written(text, of, None).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        let wide = format!("[{}{{}}]", "\"[[\\\"[[\",".repeat(200));
        assert_eq!(
            written(&wide, Scalar::Json, None).as_deref(),
            Ok(wide.as_str())
        );
    }

    #[test]
    fn arrays_are_arrays_with_their_levels_and_nulls() {
        for (text, of, expected) in [
            ("{}", Scalar::Int4, "[]"),
            ("{1,NULL,3}", Scalar::Int4, "[1,null,3]"),
            ("{{1,2},{3,NULL}}", Scalar::Int4, "[[1,2],[3,null]]"),
            ("[0:1]={1,2}", Scalar::Int4, "[1,2]"),
            (
                r#"{a,"NULL","b,c","\"\\}",""}"#,
                Scalar::Text,
                r#"["a","NULL","b,c","\"\\}",""]"#,
            ),
            (r#"{"\\x00ff"}"#, Scalar::Bytes, r#"[{"$bytes":"AP8="}]"#),
            (r#"{"{\"a\": [1]}"}"#, Scalar::Json, r#"[{"a": [1]}]"#),
            (
                "{9223372036854775807}",
                Scalar::Int8,
                "[9223372036854775807]",
            ),
            ("{t,f}", Scalar::Bool, "[true,false]"),
            // No integer, so it stays text.
            ("{1;2}", Scalar::Int4, "[\"1;2\"]"),
        ] {
            let told = written(text, of, Some(b','));
            assert_eq!(told.as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "{", "{1", "{1}{", "{1},", "{\"a}", &"{".repeat(40)] {
            let error = written(text, Scalar::Int4, Some(b',')).unwrap_err();
            assert!(
                error.contains("an array is not written as expected"),
                "{text}: {error}"
            );
        }
    }
}
