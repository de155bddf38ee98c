//! What the guests are made to do, and who answers their calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use wxmcp_run::Run;
use wxmcp_run::{
    BoxFuture, CallContext, Clocks, Held, Language, Ledger, Limits, NamespaceListing, Policy,
    Randomness, Script, Silent, ToolAnswer, ToolCall, ToolError, ToolHost, ToolListing,
};

use crate::timing::{median, ms, private_kib, row};

pub(crate) const GATHERED: &str = "\
import asyncio, time
from tools import bench
async def main():
    started = time.perf_counter()
    answers = await asyncio.gather(*(bench.sleep(ms=20) for i in range(50)))
    assert answers == [20] * 50
    return (time.perf_counter() - started) * 1e3
asyncio.run(main())
";

pub(crate) const AWAITED: &str = "\
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

pub(crate) const BLOCKING: &str = "\
import time
from tools import bench
echo = bench.echo
for i in range(200): echo(a=i)
started = time.perf_counter()
for i in range(2000):
    assert echo(a=i) == {'a': i}
(time.perf_counter() - started) / 2000 * 1e6
";

pub(crate) const JS_GATHERED: &str = "\
import { sleep } from './tools/bench';
const started = performance.now();
const answers = await Promise.all(Array.from({ length: 50 }, () => sleep({ ms: 20 })));
if (answers.length !== 50 || answers.some((answer) => answer !== 20)) throw new Error('wrong');
return performance.now() - started;
";

pub(crate) const JS_AWAITED: &str = "\
import { echo } from './tools/bench';
for (let i = 0; i < 200; i++) await echo({ a: i });
const started = performance.now();
for (let i = 0; i < 2000; i++) if ((await echo({ a: i })).a !== i) throw new Error('wrong');
return ((performance.now() - started) / 2000) * 1e3;
";

pub(crate) fn request(language: Language, source: &str) -> Run {
    Run {
        id: wxmcp_run::RunId::random(),
        script: Script {
            name: "bench".to_owned(),
            language,
            source: source.to_owned(),
            args: Vec::new(),
            path: None,
            in_session: false,
            task: None,
        },
        policy: Policy::default(),
        limits: Limits {
            tool_calls: 10_000,
            ..Limits::default()
        },
        ledger: Ledger::unbounded(),
        tools: Arc::new(Tools),
        clocks: Clocks::Live,
        randomness: Randomness::Live,
        observer: Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    }
}

/// Time to take the types out of a script, and everything else before its guest starts.
pub(crate) fn transform() -> anyhow::Result<()> {
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
        path: None,
        in_session: false,
        task: None,
    };
    let mut times = Vec::new();
    for _ in 0..500 {
        let started = Instant::now();
        ensure!(wxmcp_sandbox::check(&script).is_ok());
        times.push(started.elapsed());
    }
    row(
        &format!("  transform of {lines} lines of TypeScript, p50"),
        &ms(median(times)),
        "<= 0.40 ms",
    );
    Ok(())
}

/// `bench.echo`, `bench.sleep` and `bench.private`, answered in this process.
pub(crate) struct Tools;

impl ToolHost for Tools {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            let value = match call.name.as_str() {
                "bench.sleep" => {
                    let asked = call.arguments.get("ms").and_then(serde_json::Value::as_u64);
                    let asked = asked.unwrap_or(20);
                    tokio::time::sleep(Duration::from_millis(asked)).await;
                    serde_json::json!(asked)
                }
                "bench.private" => serde_json::json!(private_kib().unwrap_or(0)),
                _ => serde_json::Value::Object(call.arguments),
            };
            Ok(ToolAnswer::new(value, 8))
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
            object_first: false,
            description: String::new(),
        });
        Box::pin(async move {
            Ok(NamespaceListing {
                name,
                tools: tools.into(),
                held: Held::default(),
            })
        })
    }
}
