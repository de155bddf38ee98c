//! Large texts and byte strings that a writer has stored, by their SHA-256.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// The number of each that is in the file, in the order in which they were stored.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    stored: HashMap<[u8; 32], u64>,
    count: u64,
}

impl Blobs {
    /// Its number, and whether it has to be stored now.
    pub(super) fn number(&mut self, bytes: &[u8]) -> (u64, bool) {
        let hash = Sha256::digest(bytes).into();
        let mut is_new = false;
        let number = *self.stored.entry(hash).or_insert_with(|| {
            is_new = true;
            self.count
        });
        if is_new {
            self.count += 1;
        }
        (number, is_new)
    }
}
