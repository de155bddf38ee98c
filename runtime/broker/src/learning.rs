//! What answers look like, of tools that do not say so: learned where that was asked for.
//!
//! Only shapes are kept (see [`Shape`]), by the digest of the tool's definition: a tool that
//! changes is learned anew.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use wxmcp_catalogue::{Shape, Tool};

use crate::kept;

/// Largest kept shape that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Tools whose shapes are held in memory.
const MAX_TOOLS: usize = 2_000;

/// The shapes of a user's tools, in a folder of his cache.
#[derive(Debug)]
pub(crate) struct Learning {
    folder: PathBuf,
    shapes: Mutex<HashMap<PathBuf, Shape>>,
}

impl Learning {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            shapes: Mutex::default(),
        }
    }

    /// Learns from an answer of a tool. That it could not be kept costs only what was learned.
    pub(crate) fn observe(&self, owner: &str, tool: &Tool, answer: &Value) {
        let place = self.place(owner, tool);
        let mut shapes = self.shapes();
        let shape = known(&mut shapes, &place);
        if shape.observe(answer)
            && let Ok(bytes) = serde_json::to_vec(shape)
        {
            kept::store(&place, &bytes);
        }
    }

    /// The learned schema of a tool's answers.
    pub(crate) fn schema(&self, owner: &str, tool: &Tool) -> Option<Value> {
        let place = self.place(owner, tool);
        known(&mut self.shapes(), &place).schema()
    }

    fn place(&self, owner: &str, tool: &Tool) -> PathBuf {
        let name = kept::hex(format!("{owner}\0{}", tool.digest()).as_bytes());
        self.folder.join(format!("{name}.json"))
    }

    fn shapes(&self) -> MutexGuard<'_, HashMap<PathBuf, Shape>> {
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shape that is known, or was kept.
fn known<'a>(shapes: &'a mut HashMap<PathBuf, Shape>, place: &Path) -> &'a mut Shape {
    if shapes.len() >= MAX_TOOLS && !shapes.contains_key(place) {
        shapes.clear();
    }
    shapes.entry(place.to_owned()).or_insert_with(|| {
        Some(place)
            .filter(|place| kept::is_ours(place, MAX_BYTES))
            .and_then(|place| fs::read(place).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    })
}
