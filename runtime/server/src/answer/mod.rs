//! What a client is answered: text for every client, and structured content that says the same.

mod cut;
mod structured;
mod texts;

use std::sync::Arc;

use rmcp::model::{CallToolResult, ContentBlock, MetaObject, ResourceContents};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use wxmcp_run::{Artifact, CallRecord, Outcome, Raised, Report};

use crate::recordings::RecordingNote;
use crate::results::{Ended, SessionNote};
use cut::{Keep, cut};
pub(crate) use structured::calls;
use texts::Texts;

/// Calls that a failed run's answer lists.
const MAX_CALLS: usize = 50;

/// What printed lines are called in an answer.
const STDOUT: &str = "[stdout]";
const STDERR: &str = "[stderr]";

/// The answer for a run that has ended, in at most about `max` characters of text.
pub(crate) fn of_report(ended: &Ended, max: usize) -> CallToolResult {
    let report = &*ended.report;
    let run = report.run.to_string();
    let handed_out = handed_out(report, &run);
    let texts = Texts::of(report, max, || own(ended, &run));
    let mut result = CallToolResult::default();
    result.content.push(ContentBlock::text(text(ended, &texts)));
    result.is_error = Some(failed(&report.outcome));
    if handed_out.is_empty() {
        result.structured_content = Some(structured::of_report(ended, &run, &texts));
    }
    result.content.extend(handed_out);
    let mut meta = MetaObject::new();
    meta.insert("run".to_owned(), json!(run));
    result.meta = Some(meta);
    result
}

/// Characters that an answer has besides the texts of its report, in the form that has more of them.
fn own(ended: &Ended, run: &str) -> usize {
    /// Names of sections and members, and the marks around them.
    const NAMES: usize = 150;
    let blank = Report {
        outcome: match &ended.report.outcome {
            Outcome::Returned(_) => Outcome::Returned(RawValue::NULL.to_owned()),
            Outcome::Raised(raised) => Outcome::Raised(Raised {
                message: String::new(),
                traceback: String::new(),
                ..raised.clone()
            }),
            Outcome::Stopped(limit, _) => Outcome::Stopped(limit.clone(), None),
            other => other.clone(),
        },
        stdout: Vec::new(),
        stderr: Vec::new(),
        artifacts: Vec::new(),
        ..(*ended.report).clone()
    };
    let texts = Texts::of(&blank, usize::MAX, || 0);
    let blank = Ended {
        report: Arc::new(blank),
        ..ended.clone()
    };
    let structured = structured::of_report(&blank, run, &texts).to_string();
    let text = text(&blank, &texts);
    let count = |text: &str| text.chars().count();
    count(&structured).max(count(&text)).saturating_add(NAMES)
}

/// The answer for a run that goes on: its handle, and what it has printed since the last answer.
pub(crate) fn of_running(
    (run, is_recorded): (&str, bool),
    session: Option<&str>,
    seconds: u64,
    printed: &[u8],
    max: usize,
) -> CallToolResult {
    let printed = String::from_utf8_lossy(printed);
    let whole = "the answer at its end";
    let shown = cut(&printed, max.saturating_sub(400), Keep::Ends, whole);
    let mut text = format!(
        "[running] after {seconds} s. Call run_code with only {{\"wait\": \"{run}\"}} to wait on; cancel that call to \
         end the run.\n"
    );
    if is_recorded {
        text.push_str(&recording(&RecordingNote::Kept, run));
        text.push('\n');
    }
    if !shown.is_empty() {
        text.push_str(&format!("{STDOUT} so far\n{shown}"));
    }
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    let mut structured = json!({"outcome": "running", "run": run, "wait": run, "printed": shown});
    if let (Some(session), Value::Object(structured)) = (session, &mut structured) {
        structured.insert("session".to_owned(), json!(session));
    }
    if let (true, Value::Object(structured)) = (is_recorded, &mut structured) {
        structured.insert("recording".to_owned(), json!(recording_uri(run)));
    }
    result.structured_content = Some(structured);
    result
}

/// An answer that says what is wrong with a call.
pub(crate) fn refused(words: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(words)])
}

/// Texts and other things that a call of ours answers without a run.
pub(crate) fn plain(text: String, max: usize) -> CallToolResult {
    let whole = "a call that asks for less at once";
    CallToolResult::success(vec![ContentBlock::text(cut(&text, max, Keep::Head, whole))])
}

fn failed(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Returned(_) => false,
        Outcome::Exited(code) => *code != 0,
        Outcome::Raised(_) | Outcome::Stopped(..) | Outcome::Cancelled => true,
    }
}

/// The text of an answer.
fn text(ended: &Ended, texts: &Texts) -> String {
    let report = &*ended.report;
    let failure = failure(report, texts);
    let mut sections = Vec::new();
    if !texts.value.is_empty() || is_empty_text(&report.outcome) {
        sections.push(texts.value.shown());
    }
    if !texts.handed_out.is_empty() {
        sections.push(texts.handed_out.shown());
    }
    let is_alone = sections.is_empty() && failure.is_none() && texts.stderr.is_empty();
    if !texts.stdout.is_empty() {
        let shown = texts.stdout.shown();
        sections.push(match is_alone {
            true => shown,
            false => format!("{STDOUT}\n{shown}"),
        });
    }
    if !texts.stderr.is_empty() {
        sections.push(format!("{STDERR}\n{}", texts.stderr.shown()));
    }
    sections.extend(failure);
    if sections.is_empty() {
        sections.push(match report.artifacts.is_empty() {
            true => "[no value, nothing printed]".to_owned(),
            false => "[no value; what was handed out follows]".to_owned(),
        });
    }
    let end = ending(ended.session.as_ref());
    if !end.is_empty() {
        sections.push(end);
    }
    if let Some(note) = &ended.recording {
        sections.push(recording(note, &report.run.to_string()));
    }
    sections.join("\n")
}

/// Whether a script returned a text of no characters, which is a value, too.
fn is_empty_text(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Returned(value) if value.get() == "\"\"")
}

/// Texts that the script handed out beside its value, together.
fn handed_out_texts(report: &Report) -> String {
    let texts = report.artifacts.iter().filter(|it| it.kind == "text");
    let texts: Vec<&str> = texts.map(|it| it.data.as_str()).collect();
    texts.join("\n")
}

/// What is said of the recording of a run.
pub(crate) fn recording(note: &RecordingNote, run: &str) -> String {
    match note {
        RecordingNote::Kept => format!("[recording] {}", recording_uri(run)),
        RecordingNote::NotKept(why) => format!("[not recorded] {why}"),
    }
}

/// The same, as a member of structured content.
pub(crate) fn recording_member(note: &RecordingNote, run: &str) -> (&'static str, Value) {
    match note {
        RecordingNote::Kept => ("recording", json!(recording_uri(run))),
        RecordingNote::NotKept(why) => ("not_recorded", json!(why)),
    }
}

/// The resource of a recording.
fn recording_uri(run: &str) -> String {
    format!("run://{run}/recording")
}

/// What is said of the session, at the end.
pub(crate) fn ending(session: Option<&SessionNote>) -> String {
    match session {
        None => String::new(),
        Some(SessionNote {
            handle,
            ended: None,
        }) => format!("[session] {handle}"),
        Some(SessionNote {
            handle,
            ended: Some(why),
        }) => format!("[session ended] {handle}: {why}"),
    }
}

/// How a run failed, and what it had done by then.
fn failure(report: &Report, texts: &Texts) -> Option<String> {
    let traceback = texts.traceback.shown();
    let traceback = traceback.trim_end();
    let mut text = match &report.outcome {
        Outcome::Returned(_) | Outcome::Exited(0) => return None,
        Outcome::Raised(raised) if traceback.is_empty() => {
            format!("[failed] {}: {}", raised.kind, texts.message.shown())
        }
        Outcome::Raised(raised) => format!("[failed] {}\n{traceback}", raised.kind),
        Outcome::Exited(code) => format!("[failed] the script ended itself with exit code {code}"),
        Outcome::Stopped(limit, _) => {
            let words = format!("[stopped] by {limit}\n{traceback}");
            words.trim_end().to_owned()
        }
        Outcome::Cancelled => "[cancelled]".to_owned(),
    };
    if !report.calls.is_empty() {
        text.push_str("\n[calls already made]");
        for call in report.calls.iter().take(MAX_CALLS) {
            text.push_str(&format!("\n{} {}: {}", call.sequence, call.name, how(call)));
        }
        let more = report.calls.len().saturating_sub(MAX_CALLS);
        if more > 0 {
            text.push_str(&format!("\nand {more} more: run://{}/report", report.run));
        }
    }
    Some(text)
}

/// How a call ended.
fn how(call: &CallRecord) -> String {
    match &call.ended {
        None => "unanswered".to_owned(),
        Some(end) => end.error.map_or("done".to_owned(), |kind| kind.to_string()),
    }
}

/// Images, sounds and files: content of their own.
fn handed_out(report: &Report, run: &str) -> Vec<ContentBlock> {
    let block = |(at, artifact): (usize, &Artifact)| {
        let (data, media_type) = (artifact.data.clone(), artifact.media_type.clone());
        match artifact.kind.as_str() {
            "text" => None,
            "image" => Some(ContentBlock::image(data, media_type)),
            _ if media_type.starts_with("image/") => Some(ContentBlock::image(data, media_type)),
            _ if media_type.starts_with("audio/") => {
                let audio = rmcp::model::AudioContent::new(data, media_type);
                Some(ContentBlock::Audio(audio))
            }
            _ => Some(ContentBlock::resource(
                ResourceContents::BlobResourceContents {
                    uri: uri(run, at, artifact.name.as_deref()),
                    mime_type: Some(media_type),
                    blob: data,
                    meta: None,
                },
            )),
        }
    };
    report
        .artifacts
        .iter()
        .enumerate()
        .filter_map(block)
        .collect()
}

/// The resource of what was handed out; one that has a name ends with it, since clients keep it by that.
fn uri(run: &str, at: usize, name: Option<&str>) -> String {
    let mut uri = format!("run://{run}/artifacts/{}", at.saturating_add(1));
    for (index, byte) in name.unwrap_or_default().bytes().enumerate() {
        if index == 0 {
            uri.push('/');
        }
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests;
