//! One folder of the tree: a namespace.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use wxmcp_sandbox::{Language, RunClock, ToolError, ToolErrorKind};
use wxmcp_tooltree::{MAX_TOOLS, Namespace};

use super::Shared;
use super::cache::{self, Entries, Entry};
use super::host::ToolFileHost;
use super::look::{Around, Unknown};
use super::runner::{Place, ToolFile, language};
use super::shared::SharedFiles;
use super::stamp::Stamp;
use crate::wording::bounded;

/// A folder whose files are tools.
pub(crate) struct Folder {
    /// Its own name.
    owner: String,
    /// Its name in scripts.
    name: String,
    path: PathBuf,
    shared: Arc<Shared>,
    listed: Mutex<Option<Arc<Listed>>>,
}

/// The tools of a folder as they were when it was last looked at.
pub(crate) struct Listed {
    /// The tools that can be called.
    pub(crate) tools: Arc<Namespace>,
    /// Files that are no tools, and why.
    pub(crate) broken: Vec<Broken>,
    files: BTreeMap<String, Arc<ToolFile>>,
    /// By file name, all of them.
    stamps: BTreeMap<String, Option<Stamp>>,
    /// By tool, its file's name.
    names: BTreeMap<String, String>,
    stamp: Option<Stamp>,
    shared: Arc<SharedFiles>,
}

/// A tool file that does not load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// `tools/database/query.ts`.
    pub file: String,
    /// What is wrong with it, on one line.
    pub why: String,
}

impl Listed {
    /// Why the file of that tool is none.
    pub(crate) fn why_broken(&self, tool: &str) -> Option<&str> {
        self.broken.iter().find_map(|broken| {
            let (_, file) = broken.file.rsplit_once('/')?;
            let (stem, _) = file.rsplit_once('.')?;
            (stem.replace('-', "_") == tool.replace('-', "_")).then_some(broken.why.as_str())
        })
    }

    /// The file of a tool, by the tool's own name.
    pub(crate) fn file(&self, tool: &str) -> Option<&Arc<ToolFile>> {
        self.files.get(tool)
    }
}

impl Folder {
    pub(super) fn new(owner: String, name: String, path: PathBuf, shared: Arc<Shared>) -> Self {
        Self {
            owner,
            name,
            path,
            shared,
            listed: Mutex::new(None),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// The tools as they are now; with `only`, as far as that one tool goes. Reading
    /// files that are not known yet is not the run's time.
    pub(crate) async fn listed(&self, only: Option<&str>, clock: &RunClock) -> Arc<Listed> {
        let mut kept = self.listed.lock().await;
        if let Some(listed) = &*kept
            && self.is_current(listed, only)
        {
            return Arc::clone(listed);
        }
        let _pause = clock.pause();
        let listed = Arc::new(self.list(kept.as_deref()).await);
        *kept = Some(Arc::clone(&listed));
        listed
    }

    fn is_current(&self, listed: &Listed, only: Option<&str>) -> bool {
        let is_same = |file: &str, stamp: &Option<Stamp>| {
            stamp.is_some() && Stamp::of_file(&self.path.join(file)).ok() == *stamp
        };
        if listed.stamp.is_none() || Stamp::of(&self.path).ok() != listed.stamp {
            return false;
        }
        if !listed.shared.is_current() {
            return false;
        }
        let one = only
            .and_then(|spelled| listed.tools.resolve(spelled))
            .and_then(|named| listed.names.get(named.tool.name()));
        match one {
            Some(file) => listed
                .stamps
                .get(file)
                .is_some_and(|stamp| is_same(file, stamp)),
            None => listed
                .stamps
                .iter()
                .all(|(file, stamp)| is_same(file, stamp)),
        }
    }

    async fn list(&self, before: Option<&Listed>) -> Listed {
        let stamp = Stamp::of(&self.path).ok().filter(Stamp::is_settled);
        let config = &self.shared.config;
        let place = cache::place(config.cache.as_deref(), &self.path);
        let kept = place
            .as_deref()
            .map(|place| cache::load(place, &config.version))
            .unwrap_or_default();
        let (files, marked) = self.files();
        let shared = SharedFiles::of(&self.shared.config.folder, &self.path, &marked);
        let shared = Arc::new(shared);
        let (entries, is_new) = self.entries(files, kept, &shared).await;
        if is_new && let Some(place) = &place {
            cache::store(place, &config.version, &entries);
        }
        let mut listed = Listed {
            tools: Arc::default(),
            broken: Vec::new(),
            files: BTreeMap::new(),
            stamps: BTreeMap::new(),
            names: BTreeMap::new(),
            stamp,
            shared: Arc::clone(&shared),
        };
        let mut definitions = Vec::new();
        for (file, entry) in entries {
            listed.stamps.insert(file.clone(), entry.stamp);
            let Some((language, _)) = language(&file) else {
                continue;
            };
            let mut broken = |why: String| {
                listed.broken.push(Broken {
                    file: format!("tools/{}/{file}", self.owner),
                    why: bounded(&why),
                });
            };
            let described = match entry.defined {
                Ok(described) => described,
                Err(why) => {
                    broken(why);
                    continue;
                }
            };
            described.left_out.into_iter().for_each(&mut broken);
            for defined in described.tools {
                let tool = defined.name.clone();
                if let Some(other) = listed.names.get(&tool) {
                    broken(format!("`{other}` has defined the tool `{tool}` already"));
                    continue;
                }
                let made = before
                    .and_then(|before| before.files.get(&tool))
                    .filter(|made| made.is_of(&entry.digest, &file));
                let made = made.cloned().unwrap_or_else(|| {
                    let place = Place {
                        namespace: &self.owner,
                        tool: &tool,
                        file: &file,
                        path: self.path.join(&file),
                        language,
                        shared: &shared,
                    };
                    Arc::new(ToolFile::new(place, &entry.digest, &defined, &self.shared))
                });
                definitions.push(defined.definition());
                listed.files.insert(tool.clone(), made);
                listed.names.insert(tool, file.clone());
            }
        }
        let tools = Namespace::new(definitions);
        for oddity in tools.oddities() {
            listed.broken.push(Broken {
                file: format!("tools/{}/{}", self.owner, oddity.name),
                why: oddity.reason.to_string(),
            });
        }
        listed.tools = Arc::new(tools);
        listed
    }

    /// What all files of the folder are, and whether any of it is new.
    async fn entries(
        &self,
        files: BTreeMap<String, Stamp>,
        mut kept: Entries,
        shared: &Arc<SharedFiles>,
    ) -> (Entries, bool) {
        let mut entries = Entries::new();
        let mut is_new = kept.len() > MAX_TOOLS;
        let fingerprint = shared.fingerprint();
        let is_known = |known: &Entry, language: Language| {
            let is_same = fingerprint.is_some() && known.shared == fingerprint;
            is_same || language == Language::Component
        };
        let is_same = |((file, stamp), (name, known)): ((&String, &Stamp), (&String, &Entry))| {
            let language = language(file).map(|(language, _)| language);
            file == name
                && known.stamp == Some(*stamp)
                && language.is_some_and(|language| is_known(known, language))
        };
        if files.len() == kept.len() && files.iter().zip(&kept).all(is_same) {
            return (kept, false);
        }
        let mut unknown = Vec::new();
        for (file, stamp) in files {
            let Some((language, _)) = language(&file) else {
                continue;
            };
            match kept.remove(&file) {
                Some(known) if known.stamp == Some(stamp) && is_known(&known, language) => {
                    entries.insert(file, known);
                }
                known => unknown.push(Unknown { file, stamp, known }),
            }
        }
        if !unknown.is_empty() {
            is_new = true;
            let around = Around {
                namespace: self.owner.clone(),
                folder: self.path.clone(),
                files: Arc::clone(shared),
                fingerprint,
                shared: Arc::clone(&self.shared),
            };
            around.look(unknown, &mut entries).await;
        }
        (entries, is_new)
    }

    /// The files that may be tools, by name, and the names that begin with `_`.
    fn files(&self) -> (BTreeMap<String, Stamp>, Vec<String>) {
        let mut marked = Vec::new();
        let files = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                if name.starts_with('_') {
                    marked.push(name);
                    return None;
                }
                language(&name)?;
                Some((name, Stamp::of_entry(&entry).ok()?))
            })
            .take(MAX_TOOLS)
            .collect();
        (files, marked)
    }

    /// The names of all its tools as the names of its files tell them, which is without
    /// reading any; none if a file may hold several.
    pub(crate) fn told_tools(&self) -> Option<Vec<String>> {
        let (files, _) = self.files();
        let tools = files.keys().map(|file| match language(file)? {
            (Language::Component, _) => None,
            (_, tool) => Some(tool.to_owned()),
        });
        tools.collect()
    }

    /// Calls a tool by its own name.
    pub(crate) async fn call(
        &self,
        listed: &Listed,
        tool: &str,
        arguments: Map<String, Value>,
        host: Arc<ToolFileHost>,
    ) -> Result<(Value, u64), ToolError> {
        let full = format!("{}.{tool}", self.name);
        let Some(file) = listed.files.get(tool) else {
            return Err(ToolError::new(
                ToolErrorKind::UnknownTool,
                format!("there is no tool `{full}`"),
            ));
        };
        file.call(&full, arguments, host, &self.shared).await
    }
}
