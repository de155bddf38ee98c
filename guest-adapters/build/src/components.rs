//! Components of programs in C and other languages whose compilers make modules.
//!
//! The interpreter guests need none of this: the components that tests run do.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as FIRST_WASI,
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasmparser::{Parser, Payload};
use wit_bindgen_core::Files;
use wit_component::ComponentEncoder;
use wit_parser::Resolve;

/// Writes a world as C into a folder: `NAME.h`, `NAME.c` and `NAME_component_type.o`, which
/// holds the world and is to be linked with the program.
///
/// # Errors
///
/// When the WIT is not valid, has no such world, or the folder cannot be written.
pub fn bind_c(wit: &Path, world: &str, out: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(wit)
        .with_context(|| format!("read the WIT in `{}`", wit.display()))?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .context("make C of the world")?;
    fs::create_dir_all(out).with_context(|| format!("make `{}`", out.display()))?;
    for (name, content) in files.iter() {
        let file = out.join(name);
        fs::write(&file, content).with_context(|| format!("write `{}`", file.display()))?;
    }
    Ok(())
}

/// A component of a module that holds its world and speaks the first WASI: a command if the
/// module has `_start`, else what its world exports.
///
/// # Errors
///
/// When the module is not valid or does not fit its world.
pub fn component(module: &[u8]) -> Result<Vec<u8>> {
    let adapter = if is_command(module)? {
        COMMAND
    } else {
        REACTOR
    };
    ComponentEncoder::default()
        .module(module)?
        .adapter(FIRST_WASI, adapter)?
        .validate(true)
        .encode()
}

fn is_command(module: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(exports) = payload? {
            for export in exports {
                if export?.name == "_start" {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "package a:b; interface i { f: func(); } world w { import i; }";

    #[test]
    fn the_world_of_c_is_in_an_object_file() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("w.wit"), WIT)?;
        let out = folder.path().join("out");
        bind_c(folder.path(), "w", &out)?;
        assert!(fs::read_to_string(out.join("w.h"))?.contains("extern void a_b_i_f(void);"));
        assert!(fs::read(out.join("w_component_type.o"))?.starts_with(b"\0asm"));
        let unknown = bind_c(folder.path(), "v", &out).unwrap_err();
        assert!(unknown.to_string().contains('v'), "{unknown}");
        Ok(())
    }

    #[test]
    fn modules_that_start_are_commands() -> Result<()> {
        let of = |start: &str| {
            component(&wat::parse_str(format!(
                r#"(module (memory (export "memory") 1) {start})"#
            ))?)
        };
        let is_command = |component: &[u8]| {
            let run = b"wasi:cli/run@";
            component.windows(run.len()).any(|bytes| bytes == run)
        };
        assert!(is_command(&of(r#"(func (export "_start"))"#)?));
        assert!(!is_command(&of("")?));
        Ok(())
    }
}
