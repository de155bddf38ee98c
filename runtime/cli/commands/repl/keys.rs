//! Keys of a terminal, as their bytes arrive.

use std::io::{self, Read};

/// Longest sequence of one key, in bytes; the rest of a longer one is read as keys.
const SEQUENCE: usize = 16;

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    KillWord,
    KillToStart,
    KillToEnd,
    Redraw,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D: the end of the input on an empty line, else as [`Key::Delete`].
    Eof,
    /// Something that does nothing here.
    Other,
}

/// The next key; none at the end of the input.
///
/// # Errors
///
/// What the system said.
pub(super) fn next(input: &mut impl Read) -> io::Result<Option<Key>> {
    let Some(first) = byte(input)? else {
        return Ok(None);
    };
    Ok(Some(match first {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::Eof,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\n' | b'\r' => Key::Enter,
        0x0b => Key::KillToEnd,
        0x0c => Key::Redraw,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWord,
        0x1b => escaped(input)?,
        0x00..=0x1f => Key::Other,
        first => character(first, input)?,
    }))
}

fn byte(input: &mut impl Read) -> io::Result<Option<u8>> {
    let mut one = [0];
    loop {
        match input.read(&mut one) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(one.first().copied()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A key that begins with the escape character.
fn escaped(input: &mut impl Read) -> io::Result<Key> {
    Ok(match byte(input)? {
        Some(b'[') => sequence(input)?,
        Some(b'O') => match byte(input)? {
            Some(last) => named(&[], last),
            None => Key::Other,
        },
        Some(b'b') => Key::WordLeft,
        Some(b'f') => Key::WordRight,
        Some(0x08 | 0x7f) => Key::KillWord,
        _ => Key::Other,
    })
}

fn sequence(input: &mut impl Read) -> io::Result<Key> {
    let mut parameters = Vec::new();
    while let Some(next) = byte(input)? {
        match next {
            0x40..=0x7e => return Ok(named(&parameters, next)),
            _ if parameters.len() >= SEQUENCE => break,
            _ => parameters.push(next),
        }
    }
    Ok(Key::Other)
}

fn named(parameters: &[u8], last: u8) -> Key {
    match (last, parameters) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        // With Ctrl or Alt.
        (b'C', b"1;5" | b"1;3") => Key::WordRight,
        (b'D', b"1;5" | b"1;3") => Key::WordLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"3") => Key::Delete,
        _ => Key::Other,
    }
}

/// A character of UTF-8.
fn character(first: u8, input: &mut impl Read) -> io::Result<Key> {
    let more: usize = match first {
        0x00..=0x7f => 0,
        0xc0..=0xdf => 1,
        0xe0..=0xef => 2,
        0xf0..=0xf7 => 3,
        _ => return Ok(Key::Other),
    };
    let mut bytes = vec![first];
    for _ in 0..more {
        match byte(input)? {
            Some(next) => bytes.push(next),
            None => return Ok(Key::Other),
        }
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    // A character that a terminal would obey is none of a script's either.
    Ok(match text.chars().next() {
        Some(c) if !c.is_control() && !wxmcp_catalogue::is_unseen(c) => Key::Char(c),
        _ => Key::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut input = bytes;
        std::iter::from_fn(|| next(&mut input).unwrap()).collect()
    }

    #[test]
    fn sequences_of_common_terminals_are_read() {
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[3~\x1b[H\x1b[4~\x1b[1;5D\x1bf\x1b\x7f"),
            [
                Key::Up,
                Key::Down,
                Key::Delete,
                Key::Home,
                Key::End,
                Key::WordLeft,
                Key::WordRight,
                Key::KillWord,
            ]
        );
        assert_eq!(
            keys("aü日😀".as_bytes()),
            ['a', 'ü', '日', '😀'].map(Key::Char)
        );
        assert_eq!(
            keys(b"\x03\x04\r\t"),
            [Key::Interrupt, Key::Eof, Key::Enter, Key::Tab]
        );
    }

    #[test]
    fn what_is_no_key_does_nothing() {
        assert_eq!(keys(b"\x1b[200~"), [Key::Other]);
        assert_eq!(
            keys(b"\xff\xc3\x28\x00"),
            [Key::Other, Key::Other, Key::Other]
        );
        assert_eq!(keys("\u{9b}\u{202e}".as_bytes()), [Key::Other, Key::Other]);
        assert_eq!(keys(b"\x1b"), [Key::Other]);
        assert_eq!(keys(b"\x1b[1"), [Key::Other]);
    }
}
