//! Tool files run in workers of the principal whose call it is.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use wxmcp_host::{Guests, Job, Runtime, ToolsConfig};
use wxmcp_policy::{Approvals, CapabilityList};
use wxmcp_run::{Event, Language, Ledger, Observer, Outcome};
use wxmcp_toolfiles::{Interpreters as _, TreeConfig};
use wxmcp_upstream::GuardCommand;

use crate::support::TestResult;
use crate::{guests, kill, until};

const FILES: [(&str, &str); 4] = [
    (
        "add.py",
        "def add(a: int, b: int) -> int:\n    return a + b\n",
    ),
    (
        "count.py",
        "from wxmcp import tool\n\ncalls = []\n\n@tool(reusable=True)\ndef count() -> int:\n    \
         calls.append(1)\n    return len(calls)\n",
    ),
    (
        "spin.py",
        "def spin() -> int:\n    print('spins', flush=True)\n    while True:\n        pass\n",
    ),
    (
        "twice.ts",
        "import { add } from './tools/maths';\nimport { createTool } from 'wxmcp';\n\
         export const twice = createTool({\n  parameters: { a: { type: 'integer' } },\n  grants: { tools: ['maths.add'] },\n  \
         async execute({ a }) { return await add({ a, b: a }); },\n});\n",
    ),
];

/// Whether a tool file has printed.
#[derive(Default)]
struct Printed(AtomicBool);

impl Observer for Printed {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Output { .. }) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

fn runtime(
    folder: &std::path::Path,
    guests: &Arc<Guests>,
    ledger: &Ledger,
    printed: &Arc<Printed>,
) -> Result<Runtime, Box<dyn Error>> {
    for (name, text) in FILES {
        let file = folder.join("tools/maths").join(name);
        std::fs::create_dir_all(folder.join("tools/maths"))?;
        std::fs::write(file, text)?;
    }
    let everything = CapabilityList {
        tools: vec!["*".to_owned()],
        ..CapabilityList::default()
    };
    let guard = GuardCommand {
        program: env!("CARGO_BIN_EXE_wxmcp").into(),
        args: vec!["__upstream-guard".into()],
    };
    let config = ToolsConfig {
        tree: Some(TreeConfig {
            folder: folder.join("tools"),
            cache: None,
            version: "test".to_owned(),
            interpreters: guests.clone(),
            sees: wxmcp_run::Policy::default(),
            approvals: Approvals::new(BTreeMap::from([("*".to_owned(), everything)]))?,
            memory: 128 << 20,
            call_timeout: Duration::from_secs(30),
            observer: Arc::<Printed>::clone(printed),
        }),
        ledger: ledger.clone(),
        ..ToolsConfig::new(guard)
    };
    Ok(Runtime::with_guests(Arc::clone(guests))
        .tools(config)
        .build()?)
}

async fn value(runtime: &Runtime, script: &str) -> Result<Value, Box<dyn Error>> {
    let report = runtime
        .run(Job::new(Language::Python, "test.py", script))
        .await?;
    match report.outcome {
        Outcome::Returned(value) => Ok(serde_json::from_str(value.get())?),
        other => Err(format!("{other:?}").into()),
    }
}

#[tokio::test]
async fn tool_files_answer_as_they_do_in_this_process() -> TestResult {
    let script = "import asyncio\nfrom tools import maths\n\
        async def main():\n    many = await asyncio.gather(*(maths.add(a=i, b=i) for i in range(20)))\n    \
        return [sum(many), await maths.twice(a=21), await maths.count(), await maths.count(), await maths.add(a=2**64, b=1)]\nasyncio.run(main())";
    for in_workers in [false, true] {
        let folder = tempfile::tempdir()?;
        let guests = guests(in_workers);
        let ledger = Ledger::of_process(1 << 30);
        let runtime = runtime(folder.path(), &guests, &ledger, &Arc::default())?;
        let said = value(&runtime, script).await?;
        assert_eq!(said[0], json!(380));
        assert_eq!(said[1], json!(42));
        assert_eq!(said[4], json!(u128::pow(2, 64) + 1));
        // The second call went on with the instance of the first.
        assert_eq!([&said[2], &said[3]], [&json!(1), &json!(2)]);
        // Nothing was loaded here if it ran elsewhere.
        assert_eq!(guests.loaded(Language::Python).is_none(), in_workers);
        assert_eq!(guests.loaded(Language::TypeScript).is_none(), in_workers);
        // What is kept between calls is charged: one instance of `count.py`.
        let kept = ledger.held();
        assert!((1 << 20..8 << 20).contains(&kept), "{kept}");
        runtime.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_tool_file_whose_worker_ends_fails_by_name() -> TestResult {
    let folder = tempfile::tempdir()?;
    let guests = guests(true);
    let ledger = Ledger::of_process(1 << 30);
    let printed = Arc::new(Printed::default());
    let runtime = runtime(folder.path(), &guests, &ledger, &printed)?;
    // What is read of the files is read once.
    assert_eq!(
        value(&runtime, "from tools import maths\nmaths.add(a=1, b=2)").await?,
        3
    );
    let pool = guests.pool().ok_or("no pool")?;
    let context = wxmcp_run::CallContext::outside_of_runs(&ledger);
    let call = wxmcp_run::ToolCall {
        sequence: 1,
        name: "maths.spin".to_owned(),
        arguments: serde_json::Map::new(),
        context,
    };
    let tools = Arc::clone(runtime.tools());
    let spinning = tokio::spawn(async move {
        use wxmcp_run::ToolHost as _;
        tools.call(call).await
    });
    until(|| printed.0.load(Ordering::SeqCst)).await;
    for pid in pool.processes() {
        kill(pid)?;
    }
    let error = spinning.await?.err().ok_or("it ended")?;
    assert!(
        error.message.contains("`maths.spin` could not be run: the run was lost: its worker process was ended by signal 9"),
        "{error}"
    );
    assert_eq!(
        value(&runtime, "from tools import maths\nmaths.add(a=1, b=2)").await?,
        3
    );
    Ok(())
}
