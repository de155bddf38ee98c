//! What may be written behind `wxmcp add`, `remove`, `lock` and `packages`.

use std::path::PathBuf;

use clap::Args;

use super::ConfigArgs;

pub(super) const HELP: &str = "\
Packages are declared in `[packages]` of wxmcp.toml, and locked by version and SHA-256 in wxmcp.lock
beside it. pip chooses and fetches them, with your own indexes, constraints and proxies; only wheels
are taken, and nothing of a package runs outside of the sandbox.

Examples:
  wxmcp add requests 'pyyaml>=6'    scripts of this project import them
  wxmcp run --package rich a.py     a package for one script
  wxmcp packages                    what is locked";

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
