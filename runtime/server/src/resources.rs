//! Resources: the whole of what runs answered, and the sessions that there are.

use data_encoding::BASE64;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::json;
use wxmcp_policy::Principal;
use wxmcp_run::Outcome;

use crate::recordings::RecordingNote;
use crate::results::Ended;
use crate::service::Service;
use crate::tree;

/// Runs that a list of resources names: the latest.
const MAX_RUNS: usize = 20;

/// The list of sessions.
const SESSIONS: &str = "session://list";

/// The recording of a run.
const RECORDING: &str = "recording";

/// The media type of what has none of its own.
const BYTES: &str = "application/octet-stream";

/// The resources of a principal.
pub(crate) fn list(service: &Service, principal: &Principal) -> Vec<Resource> {
    let mut resources = vec![
        Resource::new(SESSIONS, "sessions")
            .with_description("The sessions that there are")
            .with_mime_type("application/json"),
    ];
    for (run, ended) in service.results.of(principal).into_iter().take(MAX_RUNS) {
        let one = |name: &str, media_type: &str| {
            Resource::new(
                format!("run://{run}/{name}"),
                format!("{name} of run {run}"),
            )
            .with_mime_type(media_type)
        };
        resources.push(one("report", "application/json"));
        resources.push(one("stdout", "text/plain"));
        if ended.recording == Some(RecordingNote::Kept) {
            resources.push(one(RECORDING, BYTES));
        }
        if matches!(ended.report.outcome, Outcome::Returned(_)) {
            resources.push(one("value", "application/json"));
        }
    }
    resources
}

/// What the addresses of runs look like.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    [
        ("report", "Everything about a run", "application/json"),
        ("stdout", "What a run printed", "text/plain"),
        ("value", "The value of a run", "application/json"),
        (
            RECORDING,
            "The recording of a run, which `wxmcp replay` reads",
            BYTES,
        ),
    ]
    .into_iter()
    .map(|(name, words, media_type)| {
        ResourceTemplate::new(format!("run://{{run}}/{name}"), name)
            .with_description(words)
            .with_mime_type(media_type)
    })
    .chain(tree::templates())
    .collect()
}

/// The recording of a run of a principal, if that is what is asked for and it was to be recorded.
///
/// # Errors
///
/// Why it was not.
pub(crate) async fn recording(
    service: &Service,
    principal: &Principal,
    uri: &str,
) -> Option<Result<ResourceContents, String>> {
    let (run, name) = uri.strip_prefix("run://")?.split_once('/')?;
    let read = match name {
        RECORDING => service.recordings.read(run, principal)?,
        _ => return None,
    };
    let contents = |bytes: Vec<u8>| ResourceContents::BlobResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(BYTES.to_owned()),
        blob: BASE64.encode(&bytes),
        meta: None,
    };
    let (Ok(bytes), Some(redactor)) = (&read, &service.config.redactor) else {
        return Some(read.map(contents).map_err(|why| not_recorded(&why)));
    };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    // What it was, and what becomes of it.
    let charge = service.ledger().charge(size.saturating_mul(2));
    let redacted = match (charge, read) {
        (Ok(_held), Ok(bytes)) => redactor.redacted(uri, bytes).await,
        (Err(error), _) => Err(not_recorded(&error.to_string())),
        (_, Err(why)) => Err(not_recorded(&why)),
    };
    Some(redacted.map(contents))
}

fn not_recorded(why: &str) -> String {
    format!("the run was not recorded: {why}")
}

/// One resource of a principal, if it is there.
pub(crate) fn read(
    service: &Service,
    principal: &Principal,
    uri: &str,
) -> Option<ResourceContents> {
    if uri == SESSIONS {
        let sessions = service.sessions.of(principal);
        let listed: Vec<_> = sessions
            .iter()
            .map(|it| {
                json!({
                    "session": it.handle,
                    "language": format!("{:?}", it.language).to_lowercase(),
                    "idle_seconds": it.idle.as_secs(),
                    "running": it.is_running,
                })
            })
            .collect();
        return Some(text(uri, "application/json", json!(listed).to_string()));
    }
    let (run, name) = uri.strip_prefix("run://")?.split_once('/')?;
    let ended = service.results.get(run, principal)?;
    part(&ended, uri, name)
}

fn part(ended: &Ended, uri: &str, name: &str) -> Option<ResourceContents> {
    let report = &*ended.report;
    match (name, &report.outcome) {
        ("report", _) => {
            let json = serde_json::to_string(report).ok()?;
            Some(text(uri, "application/json", json))
        }
        ("stdout", _) => {
            let printed = String::from_utf8_lossy(&report.stdout).into_owned();
            Some(text(uri, "text/plain", printed))
        }
        ("value", Outcome::Returned(value)) => {
            Some(text(uri, "application/json", value.get().to_owned()))
        }
        (name, _) => {
            let artifact = name.strip_prefix("artifacts/")?;
            let at: usize = artifact.split('/').next()?.parse().ok()?;
            let artifact = report.artifacts.get(at.checked_sub(1)?)?;
            Some(match artifact.kind.as_str() {
                "text" => text(uri, &artifact.media_type, artifact.data.clone()),
                _ => ResourceContents::BlobResourceContents {
                    uri: uri.to_owned(),
                    mime_type: Some(artifact.media_type.clone()),
                    blob: artifact.data.clone(),
                    meta: None,
                },
            })
        }
    }
}

fn text(uri: &str, media_type: &str, text: String) -> ResourceContents {
    ResourceContents::TextResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(media_type.to_owned()),
        text,
        meta: None,
    }
}
