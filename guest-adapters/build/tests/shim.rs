//! What a program sees of the machine when the shim is loaded: nothing.

#![cfg(target_os = "linux")]

use guest_build::componentize::SHIM;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Compiles C; what is linked as a library when the name ends in `.so`.
fn compile(source: &str, to: &Path) -> Result {
    let file = to.with_extension("c");
    fs::write(&file, source)?;
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-fPIC", "-o"])
        .arg(to)
        .arg(&file)
        .arg("-ldl");
    if to.extension().is_some_and(|extension| extension == "so") {
        cc.arg("-shared");
    }
    assert!(cc.status()?.success());
    Ok(())
}

/// Runs a program that reads a folder on this file system, with the shim.
fn run(folder: &Path, module: &str, ready: &Path) -> Result<Output> {
    compile(SHIM, &folder.join("shim.so"))?;
    compile(include_str!("raw_calls.c"), &folder.join(module))?;
    compile(include_str!("load.c"), &folder.join("load"))?;
    let data = folder.join("data");
    fs::create_dir(&data)?;
    for name in ["c", "a", "file-with-a-longer-name", "b"] {
        fs::write(data.join(name), "12345")?;
    }
    let mut load = Command::new(folder.join("load"));
    load.arg(folder.join(module)).arg(&data);
    load.env("LD_PRELOAD", folder.join("shim.so"))
        .env("GUEST_BUILD_SHIM_READY", ready);
    Ok(load.output()?)
}

#[test]
fn calls_that_bypass_libc_are_answered_with_constants() -> Result {
    let folder = tempfile::tempdir()?;
    let ready = folder.path().join("ready");
    let output = run(folder.path(), "componentize_py.abi3.so", &ready)?;
    assert_eq!(String::from_utf8(output.stderr)?, "");
    let list = "list a/1 b/1 c/1 file-with-a-longer-name/1 0\n";
    assert_eq!(
        String::from_utf8(output.stdout)?,
        format!(
            "newfstatat 1700000000 1 5\nfstat 1700000000 1 5\nstatx 1700000000 1 5\nmissing -2\n{list}{list}\
             random 5a5a5a5a 5a5a5a5a\nclock 1700000000 1700000000\nlibc untouched\n"
        )
    );
    assert!(ready.exists());
    Ok(())
}

#[test]
fn without_the_module_the_filter_never_starts_and_says_so() -> Result {
    let folder = tempfile::tempdir()?;
    let ready = folder.path().join("ready");
    run(folder.path(), "another.so", &ready)?;
    assert!(!ready.exists());
    Ok(())
}

#[test]
fn a_shim_that_cannot_report_stops_the_program() -> Result {
    let folder = tempfile::tempdir()?;
    let output = run(
        folder.path(),
        "componentize_py.abi3.so",
        Path::new("/no/such/folder/ready"),
    )?;
    assert_eq!(output.status.code(), Some(97));
    let message = "guest-build shim: cannot write the file named by GUEST_BUILD_SHIM_READY\n";
    assert_eq!(String::from_utf8(output.stderr)?, message);
    Ok(())
}
