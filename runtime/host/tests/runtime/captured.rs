//! What scripts see of mounts in runs that must reproduce: the same of two folders with the same content, and of what
//! was captured of one.

use std::error::Error;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use wxmcp_host::{Job, Runtime};
use wxmcp_recording::Deterministic;
use wxmcp_recording::capture::{capture, changes, events, sources};
use wxmcp_recording::event::{self, Event};
use wxmcp_run::{Access, Language, Mount, Policy, Quota, Report, Source};

use crate::support::{TestResult, guests};

const READS: &str = r#"
import glob, hashlib, os, stat, time
from pathlib import Path

for folder, folders, files in os.walk("/data"):
    print(folder, folders, files)
print(glob.glob("/data/**/*.csv", recursive=True))
print([path.name for path in Path("/data").iterdir()])
for path in Path("/data").rglob("*"):
    found = path.lstat()
    print(path, oct(found.st_mode), found.st_size, found.st_nlink, found.st_ino, found.st_dev,
          found.st_mtime_ns, found.st_atime_ns, found.st_ctime_ns, os.access(path, os.W_OK))
print(os.stat("/data"), time.time() - os.path.getmtime("/data/b.csv") < 10)
print(os.path.samefile("/data/b.csv", "/data/sub/again.csv"), os.readlink("/data/latest"))
print(sorted(os.scandir("/data"), key=lambda entry: entry.inode()))
for path in ("/data/out", "/data/missing"):
    try:
        open(path).read()
    except OSError as error:
        print(path, error.errno, error.strerror)
newest = max(glob.glob("/data/*.csv"), key=os.path.getmtime)
print(newest, hashlib.sha256(Path(newest).read_bytes()).hexdigest())
"#;

const WRITES: &str = r#"
import json, os, shutil, sqlite3, tempfile, time
from pathlib import Path

data = Path("/data")
print(oct(os.umask(0o022)))
(data / "report.json").write_text(json.dumps({"rows": 3}))
with open(data / "b.csv", "a") as file:
    file.write("4,5\n")
print((data / "b.csv").read_text(), (data / "sub/again.csv").read_text())
os.chmod(data / "run.sh", 0o700)
os.utime(data / "c.csv", (1000, 2000))
time.sleep(5)
os.makedirs(data / "out-of/deep/down", exist_ok=True)
(data / "out-of/deep/x").write_bytes(b"x" * 100_000)
os.rename(data / "out-of/deep", data / "moved")
os.replace(data / "c.csv", data / "a.csv")
os.symlink("b.csv", data / "short")
os.link(data / "b.csv", data / "hard")
shutil.copytree(data / "sub", data / "copy")
shutil.rmtree(data / "sub/empty")
shutil.copy2(data / "b.csv", data / "b2.csv")
with tempfile.NamedTemporaryFile(dir=data, delete=False) as file:
    file.write(b"temporary")
    os.replace(file.name, data / "kept.tmp")
database = sqlite3.connect(data / "rows.db")
database.execute("create table rows (a, b)")
database.executemany("insert into rows values (?, ?)", [(n, n * n) for n in range(500)])
database.commit()
print(database.execute("select count(*), sum(b) from rows").fetchone())
database.close()
with open(data / "large.bin", "r+b") as file:
    file.seek(70_000)
    file.write(b"middle")
    file.truncate(80_000)
    print(os.fstat(file.fileno()))
os.remove(data / "hard")
for act in (lambda: os.rmdir(data / "sub"), lambda: os.mkdir(data / "sub"), lambda: os.symlink("../../x", data / "no"),
            lambda: os.rename(data / "b.csv", "/ro/b.csv"), lambda: (data / "out").read_text()):
    try:
        act()
    except OSError as error:
        print(type(error).__name__, error)
for folder, folders, files in os.walk(data):
    for name in folders + files:
        path = os.path.join(folder, name)
        found = os.lstat(path)
        print(path, oct(found.st_mode), found.st_size, found.st_nlink, found.st_ino, found.st_mtime)
"#;

const JAVASCRIPT: &str = r#"
import fs from "node:fs";
import path from "node:path";

const walk = (folder) => {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    const found = fs.lstatSync(at);
    console.log(at, entry.isDirectory(), found.mode.toString(8), found.size, found.ino, found.mtimeMs, found.ctime.toISOString());
    if (entry.isDirectory()) walk(at);
  }
};
walk("/data");
fs.writeFileSync("/data/report.json", JSON.stringify({ rows: fs.readFileSync("/data/b.csv", "utf8").split("\n").length }));
fs.appendFileSync("/data/b.csv", "4,5\n");
fs.mkdirSync("/data/a/b/c", { recursive: true });
fs.renameSync("/data/report.json", "/data/a/b/report.json");
fs.chmodSync("/data/run.sh", 0o600);
fs.rmSync("/data/sub", { recursive: true });
for (const name of ["/data/out", "/data/missing", "/data/sub"]) {
  try { fs.readFileSync(name); } catch (error) { console.log(name, error.code); }
}
await new Promise((resolve) => setTimeout(resolve, 3000));
await fs.promises.writeFile("/data/late.txt", "late");
console.log(fs.readdirSync("/data", { recursive: true }));
walk("/data");
"#;

/// The same folder; in another order, and at another time.
fn sample(is_backwards: bool) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let host = tempfile::tempdir()?;
    let to = |name: &str| host.path().join(name);
    let set =
        |name: &str, mode: u32| fs::set_permissions(to(name), fs::Permissions::from_mode(mode));
    set("", 0o755)?;
    let mut folders = ["sub", "sub/empty", "z"];
    let mut files = [
        ("b.csv", 0o644, "1,2\n2,3\n".to_owned()),
        ("a.csv", 0o644, "1\n".to_owned()),
        ("c.csv", 0o600, "1,2\n".to_owned()),
        ("run.sh", 0o755, "#!/bin/sh\n".to_owned()),
        ("sub/d.csv", 0o644, "4\n".to_owned()),
        ("z/\u{e4}.txt", 0o444, "\u{e4}".to_owned()),
        ("large.bin", 0o644, "0123456789".repeat(20_000)),
    ];
    for folder in folders {
        fs::create_dir(to(folder))?;
    }
    let mut time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    if is_backwards {
        files.reverse();
        folders.reverse();
        time += Duration::from_secs(500_000_000);
        // Other numbers of files, too.
        for number in 0..20 {
            fs::write(to(&number.to_string()), "")?;
        }
    }
    for (name, mode, content) in &files {
        fs::write(to(name), content)?;
        set(name, *mode)?;
        fs::File::open(to(name))?.set_modified(time)?;
        time += Duration::from_secs(60);
    }
    for number in 0..20 {
        let _is_there = fs::remove_file(to(&number.to_string()));
    }
    for folder in folders {
        set(folder, 0o755)?;
    }
    fs::hard_link(to("b.csv"), to("sub/again.csv"))?;
    symlink("b.csv", to("latest"))?;
    symlink("/etc/passwd", to("out"))?;
    Ok(host)
}

fn policy(source: Source) -> Policy {
    let mount = |source: Source, guest: &str, access| Mount {
        source,
        guest: guest.to_owned(),
        access,
        quota: Quota::default(),
    };
    Policy {
        mounts: vec![
            mount(source, "/data", Access::ReadWrite),
            mount(Source::Memory { bytes: 1 << 20 }, "/ro", Access::ReadWrite),
        ],
        ..Policy::default()
    }
}

/// What was captured, by way of events.
fn from_events(policy: &Policy) -> Result<Source, Box<dyn Error>> {
    let captured = capture(policy)?;
    let entries = events(&captured).filter_map(|event| match event {
        Event::Captured { mount, entry } => Some((mount, entry)),
        _ => None,
    });
    let mount = event::Mount {
        guest: String::new(),
        is_writable: true,
        memory: None,
        bundle: None,
        quota_bytes: 0,
        quota_files: 0,
    };
    let mut sources = sources(&[mount], entries.collect());
    Ok(sources.remove(0))
}

async fn run(
    runtime: &Runtime,
    (language, source): (Language, &str),
    policy: Policy,
) -> Result<Report, Box<dyn Error>> {
    let mut job = Job::new(language, "files", source);
    job.sources = Deterministic::default().sources();
    job.policy = policy;
    Ok(runtime.run(job).await?)
}

fn printed(report: &Report) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}{}{:?}",
        text(&report.stdout),
        text(&report.stderr),
        report.outcome
    )
}

/// Runs a script over both folders and what was captured of one: all three runs must be the same.
async fn is_the_same(script: (Language, &str)) -> Result<String, Box<dyn Error>> {
    let runtime = Runtime::with_guests(guests()).build()?;
    let (one, two) = (sample(false)?, sample(true)?);
    let host = |folder: &Path| policy(Source::Host(folder.to_owned()));
    let captured = policy(from_events(&host(one.path()))?);
    let mut all = Vec::new();
    for policy in [host(one.path()), host(two.path()), captured] {
        let before = capture(&policy)?;
        let report = run(&runtime, script, policy.clone()).await?;
        let changes = changes(&policy, &before)?;
        all.push((printed(&report), report.usage.fuel, changes));
    }
    let fuels: Vec<_> = all.iter().map(|(_, fuel, _)| *fuel).collect();
    let [(first, fuel, changed), others @ ..] = &all[..] else {
        return Err("no runs".into());
    };
    for (other, other_fuel, other_changed) in others {
        assert_eq!(other, first, "{fuels:?}");
        assert_eq!(other_changed, changed);
        assert_eq!(other_fuel, fuel, "{fuels:?} {first}");
    }
    assert!(first.contains("Returned"), "{first}");
    Ok(first.clone())
}

#[tokio::test]
async fn python_reads_the_same() -> TestResult {
    let printed = is_the_same((Language::Python, READS)).await?;
    let walked =
        "/data ['sub', 'z'] ['a.csv', 'b.csv', 'c.csv', 'large.bin', 'latest', 'out', 'run.sh']";
    assert!(printed.contains(walked), "{printed}");
    // 2026-01-01, when the clock starts.
    assert!(printed.contains("1767225600000000000"), "{printed}");
    assert!(printed.contains("True b.csv"), "{printed}");
    Ok(())
}

#[tokio::test]
async fn python_writes_the_same() -> TestResult {
    let printed = is_the_same((Language::Python, WRITES)).await?;
    assert!(printed.contains("0o22"), "{printed}");
    assert!(printed.contains("(500, 41541750)"), "{printed}");
    assert!(
        printed.contains("/data/moved/x 0o100644 100000 1"),
        "{printed}"
    );
    Ok(())
}

#[tokio::test]
async fn javascript_reads_and_writes_the_same() -> TestResult {
    let printed = is_the_same((Language::JavaScript, JAVASCRIPT)).await?;
    assert!(printed.contains("/data/missing ENOENT"), "{printed}");
    assert!(printed.contains("2026-01-01T00:00:03."), "{printed}");
    Ok(())
}
