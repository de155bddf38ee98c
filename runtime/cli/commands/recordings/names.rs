//! Which script and which recording belong together: `a.py` and `a.wxr`, or `a.py.wxr` where another script is called `a`.

use std::path::{Path, PathBuf};

use wxmcp_recording::event::{Event, Head};
use wxmcp_recording::file::Recording;

use super::opening;

/// Names of files that are scripts end so.
const SCRIPTS: [&str; 9] = ["py", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"];

/// Whether a file has the name of a script.
pub(super) fn is_script(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    end.is_some_and(|end| SCRIPTS.contains(&end))
}

/// The recording of a script where none is named: beside it, and not that of another script that is beside it.
pub(super) fn recording_of(script: &Path) -> PathBuf {
    let short = script.with_extension("wxr");
    match is_of_another(&short, script) {
        true => long(script),
        false => short,
    }
}

/// `a.py.wxr`.
pub(super) fn long(script: &Path) -> PathBuf {
    let mut name = script.as_os_str().to_owned();
    name.push(".wxr");
    PathBuf::from(name)
}

/// Whether there is a recording of another script, which is still there.
fn is_of_another(recording: &Path, script: &Path) -> bool {
    let Some(head) = head(recording) else {
        return false;
    };
    let recorded = Path::new(&head.name).file_name();
    recorded != script.file_name()
        && recorded.is_some_and(|name| script.with_file_name(name).is_file())
}

/// Whether one of the two names is that of a recording of the script.
pub(super) fn is_recorded(script: &Path) -> bool {
    let short = script.with_extension("wxr");
    long(script).exists() || (short.exists() && !is_of_another(&short, script))
}

/// How a recording begins.
fn head(recording: &Path) -> Option<Head> {
    let read = Recording::read(opening::open(recording).ok()?).ok()?;
    match read.events.into_iter().next() {
        Some(Event::Head(head)) => Some(*head),
        _ => None,
    }
}

/// Where the script of a recording stands, if it stands beside it: by the name of the recording, else by its own.
pub(super) fn script_beside(recording: &Path, head: &Head) -> Option<PathBuf> {
    let recorded = Path::new(&head.name);
    let end = recorded.extension()?;
    let stem = recording.with_extension("");
    // Of `a.py.wxr` it is `a.py`.
    let is_long = stem.extension() == Some(end);
    let same_name = if is_long {
        stem
    } else {
        stem.with_added_extension(end)
    };
    let own_name = recording.with_file_name(recorded.file_name()?);
    [same_name, own_name]
        .into_iter()
        .find(|path| std::fs::symlink_metadata(path).is_ok())
}
