//! How a run went, as one value that programs and people can read.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::limits::Limit;
use crate::tool::ToolErrorKind;

/// Names one run. Assigned by the host, never by a guest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunId(u128);

impl RunId {
    /// A fresh random id.
    pub fn random() -> Self {
        let mut bytes = [0_u8; 16];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
                Ok(n) => filled += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
        Self(u128::from_le_bytes(bytes))
    }

    /// The id of these bits, as another process of this host was told it.
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub fn bits(&self) -> u128 {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

/// How a script ended. Every variant is a normal result of running code we do
/// not trust; none of them means that wxmcp itself failed.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The script finished; the value is the JSON it returned, as it wrote it.
    Returned(Box<RawValue>),
    /// The script raised; the text is the guest's own traceback.
    Raised(Raised),
    /// The script ended itself with an exit code (`sys.exit(3)`).
    Exited(u8),
    /// A limit ended the script. Its memory is gone and is never reused.
    Stopped(Limit, Option<Raised>),
    /// The caller asked for the end.
    Cancelled,
}

/// An exception that nothing caught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// The exception's type, `ValueError`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its message.
    pub message: String,
    /// The traceback as the language prints it, frames of ours left out.
    pub traceback: String,
    /// The script's line where it was raised, from 1.
    pub line: Option<u64>,
    /// The file that the line is of, if it is not the script's own: code that tool files share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What a run did and used.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which run.
    pub run: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// All that it printed to standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// All that it printed to standard error, up to the limit.
    pub stderr: Vec<u8>,
    /// Its tool calls in the order in which they were made.
    pub calls: Vec<CallRecord>,
    /// What it used.
    pub usage: Usage,
    /// Images, texts and files that it handed out.
    pub artifacts: Vec<Artifact>,
}

/// One tool call of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Position among the run's calls, from 1.
    pub sequence: u64,
    /// The name as the script spelled it, at most 256 bytes.
    pub name: String,
    /// `None` while it ran when the run ended.
    pub ended: Option<CallEnd>,
    /// Bytes of its arguments.
    pub argument_bytes: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallEnd {
    /// `None` when it succeeded.
    pub error: Option<ToolErrorKind>,
    /// From submission to answer, in milliseconds.
    pub milliseconds: f64,
    /// Bytes of the answer.
    pub answer_bytes: u64,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Wall-clock time in milliseconds, waits for tools included, but for those of `start_ms`.
    pub wall_ms: f64,
    /// Wall-clock time in milliseconds in which the run waited for servers and files to start, and for a
    /// component to be compiled.
    pub start_ms: f64,
    /// Units of fuel, about one per WebAssembly instruction.
    pub fuel: u64,
    /// Largest linear memory in bytes.
    pub peak_memory: u64,
    /// Most bytes that the host held for the run at once, beside that memory.
    pub host_peak: u64,
    /// Tool calls made.
    pub tool_calls: u64,
    /// Bytes of tool answers less the bytes that came out (printed, returned,
    /// handed out): what a model did not have to read. Never below 0.
    pub bytes_kept_out: u64,
}

/// Something that a script handed out beside its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// `image`, `text` or `file`.
    pub kind: String,
    /// Its media type, `image/png`.
    pub media_type: String,
    /// Base64 for images and files, else text.
    pub data: String,
    /// What the file is called, if it is one.
    pub name: Option<String>,
}

impl Serialize for Report {
    /// The public report; its schema is `schemas/report.schema.json`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PublicReport::from(self).serialize(serializer)
    }
}

#[derive(Serialize)]
struct PublicReport<'a> {
    run: String,
    outcome: &'static str,
    value: Option<&'a RawValue>,
    exit_code: Option<u8>,
    stdout: std::borrow::Cow<'a, str>,
    stderr: std::borrow::Cow<'a, str>,
    error: Option<PublicError<'a>>,
    calls: &'a [CallRecord],
    usage: &'a Usage,
    artifacts: Vec<PublicArtifact<'a>>,
}

#[derive(Serialize)]
struct PublicArtifact<'a> {
    kind: &'a str,
    media_type: &'a str,
    data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl<'a> From<&'a Artifact> for PublicArtifact<'a> {
    fn from(artifact: &'a Artifact) -> Self {
        Self {
            kind: &artifact.kind,
            media_type: &artifact.media_type,
            data: &artifact.data,
            name: artifact.name.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct PublicError<'a> {
    kind: &'static str,
    #[serde(rename = "type")]
    exception: Option<&'a str>,
    message: String,
    traceback: Option<&'a str>,
    line: Option<u64>,
    limit: Option<&'static str>,
}

impl<'a> From<&'a Report> for PublicReport<'a> {
    fn from(report: &'a Report) -> Self {
        let (outcome, value, exit_code, error) = match &report.outcome {
            Outcome::Returned(value) => ("returned", Some(&**value), None, None),
            Outcome::Raised(raised) => ("raised", None, None, Some(raised.public())),
            Outcome::Exited(code) => ("exited", None, Some(*code), None),
            Outcome::Stopped(limit, raised) => {
                let raised = raised.as_ref();
                let error = PublicError {
                    kind: "limit",
                    exception: raised.map(|r| r.kind.as_str()),
                    message: format!("stopped by {limit}"),
                    traceback: raised.map(|r| r.traceback.as_str()),
                    line: raised.and_then(|r| r.line),
                    limit: Some(limit.name()),
                };
                ("stopped", None, None, Some(error))
            }
            Outcome::Cancelled => ("cancelled", None, None, None),
        };
        Self {
            run: report.run.to_string(),
            outcome,
            value,
            exit_code,
            stdout: String::from_utf8_lossy(&report.stdout),
            stderr: String::from_utf8_lossy(&report.stderr),
            error,
            calls: &report.calls,
            usage: &report.usage,
            artifacts: report.artifacts.iter().map(Into::into).collect(),
        }
    }
}

impl Raised {
    fn public(&self) -> PublicError<'_> {
        PublicError {
            kind: "exception",
            exception: Some(&self.kind),
            message: self.message.clone(),
            traceback: Some(&self.traceback),
            line: self.line,
            limit: None,
        }
    }
}
