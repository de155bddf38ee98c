//! Packages as a person reads them.

use anyhow::Context as _;
use bytesize::ByteSize;
use serde_json::json;
use wxmcp_packages::{Lock, Locked};

use crate::exit::{Exit, Failure};
use crate::packages::Packages;
use crate::render;

/// Prints all that is locked.
pub(super) fn print(project: &Packages, lock: Option<&Lock>, json: bool) -> Result<Exit, Failure> {
    let empty = Lock::default();
    let lock = lock.unwrap_or(&empty);
    if json {
        let all = json!({"python": lock.python, "javascript": lock.javascript});
        let text = serde_json::to_string_pretty(&all)
            .context("write the packages as JSON")
            .map_err(Failure::fault)?;
        render::line(&text);
        return Ok(Exit::Success);
    }
    let rows: Vec<[String; 5]> = lock
        .python
        .iter()
        .chain(&lock.javascript)
        .map(row)
        .collect();
    for line in aligned(&rows) {
        render::line(&line);
    }
    if rows.is_empty() {
        render::note("no packages are locked: `wxmcp add NAME` adds one");
    }
    let declared = crate::packages::requirements(&project.project.python);
    if declared.is_ok_and(|declared| crate::packages::texts(&declared) != lock.declared.python) {
        render::note("wxmcp.toml declares other packages than those: `wxmcp lock` locks them");
    }
    Ok(Exit::Success)
}

fn row(locked: &Locked) -> [String; 5] {
    let size = locked
        .size
        .map(|size| ByteSize(size).display().si_short().to_string());
    [
        locked.name.clone(),
        locked.version.clone(),
        size.unwrap_or_default(),
        licence(locked),
        locked.digest.clone(),
    ]
}

/// Rows as lines, each column as wide as its widest entry.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|it| it.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Says what is locked now and was not, and the other way round.
pub(super) fn differences(before: &[Locked], after: &[Locked]) {
    let version = |all: &[Locked], name: &str| {
        all.iter()
            .find(|it| it.name == name)
            .map(|it| it.version.clone())
    };
    let mut names: Vec<&str> = before
        .iter()
        .chain(after)
        .map(|it| it.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        match (version(before, name), version(after, name)) {
            (None, Some(new)) => render::line(&format!("+ {name} {new}")),
            (Some(old), None) => render::line(&format!("- {name} {old}")),
            (Some(old), Some(new)) if old != new => {
                render::line(&format!("~ {name} {old} -> {new}"))
            }
            _ => {}
        }
    }
}

/// The licence of a package, in its own words: what a terminal would take for commands is left out.
fn licence(locked: &Locked) -> String {
    let words = locked.licence.as_deref().unwrap_or("-");
    words.chars().filter(|it| !it.is_control()).collect()
}
