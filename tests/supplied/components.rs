//! Components that are commands, and runs of them.

use std::error::Error;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{Printed, tree, wxmcp};

/// A component that is a command. `own` are fields of its core module, `body` is what `run`
/// does; it answers whether that went wrong.
pub(crate) fn command(own: &str, body: &str) -> String {
    format!(
        r#"(component
          (core module $m
            {own}
            (func (export "run") (result i32) {body} (i32.const 0)))
          (core instance $i (instantiate $m))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $exports (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $exports)))"#
    )
}

/// A command with these imports, none of which it calls.
pub(crate) fn importing(imports: &str) -> String {
    command("", "").replacen("(component", &format!("(component {imports}"), 1)
}

/// A folder with a component in it, and a tool that adds.
pub(crate) fn folder(component: &str) -> Result<TempDir, Box<dyn Error>> {
    let add = b"def add(a: int, b: int) -> int:\n    return a + b\n".to_vec();
    tree(&[
        ("agent.wasm", wat::parse_str(component)?),
        ("tools/math/add.py", add),
    ])
}

pub(crate) fn run(folder: &Path, flags: &[&str]) -> Result<Printed, Box<dyn Error>> {
    let mut command = wxmcp(folder);
    command.arg("run").args(flags).arg("agent.wasm");
    Ok(command.output()?.into())
}

pub(crate) fn run_text(component: &str, flags: &[&str]) -> Result<Printed, Box<dyn Error>> {
    let folder = folder(component)?;
    run(folder.path(), flags)
}

#[track_caller]
pub(crate) fn assert_refused(printed: &Printed, code: i32, said: &str) {
    assert!(printed.stderr.contains(said), "{}", printed.stderr);
    assert_eq!(printed.code, Some(code), "{}", printed.stderr);
}

pub(crate) const ERROR: &str = r#"
    (type $error' (record (field "kind" string) (field "message" string) (field "data" (option string))))
    (export "tool-error" (type $error (eq $error')))"#;

pub(crate) fn leb128(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}
