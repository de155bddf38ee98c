//! Runs `wasm-opt` on the flat module, and checks that the memory is still the same.

use crate::image::Image;
use crate::packages::PythonPackages;
use crate::program;
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;

/// What wasm-opt is told. The features are those that the linked libraries use
/// and no more: code of other features is an error, not a surprise at load.
///
/// Without `memory-packing`: it cuts the memory image into exactly 100,000
/// segments, the most that a module may have, and saves nothing once the image is
/// mapped.
pub const ARGUMENTS: [&str; 7] = [
    "-O2",
    "--skip-pass=memory-packing",
    "--mvp-features",
    "--enable-bulk-memory-opt",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
];

/// The optimised module.
///
/// # Errors
///
/// When wasm-opt fails, or changed the initial memory.
pub fn optimise(module: &[u8], packages: &PythonPackages) -> Result<Vec<u8>> {
    let folder = tempfile::Builder::new()
        .prefix("guest-build-")
        .tempdir()
        .context("make a temporary folder")?;
    let (input, output) = (
        folder.path().join("in.wasm"),
        folder.path().join("out.wasm"),
    );
    fs::write(&input, module)?;
    let mut command = Command::new("node");
    command
        .arg(packages.wasm_opt())
        .args(ARGUMENTS)
        .arg(&input)
        .arg("-o")
        .arg(&output);
    program::run(&mut command, "optimise the flat module")?;
    let optimised = fs::read(&output).context("read what wasm-opt made")?;
    check_memory(module, &optimised)?;
    Ok(optimised)
}

fn check_memory(before: &[u8], after: &[u8]) -> Result<()> {
    let memory =
        |module, which| Ok::<_, anyhow::Error>(Image::of(module).context(which)?.memory(module));
    if memory(before, "read the memory before wasm-opt")?
        != memory(after, "read the memory after wasm-opt")?
    {
        bail!("wasm-opt changed the initial memory of the module");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_memory_is_noticed() {
        let module = |text: &str| {
            wat::parse_str(format!("(module (memory 1) (data (i32.const 9) {text:?}))")).unwrap()
        };
        check_memory(&module("same"), &module("same")).unwrap();
        let error = check_memory(&module("same"), &module("some")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "wasm-opt changed the initial memory of the module"
        );
    }
}
