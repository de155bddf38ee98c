//! What the surroundings of a Python script cost: its first file, its threads.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::runtime::Runtime;
use wxmcp_run::{Language, Outcome};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::engine::Allocation;

use crate::guests::Guests;
use crate::scripts::request;
use crate::timing::{in_blocks, ms, row};

const HELLO: &str = "print('hello')";

/// The same, and a file.
const FIRST_WRITE: &str =
    "with open('/tmp/notes.txt', 'w') as file:\n    file.write('a line')\nprint('hello')";

const THREADS: &str = "\
import threading, time
from tools import bench
answers = {}
def ask(number):
    answers[number] = bench.sleep(ms=50)
started = time.perf_counter()
threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert answers == dict.fromkeys(range(16), 50)
(time.perf_counter() - started) * 1e3
";

const POOL: &str = "\
import time
from concurrent.futures import ThreadPoolExecutor
from tools import bench
started = time.perf_counter()
with ThreadPoolExecutor(max_workers=16) as pool:
    answers = list(pool.map(lambda number: bench.sleep(ms=50), range(16)))
assert answers == [50] * 16
(time.perf_counter() - started) * 1e3
";

pub(crate) fn figures(guests: &Guests, runtime: &Runtime) -> anyhow::Result<()> {
    let sandbox = guests.open(
        Language::Python,
        Allocation::Pooled {
            instances: 4,
            memory: 256 << 20,
        },
    )?;
    let timed = |source: &str| run(&sandbox, runtime, source);
    timed(HELLO)?;
    let (with, without) = in_blocks(20, 20, || timed(FIRST_WRITE), || timed(HELLO))?;
    row(
        "  first write to /tmp, added to a fresh instance, p50",
        &ms(with.saturating_sub(without)),
        "<= 0.05 ms",
    );
    for (what, source) in [("threads", THREADS), ("workers of a pool", POOL)] {
        let report = runtime.block_on(sandbox.run(request(Language::Python, source)))?;
        let Outcome::Returned(value) = &report.outcome else {
            anyhow::bail!("{:?}", report.outcome);
        };
        let took: f64 = value.get().parse()?;
        row(
            &format!("  16 {what} of one 50 ms call each"),
            &format!("{took:.1} ms"),
            "<= 120 ms",
        );
    }
    Ok(())
}

fn run(sandbox: &Sandbox, runtime: &Runtime, source: &str) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let report = runtime.block_on(sandbox.run(request(Language::Python, source)))?;
    let elapsed = started.elapsed();
    ensure!(report.stdout == b"hello\n", "{:?}", report.outcome);
    Ok(elapsed)
}
