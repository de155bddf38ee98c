//! Files of named directories.

mod change;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use wxmcp_run::{CallContext, ToolError, ToolErrorKind, Written};

use crate::DirectoryConfig;
use crate::charged::Charged;
use wxmcp_catalogue::wording::bounded;
use wxmcp_policy::Grants;
use wxmcp_run::{Access, Capability, Protected};

/// Largest file that is read or written at once, in bytes.
const MAX_FILE: u64 = 8 << 20;

/// Most entries of one listing, and of a directory that tools may add to.
const MAX_ENTRIES: usize = 10_000;

/// What a file that is read is held as, besides the JSON: its bytes, and their text.
const COPIES: u64 = 3;

/// Bytes that a listing takes while it is made: its entries twice, with names as long as systems allow.
const LISTING: u64 = 16 << 20;

/// Longest path, in bytes.
const MAX_PATH: usize = 1_024;

/// `files` of `wit/capabilities.wit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) directory: String,
    action: Action,
    path: String,
    #[serde(rename = "as")]
    form: Option<Form>,
    text: Option<String>,
    bytes: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Read,
    Write,
    Append,
    List,
    Stat,
    Remove,
    MakeDirectory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Text,
    Bytes,
}

/// A directory that tools may use. Links do not lead out of it.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    name: String,
    config: DirectoryConfig,
    /// What no tool file may change here.
    protected: Arc<Protected>,
    /// One writer at a time, so that the quota holds.
    writing: Arc<Mutex<()>>,
}

impl Directory {
    pub(super) fn new(name: &str, config: DirectoryConfig, protected: &Arc<Protected>) -> Self {
        Self {
            name: name.to_owned(),
            config,
            protected: Arc::clone(protected),
            writing: Arc::default(),
        }
    }

    pub(super) async fn perform(
        &self,
        request: Request,
        access: Access,
        grants: &Grants,
        context: &CallContext,
    ) -> Result<Written, ToolError> {
        let writes = !matches!(request.action, Action::Read | Action::List | Action::Stat);
        if writes && access == Access::ReadOnly {
            return Err(grants.only_reads(Capability::Files, &self.name));
        }
        if !is_inside(&request.path) {
            return Err(ToolError::new(
                ToolErrorKind::NotGranted,
                format!(
                    "`{}` is no path inside the directory `{}`: paths are relative and have no `..`",
                    bounded(&request.path),
                    self.name
                ),
            ));
        }
        // Content that is written is a copy of what came; what is read is text or base64, beside the bytes.
        let copy = match request.action {
            Action::Write | Action::Append => context.held.bytes(),
            Action::Read => self.length(&request.path).await.saturating_mul(COPIES),
            Action::List => LISTING,
            Action::Stat | Action::Remove | Action::MakeDirectory => 0,
        };
        let copy = context.ledger.charge_when_free(copy).await?;
        let directory = self.clone();
        let (held, ledger) = (context.held.clone(), context.ledger.clone());
        let working = tokio::task::spawn_blocking(move || {
            let answer = directory.act(&request)?;
            let mut written = Charged::new(&ledger);
            written.json(&answer)?;
            // A thread that nobody waits for any more holds it all until here.
            drop((answer, request, copy, held));
            Ok(written.written())
        });
        working.await.unwrap_or_else(|_| {
            Err(ToolError::new(
                ToolErrorKind::CapabilityFailed,
                "the file operation failed",
            ))
        })
    }

    /// How many bytes of a file may be read.
    async fn length(&self, path: &str) -> u64 {
        let (root, path) = (self.config.path.clone(), path.to_owned());
        let looking = tokio::task::spawn_blocking(move || {
            let dir = Dir::open_ambient_dir(&root, ambient_authority()).ok()?;
            Some(dir.metadata(path).ok()?.len())
        });
        let found = looking.await.ok().flatten().unwrap_or_default();
        found.min(MAX_FILE)
    }

    fn act(&self, request: &Request) -> Result<Value, ToolError> {
        let path = request.path.as_str();
        let failed = |error: std::io::Error| self.failed(path, &error);
        let dir = Dir::open_ambient_dir(&self.config.path, ambient_authority())
            .map_err(|error| self.failed(".", &error))?;
        match request.action {
            Action::Read => {
                let bytes = self.read(&dir, path)?;
                if request.form == Some(Form::Bytes) {
                    return Ok(json!({ "bytes": STANDARD.encode(bytes) }));
                }
                let text = String::from_utf8(bytes).map_err(|_| {
                    self.error(
                        ToolErrorKind::CapabilityFailed,
                        path,
                        "it is not UTF-8: read its bytes",
                    )
                })?;
                Ok(json!({ "text": text }))
            }
            Action::Write | Action::Append => self.write(&dir, request),
            Action::List => self.list(&dir, path),
            Action::Stat => {
                let found = dir.metadata(path).map_err(failed)?;
                let modified = found.modified().ok().and_then(|time| {
                    let since = time.into_std().duration_since(UNIX_EPOCH).ok()?;
                    Some(since.as_secs())
                });
                Ok(json!({"kind": kind(&found), "bytes": size(&found), "modified": modified}))
            }
            Action::Remove => self.remove(&dir, path),
            Action::MakeDirectory => self.make_directory(&dir, path),
        }
    }

    fn list(&self, dir: &Dir, path: &str) -> Result<Value, ToolError> {
        let failed = |error: std::io::Error| self.failed(path, &error);
        let mut entries = Vec::new();
        for entry in dir.read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if entries.len() >= MAX_ENTRIES {
                let why = format!("it has more than {MAX_ENTRIES} entries");
                return Err(self.error(ToolErrorKind::LimitReached, path, &why));
            }
            let found = entry.metadata().map_err(failed)?;
            entries.push((name, kind(&found), size(&found)));
        }
        entries.sort_unstable();
        let entries: Vec<Value> = entries
            .into_iter()
            .map(|(name, kind, bytes)| json!({"name": name, "kind": kind, "bytes": bytes}))
            .collect();
        Ok(json!({ "entries": entries }))
    }

    fn read(&self, dir: &Dir, path: &str) -> Result<Vec<u8>, ToolError> {
        let failed = |error: std::io::Error| self.failed(path, &error);
        // Opening a pipe would block until another process writes to it.
        if !dir.metadata(path).map_err(failed)?.is_file() {
            return Err(self.error(ToolErrorKind::CapabilityFailed, path, "it is not a file"));
        }
        let mut bytes = Vec::new();
        dir.open(path)
            .and_then(|file| {
                file.take(MAX_FILE.saturating_add(1))
                    .read_to_end(&mut bytes)
            })
            .map_err(failed)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
            let why = format!("it is larger than {MAX_FILE} bytes");
            return Err(self.error(ToolErrorKind::LimitReached, path, &why));
        }
        Ok(bytes)
    }

    fn failed(&self, path: &str, error: &std::io::Error) -> ToolError {
        // The system's words for the kind alone: its own may name paths of the host.
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            std::io::ErrorKind::PermissionDenied => {
                "it is not inside the directory, or the system denies it".to_owned()
            }
            kind => kind.to_string(),
        };
        self.error(ToolErrorKind::CapabilityFailed, path, &why)
    }

    fn error(&self, kind: ToolErrorKind, path: &str, why: &str) -> ToolError {
        ToolError::new(
            kind,
            format!("`{}` in `{}`: {why}", bounded(path), self.name),
        )
    }
}

/// Whether a path can only mean something below the directory.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= MAX_PATH
        && !path.contains('\0')
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn kind(found: &cap_std::fs::Metadata) -> &'static str {
    if found.is_dir() {
        "directory"
    } else if found.is_file() {
        "file"
    } else {
        "other"
    }
}

/// Bytes of a file; what a folder occupies differs from system to system.
fn size(found: &cap_std::fs::Metadata) -> Option<u64> {
    found.is_file().then(|| found.len())
}
