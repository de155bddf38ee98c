//! Notes on what a mount refused: each once in a run.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::output::Output;
use wxmcp_run::{Bytes, Quota};

/// Most of these notes that are printed in one run.
const NOTES: usize = 50;

/// Most bytes of a path in one.
const PATH: usize = 300;

/// The notes of one instance.
pub(in crate::files) struct Notes {
    output: Output,
    told: Mutex<HashSet<String>>,
}

impl Notes {
    pub(in crate::files) fn new(output: Output) -> Self {
        Self {
            output,
            told: Mutex::default(),
        }
    }

    /// Another run begins: what it is refused is noted again.
    pub(in crate::files) fn forget(&self) {
        self.told.lock().clear();
    }

    /// The script's folders in memory are full.
    pub(in crate::files) fn scratch_full(&self, limit: u64) {
        self.tell(format!(
            "scratch is full: files outside of mounts have {} together (limit `scratch`); `--scratch SIZE` gives them more, \
             `-v DIR:/data:rw` mounts a folder to write to",
            Bytes(limit)
        ));
    }

    fn tell(&self, text: String) {
        let mut told = self.told.lock();
        if told.len() < NOTES && !told.contains(&text) {
            self.output.note(&text);
            told.insert(text);
        }
    }
}

/// The notes about one mount, by its path in the guest.
#[derive(Clone)]
pub(in crate::files) struct MountNotes {
    pub(in crate::files) notes: Arc<Notes>,
    pub(in crate::files) guest: String,
}

impl MountNotes {
    /// Something inside was to be changed that is protected.
    pub(in crate::files) fn protected(&self, below: &str) {
        let slash = if self.guest.ends_with('/') { "" } else { "/" };
        let path: String = format!("{}{slash}{below}", self.guest)
            .escape_debug()
            .take(PATH)
            .collect();
        self.notes.tell(format!(
            "`{path}` stays as it is: it is protected from scripts, though the mount is writable"
        ));
    }

    /// The quota is spent.
    pub(in crate::files) fn full(&self, quota: &Quota) {
        self.notes.tell(format!(
            "there is no room in `{}`: the run may add {} and {} files to it",
            self.guest,
            Bytes(quota.bytes),
            quota.files
        ));
    }

    /// A folder that is too large to be looked through.
    pub(in crate::files) fn too_large(&self, most: usize) {
        self.notes.tell(format!(
            "a folder of `{}` is not moved: it has more than {most} entries, and something protected may be among them",
            self.guest
        ));
    }
}
