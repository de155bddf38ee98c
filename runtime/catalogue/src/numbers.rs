//! Numbers of JSON that a reader would change.
//!
//! JSON bounds neither digits nor exponents. Integers are exact here whatever their length, and so
//! they are in Python and, as BigInts, in JavaScript; other numbers are floating-point numbers
//! of 64 bits in both.

use serde_json::{Number, Value};

use crate::text::shorten;

/// Most digits of an integer: Python reads no more.
const MAX_DIGITS: usize = 4_300;

/// Digits of the largest floating-point number.
const MAX_FLOAT_DIGITS: usize = 308;

/// Longest number that is repeated in a message, in bytes.
const MAX_REPEATED_BYTES: usize = 100;

/// 2^53 - 1: beyond it, an integer-valued floating-point number may stand for several integers.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// The first number of a value that is beyond what its readers hold: why, in words with the number.
pub fn unreadable_number(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => unreadable(number),
        Value::Array(items) => items.iter().find_map(unreadable_number),
        Value::Object(members) => members.values().find_map(unreadable_number),
        _ => None,
    }
}

/// Whether JSON may have such a number, judged by its bytes alone.
pub fn may_have_unreadable_number(json: &str) -> bool {
    let mut digits = 0_usize;
    json.bytes().any(|byte| {
        let is_exponent = digits > 0 && matches!(byte, b'e' | b'E');
        digits = if byte.is_ascii_digit() {
            digits.saturating_add(1)
        } else {
            0
        };
        is_exponent || digits > MAX_FLOAT_DIGITS
    })
}

/// Puts texts in the place of such numbers, for what is only shown.
pub fn spell_unreadable_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if unreadable(number).is_some() => {
            *value = Value::String(number.to_string());
        }
        Value::Array(items) => items.iter_mut().for_each(spell_unreadable_numbers),
        Value::Object(members) => members.values_mut().for_each(spell_unreadable_numbers),
        _ => {}
    }
}

fn unreadable(number: &Number) -> Option<String> {
    let text = number.as_str();
    let digits = text.strip_prefix('-').unwrap_or(text);
    // Most numbers are short, and then fit whatever they are.
    if digits.len() < 19 && !digits.contains(['e', 'E']) {
        return None;
    }
    let shown = shorten(text, MAX_REPEATED_BYTES);
    if is_written_as_integer(number) {
        return (digits.len() > MAX_DIGITS)
            .then(|| format!("{shown} has more than {MAX_DIGITS} digits"));
    }
    let is_finite = number.as_f64().is_some_and(f64::is_finite);
    (!is_finite).then(|| format!("{shown} is beyond what a floating-point number holds"))
}

fn is_written_as_integer(number: &Number) -> bool {
    !number.as_str().contains(['.', 'e', 'E'])
}

/// The digits of a number that may stand for another integer than it is read as.
pub(crate) type Doubt = fn(&Number) -> Option<String>;

/// Whether a value has such a number.
pub(crate) fn has_inexact_integer(value: &Value, doubt: Doubt) -> bool {
    match value {
        Value::Number(number) => doubt(number).is_some(),
        Value::Array(items) => items.iter().any(|item| has_inexact_integer(item, doubt)),
        Value::Object(members) => members
            .values()
            .any(|member| has_inexact_integer(member, doubt)),
        _ => false,
    }
}

/// How many such numbers a value has.
pub(crate) fn inexact_integers(value: &Value, doubt: Doubt) -> u64 {
    let all = |more: u64, value| more.saturating_add(inexact_integers(value, doubt));
    match value {
        Value::Number(number) => u64::from(doubt(number).is_some()),
        Value::Array(items) => items.iter().fold(0, all),
        Value::Object(members) => members.values().fold(0, all),
        _ => 0,
    }
}

/// Doubts an integer that is written as a floating-point number, beyond 2^53: its writer may have
/// rounded it.
pub(crate) fn may_have_been_rounded(number: &Number) -> Option<String> {
    if is_written_as_integer(number) {
        return None;
    }
    let float = number.as_f64()?;
    (float.fract() == 0.0 && float.abs() > MAX_EXACT).then(|| format!("{float:.0}"))
}

/// Doubts a number such as `9007199254740993.0`, which no floating-point number is: its reader
/// rounds it.
pub(crate) fn is_rounded_when_read(number: &Number) -> Option<String> {
    let (digits, zeros) = number.as_str().split_once('.')?;
    if digits.len() < 16 || !zeros.bytes().all(|byte| byte == b'0') {
        return None;
    }
    (number.as_f64()?.to_string() != digits).then(|| digits.to_owned())
}

/// A doubtful number in a value.
pub(crate) struct Inexact {
    /// Where it is, a JSON pointer.
    pub(crate) path: String,
    pub(crate) digits: String,
}

/// Adds one half to each doubtful integer, so that none is an integer any more; answers them.
pub(crate) fn made_fractional(
    value: &mut Value,
    path: &str,
    doubt: Doubt,
    found: &mut Vec<Inexact>,
) {
    match value {
        Value::Number(number) => {
            let Some(digits) = doubt(number) else {
                return;
            };
            if let Ok(half) = serde_json::from_str(&format!("{digits}.5")) {
                *number = half;
            }
            found.push(Inexact {
                path: path.to_owned(),
                digits,
            });
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                made_fractional(item, &format!("{path}/{at}"), doubt, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let name = name.replace('~', "~0").replace('/', "~1");
                made_fractional(member, &format!("{path}/{name}"), doubt, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> Option<String> {
        unreadable_number(&serde_json::from_str(&format!("{{\"a\": [1, {text}]}}")).unwrap())
    }

    #[test]
    fn numbers_beyond_every_reader_are_named() {
        for text in [
            "0",
            "-0.0",
            "9007199254740993",
            "-123456789012345678901234567890",
            "0.1234567890123456789012345678901234567890",
            "1.7976931348623157e308",
            "5e-324",
            "1e-400",
            &"9".repeat(4_300),
        ] {
            assert_eq!(why(text), None, "{text}");
        }
        for (text, expected) in [
            (
                "1e400",
                "1e+400 is beyond what a floating-point number holds",
            ),
            (
                "-1.5e309",
                "-1.5e+309 is beyond what a floating-point number holds",
            ),
        ] {
            assert_eq!(why(text).as_deref(), Some(expected));
        }
        let wide = format!("1{}.5", "0".repeat(400));
        assert!(why(&wide).is_some());
        for text in ["1e400", "-1.5E309", &wide, &"9".repeat(4_301)] {
            assert!(may_have_unreadable_number(text), "{text}");
        }
        assert!(!may_have_unreadable_number(
            "[1.5, \"de\", true, 123456789012345678901]"
        ));
        let long = why(&"9".repeat(4_301)).unwrap_or_default();
        assert!(long.ends_with("has more than 4300 digits"), "{long}");
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn they_are_texts_where_they_are_only_shown() {
        let mut value = serde_json::from_str("[1, {\"a\": 1e400}, 10e3]").unwrap();
        spell_unreadable_numbers(&mut value);
        assert_eq!(value.to_string(), r#"[1,{"a":"1e+400"},10e+3]"#);
    }
}
