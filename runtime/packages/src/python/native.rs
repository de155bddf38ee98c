//! Packages whose native code is left out: which of them work without it, and what exists instead of those that do not.

use super::bundle::Failed;
use super::wheel::Wheel;
use crate::error::PackageError;
use crate::requirement::normal;

/// Most modules of a package that are tried.
const TRIED: usize = 200;

/// What exists instead of packages that are asked for most often.
const INSTEAD: [(&str, &str); 18] = [
    ("bcrypt", "`hashlib.scrypt` of the library derives keys"),
    (
        "cryptography",
        "`hashlib`, `hmac` and `secrets` of the library, or the pure `rsa` and `ecdsa`",
    ),
    ("jiter", "`openai<1.40` with `pydantic<2` needs none of it"),
    (
        "lxml",
        "`xml.etree.ElementTree` of the library, or the pure `defusedxml` and `beautifulsoup4` with `html.parser`",
    ),
    (
        "matplotlib",
        "the pure `svgwrite` or `pygal` draw charts as SVG",
    ),
    (
        "numpy",
        "there is no guest with numpy yet; `statistics`, `fractions` and `array` of the library, or the pure `mpmath`",
    ),
    ("orjson", "`json` of the library"),
    (
        "pandas",
        "there is no guest with pandas yet; `csv` and `sqlite3` of the library, or the pure `openpyxl` and `tabulate`",
    ),
    ("pillow", "the pure `pypng` reads and writes PNG"),
    (
        "psutil",
        "`os`, `shutil` and `platform` of the library say what there is to know of the sandbox",
    ),
    (
        "psycopg2-binary",
        "the pure `pg8000`; or a tool that has the database",
    ),
    ("pydantic-core", "`pydantic<2` is pure"),
    ("rapidfuzz", "`difflib` of the library"),
    ("regex", "`re` of the library"),
    ("rpds-py", "`jsonschema<4.18` needs none of it"),
    (
        "scipy",
        "there is no guest with numpy yet; the pure `mpmath` and `networkx`",
    ),
    ("ujson", "`json` of the library"),
    (
        "uvloop",
        "`asyncio` of the library has the loop of the sandbox",
    ),
];

/// The modules of a package that are tried: its folders and files at the top, and what is public below.
pub(super) fn tried(wheel: &Wheel) -> Vec<String> {
    let mut modules: Vec<String> = wheel
        .native
        .iter()
        .filter(|it| is_alone(it))
        .cloned()
        .collect();
    for path in wheel.files.keys() {
        let Some(stem) = path.strip_suffix(".py") else {
            continue;
        };
        let parts: Vec<&str> = stem.split('/').filter(|it| *it != "__init__").collect();
        let is_public = |it: &&str| {
            !it.starts_with('_') && !matches!(*it, "tests" | "test" | "conftest" | "setup")
        };
        let is_name = |it: &&str| it.chars().all(|it| it == '_' || it.is_alphanumeric());
        if matches!(parts.len(), 1 | 2) && parts.iter().all(|it| is_public(it) && is_name(it)) {
            modules.push(parts.join("."));
        }
    }
    modules.sort_by_key(|it| (it.matches('.').count(), it.clone()));
    modules.dedup();
    modules.truncate(TRIED);
    modules
}

/// Whether a native module is in no package: what mypyc makes for others apart.
fn is_alone(module: &str) -> bool {
    !module.contains('.') && !module.ends_with("__mypyc")
}

/// Refuses a package that does not work without its native code: one that does not import, or most of whose modules do not.
pub(super) fn judge(wheel: &Wheel, failed: &Failed) -> Result<(), PackageError> {
    let tried = tried(wheel);
    let at_the_top = tried.iter().filter(|it| !it.contains('.'));
    let top = at_the_top.filter_map(|it| failed.get_key_value(it)).next();
    let for_want: Vec<_> = failed.iter().filter(|(_, failure)| failure.1).collect();
    let below = tried.iter().filter(|it| it.contains('.')).count();
    let most = for_want
        .first()
        .filter(|_| for_want.len() * 2 > below)
        .copied();
    let nothing = tried.is_empty().then(|| "it has no other".to_owned());
    let why = top
        .or(most)
        .map(|(module, failure)| format!("`import {module}`: {}", failure.0))
        .or(nothing);
    let Some(why) = why else {
        return Ok(());
    };
    let name = normal(&wheel.name);
    let instead = INSTEAD.iter().find(|(known, _)| *known == name);
    Err(PackageError::Native {
        name: wheel.name.clone(),
        version: wheel.version.clone(),
        needed_by: Vec::new(),
        why,
        instead: instead.map(|(_, words)| (*words).to_owned()),
    })
}
