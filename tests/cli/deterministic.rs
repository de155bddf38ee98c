//! Runs that are functions of their script, its inputs and a seed.

use std::fs;

use crate::support::{TestResult, tree, wx, wx_alone};

const CHANCE_PY: &str = "\
import random, time, uuid
from wxmcp import tool

calls = 0

@tool(reusable=True)
def chance(n: int) -> list:
    global calls
    calls += 1
    began = time.time()
    time.sleep(3600)
    return [n, calls, began, time.time() - began >= 3600, random.random(), str(uuid.uuid4())]
";

const CHANCE_TS: &str = "\
import { createTool } from 'wxmcp';
export const chance = createTool({
  parameters: { n: { type: 'integer' } },
  async execute({ n }) {
    const began = Date.now();
    await new Promise(done => setTimeout(done, 3600_000));
    return [n, began, Date.now() - began >= 3600_000, Math.random(), crypto.randomUUID()];
  },
});
";

/// Takes longer the smaller `n` is, so that calls that are not in turn come in another order.
const LOG: &str = "\
from wxmcp import sql, tool

@tool(grants={'sql': ['main:rw']})
def add(n: int) -> list:
    sum(range(3_000_000 // n))
    sql('main').execute('INSERT INTO log (n) VALUES (?)', [n])
    return [[row['id'], row['n']] for row in sql('main').query('SELECT id, n FROM log ORDER BY id')]
";

const SCRIPT: &str = "\
import asyncio
from tools import one, two, log

async def main():
    calls = [log.add(n=n) for n in (1, 9, 5)]
    return await asyncio.gather(*calls, one.chance(n=1), two.chance(n=2), one.chance(n=3))

for answer in asyncio.run(main()):
    print(answer)
";

#[test]
fn tool_files_of_a_deterministic_run_are_given_their_time_and_chance_too() -> TestResult {
    let folder = tree(&[
        ("tools/one/chance.py", CHANCE_PY),
        ("tools/two/chance.ts", CHANCE_TS),
        ("tools/log/add.py", LOG),
        (
            "wxmcp.toml",
            "[connections.main]\nurl = \"sqlite:main.db\"\n\n[grants.\"log.*\"]\nsql = [\"main:rw\"]\n",
        ),
        ("script.py", SCRIPT),
    ])?;
    let database = folder.path().join("main.db");
    let run = |flags: &[&str]| -> Result<String, Box<dyn std::error::Error>> {
        let _there_was_none = fs::remove_file(&database);
        let made = "CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER)";
        rusqlite::Connection::open(&database)?.execute_batch(made)?;
        let ran = wx(folder.path(), &[&["run"], flags, &["script.py"]].concat())?;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        Ok(ran.stdout)
    };
    let first = run(&["--deterministic"])?;
    for _ in 0..3 {
        assert_eq!(run(&["--deterministic"])?, first);
    }
    assert!(
        first.starts_with(
            "[[1, 1]]\n[[1, 1], [2, 9]]\n[[1, 1], [2, 9], [3, 5]]\n[1, 1, 1767225600."
        ),
        "{first}"
    );
    // A tool file that is kept between calls is not: what a call left is not in the next.
    let kept = first
        .lines()
        .filter(|line| line.contains(", 1, 1767225600."));
    assert_eq!(kept.count(), 2, "{first}");
    assert_ne!(run(&["--deterministic=1"])?, first);
    Ok(())
}

#[test]
fn a_deterministic_run_is_the_same_each_time() -> TestResult {
    let code = "import random, time, uuid\nt = time.time()\ntime.sleep(3600)\n[t, time.time(), random.random(), str(uuid.uuid4())]";
    let run = |flags: &[&str]| wx_alone(&[&["run"], flags, &["-c", code]].concat());
    let one = run(&["--deterministic"])?;
    assert_eq!(one.code, Some(0), "{}", one.stderr);
    assert!(one.stdout.starts_with("[1767225600.0"), "{}", one.stdout);
    assert_eq!(one.stdout, run(&["--deterministic=0"])?.stdout);
    assert_ne!(one.stdout, run(&["--deterministic=1"])?.stdout);
    let now = run(&["--deterministic", "--now", "2001-09-09T01:46:40Z"])?;
    assert!(now.stdout.starts_with("[1000000000.0"), "{}", now.stdout);
    let live = || {
        wx_alone(&[
            "run",
            "-c",
            "import time, uuid\n[time.time(), str(uuid.uuid4())]",
        ])
    };
    assert_ne!(live()?.stdout, live()?.stdout);
    let alone = run(&["--now", "2001-09-09T01:46:40Z"])?;
    assert_eq!(alone.code, Some(2), "{}", alone.stderr);
    Ok(())
}

#[test]
fn a_deterministic_run_that_time_stops_says_that_it_does_not_reproduce() -> TestResult {
    let stopped = |limit: &[&str]| {
        let words = [
            &["run", "--deterministic"],
            limit,
            &["-c", "while True: pass"],
        ];
        wx_alone(&words.concat())
    };
    let by_time = stopped(&["--timeout", "50ms"])?;
    let by_fuel = stopped(&["--fuel", "10000000"])?;
    assert_eq!((by_time.code, by_fuel.code), (Some(3), Some(3)));
    let note = "note: how far a run comes in a time depends on the machine";
    assert!(by_time.stderr.contains(note), "{}", by_time.stderr);
    assert!(!by_fuel.stderr.contains(note), "{}", by_fuel.stderr);
    assert_eq!(by_fuel.stderr, stopped(&["--fuel", "10000000"])?.stderr);
    Ok(())
}
