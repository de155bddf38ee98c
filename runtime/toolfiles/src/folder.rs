//! One folder of the tree: a namespace.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use wxmcp_broker::{Answer, Broken, CallerHost, ProvidedTools, Provider};
use wxmcp_catalogue::{Definition, MAX_TOOLS, Namespace, Tool, plain_identifier};
use wxmcp_policy::Grants;
use wxmcp_run::{BoxFuture, CallContext, ClockHandle, Language, ToolError, ToolErrorKind};

use crate::cache::{self, Entries, Entry};
use crate::config::Shared;
use crate::host::FileHost;
use crate::look::{Around, Unknown};
use crate::place::{Place, language};
use crate::runner::ToolFile;
use crate::shared::SharedFiles;
use crate::stamp::Stamp;
use wxmcp_catalogue::wording::{bounded, quoted};

/// How long after its deadline the end of a tool file is waited for.
const GRACE: Duration = Duration::from_secs(1);

/// A folder whose files are tools.
pub(crate) struct Folder {
    /// Its own name.
    configured_name: String,
    /// Its name in scripts.
    name: String,
    path: PathBuf,
    shared: Arc<Shared>,
    listed: Mutex<Option<Arc<Listed>>>,
}

/// A folder that was read, before its new files are looked at.
struct Read {
    stamp: Option<Stamp>,
    /// Where what is known of it is kept.
    place: Option<PathBuf>,
    shared: Arc<SharedFiles>,
    /// What is known of its files.
    entries: Entries,
    unknown: Vec<Unknown>,
    /// Whether the entries differ from those that are kept.
    is_new: bool,
}

/// The tools of a folder as they were when it was last looked at.
#[derive(Default)]
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

impl Listed {
    /// Why the file of that tool is none.
    pub(crate) fn why_broken(&self, tool: &str) -> Option<&str> {
        self.broken.iter().find_map(|broken| {
            let (_, file) = broken.file.rsplit_once('/')?;
            let (stem, _) = file.rsplit_once('.')?;
            (stem.replace('-', "_") == tool.replace('-', "_")).then_some(broken.why.as_str())
        })
    }
}

impl Folder {
    pub(crate) fn new(
        configured_name: String,
        name: String,
        path: PathBuf,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            configured_name,
            name,
            path,
            shared,
            listed: Mutex::new(None),
        }
    }

    /// The tools as they are now; with `only`, as far as that one tool goes. Reading
    /// files that are not known yet is not the run's time.
    async fn listed(self: &Arc<Self>, only: Option<&str>, clock: &ClockHandle) -> Arc<Listed> {
        let mut kept = self.listed.lock().await;
        if let Some(listed) = kept.take() {
            let is_current = match only {
                Some(_) => self.is_current(&listed, only),
                // Every file of the folder is looked at: thousands may take longer than the event loop may stand.
                None => {
                    let (folder, listed) = (Arc::clone(self), Arc::clone(&listed));
                    aside(move || folder.is_current(&listed, None))
                        .await
                        .unwrap_or(false)
                }
            };
            *kept = Some(Arc::clone(&listed));
            if is_current {
                return listed;
            }
        }
        let _pause = clock.pause();
        let listed = self.list(kept.clone()).await;
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

    /// Reads the folder. Files are read, and what is known is written, by threads of their own.
    async fn list(self: &Arc<Self>, before: Option<Arc<Listed>>) -> Arc<Listed> {
        let (folder, known) = (Arc::clone(self), before.clone());
        let read = aside(move || {
            let read = folder.read();
            // Where nothing is new, all of it is done by one thread.
            match read.unknown.is_empty() {
                true => Ok(Arc::new(folder.known(read, known.as_deref()))),
                false => Err(Box::new(read)),
            }
        });
        let mut read = match read.await {
            Some(Ok(listed)) => return listed,
            Some(Err(read)) => *read,
            None => return Arc::default(),
        };
        let unknown = std::mem::take(&mut read.unknown);
        read.is_new = true;
        let around = Around {
            namespace: self.configured_name.clone(),
            folder: self.path.clone(),
            files: Arc::clone(&read.shared),
            fingerprint: read.shared.fingerprint(),
            shared: Arc::clone(&self.shared),
        };
        around.look(unknown, &mut read.entries).await;
        let folder = Arc::clone(self);
        let listed = aside(move || Arc::new(folder.known(read, before.as_deref())));
        listed.await.unwrap_or_default()
    }

    /// What is in the folder, and what is known of it.
    fn read(&self) -> Read {
        let stamp = Stamp::of(&self.path).ok().filter(Stamp::is_settled);
        let config = &self.shared.config;
        let place = cache::place(config.cache.as_deref(), &self.path);
        let mut kept = place
            .as_deref()
            .map(|place| cache::load(place, &config.version))
            .unwrap_or_default();
        let (files, marked) = self.files();
        let shared = Arc::new(SharedFiles::of(&config.folder, &self.path, &marked));
        let fingerprint = shared.fingerprint();
        let is_known = |known: &Entry, language: Language| {
            let is_same = fingerprint.is_some() && known.shared == fingerprint;
            is_same || language == Language::Component
        };
        let is_new = kept.len() > MAX_TOOLS;
        let is_same = |((file, stamp), (name, known)): ((&String, &Stamp), (&String, &Entry))| {
            let language = language(file).map(|(language, _)| language);
            file == name
                && known.stamp == Some(*stamp)
                && language.is_some_and(|language| is_known(known, language))
        };
        if files.len() == kept.len() && files.iter().zip(&kept).all(is_same) {
            return Read {
                stamp,
                place,
                entries: kept,
                unknown: Vec::new(),
                is_new: false,
                shared,
            };
        }
        let mut entries = Entries::new();
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
        Read {
            stamp,
            place,
            shared,
            entries,
            unknown,
            is_new,
        }
    }

    /// The tools of a folder that was read; those that were known `before`, and are the same, stay.
    fn known(&self, read: Read, before: Option<&Listed>) -> Listed {
        let Read {
            stamp,
            place,
            shared,
            entries,
            is_new,
            ..
        } = read;
        if is_new && let Some(place) = &place {
            cache::store(place, &self.shared.config.version, &entries);
        }
        let mut listed = Listed {
            tools: Arc::default(),
            broken: Vec::new(),
            files: BTreeMap::new(),
            stamps: BTreeMap::new(),
            names: BTreeMap::new(),
            stamp,
            shared,
        };
        let mut definitions = Vec::new();
        for (file, entry) in entries {
            self.add(file, entry, before, &mut listed, &mut definitions);
        }
        let tools = Namespace::new(definitions);
        for oddity in tools.oddities() {
            listed.broken.push(Broken {
                file: format!("tools/{}/{}", self.configured_name, oddity.name),
                why: oddity.reason.to_string(),
            });
        }
        listed.tools = Arc::new(tools);
        listed
    }

    /// Adds the tools of one file.
    fn add(
        &self,
        file: String,
        entry: Entry,
        before: Option<&Listed>,
        listed: &mut Listed,
        definitions: &mut Vec<Definition>,
    ) {
        listed.stamps.insert(file.clone(), entry.stamp);
        let Some((language, _)) = language(&file) else {
            return;
        };
        let mut broken = |why: String| {
            listed.broken.push(Broken {
                file: format!("tools/{}/{file}", self.configured_name),
                why: bounded(&why),
            });
        };
        let described = match entry.defined {
            Ok(described) => described,
            Err(why) => return broken(why),
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
                    namespace: &self.configured_name,
                    tool: &tool,
                    file: &file,
                    path: self.path.join(&file),
                    language,
                    shared: &listed.shared,
                };
                Arc::new(ToolFile::new(place, &entry.digest, &defined, &self.shared))
            });
            definitions.push(defined.definition());
            listed.files.insert(tool.clone(), made);
            listed.names.insert(tool, file.clone());
        }
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
    fn told_tools(&self) -> Option<Vec<String>> {
        let (files, _) = self.files();
        let tools = files.keys().map(|file| match language(file)? {
            (Language::Component, _) => None,
            (_, tool) => Some(tool.to_owned()),
        });
        tools.collect()
    }
}

impl Provider for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    fn configured_name(&self) -> &str {
        &self.configured_name
    }

    fn has_tool_files(&self) -> bool {
        true
    }

    fn known_tools(&self) -> Option<Vec<[String; 2]>> {
        let tools = self.told_tools()?.into_iter();
        Some(tools.map(|tool| [plain_identifier(&tool), tool]).collect())
    }

    fn tools<'a>(
        self: Arc<Self>,
        only: Option<&'a str>,
        context: &'a CallContext,
        _deadline: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn ProvidedTools>, ToolError>> {
        Box::pin(async move {
            let listed = self.listed(only, &context.clock).await;
            let tools = FolderTools {
                folder: self,
                listed,
            };
            let tools: Box<dyn ProvidedTools> = Box::new(tools);
            Ok(tools)
        })
    }
}

/// The tools of a folder, as they were when somebody asked.
struct FolderTools {
    folder: Arc<Folder>,
    listed: Arc<Listed>,
}

impl ProvidedTools for FolderTools {
    fn namespace(&self) -> &Arc<Namespace> {
        &self.listed.tools
    }

    fn unchanged(&self, tool: &str, context: &CallContext) -> Result<(), ToolError> {
        let (Some(file), Some(name)) = (self.listed.files.get(tool), self.listed.names.get(tool))
        else {
            return Ok(());
        };
        let began = context.seen.began();
        // A file without a stamp was changed just before it was read.
        let stamp = self.listed.stamps.get(name).copied().flatten();
        let stamp = stamp.or_else(|| Stamp::of_file(&self.folder.path.join(name)).ok());
        let is_old = stamp.is_some_and(|stamp| !stamp.is_after(began))
            && !self.listed.shared.changed_after(began);
        let full = format!("{}.{tool}", self.folder.name);
        match is_old && context.seen.is_first(&full, file.digest()) {
            true => Ok(()),
            false => Err(file.changed()),
        }
    }

    fn grants(&self, tool: &str) -> Option<Arc<Grants>> {
        Some(Arc::clone(&self.listed.files.get(tool)?.grants))
    }

    /// Calls a tool file when a slot is free.
    fn call<'a>(
        &'a self,
        tool: &'a Tool,
        arguments: Map<String, Value>,
        nested: Option<Arc<CallerHost>>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Answer, ToolError>> {
        Box::pin(async move {
            let (shared, name) = (&self.folder.shared, tool.name());
            let full = format!("{}.{name}", self.folder.name);
            let (Some(file), Some(nested)) = (self.listed.files.get(name), nested) else {
                return Err(ToolError::new(
                    ToolErrorKind::UnknownTool,
                    format!("there is no tool `{full}`"),
                ));
            };
            let depth = nested.caller().depth().saturating_sub(1);
            let Some(slot) = shared.slots.enter(depth).await else {
                return Err(ToolError::new(
                    ToolErrorKind::ToolFailed,
                    format!("there is no slot for `{full}` to run in"),
                ));
            };
            if !file.is_reusable() {
                // What else the caller begins is then under way, too. A kept instance is as quick as this.
                tokio::task::yield_now().await;
            }
            let host = Arc::new(FileHost::new(nested, slot, context.seen.clone()));
            let calling = file.call(&full, arguments, host, context, shared);
            // The sandbox of a tool file keeps the deadline itself, and says what it stopped.
            let ended = tokio::time::timeout(deadline.saturating_add(GRACE), calling).await;
            ended.map_err(|_| {
                ToolError::new(
                    ToolErrorKind::CallTimedOut,
                    format!(
                        "`{}` did not answer {} within {deadline:?}",
                        self.folder.name,
                        quoted(name)
                    ),
                )
            })?
        })
    }

    fn why_broken(&self, tool: &str) -> Option<&str> {
        self.listed.why_broken(tool)
    }

    fn broken(&self) -> &[Broken] {
        &self.listed.broken
    }

    fn could_be_reusable(&self, tool: &str) -> bool {
        let file = self.listed.files.get(tool);
        file.is_some_and(|file| file.could_be_reusable())
    }
}

/// Runs work that blocks on a thread that may; none if it panicked.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
