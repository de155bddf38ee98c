//! What a guest is sent: a script as the JSON of `wit/guest.wit`.

use std::collections::BTreeMap;

use serde::Serialize;
use wxmcp_javascript::{Dialect, ImportingFile, Program};
use wxmcp_run::{Language, Module, Mount, Policy, Raised, Script, ToolTask};

use crate::digits::marked_with_floats;
use crate::surroundings::Surroundings;
use crate::zone::Zone;

/// The script of `wit/guest.wit`.
#[derive(Serialize)]
struct Request<'a> {
    name: &'a str,
    /// Where a mount shows the script; then this is its name, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    args: &'a [String],
    env: BTreeMap<&'a str, &'a str>,
    /// For notes on errors; none where the run has no policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    mounts: Option<BTreeMap<&'a str, &'static str>>,
    /// Bytes that its folders in memory may hold together; none where it has no such folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    scratch: Option<u64>,
    /// The folder that it begins in.
    #[serde(rename = "cwd", skip_serializing_if = "Option::is_none")]
    workdir: Option<&'a str>,
    /// Where packages are found.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    packages: &'a [String],
    #[serde(flatten)]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a ToolTask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
    /// Whether scripts before it and after it share its variables.
    #[serde(rename = "session", skip_serializing_if = "std::ops::Not::not")]
    in_session: bool,
}

/// What a guest is told of a folder in memory, where a mount is `ro` or `rw`.
const SCRATCH: &str = "scratch";

#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    /// Source that the guest itself reads.
    Source {
        source: &'a str,
        /// What a tool file of Python may import.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        modules: Vec<Module<'a>>,
    },
    /// Source that was read here.
    Program(Box<Program>),
}

/// Whether the source is a program, as far as that can be told before it runs:
/// JavaScript and TypeScript are parsed, Python is not.
///
/// # Errors
///
/// The exception that a run would raise.
pub fn check(script: &Script) -> Result<(), Raised> {
    text(script).map(|_| ())
}

/// What the guest is sent where there is no environment: the script of `wit/guest.wit`, JSON.
///
/// # Errors
///
/// The exception that the source raises because it is no program.
pub fn message(script: &Script) -> Result<Vec<u8>, Raised> {
    request(script, None, &Surroundings::default(), false)
}

/// What the guest is sent. It has read the source already if it `knows` it: then
/// only the task is sent.
///
/// # Errors
///
/// The exception that the source raises because it is no program.
pub(crate) fn request(
    script: &Script,
    policy: Option<&Policy>,
    surroundings: &Surroundings,
    knows: bool,
) -> Result<Vec<u8>, Raised> {
    let env = policy.map_or(&[][..], |policy| &policy.env);
    let mounts = policy.map(|policy| {
        let scratch = surroundings.scratch.iter().map(|path| (*path, SCRATCH));
        policy
            .mounts
            .iter()
            .map(Mount::told)
            .chain(scratch)
            .collect()
    });
    let request = Request {
        name: script.seen_as(),
        path: script.path.as_deref(),
        args: &script.args,
        env: surroundings
            .env
            .iter()
            .copied()
            .chain(
                env.iter()
                    .map(|(key, value)| (key.as_str(), value.as_str())),
            )
            .collect(),
        mounts,
        scratch: Some(surroundings.bytes).filter(|_| !surroundings.scratch.is_empty()),
        workdir: surroundings.workdir.as_deref(),
        packages: policy.map_or(&[][..], |policy| &policy.packages),
        text: if knows { None } else { Some(text(script)?) },
        task: script.task.as_ref(),
        zone: zone(script.language, env),
        in_session: script.in_session,
    };
    let request = serde_json::to_vec(&request).unwrap_or_default();
    // Only arguments of tool files hold numbers.
    Ok(match script.task {
        Some(_) => marked_with_floats(request),
        None => request,
    })
}

/// The zone of local time, for the engine that knows none.
fn zone(language: Language, env: &[(String, String)]) -> Option<Zone> {
    let name = env.iter().rev().find(|(key, _)| key == "TZ");
    match language {
        Language::JavaScript | Language::TypeScript => name.and_then(|(_, zone)| Zone::of(zone)),
        Language::Python | Language::Component => None,
    }
}

fn text(script: &Script) -> Result<Text<'_>, Raised> {
    let dialect = match script.language {
        Language::Python | Language::Component => {
            let library = script.task.as_ref().map(|task| &task.library);
            return Ok(Text::Source {
                source: &script.source,
                modules: library.map_or_else(Vec::new, |library| library.modules(&script.source)),
            });
        }
        Language::JavaScript => Dialect::JavaScript,
        Language::TypeScript => Dialect::TypeScript,
    };
    match &script.task {
        None if script.in_session => {
            wxmcp_javascript::session_script(&script.source, dialect, script.seen_as())
        }
        None => wxmcp_javascript::script(&script.source, dialect, script.seen_as()),
        Some(task) => {
            let place = ImportingFile {
                path: &task.path,
                library: &task.library,
            };
            wxmcp_javascript::tool_file(&script.source, dialect, place, script.seen_as())
        }
    }
    .map(|program| Text::Program(Box::new(program)))
}
