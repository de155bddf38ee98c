//! What crosses between a run's process and its parent, and how.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use wxmcp_run::{Ledger, Limit, Outcome, RunError, Stdin};

use crate::support::{Heard, TestResult, Tools, pool, returned, run, runner, until, value};

#[tokio::test]
async fn outcomes_output_and_names_cross() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    assert_eq!(value(&runner, "return 42").await?, 42);
    assert_eq!(value(&runner, "namespaces").await?, json!(["a", "b"]));
    let raised = runner.run(run("print so\nraise no")).await?;
    assert_eq!(raised.stdout, b"so\n");
    let Outcome::Raised(raised) = raised.outcome else {
        return Err("nothing was raised".into());
    };
    assert_eq!((raised.message.as_str(), raised.line), ("no", Some(3)));
    let unknown = runner.run(run("dance")).await;
    assert!(
        matches!(&unknown, Err(RunError::Guest(words, _)) if words == "no word: dance"),
        "{unknown:?}"
    );
    Ok(())
}

#[tokio::test]
async fn numbers_of_arguments_and_answers_keep_their_digits() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    for text in [
        "123456789012345678901234567890",
        "-0.0",
        "1e+2",
        "3.0",
        "0.1000000000000000055511151231257827",
        "{\"b\":1,\"a\":\"\\ud83d\\ude00\"}",
    ] {
        let words = format!("call a.echo {{\"x\":{text}}}");
        let report = runner.run(run(&words)).await?;
        let Outcome::Returned(value) = report.outcome else {
            return Err("it did not return".into());
        };
        let text = text.replace("\\ud83d\\ude00", "😀");
        let expected = format!("{{\"value\":{{\"x\":{text}}},");
        assert!(value.get().starts_with(&expected), "{}", value.get());
    }
    Ok(())
}

#[tokio::test]
async fn what_a_tool_says_beside_its_value_crosses() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let answered = value(&runner, "call a.echo {\"x\":1}").await?;
    assert_eq!(answered["notes"], 1);
    assert_eq!(answered["content"], json!([{"type": "text"}]));
    assert_eq!(answered["changed"], json!(["a"]));
    let failed = value(&runner, "call a.fail").await?;
    let expected = json!({"kind": "tool-failed", "message": "it failed", "data": {"why": 1}});
    assert_eq!(failed, expected);
    assert_eq!(value(&runner, "call a.pause").await?["value"], true);
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_given_up_is_cancelled() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let tools = Tools::default();
    let mut dropping = run("drop a.wait\nwait");
    dropping.tools = Arc::new(tools.clone());
    let going = tokio::spawn(async move { runner.run(dropping).await });
    until(|| tools.0.calls.load(Ordering::SeqCst) == 1).await;
    until(|| tools.0.open.load(Ordering::SeqCst) == 0).await;
    assert!(!going.is_finished());
    going.abort();
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_and_its_calls_end() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let tools = Tools::default();
    let (cancel, cancelled) = tokio::sync::oneshot::channel::<()>();
    let mut waiting = run("call a.wait");
    waiting.tools = Arc::new(tools.clone());
    waiting.cancel = Box::pin(async move { drop(cancelled.await) });
    let own = Arc::clone(&runner);
    let going = tokio::spawn(async move { own.run(waiting).await });
    until(|| tools.0.open.load(Ordering::SeqCst) == 1).await;
    drop(cancel);
    let report = going.await??;
    assert!(matches!(report.outcome, Outcome::Cancelled), "{report:?}");
    assert_eq!(tools.0.open.load(Ordering::SeqCst), 0);
    // The worker is still there.
    let before = pool.processes();
    assert_eq!(value(&runner, "return 1").await?, 1);
    assert_eq!(pool.processes(), before);
    Ok(())
}

#[tokio::test]
async fn a_session_goes_on_in_its_worker() -> TestResult {
    let pool = pool(2);
    let runner = runner(&pool);
    let mut session = runner.session();
    assert_eq!(returned(session.run(run("runs")).await?)?, 1);
    assert_eq!(returned(session.run(run("runs")).await?)?, 2);
    assert_eq!(value(&runner, "runs").await?, 1);
    assert_eq!(returned(session.run(run("runs")).await?)?, 3);
    assert!(!session.is_over());
    let mut other = runner.session();
    assert_eq!(returned(other.run(run("runs")).await?)?, 1);
    let mut stopped = run("wait");
    stopped.limits.wall = Duration::from_millis(20);
    let report = session.run(stopped).await?;
    assert!(matches!(report.outcome, Outcome::Stopped(..)));
    assert!(session.is_over());
    let refused = session.run(run("runs")).await;
    assert!(matches!(refused, Err(RunError::SessionOver)), "{refused:?}");
    assert_eq!(returned(other.run(run("runs")).await?)?, 2);
    Ok(())
}

#[tokio::test]
async fn what_a_worker_holds_is_charged_to_the_run() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let process = Ledger::of_process(1 << 30);
    let mut holding = run("hold 1000000\nwait");
    holding.ledger = process.for_run(2 << 20);
    let ledger = holding.ledger.clone();
    let own = Arc::clone(&runner);
    let going = tokio::spawn(async move { own.run(holding).await });
    until(|| ledger.held() == 1_000_000).await;
    assert_eq!(process.held(), 1_000_000);
    going.abort();
    until(|| process.held() == 0).await;
    // A run whose tools hold much may hold less itself: its ledger is one.
    let mut holding = run("hold 1000000\nwait");
    holding.ledger = process.for_run(1_500_000);
    let _by_its_tools = holding.ledger.charge(600_000)?;
    let report = runner.run(holding).await?;
    assert!(
        matches!(
            report.outcome,
            Outcome::Stopped(Limit::HostMemory(1_500_000), _)
        ),
        "{report:?}"
    );
    // The worker itself refuses more than a run may hold at all.
    let mut holding = run("hold 1000001\nwait");
    holding.ledger = process.for_run(1_000_000);
    let refused = returned(runner.run(holding).await?)?;
    assert!(refused.to_string().contains("host-memory"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn what_a_session_takes_is_charged_to_the_process() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let process = Ledger::of_process(10 << 20);
    let of_session = || {
        let mut run = run("runs");
        run.script.in_session = true;
        run.ledger = process.for_run(1 << 20);
        run
    };
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let mut session = runner.session();
        assert_eq!(returned(session.run(of_session()).await?)?, 1);
        assert_eq!(session.memory(), 3_000_000);
        sessions.push(session);
    }
    assert_eq!(process.held(), 9_000_000);
    let mut other = runner.session();
    let waits = tokio::time::timeout(Duration::from_millis(20), other.run(of_session())).await;
    assert!(waits.is_err(), "there is no room for another");
    sessions.pop();
    assert_eq!(returned(runner.session().run(of_session()).await?)?, 1);
    drop(sessions);
    assert_eq!(process.held(), 0);
    Ok(())
}

#[tokio::test]
async fn answers_that_a_run_may_not_hold_are_refused_by_name() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let process = Ledger::of_process(1 << 30);
    let large = |budget| {
        let mut run = run("call a.large");
        run.ledger = process.for_run(budget);
        run
    };
    let refused = returned(runner.run(large(3 << 20)).await?)?;
    assert_eq!(refused["kind"], "limit-reached");
    let allowed = returned(runner.run(large(16 << 20)).await?)?;
    assert_eq!(allowed["value"].as_str().map(str::len), Some(4 << 20));
    assert_eq!(process.held(), 0);
    Ok(())
}

/// A script that prints more than its observer takes waits; what it has printed is all there is.
#[tokio::test]
async fn output_waits_for_an_observer_that_is_full() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let room = Arc::new(tokio::sync::Notify::new());
    let heard = Arc::new(Heard::default());
    *heard.is_full.lock() = Some(Arc::clone(&room));
    let mut printing = run("printmany 1000");
    printing.observer = Arc::<Heard>::clone(&heard);
    let going = tokio::spawn(async move { runner.run(printing).await });
    until(|| heard.printed.lock().len() >= 256 << 10).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(heard.printed.lock().len() <= 320 << 10);
    assert!(!going.is_finished());
    *heard.is_full.lock() = None;
    room.notify_one();
    let report = going.await??;
    assert_eq!(report.stdout.len(), 1000 << 10);
    assert_eq!(heard.printed.lock().len(), 1000 << 10);
    Ok(())
}

#[tokio::test]
async fn what_only_the_parent_has_is_refused_by_name() -> TestResult {
    let pool = pool(1);
    let runner = runner(&pool);
    let mut inherits = run("return 1");
    inherits.policy.stdin = Stdin::Inherit;
    let refused = runner.run(inherits).await;
    assert!(
        matches!(refused, Err(RunError::NotInWorker(_))),
        "{refused:?}"
    );
    let mut bytes = run("return 1");
    bytes.policy.stdin = Stdin::Bytes(vec![0xff; 100]);
    assert_eq!(returned(runner.run(bytes).await?)?, 1);
    Ok(())
}

#[tokio::test]
async fn a_worker_has_a_socket_and_nothing_else() -> TestResult {
    // A descriptor that programs of this process inherit.
    let file = std::fs::File::open("/proc/self/status")?;
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
    let pool = pool(1);
    let has = value(&runner(&pool), "confined").await?;
    let descriptors = has["descriptors"].as_array().ok_or("no descriptors")?;
    let own = |it: &str| {
        ["/dev/null", "socket:", "anon_inode:[event", "/proc/"]
            .iter()
            .any(|start| it.starts_with(start))
    };
    for it in descriptors {
        assert!(own(it.as_str().unwrap_or_default()), "{it}");
    }
    let named = |start: &str| {
        let all = descriptors.iter();
        all.filter(|it| it.as_str().is_some_and(|it| it.starts_with(start)))
            .count()
    };
    // Its own listing, and not the status of its parent.
    assert_eq!(named("/proc/"), 1, "{descriptors:?}");
    assert!(
        !descriptors
            .iter()
            .any(|it| it.to_string().contains("status"))
    );
    assert_eq!(has["environment"], 0);
    assert_eq!(has["privileges"], "NoNewPrivs: 1");
    assert_eq!(has["cores"], "Max core file size 0 0 bytes");
    assert_eq!(has["dumpable"], "Ok(NotDumpable)");
    assert!(
        has["ends_with_parent"]
            .as_str()
            .is_some_and(|it| it.contains("KILL"))
    );
    assert_eq!(has["folder"], "/");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any JSON comes back as it was sent.
    #[test]
    fn any_arguments_come_back(texts in proptest::collection::vec("\\PC{0,40}", 0..20), number in any::<f64>()) {
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let arguments = json!({"texts": texts, "number": number, "nested": [[[texts.clone()]]]});
        let words = format!("call a.echo {arguments}");
        let answered = event_loop.block_on(async {
            let pool = pool(1);
            let answered = value(&runner(&pool), &words).await;
            pool.shutdown().await;
            answered.map_err(|error| TestCaseError::fail(error.to_string()))
        })?;
        prop_assert_eq!(&answered["value"], &arguments);
    }
}
