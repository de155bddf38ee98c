//! What is in a wheel: read from bytes whose digest was checked, and refused where it could reach what is no package.

use std::collections::BTreeMap;

use super::archive::{self, Entry};
use crate::error::PackageError;
use crate::requirement::normal;

/// Most bytes of all files of a wheel.
const SIZE: u64 = 512 << 20;

/// Most bytes of its metadata that are read.
const METADATA: usize = 1 << 20;

/// Most packages that it may need.
const NEEDS: usize = 1_000;

/// What is in a wheel.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    /// The package's name, as it writes it, and its version.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: Option<String>,
    /// Names of packages that it may need, as they are compared.
    pub(super) needs: Vec<String>,
    /// Its files by path, below the folder of all packages.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Modules of native code, which are left out.
    pub(super) native: Vec<String>,
}

/// Whether this is the name of a wheel.
pub(super) fn is_wheel(file: &str) -> bool {
    let parts = file
        .strip_suffix(".whl")
        .map(|stem| stem.split('-').count());
    matches!(parts, Some(5 | 6)) && !file.contains('/')
}

/// Reads a wheel.
///
/// # Errors
///
/// What in it is refused, by name.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Wheel, PackageError> {
    let refused = |why: String| PackageError::Refused {
        file: file.to_owned(),
        why,
    };
    if !is_wheel(file) {
        return Err(refused(
            "it is no wheel, and what is to be built would run code of the package on this machine"
                .to_owned(),
        ));
    }
    let entries = archive::entries(bytes).map_err(|why| refused(why.to_owned()))?;
    let mut wheel = Wheel::default();
    let mut size: u64 = 0;
    for entry in &entries {
        if let Some(why) = forbidden(entry) {
            return Err(refused(why));
        }
        if entry.path.ends_with('/') {
            continue;
        }
        let Some(path) = place(entry.path) else {
            continue;
        };
        if let Some(module) = native(path) {
            wheel.native.push(module);
            continue;
        }
        if !path.contains('/') && path.ends_with(".pth") {
            return Err(refused(format!(
                "`{path}` in it would run at each start of Python"
            )));
        }
        size = size.saturating_add(entry.size);
        if size > SIZE {
            return Err(refused(format!(
                "it unpacks to more than {} MiB",
                SIZE >> 20
            )));
        }
        let content = entry.content();
        let content = content.map_err(|why| refused(format!("`{}` in it: {why}", entry.path)))?;
        wheel.files.insert(path.to_owned(), content);
    }
    wheel.native.sort();
    describe(&mut wheel).map_err(|why| refused(why.to_owned()))?;
    Ok(wheel)
}

/// Why an entry is not unpacked, if it is to be refused.
fn forbidden(entry: &Entry<'_>) -> Option<String> {
    let path = entry.path.strip_suffix('/').unwrap_or(entry.path);
    let leads_out = path.starts_with('/')
        || path.contains(['\\', '\0'])
        || path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if leads_out {
        return Some(format!(
            "the path {:?} in it leads out of the package",
            entry.path
        ));
    }
    if path.split('/').next() == Some(".wxmcp") {
        return Some(format!("the path {:?} in it is taken", entry.path));
    }
    entry
        .is_special
        .then(|| format!("{:?} in it is a link or a device", entry.path))
}

/// Where a file goes, below the folder of all packages; none of what has no place there: programs, and files for
/// folders of the system.
fn place(path: &str) -> Option<&str> {
    if path.contains("/__pycache__/") || path.starts_with("__pycache__/") {
        return None;
    }
    let Some((first, rest)) = path.split_once('/') else {
        return Some(path);
    };
    if !first.ends_with(".data") || first.split('-').count() != 2 {
        return Some(path);
    }
    let (kind, rest) = rest.split_once('/')?;
    matches!(kind, "purelib" | "platlib").then_some(rest)
}

/// The module that a file of native code would be.
fn native(path: &str) -> Option<String> {
    let (folder, name) = path
        .rsplit_once('/')
        .map_or(("", path), |(folder, name)| (folder, name));
    let is_library = [".so", ".pyd", ".dylib", ".dll"]
        .iter()
        .any(|end| name.ends_with(end))
        || name.contains(".so.");
    if !is_library {
        return None;
    }
    let module = name.split('.').next().unwrap_or_default();
    Some(match folder {
        "" => module.to_owned(),
        folder => format!("{}.{module}", folder.replace('/', ".")),
    })
}

/// Fills in what its metadata says.
fn describe(wheel: &mut Wheel) -> Result<(), &'static str> {
    let mut found = wheel.files.iter().filter(|(path, _)| {
        let (folder, name) = path.split_once('/').unwrap_or_default();
        folder.ends_with(".dist-info") && name == "METADATA"
    });
    let (Some((_, text)), None) = (found.next(), found.next()) else {
        return Err("it has no metadata, or more than once");
    };
    let text = String::from_utf8_lossy(text.get(..METADATA.min(text.len())).unwrap_or_default())
        .into_owned();
    let mut licence = [None, None, None];
    for (key, value) in headers(&text) {
        match key.to_ascii_lowercase().as_str() {
            "name" => wheel.name = value.to_owned(),
            "version" => wheel.version = value.to_owned(),
            "license-expression" => licence[0] = Some(value),
            "license" if is_short(value) => licence[2] = Some(value),
            "classifier" => {
                if let Some(named) = value.strip_prefix("License :: ") {
                    licence[1] = named
                        .rsplit(" :: ")
                        .next()
                        .filter(|it| *it != "OSI Approved");
                }
            }
            "requires-dist" => {
                let end =
                    value.find(|it: char| !(it.is_ascii_alphanumeric() || "-_.".contains(it)));
                let name = normal(value.get(..end.unwrap_or(value.len())).unwrap_or_default());
                if wheel.needs.len() < NEEDS && !wheel.needs.contains(&name) {
                    wheel.needs.push(name);
                }
            }
            _ => {}
        }
    }
    wheel.licence = licence.into_iter().flatten().next().map(str::to_owned);
    match wheel.name.is_empty() || wheel.version.is_empty() {
        true => Err("its metadata has no name or version"),
        false => Ok(()),
    }
}

/// Whether a licence is named, not written out.
fn is_short(value: &str) -> bool {
    !value.is_empty() && value.len() <= 64 && value != "UNKNOWN"
}

/// The headers of metadata, without the lines that continue one.
fn headers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key, value.trim()))
}
