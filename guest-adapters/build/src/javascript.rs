//! The JavaScript guest: StarlingMonkey, put into a component by componentize-js, and metered.

use crate::digest::sha256;
use crate::inputs::Project;
use crate::meter::{self, Counter};
use crate::packages::javascript_packages;
use crate::program;
use crate::recipe::{Clock, Made, Recipe, copy_file, digest_of, files_below, megabytes};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The functions that run when JavaScript starts, as `runtime/cli/start.py` noted them.
const FIRST: &str = include_str!("first/javascript.txt");

/// The sources of this program that decide a byte of the component.
pub(crate) const BUILDER: [(&str, &str); 3] = [
    ("first/javascript.txt", FIRST),
    ("javascript.rs", include_str!("javascript.rs")),
    ("recipe.rs", include_str!("recipe.rs")),
];

/// Folders of the adapter that are no inputs.
const OTHER_FOLDERS: [&str; 2] = ["node_modules", "test"];

/// Makes the JavaScript guest.
#[derive(Debug)]
pub struct JavaScript<'p> {
    /// Where the inputs are.
    pub project: &'p Project,
}

impl JavaScript<'_> {
    fn sources(&self) -> Result<Vec<PathBuf>> {
        let enter = |folder: &str| !OTHER_FOLDERS.contains(&folder);
        let files = files_below(&self.project.adapter("javascript"), &enter)?;
        let is_input = |file: &PathBuf| {
            let name = file.to_string_lossy();
            let suffix = file.extension().unwrap_or_default();
            ["js", "mjs", "json", "wat", "wit"]
                .iter()
                .any(|s| suffix == *s)
                && !name.contains(".test.")
        };
        Ok(files.into_iter().filter(is_input).collect())
    }
}

impl Recipe for JavaScript<'_> {
    fn name(&self) -> &'static str {
        "javascript"
    }

    fn inputs(&self) -> Result<BTreeMap<String, String>> {
        let folder = self.project.adapter("javascript");
        let mut inputs = BTreeMap::new();
        inputs.insert(
            "wit/guest.wit".to_owned(),
            digest_of(&self.project.guest_wit())?,
        );
        for file in self.sources()? {
            inputs.insert(
                format!("javascript/{}", file.display()),
                digest_of(&folder.join(&file))?,
            );
        }
        Ok(inputs)
    }

    fn builder(&self) -> Result<Vec<(&'static str, String)>> {
        let mut builder: Vec<_> = BUILDER
            .iter()
            .chain(&meter::SOURCES)
            .map(|(name, source)| (*name, (*source).to_owned()))
            .collect();
        for library in ["wasm-encoder", "wasmparser"] {
            builder.push((library, self.project.version(library)?));
        }
        Ok(builder)
    }

    fn make(&self, clock: &mut Clock) -> Result<Made> {
        let adapter = self.project.adapter("javascript");
        let packages = javascript_packages(&adapter.join("build"), &self.project.setup())?;
        clock.done("packages are set up");
        // A copy, so that the build sees its inputs and nothing else.
        let folder = tempfile::Builder::new()
            .prefix("guest-build-")
            .tempdir()
            .context("make a temporary folder")?;
        let copy = folder.path().join("javascript");
        for file in self.sources()? {
            copy_file(&adapter.join(&file), &copy.join(&file))?;
        }
        let wit = folder.path().join("guest.wit");
        copy_file(&self.project.guest_wit(), &wit)?;
        let out = folder.path().join("out.wasm");
        let mut node = Command::new(program::on_path("node")?);
        node.env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env("WXMCP_NODE_MODULES", packages.join("node_modules"))
            .current_dir(copy.join("build"))
            .arg("build.mjs")
            .args([&out, &wit]);
        program::run(&mut node, "componentize the JavaScript adapter")?;
        let componentized = fs::read(&out).context("read what componentize-js made")?;
        clock.done(&format!(
            "componentized, {}",
            megabytes(componentized.len())
        ));
        let component = meter::meter(&componentized, Counter::InLocals, &meter::numbers(FIRST)?)
            .context("meter the component")?;
        clock.done(&format!("metered, {}", megabytes(component.len())));
        let outputs = [
            ("componentized", sha256(&componentized)),
            ("component", sha256(&component)),
        ];
        Ok(Made {
            outputs: outputs
                .map(|(name, digest)| (name.to_owned(), digest))
                .into(),
            counts: BTreeMap::new(),
            files: Vec::new(),
            component,
        })
    }
}
