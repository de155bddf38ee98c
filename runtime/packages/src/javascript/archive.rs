//! Files of packages: archives of tar, compressed by gzip, whose digests were checked.

use std::collections::BTreeMap;
use std::io::{self, Read};

use data_encoding::HEXLOWER;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha512};

use super::JavascriptError;
use crate::Locked;

/// Most bytes that all packages have when they are unpacked.
const UNPACKED: u64 = 512 << 20;

/// Most files that all packages have.
const FILES: usize = 150_000;

/// What marks native code that is to be compiled, and how compiled code ends.
const NATIVE: &str = "binding.gyp";
const COMPILED: &str = ".node";

/// What does the same as packages with native code.
const INSTEAD: [(&str, &str); 8] = [
    ("bcrypt", "`bcryptjs`"),
    ("argon2", "`@noble/hashes`"),
    ("better-sqlite3", "a tool file with `sql`"),
    ("sqlite3", "a tool file with `sql`"),
    ("node-sass", "`sass`"),
    ("re2", "the language's own regular expressions"),
    ("leveldown", "`memory-level`"),
    ("sharp", "a tool of an MCP server"),
];

/// The files of packages, by path.
#[derive(Default)]
pub(super) struct Unpacked {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Unpacked {
    /// Unpacks a package into its place.
    pub(super) fn add(&mut self, package: &Locked, archive: &[u8]) -> Result<(), JavascriptError> {
        let name = format!("{}@{}", package.name, package.version);
        let refused = |why: String| JavascriptError::Package {
            name: name.clone(),
            why,
        };
        let digest = format!("sha512:{}", HEXLOWER.encode(&Sha512::digest(archive)));
        if digest != package.digest {
            let locked = &package.digest;
            let why = format!("its file has the digest {digest}, and {locked} is locked");
            return Err(refused(why));
        }
        let place = package.place.as_deref().unwrap_or_default();
        if !is_place(place) {
            return Err(refused(format!("`{place}` is no place of a package")));
        }
        self.unpack(place, archive).map_err(|why| match why {
            Refused::Io(error) => refused(format!("its file cannot be unpacked: {error}")),
            Refused::Path(path, what) => {
                let path: String = path.chars().take(200).collect();
                refused(format!("its file `{path}` {what}"))
            }
            Refused::Native(path) => refused(native(&package.name, &path)),
            Refused::TooMuch(what) => refused(what),
        })
    }

    fn unpack(&mut self, place: &str, archive: &[u8]) -> Result<(), Refused> {
        let mut archive = tar::Archive::new(GzDecoder::new(archive).take(UNPACKED << 1));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8(entry.path_bytes().into_owned());
            let path =
                path.map_err(|_| Refused::Path(String::new(), "has a name that is no UTF-8"))?;
            match entry.header().entry_type() {
                tar::EntryType::Directory | tar::EntryType::XGlobalHeader => continue,
                tar::EntryType::Regular | tar::EntryType::Continuous => {}
                _ => return Err(Refused::Path(path, "is a link or a device")),
            }
            let below = below(&path).ok_or_else(|| {
                Refused::Path(path.clone(), "leads out of the folder of the package")
            })?;
            if below == NATIVE || below.ends_with(COMPILED) {
                return Err(Refused::Native(below));
            }
            self.bytes = self.bytes.saturating_add(entry.size());
            let is_too_much = self.bytes > UNPACKED || self.files.len() >= FILES;
            if is_too_much {
                let most = UNPACKED >> 20;
                let what = format!("all packages have at most {most} MiB and {FILES} files");
                return Err(Refused::TooMuch(what));
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            self.files.insert(format!("{place}/{below}"), content);
        }
        Ok(())
    }
}

enum Refused {
    Io(io::Error),
    Path(String, &'static str),
    Native(String),
    TooMuch(String),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn native(name: &str, path: &str) -> String {
    let instead = INSTEAD.iter().find(|(it, _)| *it == name);
    let instead = instead.map(|(_, instead)| format!("; use {instead} instead"));
    let instead = instead.unwrap_or_default();
    format!("`{path}` is native code, which the sandbox does not run{instead}")
}

/// The path below the folder of the package, which has whatever name.
fn below(path: &str) -> Option<String> {
    let (_, below) = path.strip_prefix("./").unwrap_or(path).split_once('/')?;
    let parts: Vec<&str> = below
        .split('/')
        .filter(|it| !matches!(*it, "" | "."))
        .collect();
    let is_safe =
        !path.starts_with('/') && !path.contains('\0') && !path.split('/').any(|it| it == "..");
    (is_safe && !parts.is_empty()).then(|| parts.join("/"))
}

/// Whether a lock may put a package there.
fn is_place(place: &str) -> bool {
    place.starts_with("node_modules/")
        && !place.contains('\0')
        && place.split('/').all(|it| !matches!(it, "" | "." | ".."))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
