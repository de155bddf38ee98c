//! The `id` of a line that is too long to be kept: read as it goes by, in memory of a fixed size.

/// Longest `id` that is repeated in an answer, in bytes.
pub(crate) const MAX_ID: usize = 1 << 10;

/// Longest name of a member that is looked at, in bytes.
const MAX_NAME: usize = 8;

/// Reads an object of JSON byte by byte, and keeps its own member `id`. It does not check that the rest is JSON.
#[derive(Debug, Default)]
pub(crate) struct Skim {
    depth: u64,
    in_text: bool,
    is_escaped: bool,
    place: Place,
    name: Vec<u8>,
    id: Vec<u8>,
    is_id: bool,
}

/// Where in a member of the outermost object.
#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Name,
    Value,
}

impl Skim {
    /// Reads the next bytes of the line.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.step(*byte);
        }
    }

    /// The text of `id`, if it was read and is a text or a number.
    pub(crate) fn id(self) -> Option<String> {
        let id = String::from_utf8(self.id).ok()?;
        id_of(id.trim())
    }

    fn step(&mut self, byte: u8) {
        if self.depth == 1 {
            self.keep(byte);
        }
        if self.in_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' if self.depth == 1 => {
                self.is_id = self.name == b"\"id\"";
                self.place = Place::Value;
            }
            b',' if self.depth == 1 => {
                self.name.clear();
                self.place = Place::Name;
            }
            _ => {}
        }
    }

    /// Keeps what belongs to a name, or to the value of `id`.
    fn keep(&mut self, byte: u8) {
        let is_mark = !self.in_text && matches!(byte, b':' | b',' | b'}' | b']' | b' ' | b'\t');
        match self.place {
            _ if is_mark => {}
            Place::Name if self.name.len() < MAX_NAME => self.name.push(byte),
            Place::Value if self.is_id && self.id.len() <= MAX_ID => self.id.push(byte),
            Place::Name | Place::Value => {}
        }
    }
}

/// An id as it is repeated: a text or a number, and not too long.
pub(crate) fn id_of(written: &str) -> Option<String> {
    let is_one =
        written.starts_with(['"', '-']) || written.starts_with(|c: char| c.is_ascii_digit());
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(written).is_ok();
    (is_one && is_json && written.len() <= MAX_ID).then(|| written.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(line: &str) -> Option<String> {
        let mut skim = Skim::default();
        // In pieces of whatever size.
        for piece in line.as_bytes().chunks(3) {
            skim.read(piece);
        }
        skim.id()
    }

    #[test]
    fn the_id_is_found_wherever_it_is() {
        for line in [
            r#"{"jsonrpc": "2.0", "id": 7, "method": "x"}"#,
            r#"{"method":"tools/call","params":{"id":1,"a":["id",{"id":2}]},"jsonrpc":"2.0","id":7}"#,
            r#"{"params": "\"id\": 3, {[", "id" : 7 }"#,
            r#"{"id":7"#,
        ] {
            assert_eq!(id(line).as_deref(), Some("7"), "{line}");
        }
        assert_eq!(id(r#"{"id": "a,b}\""}"#).as_deref(), Some(r#""a,b}\"""#));
    }

    #[test]
    fn what_is_no_id_is_none() {
        for line in [
            r#"{"method": "x"}"#,
            r#"{"id": null}"#,
            r#"{"id": {"id": 1}}"#,
            r#"[{"id": 1}]"#,
            r#"{"id": "unfinished"#,
            "no JSON",
        ] {
            assert_eq!(id(line), None, "{line}");
        }
        let long = format!(r#"{{"id": "{}"}}"#, "x".repeat(MAX_ID));
        assert_eq!(id(&long), None);
    }
}
