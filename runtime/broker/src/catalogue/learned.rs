//! What answers look like, of tools that do not say so: learned where that was asked for.
//!
//! Only shapes are kept (see [`Shape`]), by the digest of the tool's definition: a tool that
//! changes is learned anew. Each principal has shapes of its own, since they tell of its answers.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lru::LruCache;
use parking_lot::Mutex;
use serde_json::Value;
use wxmcp_cache as cache;
use wxmcp_catalogue::{Shape, Tool};
use wxmcp_policy::Principal;

/// Largest kept shape that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Tools whose shapes are held in memory.
const MAX_TOOLS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_999);

/// The shapes of tools, in a folder of a user's cache.
#[derive(Debug)]
pub(crate) struct Learned {
    folder: PathBuf,
    shapes: Mutex<LruCache<PathBuf, Shape>>,
}

impl Learned {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            shapes: Mutex::new(LruCache::new(MAX_TOOLS)),
        }
    }

    /// Learns from an answer of a tool. That it could not be kept costs only what was learned.
    pub(crate) fn observe(&self, of: &Principal, namespace: &str, tool: &Tool, answer: &Value) {
        let place = self.place(of, namespace, tool);
        let mut shapes = self.shapes.lock();
        let shape = shapes.get_or_insert_mut(place.clone(), || stored(&place));
        if shape.observe(answer)
            && let Ok(bytes) = serde_json::to_vec(shape)
        {
            cache::store(&place, &bytes);
        }
    }

    /// The learned schema of a tool's answers; `namespace` is its configured name.
    pub(crate) fn schema(&self, of: &Principal, namespace: &str, tool: &Tool) -> Option<Value> {
        let place = self.place(of, namespace, tool);
        let mut shapes = self.shapes.lock();
        shapes
            .get_or_insert(place.clone(), || stored(&place))
            .schema()
    }

    fn place(&self, of: &Principal, namespace: &str, tool: &Tool) -> PathBuf {
        let key = format!("{}\0{namespace}\0{}", of.name, tool.digest());
        let name = cache::hex(key.as_bytes());
        self.folder.join(format!("{name}.json"))
    }
}

/// The shape that was kept by an earlier process; an empty one if there is none.
fn stored(place: &Path) -> Shape {
    Some(place)
        .filter(|place| cache::is_ours(place, MAX_BYTES))
        .and_then(|place| fs::read(place).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
