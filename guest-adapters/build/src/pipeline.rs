//! From pinned inputs to a guest, step by step.

use crate::cache::{Cache, write_whole};
use crate::componentize::{Adapter, componentize};
use crate::digest::sha256;
use crate::flatten::{Flat, Release};
use crate::immortal::{Immortalised, immortalise};
use crate::inputs::Project;
use crate::optimise::optimise;
use crate::packages::Packages;
use crate::{native, stack};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::time::Instant;

/// What is noted about a component that was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentFacts {
    /// SHA-256 of what componentize-py made.
    pub componentized_sha256: String,
    /// SHA-256 of the merged core module, objects immortal, stack cleared.
    pub flat_sha256: String,
    /// SHA-256 of the final component.
    pub component_sha256: String,
    /// Size of the final component.
    pub component_bytes: usize,
    /// Core instances that became one.
    pub merged_instances: usize,
    /// What became of the objects.
    pub immortal: Immortalised,
    /// Bytes of garbage that were on the dead stack.
    pub stack_bytes_cleared: usize,
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
    /// Where the component is as it was before flattening.
    pub componentized: String,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    python: Guest,
}

/// The names of the files of a guest, in the cache and in the output folder.
const COMPONENTIZED: &str = "componentized.wasm";
const COMPONENT: &str = "python.wasm";
const REPORT: &str = "python-report.json";
const NATIVE: &str = "python.cwasm.zst";
const MANIFEST: &str = "manifest.json";

/// Arguments that componentize-py leaves behind: the lists of `wit/guest.wit`.
const LEFT_BEHIND: [Release; 3] = [
    Release {
        module: "wxmcp:guest/host@0.1.0",
        name: "submit",
        argument: 1,
    },
    Release {
        module: "wxmcp:guest/host@0.1.0",
        name: "emit",
        argument: 1,
    },
    Release {
        module: "wxmcp:guest/waiting@0.1.0",
        name: "call",
        argument: 1,
    },
];

/// How a build is done.
#[derive(Debug)]
pub struct Builder<'b> {
    /// Where the inputs are.
    pub project: &'b Project,
    /// What the guest is made from.
    pub adapter: Adapter,
    /// Where built guests are kept.
    pub cache: Cache,
    /// Builds everything again, whatever the cache holds.
    pub from_scratch: bool,
    /// Is told of each step that was done.
    pub say: fn(&str),
}

impl Builder<'_> {
    /// Builds the Python guest into a folder.
    ///
    /// # Errors
    ///
    /// When an input is missing or a step fails.
    pub fn build(&self, out: &Path) -> Result<Guest> {
        let inputs = self.key()?;
        if !self.from_scratch
            && let Some(guest) = self.already_built(out, &inputs)?
        {
            return Ok(guest);
        }
        let (component, facts, report) = self.component(&inputs)?;
        let (native, native_facts) = self.native(&component, &facts.component_sha256)?;
        let guest = Guest {
            component: facts,
            native: native_facts,
            componentized: self
                .cache
                .path(&inputs, COMPONENTIZED)
                .display()
                .to_string(),
            inputs,
        };
        fs::create_dir_all(out).with_context(|| format!("make `{}`", out.display()))?;
        write_whole(&out.join(COMPONENT), &component)?;
        write_whole(&out.join(REPORT), &report)?;
        write_whole(&out.join(NATIVE), &native)?;
        let manifest = serde_json::to_vec_pretty(&Manifest {
            python: guest.clone(),
        })?;
        write_whole(&out.join(MANIFEST), &manifest)?;
        Ok(guest)
    }

    /// The guest that is in the folder, if it is the one that would be built.
    fn already_built(&self, out: &Path, inputs: &str) -> Result<Option<Guest>> {
        let (Some(component), Ok(manifest)) = (
            self.cache.facts::<ComponentFacts>(inputs),
            fs::read(out.join(MANIFEST)),
        ) else {
            return Ok(None);
        };
        let Ok(Manifest { python: guest }) = serde_json::from_slice(&manifest) else {
            return Ok(None);
        };
        let native = self
            .cache
            .facts::<NativeFacts>(&self.native_key(&component.component_sha256)?);
        let same = guest.inputs == inputs
            && guest.component == component
            && Some(&guest.native) == native.as_ref();
        let holds = |file: &str, digest: &str| {
            fs::read(out.join(file)).is_ok_and(|bytes| sha256(&bytes) == digest)
        };
        let whole = same
            && out.join(REPORT).is_file()
            && holds(COMPONENT, &guest.component.component_sha256)
            && holds(NATIVE, &guest.native.compressed_sha256);
        Ok(whole.then_some(guest))
    }

    /// The component with what is noted about it and the adapter's report.
    fn component(&self, key: &str) -> Result<(Vec<u8>, ComponentFacts, Vec<u8>)> {
        if !self.from_scratch {
            let cached = (
                self.cache.read(key, COMPONENT),
                self.cache.facts(key),
                self.cache.read(key, REPORT),
            );
            if let (Some(component), Some(facts), Some(report)) = cached {
                return Ok((component, facts, report));
            }
        }
        let mut clock = Clock::start(self.say);
        let packages = Packages::install(&self.project.package_lists(), &self.project.setup())?;
        clock.done("packages are set up");
        let made = componentize(&self.adapter, &packages)?;
        clock.done(&format!(
            "componentized, {}",
            megabytes(made.component.len())
        ));
        let flat = Flat::new(&made.component, &LEFT_BEHIND).context("flatten the component")?;
        let mut core = flat.core().to_vec();
        clock.done(&format!(
            "flattened, {} core instances are one",
            flat.merged_instances()
        ));
        let immortal = immortalise(&mut core, &made.objects, &made.types)
            .context("make the objects immortal")?;
        let cleared = stack::clear(&mut core, stack::dead(&flat).context("find the stack")?)?;
        clock.done(&format!(
            "{} objects made immortal, {cleared} bytes of dead stack cleared",
            immortal.changed
        ));
        let optimised = optimise(&core, &packages)?;
        let component = flat
            .component(&optimised)
            .context("put the optimised module into the component")?;
        clock.done(&format!("optimised, {}", megabytes(component.len())));
        let facts = ComponentFacts {
            componentized_sha256: sha256(&made.component),
            flat_sha256: sha256(&core),
            component_sha256: sha256(&component),
            component_bytes: component.len(),
            merged_instances: flat.merged_instances(),
            immortal,
            stack_bytes_cleared: cleared,
        };
        let files = [
            (COMPONENTIZED, made.component.as_slice()),
            (COMPONENT, component.as_slice()),
            (REPORT, made.report.as_slice()),
        ];
        self.cache.put(key, &files, &facts)?;
        Ok((component, facts, made.report))
    }

    /// The compressed native code of a component.
    fn native(&self, component: &[u8], component_sha256: &str) -> Result<(Vec<u8>, NativeFacts)> {
        let key = self.native_key(component_sha256)?;
        if !self.from_scratch
            && let (Some(native), Some(facts)) =
                (self.cache.read(&key, NATIVE), self.cache.facts(&key))
        {
            return Ok((native, facts));
        }
        let mut clock = Clock::start(self.say);
        let native = native::compile(component)?;
        clock.done(&format!(
            "compiled for {}, {}",
            native::TARGET,
            megabytes(native.len())
        ));
        let compressed = native::compress(&native)?;
        clock.done(&format!("compressed, {}", megabytes(compressed.len())));
        let facts = NativeFacts {
            target: native::TARGET.to_owned(),
            native_sha256: sha256(&native),
            native_bytes: native.len(),
            compressed_sha256: sha256(&compressed),
            compressed_bytes: compressed.len(),
        };
        self.cache.put(&key, &[(NATIVE, &compressed)], &facts)?;
        Ok((compressed, facts))
    }

    fn key(&self) -> Result<String> {
        self.project
            .key(&self.adapter, &self.project.inputs(&self.adapter)?)
    }

    fn native_key(&self, component_sha256: &str) -> Result<String> {
        Ok(native::key(
            component_sha256,
            &self.project.version("wasmtime")?,
        ))
    }
}

/// Tells how long each step took.
struct Clock {
    since: Instant,
    say: fn(&str),
}

impl Clock {
    fn start(say: fn(&str)) -> Self {
        Self {
            since: Instant::now(),
            say,
        }
    }

    fn done(&mut self, what: &str) {
        (self.say)(&format!(
            "{:6.1} s  {what}",
            self.since.elapsed().as_secs_f64()
        ));
        self.since = Instant::now();
    }
}

fn megabytes(bytes: usize) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}
