//! Scripts and servers that cost the host as much as they can, each with a twin that asks for little: `make attacks`.
//!
//! Of each it is asserted that the twin works, that the attack is told what it must be told, and that the memory of the
//! process stays below what the guest may have, what the host may hold for a run, and `SLACK`. Words choose attacks:
//! `attacks links`.
#![expect(
    clippy::print_stdout,
    reason = "a program that prints a table, and fails where it stands"
)]

mod attacks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use attacks::{ATTACKS, Attack};

/// What a process has besides what it holds for others: its own code and data, the image of a guest, and so on.
const SLACK: u64 = 64 << 20;

/// What the host may hold for a run, unless it is told otherwise.
const HOST_MEMORY: u64 = 256 << 20;

/// How long a run may take in all before it counts as hanging.
const HANGS: Duration = Duration::from_secs(90);

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wxmcp = std::env::current_exe()?.with_file_name("wxmcp");
    println!(
        "{:<40} {:>9} {:>9} {:>9} {:>10}  told",
        "attack", "wall", "resident", "bound", "host peak"
    );
    let mut failed = 0_usize;
    let chosen = ATTACKS
        .iter()
        .filter(|it| words.iter().all(|word| it.name.contains(word)));
    for attack in chosen {
        if let Err(error) = both(&wxmcp, attack) {
            failed = failed.saturating_add(1);
            println!("{:<40} FAILED: {error:#}", attack.name);
        }
    }
    ensure!(failed == 0, "{failed} attacks cost more than they may");
    Ok(())
}

/// Runs an attack and its twin, and prints a row.
fn both(wxmcp: &Path, attack: &Attack) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for (path, text) in attack.files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().context("a file without a folder")?)?;
        let name = path
            .file_stem()
            .context("a file without a name")?
            .to_string_lossy();
        fs::write(&path, text.replace("NAME", &name))?;
    }
    fs::write(folder.path().join("script.py"), attack.script)?;
    let twin = run(wxmcp, folder.path(), attack, attack.little).context("the twin")?;
    ensure!(twin.said.contains("fine"), "the twin said: {}", twin.said);
    let ran = run(wxmcp, folder.path(), attack, attack.much)?;
    let bound = ran.guest.saturating_add(HOST_MEMORY).saturating_add(SLACK);
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let told = ran
        .said
        .lines()
        .find(|line| line.contains(attack.named))
        .unwrap_or_default();
    println!(
        "{:<40} {:>7.2} s {:>9} {:>9} {:>10}  {told}",
        attack.name,
        ran.wall.as_secs_f64(),
        mib(ran.resident),
        mib(bound),
        mib(ran.host_peak),
    );
    ensure!(
        !told.is_empty(),
        "it was not told of `{}`: {}",
        attack.named,
        ran.said
    );
    ensure!(
        ran.resident <= bound,
        "{} are more than {}",
        mib(ran.resident),
        mib(bound)
    );
    Ok(())
}

/// What a run cost, and what it was told.
struct Ran {
    said: String,
    wall: Duration,
    /// Most memory of the process, in bytes.
    resident: u64,
    guest: u64,
    host_peak: u64,
}

fn run(wxmcp: &Path, folder: &Path, attack: &Attack, how_much: &str) -> anyhow::Result<Ran> {
    let mut command = Command::new(wxmcp);
    command.args(["run", "--json"]).args(attack.flags);
    if !attack.server.is_empty() {
        let path = folder.join("servers.json");
        let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/mcp/hostile.py");
        let args: Vec<String> = std::iter::once(server.to_string_lossy().into_owned())
            .chain(attack.server.iter().map(|it| (*it).to_owned()))
            .collect();
        let servers = json!({"mcpServers": {"s": {"command": "python3", "args": args}}});
        fs::write(&path, servers.to_string())?;
        command.arg("--mcp-config").arg(&path);
    }
    let output = PathBuf::from(folder).join("report.json");
    command.args(["script.py", how_much]).current_dir(folder);
    command
        .stdin(Stdio::null())
        .stdout(fs::File::create(&output)?)
        .stderr(Stdio::null());
    let started = Instant::now();
    let resident = most_resident(command.spawn()?)?;
    let wall = started.elapsed();
    let report: Value = serde_json::from_slice(&fs::read(&output)?).context("read the report")?;
    let number = |key: &str| {
        report
            .pointer(key)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    let text = |key: &str| {
        report
            .pointer(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Ok(Ran {
        said: format!(
            "{}{}\n{}",
            text("/stdout"),
            text("/stderr"),
            text("/error/message")
        ),
        wall,
        resident,
        guest: number("/usage/peak_memory"),
        host_peak: number("/usage/host_peak"),
    })
}

/// Waits for a process, and answers the most memory that it had of its own, as far as looking each millisecond shows. What
/// it shares is not in it: pages of a guest's image would count once for each instance that maps them.
fn most_resident(mut child: Child) -> anyhow::Result<u64> {
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let started = Instant::now();
    let mut most = 0;
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let own = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = own.and_then(|it| it.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        most = most.max(kib.unwrap_or_default().saturating_mul(1024));
        if started.elapsed() > HANGS {
            child.kill()?;
            bail!("it did not end within {HANGS:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(most)
}
