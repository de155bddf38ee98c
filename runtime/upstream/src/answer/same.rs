//! Whether content only repeats structured content.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use wxmcp_run::without_lone_surrogates;

/// What no text is, so that the comparison ends there.
const OTHER: &str = "another value";

/// Texts that are looked for inside a value.
const MAX_LOOKED_FOR: usize = 16;

/// Whether these texts say nothing that the value does not: they are its JSON, however it is
/// spelled; texts that it holds; or, of a list, one text for each item. Many servers put what
/// they answer into an object with one member, so that is looked into.
pub(super) fn repeats(texts: &[&str], value: &Value) -> bool {
    let shown: Vec<&str> = texts
        .iter()
        .copied()
        .filter(|text| !text.trim().is_empty())
        .collect();
    let inner = value
        .as_object()
        .filter(|members| members.len() == 1)
        .and_then(|members| members.values().next());
    are_spelled(&shown, value)
        || inner.is_some_and(|inner| are_spelled(&shown, inner))
        || shown.len() <= MAX_LOOKED_FOR && shown.iter().all(|text| holds(value, text))
}

fn are_spelled(texts: &[&str], value: &Value) -> bool {
    match texts {
        [] => true,
        [one] if is_spelled(one, value) => true,
        several => {
            let mut rest = several;
            value.is_array() && are_items(&mut rest, value, 0) && rest.is_empty()
        }
    }
}

/// Whether a text is somewhere in the value, or is all of it as JSON.
fn holds(value: &Value, text: &str) -> bool {
    let mut all = vec![value];
    while let Some(next) = all.pop() {
        match next {
            Value::String(own) if own == text => return true,
            Value::Array(items) => all.extend(items),
            Value::Object(members) => all.extend(members.values()),
            _ => {}
        }
    }
    is_json_of(text.as_bytes(), value)
}

/// Lists inside lists that are looked into.
const MAX_DEPTH: usize = 32;

/// Takes one text for each item off the front.
fn are_items(texts: &mut &[&str], value: &Value, depth: usize) -> bool {
    let Value::Array(items) = value else {
        let Some((first, rest)) = texts.split_first() else {
            return is_blank(value);
        };
        if is_spelled(first, value) {
            *texts = rest;
            return true;
        }
        // Blank texts were left out.
        return is_blank(value);
    };
    depth < MAX_DEPTH
        && items
            .iter()
            .all(|item| are_items(texts, item, depth.saturating_add(1)))
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Whether a text is the value's: the text itself, its JSON, or how Python spells it.
fn is_spelled(text: &str, value: &Value) -> bool {
    let is_own = match value {
        Value::String(own) => own.trim() == text.trim(),
        Value::Bool(true) => text.trim() == "True",
        Value::Bool(false) => text.trim() == "False",
        Value::Null => text.trim() == "None",
        _ => false,
    };
    is_own
        || is_json_of(text.as_bytes(), value)
        || without_lone_surrogates(text.as_bytes()).is_some_and(|mended| is_json_of(&mended, value))
}

/// Reads along the value, and keeps nothing of the text.
fn is_json_of(text: &[u8], value: &Value) -> bool {
    let mut reader = serde_json::Deserializer::from_slice(text);
    Same(value).deserialize(&mut reader).is_ok() && reader.end().is_ok()
}

/// Fails at the first difference.
struct Same<'v>(&'v Value);

impl<'de> DeserializeSeed<'de> for Same<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        let is_same = match self.0 {
            Value::Null => <()>::deserialize(reader).map(|()| true)?,
            Value::Bool(value) => bool::deserialize(reader)? == *value,
            Value::Number(value) => is_same_number(&Number::deserialize(reader)?, value),
            Value::String(value) => reader.deserialize_str(SameText(value))?,
            Value::Array(items) => reader.deserialize_seq(SameItems(items))?,
            Value::Object(members) => reader.deserialize_map(SameMembers(members))?,
        };
        if is_same {
            Ok(())
        } else {
            Err(D::Error::custom(OTHER))
        }
    }
}

/// Whether two spellings are one number: `1.0` is `1`, but integers count to their last digit.
fn is_same_number(one: &Number, other: &Number) -> bool {
    let (first, second) = (one.to_string(), other.to_string());
    let is_integer = |text: &str| !text.contains(['.', 'e', 'E']);
    first == second
        || !(is_integer(&first) && is_integer(&second)) && one.as_f64() == other.as_f64()
}

struct SameText<'v>(&'v str);

impl Visitor<'_> for SameText<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same text")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(text == self.0)
    }
}

struct SameItems<'v>(&'v [Value]);

impl<'de> Visitor<'de> for SameItems<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut expected = self.0.iter();
        loop {
            match expected.next() {
                Some(value) => {
                    if items.next_element_seed(Same(value))?.is_none() {
                        return Ok(false);
                    }
                }
                // An item too many is an error of the reader's.
                None => return Ok(true),
            }
        }
    }
}

struct SameMembers<'v>(&'v Map<String, Value>);

impl<'de> Visitor<'de> for SameMembers<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut seen: usize = 0;
        while let Some(member) = members.next_key_seed(MemberOf(self.0))? {
            members.next_value_seed(Same(member))?;
            seen = seen.saturating_add(1);
        }
        Ok(seen == self.0.len())
    }
}

/// Reads a name and returns the member of that name.
struct MemberOf<'v>(&'v Map<String, Value>);

impl<'de, 'v> DeserializeSeed<'de> for MemberOf<'v> {
    type Value = &'v Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<&'v Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'v> Visitor<'_> for MemberOf<'v> {
    type Value = &'v Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<&'v Value, E> {
        self.0.get(name).ok_or_else(|| E::custom(OTHER))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_spelling_of_the_same_says_nothing_new() {
        let value = json!({"a": [1, 2.5, null, true], "b": {"c": "caf\u{e9} \u{fffd}"}});
        for text in [
            r#"{"a":[1,2.5,null,true],"b":{"c":"café �"}}"#,
            "{\n  \"b\": {\"c\": \"caf\\u00e9 \\ud83d\"},\n  \"a\": [1.0, 25e-1, null, true]\n}\n",
        ] {
            assert!(repeats(&[text], &value), "{text}");
        }
        for (text, value) in [
            ("5", json!(5)),
            ("plain", json!("plain")),
            ("plain\n", json!("plain")),
            ("\"plain\"", json!("plain")),
            ("True", json!(true)),
            ("false", json!(false)),
            ("None", json!(null)),
            ("null", json!(null)),
            (" \n", json!({"a": 1})),
            ("[]", json!([])),
        ] {
            assert!(repeats(&[text], &value), "{text}");
        }
        assert!(repeats(&[], &json!({"a": 1})));
    }

    #[test]
    fn texts_of_the_items_of_a_list_say_nothing_new() {
        assert!(repeats(&["a", "b"], &json!(["a", "b"])));
        assert!(repeats(&["a"], &json!(["a", ""])));
        assert!(repeats(
            &["{\"n\": 1}", "2", "3"],
            &json!([{"n": 1}, [2, 3]])
        ));
        assert!(!repeats(&["a", "b", "c"], &json!(["a", "b"])));
        assert!(!repeats(&["1"], &json!([1, 2])));
        assert!(!repeats(&["2", "1"], &json!([1, 2])));
    }

    #[test]
    fn texts_that_the_value_holds_say_nothing_new() {
        let file = json!({"path": "a.md", "text": "the body", "lines": [{"n": 1, "of": "note"}]});
        for texts in [
            &["the body"][..],
            &["note", "the body"],
            &["the body", &file.to_string()],
        ] {
            assert!(repeats(texts, &file), "{texts:?}");
        }
        assert!(repeats(&["a", "2"], &json!({"result": ["a", 2]})));
        assert!(repeats(&["7"], &json!({"result": 7})));
        assert!(!repeats(&["body"], &file));
        assert!(!repeats(&["the body", "more"], &file));
        assert!(!repeats(&["7"], &json!({"result": 7, "more": 8})));
        assert!(!repeats(&["text"], &json!({"text": "the body"})));
    }

    #[test]
    fn anything_else_says_more() {
        let value = json!({"a": 1, "big": 9_007_199_254_740_993_u64});
        for text in [
            "two items",
            r#"{"a":1,"big":9007199254740992}"#,
            r#"{"a":1}"#,
            r#"{"a":1,"big":9007199254740993,"c":2}"#,
            r#"{"a":1,"big":9007199254740993} and more"#,
            r#"{"a":"1","big":9007199254740993}"#,
            r#"[{"a":1,"big":9007199254740993}]"#,
        ] {
            assert!(!repeats(&[text], &value), "{text}");
        }
        assert!(!repeats(&["[1, 2, 3]"], &json!([1, 2])));
        assert!(!repeats(&["[1]"], &json!([1, 2])));
        assert!(!repeats(&["1"], &json!("2")));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(!repeats(&[&deep], &json!([[[]]])));
    }
}
