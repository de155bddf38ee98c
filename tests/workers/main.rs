//! Runs in worker processes with the real interpreters: they report what they report in this process, and their crashes
//! end nothing else.
#![expect(clippy::indexing_slicing, reason = "tests of JSON")]

mod components;
mod killed;
mod same;
mod scratch;
mod serve;
#[path = "../support/mod.rs"]
mod support;
mod tool_files;

use std::path::PathBuf;
use std::sync::Arc;

use wxmcp_guests::NATIVES;
use wxmcp_host::Guests;

/// The interpreters, in this process or in workers.
fn guests(in_workers: bool) -> Arc<Guests> {
    Arc::new(guests_with(Some(support::cache()), in_workers))
}

/// The same with another cache, or none.
fn guests_with(cache: Option<PathBuf>, in_workers: bool) -> Guests {
    let program = || PathBuf::from(env!("CARGO_BIN_EXE_wxmcp"));
    let guests = Guests::with_compiler(NATIVES, cache, program());
    match in_workers {
        true => guests.in_workers(program(), None),
        false => guests,
    }
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "it never came to be");
}

/// Ends a process as the system does when memory runs out.
fn kill(pid: u32) -> support::TestResult {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).ok_or("no process")?;
    // It may have ended by itself.
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    Ok(())
}
