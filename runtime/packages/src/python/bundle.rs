//! Makes one bundle of the wheels that are locked: unpacked, compiled by the guest, and tried where native code is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use wxmcp_bundle::Tree;
use wxmcp_run::{
    Access, BoxFuture, BundleFile, Captured, CapturedBody, CapturedEntry, Language, Ledger, Limits,
    Mount, Outcome, Policy, Quota, Rights, Run, RunId, Runner, Script, Silent, Source, Sources,
    ToolAnswer, ToolCall, ToolError, ToolErrorKind, ToolHost,
};

use super::wheel::Wheel;
use super::{MOUNT, native};
use crate::error::PackageError;
use crate::lock::Locked;

/// The form of what is in a bundle besides packages. What was made in another form is not found any more.
const FORM: &str = "python 1";

/// How long compiling may take.
const COMPILING: Duration = Duration::from_secs(600);

/// How long trying packages may take.
const TRYING: Duration = Duration::from_secs(120);

/// Memory of the sandbox that compiles, in bytes.
const MEMORY: u64 = 1 << 30;

/// Bytes that it may hold of packages, and write of their code.
const HELD: u64 = 3 << 30;

/// Largest note of which bundle was made of a lock.
const NOTE: u64 = 64;

/// What makes bundles, and where they are kept.
#[derive(Clone, Copy)]
pub struct Maker<'a> {
    /// The cache.
    pub cache: &'a Path,
    /// The digest of the interpreter's component: its bytecode is no other's.
    pub guest: &'a str,
}

impl Maker<'_> {
    /// The bundle of these packages, if it was made before.
    pub fn found(&self, locked: &[Locked]) -> Option<BundleFile> {
        let note = self.note(locked);
        if !wxmcp_cache::is_ours(&note, NOTE) {
            return None;
        }
        let file = self.file(std::fs::read_to_string(note).ok()?);
        wxmcp_bundle::is_there(&file).then_some(file)
    }

    /// Makes it.
    ///
    /// # Errors
    ///
    /// What is refused of a package, by name, or why the sandbox did not do its part.
    pub(super) async fn make(
        &self,
        locked: &[Locked],
        wheels: &[Wheel],
        runner: &dyn Runner,
    ) -> Result<BundleFile, PackageError> {
        let mut tree = Tree::default();
        for wheel in wheels {
            for (path, content) in &wheel.files {
                // Of files that several packages have, such as those of a folder `tests`, the first stays.
                if tree.get(path).is_none() {
                    tree.add(path, content.clone())?;
                }
            }
        }
        let code = compile(&tree, runner).await?;
        for (name, content) in code {
            tree.add(&format!(".wxmcp/{name}"), content.to_vec())?;
        }
        let digest = wxmcp_bundle::store(&wxmcp_bundle::folder_in(self.cache), &tree)?;
        let file = self.file(digest.clone());
        for wheel in wheels.iter().filter(|it| !it.native.is_empty()) {
            let works = attempt(wheel, &file, runner).await;
            if let Err(error) = works.and_then(|failed| native::judge(wheel, &failed)) {
                // Nothing names it.
                let _left = wxmcp_bundle::remove(&wxmcp_bundle::folder_in(self.cache), &digest);
                return Err(error);
            }
        }
        // Where it cannot be noted it is made again.
        let _kept = wxmcp_cache::store(&self.note(locked), digest.as_bytes());
        Ok(file)
    }

    fn file(&self, digest: String) -> BundleFile {
        BundleFile {
            digest,
            folder: Some(wxmcp_bundle::folder_in(self.cache)),
        }
    }

    /// The file that says which bundle was made.
    fn note(&self, locked: &[Locked]) -> PathBuf {
        let mut digests: Vec<&str> = locked.iter().map(|it| it.digest.as_str()).collect();
        digests.sort_unstable();
        let key = format!("{FORM}\n{}\n{}", self.guest, digests.join("\n"));
        self.cache
            .join("packages")
            .join(wxmcp_cache::hex(key.as_bytes()))
    }
}

/// Where packages are for a run.
pub fn mount(file: BundleFile) -> Mount {
    Mount {
        source: Source::Bundle(file),
        guest: MOUNT.to_owned(),
        access: Access::ReadOnly,
        quota: Quota::default(),
    }
}

/// The code of all modules, as files of the bundle.
async fn compile(
    tree: &Tree,
    runner: &dyn Runner,
) -> Result<Vec<(String, Arc<[u8]>)>, PackageError> {
    let what = "compile the packages";
    let sources = tree.files().filter(|(path, _)| path.ends_with(".py"));
    let out = Arc::new(folder(std::iter::empty()));
    let shown = |source: Captured, guest: &str| Mount {
        source: Source::Captured(Arc::new(source)),
        guest: guest.to_owned(),
        access: Access::ReadOnly,
        quota: Quota::default(),
    };
    let policy = Policy {
        mounts: vec![
            shown(folder(sources), MOUNT),
            Mount {
                source: Source::Captured(Arc::clone(&out)),
                guest: "/out".to_owned(),
                access: Access::ReadWrite,
                quota: Quota::default(),
            },
        ],
        ..Policy::default()
    };
    let arguments = vec![MOUNT.to_owned(), "/out".to_owned()];
    run(
        what,
        include_str!("compile.py"),
        arguments,
        policy,
        COMPILING,
        runner,
    )
    .await?;
    let made: Vec<_> = out
        .now()
        .into_iter()
        .filter_map(|entry| match entry.body {
            CapturedBody::File(content) if matches!(entry.path.as_str(), "code" | "index") => {
                Some((entry.path, content))
            }
            _ => None,
        })
        .collect();
    match made.len() {
        2 => Ok(made),
        _ => Err(PackageError::Sandbox {
            what,
            why: "it left nothing".to_owned(),
        }),
    }
}

/// How modules failed: what was raised, and whether for want of native code.
pub(super) type Failed = BTreeMap<String, Failure>;

/// How a module failed to import.
#[derive(Debug, Deserialize)]
pub(super) struct Failure(pub(super) String, pub(super) bool);

/// Imports the modules of a package that lacks its native code.
async fn attempt(
    wheel: &Wheel,
    file: &BundleFile,
    runner: &dyn Runner,
) -> Result<Failed, PackageError> {
    let what = "try the packages";
    let asked = json!({"modules": native::tried(wheel), "native": wheel.native});
    let policy = Policy {
        mounts: vec![mount(file.clone())],
        packages: vec![MOUNT.to_owned()],
        ..Policy::default()
    };
    let value = run(
        what,
        include_str!("trial.py"),
        vec![asked.to_string()],
        policy,
        TRYING,
        runner,
    )
    .await?;
    serde_json::from_str(&value).map_err(|error| PackageError::Sandbox {
        what,
        why: error.to_string(),
    })
}

/// Runs a script of ours in the sandbox, with nothing but what it is shown: its value.
async fn run(
    what: &'static str,
    source: &str,
    arguments: Vec<String>,
    policy: Policy,
    wall: Duration,
    runner: &dyn Runner,
) -> Result<String, PackageError> {
    let failed = |why: String| PackageError::Sandbox { what, why };
    let run = Run {
        id: RunId::random(),
        script: Script {
            name: "packages".to_owned(),
            path: None,
            language: Language::Python,
            source: source.to_owned(),
            args: arguments,
            in_session: false,
            task: None,
        },
        policy,
        limits: Limits {
            wall,
            memory: MEMORY,
            host_memory: HELD,
            ..Limits::default()
        },
        ledger: Ledger::unbounded(),
        sources: Sources::default(),
        tools: Arc::new(NoTools),
        observer: Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    };
    let report = runner
        .run(run)
        .await
        .map_err(|error| failed(error.to_string()))?;
    match report.outcome {
        Outcome::Returned(value) => Ok(value.get().to_owned()),
        Outcome::Raised(raised) => Err(failed(format!("{}: {}", raised.kind, raised.message))),
        Outcome::Stopped(limit, _) => Err(failed(format!("it was stopped by {limit}"))),
        Outcome::Exited(_) | Outcome::Cancelled => Err(failed("it was ended".to_owned())),
    }
}

/// A folder in memory with these files.
fn folder<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Captured {
    let mut entries: BTreeMap<String, CapturedBody> = BTreeMap::new();
    entries.insert(String::new(), CapturedBody::Folder);
    for (path, content) in files {
        for (at, _) in path.match_indices('/') {
            let above = path.get(..at).unwrap_or_default();
            entries
                .entry(above.to_owned())
                .or_insert(CapturedBody::Folder);
        }
        entries.insert(path.to_owned(), CapturedBody::File(content.into()));
    }
    Captured::new(
        entries
            .into_iter()
            .map(|(path, body)| CapturedEntry {
                path,
                mode: match body {
                    CapturedBody::Folder => 0o755,
                    _ => 0o644,
                },
                rights: Rights::Owner,
                body,
            })
            .collect(),
    )
}

/// No tools.
struct NoTools;

impl ToolHost for NoTools {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            let words = format!("there is no tool `{}`", call.name);
            Err(ToolError::new(ToolErrorKind::UnknownTool, words))
        })
    }
}
