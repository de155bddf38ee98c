//! Embeds the sources that `wxmcp build` puts around a script.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::Context;

/// Sources by the names of their tables: folders below `guest-adapters`, and where their files
/// go. A later folder's take the place of an earlier one's.
type Folders = &'static [(&'static str, &'static str)];
const SOURCES: [(&str, Folders); 2] = [
    (
        "PYTHON",
        &[("python/_wxmcp", "_wxmcp"), ("built/python", "")],
    ),
    (
        "JAVASCRIPT",
        &[
            ("javascript/adapter", "wxmcp-adapter"),
            ("javascript/intl", "wxmcp-adapter/intl"),
            ("javascript/wit/deps", "wit/deps"),
            ("built/javascript", ""),
        ],
    ),
];

/// How the names of such sources end.
const ENDINGS: [&str; 4] = ["py", "js", "mjs", "wit"];

fn main() -> anyhow::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    order_functions(&root.join("runtime/cli/start.ld"))?;
    embed_sources(&root.join("guest-adapters"))
}

/// Has the linker put the functions of a cold start side by side, in the executable that ships and
/// where the linker knows how: it makes a program of nothing first.
fn order_functions(script: &Path) -> anyhow::Result<()> {
    println!("cargo::rerun-if-changed={}", script.display());
    // `start.py` needs names of functions, and names hold hashes of all settings but this one.
    println!("cargo::rerun-if-env-changed=WXMCP_NAMES");
    if env::var_os("WXMCP_NAMES").is_some() {
        println!("cargo::rustc-link-arg-bin=wxmcp=-Wl,--strip-debug");
    }
    let ships = env::var("OPT_LEVEL").is_ok_and(|level| level != "0");
    let argument = format!("-Wl,-T,{}", script.display());
    if ships && links(&argument)? {
        println!("cargo::rustc-link-arg-bin=wxmcp={argument}");
    }
    Ok(())
}

fn links(argument: &str) -> anyhow::Result<bool> {
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    let source = folder.join("nothing.rs");
    fs::write(&source, "fn main() {}")?;
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let linker = env::var("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}"));
    let built = Command::new(env::var("RUSTC")?)
        .args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()))
        .args(linker)
        .args(["--target", &env::var("TARGET")?])
        .arg(format!("-Clink-arg={argument}"))
        .arg("-o")
        .args([folder.join("nothing"), source])
        .output()
        .context("start the compiler")?;
    Ok(built.status.success())
}

/// Writes tables of paths and texts, `sources.rs`.
fn embed_sources(adapters: &Path) -> anyhow::Result<()> {
    let mut text = String::new();
    for (table, folders) in SOURCES {
        let mut files = BTreeMap::new();
        for (from, to) in folders {
            let from = adapters.join(from);
            println!("cargo::rerun-if-changed={}", from.display());
            add_files(&from, to, &mut files)?;
        }
        writeln!(text, "pub(super) static {table}: &[(&str, &str)] = &[")?;
        for (path, file) in files {
            writeln!(
                text,
                "    ({path:?}, include_str!({:?})),",
                file.display().to_string()
            )?;
        }
        writeln!(text, "];")?;
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("sources.rs"), text)?;
    Ok(())
}

fn add_files(
    folder: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, PathBuf>,
) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let inside = match prefix {
            "" => name.into_owned(),
            _ => format!("{prefix}/{name}"),
        };
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            add_files(&path, &inside, files)?;
        } else if ENDINGS.contains(&&*ending) {
            files.insert(inside, path);
        }
    }
    Ok(())
}
