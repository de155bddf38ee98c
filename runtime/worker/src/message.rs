//! What a worker and its parent say to each other. Each message is about a run, which its frame names.
//!
//! ```text
//! parent                                   worker
//!   Begin  ------------------------------>   runs it
//!   <-----------------------------  Begun
//!   <-----------------------------  Heard    printed, progress, calls begun and ended
//!   <-------------------------------  Ask    of the worker's `ToolHost`; Forget when nobody waits for it any more
//!   Answer ------------------------------>
//!   Clock  ------------------------------>   the run's clock stands still while a server starts
//!   <------------------------------  Held    bytes that the worker holds for the run
//!   <--------------------------  Recorded    more of its recording, if it is recorded
//!   Cancel ------------------------------>
//!   <-----------------------------  Ended    a report, or why there is none
//! ```

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use wxmcp_run::{Artifact, CallRecord, OwnedEvent, ToolErrorKind, Usage};

/// Most calls, and most artifacts, of a report: one of a few bytes takes many when it is read.
const MAX_LISTED: usize = 500_000;

/// From the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    /// A run begins.
    Begin(Box<Begin>),
    /// The run is to end as cancelled.
    Cancel,
    /// What was asked for.
    Answer {
        ask: u64,
        answer: Result<Answer, Failure>,
        /// Namespaces whose tools changed.
        changed: Vec<String>,
    },
    /// The run's clock stands still from now on, or one such pause is over.
    Clock { pause: bool },
    /// So many bytes that the run printed were taken.
    Taken(u64),
    /// A session is not used any more. About no run.
    EndSession(u64),
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// The interpreters are loaded. About no run.
    Ready,
    /// Something happened in the run.
    Heard(OwnedEvent),
    /// The run asks for something; the number is the worker's.
    Ask { ask: u64, question: Question },
    /// Nobody waits for an answer any more.
    Forget(u64),
    /// Bytes that are held for the run now.
    Held(u64),
    /// The run has ended; nothing more is said about it.
    Ended(Box<Ended>),
    /// The run begins: until this, it can still be given to another worker.
    Begun,
    /// More of the file of its recording.
    Recorded(Recorded),
}

/// What comes of a recording. Whose bytes they are, a script may have decided.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Recorded {
    /// The file goes on.
    More(Blob),
    /// What makes it whole, now that the run has ended.
    Ending(Blob),
    /// Nothing more comes, for this reason.
    GaveUp(String),
}

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// The session that it goes on with, or begins.
    pub(crate) session: Option<u64>,
    pub(crate) script: Script,
    /// The component that is run, where that is no interpreter; in the later runs of a session it is known.
    pub(crate) component: Option<Component>,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    /// Bytes that may be held for it.
    pub(crate) budget: u64,
    /// The seed of its random numbers, unless they are the machine's.
    pub(crate) seed: Option<[u8; 32]>,
    /// Names of the namespaces that it may use.
    pub(crate) namespaces: Vec<String>,
    /// How it is recorded, with all runs of its session, if it is.
    pub(crate) record: Option<Record>,
}

/// How runs are recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// SHA-256 of the interpreter, in hexadecimal.
    pub(crate) guest: String,
    /// Whether it may have values of the environment whose names look like those of secrets.
    pub(crate) allows_secrets: bool,
}

/// What is run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) path: Option<String>,
    pub(crate) language: Language,
    pub(crate) source: String,
    pub(crate) args: Vec<String>,
    pub(crate) in_session: bool,
    pub(crate) task: Option<Task>,
}

/// A supplied component, compiled and linked by the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Component {
    /// Its SHA-256: the cache has its native code by it.
    pub(crate) digest: [u8; 32],
    /// The number of the parent's descriptor of that file, for a worker that does not find it in the cache.
    pub(crate) native: Option<i32>,
    /// A function that is a tool: the interface that it is in, and its label; none if the component is a script.
    pub(crate) function: Option<(Option<String>, String)>,
    /// The types of the tools that it imports.
    pub(crate) imports: Blob,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Language {
    Python,
    JavaScript,
    TypeScript,
    Component,
}

/// What a tool file is run for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) tool: String,
    pub(crate) path: String,
    /// Path, and the text or why there is none.
    pub(crate) library: Vec<(String, Result<String, String>)>,
    /// The arguments of a call; none if the tool is to be described.
    pub(crate) call: Option<Json>,
}

/// What a run may touch.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) mounts: Vec<Mount>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin: Option<Blob>,
    pub(crate) protected_names: Vec<String>,
    pub(crate) protected_paths: Vec<Blob>,
    pub(crate) workdir: Option<String>,
    pub(crate) packages: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) source: Source,
    pub(crate) guest: String,
    pub(crate) is_writable: bool,
    pub(crate) quota_bytes: u64,
    pub(crate) quota_files: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Source {
    Host(Blob),
    Memory(u64),
    /// The digest of a file of packages, and the folder that it is in.
    Bundle(String, Blob),
}

/// How much a run may use; times in nanoseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) fuel: Option<u64>,
    pub(crate) wall: u64,
    pub(crate) start: u64,
    pub(crate) memory: u64,
    pub(crate) host_memory: u64,
    pub(crate) scratch: u64,
    pub(crate) output: u64,
    pub(crate) value: u64,
    pub(crate) tool_calls: u64,
    pub(crate) concurrent_calls: u32,
}

/// What a run asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Question {
    Call {
        sequence: u64,
        name: String,
        arguments: Json,
    },
    Namespace(String),
    /// The tools of a namespace, as far as they are known without starting anything.
    Known(String),
    Search {
        query: String,
        limit: u64,
        detail: Detail,
    },
    /// A list of names.
    Describe(Json),
    Capability {
        capability: Capability,
        request: Json,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Detail {
    Names,
    Brief,
    Full,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Capability {
    Sql,
    Http,
    Files,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Call {
        value: Json,
        content: Option<Json>,
        /// What each is about, and its words.
        notes: Vec<(String, String)>,
        bytes: u64,
    },
    Namespace {
        name: String,
        tools: Vec<Listed>,
    },
    Known(Option<Vec<[String; 2]>>),
    Hits(Vec<Hit>),
    Described(Vec<Described>),
    Capability(Blob),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) attribute: String,
    pub(crate) parameters: Vec<String>,
    pub(crate) object_first: bool,
    pub(crate) description: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Hit {
    Name(String),
    Brief { name: String, description: String },
    Full(Described),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) signature: String,
    pub(crate) input: Json,
    pub(crate) output: Option<Json>,
}

/// What failed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: ToolErrorKind,
    pub(crate) message: String,
    pub(crate) data: Option<Json>,
}

/// How a run ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) result: Result<Report, RunFailure>,
    /// Whether no other run can follow it in its session.
    pub(crate) is_over: bool,
    /// Bytes that are held still for the run: those of a tool file's instance that is kept.
    pub(crate) held: u64,
    /// Bytes that the instance of a session takes while it is kept.
    pub(crate) memory: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    pub(crate) stdout: Blob,
    pub(crate) stderr: Blob,
    #[serde(deserialize_with = "list")]
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) usage: Usage,
    #[serde(deserialize_with = "list")]
    pub(crate) artifacts: Vec<Artifact>,
}

/// An outcome; limits and exceptions are JSON, whose public form leaves members out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Returned(Json),
    Raised(Json),
    Exited(u8),
    Stopped(Json, Option<Json>),
    Cancelled,
}

/// Why a run could not begin.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum RunFailure {
    Guest(String),
    Mount { guest: String, why: String },
    NoWorkdir(String),
    MemoryTooSmall(u64),
    SessionOver,
    NoInterpreter,
    NotRecorded(String),
    Other(String),
}

/// JSON as text: its numbers keep their digits.
pub(crate) type Json = String;

/// Bytes as they are, which serde would take one by one.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        from.deserialize_bytes(Bytes)
    }
}

/// A list from a worker, whose length is bounded.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct Items<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = from.next_element()? {
                if items.len() >= MAX_LISTED {
                    return Err(A::Error::custom("the list is too long"));
                }
                items.push(item);
            }
            Ok(items)
        }
    }
    from.deserialize_seq(Items(PhantomData))
}
