//! Values that are not to be in a recording.

use wxmcp_run::{has_password, is_name_of_secret};

/// The first variable of an environment that looks like a secret, and why it does.
pub fn secret_of(env: &[(String, String)]) -> Option<(&str, &'static str)> {
    env.iter().find_map(|(name, value)| {
        let why = match (is_name_of_secret(name), has_password(value)) {
            (true, _) => "looks like a secret",
            (false, true) => "has a password in its URL",
            (false, false) => return None,
        };
        Some((name.as_str(), why))
    })
}
