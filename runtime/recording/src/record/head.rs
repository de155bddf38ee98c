//! What is said of a run before it begins.

use std::time::Duration;

use wxmcp_run::{Access, Language, Run, Source, Stdin};

use super::tape::nanoseconds;
use crate::event::{Bytes, Head, Limits, Mount};

/// Why a run cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// Its standard input is read while it runs, by nobody who keeps it.
    #[error("the standard input of this process is read while the script runs, and not kept")]
    Stdin,
    /// It is a tool file, which is recorded as the answer to whoever calls it.
    #[error("a tool file is recorded with the script that calls it")]
    ToolFile,
}

impl Head {
    /// What is said of a run. `guest` is the digest of its interpreter, `wxmcp` the version of this program.
    ///
    /// # Errors
    ///
    /// When the run cannot be recorded.
    pub fn of(run: &Run, guest: &str, wxmcp: &str) -> Result<Self, NotRecorded> {
        let (script, policy) = (&run.script, &run.policy);
        if script.task.is_some() {
            return Err(NotRecorded::ToolFile);
        }
        let mounts = policy.mounts.iter().map(|mount| Mount {
            guest: mount.guest.clone(),
            is_writable: mount.access == Access::ReadWrite,
            memory: match &mount.source {
                Source::Memory { bytes } => Some(*bytes),
                Source::Host(_) | Source::Captured(_) | Source::Bundle(_) => None,
            },
            bundle: match &mount.source {
                Source::Bundle(file) => Some(file.digest.clone()),
                _ => None,
            },
            quota_bytes: mount.quota.bytes,
            quota_files: mount.quota.files,
        });
        Ok(Self {
            wxmcp: wxmcp.to_owned(),
            command: Vec::new(),
            guest: guest.to_owned(),
            name: script.name.clone(),
            path: script.path.clone(),
            language: match script.language {
                Language::Python => "python",
                Language::JavaScript => "javascript",
                Language::TypeScript => "typescript",
                Language::Component => "component",
            }
            .to_owned(),
            source: script.source.clone(),
            args: script.args.clone(),
            in_session: script.in_session,
            env: policy.env.clone(),
            workdir: policy.workdir.clone(),
            packages: policy.packages.clone(),
            stdin: match &policy.stdin {
                Stdin::Empty => Bytes::default(),
                Stdin::Bytes(bytes) => Bytes(bytes.clone()),
                Stdin::Inherit => return Err(NotRecorded::Stdin),
            },
            mounts: mounts.collect(),
            limits: limits(&run.limits),
            seed: [0; 32],
            began: 0,
            namespaces: run.tools.namespaces(),
        })
    }
}

fn limits(limits: &wxmcp_run::Limits) -> Limits {
    let time = |time: Duration| nanoseconds(time);
    Limits {
        fuel: limits.fuel,
        wall: time(limits.wall),
        start: time(limits.start),
        memory: limits.memory,
        host_memory: limits.host_memory,
        scratch: limits.scratch,
        output: limits.output,
        value: limits.value,
        tool_calls: limits.tool_calls,
        concurrent_calls: limits.concurrent_calls,
    }
}
