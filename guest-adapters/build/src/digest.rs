//! SHA-256, the name of every input and output.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// One digest of many named parts, in the order given.
///
/// Names and parts cannot run into each other: each is preceded by its length.
pub fn of_parts<'p>(parts: impl IntoIterator<Item = (&'p str, &'p [u8])>) -> String {
    let mut digest = Sha256::new();
    for (name, bytes) in parts {
        for part in [name.as_bytes(), bytes] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    }
    HEXLOWER.encode(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_digest_that_other_tools_print() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let one = of_parts([("a", b"bc".as_slice())]);
        let other = of_parts([("ab", b"c".as_slice())]);
        assert_ne!(one, other);
    }
}
