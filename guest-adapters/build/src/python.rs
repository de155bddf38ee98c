//! The Python guest: componentize-py, one module, immortal objects, wasm-opt, a meter.

use crate::componentize::{Adapter, SHIM, componentize, python_sources};
use crate::digest::sha256;
use crate::extension;
use crate::flatten::{
    Changes, Flat, Mode, ModesInterface, Release, Repeat, Replace, Told, WithMode,
};
use crate::folder;
use crate::immortal::immortalise;
use crate::inputs::Project;
use crate::meter::{self, Counter};
use crate::optimise::optimise;
use crate::packages::PythonPackages;
use crate::recipe::{Clock, Made, Recipe, digest_of, megabytes};
use crate::stack;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The functions that run when Python starts, as `runtime/cli/start.py` noted them.
const FIRST: &str = include_str!("first/python.txt");

/// The sources of this program that decide a byte of the component.
pub(crate) const BUILDER: [(&str, &str); 21] = [
    ("componentize.rs", include_str!("componentize.rs")),
    ("extension.rs", include_str!("extension.rs")),
    ("first/python.txt", FIRST),
    ("flatten/constant.rs", include_str!("flatten/constant.rs")),
    ("flatten/emit.rs", include_str!("flatten/emit.rs")),
    ("flatten/merge.rs", include_str!("flatten/merge.rs")),
    ("flatten/mod.rs", include_str!("flatten/mod.rs")),
    ("flatten/modes.rs", include_str!("flatten/modes.rs")),
    ("flatten/parse.rs", include_str!("flatten/parse.rs")),
    ("flatten/release.rs", include_str!("flatten/release.rs")),
    ("flatten/repeat.rs", include_str!("flatten/repeat.rs")),
    ("flatten/replace.rs", include_str!("flatten/replace.rs")),
    ("flatten/resolve.rs", include_str!("flatten/resolve.rs")),
    ("flatten/write.rs", include_str!("flatten/write.rs")),
    ("folder.rs", include_str!("folder.rs")),
    ("image.rs", include_str!("image.rs")),
    ("immortal.rs", include_str!("immortal.rs")),
    ("optimise.rs", include_str!("optimise.rs")),
    ("python.rs", include_str!("python.rs")),
    ("recipe.rs", include_str!("recipe.rs")),
    ("stack.rs", include_str!("stack.rs")),
];

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

/// Functions of libc that move bytes, as CPython imports them.
const REPEATED: [Repeat; 4] = [
    repeat("read", true),
    repeat("pread", true),
    Repeat {
        told: Some(Told {
            flags: "fcntl",
            seek: "lseek",
            write_at: "pwrite",
        }),
        ..repeat("write", false)
    },
    repeat("pwrite", false),
];

const fn repeat(name: &'static str, reads: bool) -> Repeat {
    Repeat {
        module: "env",
        name,
        reads,
        told: None,
    }
}

/// The folder that the adapter is in when the memory is kept, and the home that scripts begin in instead: libc goes to no
/// folder that is not there, and the home is there at run time only.
const FOLDERS: (&[u8], &[u8]) = (b"/0/cwdagent\0", b"/home/agent\0");
/// The SQLite of the native module, in the place of CPython's.
const REPLACED: [Replace; 1] = [Replace { prefix: "sqlite3_" }];

/// Where permission bits come from, and go to.
const MODES: ModesInterface = ModesInterface {
    module: "wxmcp:guest/modes@0.1.0",
    seen: "seen",
    next: "next",
};

/// Functions of libc with a mode, as CPython and SQLite import them.
const WITH_MODE: [WithMode; 8] = [
    with_mode("stat", Mode::Found(1)),
    with_mode("lstat", Mode::Found(1)),
    with_mode("fstat", Mode::Found(1)),
    with_mode("fstatat", Mode::Found(2)),
    with_mode("open", Mode::Opened(2)),
    with_mode("openat", Mode::Opened(3)),
    with_mode("mkdir", Mode::Given(1)),
    with_mode("mkdirat", Mode::Given(2)),
];

const fn with_mode(name: &'static str, mode: Mode) -> WithMode {
    WithMode {
        module: "env",
        name,
        mode,
    }
}

/// The component as componentize-py made it, kept to be compared with.
pub const COMPONENTIZED: &str = "componentized.wasm";
/// What the adapter says about itself, JSON.
pub const REPORT: &str = "python-report.json";

/// Makes the Python guest.
#[derive(Debug)]
pub struct Python<'p> {
    /// Where the inputs are.
    pub project: &'p Project,
}

impl Python<'_> {
    /// The folder of the native module's sources.
    fn native(&self) -> PathBuf {
        self.project.adapter("python").join("native")
    }

    fn adapter(&self) -> Adapter {
        Adapter {
            sources: self.project.adapter("python"),
            wit: self.project.guest_wit(),
            world: "interpreter".to_owned(),
            entry: "app".to_owned(),
            native: None,
        }
    }
}

impl Recipe for Python<'_> {
    fn name(&self) -> &'static str {
        "python"
    }

    fn inputs(&self) -> Result<BTreeMap<String, String>> {
        let adapter = self.adapter();
        let mut inputs = BTreeMap::new();
        inputs.insert("build/src/shim.c".to_owned(), sha256(SHIM.as_bytes()));
        for list in ["requirements.txt", "package.json", "package-lock.json"] {
            inputs.insert(
                format!("build/{list}"),
                digest_of(&self.project.package_lists().join(list))?,
            );
        }
        inputs.insert("wit/guest.wit".to_owned(), digest_of(&adapter.wit)?);
        let sources = python_sources(&adapter.sources)?;
        anyhow::ensure!(
            !sources.is_empty(),
            "no Python sources in `{}`",
            adapter.sources.display()
        );
        for file in sources {
            inputs.insert(
                format!("python/{}", file.display()),
                digest_of(&adapter.sources.join(&file))?,
            );
        }
        for (file, digest) in extension::inputs(&self.native())? {
            inputs.insert(format!("python/native/{file}"), digest);
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

    #[expect(
        clippy::too_many_lines,
        reason = "the steps of the build, one after the other"
    )]
    fn make(&self, clock: &mut Clock) -> Result<Made> {
        let packages =
            PythonPackages::install(&self.project.package_lists(), &self.project.setup())?;
        clock.done("packages are set up");
        let mut adapter = self.adapter();
        let native = extension::library(&self.native(), &packages, &self.project.setup())?;
        clock.done(&format!("the native module, {}", megabytes(native.len())));
        adapter.native = Some((extension::LIBRARY, native));
        let made = componentize(&adapter, &packages)?;
        clock.done(&format!(
            "componentized, {}",
            megabytes(made.component.len())
        ));
        let changes = Changes {
            releases: &LEFT_BEHIND,
            repeats: &REPEATED,
            replaces: &REPLACED,
            modes: Some((&MODES, &WITH_MODE)),
        };
        let flat = Flat::new(&made.component, &changes).context("flatten the component")?;
        let mut core = flat.core().to_vec();
        let moved = folder::replace(&mut core, FOLDERS.0, FOLDERS.1)
            .context("put the home in place of the folder of the build")?;
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
        let optimised = if self.project.quick {
            core.clone()
        } else {
            optimise(&core, &packages)?
        };
        let component = flat
            .component(&optimised)
            .context("put the optimised module into the component")?;
        clock.done(&format!("optimised, {}", megabytes(component.len())));
        // CPython calls in most iterations: locals gain nothing, and slow down some programs.
        let component = meter::meter(&component, Counter::InMemory, &meter::numbers(FIRST)?)
            .context("meter the component")?;
        clock.done(&format!("metered, {}", megabytes(component.len())));
        let outputs = [
            ("componentized", sha256(&made.component)),
            ("flat", sha256(&core)),
            ("component", sha256(&component)),
        ];
        let counts = [
            ("merged instances", flat.merged_instances()),
            ("names of the current folder", moved),
            ("objects made immortal", immortal.changed),
            ("objects immortal already", immortal.already),
            ("objects gone", immortal.stale),
            ("stack bytes cleared", cleared),
        ];
        drop(flat);
        Ok(Made {
            component,
            files: vec![(COMPONENTIZED, made.component), (REPORT, made.report)],
            outputs: outputs
                .map(|(name, digest)| (name.to_owned(), digest))
                .into(),
            counts: counts.map(|(name, count)| (name.to_owned(), count)).into(),
        })
    }
}
