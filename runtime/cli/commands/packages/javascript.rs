//! `wxmcp add --javascript` and `wxmcp remove --javascript`.

use anyhow::anyhow;

use super::{declare, listing, project};
use crate::cli::{AddArgs, RemoveArgs};
use crate::exit::{Exit, Failure};
use crate::packages::{self, Packages, javascript};

/// Adds packages to the project; nothing is written before they are there.
pub(super) fn add(args: &AddArgs) -> Result<Exit, Failure> {
    let project = project(&args.config)?;
    let mut declared = project.project.javascript.clone();
    for text in args.names.iter().map(|it| it.trim().to_owned()) {
        let name = javascript::name(&text);
        match declared.iter_mut().find(|it| javascript::name(it) == name) {
            Some(there) => *there = text,
            None => declared.push(text),
        }
    }
    declare(&args.config, "javascript", &declared, || {
        resolved(&project, &declared)
    })
}

/// Removes packages from the project.
pub(super) fn remove(args: &RemoveArgs) -> Result<Exit, Failure> {
    let project = project(&args.config)?;
    let mut declared = project.project.javascript.clone();
    for name in &args.names {
        let before = declared.len();
        declared.retain(|it| javascript::name(it) != javascript::name(name));
        if declared.len() == before {
            let there = match declared.is_empty() {
                true => "it declares none of JavaScript".to_owned(),
                false => format!("it declares {}", declared.join(", ")),
            };
            return Err(
                Failure::usage(anyhow!("wxmcp.toml does not declare `{name}`")).hint(there),
            );
        }
    }
    declare(&args.config, "javascript", &declared, || {
        resolved(&project, &declared)
    })
}

/// Resolves what is declared, locks it, and says what is different.
pub(super) fn resolved(project: &Packages, declared: &[String]) -> Result<Exit, Failure> {
    let before = packages::read(&project.lock)?;
    let locked = javascript::resolve(project, declared)?;
    if !locked.is_empty() {
        javascript::bundle(project, &locked)?;
    }
    let old = before.as_ref().map_or(&[][..], |lock| &lock.javascript);
    listing::differences(old, &locked);
    javascript::write(&project.lock, before, declared, &locked)?;
    Ok(Exit::Success)
}
