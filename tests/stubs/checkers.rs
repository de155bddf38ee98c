//! Type checkers, and what they find.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use wxmcp_catalogue::stubs::{StubFile, ToolSet};
use wxmcp_catalogue::{Definition, Namespace};

use crate::support::{Printed, TestResult, checkers};

/// Lines on which a checker finds errors, and all that it printed.
pub(crate) type Checked = Result<(BTreeSet<usize>, String), Box<dyn Error>>;

/// What checks a file of a folder.
pub(crate) type Check = fn(&Path, &str) -> Checked;

/// Settings under which TypeScript's stubs must hold.
pub(crate) const TSCONFIG: &str = r#"{"compilerOptions": {"strict": true, "noEmit": true, "target": "esnext",
"module": "esnext", "moduleResolution": "bundler", "moduleDetection": "force", "types": [],
"lib": ["esnext", "webworker"]}, "include": ["**/*.ts"]}"#;

pub(crate) fn lines(program: &str, arguments: &[&str], folder: &Path, file: &str) -> Checked {
    let output = Command::new(checkers()?.join(program))
        .args(arguments)
        .current_dir(folder)
        .output()?;
    let printed = Printed::from(output);
    let all = printed.stdout + &printed.stderr;
    // `script.py:3: error: ..` and `script.ts(3,5): error ..`
    let found = all
        .lines()
        .filter(|line| line.contains(" error"))
        .filter_map(|line| {
            let number = line.strip_prefix(file)?.get(1..)?;
            let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
        .collect();
    Ok((found, all))
}

pub(crate) fn mypy(folder: &Path, file: &str) -> Checked {
    lines("mypy", &["--strict", "--no-incremental", "."], folder, file)
}

pub(crate) fn tsc(folder: &Path, file: &str) -> Checked {
    fs::write(folder.join("tsconfig.json"), TSCONFIG)?;
    lines("tsc", &["--pretty", "false", "-p", "."], folder, file)
}

/// Lines that end in `wrong` must be found, no others.
pub(crate) fn judged(folder: &Path, file: &str, text: &str, checked: Check) -> TestResult {
    fs::write(folder.join(file), text)?;
    let wrong: BTreeSet<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.ends_with("wrong"))
        .map(|(at, _)| at + 1)
        .collect();
    let (found, all) = checked(folder, file)?;
    assert_eq!(found, wrong, "{all}");
    Ok(())
}

pub(crate) fn put(folder: &Path, files: &[StubFile]) -> TestResult {
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        fs::write(path, &file.text)?;
    }
    Ok(())
}

pub(crate) fn sets(definitions: Vec<Definition>) -> Vec<ToolSet> {
    let namespace = Namespace::new(definitions);
    vec![ToolSet {
        namespace: "things".to_owned(),
        tools: namespace
            .tools()
            .map(|named| (named.attribute.to_owned(), named.tool.clone()))
            .collect(),
    }]
}
