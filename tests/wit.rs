//! The WIT of the tools that ship, through the binary.

mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use support::{TestResult, repository, wx};

/// The files of a folder and of the folders in it, by their paths.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            let below = read(&path)?;
            files.extend(
                below
                    .into_iter()
                    .map(|(below, text)| (format!("{name}/{below}"), text)),
            );
        } else {
            files.insert(name.into_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}

/// `wit/tools` is what `make wit` writes: other languages are built against it.
#[test]
fn the_wit_of_the_tools_that_ship_is_kept() -> TestResult {
    let root = repository();
    let folder = tempfile::tempdir()?;
    let tools = root.join("tools").to_string_lossy().into_owned();
    let export = ["tools", "export", "--format", "wit", "-o", "wit"];
    let printed = wx(folder.path(), &[&export[..], &["--tools", &tools]].concat())?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let written = read(&folder.path().join("wit"))?;
    assert!(written.contains_key("deps/tools-database.wit"));
    assert_eq!(
        written,
        read(&root.join("wit/tools"))?,
        "the tools changed: `make wit`"
    );
    Ok(())
}
