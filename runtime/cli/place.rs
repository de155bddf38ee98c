//! Where the file of a script is for its guest, and what lies beside it on the host.

use std::path::Path;

use wxmcp_run::{Language, Mount, Outcome, Report, Script, Source};

use crate::mounts::PROJECT;
use crate::settings::Settings;

/// Tells a script where it is seen, if a mount shows its file. Code without a file begins in the project, as a prompt
/// there would; a script begins in its home.
pub(crate) fn put(script: &mut Script, file: Option<&str>, settings: &mut Settings) {
    match file {
        Some(file) => script.path = seen_at(Path::new(file), &settings.mounts),
        None if script.language == Language::Component => {}
        None => begin_in_project(settings),
    }
}

/// Where code begins that has no file: in the project, if there is one and nothing else is said.
pub(crate) fn begin_in_project(settings: &mut Settings) {
    if settings.mounts.iter().any(|mount| mount.guest == PROJECT) {
        settings.workdir.get_or_insert_with(|| PROJECT.to_owned());
    }
}

/// Where a guest sees a file of the host, if a mount shows it.
fn seen_at(file: &Path, mounts: &[Mount]) -> Option<String> {
    let file = file.canonicalize().ok()?;
    let inside = mounts.iter().filter_map(|mount| {
        let Source::Host(folder) = &mount.source else {
            return None;
        };
        let below = file.strip_prefix(folder.canonicalize().ok()?).ok()?;
        let root = mount.guest.trim_end_matches('/');
        let path = format!("{root}/{}", below.to_str()?);
        // Another mount may hide what this one has there.
        let innermost = mounts.iter().filter(|other| is_below(&path, &other.guest));
        let innermost = innermost.max_by_key(|other| other.guest.len());
        let depth = below.components().count();
        (innermost == Some(mount)).then_some((depth, path))
    });
    // Of several places the one that is meant for it: the project, or the one with the least around it.
    inside
        .min_by_key(|(depth, path)| (!is_below(path, PROJECT), *depth))
        .map(|(_, path)| path)
}

fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Says how the script gets a module that it did not find, and that lies beside it on the host.
pub(crate) fn explain(report: &mut Report, file: &str) {
    let Outcome::Raised(raised) = &mut report.outcome else {
        return;
    };
    let named = raised.message.strip_prefix("No module named '");
    let (true, Some(named)) = (raised.kind == "ModuleNotFoundError", named) else {
        return;
    };
    let top = named.split(['.', '\'']).next().unwrap_or_default();
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let found = [folder, Path::new("")].into_iter().find_map(|folder| {
        let module = format!("{top}.py");
        let is_there = |name: &str| std::fs::metadata(folder.join(name));
        match (is_there(&module), is_there(top)) {
            (Ok(found), _) if found.is_file() => Some((folder, module)),
            (_, Ok(found)) if found.is_dir() => Some((folder, format!("{top}/"))),
            _ => None,
        }
    });
    let Some((folder, module)) = found.filter(|_| !top.is_empty()) else {
        return;
    };
    let folder = match folder.to_str() {
        Some("") | None => ".",
        Some(folder) => folder,
    };
    // The guest knows of no such file, so its own note is about packages.
    if let Some(at) = raised.traceback.rfind(NO_PACKAGE) {
        raised.traceback.truncate(at);
    }
    raised.traceback.push_str(&format!(
        "note: the script does not see `{module}` of the host; `--project {folder}` shows it that folder: \
         wxmcp run --project {folder} {file}\n"
    ));
}

/// How the note of the Python guest on a module begins that is not of the library.
const NO_PACKAGE: &str = "note: there is no package `";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounts::mount;

    #[test]
    fn a_file_is_seen_where_the_innermost_mount_shows_it() -> anyhow::Result<()> {
        let host = tempfile::tempdir()?;
        let file = |path: &str| {
            let file = host.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(host.path()))?;
            std::fs::write(&file, "")?;
            anyhow::Ok(file)
        };
        let (script, hidden, other) = (file("a/b/x.py")?, file("a/in/x.py")?, file("y.py")?);
        let of = |volumes: &[&str]| {
            let read = |volume: &&str| mount(volume, host.path());
            volumes.iter().map(read).collect::<anyhow::Result<Vec<_>>>()
        };
        let mounts = of(&["a:/data", "a/b:/data/in"])?;
        assert_eq!(seen_at(&script, &mounts).as_deref(), Some("/data/in/x.py"));
        assert_eq!(
            seen_at(&script, &mounts[..1]).as_deref(),
            Some("/data/b/x.py")
        );
        assert_eq!(seen_at(&hidden, &mounts), None);
        assert_eq!(seen_at(&other, &mounts), None);
        let mounts = of(&["a/b:/b", "a:/project", "a:/"])?;
        assert_eq!(
            seen_at(&script, &mounts).as_deref(),
            Some("/project/b/x.py")
        );
        Ok(())
    }
}
