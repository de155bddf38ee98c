//! What a file consists of behind its first bytes: chunks, each with its length in front and behind it a hash of all bytes so far.

use sha2::{Digest, Sha256};

use super::{MAGIC, VERSION};

/// Bytes of a hash that the file has.
pub(super) const HASH: usize = 8;

/// Bytes of a chunk from which on the writer ends it.
pub(super) const CHUNK: usize = 64 << 10;

/// Longest chunk that is read, in bytes.
pub(super) const LONGEST_CHUNK: usize = 256 << 10;

/// Most bytes of a number: seven bits are in each.
pub(super) const LONGEST_NUMBER: usize = 10;

/// The hash of all bytes so far.
#[derive(Clone, Debug)]
pub(super) struct Chain([u8; 32]);

impl Chain {
    /// That of the first bytes of a file.
    pub(super) fn new() -> Self {
        let mut hash = Sha256::new();
        hash.update(MAGIC);
        hash.update([VERSION]);
        Self(hash.finalize().into())
    }

    /// Takes in a chunk: the number in front of it and its bytes. What the file has behind them is returned.
    pub(super) fn add(&mut self, parts: [&[u8]; 2]) -> [u8; HASH] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        for part in parts {
            hash.update(part);
        }
        self.0 = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }
}

/// Writes a number: seven bits a byte, the lowest first; all but the last byte have the eighth.
pub(super) fn put_number(to: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            to.push(low & 0x7f);
            return;
        }
        to.push(low | 0x80);
    }
}

/// A number that is being read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number {
    value: u64,
    bytes: u32,
}

/// A number takes more than 64 bits, or more bytes than it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoNumber;

impl Number {
    /// Whether none of its bytes has come.
    pub(super) fn is_new(self) -> bool {
        self.bytes == 0
    }

    /// Takes in a byte; the number, if it was the last.
    pub(super) fn add(&mut self, byte: u8) -> Result<Option<u64>, NoNumber> {
        let bits = u64::from(byte & 0x7f);
        let shift = self.bytes * 7;
        let is_last = byte & 0x80 == 0;
        let fits = shift < 63 || (shift == 63 && bits <= 1 && is_last);
        let is_padded = is_last && bits == 0 && self.bytes > 0;
        if !fits || is_padded {
            return Err(NoNumber);
        }
        self.value |= bits << shift;
        self.bytes += 1;
        Ok(is_last.then_some(self.value))
    }
}
