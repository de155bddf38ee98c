//! The folders of a tool tree, as providers of tools.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use wxmcp_broker::{Provider, Providers};
use wxmcp_catalogue::Identifiers;
use wxmcp_run::{BoxFuture, Ledger};

use crate::config::{Shared, TreeConfig};
use crate::folder::Folder;
use crate::place::is_visible;
use crate::stamp::Stamp;

/// Most namespaces that a tree may have.
const MAX_NAMESPACES: usize = 1_000;

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
    /// Reads nothing yet. What it holds is charged to the process's ledger.
    pub fn new(config: TreeConfig, ledger: Ledger) -> Self {
        Self {
            shared: Arc::new(Shared::new(config, ledger)),
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
