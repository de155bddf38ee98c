//! `wxmcp tools export`: stubs and schemas of the tools, as files.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio::task::JoinSet;
use wxmcp_broker::CallerHost;
use wxmcp_catalogue::stubs::{self, StubFile, ToolSet};
use wxmcp_catalogue::wit::Wit;
use wxmcp_run::{ToolError, ToolHost};

use super::{context, failed};
use crate::cli::{Calls, ExportArgs, Format};
use crate::exit::{Exit, Failure};
use crate::render;

/// Writes what is asked for. A namespace that does not start is said and left out; the
/// exit code tells.
pub(super) async fn execute(broker: &Arc<CallerHost>, args: &ExportArgs) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    let mut sets: Vec<ToolSet> = Vec::new();
    let names = match args.namespaces.as_slice() {
        [] => broker.namespaces(),
        named => named.to_vec(),
    };
    if names.is_empty() {
        render::note("there are no tools: no folder `tools`, no `.mcp.json`");
    }
    for (name, set) in opened(broker, names).await {
        match set {
            Ok(set) => sets.push(set),
            Err(error) if !args.namespaces.is_empty() => return Err(failed(error)),
            Err(error) => {
                render::note(&format!("`{name}`: {error}"));
                exit = Exit::Failure;
            }
        }
    }
    sets.sort_by(|a, b| a.namespace.cmp(&b.namespace));
    sets.dedup_by(|a, b| a.namespace == b.namespace);
    let files = match args.format {
        Format::Python => stubs::python(&sets, args.calls.into()),
        Format::TypeScript => stubs::typescript(&sets),
        Format::JsonSchema => stubs::json_schema(&sets),
        Format::Wit => wit(&sets),
        Format::Anthropic => stubs::anthropic(&sets),
        Format::OpenAi => stubs::openai(&sets),
    };
    write(&args.output, &files)
        .with_context(|| format!("write to `{}`", args.output.display()))
        .map_err(Failure::usage)?;
    let tools: usize = sets.iter().map(|set| set.tools.len()).sum();
    render::note(&format!(
        "{tools} tools of {} namespaces in {} files",
        sets.len(),
        files.len()
    ));
    Ok(exit)
}

/// The tools as WIT. A namespace that one component could not import beside the others is
/// said.
fn wit(sets: &[ToolSet]) -> Vec<StubFile> {
    let wit = Wit::generate(sets.iter().map(|set| {
        let tools = set.tools.iter().map(|(_, tool)| tool);
        (set.namespace.as_str(), tools)
    }));
    for namespace in wit.left_out() {
        render::note(&format!(
            "`{namespace}` is left out: one component cannot import so many types"
        ));
    }
    wit.files()
}

/// The tools of each namespace. Their servers start at once.
async fn opened(
    broker: &Arc<CallerHost>,
    names: Vec<String>,
) -> Vec<(String, Result<ToolSet, ToolError>)> {
    let mut opening = JoinSet::new();
    for name in names {
        let broker = Arc::clone(broker);
        opening.spawn(async move {
            let set = broker.tool_set(&name, &context(&broker)).await;
            (name, set)
        });
    }
    let mut opened = opening.join_all().await;
    opened.sort_by(|(a, _), (b, _)| a.cmp(b));
    opened
}

impl From<Calls> for stubs::Calls {
    fn from(calls: Calls) -> Self {
        match calls {
            Calls::Blocking => Self::Blocking,
            Calls::Awaited => Self::Awaited,
            Calls::Either => Self::Either,
        }
    }
}

/// Puts each file in its place below the folder, whole: a reader finds the old one or the
/// new one. A link in the place of a folder of ours is not followed.
pub(crate) fn write(folder: &Path, files: &[StubFile]) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for file in files {
        let mut below = folder.to_owned();
        let (folders, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            below.push(part);
            match fs::create_dir(&below) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(error.into());
                }
                _ => {}
            }
            if !fs::symlink_metadata(&below)?.is_dir() {
                return Err(anyhow!("`{}` is no folder", below.display()));
            }
        }
        let mut written = tempfile::NamedTempFile::new_in(&below)?;
        written.write_all(file.text.as_bytes())?;
        fs::set_permissions(
            written.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o644),
        )?;
        written.persist(below.join(name))?;
    }
    Ok(())
}
