//! The native module of the Python guest: C of `guest-adapters/python/native` and of the crates that its
//! `Cargo.lock` pins, compiled and linked as a library that componentize-py finds beside the adapter.

use crate::digest::of_parts;
use crate::packages::PythonPackages;
use crate::program;
use crate::recipe::files_below;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The file that CPython takes for the module `_wxmcp_native`.
pub const LIBRARY: &str = "_wxmcp_native.cpython-314-wasm32-wasi.so";

/// One machine-independent way to compile all of it; a library has no `main` and no debugger.
const COMPILE: [&str; 9] = [
    "cc",
    "-target",
    "wasm32-wasi",
    "-O2",
    "-g0",
    "-fPIC",
    "-fvisibility=hidden",
    "-DNDEBUG",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
];

/// Symbols that are not defined here come from the other libraries of the guest.
const LINK: [&str; 6] = [
    "wasm-ld",
    "--experimental-pic",
    "-shared",
    "--strip-all",
    "--gc-sections",
    "--unresolved-symbols=import-dynamic",
];

/// A library of C inside a crate.
struct Source {
    /// The crate, as `cargo vendor --versioned-dirs` begins the name of its folder.
    package: &'static str,
    /// Folders with files to compile, in the crate.
    folders: &'static [&'static str],
    /// Folders with headers, in the crate.
    headers: &'static [&'static str],
    /// How to compile them, beside [`COMPILE`]. Of warnings in foreign code nothing follows.
    flags: &'static [&'static str],
    /// Whether a file of that name, without its ending, is part of the library.
    takes: fn(&str) -> bool,
}

const SOURCES: [Source; 4] = [
    Source {
        package: "bzip2-sys-",
        folders: &["bzip2-1.0.8"],
        headers: &["bzip2-1.0.8"],
        flags: &["-w", "-DBZ_NO_STDIO"],
        takes: |name| {
            [
                "blocksort",
                "bzlib",
                "compress",
                "crctable",
                "decompress",
                "huffman",
                "randtable",
            ]
            .contains(&name)
        },
    },
    Source {
        package: "liblzma-sys-",
        folders: &[
            "xz/src/liblzma/check",
            "xz/src/liblzma/common",
            "xz/src/liblzma/delta",
            "xz/src/liblzma/lz",
            "xz/src/liblzma/lzma",
            "xz/src/liblzma/rangecoder",
            "xz/src/liblzma/simple",
        ],
        headers: &[
            "xz/src/liblzma/api",
            "xz/src/liblzma/check",
            "xz/src/liblzma/common",
            "xz/src/liblzma/delta",
            "xz/src/liblzma/lz",
            "xz/src/liblzma/lzma",
            "xz/src/liblzma/rangecoder",
            "xz/src/liblzma/simple",
            "xz/src/common",
            "",
        ],
        flags: &["-w", "-DHAVE_CONFIG_H=1"],
        // Without programs that write tables, twins that are slower, and threads.
        takes: |name| {
            !name.contains("tablegen")
                && !["_small", "_consts_gen", "mt"]
                    .iter()
                    .any(|end| name.ends_with(end))
        },
    },
    // As CPython's own in componentize-py is configured, with the searches and trees that Debian's has.
    Source {
        package: "libsqlite3-sys-",
        folders: &["sqlite3"],
        headers: &["sqlite3"],
        flags: &[
            "-w",
            "-DSQLITE_API=__attribute__((visibility(\"default\")))",
            "-DSQLITE_THREADSAFE=0",
            "-DSQLITE_OMIT_LOAD_EXTENSION",
            "-DSQLITE_OMIT_LOCALTIME",
            "-DSQLITE_OMIT_SHARED_CACHE",
            "-DSQLITE_OMIT_WAL",
            "-DSQLITE_DEFAULT_MMAP_SIZE=0",
            "-DSQLITE_MAX_MMAP_SIZE=0",
            "-DSQLITE_ENABLE_COLUMN_METADATA",
            "-DSQLITE_ENABLE_DBSTAT_VTAB",
            "-DSQLITE_ENABLE_FTS3_PARENTHESIS",
            "-DSQLITE_ENABLE_FTS4",
            "-DSQLITE_ENABLE_FTS5",
            "-DSQLITE_ENABLE_MATH_FUNCTIONS",
            "-DSQLITE_ENABLE_PERCENTILE",
            "-DSQLITE_ENABLE_RTREE",
        ],
        takes: |name| name == "sqlite3",
    },
    Source {
        package: "zstd-sys-",
        folders: &[
            "zstd/lib/common",
            "zstd/lib/compress",
            "zstd/lib/decompress",
            "zstd/lib/dictBuilder",
        ],
        headers: &["zstd/lib", "zstd/lib/common"],
        flags: &[
            "-w",
            "-DZSTD_DISABLE_ASM",
            "-DXXH_PRIVATE_API",
            "-DZSTDLIB_VISIBLE=",
            "-DZSTDERRORLIB_VISIBLE=",
            "-DZDICTLIB_VISIBLE=",
        ],
        takes: |name| !name.starts_with("xxhash"),
    },
];

/// A file to compile, and how.
struct Unit {
    flags: Vec<String>,
    file: PathBuf,
}

/// Digests of what the module is made of beside this program, by their paths below `sources`.
///
/// # Errors
///
/// When a file cannot be read.
pub fn inputs(sources: &Path) -> Result<BTreeMap<String, String>> {
    let mut inputs = BTreeMap::new();
    for file in own_files(sources)? {
        let digest = crate::recipe::digest_of(&sources.join(&file))?;
        inputs.insert(file.display().to_string(), digest);
    }
    Ok(inputs)
}

fn own_files(sources: &Path) -> Result<Vec<PathBuf>> {
    let mut files = files_below(sources, &|name| name != "target")?;
    files.retain(|file| {
        let name = file.to_string_lossy();
        name.ends_with(".c") || name.ends_with(".h") || name.starts_with("Cargo.")
    });
    ensure!(!files.is_empty(), "no sources in `{}`", sources.display());
    Ok(files)
}

/// The module, compiled unless `setup` has it. The same sources and packages give the same bytes.
///
/// # Errors
///
/// When the sources of a crate cannot be had, or something does not compile.
pub fn library(sources: &Path, packages: &PythonPackages, setup: &Path) -> Result<Vec<u8>> {
    let inputs = inputs(sources)?;
    let digest = of_parts(
        inputs
            .iter()
            .map(|(name, digest)| (name.as_str(), digest.as_bytes()))
            .chain([
                ("extension.rs", include_bytes!("extension.rs").as_slice()),
                ("packages", packages.digest().as_bytes()),
            ]),
    );
    let place = setup.join(format!("native-{}", digest.get(..16).unwrap_or(&digest)));
    let made = place.join(LIBRARY);
    if !made.exists() {
        let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(setup)?;
        make(sources, packages, fresh.path())?;
        fs::create_dir_all(&place)?;
        fs::rename(fresh.path().join(LIBRARY), &made)
            .with_context(|| format!("move the native module to `{}`", made.display()))?;
    }
    fs::read(&made).with_context(|| format!("read `{}`", made.display()))
}

fn make(sources: &Path, packages: &PythonPackages, folder: &Path) -> Result<()> {
    let crates = folder.join("crates");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut vendor = Command::new(cargo);
    vendor
        .args(["vendor", "--locked", "--versioned-dirs", "--manifest-path"])
        .arg(sources.join("Cargo.toml"))
        .arg(&crates);
    program::run(&mut vendor, "get the sources of the native module")?;
    let units = units(sources, &crates)?;
    let zig = packages.python_package("ziglang")?.join("zig");
    let zig = Zig {
        program: &zig,
        cache: &folder.join("cache"),
    };
    let objects: Vec<_> = (0..units.len())
        .map(|number| folder.join(format!("{number}.o")))
        .collect();
    compile(&zig, &units, &objects)?;
    let mut link = zig.command();
    link.args(LINK)
        .args(&objects)
        .arg("-o")
        .arg(folder.join(LIBRARY));
    program::run(&mut link, "link the native module")
}

struct Zig<'p> {
    program: &'p Path,
    cache: &'p Path,
}

impl Zig<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("ZIG_GLOBAL_CACHE_DIR", self.cache)
            .env("ZIG_LOCAL_CACHE_DIR", self.cache);
        command
    }
}

/// What to compile, sorted.
fn units(sources: &Path, crates: &Path) -> Result<Vec<Unit>> {
    let mut found = Vec::new();
    let mut own = ["-Wall", "-Wextra", "-Werror"].map(str::to_owned).to_vec();
    for source in &SOURCES {
        let package = package(crates, source.package)?;
        let headers: Vec<_> = source
            .headers
            .iter()
            .map(|folder| format!("-I{}", package.join(folder).display()))
            .collect();
        own.extend(headers.first().cloned());
        for folder in source.folders {
            for file in c_files(&package.join(folder))? {
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                if (source.takes)(&name) {
                    let flags = source.flags.iter().map(|flag| (*flag).to_owned());
                    found.push(Unit {
                        flags: flags.chain(headers.clone()).collect(),
                        file,
                    });
                }
            }
        }
    }
    for file in c_files(sources)? {
        found.push(Unit {
            flags: own.clone(),
            file,
        });
    }
    Ok(found)
}

fn package(crates: &Path, start: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(crates)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(start) {
            return Ok(entry.path());
        }
    }
    anyhow::bail!("no crate `{start}..` in `{}`", crates.display())
}

fn c_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = files_below(folder, &|_| false)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "c"));
    Ok(files.into_iter().map(|file| folder.join(file)).collect())
}

/// Compiles the units, as many at a time as there are cores.
fn compile(zig: &Zig<'_>, units: &[Unit], objects: &[PathBuf]) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (Some(unit), Some(object)) = (units.get(number), objects.get(number)) else {
                return Ok(());
            };
            let mut command = zig.command();
            command
                .args(COMPILE)
                .args(&unit.flags)
                .arg("-c")
                .arg(&unit.file)
                .arg("-o")
                .arg(object);
            let name = unit.file.file_name().unwrap_or_default().to_string_lossy();
            program::run(&mut command, &format!("compile `{name}`"))?;
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in running {
            worker
                .join()
                .map_err(|_| anyhow::anyhow!("a compiling thread panicked"))??;
        }
        Ok(())
    })
}
