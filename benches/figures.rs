//! The figures of the README, measured side by side in one run: `make bench`.
//!
//! Every answer is asserted before its time counts, and limits are armed. Times
//! of processes are medians of runs that alternate with native CPython's, so that
//! a machine whose speed drifts slows both; read the ratios.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program that prints a table, and fails where it stands"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::{
    BoxFuture, CallContext, Limits, NamespaceListing, NativeCache, NativeGuest, Outcome, Policy,
    Report, Run, Sandbox, Script, Silent, ToolAnswer, ToolCall, ToolError, ToolHost, ToolListing,
};

fn main() -> anyhow::Result<()> {
    let bench = Bench::new()?;
    bench.machine()?;
    println!("{:<58} {:>14} {:>14}", "question", "measured", "bar");
    bench.cold_process()?;
    bench.fresh_instance()?;
    bench.calls()?;
    bench.private_memory()?;
    bench.computing()?;
    bench.overshoot()?;
    bench.executable()
}

struct Bench {
    wxmcp: PathBuf,
    guests: Guests,
    native: String,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            wxmcp: beside("wxmcp")?,
            guests: Guests::read()?,
            native: native()?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    fn machine(&self) -> anyhow::Result<()> {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name\t: "))
            .unwrap_or("unknown CPU");
        let cores = std::thread::available_parallelism()?;
        let native = text(Command::new(&self.native).arg("--version").output()?)?;
        println!(
            "machine: {model}, {cores} cores; native: {}\n",
            native.trim()
        );
        Ok(())
    }

    fn cold_process(&self) -> anyhow::Result<()> {
        let hello = "print(\"hello\")";
        let ours = || self.ours(&["run", "-c", hello], "hello\n");
        let theirs = || self.theirs(&["-c", hello], "hello\n");
        ours()?;
        let (ours, theirs) = alternate(60, ours, theirs)?;
        row(
            "cold process, print(\"hello\"), against native -c",
            &format!("{:.2}x", ratio(ours, theirs)),
            "<= 0.33x",
        );
        row(
            "  wxmcp / native",
            &format!("{} / {}", ms(ours), ms(theirs)),
            "",
        );
        Ok(())
    }

    fn fresh_instance(&self) -> anyhow::Result<()> {
        let sandbox = self.guests.open(Allocation::Pooled {
            instances: 4,
            memory: 256 << 20,
        })?;
        let mut times = Vec::new();
        for _ in 0..400 {
            let started = Instant::now();
            let report = self.run(&sandbox, "print(\"hello\")")?;
            let elapsed = started.elapsed();
            ensure!(report.stdout == b"hello\n");
            times.push(elapsed);
        }
        row(
            "fresh instance + hello + drop, pooled, p50",
            &ms(median(times)),
            "<= 0.60 ms",
        );
        Ok(())
    }

    fn calls(&self) -> anyhow::Result<()> {
        let sandbox = self.guests.open(Allocation::OnDemand)?;
        let timed = |source: &str| -> anyhow::Result<f64> {
            let report = self.run(&sandbox, source)?;
            match &report.outcome {
                Outcome::Returned(value) => Ok(value.get().parse()?),
                other => anyhow::bail!("{other:?}"),
            }
        };
        let gathered = timed(GATHERED)?;
        row(
            "50 gathered calls of 20 ms",
            &format!("{gathered:.1} ms"),
            "<= 26 ms",
        );
        let awaited = timed(AWAITED)?;
        row(
            "awaited call, round trip",
            &format!("{awaited:.1} us"),
            "<= 50 us",
        );
        let blocking = timed(BLOCKING)?;
        row(
            "blocking call, round trip",
            &format!("{blocking:.1} us"),
            "<= 8 us",
        );
        Ok(())
    }

    fn private_memory(&self) -> anyhow::Result<()> {
        let sandbox = self.guests.open(Allocation::OnDemand)?;
        self.run(&sandbox, "print(\"hello\")")?;
        let before = private_kib()?;
        let report = self.run(&sandbox, "print(\"hello\")\ncall_tool(\"bench.private\")")?;
        let Outcome::Returned(value) = &report.outcome else {
            anyhow::bail!("{:?}", report.outcome);
        };
        let kib = value.get().parse::<u64>()?.saturating_sub(before);
        row(
            "private memory of an instance after hello",
            &format!("{:.2} MiB", f64::from(u32::try_from(kib)?) / 1024.0),
            "<= 1 MiB",
        );
        Ok(())
    }

    fn computing(&self) -> anyhow::Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
        let mut product = 1.0;
        let names = ["nbody", "fannkuch", "records", "words", "classes"];
        for name in names {
            let path = folder.join(format!("{name}.py"));
            let path = path.to_str().context("a path that is no text")?;
            let expected = text(Command::new(&self.native).arg(path).output()?)?;
            let (ours, theirs) = alternate(
                5,
                || self.ours(&["run", "--timeout", "120s", path], &expected),
                || self.theirs(&[path], &expected),
            )?;
            row(
                &format!("  {name}, metered, against native"),
                &format!("{:.2}x", ratio(ours, theirs)),
                "",
            );
            product *= ratio(ours, theirs);
        }
        row(
            "CPU-bound Python, 5 programs, geometric mean",
            &format!("{:.2}x", product.powf(0.2)),
            "<= 2.4x",
        );
        Ok(())
    }

    fn overshoot(&self) -> anyhow::Result<()> {
        let sandbox = self.guests.open(Allocation::OnDemand)?;
        let wall = Duration::from_millis(20);
        let mut times = Vec::new();
        for _ in 0..200 {
            let mut run = request("while True: pass");
            run.limits.wall = wall;
            let started = Instant::now();
            let report = self.runtime.block_on(sandbox.run(run))?;
            let elapsed = started.elapsed();
            ensure!(matches!(report.outcome, Outcome::Stopped(..)));
            times.push(elapsed.saturating_sub(wall));
        }
        times.sort();
        row(
            "a guest that spins: overshoot of its deadline, p99",
            &ms(times[times.len() * 99 / 100]),
            "<= 50 ms",
        );
        Ok(())
    }

    fn executable(&self) -> anyhow::Result<()> {
        let bytes = std::fs::metadata(&self.wxmcp)?.len();
        row(
            "executable, stripped, guest inside",
            &format!("{} MB", bytes / 1_000_000),
            "<= 45 MB",
        );
        Ok(())
    }

    fn ours(&self, args: &[&str], expected: &str) -> anyhow::Result<Duration> {
        time(&self.wxmcp, args, expected)
    }

    fn theirs(&self, args: &[&str], expected: &str) -> anyhow::Result<Duration> {
        time(Path::new(&self.native), args, expected)
    }

    fn run(&self, sandbox: &Sandbox, source: &str) -> anyhow::Result<Report> {
        Ok(self.runtime.block_on(sandbox.run(request(source)))?)
    }
}

const GATHERED: &str = "\
import asyncio, time
from tools import bench
async def main():
    started = time.perf_counter()
    answers = await asyncio.gather(*(bench.sleep(ms=20) for i in range(50)))
    assert answers == [20] * 50
    return (time.perf_counter() - started) * 1e3
asyncio.run(main())
";

const AWAITED: &str = "\
import asyncio, time
from tools import bench
async def main():
    for i in range(200): await bench.echo(a=i)
    started = time.perf_counter()
    for i in range(2000):
        assert await bench.echo(a=i) == {'a': i}
    return (time.perf_counter() - started) / 2000 * 1e6
asyncio.run(main())
";

const BLOCKING: &str = "\
import time
from tools import bench
echo = bench.echo
for i in range(200): echo(a=i)
started = time.perf_counter()
for i in range(2000):
    assert echo(a=i) == {'a': i}
(time.perf_counter() - started) / 2000 * 1e6
";

fn request(source: &str) -> Run {
    Run {
        script: Script {
            name: "bench.py".to_owned(),
            source: source.to_owned(),
            args: Vec::new(),
        },
        policy: Policy::default(),
        limits: Limits {
            tool_calls: 10_000,
            ..Limits::default()
        },
        tools: Arc::new(Tools),
        observer: Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    }
}

/// The guests that `make guests` built: the ones inside the program.
struct Guests {
    python: NativeGuest,
    cache: PathBuf,
}

impl Guests {
    fn read() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
        let manifest = std::fs::read(folder.join("manifest.json"))?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
        let python = &manifest["python"];
        let digest = python["native_sha256"].as_str().context("no digest")?;
        Ok(Self {
            python: NativeGuest {
                name: "python",
                sha256: digest.to_owned().leak(),
                size: python["native_bytes"].as_u64().context("no size")?,
                compressed: std::fs::read(folder.join("python.cwasm.zst"))?.leak(),
            },
            cache: folder.join("../tmp/bench-cache"),
        })
    }

    fn open(&self, allocation: Allocation) -> anyhow::Result<Sandbox> {
        let engine = engine::engine(allocation)?;
        let guest = NativeCache::new(Some(self.cache.clone())).load(&engine, &self.python)?;
        Ok(Sandbox::open(&engine, &guest)?)
    }
}

/// A program in the folder of this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing", path.display());
    Ok(path)
}

/// The interpreter itself: `python3` may be a script that finds one.
fn native() -> anyhow::Result<String> {
    let named = std::env::var("NATIVE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(named)
        .args(["-c", "import sys; print(sys.executable)"])
        .output()?;
    Ok(text(found)?.trim().to_owned())
}

/// Runs both `count` times in turn and answers the medians.
fn alternate(
    count: usize,
    mut ours: impl FnMut() -> anyhow::Result<Duration>,
    mut theirs: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<(Duration, Duration)> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..count {
        a.push(ours()?);
        b.push(theirs()?);
    }
    Ok((median(a), median(b)))
}

fn time(program: &Path, args: &[&str], expected: &str) -> anyhow::Result<Duration> {
    let mut command = Command::new(program);
    command.args(args);
    let started = Instant::now();
    let output = command.output()?;
    let elapsed = started.elapsed();
    ensure!(
        text(output)? == expected,
        "{program:?} printed something else"
    );
    Ok(elapsed)
}

fn text(output: Output) -> anyhow::Result<String> {
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn row(question: &str, measured: &str, bar: &str) {
    println!("{question:<58} {measured:>14} {bar:>14}");
}

/// Private, written memory of this process in KiB.
fn private_kib() -> anyhow::Result<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    rollup
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .context("no Private_Dirty in smaps_rollup")
}

/// `bench.echo`, `bench.sleep` and `bench.private`, answered in this process.
struct Tools;

impl ToolHost for Tools {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            let value = match call.name.as_str() {
                "bench.sleep" => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    serde_json::json!(20)
                }
                "bench.private" => serde_json::json!(private_kib().unwrap_or(0)),
                _ => serde_json::Value::Object(call.arguments),
            };
            Ok(ToolAnswer { value, bytes: 8 })
        })
    }

    fn namespaces(&self) -> Vec<String> {
        vec!["bench".to_owned()]
    }

    fn namespace(
        &self,
        name: String,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        let tools = ["echo", "private", "sleep"].map(|tool| ToolListing {
            name: tool.to_owned(),
            attribute: tool.to_owned(),
            parameters: Vec::new(),
            description: String::new(),
        });
        Box::pin(async move {
            Ok(NamespaceListing {
                name,
                tools: tools.into(),
            })
        })
    }
}
