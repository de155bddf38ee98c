//! The componentizers: programs of others, of versions that are known to work.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use rustix::process::Resource;
use serde_json::Value;

use super::adapter::Adapter;
use crate::exit::Failure;
use crate::program::{self, Bounds};

/// The one version of each that is used: the sources around a script lean on how they work.
const PYTHON_VERSION: &str = "0.25.1";
const JAVASCRIPT_VERSION: &str = "0.23.0";

/// The package of npm.
const PACKAGE: &str = "@bytecodealliance/componentize-js";

/// What a componentizer may use. Both reserve much more of addresses than they touch.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(300),
    of: Resource::Data,
    memory: 6 << 30,
    file: 256 << 20,
};

/// What a componentizer writes, in the folder of the build.
pub(super) const MADE: &str = "made.wasm";

/// Where they may be, besides.
const PLACES: &str = "or say where it is: WXMCP_COMPONENTIZERS=DIR, or `folder` under `[build]` in \
                      wxmcp.toml (`make componentizers` leaves both in target/componentizers)";

/// What makes components of one language.
pub(super) enum Componentizer {
    /// componentize-py.
    Python(PathBuf),
    /// node, and the folder of componentize-js.
    JavaScript { node: PathBuf, package: PathBuf },
}

impl Componentizer {
    /// The one for a language, in a folder if one is named, or how to get it.
    pub(super) async fn find(adapter: Adapter, folder: Option<&Path>) -> Result<Self, Failure> {
        match adapter {
            Adapter::Python => python(folder).await,
            Adapter::JavaScript => javascript(folder),
        }
    }

    /// Makes the component of the sources in a folder.
    pub(super) async fn run(&self, folder: &Path) -> Result<(), Failure> {
        // Both begin with a script for an interpreter.
        let path = std::env::var_os("PATH");
        let (name, printed) = match self {
            Self::Python(program) => {
                let arguments = [
                    "-q",
                    "-d",
                    "wit",
                    "-w",
                    "script",
                    "componentize",
                    "-p",
                    "src",
                    "-o",
                    MADE,
                    "app",
                ];
                let printed = program::run(program, &arguments, folder, path, BOUNDS);
                ("componentize-py", printed.await)
            }
            Self::JavaScript { node, package } => {
                let module = package.join("src/componentize.js");
                let module = module.to_string_lossy();
                let arguments = ["componentize.mjs", &module, MADE];
                let printed = program::run(node, &arguments, folder, path, BOUNDS);
                ("componentize-js", printed.await)
            }
        };
        let printed = printed.map_err(Failure::raised)?;
        if printed.code == 0 && folder.join(MADE).is_file() {
            return Ok(());
        }
        let words = wxmcp_catalogue::clean(&printed.stdout, 4_000);
        Err(Failure::raised(anyhow!(
            "`{name}` failed with exit code {}: {words}",
            printed.code
        )))
    }
}

async fn python(folder: Option<&Path>) -> Result<Componentizer, Failure> {
    let how = || format!("pip install componentize-py=={PYTHON_VERSION}, {PLACES}");
    let bin = folder.map(|folder| folder.join("bin"));
    let program = program::find(bin.as_deref(), &["componentize-py"]).ok_or_else(|| {
        let place = match &bin {
            Some(bin) => format!("in `{}`", bin.display()),
            None => "on PATH".to_owned(),
        };
        missing("componentize-py", &place, "Python").hint(how())
    })?;
    let here = tempfile::tempdir()
        .context("make a temporary folder")
        .map_err(Failure::fault)?;
    let path = std::env::var_os("PATH");
    let printed = program::run(&program, &["--version"], here.path(), path, BOUNDS)
        .await
        .map_err(Failure::raised)?;
    let version = printed.stdout.split_whitespace().next_back();
    if version != Some(PYTHON_VERSION) {
        let version = version.unwrap_or("unknown");
        return Err(other(&program, version, PYTHON_VERSION).hint(how()));
    }
    Ok(Componentizer::Python(program))
}

fn javascript(folder: Option<&Path>) -> Result<Componentizer, Failure> {
    let how = || {
        format!(
            "npm install {PACKAGE}@{JAVASCRIPT_VERSION} @bytecodealliance/preview2-shim, {PLACES}"
        )
    };
    let node = program::find(None, &["node"]).ok_or_else(|| {
        let error = anyhow!("there is no `node` on PATH: components of JavaScript are made by it");
        Failure::usage(error).hint("install node 20 or later")
    })?;
    let places: Vec<PathBuf> = match folder {
        Some(folder) => vec![folder.to_owned()],
        None => {
            let here = std::env::current_dir()
                .context("find the current folder")
                .map_err(Failure::fault)?;
            here.ancestors().map(Path::to_owned).collect()
        }
    };
    let package = places
        .iter()
        .map(|place| place.join("node_modules").join(PACKAGE))
        .find(|package| package.join("package.json").is_file());
    let Some(package) = package else {
        let place = match folder {
            Some(folder) => format!("in `{}`", folder.join("node_modules").display()),
            None => "in `node_modules` here or above".to_owned(),
        };
        return Err(missing(PACKAGE, &place, "JavaScript").hint(how()));
    };
    let package = std::path::absolute(&package)
        .context("find componentize-js")
        .map_err(Failure::fault)?;
    let text = std::fs::read(package.join("package.json"))
        .with_context(|| format!("read `package.json` in `{}`", package.display()))
        .map_err(Failure::usage)?;
    let manifest: Value = serde_json::from_slice(&text).unwrap_or_default();
    let version = manifest.get("version").and_then(Value::as_str);
    if version != Some(JAVASCRIPT_VERSION) {
        let version = version.unwrap_or("unknown");
        return Err(other(&package, version, JAVASCRIPT_VERSION).hint(how()));
    }
    Ok(Componentizer::JavaScript { node, package })
}

fn missing(name: &str, place: &str, language: &str) -> Failure {
    Failure::usage(anyhow!(
        "there is no `{name}` {place}: components of {language} are made by it"
    ))
}

fn other(place: &Path, version: &str, wanted: &str) -> Failure {
    let version = wxmcp_catalogue::clean(version, 100);
    Failure::usage(anyhow!(
        "`{}` is of version {version}: only {wanted} is known to work",
        place.display()
    ))
}
