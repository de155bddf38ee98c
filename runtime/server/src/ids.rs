//! Names that nobody can guess: of runs, and of sessions.

use wxmcp_run::RunId;

/// 128 random bits, in hexadecimal.
pub(crate) fn random() -> String {
    RunId::random().to_string()
}

/// Whether a text has the form of such a name.
pub(crate) fn is_one(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
