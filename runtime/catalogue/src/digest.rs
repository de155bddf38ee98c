//! A fingerprint of a tool's definition.

use std::fmt;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Separates this use of SHA-256 from every other, and versions the form.
const DOMAIN: &[u8] = b"wxmcp tool definition 1\n";

/// SHA-256 over the canonical form of a tool's name, description and schemas,
/// exactly as its owner sent them: hidden characters count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a definition. Key order in the schemas does not matter,
    /// and every part is length-prefixed, so that two definitions never share
    /// a canonical form.
    pub(crate) fn of(
        name: &str,
        description: &str,
        input_schema: &Value,
        output_schema: Option<&Value>,
    ) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        for part in [
            Some(name.to_owned()),
            Some(description.to_owned()),
            Some(canonical(input_schema)),
            output_schema.map(canonical),
        ] {
            match part {
                Some(text) => {
                    hasher.update(format!("{}:", text.len()));
                    hasher.update(text);
                }
                None => hasher.update("-"),
            }
        }
        Self(hasher.finalize().into())
    }

    /// The digest as its 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// SHA-256 of a name, for suffixes that tell colliding names apart.
pub(crate) fn name_hex(name: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(name.as_bytes()))
}

/// JSON with the keys of every object in order and no spaces.
fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (position, (key, member)) in members.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(member, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_order_does_not_matter_and_everything_else_does() {
        let schema = json!({"type": "object", "properties": {"a": {"x": 1, "y": [1, 2]}}});
        let turned = json!({"properties": {"a": {"y": [1, 2], "x": 1}}, "type": "object"});
        let digest = Digest::of("read", "Reads.", &schema, None);
        assert_eq!(digest, Digest::of("read", "Reads.", &turned, None));
        for other in [
            Digest::of("reed", "Reads.", &schema, None),
            Digest::of("read", "Reads.\u{200B}", &schema, None),
            Digest::of("read", "Reads.", &json!({}), None),
            Digest::of("read", "Reads.", &schema, Some(&Value::Null)),
        ] {
            assert_ne!(digest, other);
        }
        assert_eq!(digest.to_hex().len(), 64);
    }

    #[test]
    fn the_canonical_form_is_json_in_order() {
        let value = json!({"b": [1, "x\n", null, {}], "a": {"d": 1.5, "c": []}, "\"": true});
        let text = canonical(&value);
        assert_eq!(
            text,
            r#"{"\"":true,"a":{"c":[],"d":1.5},"b":[1,"x\n",null,{}]}"#
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn parts_cannot_flow_into_each_other() {
        assert_ne!(
            Digest::of("ab", "c", &json!({}), None),
            Digest::of("a", "bc", &json!({}), None)
        );
    }
}
