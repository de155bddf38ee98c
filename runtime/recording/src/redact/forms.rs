//! The ways in which a value is written inside of other texts.

use std::fmt::Write as _;
use std::ops::Range;

use data_encoding::{Encoding, Specification};

/// Shorter runs of base64 hold no value that is looked for.
const RUN: usize = 8;

/// The value as it is, as JSON writes it, with and without characters beyond ASCII, and as URLs do.
pub(super) fn of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    let Ok(text) = std::str::from_utf8(value) else {
        return forms;
    };
    let json = serde_json::Value::from(text).to_string();
    let json = json
        .get(1..json.len().saturating_sub(1))
        .unwrap_or_default();
    let ascii = in_ascii(json);
    forms.push(json.as_bytes().to_vec());
    forms.push(ascii.into_bytes());
    // What URLs of Python, of `encodeURIComponent`, of forms leave as it is.
    for kept in ["-_.~/", "-_.~", "-_.!~*'()", "*-._"] {
        for space in ["%20", "+"] {
            forms.push(percent(value, kept, space, false));
            forms.push(percent(value, kept, space, true));
        }
    }
    forms.dedup();
    forms
}

/// JSON with escapes for all that is not ASCII.
fn in_ascii(json: &str) -> String {
    let mut ascii = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _written = write!(ascii, "\\u{unit:04x}");
        }
    }
    ascii
}

fn percent(value: &[u8], kept: &str, space: &str, is_lower: bool) -> Vec<u8> {
    let mut written = String::new();
    for &byte in value {
        let _written = match byte {
            b' ' => written.write_str(space),
            _ if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) => {
                written.write_char(char::from(byte))
            }
            _ if is_lower => write!(written, "%{byte:02x}"),
            _ => write!(written, "%{byte:02X}"),
        };
    }
    written.into_bytes()
}

/// An alphabet of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    Standard,
    OfUrls,
}

impl Alphabet {
    pub(super) const ALL: [Self; 2] = [Self::Standard, Self::OfUrls];

    fn has(self, byte: u8) -> bool {
        let other: &[u8] = match self {
            Self::Standard => b"+/",
            Self::OfUrls => b"-_",
        };
        byte.is_ascii_alphanumeric() || other.contains(&byte)
    }

    /// The parts of a text that may be base64.
    pub(super) fn runs(self, text: &[u8]) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut start = 0;
        for (at, byte) in text.iter().copied().chain([b' ']).enumerate() {
            if !self.has(byte) {
                if at.saturating_sub(start) >= RUN {
                    runs.push(start..at);
                }
                start = at.saturating_add(1);
            }
        }
        runs
    }

    /// What a run says, read from the first of its characters from which it says something that fits.
    pub(super) fn decoded(self, run: &[u8], fits: impl Fn(&[u8]) -> bool) -> Option<Decoded> {
        let encoding = self.encoding()?;
        let from = |start: usize| {
            let length = run.len().checked_sub(start)?;
            // One character alone is no byte.
            let end = match length % 4 {
                1 => run.len().saturating_sub(1),
                _ => run.len(),
            };
            let bytes = encoding.decode(run.get(start..end)?).ok()?;
            fits(&bytes).then_some(Decoded { start, end, bytes })
        };
        (0..4).find_map(from)
    }

    /// The text of bytes; `is_padded` as it is where their number needs it.
    pub(super) fn encoded(self, bytes: &[u8], is_padded: bool) -> String {
        let text = self.encoding().map(|encoding| encoding.encode(bytes));
        let mut text = text.unwrap_or_default();
        while is_padded && !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }

    fn encoding(self) -> Option<Encoding> {
        let mut specification = Specification::new();
        specification
            .symbols
            .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
        specification.symbols.push_str(match self {
            Self::Standard => "+/",
            Self::OfUrls => "-_",
        });
        // A run may have characters of other words at its end.
        specification.check_trailing_bits = false;
        specification.encoding().ok()
    }
}

/// A part of a run that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) bytes: Vec<u8>,
}
