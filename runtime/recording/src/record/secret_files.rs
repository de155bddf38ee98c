//! Files that are likely to hold secrets, by their names. A mount shows them to the script, so they would be in its recording,
//! whether it reads them or not.

use wxmcp_run::{Policy, Source};

use crate::capture::Mounts;

/// Names of files and folders, in lower case.
const NAMES: [&str; 22] = [
    ".env",
    ".envrc",
    ".git",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".aws",
    ".azure",
    ".docker",
    ".gnupg",
    ".kube",
    ".ssh",
    ".vault-token",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
];

/// How names of keys end.
const ENDS: [&str; 8] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".kdbx",
    ".tfstate",
];

/// How names of files end that show what others are to look like.
const SAMPLES: [&str; 4] = [".example", ".sample", ".template", ".dist"];

/// The first such file of a mount of this machine: its path in the mount, and the mount's in the guest.
pub fn secret_file_of<'a>(policy: &'a Policy, mounts: &'a Mounts) -> Option<(&'a str, &'a str)> {
    policy
        .mounts
        .iter()
        .zip(mounts)
        .find_map(|(mount, captured)| {
            let (Source::Host(_), Some(captured)) = (&mount.source, captured) else {
                return None;
            };
            let mut paths = captured.entries.iter().map(|entry| entry.path.as_str());
            Some((paths.find_map(secret)?, mount.guest.as_str()))
        })
}

/// The path up to a name that looks like that of a secret.
fn secret(path: &str) -> Option<&str> {
    let mut end: usize = 0;
    for name in path.split('/') {
        end = end.saturating_add(name.len());
        if is_name(name) {
            return path.get(..end);
        }
        end = end.saturating_add(1);
    }
    None
}

fn is_name(name: &str) -> bool {
    let name = name.to_lowercase();
    if SAMPLES.iter().any(|end| name.ends_with(end)) {
        return false;
    }
    NAMES.contains(&name.as_str())
        || name.starts_with(".env.")
        || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_secrets_are_known_by_their_names() {
        for (path, found) in [
            (".env", ".env"),
            ("a/.env.production/x", "a/.env.production"),
            ("a/.git/config", "a/.git"),
            ("deploy/ID_RSA", "deploy/ID_RSA"),
            ("x/server.pem", "x/server.pem"),
            (".aws/credentials", ".aws"),
        ] {
            assert_eq!(secret(path), Some(found));
        }
        for path in [
            "",
            "env",
            "a.env.py",
            ".env.example",
            ".gitignore",
            ".github/x",
            "id_rsa.pub",
            "key.py",
            "pem",
            "environment",
        ] {
            assert_eq!(secret(path), None, "{path}");
        }
    }
}
