//! The figures of the README, measured side by side in one run: `make bench`.
//!
//! Every answer is asserted before its time counts, and limits are armed. Times
//! of processes are medians of runs that alternate with native CPython's, so that
//! a machine whose speed drifts slows both; read the ratios. Arguments choose
//! questions by words of theirs: `figures fresh awaited`.
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
    BoxFuture, CallContext, Language, Limits, NamespaceListing, NativeCache, NativeGuest, Outcome,
    Policy, Report, Run, Sandbox, Script, Silent, ToolAnswer, ToolCall, ToolError, ToolHost,
    ToolListing,
};

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = |question: &str| words.is_empty() || words.iter().any(|w| question.contains(w));
    let bench = Bench::new()?;
    bench.machine()?;
    println!("{:<58} {:>14} {:>14}", "question", "measured", "bar");
    for questions in [bench.python(), bench.javascript()] {
        println!("{:?}", questions.language);
        if asked("cold process") {
            bench.cold_process(&questions)?;
        }
        if asked("fresh instance") {
            bench.fresh_instance(&questions)?;
        }
        if asked("gathered awaited blocking calls") {
            bench.calls(&questions)?;
        }
        if asked("computing") {
            bench.computing(&questions)?;
        }
        match questions.language {
            Language::Python => {
                if asked("private memory") {
                    bench.private_memory()?;
                }
                if asked("overshoot") {
                    bench.overshoot()?;
                }
            }
            _ if asked("transform") => transform()?,
            _ => {}
        }
    }
    println!("both");
    bench.executable()
}

/// What is asked of each language, and the bars.
struct Questions {
    language: Language,
    suffix: &'static str,
    hello: &'static str,
    /// The native interpreter, with flags for computing.
    native: PathBuf,
    computing_flags: &'static [&'static str],
    programs: &'static [&'static str],
    gathered: &'static str,
    awaited: &'static str,
    blocking: Option<&'static str>,
    cold_bar: &'static str,
    fresh_bar: &'static str,
    gathered_bar: &'static str,
    awaited_bar: &'static str,
    computing_bar: &'static str,
}

struct Bench {
    wxmcp: PathBuf,
    guests: Guests,
    python: PathBuf,
    node: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            wxmcp: beside("wxmcp")?,
            guests: Guests::read()?,
            python: python()?,
            node: node()?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    fn python(&self) -> Questions {
        Questions {
            language: Language::Python,
            suffix: "py",
            hello: "print(\"hello\")",
            native: self.python.clone(),
            computing_flags: &[],
            programs: &["nbody", "fannkuch", "records", "words", "classes"],
            gathered: GATHERED,
            awaited: AWAITED,
            blocking: Some(BLOCKING),
            cold_bar: "<= 0.33x",
            fresh_bar: "<= 0.60 ms",
            gathered_bar: "<= 26 ms",
            awaited_bar: "<= 50 us",
            computing_bar: "<= 2.4x",
        }
    }

    fn javascript(&self) -> Questions {
        Questions {
            language: Language::JavaScript,
            suffix: "js",
            hello: "console.log(\"hello\")",
            native: self.node.clone(),
            computing_flags: &["--jitless"],
            programs: &[
                "nbody", "fannkuch", "records", "words", "classes", "sieve", "closures", "matrix",
                "sorting", "strings",
            ],
            gathered: JS_GATHERED,
            awaited: JS_AWAITED,
            blocking: None,
            cold_bar: "<= 0.08x",
            fresh_bar: "<= 0.40 ms",
            gathered_bar: "<= 34 ms",
            awaited_bar: "<= 55 us",
            computing_bar: "<= 3.0x",
        }
    }

    fn machine(&self) -> anyhow::Result<()> {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name\t: "))
            .unwrap_or("unknown CPU");
        let cores = std::thread::available_parallelism()?;
        let version = |program: &Path| text(Command::new(program).arg("--version").output()?);
        println!(
            "machine: {model}, {cores} cores; native: {}, node {}\n",
            version(&self.python)?.trim(),
            version(&self.node)?.trim()
        );
        Ok(())
    }

    fn cold_process(&self, asked: &Questions) -> anyhow::Result<()> {
        let lang = ["run", "--lang", asked.suffix, "-c", asked.hello];
        let flag = if asked.suffix == "js" { "-e" } else { "-c" };
        let ours = || time(&self.wxmcp, &lang, "hello\n");
        let theirs = || time(&asked.native, &[flag, asked.hello], "hello\n");
        ours()?;
        let (ours, theirs) = alternate(60, ours, theirs)?;
        row(
            &format!("  cold process, {}, against native", asked.hello),
            &format!("{:.2}x", ratio(ours, theirs)),
            asked.cold_bar,
        );
        row(
            "    wxmcp / native",
            &format!("{} / {}", ms(ours), ms(theirs)),
            "",
        );
        Ok(())
    }

    fn fresh_instance(&self, asked: &Questions) -> anyhow::Result<()> {
        let sandbox = self.guests.open(
            asked.language,
            Allocation::Pooled {
                instances: 4,
                memory: 256 << 20,
            },
        )?;
        let mut times = Vec::new();
        for _ in 0..400 {
            let started = Instant::now();
            let report = self.run(&sandbox, asked.language, asked.hello)?;
            let elapsed = started.elapsed();
            ensure!(report.stdout == b"hello\n");
            times.push(elapsed);
        }
        row(
            "  fresh instance + hello + drop, pooled, p50",
            &ms(median(times)),
            asked.fresh_bar,
        );
        Ok(())
    }

    fn calls(&self, asked: &Questions) -> anyhow::Result<()> {
        let sandbox = self.guests.open(asked.language, Allocation::OnDemand)?;
        let timed = |source: &str| -> anyhow::Result<f64> {
            let report = self.run(&sandbox, asked.language, source)?;
            match &report.outcome {
                Outcome::Returned(value) => Ok(value.get().parse()?),
                other => anyhow::bail!("{other:?}"),
            }
        };
        let gathered = timed(asked.gathered)?;
        row(
            "  50 gathered calls of 20 ms",
            &format!("{gathered:.1} ms"),
            asked.gathered_bar,
        );
        let awaited = timed(asked.awaited)?;
        row(
            "  awaited call, round trip",
            &format!("{awaited:.1} us"),
            asked.awaited_bar,
        );
        if let Some(blocking) = asked.blocking {
            row(
                "  blocking call, round trip",
                &format!("{:.1} us", timed(blocking)?),
                "<= 8 us",
            );
        }
        Ok(())
    }

    fn private_memory(&self) -> anyhow::Result<()> {
        let sandbox = self.guests.open(Language::Python, Allocation::OnDemand)?;
        self.run(&sandbox, Language::Python, "print(\"hello\")")?;
        let before = private_kib()?;
        let report = self.run(
            &sandbox,
            Language::Python,
            "print(\"hello\")\ncall_tool(\"bench.private\")",
        )?;
        let Outcome::Returned(value) = &report.outcome else {
            anyhow::bail!("{:?}", report.outcome);
        };
        let kib = value.get().parse::<u64>()?.saturating_sub(before);
        row(
            "  private memory of an instance after hello",
            &format!("{:.2} MiB", f64::from(u32::try_from(kib)?) / 1024.0),
            "<= 1 MiB",
        );
        Ok(())
    }

    fn computing(&self, asked: &Questions) -> anyhow::Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
        let mut product = 1.0;
        for name in asked.programs {
            let path = folder.join(format!("{name}.{}", asked.suffix));
            let path = path.to_str().context("a path that is no text")?;
            let mut native: Vec<&str> = asked.computing_flags.to_vec();
            native.push(path);
            let expected = text(Command::new(&asked.native).args(&native).output()?)?;
            let (ours, theirs) = alternate(
                5,
                || time(&self.wxmcp, &["run", "--timeout", "120s", path], &expected),
                || time(&asked.native, &native, &expected),
            )?;
            row(
                &format!("    {name}, metered, against native"),
                &format!("{:.2}x", ratio(ours, theirs)),
                "",
            );
            product *= ratio(ours, theirs);
        }
        let count = f64::from(u32::try_from(asked.programs.len())?);
        row(
            &format!(
                "  CPU-bound, {count} programs, geometric mean {}",
                asked.computing_flags.concat()
            ),
            &format!("{:.2}x", product.powf(count.recip())),
            asked.computing_bar,
        );
        Ok(())
    }

    fn overshoot(&self) -> anyhow::Result<()> {
        let sandbox = self.guests.open(Language::Python, Allocation::OnDemand)?;
        let wall = Duration::from_millis(20);
        let mut times = Vec::new();
        for _ in 0..200 {
            let mut run = request(Language::Python, "while True: pass");
            run.limits.wall = wall;
            let started = Instant::now();
            let report = self.runtime.block_on(sandbox.run(run))?;
            let elapsed = started.elapsed();
            ensure!(matches!(report.outcome, Outcome::Stopped(..)));
            times.push(elapsed.saturating_sub(wall));
        }
        times.sort();
        row(
            "  a guest that spins: overshoot of its deadline, p99",
            &ms(times[times.len() * 99 / 100]),
            "<= 50 ms",
        );
        Ok(())
    }

    fn executable(&self) -> anyhow::Result<()> {
        let bytes = std::fs::metadata(&self.wxmcp)?.len();
        row(
            "  executable, stripped, guests inside",
            &format!("{} MB", bytes / 1_000_000),
            "<= 60 MB",
        );
        Ok(())
    }

    fn run(&self, sandbox: &Sandbox, language: Language, source: &str) -> anyhow::Result<Report> {
        Ok(self
            .runtime
            .block_on(sandbox.run(request(language, source)))?)
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

const JS_GATHERED: &str = "\
import { sleep } from './tools/bench';
const started = performance.now();
const answers = await Promise.all(Array.from({ length: 50 }, () => sleep({ ms: 20 })));
if (answers.length !== 50 || answers.some((answer) => answer !== 20)) throw new Error('wrong');
return performance.now() - started;
";

const JS_AWAITED: &str = "\
import { echo } from './tools/bench';
for (let i = 0; i < 200; i++) await echo({ a: i });
const started = performance.now();
for (let i = 0; i < 2000; i++) if ((await echo({ a: i })).a !== i) throw new Error('wrong');
return ((performance.now() - started) / 2000) * 1e3;
";

fn request(language: Language, source: &str) -> Run {
    Run {
        script: Script {
            name: "bench".to_owned(),
            language,
            source: source.to_owned(),
            args: Vec::new(),
            task: None,
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
    javascript: NativeGuest,
    cache: PathBuf,
}

impl Guests {
    fn read() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
        let manifest = std::fs::read(folder.join("manifest.json"))?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
        let guest = |name: &'static str| -> anyhow::Result<NativeGuest> {
            let facts = &manifest[name];
            let digest = facts["native_sha256"].as_str().context("no digest")?;
            Ok(NativeGuest {
                name,
                sha256: digest.to_owned().leak(),
                size: facts["native_bytes"].as_u64().context("no size")?,
                compressed: std::fs::read(folder.join(format!("{name}.cwasm.zst")))?.leak(),
            })
        };
        Ok(Self {
            python: guest("python")?,
            javascript: guest("javascript")?,
            cache: folder.join("../tmp/bench-cache"),
        })
    }

    fn open(&self, language: Language, allocation: Allocation) -> anyhow::Result<Sandbox> {
        let engine = engine::engine(allocation)?;
        let guest = match language {
            Language::Python => &self.python,
            Language::JavaScript | Language::TypeScript => &self.javascript,
        };
        let guest = NativeCache::new(Some(self.cache.clone())).load(&engine, guest)?;
        Ok(Sandbox::open(&engine, &guest)?)
    }
}

/// Time to take the types out of a script, and everything else before its guest starts.
fn transform() -> anyhow::Result<()> {
    let part = "import { query } from './tools/database';\ninterface Row { id: number; name: string }\n\
        async function load(limit: number): Promise<Row[]> {\n  const rows = (await query({ sql: 'x', limit })) as Row[];\n  \
        return rows.filter((row: Row) => row.id > 0)!;\n}\n";
    let body = "const total: number = rows.map((row: Row): number => row.id * 2).reduce((a, b) => a + b, 0);\n\
        if (total > 10) {\n  console.log(`total ${total}`, { total, rows } satisfies object);\n}\n";
    let source = format!(
        "{part}const rows = await load(5);\n{}",
        (0..43)
            .map(|i| body.replace("total", &format!("total{i}")))
            .collect::<String>()
    );
    let lines = source.lines().count();
    let script = Script {
        name: "script.ts".to_owned(),
        language: Language::TypeScript,
        source,
        args: Vec::new(),
        task: None,
    };
    let mut times = Vec::new();
    for _ in 0..500 {
        let started = Instant::now();
        ensure!(script.check().is_ok());
        times.push(started.elapsed());
    }
    row(
        &format!("  transform of {lines} lines of TypeScript, p50"),
        &ms(median(times)),
        "<= 0.40 ms",
    );
    Ok(())
}

/// A program in the folder of this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing", path.display());
    Ok(path)
}

/// The interpreter itself: `python3` may be a script that finds one.
fn python() -> anyhow::Result<PathBuf> {
    let named = std::env::var("NATIVE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(named)
        .args(["-c", "import sys; print(sys.executable)"])
        .output()?;
    Ok(text(found)?.trim().into())
}

fn node() -> anyhow::Result<PathBuf> {
    let named = std::env::var("NATIVE_NODE").unwrap_or_else(|_| "node".to_owned());
    let found = Command::new(named)
        .args(["-p", "process.execPath"])
        .output()?;
    Ok(text(found)?.trim().into())
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
