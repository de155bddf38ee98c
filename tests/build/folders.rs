//! Folders in which scripts are built, and what is built there.

use std::error::Error;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wit_component::{DecodedWasm, WitPrinter};

use crate::support::{Printed, TestResult, componentizers, repository, wxmcp};

/// A folder with the tool `database.query` that ships, on a database of three rows.
pub(crate) fn tree() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let ships = repository().join("tools/database/query.ts");
    fs::create_dir_all(folder.path().join("tools/database"))?;
    fs::copy(ships, folder.path().join("tools/database/query.ts"))?;
    fs::write(
        folder.path().join("wxmcp.toml"),
        "[connections.main]\nurl = \"sqlite:sample.db\"\n\
         [grants.\"database.query\"]\nsql = [\"main\"]\n",
    )?;
    fs::create_dir(folder.path().join("data"))?;
    fs::write(folder.path().join("data/given"), "given")?;
    rusqlite::Connection::open(folder.path().join("sample.db"))?.execute_batch(
        "create table numbers(n integer, text text, half real);
         insert into numbers values (0, 'n0', 0.0), (1, 'n1', 0.5), (2, 'n2', 1.0);",
    )?;
    Ok(folder)
}

pub(crate) fn wx(folder: &Path, args: &[&str], stdin: &str) -> Result<Printed, Box<dyn Error>> {
    let input = folder.join("input");
    fs::write(&input, stdin)?;
    let mut command = wxmcp(folder);
    command
        .env("WXMCP_COMPONENTIZERS", componentizers()?)
        .stdin(fs::File::open(input)?);
    Ok(command.args(args).output()?.into())
}

/// Builds a script in a folder of its own.
pub(crate) fn built(name: &str, source: &str) -> Result<TempDir, Box<dyn Error>> {
    let folder = tree()?;
    fs::write(folder.path().join(name), source)?;
    let printed = wx(folder.path(), &["build", name, "-o", "out.wasm"], "")?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let told = printed.stdout.trim_end();
    assert!(told.starts_with("out.wasm: "), "{told}");
    assert!(told.ends_with(" MiB, imports database (1 tool)"), "{told}");
    fs::remove_file(folder.path().join(name))?;
    Ok(folder)
}

/// What the component imports of the tools, as WIT.
pub(crate) fn imports(component: &Path) -> Result<String, Box<dyn Error>> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&fs::read(component)?)?
    else {
        return Err("it is no component".into());
    };
    let world = resolve.worlds.get(world).ok_or("no world")?;
    let mut text = String::new();
    for key in world.imports.keys() {
        text.push_str(&resolve.name_world_key(key));
        text.push('\n');
    }
    let packages = resolve.packages.iter();
    for (id, package) in packages.filter(|(_, package)| package.name.namespace == "tools") {
        let mut printer = WitPrinter::default();
        printer.print(&resolve, id, &[])?;
        text.push_str(&format!("{}\n{}", package.name, printer.output));
    }
    Ok(text)
}

/// The same folder, with a second tool.
pub(crate) fn two_tools() -> Result<TempDir, Box<dyn Error>> {
    let folder = tree()?;
    let update = folder.path().join("tools/database/update.py");
    fs::write(update, "def update(sql: str) -> int: ...")?;
    Ok(folder)
}

/// Builds in that folder, and answers what is imported.
pub(crate) fn narrowed(
    folder: &Path,
    script: (&str, &str),
    with: &[&str],
    told: &str,
) -> Result<String, Box<dyn Error>> {
    let (name, source) = script;
    fs::write(folder.join(name), source)?;
    let args = [&["build", name, "-o", "out.wasm"], with].concat();
    let printed = wx(folder, &args, "")?;
    let out = printed.stdout.trim_end();
    assert!(out.ends_with(told), "{name}: {out}{}", printed.stderr);
    imports(&folder.join("out.wasm"))
}

/// A build that is refused: its exit code, and words of what it says. Nothing is written.
pub(crate) fn refused(
    folder: &Path,
    tools: &Path,
    script: (&str, &str),
    expected: (i32, &[&str]),
) -> TestResult {
    let (name, source) = script;
    fs::write(folder.join(name), source)?;
    let printed: Printed = wxmcp(folder)
        .env("WXMCP_COMPONENTIZERS", tools)
        .args(["build", name, "-o", "out.wasm"])
        .output()?
        .into();
    let (code, words) = expected;
    assert_eq!(printed.code, Some(code), "{}", printed.stderr);
    for word in words {
        assert!(printed.stderr.contains(word), "{}", printed.stderr);
    }
    assert!(!folder.join("out.wasm").exists());
    Ok(())
}

pub(crate) fn has_typed_imports(folder: &Path) -> TestResult {
    let imports = imports(&folder.join("out.wasm"))?;
    for line in [
        "tools:database/database@0.1.0\n",
        "variant query-answer-item-value {",
        "query: func(sql: string, parameters: option<list<json>>) -> \
         result<list<list<tuple<string, option<query-answer-item-value>>>>, tool-error>;",
    ] {
        assert!(imports.contains(line), "no {line} in\n{imports}");
    }
    assert!(!imports.contains("wxmcp:guest"), "{imports}");
    assert!(!imports.contains("wasi:http"), "{imports}");
    Ok(())
}
