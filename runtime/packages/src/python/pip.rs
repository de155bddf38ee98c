//! Has pip choose versions and fetch wheels, as the guest's Python would need them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::error::PackageError;
use crate::lock::Locked;
use crate::requirement::Requirement;
use crate::script::PYTHON;
use crate::tools::{self, Ended};

/// What runs in the Python that has pip.
const PROGRAM: &str = include_str!("pip.py");

/// Most bytes of a wheel.
const WHEEL: u64 = 256 << 20;

/// Most bytes of what the program says of the files that it saw.
const REPORT: u64 = 64 << 20;

/// Most wheels of one resolution.
const WHEELS: usize = 1_000;

/// Most requirements of a conflict that are named.
const CONFLICT: usize = 6;

/// The exit code of `pip.py` where pip is missing, or not one that it knows.
const NO_PIP: i32 = 90;

/// The newest manylinux whose wheels are looked at, for those whose native code is optional.
const MANYLINUX: u32 = 40;

/// A wheel that was fetched.
pub(super) struct Fetched {
    pub(super) file: String,
    pub(super) bytes: Vec<u8>,
}

/// What pip is to do.
pub(super) enum Wanted<'a> {
    /// Choose versions of these and of all that they need; of packages that are named twice those of the second list.
    Resolved(&'a [Requirement], &'a [Locked]),
    /// The newest version of a package that is pure, without what it needs.
    Pure(&'a str),
    /// Fetch just these files.
    Exactly(&'a [&'a Locked]),
}

/// Does it: the wheels.
///
/// # Errors
///
/// Why it could not be done: in the words of pip, and with what exists.
pub(super) fn fetch(wanted: &Wanted<'_>) -> Result<Vec<Fetched>, PackageError> {
    let place = tempfile::tempdir().map_err(PackageError::io("make a folder for wheels"))?;
    let wheels = place.path().join("wheels");
    fs::create_dir(&wheels).map_err(PackageError::io("make a folder for wheels"))?;
    let report = place.path().join("report.json");
    let request = json!({
        "tags": tags(!matches!(wanted, Wanted::Pure(_))),
        "markers": markers(),
        "version": PYTHON,
        "folder": wheels,
        "report": report,
        "arguments": arguments(wanted, place.path())?,
    });
    let failed = start(&request.to_string(), place.path())?;
    match failed {
        None => read(&wheels),
        Some(ended) => Err(unresolved(&ended, &seen(&report))),
    }
}

/// Runs the program in the first Python that has a pip: none if it did what it should, else how it ended.
fn start(request: &str, folder: &Path) -> Result<Option<Ended>, PackageError> {
    let mut last = None;
    for (program, before) in interpreters() {
        let mut arguments: Vec<OsString> = before.iter().map(OsString::from).collect();
        arguments.extend(["-I", "-c", PROGRAM, request].map(OsString::from));
        let ended = tools::run(&program, &arguments, folder)?;
        match ended.code {
            Some(0) => return Ok(None),
            Some(NO_PIP) => {}
            // uv could not make an environment, or a shim has no Python behind it.
            Some(2 | 126 | 127) if !ended.stderr.contains("ERROR: ") => {}
            _ => return Ok(Some(ended)),
        }
        last = Some((program, ended.stderr));
    }
    Err(match last {
        None => PackageError::NoProgram("`uv`, and no Python with pip,"),
        Some((program, stderr)) => PackageError::Program {
            program: program.display().to_string(),
            why: format!("has no pip that can be used: {}", words(&stderr)),
        },
    })
}

/// Pythons that may have pip, and words that stand before theirs. uv has one everywhere, and brings pip where it is missing.
fn interpreters() -> Vec<(PathBuf, &'static [&'static str])> {
    let plain = ["python3", "python"].map(|name| (tools::find(name), &[][..]));
    let uv: &[&str] = &["run", "--quiet", "--no-project", "--with", "pip", "python"];
    let all = plain.into_iter().chain([(tools::find("uv"), uv)]);
    all.filter_map(|(program, before)| Some((program?, before)))
        .collect()
}

/// Words for `pip download`; what is long goes to files in `folder`.
fn arguments(wanted: &Wanted<'_>, folder: &Path) -> Result<Vec<String>, PackageError> {
    let write = |name: &str, lines: Vec<String>| {
        let path = folder.join(name);
        let written = fs::write(&path, lines.join("\n"));
        written.map_err(PackageError::io("write what is asked of pip"))?;
        Ok::<_, PackageError>(path.display().to_string())
    };
    let pinned = |it: &Locked| format!("{}=={}", it.name, it.version);
    Ok(match wanted {
        Wanted::Resolved(asked, constraints) => {
            let asked = asked.iter().map(|it| it.text().to_owned()).collect();
            let mut words = vec!["-r".to_owned(), write("requirements.txt", asked)?];
            if !constraints.is_empty() {
                let lines = constraints.iter().map(pinned).collect();
                words.extend(["-c".to_owned(), write("constraints.txt", lines)?]);
            }
            words
        }
        Wanted::Pure(name) => vec!["--no-deps".to_owned(), (*name).to_owned()],
        Wanted::Exactly(locked) => {
            let lines = locked
                .iter()
                .map(|it| format!("{} --hash={}", pinned(it), it.digest))
                .collect();
            let file = write("requirements.txt", lines)?;
            ["--no-deps", "--require-hashes", "-r", &file]
                .map(str::to_owned)
                .into()
        }
    })
}

/// What pip saw of each package: names of files, and what it made of them.
type Seen = BTreeMap<String, Vec<[String; 3]>>;

fn seen(report: &Path) -> Seen {
    let is_small = fs::metadata(report).is_ok_and(|it| it.len() <= REPORT);
    let text = fs::read_to_string(report).ok().filter(|_| is_small);
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Says why there is no resolution.
fn unresolved(ended: &Ended, seen: &Seen) -> PackageError {
    let missing = ended
        .stderr
        .lines()
        .filter_map(|line| line.split_once("No matching distribution found for "))
        .filter_map(|(_, rest)| Requirement::parse(rest.split(" (from ").next()?).ok())
        .next_back();
    if let Some(missing) = missing {
        let files = seen
            .get(missing.name())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let why = against(files).unwrap_or_else(|| words(&ended.stderr));
        return PackageError::Unresolved(format!(
            "there is no wheel of `{}`: {why}",
            missing.text()
        ));
    }
    // Packages that cannot be had at all stand against every version of those that need them.
    let is_usable = |files: &[[String; 3]]| files.iter().any(|[_, kind, _]| kind == "candidate");
    let unusable = seen.iter().filter(|(_, files)| !is_usable(files));
    let mut all: Vec<String> = unusable
        .filter_map(|(name, files)| {
            Some(format!(
                "there is no wheel of `{name}`: {}",
                against(files)?
            ))
        })
        .collect();
    all.extend(conflict(&ended.stdout));
    match all.is_empty() {
        true => PackageError::Unresolved(words(&ended.stderr)),
        false => PackageError::Unresolved(all.join("; ")),
    }
}

/// What pip says of the requirements that do not fit each other, in one line.
fn conflict(stdout: &str) -> Option<String> {
    let (_, told) = stdout.split_once("The conflict is caused by:")?;
    let lines = told
        .lines()
        .map(str::trim)
        .skip(1)
        .take_while(|it| !it.is_empty())
        .take(CONFLICT);
    let lines: Vec<&str> = lines.collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// What stands against each file of a package.
fn against(files: &[[String; 3]]) -> Option<String> {
    // The last of a kind is the newest.
    let of = |wanted: &str| {
        let found = files.iter().rev().find(|[_, kind, _]| kind == wanted)?;
        Some((found[0].as_str(), found[2].as_str()))
    };
    Some(if files.is_empty() {
        "the index has no package of this name".to_owned()
    } else if of("candidate").is_some() {
        "it has versions that the sandbox can use, but none of these fits".to_owned()
    } else if let Some((file, words)) = of("requires_python_mismatch") {
        format!("the sandbox has Python {PYTHON}, and `{file}` does not fit it: {words}")
    } else if let Some((file, _)) = of("platform_mismatch") {
        format!("it has wheels for other systems or Pythons only, such as `{file}`")
    } else if let Some((file, _)) = of("format_unsupported") {
        format!(
            "it comes as source only, such as `{file}`: to build it would run its code on this machine"
        )
    } else {
        return None;
    })
}

/// What pip says, in one line.
fn words(stderr: &str) -> String {
    let errors: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("ERROR: "))
        .map(str::trim)
        .collect();
    match errors.is_empty() {
        false => errors.join("; "),
        true => stderr
            .lines()
            .map(str::trim)
            .rfind(|it| !it.is_empty())
            .unwrap_or("it says nothing")
            .to_owned(),
    }
}

/// The wheels in a folder, by name.
fn read(folder: &Path) -> Result<Vec<Fetched>, PackageError> {
    let failed = || PackageError::io("read the wheels that pip fetched");
    let mut fetched = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let refused = |why: &str| PackageError::Refused {
            file: file.clone(),
            why: why.to_owned(),
        };
        if fetched.len() >= WHEELS {
            return Err(refused("there are too many packages"));
        }
        if entry.metadata().map_err(failed())?.len() > WHEEL {
            return Err(refused("it is too large"));
        }
        let bytes = fs::read(entry.path()).map_err(failed())?;
        fetched.push(Fetched { file, bytes });
    }
    fetched.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(fetched)
}

/// Tags of the wheels that will do, the best first: pure ones, then, of packages without such, those whose native code may
/// be optional.
fn tags(with_native: bool) -> Vec<String> {
    let minor = PYTHON
        .split('.')
        .nth(1)
        .and_then(|it| it.parse().ok())
        .unwrap_or(0_u32);
    let versions = || (0..=minor).rev();
    let mut tags = vec!["py3-none-any".to_owned(), format!("cp3{minor}-none-any")];
    tags.extend(versions().map(|it| format!("py3{it}-none-any")));
    if with_native {
        let linux: Vec<String> = (5..=MANYLINUX)
            .rev()
            .map(|it| format!("manylinux_2_{it}_x86_64"))
            .chain(
                [
                    "manylinux2014_x86_64",
                    "manylinux2010_x86_64",
                    "manylinux1_x86_64",
                    "linux_x86_64",
                ]
                .map(str::to_owned),
            )
            .collect();
        let exact = linux.iter().map(|it| format!("cp3{minor}-cp3{minor}-{it}"));
        let stable = versions().filter(|it| *it > 1).flat_map(|version| {
            linux
                .iter()
                .map(move |it| format!("cp3{version}-abi3-{it}"))
        });
        let any = linux.iter().map(|it| format!("py3-none-{it}"));
        tags.extend(exact.chain(stable).chain(any));
    }
    tags
}

/// What markers compare with: what the guest says of itself.
fn markers() -> serde_json::Value {
    let minor: Vec<&str> = PYTHON.split('.').take(2).collect();
    json!({
        "implementation_name": "cpython",
        "implementation_version": PYTHON,
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_release": "0.0.0",
        "platform_system": "wasi",
        "platform_version": "0.0.0",
        "python_full_version": PYTHON,
        "python_version": minor.join("."),
        "sys_platform": "wasi",
    })
}
