//! What a recording consists of, in the order in which it happened.
//!
//! A run consists of instances: the script's own is number 0, and each run that it starts is another. Operations have the
//! numbers that the instance itself gave them (`submit` of `wit/guest.wit`), which are the same in every replay.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// JSON as text: its numbers keep their digits.
pub type Json = String;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// What was run, and with what. The first event.
    Head(Box<Head>),
    /// A file, folder or link of a mount, as it was when the run began. All of them come before what the run does.
    Captured {
        /// The mount, counted from 0.
        mount: u32,
        /// What it is.
        entry: Entry,
    },
    /// The instance `parent` started another by the operation `id`.
    Child {
        /// Who started it.
        parent: u32,
        /// By which operation.
        id: u64,
        /// Its number.
        instance: u32,
    },
    /// An operation began.
    Began {
        /// Of which instance.
        instance: u32,
        /// Its number.
        id: u64,
        /// Which of `wit/guest.wit`.
        operation: u8,
        /// Of a timer, after how many nanoseconds it wakes.
        timer: Option<u64>,
    },
    /// An instance gave up on an operation.
    GaveUp {
        /// Which instance.
        instance: u32,
        /// The operation.
        id: u64,
    },
    /// An operation asked the host of tools.
    Asked {
        /// Of which instance.
        instance: u32,
        /// The operation.
        id: u64,
        /// What.
        question: Question,
    },
    /// The host of tools answered.
    Answered {
        /// Which instance.
        instance: u32,
        /// Which operation of it.
        id: u64,
        /// What.
        answer: Answer,
    },
    /// Completions were handed over in one batch.
    HandedOver {
        /// To which instance.
        instance: u32,
        /// Which, in this order.
        ids: Vec<u64>,
        /// Names of namespaces whose tools changed, told before them.
        changed: Vec<String>,
        /// Nanoseconds since the run began.
        at: u64,
    },
    /// The wall clock was read: nanoseconds since 1970.
    Wall {
        /// By which instance.
        instance: u32,
        /// What it said.
        nanoseconds: u64,
    },
    /// The monotonic clock was read: nanoseconds.
    Monotonic {
        /// By which instance.
        instance: u32,
        /// What it said.
        nanoseconds: u64,
    },
    /// The script printed.
    Printed {
        /// 1 for standard output, 2 for standard error.
        stream: u8,
        /// What.
        bytes: Bytes,
    },
    /// A file, folder or link of a mount that the script may write to, where it differs from what was captured.
    Written {
        /// The mount, counted from 0.
        mount: u32,
        /// What it is at the end.
        entry: Entry,
    },
    /// A path of a mount at which nothing is any more.
    Removed {
        /// The mount, counted from 0.
        mount: u32,
        /// The path.
        path: String,
    },
    /// The run ended. The last event: what has none was cut short.
    End(Box<End>),
    /// An instance ended, and these calls had ended that it was not handed: its report counts them as ended.
    Left {
        /// Which instance.
        instance: u32,
        /// The operations.
        ids: Vec<u64>,
    },
}

/// What was run, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of wxmcp that recorded it.
    pub wxmcp: String,
    /// The words of the command line that began it, without those that asked for the recording; none elsewhere.
    pub command: Vec<String>,
    /// SHA-256 of the interpreter, in hexadecimal.
    pub guest: String,
    /// The script's name, for tracebacks.
    pub name: String,
    /// Its absolute path in the guest, if a mount shows it.
    pub path: Option<String>,
    /// `python`, `javascript`, `typescript` or `component`.
    pub language: String,
    /// Its source text.
    pub source: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Whether it is one of a session.
    pub in_session: bool,
    /// Its environment.
    pub env: Vec<(String, String)>,
    /// The folder that it begins in.
    pub workdir: Option<String>,
    /// Paths of the guest at which packages are found, in order.
    pub packages: Vec<String>,
    /// What it reads from standard input.
    pub stdin: Bytes,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// How much it may use.
    pub limits: Limits,
    /// The key of its random numbers.
    pub seed: [u8; 32],
    /// When it began: nanoseconds since 1970, by the clock that it reads.
    pub began: u64,
    /// Names of the namespaces that it may use.
    pub namespaces: Vec<String>,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Its absolute path in the guest.
    pub guest: String,
    /// Whether the script may write to it.
    pub is_writable: bool,
    /// Of a folder in memory, how many bytes it has; then nothing is captured.
    pub memory: Option<u64>,
    /// Of packages, the digest that says what they are; then nothing is captured.
    pub bundle: Option<String>,
    /// Bytes that the script may add to it.
    pub quota_bytes: u64,
    /// Names that the script may add to it.
    pub quota_files: u64,
}

/// A file, folder or link of a mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path in the mount, without a slash at the beginning; that of the mount itself, which comes first, is empty.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// Which of them count.
    pub rights: Rights,
    /// What it is.
    pub body: Body,
}

/// What a name of a mount stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A folder.
    Folder,
    /// A file, with what it holds.
    File(Bytes),
    /// A symbolic link, with its target.
    Link(String),
    /// Another name of the file at this path, which comes before.
    Same(String),
    /// The mount itself, which is a folder.
    Mount {
        /// The permission bits that nothing was made with.
        umask: u32,
        /// Names that the script may not change, in any folder.
        names: Vec<String>,
        /// Paths in it that the script may not change.
        paths: Vec<String>,
    },
}

/// As whom a script used a file or folder: that says which permission bits count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rights {
    /// As its owner.
    #[default]
    Owner,
    /// As one of its group.
    Group,
    /// As somebody else.
    Others,
    /// As root, whom they do not stop.
    Root,
}

/// How much the run may use; times in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Units of fuel.
    pub fuel: Option<u64>,
    /// Wall-clock time.
    pub wall: u64,
    /// Time for starts.
    pub start: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes that the host holds.
    pub host_memory: u64,
    /// Bytes of scratch.
    pub scratch: u64,
    /// Bytes of output.
    pub output: u64,
    /// Bytes of the value.
    pub value: u64,
    /// Tool calls.
    pub tool_calls: u64,
    /// Tool calls at once.
    pub concurrent_calls: u32,
}

impl From<&Limits> for wxmcp_run::Limits {
    fn from(limits: &Limits) -> Self {
        Self {
            fuel: limits.fuel,
            wall: Duration::from_nanos(limits.wall),
            start: Duration::from_nanos(limits.start),
            memory: limits.memory,
            host_memory: limits.host_memory,
            scratch: limits.scratch,
            output: limits.output,
            value: limits.value,
            tool_calls: limits.tool_calls,
            concurrent_calls: limits.concurrent_calls,
        }
    }
}

/// What an operation asked the host of tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// A call of a tool.
    Call {
        /// As the script spelled it.
        name: String,
        /// A JSON object.
        arguments: Json,
    },
    /// The tools of a namespace.
    Namespace(String),
    /// Tools that fit a query.
    Search {
        /// In words.
        query: String,
        /// At most so many.
        limit: u64,
        /// `names`, `brief` or `full`.
        detail: String,
    },
    /// All that may be known of tools.
    Describe(Vec<String>),
    /// What only a grant allows.
    Capability {
        /// `sql`, `http` or `files`.
        capability: String,
        /// A JSON object.
        request: Json,
    },
    /// The tools of a namespace as far as they are known without a start. No operation asks this: its number is above
    /// those of all of them.
    Known(String),
}

/// What the host of tools answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The answer, as `answer.rs` writes each kind of it.
    Ok(Json),
    /// The error: `kind`, `message`, `data`.
    Err(Json),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The report in its canonical form: without the run's id and times of this machine.
    pub report: Json,
    /// Digests of the definitions of the tools that it called, by their full names.
    pub tools: Vec<(String, String)>,
}

/// Bytes as they are, which serde would take one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        from.deserialize_bytes(Visitor)
    }
}
