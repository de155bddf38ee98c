//! How secrets are written by servers that send back what they were sent.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use url::form_urlencoded::byte_serialize;

use super::MIN_SECRET_BYTES;

/// A secret in the forms in which it stands in URLs, in JSON that is ASCII, and in base64: of that the part that is the same whatever stands before and
/// behind it, as in `Basic dXNlcjpwYXNzd29yZA==`. None of a value that is too short to be looked for.
pub fn encoded(secret: &str) -> Vec<String> {
    if secret.trim().len() < MIN_SECRET_BYTES {
        return Vec::new();
    }
    let form: String = byte_serialize(secret.as_bytes()).collect();
    let of_a_path = form.replace('+', "%20").replace("%2F", "/");
    let mut forms = vec![form.replace('+', "%20"), of_a_path, form];
    for before in 0..3 {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before)
            .chain(secret.bytes())
            .collect();
        // The first and the last character may hold bits of what stands around.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
            let text = encoding.encode(&bytes);
            forms.extend(text.get(first..last).map(str::to_owned));
        }
    }
    forms.push(in_ascii(secret));
    forms.sort();
    forms.dedup();
    forms.retain(|form| form != secret);
    forms
}

/// As JSON writes it that escapes what is not ASCII.
fn in_ascii(secret: &str) -> String {
    let json = serde_json::Value::from(secret).to_string();
    let inside = json
        .get(1..json.len().saturating_sub(1))
        .unwrap_or_default();
    let mut ascii = String::new();
    for character in inside.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Redactor;

    #[test]
    fn a_secret_is_found_in_urls_and_in_base64() {
        let secret = "pa/ss wörd?";
        let forms = encoded(secret);
        let redactor = Redactor::new(forms.iter().map(|form| ("S", form.as_str())));
        for text in [
            "pa%2Fss%20w%C3%B6rd%3F",
            "pa/ss%20w%c3%b6rd%3f",
            "pa%2Fss+w%C3%B6rd%3F",
        ] {
            assert_eq!(redactor.redact(text), "[S]", "{text}");
        }
        for around in ["", "u", "us", "user:"] {
            for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
                let text = encoding.encode(format!("{around}{secret}{around}").as_bytes());
                let redacted = redactor.redact(&text);
                assert!(redacted.contains("[S]"), "{text}: {redacted}");
                let other = encoding.encode(format!("{around}pa/ss wörd.{around}").as_bytes());
                assert_eq!(redactor.redact(&other), other);
            }
        }
        assert_eq!(encoded("true"), [""; 0]);
    }
}
