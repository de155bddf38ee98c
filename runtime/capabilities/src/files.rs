//! Files of named directories.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use parking_lot::{Mutex, MutexGuard};
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::Deserialize;
use serde_json::{Value, json};
use wxmcp_run::{CallContext, ToolError, ToolErrorKind, Written};

use crate::DirectoryConfig;
use crate::charged::Charged;
use wxmcp_catalogue::wording::bounded;
use wxmcp_policy::Grants;
use wxmcp_run::{Access, Capability};

/// Largest file that is read or written at once, in bytes.
const MAX_FILE: u64 = 8 << 20;

/// Most entries of one listing, and of a directory that tools may add to; most of the walk
/// that adds one up.
const MAX_ENTRIES: usize = 10_000;
const MAX_WALK: usize = 1_000_000;

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
    /// One writer at a time, so that the quota holds.
    writing: Arc<Mutex<()>>,
}

impl Directory {
    pub(super) fn new(name: &str, config: DirectoryConfig) -> Self {
        Self {
            name: name.to_owned(),
            config,
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
            Action::Remove => {
                let found = dir.symlink_metadata(path).map_err(failed)?;
                if found.is_dir() {
                    dir.remove_dir(path).map_err(failed)?;
                } else {
                    dir.remove_file(path).map_err(failed)?;
                }
                Ok(Value::Null)
            }
            Action::MakeDirectory => {
                let _alone = self.alone(&dir).map_err(failed)?;
                self.fits(&dir, 0, 0, path)?;
                dir.create_dir_all(path).map_err(failed)?;
                Ok(Value::Null)
            }
        }
    }

    /// Replaces a file, or appends to it.
    fn write(&self, dir: &Dir, request: &Request) -> Result<Value, ToolError> {
        let path = request.path.as_str();
        let failed = |error: std::io::Error| self.failed(path, &error);
        let content = self.content(request)?;
        let _alone = self.alone(dir).map_err(failed)?;
        let before = dir.metadata(path).map_or(0, |found| found.len());
        let is_append = request.action == Action::Append;
        let replaced = if is_append { 0 } else { before };
        self.fits(dir, content.len(), replaced, path)?;
        if is_append {
            let mut options = OpenOptions::new();
            let mut file = dir
                .open_with(path, options.append(true).create(true))
                .map_err(failed)?;
            file.write_all(&content).map_err(failed)?;
            file.seek(SeekFrom::End(0)).map_err(failed)?;
        } else {
            replace(dir, path, &content).map_err(failed)?;
        }
        let size = dir.metadata(path).map_err(failed)?.len();
        Ok(json!({ "bytes": size }))
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

    fn content(&self, request: &Request) -> Result<Vec<u8>, ToolError> {
        let path = &request.path;
        match (&request.text, &request.bytes) {
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(bytes)) => STANDARD.decode(bytes).map_err(|_| {
                self.error(ToolErrorKind::InvalidCall, path, "its bytes are no base64")
            }),
            _ => Err(self.error(
                ToolErrorKind::InvalidCall,
                path,
                "there is nothing to write",
            )),
        }
    }

    /// Waits until this call alone changes the directory: neither another call nor another process of
    /// wxmcp does. Both locks end when the answer is dropped.
    fn alone(&self, dir: &Dir) -> std::io::Result<(MutexGuard<'_, ()>, OwnedFd)> {
        let alone = self.writing.lock();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let locked = rustix::fs::openat(dir, ".", flags, Mode::empty())?;
        rustix::fs::flock(&locked, FlockOperation::LockExclusive)?;
        Ok((alone, locked))
    }

    /// Whether so many bytes may be added, and so many go; and whether there may be one
    /// more file or folder.
    fn fits(&self, dir: &Dir, added: usize, gone: u64, path: &str) -> Result<(), ToolError> {
        let added = u64::try_from(added).unwrap_or(u64::MAX);
        if added > MAX_FILE {
            let why = format!("more than {MAX_FILE} bytes at once");
            return Err(self.error(ToolErrorKind::LimitReached, path, &why));
        }
        let (used, entries) = size_of(dir).map_err(|error| self.failed(".", &error))?;
        let parts = Path::new(path).components().count();
        if entries.saturating_add(parts) > MAX_ENTRIES && dir.symlink_metadata(path).is_err() {
            let why = format!(
                "the directory has {entries} files and folders, {MAX_ENTRIES} are the limit"
            );
            return Err(self.error(ToolErrorKind::LimitReached, path, &why));
        }
        let after = used.saturating_sub(gone).saturating_add(added);
        if after > self.config.quota {
            let why = format!(
                "the directory would hold {after} bytes, and its quota is {}: \
                 raise `quota` of `[directories.{}]` in wxmcp.toml",
                self.config.quota, self.name
            );
            return Err(self.error(ToolErrorKind::LimitReached, path, &why));
        }
        Ok(())
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

/// Writes beside the file and renames, so that a reader sees the old or the new.
fn replace(dir: &Dir, path: &str, content: &[u8]) -> std::io::Result<()> {
    let target = Path::new(path);
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => dir.open_dir(parent)?,
        _ => dir.try_clone()?,
    };
    let name = target.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    if folder.metadata(name).is_ok_and(|found| found.is_dir()) {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let mut file = cap_tempfile::TempFile::new(&folder)?;
    // The new file gets the permissions of the old one, so it is readable by the same users.
    if let Ok(before) = folder.metadata(name) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.replace(name)
}

/// Bytes of all files below a directory, and how many files and folders there are; links are
/// not followed.
fn size_of(dir: &Dir) -> std::io::Result<(u64, usize)> {
    let mut total = 0_u64;
    let mut seen = 0_usize;
    let mut folders = vec![dir.try_clone()?];
    while let Some(folder) = folders.pop() {
        for entry in folder.entries()? {
            let entry = entry?;
            seen = seen.saturating_add(1);
            if seen > MAX_WALK {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            let found = entry.metadata()?;
            if found.is_dir() {
                folders.push(entry.open_dir()?);
            } else {
                total = total.saturating_add(found.len());
            }
        }
    }
    Ok((total, seen))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn request(action: &str, path: &str) -> Request {
        let text = matches!(action, "write" | "append").then_some("changed");
        let whole = json!({"directory": "box", "action": action, "path": path, "text": text});
        serde_json::from_value(whole).unwrap()
    }

    /// Links that lead out are refused for every action; links that stay inside work.
    #[test]
    fn links_do_not_lead_out() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("box");
        fs::create_dir(&path).unwrap();
        fs::create_dir(place.path().join("outside")).unwrap();
        fs::write(place.path().join("outside/secret"), "secret").unwrap();
        fs::write(path.join("file"), "inside").unwrap();
        symlink("../outside", path.join("out")).unwrap();
        symlink("../outside/secret", path.join("secret")).unwrap();
        symlink("file", path.join("inner")).unwrap();
        let directory = Directory::new(
            "box",
            DirectoryConfig {
                path: path.clone(),
                quota: 1_000,
            },
        );
        for (action, target) in [
            ("read", "out/secret"),
            ("read", "secret"),
            ("append", "secret"),
            ("write", "out/new"),
            ("list", "out"),
            ("stat", "out/secret"),
            ("remove", "out/secret"),
            ("make-directory", "out/new"),
        ] {
            let error = directory.act(&request(action, target)).unwrap_err();
            assert_eq!(
                error.message,
                format!(
                    "`{target}` in `box`: it is not inside the directory, or the system denies it"
                ),
                "{action}"
            );
        }
        assert_eq!(
            directory.act(&request("read", "inner")).unwrap(),
            json!({"text": "inside"})
        );
        // Writing replaces the link itself.
        directory.act(&request("write", "secret")).unwrap();
        assert_eq!(fs::read_to_string(path.join("secret")).unwrap(), "changed");
        let secret = fs::read_to_string(place.path().join("outside/secret")).unwrap();
        assert_eq!(secret, "secret");
        assert_eq!(
            fs::read_dir(place.path().join("outside")).unwrap().count(),
            1
        );
    }

    #[test]
    fn a_file_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let directory = Directory::new(
            "box",
            DirectoryConfig {
                path: place.path().to_owned(),
                quota: 1_000,
            },
        );
        directory.act(&request("write", "file")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "changed");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    /// Each of them could be another process: they share nothing but the directory.
    #[test]
    fn the_quota_holds_between_many() {
        let place = tempfile::tempdir().unwrap();
        let config = DirectoryConfig {
            path: place.path().to_owned(),
            quota: 700,
        };
        std::thread::scope(|scope| {
            for n in 0..8 {
                let directory = Directory::new("box", config.clone());
                scope.spawn(move || {
                    for _ in 0..40 {
                        // Refused when the quota is reached.
                        let _ = directory.act(&request("append", &n.to_string()));
                    }
                });
            }
        });
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let (bytes, _) = size_of(&dir).unwrap();
        assert_eq!(bytes, 700, "the quota is used, and no more");
    }

    /// Empty files and folders cost no bytes of the quota, but there is an end of them.
    #[test]
    fn files_and_folders_are_counted() {
        let place = tempfile::tempdir().unwrap();
        for n in 0..MAX_ENTRIES {
            fs::create_dir(place.path().join(n.to_string())).unwrap();
        }
        let directory = Directory::new(
            "box",
            DirectoryConfig {
                path: place.path().to_owned(),
                quota: 1_000,
            },
        );
        for action in ["make-directory", "write"] {
            let error = directory.act(&request(action, "one-more")).unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::LimitReached, "{error}");
            assert!(error.message.contains("10000 files and folders"), "{error}");
        }
        directory.act(&request("make-directory", "7")).unwrap();
        directory.act(&request("remove", "7")).unwrap();
        directory.act(&request("write", "one-more")).unwrap();
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        let directory = Directory::new(
            "box",
            DirectoryConfig {
                path: place.path().to_owned(),
                quota: 1_000,
            },
        );
        let error = directory.act(&request("read", "pipe")).unwrap_err();
        assert_eq!(error.message, "`pipe` in `box`: it is not a file");
    }
}
