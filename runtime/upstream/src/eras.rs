//! Which handshake each server took, kept between processes: a server that is silent on the
//! first question costs a wait only once.
//!
//! A line is a digest of the server's configuration and a word; the newest is the last. What
//! is read is only ever a hint: a handshake that fails is followed by the other one.

use std::fs;
use std::path::PathBuf;

use crate::connection::Era;
use wxmcp_cache as cache;

/// Servers that are remembered.
const MAX_SERVERS: usize = 500;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The memory of a broker; without a place it forgets everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Eras(Option<PathBuf>);

impl Eras {
    pub(crate) fn new(place: Option<PathBuf>) -> Self {
        Self(place)
    }

    /// The era that worked the last time.
    pub(crate) fn recall(&self, server: &str) -> Option<Era> {
        let lines = self.lines();
        let mut known = lines.iter().rev().filter_map(|line| line.split_once(' '));
        let (_, word) = known.find(|(known, _)| *known == server)?;
        match word {
            "legacy" => Some(Era::Legacy),
            "modern" => Some(Era::Modern),
            _ => None,
        }
    }

    /// Keeps what worked. That it could not be kept costs time only.
    pub(crate) fn keep(&self, server: &str, era: Era) -> Option<()> {
        let word = match era {
            Era::Unknown => return self.forget(server),
            Era::Legacy => "legacy",
            Era::Modern => "modern",
        };
        let mut lines = self.others(server);
        lines.push(format!("{server} {word}"));
        self.store(&lines)
    }

    /// Forgets what did not work.
    pub(crate) fn forget(&self, server: &str) -> Option<()> {
        self.store(&self.others(server))
    }

    fn others(&self, server: &str) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| {
            line.split_once(' ')
                .is_some_and(|(known, _)| known != server)
        });
        lines
    }

    fn store(&self, lines: &[String]) -> Option<()> {
        let newest = lines.iter().skip(lines.len().saturating_sub(MAX_SERVERS));
        let text: String = newest.map(|line| format!("{line}\n")).collect();
        cache::store(self.0.as_deref()?, text.as_bytes())
    }

    /// What is kept; nothing if others can have written it.
    fn lines(&self) -> Vec<String> {
        let text = self
            .0
            .as_deref()
            .filter(|place| cache::is_ours(place, MAX_BYTES))
            .and_then(|place| fs::read_to_string(place).ok())
            .unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_last_era_is_recalled_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let eras = Eras::new(Some(folder.path().join("cache/eras")));
        assert_eq!(eras.recall("a"), None);
        eras.keep("a", Era::Legacy).unwrap();
        eras.keep("b", Era::Modern).unwrap();
        assert_eq!(eras.recall("a"), Some(Era::Legacy));
        eras.keep("a", Era::Modern).unwrap();
        assert_eq!(eras.recall("a"), Some(Era::Modern));
        eras.forget("a").unwrap();
        assert_eq!(eras.recall("a"), None);
        assert_eq!(eras.recall("b"), Some(Era::Modern));
        let nowhere = Eras::default();
        assert_eq!(nowhere.keep("a", Era::Legacy), None);
        assert_eq!(nowhere.recall("a"), None);
    }

    #[test]
    fn as_much_is_kept_as_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let eras = Eras::new(Some(folder.path().join("eras")));
        let digest = |number: usize| format!("{number:064}");
        let lines: Vec<String> = (0..2 * MAX_SERVERS)
            .map(|number| format!("{} legacy", digest(number)))
            .collect();
        eras.store(&lines).unwrap();
        assert_eq!(eras.recall(&digest(0)), None);
        assert_eq!(eras.recall(&digest(2 * MAX_SERVERS - 1)), Some(Era::Legacy));
        assert_eq!(eras.lines().len(), MAX_SERVERS);
    }

    #[test]
    fn what_others_can_have_written_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("eras");
        let eras = Eras::new(Some(place.clone()));
        for noise in [
            "",
            "a",
            "a legacy modern",
            "a \u{0}",
            "legacy a",
            "\n\n a legacy",
        ] {
            fs::write(&place, noise).unwrap();
            assert_eq!(eras.recall("a"), None, "{noise:?}");
        }
        fs::write(&place, [0xFF; 100]).unwrap();
        assert_eq!(eras.recall("a"), None);
        eras.keep("a", Era::Legacy).unwrap();
        assert_eq!(eras.recall("a"), Some(Era::Legacy));
        fs::set_permissions(&place, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(eras.recall("a"), None);
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        assert_eq!(
            (eras.recall("a"), eras.keep("a", Era::Legacy)),
            (None, None)
        );
    }
}
