//! What may be written behind `wxmcp add`, `remove`, `lock` and `packages`.

use std::path::PathBuf;

use clap::Args;

use super::ConfigArgs;

pub(super) const HELP: &str = "\
Packages are declared in `[packages]` of wxmcp.toml, and locked by version and digest in wxmcp.lock
beside it. pip chooses and fetches those of Python, npm those of JavaScript, with your own indexes,
registries, constraints and proxies; nothing of a package runs outside of the sandbox.

Examples:
  wxmcp add requests 'pyyaml>=6'    scripts of this project import them
  wxmcp add --javascript date-fns   the same for scripts in JavaScript and TypeScript
  wxmcp run --package rich a.py     a package for one script
  wxmcp packages                    what is locked";

/// Packages of one run.
#[derive(Debug, Default, Args)]
pub(crate) struct PackageFlags {
    /// Let the script import this package of its language and all that it needs: `requests`, `pyyaml>=6`, `date-fns@^4`. It is resolved once, and kept
    #[arg(long = "package", value_name = "NAME")]
    pub(crate) packages: Vec<String>,

    /// Let the script import what is in the folder DIR of packages, which it sees as /packages/site
    #[arg(long, value_name = "DIR")]
    pub(crate) site: Option<PathBuf>,
}

/// `wxmcp add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Packages, with the versions that will do: `requests`, `pyyaml>=6`
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,

    #[command(flatten)]
    pub(crate) of: LanguageArgs,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// `wxmcp remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Packages
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,

    #[command(flatten)]
    pub(crate) of: LanguageArgs,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Which language's packages are meant.
#[derive(Debug, Args)]
pub(crate) struct LanguageArgs {
    /// Packages of Python, which is the default
    #[arg(long)]
    pub(crate) python: bool,

    /// Packages of JavaScript and TypeScript
    #[arg(long, conflicts_with = "python")]
    pub(crate) javascript: bool,
}

/// `wxmcp lock`.
#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    /// Scripts in Python whose `# /// script` metadata names packages; none: the project
    #[arg(value_name = "SCRIPT")]
    pub(crate) scripts: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// `wxmcp packages`.
#[derive(Debug, Args)]
pub(crate) struct PackagesArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
