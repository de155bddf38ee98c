//! How much memory a worker holds, against what its runs may use.
//!
//! Interpreters reserve far more than they use, so that a limit of the system on reservations fits none; its limits on what
//! is written end a process without a name. So the parent looks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Time between two looks while something goes on in the worker.
const BUSY: Duration = Duration::from_millis(100);

/// Time between two looks while nothing does.
const IDLE: Duration = Duration::from_secs(2);

/// What a worker's memory is held against, besides its runs.
pub(crate) struct Watch {
    /// Bytes for the process itself, and for the sessions that it keeps.
    allowed: AtomicU64,
    /// Whether the next look is far away.
    is_idle: AtomicBool,
    begun: Notify,
}

impl Watch {
    pub(crate) fn new(own: u64) -> Self {
        Self {
            allowed: AtomicU64::new(own),
            is_idle: AtomicBool::new(false),
            begun: Notify::new(),
        }
    }

    /// A session is kept that may take so many bytes.
    pub(crate) fn allow(&self, bytes: u64) {
        self.allowed.fetch_add(bytes, Ordering::AcqRel);
    }

    /// It is not kept any more.
    pub(crate) fn forbid(&self, bytes: u64) {
        self.allowed.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(crate) fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::Acquire)
    }

    /// A run begins.
    pub(crate) fn wake(&self) {
        if self.is_idle.swap(false, Ordering::AcqRel) {
            self.begun.notify_one();
        }
    }

    /// Waits for the time of the next look.
    pub(crate) async fn rest(&self, is_idle: impl Fn() -> bool) {
        let rest = if is_idle() { IDLE } else { BUSY };
        self.is_idle.store(rest == IDLE, Ordering::Release);
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = self.begun.notified() => {}
        }
    }
}

/// Bytes that only this process holds: what its programs have written, in memory and swapped out. Pages of files that
/// it has mapped, interpreters above all, are others' too.
pub(crate) fn private_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let written = kibibytes("RssAnon:")?.saturating_add(kibibytes("VmSwap:").unwrap_or(0));
    Some(written.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_writes_is_seen_and_what_it_reserves_is_not() {
        let own = std::process::id();
        let before = private_bytes(own).unwrap();
        let reserved: Vec<u8> = Vec::with_capacity(1 << 30);
        assert!(private_bytes(own).unwrap() < before + (512 << 20));
        drop(reserved);
        let written = vec![1_u8; 64 << 20];
        assert!(private_bytes(own).unwrap() > before + (32 << 20));
        drop(written);
    }
}
