//! Workers that say what they may not: each is ended, by name, and its run with it.

use std::time::Duration;

use wxmcp_run::Ledger;
use wxmcp_worker::{Pool, PoolConfig};

use crate::support::{TestResult, Tools, command, lost, run, runner, until};

/// Bytes that the host may hold for a run here.
const BUDGET: u64 = 16 << 20;

async fn of(how: &str) -> Result<String, Box<dyn std::error::Error>> {
    let pool = Pool::new(PoolConfig {
        ahead: 1,
        ..PoolConfig::new(command(&["hostile", how]))
    });
    let mut asked = run("return 1");
    let tools = Tools::default();
    asked.tools = std::sync::Arc::new(tools.clone());
    asked.limits.wall = Duration::from_millis(100);
    asked.limits.start = Duration::ZERO;
    asked.limits.concurrent_calls = 16;
    let process = Ledger::of_process(1 << 30);
    asked.ledger = process.for_run(BUDGET);
    let (how, _) = lost(runner(&pool).run(asked).await)?;
    until(|| tools.0.open.load(std::sync::atomic::Ordering::SeqCst) == 0).await;
    until(|| process.held() == 0).await;
    assert!(process.peak() <= BUDGET, "{}", process.peak());
    until(|| pool.processes().is_empty()).await;
    Ok(how)
}

#[tokio::test]
async fn what_is_no_message_ends_the_worker_by_name() -> TestResult {
    for (how, why) in [
        ("garbage", "a message that cannot be read"),
        ("text", "a message of 1347703880 bytes"),
        ("long", "a message of 4294967295 bytes"),
        ("stranger", "it spoke of a run that it does not have"),
        ("ready", "it spoke of no run where one is needed"),
        ("nobody", "it spoke of no run where one is needed"),
        ("behind", "1 bytes behind a message"),
        ("same", "it used the number of a question twice"),
        ("many", "its run asked for more at once than it may"),
        ("prints", "its run printed more than it may"),
        ("outcome", "it sent an outcome that is none"),
        ("records", "it recorded a run that is not to be recorded"),
        ("closes", "it closed its connection"),
    ] {
        let ended = of(how).await?;
        let expected = format!("broke the protocol, and was killed: {why}");
        assert!(ended.starts_with(&expected), "{how}: {ended}");
    }
    Ok(())
}

#[tokio::test]
async fn a_worker_that_says_nothing_is_ended_with_the_deadline() -> TestResult {
    let ended = of("silent").await?;
    assert_eq!(
        ended,
        "did not end a run that was cancelled, and was killed"
    );
    assert_eq!(of("half").await?, ended);
    // 60 MiB wait for one that does not read: no more than its run may hold.
    assert_eq!(of("deaf").await?, ended);
    assert_eq!(of("exits").await?, "ended with exit code 0");
    Ok(())
}
