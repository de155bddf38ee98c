//! What users declare: `date-fns`, `date-fns@^4`, `file:./mine-1.0.0.tgz`, `https://host/mine-1.0.0.tgz`.

use std::path::Path;

use super::JavascriptError;
use super::resolve::package_name;

/// How files of packages end.
const ARCHIVES: [&str; 2] = [".tgz", ".tar.gz"];

/// What npm would fetch by git, or link.
const OTHERS: [&str; 9] = [
    "git",
    "ssh:",
    "github:",
    "gitlab:",
    "bitbucket:",
    "gist:",
    "link:",
    "workspace:",
    "portal:",
];

/// A declared package as npm reads it; paths begin in the folder of the project.
pub(super) fn argument(declared: &str, project: &Path) -> Result<String, JavascriptError> {
    let refused = |why: &'static str| JavascriptError::Requirement {
        declared: declared.chars().take(200).collect(),
        why,
    };
    let is_text = !declared.is_empty() && !declared.contains(|it: char| it.is_control());
    if !is_text || declared.starts_with('-') || declared.trim() != declared {
        return Err(refused("that is no name of a package"));
    }
    let (name, wanted) = divided(declared);
    let is_archive = ARCHIVES.iter().any(|it| wanted.ends_with(it));
    if let Some(path) = path(wanted) {
        if !is_archive {
            return Err(refused(
                "a folder is no package: `npm pack` makes a `.tgz` of it, which can be declared",
            ));
        }
        let path = std::path::absolute(project.join(path));
        let path = path.map_err(|_| refused("that is no path"))?;
        let path = path.to_str().ok_or_else(|| refused("that is no path"))?;
        return Ok(match name {
            Some(name) => format!("{name}@file:{path}"),
            None => format!("file:{path}"),
        });
    }
    let is_url = wanted.starts_with("https://") || wanted.starts_with("http://");
    let is_other = OTHERS.iter().any(|it| wanted.starts_with(it));
    // `user/repository` is one of GitHub's.
    let is_repository = name.is_none() && !wanted.starts_with('@') && wanted.contains('/');
    match (is_url, is_archive) {
        (true, true) => Ok(declared.to_owned()),
        (true, false) => Err(refused("what a URL names must end with `.tgz`")),
        (false, _) if is_other || is_repository => Err(refused(
            "packages come from a registry, or as a `.tgz`: not from repositories, whose scripts would have to make them",
        )),
        (false, _) => Ok(declared.to_owned()),
    }
}

/// The name in front of an at sign, if there is one, and what is wanted of it.
fn divided(declared: &str) -> (Option<&str>, &str) {
    let from = usize::from(declared.starts_with('@'));
    let at = declared.get(from..).and_then(|rest| rest.find('@'));
    let at = at.map(|at| at.saturating_add(from));
    let divided = at.and_then(|at| {
        let wanted = declared.get(at.saturating_add(1)..)?;
        Some((declared.get(..at)?, wanted))
    });
    match divided {
        Some((name, wanted)) if is_name(name) => (Some(name), wanted),
        _ => (None, declared),
    }
}

/// Whether it is a name such as packages have.
fn is_name(name: &str) -> bool {
    let (package, rest) = package_name(name);
    let is_letter = |it: char| it.is_ascii_alphanumeric() || "@/-._~".contains(it);
    rest.is_empty() && !package.is_empty() && package.chars().all(is_letter)
}

/// The path, if a path is wanted.
fn path(wanted: &str) -> Option<&str> {
    if let Some(path) = wanted.strip_prefix("file:") {
        return Some(path.strip_prefix("//").unwrap_or(path));
    }
    let is_path = ["./", "../", "/", "~/"]
        .iter()
        .any(|it| wanted.starts_with(it));
    let is_archive = ARCHIVES.iter().any(|it| wanted.ends_with(it)) && !wanted.contains("://");
    (is_path || is_archive || wanted == ".").then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_npm_takes_from_registries_and_archives_is_passed_on() {
        let of = |declared| argument(declared, Path::new("/p")).unwrap();
        for same in [
            "date-fns",
            "date-fns@^4",
            "@scope/x@1.2.3",
            "@scope/x",
            "old@npm:date-fns@2",
            "x@>=1 <3",
            "https://host/x-1.0.0.tgz",
            "x@https://host/x-1.0.0.tgz",
        ] {
            assert_eq!(of(same), same);
        }
        assert_eq!(of("./x-1.0.0.tgz"), "file:/p/x-1.0.0.tgz");
        assert_eq!(of("file:x-1.0.0.tgz"), "file:/p/x-1.0.0.tgz");
        assert_eq!(of("x@file:/q/x.tar.gz"), "x@file:/q/x.tar.gz");
    }

    #[test]
    fn what_would_run_or_link_something_is_refused() {
        let refused = |declared| match argument(declared, Path::new("/p")) {
            Err(JavascriptError::Requirement { why, .. }) => why,
            other => panic!("{declared}: {other:?}"),
        };
        for repository in [
            "user/repository",
            "github:user/repository",
            "git+https://host/x.git",
            "x@git+ssh://host/x.git",
            "x@github:user/repository",
            "x@workspace:*",
        ] {
            assert!(refused(repository).contains("repositories"), "{repository}");
        }
        assert!(refused("./folder").starts_with("a folder is no package"));
        assert!(refused("x@file:..").starts_with("a folder is no package"));
        assert!(refused("https://host/x.git").contains(".tgz"));
        for none in ["", "-g", "--global", " x", "x\n"] {
            assert_eq!(refused(none), "that is no name of a package");
        }
    }
}
