//! `artifacts.lock`: the digests of what the guests are built from, and of what comes out.
//!
//! Anyone can build the guests again and see that they get the same bytes.

use crate::pipeline::Guest;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The lock, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lock {
    /// What is locked of each guest, by name.
    pub guests: BTreeMap<String, Locked>,
}

/// What is locked of one guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// SHA-256 of each file that the guest is built from.
    pub inputs: BTreeMap<String, String>,
    /// SHA-256 of what each step made, but for native code.
    pub outputs: BTreeMap<String, String>,
    /// SHA-256 of the native code, uncompressed, by target. A target that is not
    /// listed was not built when the lock was written.
    pub native: BTreeMap<String, String>,
}

/// Something that is not as the lock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What it is, as `python input wit/guest.wit`.
    pub name: String,
    /// Its digest in the lock.
    pub locked: Option<String>,
    /// Its digest now.
    pub found: Option<String>,
}

impl Locked {
    /// What is to be locked of a guest that was built.
    pub fn new(inputs: BTreeMap<String, String>, guest: &Guest) -> Self {
        Self {
            inputs,
            outputs: guest.component.outputs.clone(),
            native: [(
                guest.native.target.clone(),
                guest.native.native_sha256.clone(),
            )]
            .into(),
        }
    }

    fn drift(&self, guest: &str, found: &Self) -> Vec<Drift> {
        let mut drift = differences(&format!("{guest} input"), &self.inputs, &found.inputs);
        let outputs = format!("{guest} output");
        drift.extend(differences(&outputs, &self.outputs, &found.outputs));
        for (target, digest) in &found.native {
            let locked = self.native.get(target);
            // A target that this machine cannot build cannot be locked here.
            if locked.is_some_and(|locked| locked != digest) {
                drift.push(Drift {
                    name: format!("{guest} native {target}"),
                    locked: locked.cloned(),
                    found: Some(digest.clone()),
                });
            }
        }
        drift
    }

    /// Native code for other targets stays if it is of the same component.
    fn renewed(&self, mut found: Self) -> Self {
        if self.outputs.get("component") == found.outputs.get("component") {
            for (target, digest) in &self.native {
                found
                    .native
                    .entry(target.clone())
                    .or_insert_with(|| digest.clone());
            }
        }
        found
    }
}

impl Lock {
    /// Reads a lock; an empty one when there is none.
    ///
    /// # Errors
    ///
    /// When it is not a lock.
    pub fn read(path: &Path) -> Result<Self> {
        let context = || format!("read the lock `{}`", path.display());
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(context),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(context),
        }
    }

    /// Where `found` is not as this lock says.
    pub fn drift(&self, found: &Self) -> Vec<Drift> {
        let none = Locked::default();
        let mut names: Vec<_> = self.guests.keys().chain(found.guests.keys()).collect();
        names.sort();
        names.dedup();
        let guest = |lock: &Self, name| lock.guests.get(name).unwrap_or(&none).clone();
        names
            .into_iter()
            .flat_map(|name| guest(self, name).drift(name, &guest(found, name)))
            .collect()
    }

    /// The lock to write after `found` was built.
    #[must_use]
    pub fn renewed(&self, found: Self) -> Self {
        let none = Locked::default();
        let renewed = found.guests.into_iter().map(|(name, found)| {
            let old = self.guests.get(&name).unwrap_or(&none);
            let renewed = old.renewed(found);
            (name, renewed)
        });
        Self {
            guests: renewed.collect(),
        }
    }

    /// Writes the lock.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        crate::cache::write_whole(path, text.as_bytes())
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |digest: &Option<String>| digest.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(
            f,
            "`{}` is {}, the lock says {}",
            self.name,
            show(&self.found),
            show(&self.locked)
        )
    }
}

fn differences(
    kind: &str,
    locked: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<Drift> {
    let mut names: Vec<_> = locked.keys().chain(found.keys()).collect();
    names.sort();
    names.dedup();
    let drift = names
        .into_iter()
        .filter(|name| locked.get(*name) != found.get(*name))
        .map(|name| Drift {
            name: format!("{kind} {name}"),
            locked: locked.get(name).cloned(),
            found: found.get(name).cloned(),
        });
    drift.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries
            .iter()
            .map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned()))
            .collect()
    }

    fn locked() -> Locked {
        Locked {
            inputs: map(&[("python/app.py", "1"), ("wit/guest.wit", "2")]),
            outputs: map(&[("component", "3")]),
            native: map(&[("x86_64", "4")]),
        }
    }

    #[test]
    fn the_same_has_no_drift() {
        assert_eq!(locked().drift("python", &locked()), []);
    }

    #[test]
    fn drift_is_named() {
        let found = Locked {
            inputs: map(&[("python/app.py", "1"), ("python/new.py", "9")]),
            outputs: map(&[("component", "8")]),
            native: map(&[("x86_64", "7")]),
        };
        let drift: Vec<_> = locked()
            .drift("python", &found)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            drift,
            [
                "`python input python/new.py` is 9, the lock says nothing",
                "`python input wit/guest.wit` is nothing, the lock says 2",
                "`python output component` is 8, the lock says 3",
                "`python native x86_64` is 7, the lock says 4",
            ]
        );
    }

    #[test]
    fn native_code_of_other_targets_stays_for_the_same_component_only() {
        let other = Locked {
            native: map(&[("aarch64", "5")]),
            ..locked()
        };
        assert_eq!(locked().drift("python", &other), []);
        assert_eq!(
            locked().renewed(other.clone()).native,
            map(&[("aarch64", "5"), ("x86_64", "4")])
        );
        let changed = Locked {
            outputs: map(&[("component", "6")]),
            ..other
        };
        assert_eq!(locked().renewed(changed).native, map(&[("aarch64", "5")]));
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("artifacts.lock");
        assert_eq!(Lock::read(&path)?, Lock::default());
        let lock = Lock {
            guests: [("python".to_owned(), locked())].into(),
        };
        lock.write(&path)?;
        assert_eq!(Lock::read(&path)?, lock);
        fs::write(
            &path,
            r#"{"python": {"inputs": {}, "outputs": {}, "native": {}, "more": {}}}"#,
        )?;
        assert!(Lock::read(&path).is_err());
        Ok(())
    }
}
