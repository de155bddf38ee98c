//! The packages of a run: what is declared, locked where it is not yet, and mounted.

pub(crate) mod javascript;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use wxmcp_bundle::Found;
use wxmcp_guests::NATIVES;
use wxmcp_host::cache_directory;
use wxmcp_packages::python::{self, Maker, Resolved};
use wxmcp_packages::{Declared, Lock, Locked, PackageError, Requirement, Table, unlocked};
use wxmcp_run::{Access, BundleFile, Language, Mount, Policy, Quota, Script, Source};
use wxmcp_toolfiles::Interpreters as _;

use crate::exit::Failure;
use crate::render;
use crate::settings::Settings;

/// Where a folder of packages is that `--site` names.
const SITE: &str = "/packages/site";

/// Largest lock of a script's own packages.
const OWN_LOCK: u64 = 16 << 20;

/// What is declared of packages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packages {
    /// `[packages]` of `wxmcp.toml`.
    pub(crate) project: Table,
    /// Packages that flags name.
    pub(crate) flags: Vec<String>,
    /// A folder of packages that a flag names.
    pub(crate) site: Option<PathBuf>,
    /// `wxmcp.lock` beside `wxmcp.toml`.
    pub(crate) lock: PathBuf,
}

/// Shows a script the packages that it may import. What is not locked is resolved first, which may take a while.
///
/// # Errors
///
/// The package, and what stands against it.
pub(crate) fn provide(settings: &mut Settings, script: &Script) -> Result<(), Failure> {
    if script.language == Language::Component {
        return Ok(());
    }
    if let Some(site) = settings.packages.site.clone() {
        put(settings, SITE, Source::Host(site))?;
    }
    if settings.tools.is_some() {
        ensure_project(&settings.packages).map_err(|error| failed(error, "the project"))?;
        javascript::provided(&settings.packages, &[])?;
    }
    if script.language != Language::Python {
        let bundle = javascript::provided(&settings.packages, &settings.packages.flags)?;
        if let Some(bundle) = bundle {
            put(
                settings,
                wxmcp_packages::javascript::MOUNT,
                Source::Bundle(bundle),
            )?;
        }
    } else {
        let own = wxmcp_packages::required(&script.source)
            .map_err(|error| failed(error, &script.name))?;
        let bundle =
            of_python(&settings.packages, own).map_err(|error| failed(error, &script.name))?;
        if let Some(bundle) = bundle {
            put(settings, python::MOUNT, Source::Bundle(bundle))?;
        }
    }
    Ok(())
}

/// The same for a server: its packages are those that are locked, whatever scripts name.
///
/// # Errors
///
/// When what is declared is not locked.
pub(crate) fn provide_locked(settings: &mut Settings) -> Result<Lock, Failure> {
    if let Some(site) = settings.packages.site.clone() {
        put(settings, SITE, Source::Host(site))?;
    }
    if let Some(bundle) = javascript::locked(&settings.packages)? {
        put(
            settings,
            wxmcp_packages::javascript::MOUNT,
            Source::Bundle(bundle),
        )?;
    }
    if settings.packages.project.python.is_empty() && settings.packages.flags.is_empty() {
        return read(&settings.packages.lock).map(Option::unwrap_or_default);
    }
    let lock = locked(&settings.packages)?;
    let bundle = bundle_of(&lock.python).map_err(|error| failed(error, "the server"))?;
    put(settings, python::MOUNT, Source::Bundle(bundle))?;
    Ok(lock)
}

/// The bundle of Python's packages that was provided.
pub(crate) fn shown(settings: &Settings) -> Option<BundleFile> {
    let mount = settings
        .mounts
        .iter()
        .find(|it| it.guest == python::MOUNT)?;
    match &mount.source {
        Source::Bundle(file) => Some(file.clone()),
        _ => None,
    }
}

/// Writes what tells types into a folder: sources and stubs of packages.
///
/// # Errors
///
/// When the bundle cannot be read, or a file not written.
pub(crate) fn unpack(file: &BundleFile, into: &Path) -> std::io::Result<()> {
    let bundle = wxmcp_bundle::opened(file)?;
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for (name, found) in bundle.list(&folder) {
            let path = match folder.as_str() {
                "" => name.to_owned(),
                folder => format!("{folder}/{name}"),
            };
            let is_typed = name.ends_with(".py") || name.ends_with(".pyi") || name == "py.typed";
            match found {
                Found::Folder { .. } if name != ".wxmcp" => folders.push(path),
                Found::File { .. } if is_typed => {
                    let target = into.join(&path);
                    std::fs::create_dir_all(target.parent().unwrap_or(into))?;
                    std::fs::write(target, bundle.content(&path)?.unwrap_or_default())?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Writes the packages of the project beside exported stubs, where editors find them.
///
/// # Errors
///
/// When what is declared is not locked, or a file not written.
pub(crate) fn export(settings: &Settings, folder: &Path) -> Result<(), Failure> {
    let into = folder.join("site-packages");
    for mount in of_tools(settings)?.mounts {
        if let Source::Bundle(file) = &mount.source {
            unpack(file, &into)
                .with_context(|| format!("write to `{}`", into.display()))
                .map_err(Failure::usage)?;
            render::note(&format!(
                "packages are in `{}`: editors search it where it is among their extra paths",
                into.display()
            ));
        }
    }
    Ok(())
}

/// Locks what the project declares, where that is not done yet, and makes its bundle.
fn ensure_project(packages: &Packages) -> Result<(), PackageError> {
    if packages.project.python.is_empty() {
        return Ok(());
    }
    let none = Packages {
        flags: Vec::new(),
        ..packages.clone()
    };
    of_python(&none, None).map(drop)
}

/// What tool files see of packages: those that their project has locked.
///
/// # Errors
///
/// When what is declared is not locked.
pub(crate) fn of_tools(settings: &Settings) -> Result<Policy, Failure> {
    let packages = &settings.packages;
    let mut mounts = Vec::new();
    if !packages.project.python.is_empty() {
        let lock = locked(packages)?;
        let bundle = bundle_of(&lock.python).map_err(|error| failed(error, "the project"))?;
        mounts.push(python::mount(bundle));
    }
    let bundle = javascript::locked(packages)?;
    mounts.extend(bundle.map(wxmcp_packages::javascript::mount));
    Ok(Policy {
        packages: mounts.iter().map(|mount| mount.guest.clone()).collect(),
        mounts,
        ..Policy::default()
    })
}

/// What a script under test sees of packages: those that its project has locked.
///
/// # Errors
///
/// When it names others.
pub(crate) fn seen_in_test(
    script: &Script,
    sees: &Policy,
    settings: &Settings,
) -> Result<Policy, String> {
    if script.language == Language::Python {
        let named = wxmcp_packages::required(&script.source).map_err(|error| error.to_string())?;
        let lock = Lock::read(&settings.packages.lock).map_err(|error| error.to_string())?;
        let why = unlocked(&lock.unwrap_or_default(), &named.unwrap_or_default());
        if let Some(why) = why {
            return Err(format!(
                "{why}: a script under test has the packages of its project"
            ));
        }
    }
    Ok(wxmcp_packages::seen_by(script.language, sees))
}

/// The lock of a project, if it has all that is declared.
fn locked(packages: &Packages) -> Result<Lock, Failure> {
    let all = packages.project.python.iter().chain(&packages.flags);
    let asked = requirements(all).map_err(|error| failed(error, "the project"))?;
    let lock = read(&packages.lock)?.unwrap_or_default();
    match unlocked(&lock, &asked) {
        None => Ok(lock),
        Some(why) => {
            Err(Failure::usage(anyhow!("{why}"))
                .hint("`wxmcp lock` resolves what wxmcp.toml declares"))
        }
    }
}

/// Mounts packages.
fn put(settings: &mut Settings, guest: &str, source: Source) -> Result<(), Failure> {
    if settings.mounts.iter().any(|mount| mount.guest == guest) {
        return Err(Failure::usage(anyhow!(
            "a volume has the DST `{guest}`, where packages are"
        )));
    }
    settings.shown.push(guest.to_owned());
    settings.mounts.push(Mount {
        source,
        guest: guest.to_owned(),
        access: Access::ReadOnly,
        quota: Quota::default(),
    });
    Ok(())
}

/// The bundle of a script's packages: those that it names itself, else those of its project; and those of flags.
fn of_python(
    packages: &Packages,
    own: Option<Vec<Requirement>>,
) -> Result<Option<BundleFile>, PackageError> {
    let project = requirements(&packages.project.python)?;
    let flags = requirements(&packages.flags)?;
    let is_project = own.is_none() && flags.is_empty();
    let asked: Vec<Requirement> = own
        .unwrap_or_else(|| project.clone())
        .into_iter()
        .chain(flags)
        .collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let lock = Lock::read(&packages.lock)?;
    let is_new = |lock: &Lock| lock.declared.python == texts(&project);
    if let Some(lock) = lock
        .as_ref()
        .filter(|lock| is_new(lock) && unlocked(lock, &asked).is_none())
    {
        return bundle_of(&lock.python).map(Some);
    }
    if is_project {
        let (resolved, bundle) = resolve(&asked, lock.as_ref().map_or(&[], |lock| &lock.python))?;
        write(&packages.lock, lock, &project, &resolved.locked)?;
        return Ok(Some(bundle));
    }
    own_bundle(&asked, false).map(Some)
}

/// The bundle of packages that are no project's: what was resolved for the same names is kept in the cache.
pub(crate) fn own_bundle(asked: &[Requirement], anew: bool) -> Result<BundleFile, PackageError> {
    let mut texts = texts(asked);
    texts.sort();
    let key = format!("{}\n{}", wxmcp_packages::PYTHON, texts.join("\n"));
    let cache = cache_directory().ok_or(PackageError::NoCache)?;
    let path = cache
        .join("locks")
        .join(format!("{}.lock", wxmcp_cache::hex(key.as_bytes())));
    let known = wxmcp_cache::is_ours(&path, OWN_LOCK).then(|| Lock::read(&path));
    if let Some(Ok(Some(lock))) = known.filter(|_| !anew) {
        return bundle_of(&lock.python);
    }
    let (resolved, bundle) = resolve(asked, &[])?;
    let mut lock = Lock::of(Declared {
        python: texts,
        javascript: Vec::new(),
    });
    lock.python = resolved.locked;
    // Where it cannot be kept, the next run resolves again.
    let _kept = wxmcp_cache::store(&path, lock.text().as_bytes());
    Ok(bundle)
}

/// Writes what was resolved for a project into its lock, whose other half stays.
pub(crate) fn write(
    path: &Path,
    lock: Option<Lock>,
    project: &[Requirement],
    locked: &[Locked],
) -> Result<(), PackageError> {
    let mut lock = lock.unwrap_or_else(|| Lock::of(Declared::default()));
    lock.declared.python = texts(project);
    lock.python = locked.to_vec();
    lock.write(path)?;
    said(locked.len(), path);
    Ok(())
}

/// Says what was locked.
fn said(count: usize, path: &Path) {
    render::note(&format!(
        "locked {count} package{} in `{}`",
        if count == 1 { "" } else { "s" },
        path.display()
    ));
}

/// Resolves packages and makes their bundle.
pub(crate) fn resolve(
    asked: &[Requirement],
    keep: &[Locked],
) -> Result<(Resolved, BundleFile), PackageError> {
    with_maker(|maker| {
        let resolved = maker.resolve(asked, keep)?;
        let bundle = made(maker, &resolved)?;
        Ok((resolved, bundle))
    })
}

/// The bundle of packages that are locked: found, or made of what is in the cache, or fetched.
pub(crate) fn bundle_of(locked: &[Locked]) -> Result<BundleFile, PackageError> {
    with_maker(|maker| match maker.found(locked) {
        Some(found) => Ok(found),
        None => made(maker, &maker.fetch(locked)?),
    })
}

fn with_maker<T>(
    work: impl FnOnce(Maker<'_>) -> Result<T, PackageError>,
) -> Result<T, PackageError> {
    let cache = cache_directory().ok_or(PackageError::NoCache)?;
    work(Maker {
        cache: &cache,
        guest: NATIVES.python.component,
    })
}

/// Has the sandbox make a bundle.
fn made(maker: Maker<'_>, resolved: &Resolved) -> Result<BundleFile, PackageError> {
    let failed = |why: String| PackageError::Sandbox { what: "start", why };
    let runner = crate::guests::guests().sandbox(Language::Python);
    let runner = runner.map_err(|error| failed(error.to_string()))?;
    let event_loop = wxmcp_host::EventLoop::on_this_thread();
    let event_loop = event_loop.map_err(|error| failed(error.to_string()))?;
    event_loop.run(maker.bundle(resolved, runner.as_ref()))
}

/// Reads what was asked for.
pub(crate) fn requirements<'a>(
    texts: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<Requirement>, PackageError> {
    texts
        .into_iter()
        .map(|text| Requirement::parse(text))
        .collect()
}

/// How requirements are kept in a lock.
pub(crate) fn texts(requirements: &[Requirement]) -> Vec<String> {
    requirements.iter().map(|it| it.text().to_owned()).collect()
}

/// Reads a lock.
pub(crate) fn read(path: &Path) -> Result<Option<Lock>, Failure> {
    let read = Lock::read(path).map_err(anyhow::Error::from);
    read.context("read the locked packages")
        .map_err(Failure::usage)
}

/// What stands against packages, as it is told.
pub(crate) fn failed(error: PackageError, of: &str) -> Failure {
    let hint = error.hint();
    let failure = Failure::usage(
        anyhow::Error::new(error).context(format!("cannot provide the packages of {}", named(of))),
    );
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn named(of: &str) -> String {
    match of {
        "the server" | "the project" => of.to_owned(),
        of => format!("`{of}`"),
    }
}
