//! What recordings cost: to verify, to replay, while they are made, and on the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::runtime::Runtime;
use wxmcp_recording::event::{Event, Head};
use wxmcp_recording::file::Writer;
use wxmcp_recording::{Recorder, Sink};
use wxmcp_run::{Language, Outcome};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::engine::Allocation;

use crate::guests::Guests;
use crate::scripts::{AWAITED, BLOCKING, JS_AWAITED, request};
use crate::timing::{in_blocks, median, ms, row, text, time};

/// Recordings that are verified at once.
const MANY: usize = 1_000;

/// Ten calls, the last three at once, in each language.
const TEN_CALLS: [(&str, &str); 2] = [
    (
        "ten.py",
        "import asyncio\nfrom tools import fixture\n\
         for n in range(7):\n    print(await fixture.echo(message=f'{n}', rows=list(range(n))))\n\
         print(await asyncio.gather(*(fixture.add(a=n, b=n) for n in range(3))))\n",
    ),
    (
        "ten.ts",
        "import * as fixture from 'tools/fixture';\n\
         for (let n = 0; n < 7; n++) console.log(await fixture.echo({ message: `${n}`, rows: [n, n] }));\n\
         console.log(await Promise.all([0, 1, 2].map((n) => fixture.add({ a: n, b: n }))));\n",
    ),
];

/// A tool with answers as they are: pages of records, some of them alike.
const RECORDS: &str = "\
import hashlib
from wxmcp import tool

@tool
def page(number: int) -> list:
    \"\"\"A page of records.\"\"\"
    def one(n):
        digest = hashlib.sha256(f'{n}'.encode()).hexdigest()
        return {'id': n, 'key': digest[:16], 'name': f'record {n}', 'tags': ['a', 'b'][: n % 3], 'amount': n * 7919 % 10007 / 100,
                'note': None if n % 4 else f'see {digest[16:28]}'}
    return [one(n) for n in range(number * 40, number * 40 + 40)]
";

const PAGES: &str = "\
from tools import records
total = 0
for number in range(100):
    total += len(records.page(number=number))
print(total)
";

/// How hard the file of a recording is compressed.
const LEVEL: i32 = 3;

/// A run that waited for half a minute: `fixtures/recordings/live/half_a_minute`.
const WAITED: [&str; 2] = ["half_a_minute.py.wxr", "half_a_minute.ts.wxr"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

pub(crate) fn figures(guests: &Guests, wxmcp: &Path, event_loop: &Runtime) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    verify(wxmcp, folder.path())?;
    replay(wxmcp)?;
    for (what, language, source) in [
        ("awaited, Python", Language::Python, AWAITED),
        ("blocking, Python", Language::Python, BLOCKING),
        ("awaited, JavaScript", Language::JavaScript, JS_AWAITED),
    ] {
        let sandbox = guests.open(language, Allocation::OnDemand)?;
        added(
            what,
            (&sandbox, language, source),
            folder.path(),
            event_loop,
        )?;
    }
    size(wxmcp, folder.path())
}

/// Records a script of a folder.
fn record(wxmcp: &Path, folder: &Path, script: &str, expected: &str) -> anyhow::Result<PathBuf> {
    let recording = folder.join(script).with_extension("recorded");
    let output = Command::new(wxmcp)
        .current_dir(folder)
        .env("FIXTURES", fixtures())
        .args(["record", "-o"])
        .arg(&recording)
        .arg(script)
        .output()?;
    let printed = text(output)?;
    ensure!(printed.trim_end().ends_with(expected), "{printed}");
    Ok(recording)
}

fn verify(wxmcp: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::copy(
        fixtures().join("mcp/fixture.json"),
        folder.join(".mcp.json"),
    )?;
    let many = folder.join("many");
    fs::create_dir(&many)?;
    for (script, source) in TEN_CALLS {
        fs::write(folder.join(script), source)?;
        let last = if script.ends_with("ts") {
            "[ 0, 2, 4 ]"
        } else {
            "[0, 2, 4]"
        };
        let recording = record(wxmcp, folder, script, last)?;
        let mut show = Command::new(wxmcp);
        show.args(["recording", "show", "--calls"]).arg(&recording);
        let shown = text(show.output()?)?;
        let calls = shown
            .lines()
            .filter(|line| line.contains("fixture."))
            .count();
        ensure!(calls == 10, "{shown}");
        for number in 0..MANY / TEN_CALLS.len() {
            let name = format!("{}-{number}.wxr", script.replace('.', "-"));
            fs::copy(&recording, many.join(name))?;
        }
    }
    let started = Instant::now();
    let output = Command::new(wxmcp)
        .args(["verify", "--quiet"])
        .arg(&many)
        .output()?;
    let elapsed = started.elapsed();
    let told = text(output)?;
    ensure!(
        told.starts_with(&format!("verified {MANY} recordings: {MANY} same")),
        "{told}"
    );
    let cores = std::thread::available_parallelism()?;
    row(
        &format!("verify {MANY} recordings of ten calls, {cores} cores"),
        &format!("{:.1} s", elapsed.as_secs_f64()),
        "<= 10 s",
    );
    Ok(())
}

fn replay(wxmcp: &Path) -> anyhow::Result<()> {
    for name in WAITED {
        let recording = fixtures().join("recordings").join(name);
        let recording = recording.to_str().context("a path that is no text")?;
        let args = ["replay", "--quiet", recording];
        // The script says itself how many seconds it saw.
        let expected = "30 seconds and more\n";
        let times: Result<Vec<_>, _> = (0..30).map(|_| time(wxmcp, &args, expected)).collect();
        row(
            &format!("replay of a run that waited 30 s, {name}, p50"),
            &ms(median(times?)),
            "<= 50 ms",
        );
    }
    Ok(())
}

/// A recording on the disk, as `wxmcp record` makes it.
struct Kept(Writer<File>);

impl Sink for Kept {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        self.0.push(event).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(io::Error::other)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.finish().map(drop).map_err(io::Error::other)
    }
}

/// What recording adds to a call that is answered in this process, which the script itself times: some runs of each kind in turn.
fn added(
    what: &str,
    (sandbox, language, source): (&Sandbox, Language, &str),
    folder: &Path,
    event_loop: &Runtime,
) -> anyhow::Result<()> {
    let timed = |is_recorded: bool| -> anyhow::Result<Duration> {
        let run = request(language, source);
        let (run, recorder) = if is_recorded {
            let head = Head::of(&run, "", "bench")?;
            let kept = Kept(Writer::new(File::create(folder.join("one.wxr"))?)?);
            let (run, recorder) = Recorder::of(run, head, Vec::new(), Box::new(kept))?;
            (run, Some(recorder))
        } else {
            (run, None)
        };
        let report = event_loop.block_on(sandbox.run(run))?;
        if let Some(recorder) = recorder {
            recorder.finish(&report, Vec::new())?;
        }
        let Outcome::Returned(value) = &report.outcome else {
            anyhow::bail!("{:?}", report.outcome);
        };
        Ok(Duration::from_secs_f64(value.get().parse::<f64>()? / 1e6))
    };
    timed(true)?;
    timed(false)?;
    let (with, without) = in_blocks(12, 2, || timed(true), || timed(false))?;
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    row(
        &format!("recording adds to a call, {what}, p50"),
        &format!("{:.1} us", us(with) - us(without)),
        "<= 20 us",
    );
    row(
        "  recorded, against not recorded",
        &format!(
            "{:.1} / {:.1} us, {:.2}x",
            us(with),
            us(without),
            us(with) / us(without)
        ),
        "",
    );
    Ok(())
}

/// The file against the answers in it, compressed as the file is: all together.
fn size(wxmcp: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder.join("tools/records"))?;
    fs::write(folder.join("tools/records/page.py"), RECORDS)?;
    fs::write(folder.join("pages.py"), PAGES)?;
    let recording = record(wxmcp, folder, "pages.py", "4000")?;
    let shown = Command::new(wxmcp)
        .args(["recording", "show"])
        .arg(&recording)
        .output()?;
    let (mut answers, mut alone) = (Vec::new(), 0);
    for line in text(shown)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let Some(answer) = event.get("ok").filter(|_| event["kind"] == "answered") else {
            continue;
        };
        let answer = answer.to_string();
        alone += zstd::encode_all(answer.as_bytes(), LEVEL)?.len();
        answers.extend(answer.into_bytes());
    }
    ensure!(
        answers.len() > 100_000,
        "{} bytes of answers",
        answers.len()
    );
    let together = zstd::encode_all(answers.as_slice(), LEVEL)?.len();
    let file = fs::metadata(&recording)?.len();
    let against = |bytes: usize| -> anyhow::Result<String> {
        let (file, bytes) = (u32::try_from(file)?, u32::try_from(bytes)?);
        Ok(format!("{:.2}x", f64::from(file) / f64::from(bytes)))
    };
    row(
        "file of a recording, against its answers compressed together",
        &against(together)?,
        "<= 1.2x",
    );
    row(
        "  against each of them compressed alone",
        &against(alone)?,
        "",
    );
    row(
        "  file / compressed / answers",
        &format!(
            "{} / {} / {} KB",
            file / 1_000,
            together / 1_000,
            answers.len() / 1_000
        ),
        "",
    );
    Ok(())
}
