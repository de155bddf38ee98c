//! What the surroundings of a script cost: its first file in scratch, and threads of Python.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::runtime::Runtime;
use wxmcp_run::{Language, Outcome};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::engine::Allocation;

use crate::guests::Guests;
use crate::scripts::request;
use crate::timing::{added, ms, row};

/// A script that writes its first file, and one that keeps the same in memory of its own.
struct FirstWrite {
    language: Language,
    file: &'static str,
    memory: &'static str,
}

const FIRST_WRITES: [FirstWrite; 2] = [
    FirstWrite {
        language: Language::Python,
        file: "\
with open('/tmp/notes.txt', 'w') as file: file.write('a line')
print('hello')",
        memory: "\
import io
with io.StringIO() as file: file.write('a line')
print('hello')",
    },
    FirstWrite {
        language: Language::JavaScript,
        file: "await files.writeText('/tmp/notes.txt', 'a line');\nconsole.log('hello')",
        memory: "await new Map().set('/tmp/notes.txt', 'a line');\nconsole.log('hello')",
    },
];

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

/// What the first file of a run adds to it, in each language.
pub(crate) fn first_writes(guests: &Guests, runtime: &Runtime) -> anyhow::Result<()> {
    for FirstWrite {
        language,
        file,
        memory,
    } in FIRST_WRITES
    {
        let sandbox = pooled(guests, language)?;
        let timed = |source: &str| run(&sandbox, runtime, language, source);
        timed(file)?;
        let added = added(1_000, || timed(file), || timed(memory))?;
        row(
            &format!("  first write to /tmp, added to a run of {language:?}, p50"),
            &ms(added),
            "<= 0.05 ms",
        );
    }
    Ok(())
}

fn pooled(guests: &Guests, language: Language) -> anyhow::Result<Sandbox> {
    guests.open(
        language,
        Allocation::Pooled {
            instances: 4,
            memory: 256 << 20,
        },
    )
}

pub(crate) fn threads(guests: &Guests, runtime: &Runtime) -> anyhow::Result<()> {
    let sandbox = pooled(guests, Language::Python)?;
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

fn run(
    sandbox: &Sandbox,
    runtime: &Runtime,
    language: Language,
    source: &str,
) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let report = runtime.block_on(sandbox.run(request(language, source)))?;
    let elapsed = started.elapsed();
    ensure!(report.stdout == b"hello\n", "{:?}", report.outcome);
    Ok(elapsed)
}
