//! Parameters as the server reads them: JSON by the type that the statement wants.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value};

use super::super::Failure;
use super::types::{Scalar, Type};
use wxmcp_catalogue::wording::bounded;

/// Levels of an array; the server has six.
const MAX_DEPTH: usize = 16;

/// 2^53 - 1: beyond it, integers are rounded where they become floating-point numbers.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// Parameters as texts, NULL as none.
///
/// # Errors
///
/// When they are too many or too few, or one does not fit its type.
pub(super) fn texts(values: &[Value], types: &[Type]) -> Result<Vec<Option<String>>, Failure> {
    if values.len() != types.len() {
        return Err(Failure::Invalid(format!(
            "the statement has {} parameters, and {} were given",
            types.len(),
            values.len()
        )));
    }
    values
        .iter()
        .zip(types)
        .enumerate()
        .map(|(index, (value, of))| {
            text(value, of).map_err(|why| {
                Failure::Invalid(format!(
                    "parameter ${} is of type `{}`: {why}",
                    index.saturating_add(1),
                    of.name
                ))
            })
        })
        .collect()
}

/// The text of a value, or why it does not fit.
fn text(value: &Value, of: &Type) -> Result<Option<String>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let Some(delimiter) = of.delimiter else {
        return scalar(value, of.scalar).map(Some);
    };
    let Value::Array(elements) = value else {
        return Err(format!("it takes an array, not {}", kind(value)));
    };
    let mut out = String::new();
    array(&mut out, elements, of.scalar, char::from(delimiter), 0)?;
    Ok(Some(out))
}

fn array(
    out: &mut String,
    elements: &[Value],
    of: Scalar,
    delimiter: char,
    depth: usize,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("it has more than {MAX_DEPTH} levels"));
    }
    out.push('{');
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        match element {
            Value::Null => out.push_str("NULL"),
            // An array inside an array of JSON is JSON.
            Value::Array(inner) if of != Scalar::Json => {
                array(out, inner, of, delimiter, depth.saturating_add(1))?;
            }
            element => {
                let text = scalar(element, of)
                    .map_err(|why| format!("element {}: {why}", index.saturating_add(1)))?;
                out.push('"');
                for character in text.chars() {
                    if matches!(character, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(character);
                }
                out.push('"');
            }
        }
    }
    out.push('}');
    Ok(())
}

fn scalar(value: &Value, of: Scalar) -> Result<String, String> {
    let wants = |what: &str| Err(format!("it takes {what}, not {}", kind(value)));
    if of == Scalar::Json {
        return Ok(value.to_string());
    }
    match (of, Form::of(value)) {
        (Scalar::Int2, form) => integer(form, i16::MIN.into(), i16::MAX.into())
            .map_or_else(|| wants("an integer of 16 bits"), Ok),
        (Scalar::Int4, form) => integer(form, i32::MIN.into(), i32::MAX.into())
            .map_or_else(|| wants("an integer of 32 bits"), Ok),
        (Scalar::Int8, form) => {
            integer(form, i64::MIN, i64::MAX).map_or_else(|| wants("an integer of 64 bits"), Ok)
        }
        (Scalar::Oid, form) => integer(form, 0, u32::MAX.into())
            .map_or_else(|| wants("an integer from 0 to 2^32 - 1"), Ok),
        (Scalar::Bool, Form::Bool(flag)) => Ok(flag.to_string()),
        (Scalar::Bool, _) => wants("true or false"),
        (Scalar::Bytes, Form::Bytes(text)) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(format!("\\x{}", HEXLOWER.encode(&bytes))),
            Err(_) => Err("its bytes are no base64".to_owned()),
        },
        (Scalar::Bytes, _) => wants("bytes"),
        (Scalar::Numeric, Form::Number(text)) if may_be_rounded(&text) => Err(format!(
            "{text} is a floating-point number beyond 2^53, which may stand for another integer: \
             pass an integer, or its digits as text"
        )),
        (Scalar::Float, Form::Number(text)) if would_be_rounded(&text) => {
            Err(format!("a floating-point number would round {text}"))
        }
        (Scalar::Float | Scalar::Numeric, Form::Number(text)) => Ok(text),
        (Scalar::Float | Scalar::Numeric, Form::Text(text)) => Ok(text.to_owned()),
        (Scalar::Float | Scalar::Numeric, _) => wants("a number, or its digits as text"),
        (
            Scalar::Text
            | Scalar::Date
            | Scalar::Timestamp
            | Scalar::TimestampTz
            | Scalar::Time
            | Scalar::TimeTz
            | Scalar::Interval
            | Scalar::Uuid
            | Scalar::Other,
            Form::Text(text),
        ) => Ok(text.to_owned()),
        (Scalar::Other, Form::Number(text)) => Ok(text),
        (Scalar::Other, Form::Bool(flag)) => Ok(flag.to_string()),
        _ => wants("text"),
    }
}

/// A value by what it can be a parameter for.
enum Form<'a> {
    Bool(bool),
    Number(String),
    Text(&'a str),
    /// Base64 of `$bytes`.
    Bytes(&'a str),
    Neither,
}

impl<'a> Form<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::Text(text),
            Value::Object(object) => bytes(object).map_or(Self::Neither, Self::Bytes),
            _ => Self::Neither,
        }
    }
}

/// The base64 of `$bytes`.
fn bytes(object: &Map<String, Value>) -> Option<&str> {
    match object.get("$bytes") {
        Some(Value::String(text)) if object.len() == 1 => Some(text),
        _ => None,
    }
}

/// Whether a number is an integer written as a floating-point number, beyond 2^53.
fn may_be_rounded(text: &str) -> bool {
    let float: f64 = text.parse().unwrap_or_default();
    text.contains(['.', 'e', 'E']) && float.fract() == 0.0 && float.abs() > MAX_EXACT
}

/// Whether an integer is none that a floating-point number holds.
fn would_be_rounded(text: &str) -> bool {
    let float: f64 = text.parse().unwrap_or_default();
    !text.contains(['.', 'e', 'E']) && format!("{float:.0}") != text
}

/// The digits of an integer between two bounds. `3.0` is one, but not beyond 2^53.
fn integer(form: Form<'_>, least: i64, most: i64) -> Option<String> {
    let number: i64 = match form {
        Form::Number(text) => {
            if may_be_rounded(&text) {
                return None;
            }
            let whole = text.strip_suffix(".0").unwrap_or(&text);
            whole.parse().ok()?
        }
        Form::Text(text) => text.parse().ok()?,
        Form::Bool(_) | Form::Bytes(_) | Form::Neither => return None,
    };
    (least..=most).contains(&number).then(|| number.to_string())
}

fn kind(value: &Value) -> String {
    let kind = match (value, Form::of(value)) {
        (Value::Number(number), _) => return bounded(&number.to_string()),
        (_, Form::Bytes(_)) => "bytes",
        (Value::Null, _) => "null",
        (Value::Bool(_), _) => "a boolean",
        (Value::String(_), _) => "that text",
        (Value::Array(_), _) => "an array",
        (Value::Object(_), _) => "an object",
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(scalar: Scalar, delimiter: Option<u8>) -> Type {
        Type {
            name: "x".to_owned(),
            scalar,
            delimiter,
        }
    }

    #[test]
    fn json_becomes_what_the_type_reads() {
        for (value, scalar, expected) in [
            (json!(-32768), Scalar::Int2, "-32768"),
            (json!(3.0), Scalar::Int4, "3"),
            (json!("7"), Scalar::Int4, "7"),
            (json!(i64::MAX), Scalar::Int8, "9223372036854775807"),
            (json!(4_294_967_295_u32), Scalar::Oid, "4294967295"),
            (json!("0.10"), Scalar::Numeric, "0.10"),
            (json!(0.1), Scalar::Numeric, "0.1"),
            (json!(1e20), Scalar::Float, "1e+20"),
            (
                json!(9_007_199_254_740_994_i64),
                Scalar::Float,
                "9007199254740994",
            ),
            (
                serde_json::from_str("123456789012345678901234567890").unwrap(),
                Scalar::Numeric,
                "123456789012345678901234567890",
            ),
            (json!("NaN"), Scalar::Float, "NaN"),
            (json!(true), Scalar::Bool, "true"),
            (json!({"$bytes": "AP8="}), Scalar::Bytes, "\\x00ff"),
            (json!("a"), Scalar::Json, "\"a\""),
            (json!({"a": [1]}), Scalar::Json, "{\"a\":[1]}"),
            (json!("mood"), Scalar::Other, "mood"),
            (json!(5), Scalar::Other, "5"),
        ] {
            let told = text(&value, &of(scalar, None));
            assert_eq!(told, Ok(Some(expected.to_owned())), "{value}");
        }
        assert_eq!(text(&Value::Null, &of(Scalar::Int4, None)), Ok(None));
    }

    #[test]
    fn arrays_quote_what_they_hold() {
        for (value, scalar, expected) in [
            (json!([]), Scalar::Int4, "{}"),
            (json!([1, null]), Scalar::Int4, r#"{"1",NULL}"#),
            (json!([["a"], ["b"]]), Scalar::Text, r#"{{"a"},{"b"}}"#),
            (
                json!(["NULL", "\"\\},"]),
                Scalar::Text,
                r#"{"NULL","\"\\},"}"#,
            ),
            (json!([[1]]), Scalar::Json, r#"{"[1]"}"#),
        ] {
            let told = text(&value, &of(scalar, Some(b',')));
            assert_eq!(told, Ok(Some(expected.to_owned())), "{value}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_position_and_type() {
        let types = [of(Scalar::Int4, None)];
        let told = |value: Value| match texts(&[value], &types) {
            Err(Failure::Invalid(message)) => message,
            other => format!("{other:?}"),
        };
        assert_eq!(
            told(json!("x")),
            "parameter $1 is of type `x`: it takes an integer of 32 bits, not that text"
        );
        assert_eq!(
            told(json!(2_147_483_648_i64)),
            "parameter $1 is of type `x`: it takes an integer of 32 bits, not 2147483648"
        );
        for (value, scalar) in [
            (json!(1.5), Scalar::Int8),
            (json!(9_007_199_254_740_992.0), Scalar::Int8),
            (json!(u64::MAX), Scalar::Int8),
            (json!(1e20), Scalar::Numeric),
            (json!(9_007_199_254_740_993_i64), Scalar::Float),
            (json!(32_768), Scalar::Int2),
            (json!(-1), Scalar::Oid),
            (json!("true"), Scalar::Bool),
            (json!("a"), Scalar::Bytes),
            (json!({"$bytes": "?"}), Scalar::Bytes),
            (json!(5), Scalar::Text),
            (json!([1]), Scalar::Text),
            (json!({"a": 1}), Scalar::Other),
            (json!(true), Scalar::Numeric),
            (json!(1), Scalar::TimestampTz),
        ] {
            assert!(text(&value, &of(scalar, None)).is_err(), "{value}");
        }
        assert!(text(&json!("{1}"), &of(Scalar::Int4, Some(b','))).is_err());
        assert!(text(&json!([["x"]]), &of(Scalar::Int4, Some(b','))).is_err());
        assert!(texts(&[], &types).is_err());
    }
}
