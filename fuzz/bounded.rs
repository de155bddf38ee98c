//! Every target for so many inputs: those of the corpus, and changed ones, the same each time. `make fuzz` goes on from there.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

/// Inputs for each target: a few seconds of code that was compiled quickly.
const RUNS: [(&str, u32); 14] = [
    ("component", 1_500),
    ("flatten", 8_000),
    ("frames", 5_000),
    ("guest", 15_000),
    ("hosts", 60_000),
    ("ids", 80_000),
    ("postgres", 40_000),
    ("postgres-value", 80_000),
    ("recording", 20_000),
    ("schema", 3_000),
    ("servers-file", 30_000),
    ("settings-file", 20_000),
    ("transform", 5_000),
    ("weight", 100_000),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = RUNS
        .iter()
        .map(|&(name, runs)| Trial::test(name, move || run(name, runs)))
        .collect();
    trials.push(Trial::test("every_target_is_run", every_target_is_run));
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(name: &str, runs: u32) -> Result<(), Failed> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    if corpus.read_dir()?.next().is_none() {
        return Err(format!("there are no inputs in {}", corpus.display()).into());
    }
    // libFuzzer adds to the first folder.
    let found = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fuzz")
        .join(name);
    let _none_before = std::fs::remove_dir_all(&found);
    std::fs::create_dir_all(&found)?;
    let output = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        .arg(name)
        .args(["-seed=1", "-reload=0", "-timeout=300", "-rss_limit_mb=3000"])
        .arg(format!("-runs={runs}"))
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args([&found, &corpus])
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    // What was not run has not failed.
    let done = told.lines().any(|line| line.starts_with("Done "));
    if output.status.success() && done {
        return Ok(());
    }
    let start = told.floor_char_boundary(told.len().saturating_sub(8_000));
    let told = told.get(start..).unwrap_or_default();
    Err(format!("{}: {told}", output.status).into())
}

fn every_target_is_run() -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_fuzz")).output()?;
    let told = String::from_utf8(output.stderr)?;
    let all: Vec<&str> = told.lines().collect();
    if all != RUNS.map(|(name, _)| name) {
        return Err(format!("these are targets: {all:?}").into());
    }
    Ok(())
}
