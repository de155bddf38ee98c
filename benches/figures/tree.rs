//! Questions about the tool tree: what many tools cost, and what a call of a tool file costs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wxmcp_broker::CallerHost;
use wxmcp_capabilities::ConnectionConfig;
use wxmcp_host::{ToolsConfig, open_tools};
use wxmcp_policy::{Approvals, CapabilityList};
use wxmcp_run::{BoxFuture, CallContext, Language, Outcome, Silent, ToolHost as _};
use wxmcp_run::{Run, RunError};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::engine::Allocation;
use wxmcp_sandbox::supplied::{CompileError, Supplied};
use wxmcp_toolfiles::{Interpreters, TreeConfig};
use wxmcp_upstream::GuardCommand;

use crate::guests::Guests;
use crate::scripts::request;
use crate::timing::{median, ms, row};

thread_local! {
    /// How late each tick was; the event loop has one thread.
    static LATE: std::cell::RefCell<Vec<Duration>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// How often the timer is asked.
const TICK: Duration = Duration::from_millis(2);

const NAMESPACES: usize = 100;
const TOOLS_EACH: usize = 50;

/// Rows of the database that is queried.
const ROWS: u32 = 10_000;

/// Memory of one tool file's instance, in bytes, as the program sets it.
const TOOL_MEMORY: u64 = 128 << 20;

/// Runs scripts and tool files, as the program does: one engine, on demand.
struct Opened {
    python: Arc<Sandbox>,
    javascript: Arc<Sandbox>,
}

impl Opened {
    fn new(guests: &Guests) -> anyhow::Result<Arc<Self>> {
        let open = |language| guests.open(language, Allocation::OnDemand).map(Arc::new);
        Ok(Arc::new(Self {
            python: open(Language::Python)?,
            javascript: open(Language::JavaScript)?,
        }))
    }
}

impl Interpreters for Opened {
    fn sandbox(&self, language: Language) -> Result<Arc<Sandbox>, RunError> {
        Ok(Arc::clone(match language {
            Language::Python => &self.python,
            Language::JavaScript | Language::TypeScript => &self.javascript,
            Language::Component => return Err(RunError::NoInterpreter),
        }))
    }

    fn loaded(&self, language: Language) -> Option<Arc<Sandbox>> {
        self.sandbox(language).ok()
    }

    fn component<'a>(&'a self, _wasm: &'a [u8]) -> BoxFuture<'a, Result<Supplied, CompileError>> {
        Box::pin(async { Err(CompileError::Failed("not measured".to_owned())) })
    }
}

/// Loads a catalogue of many tool files: all of it, and one namespace of it.
#[expect(
    clippy::too_many_lines,
    reason = "what is measured, one after the other"
)]
pub(crate) fn catalogue(guests: &Guests) -> anyhow::Result<()> {
    let opened = Opened::new(guests)?;
    let runtime = runtime()?;
    let folder = tempfile::tempdir()?;
    let many = folder.path().join("many");
    for space in 0..NAMESPACES {
        write_namespace(&many, space, TOOLS_EACH)?;
    }
    let one = folder.path().join("one");
    write_namespace(&one, 0, TOOLS_EACH)?;
    let wide = folder.path().join("wide");
    write_namespace(&wide, 0, NAMESPACES * TOOLS_EACH)?;
    let cache = folder.path().join("cache");
    // A stamp of a file that has just been written tells no versions apart.
    let settled = Instant::now() + Duration::from_millis(200);
    while Instant::now() < settled {
        std::thread::yield_now();
    }
    let load = |tree: &Path, names: &[String]| -> anyhow::Result<(Duration, usize)> {
        let started = Instant::now();
        let broker = broker(tree, Some(cache.clone()), &opened, Vec::new())?;
        let mut tools = 0;
        for name in names {
            let listing = runtime.block_on(broker.namespace(name.clone(), context()))?;
            tools += listing.tools.len();
        }
        Ok((started.elapsed(), tools))
    };
    let all: Vec<String> = (0..NAMESPACES).map(|space| format!("s{space}")).collect();
    let (cold, tools) = load(&many, &all)?;
    ensure!(tools == NAMESPACES * TOOLS_EACH, "{tools} tools were read");
    load(&one, &all[..1])?;
    let warm = |tree: &Path, names: &[String]| -> anyhow::Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..15 {
            let (time, tools) = load(tree, names)?;
            let each = if tree == wide {
                NAMESPACES * TOOLS_EACH
            } else {
                TOOLS_EACH
            };
            ensure!(tools == names.len() * each, "{tools} tools were read");
            times.push(time);
        }
        Ok(median(times))
    };
    row(
        &format!("  catalogue of {tools} tool files, warm load, p50"),
        &ms(warm(&many, &all)?),
        "<= 50 ms",
    );
    row("    cold, every file run once", &ms(cold), "<= 6000 ms");
    let (cold, _) = load(&wide, &all[..1])?;
    row(
        "  the same files in one directory, warm load, p50",
        &ms(warm(&wide, &all[..1])?),
        "<= 50 ms",
    );
    row(
        "    cold, every file of it run once",
        &ms(cold),
        "<= 6000 ms",
    );
    let in_many = warm(&many, &all[7..8])?;
    let alone = warm(&one, &all[..1])?;
    row(
        "  one namespace of a hundred, against it alone",
        &format!("{} / {}", ms(in_many), ms(alone)),
        "the same",
    );
    Ok(())
}

/// How late a timer is on the same event loop while 1,000 tool files are read for the first time.
pub(crate) fn timers(guests: &Guests) -> anyhow::Result<()> {
    let opened = Opened::new(guests)?;
    let runtime = runtime()?;
    let folder = tempfile::tempdir()?;
    for space in 0..20 {
        write_namespace(folder.path(), space, TOOLS_EACH)?;
    }
    let broker = broker(folder.path(), None, &opened, Vec::new())?;
    let mut late = runtime.block_on(async {
        let ticking = tokio::spawn(async {
            loop {
                let started = Instant::now();
                tokio::time::sleep(TICK).await;
                LATE.with_borrow_mut(|all| all.push(started.elapsed().saturating_sub(TICK)));
            }
        });
        let names = (0..20).map(|space| format!("s{space}"));
        let listings = names.map(|name| broker.namespace(name, context()));
        let listed = futures_util::future::join_all(listings).await;
        ticking.abort();
        let tools: usize = listed.iter().flatten().map(|it| it.tools.len()).sum();
        ensure!(tools == 20 * TOOLS_EACH, "{tools} tools were read");
        Ok(LATE.take())
    })?;
    late.sort_unstable();
    let worst = late.last().copied().unwrap_or_default();
    let p99 = late.get(late.len().saturating_mul(99) / 100).copied();
    row(
        "  another timer while 1,000 tool files are listed cold: p99 / worst delay",
        &format!("{} / {}", ms(p99.unwrap_or_default()), ms(worst)),
        "<= 5 ms",
    );
    Ok(())
}

fn write_namespace(tree: &Path, space: usize, tools: usize) -> anyhow::Result<()> {
    let folder = tree.join(format!("s{space}"));
    fs::create_dir_all(&folder)?;
    for tool in 0..tools {
        let text = format!(
            "export function tool_{tool}(path, limit) {{\n  return path.slice(0, limit);\n}}\n\
             tool_{tool}.description = 'Reads the first characters of document {tool} in collection {space}.';\n\
             tool_{tool}.parameters = {{\n  path: {{ type: 'string', description: 'Where the document is' }},\n  \
             limit: {{ type: 'integer', description: 'Characters at most' }},\n}};\n"
        );
        fs::write(folder.join(format!("tool_{tool}.js")), text)?;
    }
    Ok(())
}

/// Calls a tool file that queries SQLite, as the one that ships does, from a Python script.
#[expect(
    clippy::too_many_lines,
    reason = "what is measured, one after the other"
)]
pub(crate) fn calls(guests: &Guests) -> anyhow::Result<()> {
    let opened = Opened::new(guests)?;
    let runtime = runtime()?;
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("sample.db");
    fill(&database)?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/database/query.ts");
    let shipped = fs::read_to_string(shipped)?;
    ensure!(
        shipped.contains("reusable: true"),
        "`query.ts` is not reusable"
    );
    for (space, text) in [
        ("reused", shipped.replace("database.query", "reused.query")),
        (
            "fresh",
            shipped
                .replace("database.query", "fresh.query")
                .replace("reusable: true", "reusable: false"),
        ),
        ("zod", ZOD.to_owned()),
        ("waits", WAITS.to_owned()),
    ] {
        fs::create_dir_all(folder.path().join(space))?;
        fs::write(folder.path().join(space).join("query.ts"), text)?;
    }
    let url = database.to_str().context("a path that is no text")?;
    let connections = vec![("main".to_owned(), format!("sqlite:{url}"))];
    let broker = broker(
        folder.path(),
        Some(folder.path().join(".cache")),
        &opened,
        connections,
    )?;
    let run = |source: &str| -> anyhow::Result<String> {
        let run = Run {
            id: wxmcp_run::RunId::random(),
            tools: broker.clone(),
            ..request(Language::Python, source)
        };
        match runtime.block_on(opened.python.run(run))?.outcome {
            Outcome::Returned(value) => Ok(value.get().to_owned()),
            other => anyhow::bail!("{other:?}"),
        }
    };
    for (space, what, bar) in [
        ("fresh", "a fresh instance", "<= 1.50 ms"),
        ("zod", "a fresh instance with zod", ""),
        ("reused", "a reused instance", "<= 0.25 ms"),
    ] {
        let p50: f64 = run(&ONE_ROW.replace("SPACE", space))?.parse()?;
        row(
            &format!("  call that queries one row, {what}, p50"),
            &format!("{p50:.3} ms"),
            bar,
        );
    }
    let gathered: f64 = run(GATHERED)?.parse()?;
    row(
        "  50 gathered calls of a tool file that waits 20 ms, p50",
        &format!("{gathered:.0} ms"),
        "<= 120 ms",
    );
    let mut times = Vec::new();
    for _ in 0..7 {
        let started = Instant::now();
        let answer = run(MANY_ROWS)?;
        times.push(started.elapsed());
        ensure!(answer == "5", "{answer}");
    }
    row(
        "  10,000 rows of SQLite to five lines, whole run, p50",
        &ms(median(times)),
        "<= 250 ms",
    );
    Ok(())
}

/// The same tool with zod: making its schemas anew in each instance is most of what it costs.
const ZOD: &str = r"import { createTool, sql } from 'wxmcp';
import { z } from 'zod';
export const query = createTool({
  description: 'Runs one SQL statement that only reads.',
  parameters: z.object({
    sql: z.string().min(1).describe('The statement'),
    parameters: z.array(z.any()).default([]).describe('Values for the parameters'),
  }),
  output: z.array(z.record(z.string(), z.any())),
  grants: { sql: ['main'] },
  async execute({ sql: statement, parameters }) {
    return await sql('main').query(statement, parameters);
  },
});
";

/// TypeScript with zod that waits as a call of a server does.
const WAITS: &str = r"import { createTool } from 'wxmcp';
import { z } from 'zod';
export const query = createTool({
  description: 'Doubles a number.',
  parameters: z.object({ n: z.number().int() }),
  output: z.number(),
  async execute({ n }: { n: number }) {
    await new Promise((resume) => setTimeout(resume, 20));
    return n * 2;
  },
});
";

const GATHERED: &str = "\
import asyncio, time
from tools import waits
async def gathered():
    started = time.perf_counter()
    answers = await asyncio.gather(*[waits.query(n=n) for n in range(50)])
    assert answers == [n * 2 for n in range(50)], answers
    return time.perf_counter() - started
await gathered()
times = sorted([await gathered() for _ in range(9)])
times[4] * 1e3
";

const ONE_ROW: &str = "\
import time
from tools import SPACE as space
query = space.query
def once(n):
    started = time.perf_counter()
    rows = query(sql='select id, name, amount from records where id = ?', parameters=[n])
    elapsed = time.perf_counter() - started
    assert rows == [{'id': n, 'name': f'record {n}', 'amount': n * 7 % 1000 / 10}], rows
    return elapsed
for n in range(1, 21): once(n)
times = sorted(once(n) for n in range(1, 301))
times[150] * 1e3
";

const MANY_ROWS: &str = "\
from collections import Counter
from tools import reused
rows = reused.query(sql='select id, name, kind, amount from records')
assert len(rows) == 10000, len(rows)
totals = Counter()
for row in rows:
    if row['amount'] > 50: totals[row['kind']] += row['amount']
lines = [f'{kind}: {total:.1f}' for kind, total in totals.most_common(5)]
print('\\n'.join(lines))
len(lines)
";

fn fill(path: &Path) -> anyhow::Result<()> {
    let mut database = rusqlite::Connection::open(path)?;
    database.execute_batch(
        "create table records (id integer primary key, name text, kind text, amount real)",
    )?;
    let filling = database.transaction()?;
    for n in 1..=ROWS {
        filling.execute(
            "insert into records values (?, ?, ?, ?)",
            (
                n,
                format!("record {n}"),
                format!("kind {}", n % 8),
                f64::from(n * 7 % 1000) / 10.0,
            ),
        )?;
    }
    Ok(filling.commit()?)
}

fn broker(
    tree: &Path,
    cache: Option<PathBuf>,
    opened: &Arc<Opened>,
    connections: Vec<(String, String)>,
) -> anyhow::Result<Arc<CallerHost>> {
    let wishes = CapabilityList {
        sql: vec!["main".to_owned()],
        ..CapabilityList::default()
    };
    let guard = GuardCommand {
        program: PathBuf::new(),
        args: Vec::new(),
    };
    let approved = BTreeMap::from([("*".to_owned(), wishes)]);
    Ok(open_tools(ToolsConfig {
        tree: Some(TreeConfig {
            folder: tree.to_owned(),
            cache,
            version: "bench".to_owned(),
            interpreters: opened.clone(),
            sees: wxmcp_run::Policy::default(),
            approvals: Approvals::new(approved)?,
            memory: TOOL_MEMORY,
            call_timeout: Duration::from_secs(30),
            observer: Arc::new(Silent),
        }),
        connections: connections
            .into_iter()
            .map(|(name, url)| {
                let config = ConnectionConfig {
                    url,
                    ..ConnectionConfig::default()
                };
                (name, config)
            })
            .collect(),
        ..ToolsConfig::new(guard)
    })?)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn context() -> CallContext {
    CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded())
}
