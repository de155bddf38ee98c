//! From pinned inputs to the guests, step by step.

use crate::cache::{Cache, write_whole};
use crate::digest::sha256;
use crate::inputs::Project;
use crate::javascript::JavaScript;
use crate::native;
use crate::python::Python;
use crate::recipe::{Clock, Recipe, key, megabytes};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What is noted about a component that was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentFacts {
    /// SHA-256 of the component.
    pub component_sha256: String,
    /// Size of the component.
    pub component_bytes: usize,
    /// SHA-256 of what each step made.
    pub outputs: BTreeMap<String, String>,
    /// What steps counted.
    pub counts: BTreeMap<String, usize>,
}

/// What is noted about native code that was compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeFacts {
    /// What it was compiled for.
    pub target: String,
    /// SHA-256 of the native code, uncompressed.
    pub native_sha256: String,
    /// Size of the native code, uncompressed.
    pub native_bytes: usize,
    /// SHA-256 of the compressed native code.
    pub compressed_sha256: String,
    /// Size of the compressed native code.
    pub compressed_bytes: usize,
}

/// A guest, as `manifest.json` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// About the component.
    #[serde(flatten)]
    pub component: ComponentFacts,
    /// About the native code.
    #[serde(flatten)]
    pub native: NativeFacts,
    /// Digest of all inputs of the component.
    pub inputs: String,
    /// The folder with everything that was kept of the build.
    pub kept: String,
}

/// All guests, by name.
pub type Manifest = BTreeMap<String, Guest>;

const MANIFEST: &str = "manifest.json";

/// How a build is done.
#[derive(Debug)]
pub struct Builder<'b> {
    /// Where the inputs are.
    pub project: &'b Project,
    /// Where built guests are kept.
    pub cache: Cache,
    /// Builds everything again, whatever the cache holds.
    pub from_scratch: bool,
    /// Is told of each step that was done.
    pub say: fn(&str),
}

impl<'b> Builder<'b> {
    /// The guests that there are.
    pub fn recipes(&self) -> [Box<dyn Recipe + 'b>; 2] {
        let project = self.project;
        [
            Box::new(Python { project }),
            Box::new(JavaScript { project }),
        ]
    }

    /// Builds all guests into a folder.
    ///
    /// # Errors
    ///
    /// When an input is missing or a step fails.
    pub fn build(&self, out: &Path) -> Result<Manifest> {
        let before = fs::read(out.join(MANIFEST)).ok();
        let before: Manifest = before
            .and_then(|manifest| serde_json::from_slice(&manifest).ok())
            .unwrap_or_default();
        let mut manifest = Manifest::new();
        for recipe in self.recipes() {
            let name = recipe.name();
            let guest = self
                .guest(recipe.as_ref(), out, before.get(name))
                .with_context(|| format!("build the guest `{name}`"))?;
            manifest.insert(name.to_owned(), guest);
        }
        if manifest != before {
            write_whole(&out.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
        }
        Ok(manifest)
    }

    fn guest(&self, recipe: &dyn Recipe, out: &Path, before: Option<&Guest>) -> Result<Guest> {
        let mut inputs = key(recipe)?;
        if self.project.quick {
            inputs.push_str("-quick");
        }
        let files = Files::of(recipe.name());
        if !self.from_scratch
            && let Some(guest) = before
            && self.is_built(guest, out, &inputs, &files)?
        {
            return Ok(guest.clone());
        }
        let (component, facts) = self.component(recipe, &inputs, &files)?;
        let (native, native_facts) = self.native(&component, &facts.component_sha256, &files)?;
        fs::create_dir_all(out).with_context(|| format!("make `{}`", out.display()))?;
        write_whole(&out.join(&files.component), &component)?;
        write_whole(&out.join(&files.native), &native)?;
        Ok(Guest {
            component: facts,
            native: native_facts,
            kept: self.cache.path(&inputs, "").display().to_string(),
            inputs,
        })
    }

    /// Whether a guest in the folder is the one that would be built.
    fn is_built(&self, guest: &Guest, out: &Path, inputs: &str, files: &Files) -> Result<bool> {
        let Some(component) = self.cache.facts::<ComponentFacts>(inputs) else {
            return Ok(false);
        };
        let native = self
            .cache
            .facts::<NativeFacts>(&self.native_key(&component.component_sha256)?);
        let holds = |file: &str, digest: &str| {
            fs::read(out.join(file)).is_ok_and(|bytes| sha256(&bytes) == digest)
        };
        Ok(guest.inputs == inputs
            && guest.component == component
            && Some(&guest.native) == native.as_ref()
            && holds(&files.component, &guest.component.component_sha256)
            && holds(&files.native, &guest.native.compressed_sha256))
    }

    /// The component with what is noted about it.
    fn component(
        &self,
        recipe: &dyn Recipe,
        key: &str,
        files: &Files,
    ) -> Result<(Vec<u8>, ComponentFacts)> {
        if !self.from_scratch
            && let (Some(component), Some(facts)) = (
                self.cache.read(key, &files.component),
                self.cache.facts(key),
            )
        {
            return Ok((component, facts));
        }
        let made = recipe.make(&mut Clock::start(self.say))?;
        let facts = ComponentFacts {
            component_sha256: sha256(&made.component),
            component_bytes: made.component.len(),
            outputs: made.outputs,
            counts: made.counts,
        };
        let mut kept = vec![(files.component.as_str(), made.component.as_slice())];
        kept.extend(
            made.files
                .iter()
                .map(|(name, bytes)| (*name, bytes.as_slice())),
        );
        self.cache.put(key, &kept, &facts)?;
        Ok((made.component, facts))
    }

    /// The compressed native code of a component.
    fn native(
        &self,
        component: &[u8],
        component_sha256: &str,
        files: &Files,
    ) -> Result<(Vec<u8>, NativeFacts)> {
        let key = self.native_key(component_sha256)?;
        if !self.from_scratch
            && let (Some(native), Some(facts)) =
                (self.cache.read(&key, &files.native), self.cache.facts(&key))
        {
            return Ok((native, facts));
        }
        let mut clock = Clock::start(self.say);
        let native = native::compile(component, self.project.quick)?;
        clock.done(&format!(
            "compiled for {}, {}",
            native::TARGET,
            megabytes(native.len())
        ));
        let compressed = native::compress(&native, self.project.quick)?;
        clock.done(&format!("compressed, {}", megabytes(compressed.len())));
        let facts = NativeFacts {
            target: native::TARGET.to_owned(),
            native_sha256: sha256(&native),
            native_bytes: native.len(),
            compressed_sha256: sha256(&compressed),
            compressed_bytes: compressed.len(),
        };
        self.cache
            .put(&key, &[(files.native.as_str(), &compressed)], &facts)?;
        Ok((compressed, facts))
    }

    fn native_key(&self, component_sha256: &str) -> Result<String> {
        Ok(native::key(
            component_sha256,
            &self.project.version("wasmtime")?,
            self.project.quick,
        ))
    }
}

/// The names of the files of a guest, in the cache and in the output folder.
struct Files {
    component: String,
    native: String,
}

impl Files {
    fn of(name: &str) -> Self {
        Self {
            component: format!("{name}.wasm"),
            native: format!("{name}.cwasm.zst"),
        }
    }
}
