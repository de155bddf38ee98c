//! `wxmcp add`, `remove`, `lock` and `packages`.

mod javascript;
mod listing;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use rustix::fs::FlockOperation;
use wxmcp_packages::{Lock, Locked, Requirement, normal, with};

use crate::cli::{AddArgs, ConfigArgs, LimitArgs, LockArgs, PackagesArgs, PolicyArgs, RemoveArgs};
use crate::exit::{Exit, Failure};
use crate::packages::{self, Packages};
use crate::render;
use crate::settings::Settings;

/// What the project is called in errors.
const PROJECT: &str = "the project";

/// Adds packages to the project; nothing is written before they are there.
pub(super) fn add(args: &AddArgs) -> Result<Exit, Failure> {
    let _turn = turn(&args.config)?;
    if args.of.javascript {
        return javascript::add(args);
    }
    let project = project(&args.config)?;
    let new =
        packages::requirements(&args.names).map_err(|error| packages::failed(error, PROJECT))?;
    let mut declared = project.project.python.clone();
    for (requirement, text) in new.iter().zip(&args.names) {
        let is_same = |it: &&mut String| {
            Requirement::parse(it).is_ok_and(|it| it.name() == requirement.name())
        };
        let text = text.trim().to_owned();
        match declared.iter_mut().find(is_same) {
            Some(there) => *there = text,
            None => declared.push(text),
        }
    }
    change(&args.config, &project, &declared)
}

/// Removes packages from the project.
pub(super) fn remove(args: &RemoveArgs) -> Result<Exit, Failure> {
    let _turn = turn(&args.config)?;
    if args.of.javascript {
        return javascript::remove(args);
    }
    let project = project(&args.config)?;
    let mut declared = project.project.python.clone();
    for name in &args.names {
        let before = declared.len();
        declared.retain(|it| Requirement::parse(it).map_or(true, |it| it.name() != normal(name)));
        if declared.len() == before {
            let there = match declared.is_empty() {
                true => "it declares none".to_owned(),
                false => format!("it declares {}", declared.join(", ")),
            };
            return Err(
                Failure::usage(anyhow!("wxmcp.toml does not declare `{name}`")).hint(there),
            );
        }
    }
    change(&args.config, &project, &declared)
}

/// Resolves what is declared anew.
pub(super) fn lock(args: &LockArgs) -> Result<Exit, Failure> {
    for script in &args.scripts {
        let name = script.display().to_string();
        let failed = |error| packages::failed(error, &name);
        let source = std::fs::read_to_string(script);
        let source = source
            .with_context(|| format!("cannot read `{name}`"))
            .map_err(Failure::usage)?;
        let asked = wxmcp_packages::required(&source)
            .map_err(failed)?
            .unwrap_or_default();
        if asked.is_empty() {
            return Err(Failure::usage(anyhow!("`{name}` names no packages"))
                .hint("metadata begins with the line `# /// script`, and ends with `# ///`"));
        }
        packages::own_bundle(&asked, true).map_err(failed)?;
        render::note(&format!("locked the packages of `{name}` in the cache"));
    }
    if !args.scripts.is_empty() {
        return Ok(Exit::Success);
    }
    let _turn = turn(&args.config)?;
    let project = project(&args.config)?;
    let before = packages::read(&project.lock)?;
    let was_locked = before.as_ref().is_some_and(|it| !it.javascript.is_empty());
    resolved(&project, &project.project.python, before, &[])?;
    let declared = &project.project.javascript;
    if declared.is_empty() && !was_locked {
        return Ok(Exit::Success);
    }
    javascript::resolved(&project, declared)
}

/// Lists what is locked.
pub(super) fn list(args: &PackagesArgs) -> Result<Exit, Failure> {
    let project = project(&args.config)?;
    let lock = packages::read(&project.lock)?;
    listing::print(&project, lock.as_ref(), args.json)
}

/// Waits until no other process changes the packages of the project; they wait while this lives.
fn turn(config: &ConfigArgs) -> Result<File, Failure> {
    let folder = config.config.as_deref().and_then(Path::parent);
    let folder = folder.filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let opened = File::open(folder).and_then(|opened| {
        rustix::fs::flock(&opened, FlockOperation::LockExclusive)?;
        Ok(opened)
    });
    opened
        .with_context(|| format!("lock `{}`", folder.display()))
        .map_err(Failure::usage)
}

/// The packages of the project at hand.
fn project(config: &ConfigArgs) -> Result<Packages, Failure> {
    let settings = Settings::resolve(&LimitArgs::default(), &PolicyArgs::default(), config);
    Ok(settings.map_err(Failure::usage)?.packages)
}

/// Has the project declare these packages of Python.
fn change(config: &ConfigArgs, project: &Packages, declared: &[String]) -> Result<Exit, Failure> {
    let before = packages::read(&project.lock)?;
    let keep = before
        .as_ref()
        .map(|lock| lock.python.clone())
        .unwrap_or_default();
    declare(config, "python", declared, || {
        resolved(project, declared, before, &keep)
    })
}

/// Writes what is declared once it is resolved. What cannot be written is found out before.
fn declare(
    config: &ConfigArgs,
    key: &'static str,
    declared: &[String],
    resolve: impl FnOnce() -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let path = config
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from("wxmcp.toml"));
    let failed = |error: anyhow::Error| {
        Failure::usage(error.context(format!("change `{}`", path.display())))
    };
    let text = match crate::settings::text(&path) {
        Ok(text) => text,
        Err(_) if !path.exists() => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let changed = with(&text, key, declared).map_err(|error| failed(error.into()))?;
    let exit = resolve()?;
    write(&path, &changed).map_err(failed)?;
    Ok(exit)
}

/// Resolves, locks, and says what is different.
fn resolved(
    project: &Packages,
    declared: &[String],
    before: Option<Lock>,
    keep: &[Locked],
) -> Result<Exit, Failure> {
    let failed = |error| packages::failed(error, PROJECT);
    let asked = packages::requirements(declared).map_err(failed)?;
    let locked = match asked.is_empty() {
        true => Vec::new(),
        false => packages::resolve(&asked, keep).map_err(failed)?.0.locked,
    };
    let old = before
        .as_ref()
        .map(|lock| lock.python.clone())
        .unwrap_or_default();
    listing::differences(&old, &locked);
    packages::write(&project.lock, before, &asked, &locked).map_err(failed)?;
    Ok(Exit::Success)
}

/// Writes a file, whole or not at all.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    let mode = std::fs::metadata(path).map_or_else(
        |_| std::os::unix::fs::PermissionsExt::from_mode(0o644),
        |it| it.permissions(),
    );
    file.as_file().set_permissions(mode)?;
    file.persist(path)?;
    Ok(())
}
