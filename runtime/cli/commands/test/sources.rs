//! Texts in folders that may name tools: what a script may start or import, and tool files with what they share.

use std::fs;
use std::path::Path;

/// Names of files that are scripts end so.
const ENDS: [&str; 6] = ["py", "js", "mjs", "ts", "mts", "tsx"];

/// Folders inside of each other that are looked through for names of tools.
const DEPTH: usize = 8;

/// Files that are looked through for names of tools.
const FILES: usize = 500;

/// Bytes of a file that is looked through for names of tools; a larger one is not.
const BYTES: u64 = 1 << 20;

/// The scripts in a folder, as far as they can be read: names of tools in others are not known.
pub(super) fn inside(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    look(folder, DEPTH, &mut texts);
    texts
}

fn look(folder: &Path, depth: usize, texts: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if texts.len() >= FILES {
            return;
        }
        let path = entry.path();
        let Ok(there) = entry.metadata() else {
            continue;
        };
        let end = path.extension().and_then(|end| end.to_str());
        if there.is_dir() && !path.ends_with("node_modules") {
            look(&path, depth, texts);
        } else if there.is_file()
            && there.len() <= BYTES
            && end.is_some_and(|end| ENDS.contains(&end))
        {
            let text = fs::read_to_string(&path).ok();
            texts.extend(text.filter(|text| text.contains("tools")));
        }
    }
}
