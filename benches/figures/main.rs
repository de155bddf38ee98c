//! The figures of the README, measured side by side in one run: `make bench`.
//!
//! Every answer is asserted before its time counts, and limits are armed. Times
//! of processes are medians of runs that alternate with native CPython's, so that
//! a machine whose speed drifts slows both; read the ratios. Arguments choose
//! groups of questions by words of theirs: `figures fresh awaited`.
//!
//! `--before FOLDER` measures the programs of that folder as well, those of an earlier commit
//! (`benches/before.sh`): group by group, in turn with the ones beside this program.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program that prints a table, and fails where it stands"
)]

mod compare;
mod determinism;
mod files;
mod guests;
mod packages;
mod recordings;
mod requests;
mod scripts;
mod serve;
mod sessions;
mod surroundings;
mod timing;
mod tree;
mod workers;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wxmcp_run::{Language, Outcome, Report};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::engine::Allocation;

use guests::{Guests, beside, node, python};
use scripts::{AWAITED, BLOCKING, GATHERED, JS_AWAITED, JS_GATHERED, request, transform};
use timing::{alternate, faults, in_blocks, median, ms, private_kib, ratio, row, text, time};

/// Asks for one group of questions, and prints each row: question, figure and bar, between tabs.
const MEASURE: &str = "--measure";

/// A group of questions; the words choose it.
struct Group {
    words: &'static str,
    measure: fn(&Bench) -> anyhow::Result<()>,
}

const GROUPS: [Group; 27] = [
    group("python cold process", |bench| {
        bench.cold_process(&bench.python())
    }),
    group("python fresh instance", |bench| {
        bench.fresh_instance(&bench.python())
    }),
    group("python calls gathered awaited blocking", |bench| {
        bench.calls(&bench.python())
    }),
    group("python computing", |bench| bench.computing(&bench.python())),
    group("python files mount", |bench| {
        files::figures(&bench.wxmcp, &bench.python)
    }),
    group("python surroundings threads", |bench| {
        surroundings::threads(&bench.guests, &bench.runtime)
    }),
    group("surroundings scratch first write", |bench| {
        surroundings::first_writes(&bench.guests, &bench.runtime)
    }),
    group("python requests", |bench| {
        requests::figures(&bench.wxmcp, &bench.python)
    }),
    group("python private memory", Bench::private_memory),
    group("python sessions", |bench| {
        sessions::figures(&bench.guests, &bench.runtime, Language::Python)
    }),
    group("python overshoot", |bench| {
        bench.overshoot(Language::Python, "while True: pass")
    }),
    group("javascript cold process", |bench| {
        bench.cold_process(&bench.javascript())
    }),
    group("javascript fresh instance", |bench| {
        bench.fresh_instance(&bench.javascript())
    }),
    group("javascript calls gathered awaited", |bench| {
        bench.calls(&bench.javascript())
    }),
    group("javascript computing", |bench| {
        bench.computing(&bench.javascript())
    }),
    group("javascript sessions", |bench| {
        sessions::figures(&bench.guests, &bench.runtime, Language::JavaScript)
    }),
    group("javascript overshoot", |bench| {
        bench.overshoot(Language::JavaScript, "for (;;);")
    }),
    group("javascript transform", |_| transform()),
    group("tools tree catalogue", |bench| {
        tree::timers(&bench.guests)?;
        tree::catalogue(&bench.guests)
    }),
    group("tools file calls query", |bench| tree::calls(&bench.guests)),
    group("serve run_code session", |bench| {
        serve::figures(&bench.wxmcp)
    }),
    group("worker process fresh run", |bench| {
        workers::figures(&bench.guests, &bench.wxmcp, &bench.runtime)
    }),
    group("recordings verify replay size", |bench| {
        recordings::figures(&bench.guests, &bench.wxmcp, &bench.runtime)
    }),
    group("packages imports", |bench| packages::figures(&bench.wxmcp)),
    group("determinism", |bench| determinism::figures(&bench.wxmcp)),
    group("machine executable", Bench::executable),
    group("machine", Bench::machine),
];

const fn group(words: &'static str, measure: fn(&Bench) -> anyhow::Result<()>) -> Group {
    Group { words, measure }
}

fn main() -> anyhow::Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(MEASURE) = words.first().map(String::as_str) {
        let asked = words.get(1).context("no group of questions")?;
        let group = GROUPS.iter().find(|group| group.words == asked);
        return (group.context("no such group of questions")?.measure)(&Bench::new()?);
    }
    let mut before = None;
    if words.first().is_some_and(|word| word == "--before") {
        before = Some(PathBuf::from(
            words.get(1).context("`--before` needs a folder")?,
        ));
        words.drain(..2);
    }
    let asked: Vec<&str> = GROUPS
        .iter()
        .map(|group| group.words)
        .filter(|name| words.is_empty() || words.iter().any(|word| name.contains(word.as_str())))
        .collect();
    compare::table(&asked, before.as_deref())
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
    /// Where that copy is.
    _folder: tempfile::TempDir,
    guests: Guests,
    python: PathBuf,
    node: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> anyhow::Result<Self> {
        // A copy, as an installation makes it: what the linker leaves lies in smaller pieces in the
        // kernel's cache, and takes more page faults to map.
        let folder = tempfile::tempdir()?;
        let wxmcp = folder.path().join("wxmcp");
        let bytes = std::fs::read(beside("wxmcp")?)?;
        std::fs::write(&wxmcp, bytes)?;
        std::fs::set_permissions(&wxmcp, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self {
            wxmcp,
            _folder: folder,
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
            cold_bar: "<= 0.30x",
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
                "sorting", "strings", "fib", "maps", "patterns",
            ],
            gathered: JS_GATHERED,
            awaited: JS_AWAITED,
            blocking: None,
            cold_bar: "<= 0.08x",
            fresh_bar: "<= 0.40 ms",
            gathered_bar: "<= 34 ms",
            awaited_bar: "<= 55 us",
            computing_bar: "<= 1.7x",
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
        row("machine", model, &format!("{cores} cores"));
        row("native Python", version(&self.python)?.trim(), "");
        row(
            "native JavaScript",
            &format!("node {}", version(&self.node)?.trim()),
            "",
        );
        Ok(())
    }

    /// Alone, run after run; and in turn with other programs, which leave the processor's caches cold.
    fn cold_process(&self, asked: &Questions) -> anyhow::Result<()> {
        let lang = ["run", "--lang", asked.suffix, "-c", asked.hello];
        let flag = if asked.suffix == "js" { "-e" } else { "-c" };
        let ours = || time(&self.wxmcp, &lang, "hello\n");
        let theirs = || time(&asked.native, &[flag, asked.hello], "hello\n");
        let other = || time(&self.node, &["-p", "'other'"], "other\n");
        ours()?;
        let hello = asked.hello;
        for (how, (ours, theirs)) in [
            ("back to back", in_blocks(10, 20, ours, theirs)?),
            (
                "between other programs",
                alternate(
                    60,
                    || other().and_then(|_| ours()),
                    || other().and_then(|_| theirs()),
                )?,
            ),
        ] {
            row(
                &format!("{hello}, cold process, {how}, against native"),
                &format!("{:.2}x", ratio(ours, theirs)),
                asked.cold_bar,
            );
            row(&format!("  wxmcp, {how}"), &ms(ours), "");
            row(&format!("  native, {how}"), &ms(theirs), "");
        }
        let faults = faults(&self.python, &self.wxmcp, &lang)?;
        row(
            "  page faults of that process",
            &faults.to_string(),
            "<= 400",
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

    fn overshoot(&self, language: Language, endless: &str) -> anyhow::Result<()> {
        let sandbox = self.guests.open(language, Allocation::OnDemand)?;
        let wall = Duration::from_millis(20);
        let mut times = Vec::new();
        for _ in 0..200 {
            let mut run = request(language, endless);
            run.limits.wall = wall;
            let started = Instant::now();
            let report = self.runtime.block_on(sandbox.run(run))?;
            let elapsed = started.elapsed();
            ensure!(matches!(report.outcome, Outcome::Stopped(..)));
            times.push(elapsed.saturating_sub(wall));
        }
        times.sort();
        row(
            &format!("{endless}, overshoot of its deadline, p99"),
            &ms(times[times.len() * 99 / 100]),
            "<= 10 ms",
        );
        Ok(())
    }

    fn executable(&self) -> anyhow::Result<()> {
        let bytes = std::fs::metadata(&self.wxmcp)?.len();
        row(
            "executable, stripped, guests inside",
            &format!(
                "{:.1} MB",
                f64::from(u32::try_from(bytes / 100_000)?) / 10.0
            ),
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
