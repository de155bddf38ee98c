//! The packages of programs: those of the project's lock. What a program names is never fetched.

use wxmcp_packages::{Lock, required, unlocked};

/// Most characters of the names of packages in a description; more are left out.
const MAX_NAMES: usize = 240;

/// Refuses a program whose metadata names a package that is not locked.
pub(crate) fn refuse_unlocked(code: &str, lock: &Lock) -> Result<(), String> {
    let asked = required(code).map_err(|error| error.to_string())?;
    let Some(why) = unlocked(lock, &asked.unwrap_or_default()) else {
        return Ok(());
    };
    let names: Vec<&str> = lock.python.iter().map(|it| it.name.as_str()).collect();
    let there = match names.is_empty() {
        true => "there are no packages".to_owned(),
        false => format!("there are {}", names.join(", ")),
    };
    Err(format!(
        "{why}: programs use the packages that this server has locked, and none is fetched for them; {there}. The user adds one by `wxmcp add`"
    ))
}

/// What the description of `run_code` says of packages.
pub(crate) fn there(lock: &Lock) -> String {
    let mut words = String::new();
    for name in &lock.declared.python {
        let name = name.split(|it: char| !(it.is_ascii_alphanumeric() || "-_.".contains(it)));
        let name = name.clone().next().unwrap_or_default();
        if words.len() + name.len() > MAX_NAMES {
            break;
        }
        words.push_str(if words.is_empty() {
            "\nPackages of Python: "
        } else {
            ", "
        });
        words.push_str(name);
    }
    if !words.is_empty() {
        words.push('.');
    }
    words
}
