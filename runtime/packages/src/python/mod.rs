//! Packages of Python: wheels, chosen and fetched by pip, made one bundle that the guest's finder reads.

mod archive;
mod bundle;
mod native;
mod pip;
#[cfg(test)]
mod tests;
mod wheel;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wxmcp_run::{BundleFile, Runner};

use self::pip::Wanted;
use self::wheel::Wheel;
use crate::error::PackageError;
use crate::lock::Locked;
use crate::requirement::{Requirement, normal};

pub use bundle::{Maker, mount};

/// Where a script sees its packages.
pub const MOUNT: &str = "/packages/python";

/// How a SHA-256 begins in `wxmcp.lock`.
const SHA256: &str = "sha256:";

/// Packages that were resolved, with what is in them.
pub struct Resolved {
    /// As they are locked.
    pub locked: Vec<Locked>,
    wheels: Vec<Wheel>,
}

impl Maker<'_> {
    /// Chooses versions of what is asked for and all that it needs, and fetches them into the cache. Of packages that are
    /// locked those versions are kept, if they fit.
    ///
    /// # Errors
    ///
    /// The package, and what stands against it.
    pub fn resolve(
        &self,
        asked: &[Requirement],
        keep: &[Locked],
    ) -> Result<Resolved, PackageError> {
        if asked.is_empty() {
            return Ok(Resolved {
                locked: Vec::new(),
                wheels: Vec::new(),
            });
        }
        let fetched = match pip::fetch(&Wanted::Resolved(asked, keep)) {
            Err(PackageError::Unresolved(_)) if !keep.is_empty() => {
                pip::fetch(&Wanted::Resolved(asked, &[]))?
            }
            fetched => fetched?,
        };
        let mut resolved = Resolved {
            locked: Vec::new(),
            wheels: Vec::new(),
        };
        for it in fetched {
            let wheel = wheel::read(&it.file, &it.bytes)?;
            let digest = wxmcp_cache::hex(&it.bytes);
            // Where it cannot be kept it is fetched again.
            let _kept = wxmcp_cache::store(&self.wheel(&digest), &it.bytes);
            resolved.locked.push(Locked {
                name: normal(&wheel.name),
                version: wheel.version.clone(),
                file: it.file,
                source: None,
                digest: format!("{SHA256}{digest}"),
                size: u64::try_from(it.bytes.len()).ok(),
                licence: wheel.licence.clone(),
                place: None,
                needs: wheel.needs.clone(),
            });
            resolved.wheels.push(wheel);
        }
        let names: BTreeSet<String> = resolved.locked.iter().map(|it| it.name.clone()).collect();
        for it in &mut resolved.locked {
            it.needs.retain(|name| names.contains(name));
            it.needs.sort();
        }
        Ok(resolved)
    }

    /// The bundle of what was resolved.
    ///
    /// # Errors
    ///
    /// What is refused of a package, by name.
    pub async fn bundle(
        &self,
        resolved: &Resolved,
        runner: &dyn Runner,
    ) -> Result<BundleFile, PackageError> {
        if let Some(found) = self.found(&resolved.locked) {
            return Ok(found);
        }
        self.make(&resolved.locked, &resolved.wheels, runner)
            .await
            .map_err(|error| with_instead(error, &resolved.locked))
    }

    /// Packages that are locked, from the cache or as pip fetches them; each is what was locked.
    ///
    /// # Errors
    ///
    /// What is not what was locked, or cannot be fetched.
    pub fn fetch(&self, locked: &[Locked]) -> Result<Resolved, PackageError> {
        let mut wheels = Vec::new();
        let mut missing = Vec::new();
        for it in locked {
            match self.kept(it)? {
                Some(bytes) => wheels.push(wheel::read(&it.file, &bytes)?),
                None => missing.push(it),
            }
        }
        if !missing.is_empty() {
            let fetched = pip::fetch(&Wanted::Exactly(&missing))?;
            for it in missing {
                let name = wheel_name(&it.file);
                let file = fetched
                    .iter()
                    .find(|fetched| wheel_name(&fetched.file) == name);
                let file = file.ok_or_else(|| PackageError::Locked {
                    name: it.name.clone(),
                    why: format!("pip did not fetch `{}`", it.file),
                })?;
                let found = wxmcp_cache::hex(&file.bytes);
                let wanted = digest(it)?;
                if found != wanted {
                    return Err(PackageError::Digest {
                        file: file.file.clone(),
                        found,
                        locked: wanted.to_owned(),
                    });
                }
                let _kept = wxmcp_cache::store(&self.wheel(&found), &file.bytes);
                wheels.push(wheel::read(&it.file, &file.bytes)?);
            }
        }
        Ok(Resolved {
            locked: locked.to_vec(),
            wheels,
        })
    }

    /// The bytes of a wheel that is in the cache, if they are what was locked.
    fn kept(&self, locked: &Locked) -> Result<Option<Vec<u8>>, PackageError> {
        let digest = digest(locked)?;
        let bytes = std::fs::read(self.wheel(digest)).ok();
        Ok(bytes.filter(|bytes| wxmcp_cache::hex(bytes) == digest))
    }

    fn wheel(&self, digest: &str) -> PathBuf {
        self.cache.join("wheels").join(format!("{digest}.whl"))
    }
}

/// Says who needs a package that is refused, and which version of it is pure, if there is one.
fn with_instead(error: PackageError, locked: &[Locked]) -> PackageError {
    let PackageError::Native {
        name,
        version,
        why,
        instead,
        ..
    } = error
    else {
        return error;
    };
    let known = normal(&name);
    let needed_by = locked
        .iter()
        .filter(|it| it.needs.contains(&known))
        .map(|it| it.name.clone());
    let instead = instead.unwrap_or_else(|| {
        let fetched = pip::fetch(&Wanted::Pure(&name)).unwrap_or_default();
        let pure = fetched
            .first()
            .and_then(|it| wheel::read(&it.file, &it.bytes).ok());
        match pure {
            Some(pure) => format!("`{}=={}` is pure", normal(&pure.name), pure.version),
            None => {
                "no version of it is pure; a tool can do on the host what it would do".to_owned()
            }
        }
    });
    PackageError::Native {
        needed_by: needed_by.collect(),
        name,
        version,
        why,
        instead: Some(instead),
    }
}

/// The digest that is locked.
fn digest(locked: &Locked) -> Result<&str, PackageError> {
    let digest = locked.digest.strip_prefix(SHA256);
    let is_digest =
        |it: &&str| it.len() == 64 && it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    digest
        .filter(is_digest)
        .ok_or_else(|| PackageError::Locked {
            name: locked.name.clone(),
            why: "its digest is no SHA-256".to_owned(),
        })
}

/// The file's name, as two that mean the same are equal.
fn wheel_name(file: &str) -> String {
    let name = Path::new(file).file_name().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase()
}
