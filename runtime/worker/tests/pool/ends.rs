//! How workers end, and what becomes of the runs inside.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wxmcp_run::{Ledger, Outcome, Run, RunError, Script};
use wxmcp_worker::{Pool, PoolConfig, WorkerCommand};

use crate::support::{
    TestResult, Tools, command, lost, pool, principal, returned, run, runner, until, value,
};

/// Whether a process is there, and no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_crash_ends_the_runs_inside_by_name_and_the_pool_is_refilled() -> TestResult {
    let pool = pool(2);
    let runner = runner(&pool);
    pool.start_ahead();
    until(|| pool.ready() == 2).await;
    let before = pool.processes();
    let (how, _) = lost(runner.run(run("signal segv")).await)?;
    assert_eq!(how, "was ended by signal 11 (SIGSEGV)");
    let (how, _) = lost(runner.run(run("signal kill")).await)?;
    assert!(how.starts_with("was ended by signal 9 (SIGKILL"), "{how}");
    until(|| pool.ready() == 2).await;
    assert!(pool.processes().iter().all(|pid| !before.contains(pid)));
    assert!(before.iter().all(|pid| !is_alive(*pid)));
    assert_eq!(value(&runner, "return 1").await?, 1);
    Ok(())
}

#[tokio::test]
async fn calls_of_a_run_that_is_lost_are_cancelled_and_counted() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let tools = Tools::default();
    let mut waiting = run("call a.wait");
    waiting.tools = Arc::new(tools.clone());
    let ledger = waiting.ledger.process().clone();
    let going = tokio::spawn(async move { runner.run(waiting).await });
    until(|| tools.0.open.load(Ordering::SeqCst) == 1).await;
    for pid in pool.processes() {
        kill(pid)?;
    }
    let ran = going.await?;
    let words = ran
        .as_ref()
        .map_or_else(ToString::to_string, |_| String::new());
    assert!(words.contains("1 were under way"), "{words}");
    let (_, calls) = lost(ran)?;
    assert_eq!(calls, 1);
    until(|| tools.0.open.load(Ordering::SeqCst) == 0 && ledger.held() == 0).await;
    Ok(())
}

pub(crate) fn kill(pid: u32) -> TestResult {
    let pid = i32::try_from(pid)?;
    let pid = rustix::process::Pid::from_raw(pid).ok_or("no process")?;
    // It may have ended by itself.
    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    Ok(())
}

/// A run is given to another worker if the one that it was given to ended before it began.
#[tokio::test]
async fn a_worker_that_ended_unseen_loses_no_run() -> TestResult {
    let pool = pool(2);
    let runner = runner(&pool);
    for turn in 0..20 {
        pool.start_ahead();
        until(|| pool.ready() == 2).await;
        for pid in pool.processes() {
            kill(pid)?;
        }
        assert_eq!(value(&runner, &format!("return {turn}")).await?, turn);
        let mut session = runner.session();
        for pid in pool.processes() {
            kill(pid)?;
        }
        let first = session.run(run("runs")).await?;
        assert_eq!(crate::support::returned(first)?, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_panic_ends_one_run_and_not_its_worker() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let panicked = runner.run(run("panic")).await;
    assert!(matches!(panicked, Err(RunError::Engine(_))), "{panicked:?}");
    let before = pool.processes();
    assert_eq!(value(&runner, "return 1").await?, 1);
    assert_eq!(pool.processes(), before);
    Ok(())
}

#[tokio::test]
async fn a_worker_that_does_not_end_a_cancelled_run_is_killed() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let mut spinning = run("spin");
    let (cancel, cancelled) = tokio::sync::oneshot::channel::<()>();
    spinning.cancel = Box::pin(async move { drop(cancelled.await) });
    let own = Arc::clone(&runner);
    let going = tokio::spawn(async move { own.run(spinning).await });
    until(|| pool.processes().len() == 1).await;
    let before = pool.processes();
    drop(cancel);
    let (how, _) = lost(going.await?)?;
    assert_eq!(how, "did not end a run that was cancelled, and was killed");
    assert_eq!(value(&runner, "return 1").await?, 1);
    assert!(before.iter().all(|pid| !is_alive(*pid)));
    Ok(())
}

#[tokio::test]
async fn a_worker_that_does_not_keep_the_deadline_is_killed() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let mut spinning = run("print x\nspin");
    spinning.limits.wall = Duration::from_millis(10);
    // No server was started, so nothing of this is added: it would outlast the test.
    spinning.limits.start = Duration::from_secs(24 * 60 * 60);
    let began = Instant::now();
    let (how, _) = lost(runner.run(spinning).await)?;
    assert_eq!(how, "did not end a run that was cancelled, and was killed");
    // A second later than its time, and another for the end: far from what a run may take that has not begun.
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    // One that keeps it stops the run, and stays.
    let mut waiting = run("wait");
    waiting.limits.wall = Duration::from_millis(10);
    let report = runner.run(waiting).await?;
    assert!(matches!(report.outcome, Outcome::Stopped(..)), "{report:?}");
    Ok(())
}

#[tokio::test]
async fn a_worker_that_grows_beyond_its_runs_is_ended_by_name() -> TestResult {
    let pool = Pool::new(PoolConfig {
        ahead: 2,
        own_memory: 64 << 20,
        ..PoolConfig::new(command(&["worker"]))
    });
    let runner = runner(&pool);
    let other = pool.runner(&principal("other"));
    let growing = |bytes: u64, after: &str| {
        let mut growing = run(&format!("grow {bytes}\n{after}"));
        growing.limits.memory = 64 << 20;
        growing
    };
    // Another's run goes on meanwhile, in a worker of its own.
    let going = tokio::spawn(async move { other.run(run("sleep 1000\nreturn 7")).await });
    let (how, _) = lost(runner.run(growing(300 << 20, "wait")).await)?;
    assert!(how.starts_with("grew to "), "{how}");
    assert!(
        how.ends_with("where 128 MiB is the most that its runs may use, and was killed"),
        "{how}"
    );
    assert_eq!(returned(going.await??)?, 7);
    // What the run may use, and what is charged to it, is its own.
    let report = runner
        .run(growing(100 << 20, "sleep 500\nreturn 1"))
        .await?;
    assert_eq!(returned(report)?, 1);
    let charged = growing(250 << 20, "sleep 500\nreturn 2");
    let charged = Run {
        script: Script {
            source: format!("hold {}\n{}", 200 << 20, charged.script.source),
            ..charged.script
        },
        ledger: Ledger::of_process(1 << 30).for_run(300 << 20),
        ..charged
    };
    assert_eq!(returned(runner.run(charged).await?)?, 2);
    Ok(())
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_is_cancelled() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let tools = Tools::default();
    let mut waiting = run("call a.wait");
    waiting.tools = Arc::new(tools.clone());
    let own = Arc::clone(&runner);
    let going = tokio::spawn(async move { own.run(waiting).await });
    until(|| tools.0.open.load(Ordering::SeqCst) == 1).await;
    let before = pool.processes();
    going.abort();
    until(|| tools.0.open.load(Ordering::SeqCst) == 0).await;
    assert_eq!(value(&runner, "return 1").await?, 1);
    assert_eq!(pool.processes(), before);
    // One that does not end takes its worker with it.
    let own = Arc::clone(&runner);
    let going = tokio::spawn(async move { own.run(run("spin")).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    going.abort();
    until(|| before.iter().all(|pid| !is_alive(*pid))).await;
    assert_eq!(value(&runner, "return 1").await?, 1);
    Ok(())
}

#[tokio::test]
async fn all_workers_end_with_the_pool() -> TestResult {
    let shut = pool(2);
    shut.start_ahead();
    until(|| shut.ready() == 2).await;
    let pids = shut.processes();
    shut.shutdown().await;
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    let refused = runner(&shut).run(run("return 1")).await;
    assert!(matches!(refused, Err(RunError::NoWorker(_))), "{refused:?}");
    let dropped = pool(2);
    dropped.start_ahead();
    until(|| dropped.ready() == 2).await;
    let pids = dropped.processes();
    drop(dropped);
    until(|| pids.iter().all(|pid| !is_alive(*pid))).await;
    Ok(())
}

#[tokio::test]
async fn workers_end_when_their_parent_is_killed() -> TestResult {
    use std::io::BufRead as _;
    let WorkerCommand { program, .. } = command(&[]);
    let mut parent = Command::new(program)
        .arg("hold")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let stdout = parent.stdout.take().ok_or("no output")?;
    std::io::BufReader::new(stdout).read_line(&mut line)?;
    let pids: Vec<u32> = serde_json::from_str(&line)?;
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    parent.kill()?;
    parent.wait()?;
    until(|| pids.iter().all(|pid| !is_alive(*pid))).await;
    Ok(())
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_named() -> TestResult {
    let missing = Pool::new(PoolConfig::new(WorkerCommand {
        program: "/no/such/program".into(),
        args: Vec::new(),
    }));
    let (how, _) = lost(runner(&missing).run(run("return 1")).await)?;
    assert!(
        how.starts_with("could not be started: No such file"),
        "{how}"
    );
    let other = Pool::new(PoolConfig::new(command(&["nothing"])));
    let (how, _) = lost(runner(&other).run(run("return 1")).await)?;
    assert_eq!(how, "ended with exit code 2");
    Ok(())
}

#[tokio::test]
async fn what_workers_print_is_logged_within_bounds() -> TestResult {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let pool = Pool::new(PoolConfig {
        ahead: 1,
        log: Some(Arc::new(move |line: &str| log.lock().push(line.to_owned()))),
        ..PoolConfig::new(command(&["worker"]))
    });
    let runner = runner(&pool);
    let long = "y".repeat(5_000);
    value(&runner, &format!("stderr a\u{7}b\nstderr {long}")).await?;
    lost(runner.run(run("signal kill")).await)?;
    until(|| lines.lock().iter().any(|line| line.contains("SIGKILL"))).await;
    let lines = lines.lock();
    assert_eq!(lines.first().map(String::as_str), Some("worker: a b"));
    assert!(lines.iter().all(|line| line.len() < 1_100));
    Ok(())
}

/// Workers are killed at random while 16 runs go on at a time: each run has one end, and nothing is left behind.
#[tokio::test]
async fn killing_workers_loses_no_answer() -> TestResult {
    let pool = Arc::new(pool(2));
    let runner = runner(&pool);
    let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    value(&runner, "return 1").await?;
    until(|| pool.ready() >= 1).await;
    let before = (descriptors(), threads());
    let ledger = wxmcp_run::Ledger::of_process(1 << 30);
    let killing = {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            for turn in 0_usize.. {
                tokio::time::sleep(Duration::from_millis(2)).await;
                let pids = pool.processes();
                if let Some(pid) = pids.get(turn % pids.len().max(1)) {
                    let _gone = kill(*pid);
                }
            }
        })
    };
    let turns = Arc::new(tokio::sync::Semaphore::new(16));
    let mut going = Vec::new();
    for number in 0..1_000 {
        let (turns, runner) = (Arc::clone(&turns), Arc::clone(&runner));
        let mut run = run(&format!(
            "print {number}\nhold 100000\nsleep 3\nreturn {number}"
        ));
        run.ledger = ledger.for_run(1 << 20);
        going.push(tokio::spawn(async move {
            let _turn = turns.acquire().await;
            runner.run(run).await
        }));
    }
    let (mut reports, mut losses) = (0, 0);
    for (number, going) in going.into_iter().enumerate() {
        match going.await? {
            Ok(report) => {
                assert!(
                    matches!(&report.outcome, Outcome::Returned(value) if value.get() == number.to_string())
                );
                reports += 1;
            }
            Err(RunError::WorkerEnded { .. }) => losses += 1,
            Err(other) => return Err(other.into()),
        }
    }
    killing.abort();
    assert_eq!(reports + losses, 1_000);
    assert!(
        losses > 0 && reports > 0,
        "{reports} reports, {losses} losses"
    );
    assert_eq!(value(&runner, "return 1").await?, 1);
    assert_eq!(ledger.held(), 0);
    until(|| pool.processes().len() <= 2).await;
    pool.shutdown().await;
    until(|| descriptors() <= before.0 && threads() <= before.1).await;
    Ok(())
}
