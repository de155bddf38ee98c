//! What a worker process adds to a run.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use wxmcp_host::WORKER;
use wxmcp_policy::Principal;
use wxmcp_run::{Language, Outcome, Runner};
use wxmcp_sandbox::engine::Allocation;
use wxmcp_worker::{Pool, PoolConfig, WorkerCommand};

use crate::guests::Guests;
use crate::scripts::request;
use crate::timing::{in_blocks, ms, row};

/// Runs of each kind before the first that counts.
const WARM: usize = 20;

/// The same run in this process and in a worker, some of each in turn.
pub(crate) fn figures(
    guests: &Guests,
    wxmcp: &Path,
    event_loop: &tokio::runtime::Runtime,
) -> anyhow::Result<()> {
    let pool = Pool::new(PoolConfig {
        ahead: 1,
        ..PoolConfig::new(WorkerCommand {
            program: wxmcp.to_owned(),
            args: vec![WORKER.into(), guests.cache().as_os_str().to_owned()],
        })
    });
    let elsewhere = pool.runner(&Principal::local());
    for (language, name, source) in [
        (Language::Python, "Python", "1+1"),
        (Language::JavaScript, "JavaScript", "1+1"),
    ] {
        let here: Arc<dyn Runner> = Arc::new(guests.open(language, Allocation::OnDemand)?);
        let timed = |runner: &Arc<dyn Runner>| -> anyhow::Result<Duration> {
            let run = request(language, source);
            let started = Instant::now();
            let report = event_loop.block_on(runner.run(run))?;
            let elapsed = started.elapsed();
            let two = matches!(&report.outcome, Outcome::Returned(value) if value.get() == "2");
            ensure!(two, "{:?}", report.outcome);
            Ok(elapsed)
        };
        for _ in 0..WARM {
            timed(&here)?;
            timed(&elsewhere)?;
        }
        let (here, elsewhere) = in_blocks(20, 25, || timed(&here), || timed(&elsewhere))?;
        row(
            &format!("{name} 1+1, what a worker process adds, p50"),
            &ms(elsewhere.saturating_sub(here)),
            "<= 0.15 ms",
        );
        row("  in this process", &ms(here), "");
        row("  in a worker", &ms(elsewhere), "");
    }
    event_loop.block_on(pool.shutdown());
    Ok(())
}
