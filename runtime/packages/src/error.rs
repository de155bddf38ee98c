//! Why packages cannot be had.

use std::io;

/// Why packages cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// What was asked for is no requirement.
    #[error("`{text}` names no package: {why}")]
    Requirement {
        /// As it was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The metadata at the top of a script cannot be used.
    #[error("the `# /// script` metadata: {0}")]
    Metadata(String),
    /// There is no program that resolves packages.
    #[error("there is no {0} on PATH, which finds packages and fetches them")]
    NoProgram(&'static str),
    /// A program that resolves packages did not do it.
    #[error("`{program}` {why}")]
    Program {
        /// Its name.
        program: String,
        /// What became of it.
        why: String,
    },
    /// There are no versions of packages that fit each other and the sandbox.
    #[error("cannot resolve the packages: {0}")]
    Unresolved(String),
    /// A file is not the one that was locked.
    #[error(
        "`{file}` is not what `wxmcp.lock` has: its SHA-256 is {found}, and {locked} is locked"
    )]
    Digest {
        /// The file.
        file: String,
        /// The digest that it has.
        found: String,
        /// The one that it should have.
        locked: String,
    },
    /// A file of a package is refused.
    #[error("`{file}` is refused: {why}")]
    Refused {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A package does not import without its native code.
    #[error("`{name}` {version}{} does not work without its native code: {why}", of(.needed_by))]
    Native {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// Packages that need it.
        needed_by: Vec<String>,
        /// The module that failed, and how.
        why: String,
        /// What exists instead.
        instead: Option<String>,
    },
    /// The sandbox did not compile packages, or did not try them.
    #[error("the sandbox could not {what}: {why}")]
    Sandbox {
        /// What it was to do.
        what: &'static str,
        /// What became of it.
        why: String,
    },
    /// Packages that are locked for another language, or in a form that is none of its.
    #[error("wxmcp.lock: `{name}`: {why}")]
    Locked {
        /// The package.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// There is no cache to keep packages in.
    #[error("packages are kept in a cache, and there is none: `WXMCP_CACHE_DIR` names one")]
    NoCache,
    /// Something could not be read or written.
    #[error("{what}")]
    Io {
        /// What was done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The bundle cannot be made.
    #[error(transparent)]
    Bundle(#[from] wxmcp_bundle::BundleError),
    /// The lock cannot be read or written.
    #[error(transparent)]
    Lock(#[from] crate::lock::LockError),
}

/// Who needs a package.
fn of(needed_by: &[String]) -> String {
    match needed_by {
        [] => String::new(),
        [one] => format!(", which `{one}` needs,"),
        [first, ..] => format!(", which `{first}` and others need,"),
    }
}

impl PackageError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoProgram(_) => Some(
                "install `uv`, or a Python 3.9 or newer with pip; with everything in wxmcp.lock and in the cache neither is needed"
                    .to_owned(),
            ),
            Self::Native { instead, .. } => instead.clone(),
            Self::Digest { .. } => Some(
                "the index has another file by this name: find out why, before `wxmcp lock` takes it".to_owned(),
            ),
            _ => None,
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
