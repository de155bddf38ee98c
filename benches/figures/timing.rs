//! Times, their medians, and rows of the table.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// Runs both `count` times in turn and answers the medians.
pub(crate) fn alternate(
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

/// Runs `ours` `length` times, then `theirs` as often, `count` times over; returns the medians of all runs.
pub(crate) fn in_blocks(
    count: usize,
    length: usize,
    mut ours: impl FnMut() -> anyhow::Result<Duration>,
    mut theirs: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<(Duration, Duration)> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..count {
        for _ in 0..length {
            a.push(ours()?);
        }
        for _ in 0..length {
            b.push(theirs()?);
        }
    }
    Ok((median(a), median(b)))
}

/// What `more` takes beyond `less`: the median difference of `count` runs of each in turn, so that a machine whose
/// speed drifts slows both.
pub(crate) fn added(
    count: usize,
    mut more: impl FnMut() -> anyhow::Result<Duration>,
    mut less: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<Duration> {
    let mut differences = Vec::new();
    for _ in 0..count {
        let (more, less) = (more()?, less()?);
        differences.push(i64::try_from(more.as_nanos())? - i64::try_from(less.as_nanos())?);
    }
    differences.sort_unstable();
    let median = differences[differences.len() / 2];
    Ok(Duration::from_nanos(u64::try_from(median).unwrap_or(0)))
}

/// Page faults of a process without input or output: the kernel counts them, Python asks it.
pub(crate) fn faults(python: &Path, program: &Path, args: &[&str]) -> anyhow::Result<u64> {
    const COUNT: &str = "import os, sys
null = os.open(os.devnull, os.O_RDWR)
streams = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=streams)
_, status, usage = os.wait4(child, 0)
assert status == 0, status
print(usage.ru_minflt + usage.ru_majflt)";
    let output = Command::new(python)
        .args(["-c", COUNT])
        .arg(program)
        .args(args)
        .output()?;
    Ok(text(output)?.trim().parse()?)
}

pub(crate) fn time(program: &Path, args: &[&str], expected: &str) -> anyhow::Result<Duration> {
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

pub(crate) fn text(output: Output) -> anyhow::Result<String> {
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

pub(crate) fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Tells the program that asked for this group of questions.
pub(crate) fn row(question: &str, measured: &str, bar: &str) {
    println!("{question}\t{measured}\t{bar}");
}

/// Private, written memory of this process in KiB.
pub(crate) fn private_kib() -> anyhow::Result<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    rollup
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .context("no Private_Dirty in smaps_rollup")
}
