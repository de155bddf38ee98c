//! `wxmcp build`: a component of a script, with typed imports of the tools that it uses.
//!
//! The component is our own adapter, as it is in the guest, around the script as data; only
//! its host is another one: `guest-adapters/built` answers what the adapter asks for by calling
//! the imports, with types that are data, too. The script does not run while it is built.

mod adapter;
mod contents;
mod javascript;
mod python;
mod tools;
mod uses;
mod wanted;

use std::path::Path;

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use serde_json::Value;
use wxmcp_broker::CallerHost;
use wxmcp_catalogue::stubs::StubFile;
use wxmcp_run::{Raised, Script, ToolHost as _};

use self::adapter::Adapter;
use self::contents::Contents;
use self::tools::{Componentizer, MADE};
use self::wanted::Wanted;
use crate::commands::tools::export;
use crate::exit::Failure;
use wxmcp_host::Guests;

/// Sources that are put around a script.
mod sources {
    include!(concat!(env!("OUT_DIR"), "/sources.rs"));
}

/// Longest message about a script that is printed, in bytes.
const MAX_MESSAGE: usize = 4_000;

/// Everything that a build works with.
pub(crate) struct Builder<'a> {
    pub(crate) broker: &'a CallerHost,
    pub(crate) guests: &'a Guests,
    /// Where componentizers are, if not on `PATH`.
    pub(crate) folder: Option<&'a Path>,
}

/// What was built.
pub(crate) struct Built {
    /// Its size.
    pub(crate) size: ByteSize,
    /// The namespaces that it imports, and how many tools each has.
    pub(crate) imports: Vec<(String, usize)>,
}

impl Builder<'_> {
    /// Makes a component of a script, and puts it in its place whole.
    pub(crate) async fn build(
        &self,
        script: &Script,
        with: &[String],
        output: &Path,
    ) -> Result<Built, Failure> {
        let script = named_without_folder(script);
        let adapter = Adapter::of(script.language)
            .ok_or_else(|| Failure::usage(anyhow!("`{}` is a component already", script.name)))?;
        let uses = match adapter {
            Adapter::Python => python::uses(self.guests, &script).await?,
            Adapter::JavaScript => javascript::uses(&script)?,
        };
        let message = wxmcp_sandbox::message(&script).map_err(|error| raised(&script, &error))?;
        let message: Value = serde_json::from_slice(&message)
            .context("read the script as its guest does")
            .map_err(Failure::fault)?;
        let componentizer = Componentizer::find(adapter, self.folder).await?;
        let all = self.broker.namespaces();
        let wanted = Wanted::new(&all, &uses, with)?;
        let contents = Contents::gather(self.broker, &all, &wanted, adapter).await?;
        let files = match adapter {
            Adapter::Python => python::files(&contents, message),
            Adapter::JavaScript => javascript::files(&contents, message),
        };
        let folder = folder(&files)
            .context("write the sources of the component")
            .map_err(Failure::fault)?;
        componentizer.run(folder.path()).await?;
        let size = put(&folder.path().join(MADE), output)
            .with_context(|| format!("write `{}`", output.display()))
            .map_err(Failure::usage)?;
        Ok(Built {
            size: ByteSize(size),
            imports: contents.imports(),
        })
    }
}

/// Tracebacks of a component name no folder of the machine that built it.
fn named_without_folder(script: &Script) -> Script {
    let name = Path::new(&script.name).file_name();
    Script {
        name: name.map_or_else(
            || script.name.clone(),
            |it| it.to_string_lossy().into_owned(),
        ),
        ..script.clone()
    }
}

fn raised(script: &Script, raised: &Raised) -> Failure {
    let line = raised
        .line
        .map(|line| format!(":{line}"))
        .unwrap_or_default();
    let message = wxmcp_catalogue::clean(&raised.message, MAX_MESSAGE);
    Failure::raised(anyhow!("{}{line}: {}: {message}", script.name, raised.kind))
}

fn folder(files: &[StubFile]) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("wxmcp-build-").tempdir()?;
    export::write(folder.path(), files)?;
    Ok(folder)
}

/// Copies what was made beside its place, and renames it. Answers its size in bytes.
fn put(made: &Path, output: &Path) -> anyhow::Result<u64> {
    let beside = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let written = tempfile::NamedTempFile::new_in(beside)?;
    let size = std::fs::copy(made, written.path())?;
    std::fs::set_permissions(
        written.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )?;
    written.persist(output)?;
    Ok(size)
}

/// Embedded sources, in their places below a folder.
fn embedded(sources: &[(&str, &str)], below: &str) -> Vec<StubFile> {
    sources
        .iter()
        .map(|(path, text)| StubFile {
            path: format!("{below}{path}"),
            text: (*text).to_owned(),
        })
        .collect()
}
