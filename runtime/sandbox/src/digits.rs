//! Integers that JavaScript's numbers do not hold, found in JSON without parsing it.

/// Digits of the smallest such integer.
const MANY: usize = 16;

/// The largest integer that is no such one: 2^53 - 1.
const LARGEST: &[u8; MANY] = b"9007199254740991";

/// JSON for a guest: with a space in front if it may hold an integer beyond 2^53 - 1.
pub(crate) fn marked(mut json: Vec<u8>) -> Vec<u8> {
    if has_large_integer(&json) {
        json.insert(0, b' ');
    }
    json
}

/// The same for the arguments of a tool file: also where a number may be a floating-point one
/// that is whole, as 3.0 is, which JavaScript cannot tell from 3.
pub(crate) fn marked_with_floats(json: Vec<u8>) -> Vec<u8> {
    let is_float = |pair: &[u8]| matches!(pair, [b'0'..=b'9', b'.' | b'e' | b'E']);
    if json.windows(2).any(is_float) && !has_large_integer(&json) {
        return [b" ".as_slice(), &json].concat();
    }
    marked(json)
}

/// Whether JSON has an integer beyond 2^53 - 1, or what looks like one inside a text.
///
/// Looks at each sixteenth byte: no run of sixteen digits lies between two of them.
fn has_large_integer(json: &[u8]) -> bool {
    let mut at = MANY.saturating_sub(1);
    while let Some(byte) = json.get(at) {
        let mut end = at;
        if byte.is_ascii_digit() {
            let (before, after) = json.split_at(at);
            end = at.saturating_add(digits(after.iter()));
            let start = at.saturating_sub(digits(before.iter().rev()));
            if is_large_integer(json, start, end) {
                return true;
            }
        }
        while at <= end {
            at = at.saturating_add(MANY);
        }
    }
    false
}

fn digits<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    bytes.take_while(|byte| byte.is_ascii_digit()).count()
}

/// Whether a run of digits is a whole number of JSON, and large.
fn is_large_integer(json: &[u8], start: usize, end: usize) -> bool {
    let run = json.get(start..end).unwrap_or_default();
    let is_large = run.len() > MANY || run.len() == MANY && run > LARGEST.as_slice();
    let before = json.get(..start).unwrap_or_default();
    let before = before.strip_suffix(b"-").unwrap_or(before).last();
    let after = json.get(end);
    let begins = matches!(
        before,
        None | Some(b'[' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t')
    );
    let ends = matches!(
        after,
        None | Some(b']' | b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t')
    );
    is_large && begins && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_2_to_the_53_are_found_wherever_they_stand() {
        for integer in [
            "9007199254740992",
            "-9007199254740992",
            "9223372036854775807",
            "123456789012345678901234567890",
        ] {
            for before in 0..40 {
                let json = format!("[\"{}\",{integer}, 1]", "x".repeat(before));
                assert!(has_large_integer(json.as_bytes()), "{json}");
                let json = format!("{{\"a\":{}{integer}}}", " ".repeat(before));
                assert!(has_large_integer(json.as_bytes()), "{json}");
            }
            assert!(has_large_integer(integer.as_bytes()));
        }
    }

    #[test]
    fn other_numbers_are_left_to_the_fast_road() {
        for number in [
            "9007199254740991",
            "-9007199254740991",
            "1700000000000000",
            "0.1234567890123456789",
            "12345678901234567890.5",
            "12345678901234567890e3",
            "1e1234567890123456",
            "\"id12345678901234567890\"",
        ] {
            for before in 0..40 {
                let json = format!("[\"{}\",{number}]", "x".repeat(before));
                assert!(!has_large_integer(json.as_bytes()), "{json}");
            }
        }
        assert_eq!(
            marked(b"[9007199254740993]".to_vec()),
            b" [9007199254740993]"
        );
        assert_eq!(marked(b"[1]".to_vec()), b"[1]");
    }
}
