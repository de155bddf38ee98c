//! The current folder of a guest, as libc keeps it in memory.

use anyhow::{Result, ensure};

/// Writes one path in place of another, as long, wherever a core module has it; how often that was.
///
/// # Errors
///
/// When the paths differ in length, or the module does not have it.
pub(crate) fn replace(core: &mut [u8], path: &[u8], by: &[u8]) -> Result<usize> {
    ensure!(path.len() == by.len(), "the paths differ in length");
    let mut found = 0;
    let mut rest = core;
    while let Some(at) = rest.windows(path.len()).position(|part| part == path) {
        let (_, from) = rest.split_at_mut(at);
        let (place, behind) = from.split_at_mut(path.len());
        place.copy_from_slice(by);
        found += 1;
        rest = behind;
    }
    ensure!(found > 0, "the module has no `{}`", path.escape_ascii());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_written_to() -> Result<()> {
        let mut core = *b"..ab.abab";
        assert_eq!(replace(&mut core, b"ab", b"xy")?, 3);
        assert_eq!(&core, b"..xy.xyxy");
        assert!(replace(&mut core, b"ab", b"xy").is_err());
        assert!(replace(&mut core, b"xy", b"xyz").is_err());
        Ok(())
    }
}
