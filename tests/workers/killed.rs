//! Workers of `wxmcp serve` are killed while it has much to do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::kill;
use crate::serve::{Server, children};
use crate::support::TestResult;

const RUNS: u64 = 300;
const AT_A_TIME: u64 = 16;

/// Kills a worker now and then, until told that it is over; answers how many.
fn kill_workers(parent: u32, is_over: &AtomicBool, answered: &AtomicUsize) -> std::io::Result<u64> {
    let mut killed = 0;
    let mut seen = 0;
    while !is_over.load(Ordering::Acquire) {
        std::thread::yield_now();
        // After every few answers, so that a slow machine kills as many as a fast one.
        let now = answered.load(Ordering::Acquire);
        if now < seen + 10 {
            continue;
        }
        seen = now;
        let workers = children(parent)?;
        let chosen = workers.get(now % workers.len().max(1));
        if chosen.is_some_and(|pid| kill(*pid).is_ok()) {
            killed += 1;
        }
    }
    Ok(killed)
}

/// Each of 300 programs, 16 at a time, is answered once: with its value, or that it was lost.
#[test]
#[expect(clippy::too_many_lines, reason = "one thing after the other")]
fn killing_workers_at_random_loses_no_answer_and_leaves_nothing() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let parent = server.child.id();
    let descriptors = || std::fs::read_dir(format!("/proc/{parent}/fd")).map_or(0, Iterator::count);
    let id = server.begin("1 + 1")?;
    assert_eq!(server.text(id)?, ("2".to_owned(), false));
    let workers = server.workers()?;
    let before = descriptors();
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut open = BTreeMap::new();
    let (mut values, mut losses, mut begun) = (0, 0, 0);
    let killed = std::thread::scope(|scope| -> Result<u64, Box<dyn std::error::Error>> {
        let killing = scope.spawn(|| kill_workers(parent, &is_over, &answered));
        let mut serving = || -> TestResult {
            while values + losses < RUNS {
                while begun < RUNS && u64::try_from(open.len())? < AT_A_TIME {
                    begun += 1;
                    let code = format!("print('x' * 10000)\nsum(range(20000))\n{begun}");
                    open.insert(server.begin(&code)?, begun);
                }
                let (id, result) = server.next_answer()?;
                let number = open.remove(&id).ok_or("an answer that no run waits for")?;
                answered.fetch_add(1, Ordering::AcqRel);
                let structured = &result["structuredContent"];
                if result["isError"] == false {
                    assert_eq!(structured["value"], number, "{result}");
                    values += 1;
                } else {
                    let words = result["content"][0]["text"].as_str().unwrap_or_default();
                    assert!(
                        words.contains("its worker process was ended by signal 9 (SIGKILL"),
                        "{result}"
                    );
                    assert_eq!(structured["outcome"], "lost", "{result}");
                    losses += 1;
                }
            }
            Ok(())
        };
        let served = serving();
        is_over.store(true, Ordering::Release);
        let killed = killing
            .join()
            .map_err(|_| "the killing thread panicked")??;
        served.map(|()| killed)
    })?;
    assert!(open.is_empty() && values + losses == RUNS);
    assert!(
        losses > 0 && values > 0 && killed > 0,
        "{values} values, {losses} losses, {killed} killed"
    );
    let id = server.begin("2 + 2")?;
    assert_eq!(server.text(id)?, ("4".to_owned(), false));
    let began = Instant::now();
    let is_as_before = || {
        let now = children(parent).map_or(usize::MAX, |all| all.len());
        now <= workers.len().max(2) && descriptors() <= before
    };
    while !is_as_before() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{} descriptors, {before} before; workers {:?}, {workers:?} before",
            descriptors(),
            children(parent)
        );
        std::thread::yield_now();
    }
    let left = children(parent)?;
    assert!(server.end()?.success());
    let began = Instant::now();
    let is_there = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    };
    while left.iter().any(is_there) {
        assert!(began.elapsed() < Duration::from_secs(60), "{left:?}");
        std::thread::yield_now();
    }
    Ok(())
}
