//! Whose runs a worker carries out.

use std::sync::Arc;

use wxmcp_worker::{Pool, PoolConfig};

use crate::ends::is_alive;
use crate::support::{TestResult, command, pool, principal, returned, run, until, value};

#[tokio::test]
async fn a_worker_of_one_principal_is_given_to_no_other() -> TestResult {
    let pool = pool(1);
    let (alice, bob) = (
        pool.runner(&principal("alice")),
        pool.runner(&principal("bob")),
    );
    assert_eq!(value(&alice, "return 1").await?, 1);
    let of_alice = pool.processes();
    assert_eq!(value(&alice, "return 2").await?, 2);
    assert_eq!(pool.processes(), of_alice);
    assert_eq!(value(&bob, "return 3").await?, 3);
    until(|| of_alice.iter().all(|pid| !is_alive(*pid))).await;
    let of_bob = pool.processes();
    assert_eq!(of_bob.len(), 1);
    // Nor is it given to what nobody's runs are.
    assert_eq!(value(&pool.runner_of_nobody(), "return 4").await?, 4);
    until(|| of_bob.iter().all(|pid| !is_alive(*pid))).await;
    Ok(())
}

#[tokio::test]
async fn a_session_keeps_its_worker_while_others_come() -> TestResult {
    let pool = pool(1);
    let alice = pool.runner(&principal("alice"));
    let bob = pool.runner(&principal("bob"));
    let mut session = alice.session();
    assert_eq!(returned(session.run(run("runs")).await?)?, 1);
    let of_alice = pool.processes();
    assert_eq!(value(&bob, "return 3").await?, 3);
    assert!(of_alice.iter().all(|pid| is_alive(*pid)));
    assert_eq!(returned(session.run(run("runs")).await?)?, 2);
    drop(session);
    let carol = pool.runner(&principal("carol"));
    assert_eq!(value(&carol, "return 4").await?, 4);
    until(|| pool.processes().len() <= 2).await;
    Ok(())
}

#[tokio::test]
async fn a_principal_waits_while_all_workers_are_busy_for_others() -> TestResult {
    let pool = Pool::new(PoolConfig {
        ahead: 1,
        most: 1,
        ..PoolConfig::new(command(&["worker"]))
    });
    let alice = pool.runner(&principal("alice"));
    let bob = pool.runner(&principal("bob"));
    let mut session = alice.session();
    assert_eq!(returned(session.run(run("runs")).await?)?, 1);
    let waiting = tokio::spawn({
        let bob = Arc::clone(&bob);
        async move { bob.run(run("return 5")).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(session);
    assert_eq!(returned(waiting.await??)?, 5);
    Ok(())
}

#[tokio::test]
async fn runs_of_one_principal_use_all_workers_and_share_them() -> TestResult {
    let pool = pool(2);
    let runner = pool.runner(&principal("alice"));
    let going: Vec<_> = (0..6)
        .map(|_| {
            let runner = Arc::clone(&runner);
            tokio::spawn(async move { runner.run(run("wait")).await })
        })
        .collect();
    until(|| pool.ready() == 2).await;
    assert_eq!(value(&runner, "return 1").await?, 1);
    assert_eq!(pool.processes().len(), 2);
    going.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}
