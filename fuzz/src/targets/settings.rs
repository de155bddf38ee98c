//! `wxmcp.toml`.

use crate::cost::{Bound, Line, within};

#[path = "../../../runtime/cli/file_error.rs"]
mod file_error;
#[path = "../../../runtime/cli/settings_file.rs"]
#[expect(dead_code, reason = "what was read is used by the program alone")]
mod settings_file;

const BOUND: Bound = Bound {
    steps: Line(50_000, 500),
    allocations: Line(400, 20),
    peak: Line(64 << 10, 400),
};

/// What an input holds that no message may: it stands for a password.
pub(super) const SECRET: &str = "s3cr3t-";

/// A file as text.
pub(crate) fn file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let read = within(BOUND, "settings", text.len(), || {
        settings_file::parse(&text)
    });
    if let Err(error) = read {
        assert!(error.len() < 4096, "a long error: {error}");
        // In names it may be told.
        let is_value = text.split_inclusive('\n').all(|line| {
            line.split_once('=')
                .is_some_and(|(name, _)| !name.contains(SECRET))
                || !line.contains(SECRET)
        });
        assert!(
            !is_value || !error.contains(SECRET),
            "a value is told: {error}"
        );
    }
}
