//! A run as the message that begins it, and back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Pid;
use serde_json::{Map, Value};
use wxmcp_run::{
    Access, BundleFile, CompiledComponent, ComponentEntry, Describe, Language, Library, Limits,
    Mount, Policy, Protected, Quota, Randomness, Run, RunError, Script, Shared, Source, Sources,
    Stdin, ToolJob, ToolTask,
};

use crate::message::{self, Begin, Blob};

impl Begin {
    /// The message for a run, of an interpreter or of a component. In the later runs of a session neither a tool file nor
    /// a component is sent again.
    ///
    /// # Errors
    ///
    /// When it asks for what a worker cannot have.
    pub(crate) fn of(
        run: &Run,
        session: Option<u64>,
        component: Option<&CompiledComponent>,
        is_later: bool,
    ) -> Result<Self, RunError> {
        if run.sources.are_given() {
            return Err(RunError::NotInWorker("a clock that is not this machine's"));
        }
        Ok(Self {
            session,
            script: script(&run.script, is_later)?,
            component: component
                .filter(|_| !is_later)
                .map(message::Component::from),
            policy: policy(&run.policy)?,
            limits: limits(&run.limits),
            budget: run.ledger.budget(),
            seed: match run.sources.randomness {
                Randomness::Live => None,
                Randomness::Seeded(seed) => Some(seed),
            },
            namespaces: run.tools.namespaces(),
            record: None,
        })
    }

    /// What the run is given by chance.
    pub(crate) fn sources(&self) -> Sources {
        Sources {
            randomness: self.seed.map_or(Randomness::Live, Randomness::Seeded),
            ..Sources::default()
        }
    }
}

impl From<&CompiledComponent> for message::Component {
    fn from(component: &CompiledComponent) -> Self {
        let native = component.native.as_ref();
        Self {
            digest: component.digest,
            native: native.map(|file| file.as_raw_fd()),
            function: match &component.entry {
                ComponentEntry::Script => None,
                ComponentEntry::Function {
                    interface,
                    function,
                } => Some((interface.clone(), function.clone())),
            },
            imports: Blob(component.imports.to_vec()),
        }
    }
}

impl message::Component {
    /// The component in a worker: `parent` is the process that sent it.
    pub(crate) fn of_parent(self, parent: Option<Pid>) -> CompiledComponent {
        // The parent keeps it open until the run has ended. Whoever maps it checks it first.
        let open = |(parent, number): (Pid, i32)| {
            let path = format!("/proc/{}/fd/{number}", parent.as_raw_nonzero());
            File::open(path).ok()
        };
        let native = parent.zip(self.native).and_then(open);
        CompiledComponent {
            digest: self.digest,
            native: native.map(|file| Arc::new(file.into())),
            entry: match self.function {
                None => ComponentEntry::Script,
                Some((interface, function)) => ComponentEntry::Function {
                    interface,
                    function,
                },
            },
            imports: self.imports.0.into(),
        }
    }
}

fn script(script: &Script, is_later: bool) -> Result<message::Script, RunError> {
    let is_known = is_later && script.task.is_some();
    let task = script.task.as_ref().map(|task| {
        let call = match &task.job {
            ToolJob::Describe(_) => None,
            ToolJob::Call(arguments) => Some(text(arguments)?),
        };
        let files = task.library.files.iter().filter(|_| !is_known);
        Ok::<_, RunError>(message::Task {
            tool: task.tool.clone(),
            path: task.path.clone(),
            library: files
                .map(|(path, shared)| (path.clone(), shared_text(shared)))
                .collect(),
            call,
        })
    });
    Ok(message::Script {
        name: script.name.clone(),
        path: script.path.clone(),
        language: match script.language {
            Language::Python => message::Language::Python,
            Language::JavaScript => message::Language::JavaScript,
            Language::TypeScript => message::Language::TypeScript,
            Language::Component => message::Language::Component,
        },
        source: match is_known {
            true => String::new(),
            false => script.source.clone(),
        },
        args: script.args.clone(),
        in_session: script.in_session,
        task: task.transpose()?,
    })
}

fn shared_text(shared: &Shared) -> Result<String, String> {
    match shared {
        Shared::Text(text) => Ok(text.as_ref().to_owned()),
        Shared::Refused(why) => Err(why.clone()),
    }
}

fn text(arguments: &Map<String, Value>) -> Result<String, RunError> {
    serde_json::to_string(arguments).map_err(|error| RunError::Engine(error.into()))
}

fn policy(policy: &Policy) -> Result<message::Policy, RunError> {
    // A worker is in another folder than its parent.
    let bytes = |path: &Path| {
        let path = std::path::absolute(path)?;
        Ok::<_, std::io::Error>(Blob(path.into_os_string().into_vec()))
    };
    let source = |mount: &Mount| match &mount.source {
        Source::Host(path) => {
            bytes(path)
                .map(message::Source::Host)
                .map_err(|error| RunError::Mount {
                    guest: mount.guest.clone(),
                    source: error.into(),
                })
        }
        Source::Memory { bytes } => Ok(message::Source::Memory(*bytes)),
        Source::Captured(_) => Err(RunError::NotInWorker("a folder that was captured")),
        // A worker has no environment that would tell where the cache is.
        Source::Bundle(file) => {
            let folder = wxmcp_bundle::folder_of(file).and_then(|folder| bytes(&folder));
            let folder = folder.map_err(|error| RunError::Mount {
                guest: mount.guest.clone(),
                source: error.into(),
            })?;
            Ok(message::Source::Bundle(file.digest.clone(), folder))
        }
    };
    let mounts = policy.mounts.iter().map(|mount| {
        Ok::<_, RunError>(message::Mount {
            source: source(mount)?,
            guest: mount.guest.clone(),
            is_writable: mount.access == Access::ReadWrite,
            quota_bytes: mount.quota.bytes,
            quota_files: mount.quota.files,
        })
    });
    // It is asked for only where something of the host is written.
    let writes = policy
        .mounts
        .iter()
        .any(|it| it.access == Access::ReadWrite && matches!(it.source, Source::Host(_)));
    let protected = policy.protected.paths.iter().filter(|_| writes);
    let protected: Result<_, _> = protected.map(|path| bytes(path)).collect();
    Ok(message::Policy {
        mounts: mounts.collect::<Result<_, _>>()?,
        env: policy.env.clone(),
        stdin: match &policy.stdin {
            Stdin::Empty => None,
            Stdin::Bytes(bytes) => Some(Blob(bytes.clone())),
            Stdin::Inherit => {
                return Err(RunError::NotInWorker("the standard input of this process"));
            }
        },
        protected_names: match writes {
            true => policy.protected.names.clone(),
            false => Vec::new(),
        },
        protected_paths: protected.map_err(|error| RunError::Engine(error.into()))?,
        workdir: policy.workdir.clone(),
        packages: policy.packages.clone(),
    })
}

fn limits(limits: &Limits) -> message::Limits {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    message::Limits {
        fuel: limits.fuel,
        wall: nanoseconds(limits.wall),
        start: nanoseconds(limits.start),
        memory: limits.memory,
        host_memory: limits.host_memory,
        scratch: limits.scratch,
        output: limits.output,
        value: limits.value,
        tool_calls: limits.tool_calls,
        concurrent_calls: limits.concurrent_calls,
    }
}

impl TryFrom<message::Script> for Script {
    type Error = serde_json::Error;

    fn try_from(script: message::Script) -> Result<Self, Self::Error> {
        let task = script.task.map(|task| {
            let files = task.library.into_iter().map(|(path, shared)| {
                let shared = shared.map_or_else(Shared::Refused, |text| Shared::Text(text.into()));
                (path, shared)
            });
            Ok(ToolTask {
                tool: task.tool,
                path: task.path,
                library: Arc::new(Library {
                    files: files.collect::<BTreeMap<_, _>>(),
                }),
                job: match task.call {
                    None => ToolJob::Describe(Describe::default()),
                    Some(arguments) => ToolJob::Call(serde_json::from_str(&arguments)?),
                },
            })
        });
        Ok(Self {
            name: script.name,
            path: script.path,
            language: match script.language {
                message::Language::Python => Language::Python,
                message::Language::JavaScript => Language::JavaScript,
                message::Language::TypeScript => Language::TypeScript,
                message::Language::Component => Language::Component,
            },
            source: script.source,
            args: script.args,
            in_session: script.in_session,
            task: task.transpose()?,
        })
    }
}

impl From<message::Policy> for Policy {
    fn from(policy: message::Policy) -> Self {
        let path = |bytes: Blob| PathBuf::from(OsString::from_vec(bytes.0));
        let mounts = policy.mounts.into_iter().map(|mount| Mount {
            source: match mount.source {
                message::Source::Host(bytes) => Source::Host(path(bytes)),
                message::Source::Memory(bytes) => Source::Memory { bytes },
                message::Source::Bundle(digest, folder) => Source::Bundle(BundleFile {
                    digest,
                    folder: Some(path(folder)),
                }),
            },
            guest: mount.guest,
            access: match mount.is_writable {
                true => Access::ReadWrite,
                false => Access::ReadOnly,
            },
            quota: Quota {
                bytes: mount.quota_bytes,
                files: mount.quota_files,
            },
        });
        Self {
            mounts: mounts.collect(),
            env: policy.env,
            stdin: policy
                .stdin
                .map_or(Stdin::Empty, |bytes| Stdin::Bytes(bytes.0)),
            protected: Protected {
                names: policy.protected_names,
                paths: policy.protected_paths.into_iter().map(path).collect(),
            },
            workdir: policy.workdir,
            packages: policy.packages,
            hidden: Vec::new(),
        }
    }
}

impl From<&message::Limits> for Limits {
    fn from(limits: &message::Limits) -> Self {
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
