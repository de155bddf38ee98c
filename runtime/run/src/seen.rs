//! What a run has seen of tools that may change while it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

/// When a run began, and which version of each tool file it called first. Copies are the same.
#[derive(Clone, Debug)]
pub struct Seen(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: SystemTime,
    versions: Mutex<BTreeMap<String, String>>,
}

impl Seen {
    /// Of a run that begins now.
    pub fn now() -> Self {
        Self(Arc::new(Inner {
            began: SystemTime::now(),
            versions: Mutex::default(),
        }))
    }

    /// When the run began.
    pub fn began(&self) -> SystemTime {
        self.0.began
    }

    /// Whether this version of a tool is the one that the run saw first.
    pub fn is_first(&self, tool: &str, version: &str) -> bool {
        let mut versions = self.0.versions.lock();
        match versions.get(tool) {
            Some(first) => first == version,
            None => {
                versions.insert(tool.to_owned(), version.to_owned());
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_of_a_tool_counts_for_all_copies() {
        let seen = Seen::now();
        let copy = seen.clone();
        assert!(seen.is_first("a.b", "1") && copy.is_first("a.b", "1"));
        assert!(!copy.is_first("a.b", "2") && seen.is_first("a.c", "2"));
        assert!(Seen::now().is_first("a.b", "2"));
    }
}
