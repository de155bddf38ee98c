//! Scratch of runs and sessions: charged where it is held, given back, and nobody else's.

use std::error::Error;

use wxmcp_host::{Job, Runtime};
use wxmcp_run::{Language, Limit, Outcome};

use crate::same::runtime;
use crate::support::TestResult;

const LOOK: &str = "import os\n[os.listdir('/tmp'), os.listdir('.'), os.getcwd()]";
const EMPTY: &str = r#"[[],[],"/home/agent"]"#;

async fn value(runtime: &Runtime, source: &str) -> Result<String, Box<dyn Error>> {
    let report = runtime
        .run(Job::new(Language::Python, "run", source))
        .await?;
    match report.outcome {
        Outcome::Returned(value) => Ok(value.get().to_owned()),
        other => Err(format!("{other:?}").into()),
    }
}

#[tokio::test]
async fn no_run_sees_what_another_has_left() -> TestResult {
    for in_workers in [false, true] {
        let runtime = runtime(in_workers)?;
        let ledger = runtime.tools().broker().ledger().clone();
        let idle = ledger.held();
        for _ in 0..3 {
            let write =
                "open('/tmp/left', 'wb').write(bytes(5 << 20)); open('left', 'w').write('x')";
            assert_eq!(value(&runtime, write).await?, "1");
            assert_eq!(value(&runtime, LOOK).await?, EMPTY);
            assert_eq!(ledger.held(), idle);
        }
        let mut session = runtime.session(Language::Python)?;
        session
            .run(Job::new(
                Language::Python,
                "<run 1>",
                "open('/tmp/mine', 'w').write('x')",
            ))
            .await?;
        assert_eq!(value(&runtime, LOOK).await?, EMPTY);
        let mut other = runtime.session(Language::Python)?;
        let report = other
            .run(Job::new(Language::Python, "<run 1>", LOOK))
            .await?;
        assert!(
            matches!(&report.outcome, Outcome::Returned(value) if value.get() == EMPTY),
            "{report:?}"
        );
        drop((session, other));
        runtime.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn scratch_of_a_session_is_charged_as_long_as_it_is_kept() -> TestResult {
    for in_workers in [false, true] {
        let runtime = runtime(in_workers)?;
        let ledger = runtime.tools().broker().ledger().clone();
        let idle = ledger.held();
        let mut session = runtime.session(Language::Python)?;
        let mut number = 0;
        let mut job = |source: &str, host_memory: u64| {
            number += 1;
            let mut job = Job::new(Language::Python, &format!("<run {number}>"), source);
            job.limits.host_memory = host_memory;
            job
        };
        let fill = "open('/tmp/kept', 'wb').write(bytes(20 << 20))";
        let report = session.run(job(fill, 64 << 20)).await?;
        assert!(matches!(report.outcome, Outcome::Returned(_)), "{report:?}");
        let kept = ledger.held().saturating_sub(idle);
        // It is charged to each later run, which so has the less for other things.
        let report = session
            .run(job("import os\nos.path.getsize('/tmp/kept')", 24 << 20))
            .await?;
        assert!(matches!(report.outcome, Outcome::Returned(_)), "{report:?}");
        assert!(report.usage.host_peak >= 20 << 20, "{:?}", report.usage);
        let report = session.run(job("os.remove('/tmp/kept')", 64 << 20)).await?;
        assert!(matches!(report.outcome, Outcome::Returned(_)), "{report:?}");
        let freed = ledger.held().saturating_sub(idle);
        assert!(
            kept >= freed + (19 << 20),
            "{in_workers}: {kept} and {freed}"
        );
        assert!(
            freed < session.memory() + (1 << 20),
            "{in_workers}: {freed}"
        );
        session.run(job(fill, 64 << 20)).await?;
        let stopped = session.run(job("1", 10 << 20)).await?;
        assert!(
            matches!(stopped.outcome, Outcome::Stopped(Limit::HostMemory(_), _)),
            "{stopped:?}"
        );
        drop(session);
        runtime.shutdown().await;
        crate::until(|| ledger.held() == idle).await;
    }
    Ok(())
}
