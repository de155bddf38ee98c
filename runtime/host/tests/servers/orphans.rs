//! No process outlives the broker that started it, however either ends.
//!
//! A pipe tells: processes hold its only writing ends, so its reader sees the
//! end when the last of them is gone, and not before.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;
use wxmcp_run::ToolErrorKind as Kind;

use crate::support::{
    TestResult, broker, call, echoes, error, liar, lying, make_fifo, open_fifo, repository,
};

/// Whether all writers of the pipe are gone before the deadline.
fn ends_within(pipe: &File, seconds: i64) -> std::io::Result<bool> {
    let timeout = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let mut watched = [PollFd::new(pipe, PollFlags::IN)];
    Ok(poll(&mut watched, Some(&timeout))? == 1 && watched[0].revents().contains(PollFlags::HUP))
}

/// Whether the pipe has a writer that stays.
fn is_held(pipe: &File) -> std::io::Result<bool> {
    let mut watched = [PollFd::new(pipe, PollFlags::IN)];
    Ok(poll(&mut watched, Some(&Timespec::default()))? == 0)
}

#[tokio::test]
async fn a_shutdown_ends_servers_their_children_and_their_daemons() -> TestResult {
    for tool in ["leaves_a_daemon", "starts_a_child", "ignores_the_end"] {
        let directory = tempfile::tempdir()?;
        let fifo = make_fifo(&directory)?;
        let pipe = open_fifo(&fifo)?;
        let broker = lying(&[])?;
        call(&broker, &format!("liar.{tool}"), json!({ "fifo": fifo })).await?;
        assert!(is_held(&pipe)?, "{tool}");
        broker.shutdown().await;
        // Not only soon: already.
        assert!(ends_within(&pipe, 0)?, "{tool} left something");
    }
    Ok(())
}

/// The server writes a line behind its last message, which it does not reach when a signal ends it.
#[tokio::test]
async fn a_polite_server_ends_by_itself() -> TestResult {
    for (tool, expected) in [("echo", "ended\n"), ("ignores_the_end", "")] {
        let directory = tempfile::tempdir()?;
        let fifo = make_fifo(&directory)?;
        let _pipe = open_fifo(&fifo)?;
        let ends = directory.path().join("ends");
        std::fs::write(&ends, "")?;
        let mut server = liar(&[]);
        server["env"]["ENDS"] = json!(ends);
        let broker = broker(json!({ "liar": server }), |_| {})?;
        let arguments = match tool {
            "echo" => json!({"text": "hi"}),
            _ => json!({ "fifo": fifo }),
        };
        call(&broker, &format!("liar.{tool}"), arguments).await?;
        broker.shutdown().await;
        assert_eq!(std::fs::read_to_string(&ends)?, expected, "{tool}");
    }
    Ok(())
}

#[tokio::test]
async fn a_dropped_broker_ends_its_servers_too() -> TestResult {
    let directory = tempfile::tempdir()?;
    let fifo = make_fifo(&directory)?;
    let pipe = open_fifo(&fifo)?;
    let broker = lying(&[])?;
    call(&broker, "liar.leaves_a_daemon", json!({ "fifo": fifo })).await?;
    drop(broker);
    let ended = tokio::task::spawn_blocking(move || ends_within(&pipe, 10)).await??;
    assert!(ended);
    Ok(())
}

#[tokio::test]
async fn what_a_crashed_server_leaves_is_ended_with_it() -> TestResult {
    let directory = tempfile::tempdir()?;
    let fifo = make_fifo(&directory)?;
    let pipe = open_fifo(&fifo)?;
    let broker = lying(&[])?;
    call(&broker, "liar.leaves_a_daemon", json!({ "fifo": fifo })).await?;
    assert_eq!(
        error(&broker, "liar.crashes", json!({})).await?.kind,
        Kind::UpstreamCrashed
    );
    let ended = tokio::task::spawn_blocking(move || ends_within(&pipe, 10)).await??;
    assert!(ended);
    echoes(&broker).await
}

/// Starts a process that holds a broker; its server holds the pipe through `tool`.
fn host(tool: &str, fifo: &Path) -> Result<Child, Box<dyn std::error::Error>> {
    let mut host = Command::new(env!("CARGO_BIN_EXE_host-test-program"))
        .arg("hold")
        .arg(repository().join("fixtures/mcp/liar.py"))
        .args([tool, fifo.to_str().ok_or("a strange path")?])
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0; 6];
    host.stdout
        .as_mut()
        .ok_or("no stdout")?
        .read_exact(&mut ready)?;
    assert_eq!(&ready, b"ready\n");
    Ok(host)
}

#[test]
fn kill_9_of_wxmcp_leaves_nothing() -> TestResult {
    for tool in ["leaves_a_daemon", "starts_a_child", "ignores_the_end"] {
        let directory = tempfile::tempdir()?;
        let fifo = make_fifo(&directory)?;
        let pipe = open_fifo(&fifo)?;
        let mut host = host(tool, &fifo)?;
        assert!(is_held(&pipe)?, "{tool}");
        host.kill()?;
        assert!(ends_within(&pipe, 10)?, "{tool} outlived its broker");
        host.wait()?;
    }
    Ok(())
}

/// The one thing that the guard cannot do is outlive itself; then the kernel
/// ends the server.
#[test]
fn kill_9_of_wxmcp_and_its_guard_ends_the_server() -> TestResult {
    let directory = tempfile::tempdir()?;
    let fifo = make_fifo(&directory)?;
    let pipe = open_fifo(&fifo)?;
    let mut host = host("ignores_the_end", &fifo)?;
    let children = format!("/proc/{0}/task/{0}/children", host.id());
    let guard: i32 = std::fs::read_to_string(children)?.trim().parse()?;
    let guard = rustix::process::Pid::from_raw(guard).ok_or("no guard")?;
    rustix::process::kill_process(guard, rustix::process::Signal::STOP)?;
    host.kill()?;
    rustix::process::kill_process(guard, rustix::process::Signal::KILL)?;
    assert!(ends_within(&pipe, 10)?);
    host.wait()?;
    Ok(())
}
