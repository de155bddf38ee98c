//! The tool tree: `tools/<namespace>/<tool>.{ts,js,py,wasm}`.
//!
//! Every folder is a namespace, every file in it a tool. Nothing is read before it is
//! asked for; what changes on disk is seen at the next call.

mod cache;
mod component;
mod definition;
pub(crate) mod folder;
mod host;
mod look;
pub(crate) mod rooms;
mod runner;
mod shared;
mod stamp;
mod wishes;
mod worker;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use wxmcp_sandbox::supplied::{CompileError, Supplied};
use wxmcp_sandbox::{BoxFuture, Error, Language, Observer, Sandbox};
use wxmcp_tooltree::Identifiers;

use folder::Folder;
pub(crate) use host::ToolFileHost;
use stamp::Stamp;
pub(crate) use wishes::{Reach, ToolGrants};
use worker::Worker;

pub use wishes::{ApprovalError, Approvals, Wishes};

/// Most namespaces that a tree may have.
const MAX_NAMESPACES: usize = 1_000;

/// Starts interpreters for tool files.
pub trait Interpreters: Send + Sync {
    /// The sandbox that runs a language. Asked for often; kept by whoever answers.
    ///
    /// # Errors
    ///
    /// When the interpreter cannot be loaded.
    fn sandbox(&self, language: Language) -> Result<Arc<Sandbox>, Error>;

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
    /// Who hears what tool files print while they are called.
    pub observer: Arc<dyn Observer>,
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
    pub(crate) call_timeout: Duration,
    /// Made when several tool files first run at once.
    worker: OnceLock<Arc<Worker>>,
}

impl Shared {
    fn worker(&self) -> &Arc<Worker> {
        self.worker.get_or_init(Arc::default)
    }
}

/// The folders of a tool tree.
pub(crate) struct Tree {
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
    owners: BTreeMap<String, String>,
}

impl Tree {
    pub(crate) fn new(config: TreeConfig, call_timeout: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                config,
                call_timeout,
                worker: OnceLock::new(),
            }),
            known: Mutex::new(Known::default()),
        }
    }

    /// The folders by their own names, as they are now. Those that were known keep
    /// what they know. `taken` are names that others have already.
    pub(crate) fn folders(&self, taken: &dyn Fn(&str) -> bool) -> Vec<Arc<Folder>> {
        let known = self.known();
        let folders = known.folders.values();
        folders
            .filter(|folder| !is_taken(folder, taken))
            .cloned()
            .collect()
    }

    /// Waits for the ends of tool files that nobody waits for any more.
    pub(crate) async fn settle(&self) {
        if let Some(worker) = self.shared.worker.get() {
            worker.settle().await;
        }
    }

    /// What tool files may have.
    pub(crate) fn approvals(&self) -> &Approvals {
        &self.shared.config.approvals
    }

    /// The folder behind either spelling of its name; what else is in the tree costs nothing.
    pub(crate) fn folder(
        &self,
        spelled: &str,
        taken: &dyn Fn(&str) -> bool,
    ) -> Option<Arc<Folder>> {
        let known = self.known();
        let by_owner = known.folders.get(spelled);
        let folder = by_owner.or_else(|| known.folders.get(known.owners.get(spelled)?))?;
        (!is_taken(folder, taken)).then(|| Arc::clone(folder))
    }

    /// What there is, read anew if it has changed.
    fn known(&self) -> MutexGuard<'_, Known> {
        let root = &self.shared.config.folder;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
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
            let owners = folders
                .iter()
                .map(|(owner, folder)| (folder.name().to_owned(), owner.clone()));
            known.owners = owners.collect();
            known.folders = folders;
            known.stamp = stamp.filter(Stamp::is_settled);
        }
        known
    }
}

/// Whether another has one of the folder's names.
fn is_taken(folder: &Folder, taken: &dyn Fn(&str) -> bool) -> bool {
    taken(folder.owner()) || taken(folder.name())
}

/// Names of the folders in the tree that can be namespaces, in order.
fn folder_names(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_visible(name) && root.join(name).is_dir())
        .take(MAX_NAMESPACES)
        .collect();
    names.sort_unstable();
    names
}

/// Whether a name in the tree is meant for it: not hidden, no cache of an interpreter, no
/// packages.
fn is_visible(name: &str) -> bool {
    !name.starts_with(['.', '_']) && name != "node_modules"
}
