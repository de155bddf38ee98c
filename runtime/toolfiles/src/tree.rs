//! The folders of a tool tree, as providers of tools.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use wxmcp_broker::{Provider, Providers};
use wxmcp_catalogue::Identifiers;
use wxmcp_policy::Approvals;
use wxmcp_run::RunError;
use wxmcp_run::{BoxFuture, Language, Observer};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::supplied::{CompileError, Supplied};

use crate::folder::Folder;
use crate::rooms::Rooms;
use crate::stamp::Stamp;
use crate::worker::Worker;

/// Most namespaces that a tree may have.
const MAX_NAMESPACES: usize = 1_000;

/// Starts interpreters for tool files.
pub trait Interpreters: Send + Sync {
    /// The sandbox that runs a language. Asked for often; kept by whoever answers. The first time it is loaded, which
    /// may block for a second.
    ///
    /// # Errors
    ///
    /// When the interpreter cannot be loaded.
    fn sandbox(&self, language: Language) -> Result<Arc<Sandbox>, RunError>;

    /// The same where it is loaded already.
    fn loaded(&self, language: Language) -> Option<Arc<Sandbox>>;

    /// A component that somebody supplied, compiled now or before.
    fn component<'a>(&'a self, wasm: &'a [u8]) -> BoxFuture<'a, Result<Supplied, CompileError>>;
}

/// What a tool tree is made of.
#[derive(Clone)]
pub struct TreeConfig {
    /// The folder whose folders are namespaces.
    pub folder: PathBuf,
    /// Where descriptions are kept between processes; nowhere if there is none.
    pub cache: Option<PathBuf>,
    /// What the cache depends on besides the files: the interpreters.
    pub version: String,
    /// Who runs tool files.
    pub interpreters: Arc<dyn Interpreters>,
    /// What tool files may have of what they ask for.
    pub approvals: Approvals,
    /// Linear memory of one tool's instance, in bytes.
    pub memory: u64,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// Who hears what tool files print while they are called.
    pub observer: Arc<dyn Observer>,
}

impl TreeConfig {
    /// The sandbox that runs a language, loaded by a thread that may block.
    pub(crate) async fn sandbox(&self, language: Language) -> Result<Arc<Sandbox>, RunError> {
        if let Some(sandbox) = self.interpreters.loaded(language) {
            return Ok(sandbox);
        }
        let interpreters = Arc::clone(&self.interpreters);
        let loading = tokio::task::spawn_blocking(move || interpreters.sandbox(language));
        loading
            .await
            .unwrap_or_else(|error| Err(RunError::Engine(error.into())))
    }
}

impl std::fmt::Debug for TreeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeConfig")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// What all folders of a tree share.
pub(crate) struct Shared {
    pub(crate) config: TreeConfig,
    pub(crate) rooms: Rooms,
    /// Made when several tool files first run at once.
    worker: OnceLock<Arc<Worker>>,
}

impl Shared {
    pub(crate) fn worker(&self) -> &Arc<Worker> {
        self.worker.get_or_init(Arc::default)
    }
}

/// The folders of a tool tree.
pub struct Tree {
    shared: Arc<Shared>,
    known: Mutex<Known>,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shared.config.fmt(f)
    }
}

#[derive(Default)]
struct Known {
    stamp: Option<Stamp>,
    folders: BTreeMap<String, Arc<Folder>>,
    /// From names in scripts to their own.
    configured: BTreeMap<String, String>,
}

impl Tree {
    /// Reads nothing yet.
    pub fn new(config: TreeConfig) -> Self {
        Self {
            shared: Arc::new(Shared {
                config,
                rooms: Rooms::default(),
                worker: OnceLock::new(),
            }),
            known: Mutex::new(Known::default()),
        }
    }

    /// What there is, read anew if it has changed.
    fn known(&self) -> MutexGuard<'_, Known> {
        let root = &self.shared.config.folder;
        let mut known = self.known.lock();
        let stamp = Stamp::of(root).ok();
        if stamp.is_none() || known.stamp != stamp {
            let names = folder_names(root);
            let identifiers = Identifiers::assign(names.iter().map(String::as_str));
            let mut folders = BTreeMap::new();
            for name in &names {
                let Some(identifier) = identifiers.identifier(name) else {
                    continue;
                };
                let folder = match known.folders.remove(name) {
                    Some(folder) if folder.name() == identifier => folder,
                    _ => Arc::new(Folder::new(
                        name.clone(),
                        identifier.to_owned(),
                        root.join(name),
                        Arc::clone(&self.shared),
                    )),
                };
                folders.insert(name.clone(), folder);
            }
            let configured = folders.iter().map(|(configured_name, folder)| {
                (folder.name().to_owned(), configured_name.clone())
            });
            known.configured = configured.collect();
            known.folders = folders;
            known.stamp = stamp.filter(Stamp::is_settled);
        }
        known
    }
}

impl Providers for Tree {
    fn all(&self) -> Vec<Arc<dyn Provider>> {
        let known = self.known();
        let folders = known.folders.values();
        folders
            .cloned()
            .map(|it| -> Arc<dyn Provider> { it })
            .collect()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Provider>> {
        let known = self.known();
        let by_configured_name = known.folders.get(name);
        let folder =
            by_configured_name.or_else(|| known.folders.get(known.configured.get(name)?))?;
        Some(folder.clone())
    }

    /// Waits for the ends of tool files that nobody waits for any more.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(worker) = self.shared.worker.get() {
                worker.settle().await;
            }
        })
    }
}

/// Names of the folders in the tree that can be namespaces, in order.
fn folder_names(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let kind = entry.file_type().ok()?;
            let is_folder = kind.is_dir() || kind.is_symlink() && root.join(&name).is_dir();
            (is_folder && is_visible(&name)).then_some(name)
        })
        .take(MAX_NAMESPACES)
        .collect();
    names.sort_unstable();
    names
}

/// Whether a name in the tree is meant for it: not hidden, no cache of an interpreter, no
/// packages.
pub(crate) fn is_visible(name: &str) -> bool {
    !name.starts_with(['.', '_']) && name != "node_modules"
}
