//! What a run reports is the same in a worker as in this process.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wxmcp_catalogue::Definition;
use wxmcp_host::{Job, Runtime, rust_tool};
use wxmcp_run::{
    Access, Language, Limits, Mount, Outcome, Quota, Randomness, Report, RunError, Source, Stdin,
    ToolError, ToolErrorKind,
};

use crate::guests;
use crate::support::TestResult;

/// A runtime with the tools `t.echo`, `t.fail` and `t.large`.
pub(crate) fn runtime(in_workers: bool) -> Result<Runtime, Box<dyn Error>> {
    let definition = |name: &str| Definition {
        name: name.to_owned(),
        description: "Does what its name says.".to_owned(),
        input_schema: json!({"type": "object"}),
        output_schema: None,
    };
    let echo = rust_tool(definition("echo"), |arguments| async move {
        Ok(Value::Object(arguments))
    });
    let fail = rust_tool(definition("fail"), |_| async {
        Err(ToolError::new(ToolErrorKind::ToolFailed, "it failed"))
    });
    let large = rust_tool(definition("large"), |_| async {
        Ok(Value::from("x".repeat(3 << 20)))
    });
    Ok(Runtime::with_guests(guests(in_workers))
        .tool("t", echo)
        .tool("t", fail)
        .tool("t", large)
        .build()?)
}

/// All of a report that no clock decides.
pub(crate) fn shown(report: &Report) -> Value {
    let outcome = match &report.outcome {
        Outcome::Returned(value) => json!({"returned": value.get()}),
        other => json!(format!("{other:?}")),
    };
    let calls = report.calls.iter().map(|call| {
        let ended = call.ended.map(|end| (end.error, end.answer_bytes));
        json!([call.sequence, call.name, ended, call.argument_bytes])
    });
    json!({
        "outcome": outcome,
        "stdout": String::from_utf8_lossy(&report.stdout),
        "stderr": String::from_utf8_lossy(&report.stderr),
        "calls": calls.collect::<Vec<_>>(),
        "artifacts": report.artifacts.len(),
        "memory": report.usage.peak_memory,
        "kept_out": report.usage.bytes_kept_out,
    })
}

async fn both(job: impl Fn() -> Job) -> Result<Value, Box<dyn Error>> {
    let here = shown(&runtime(false)?.run(job()).await?);
    let in_workers = runtime(true)?;
    let elsewhere = shown(&in_workers.run(job()).await?);
    assert_eq!(here, elsewhere, "{}", job().script.source);
    in_workers.shutdown().await;
    Ok(here)
}

fn seeded(language: Language, source: &str) -> Job {
    let mut job = Job::new(language, "same", source);
    job.sources.randomness = Randomness::seeded(7);
    job
}

const SCRIPTS: [(Language, &str); 17] = [
    (Language::Python, "1 + 1"),
    (Language::Python, "2 ** 200"),
    (Language::Python, "print('out')\nraise ValueError('no')"),
    (Language::Python, "import sys\nsys.exit(3)"),
    (Language::Python, "if"),
    (
        Language::Python,
        "import os, random, uuid\n[os.urandom(8).hex(), random.random(), str(uuid.uuid4())]",
    ),
    (
        Language::Python,
        "from tools import t\n[t.echo(a=2**70, b=1.0, c='\u{1F600}'), len(t.large())]",
    ),
    (
        Language::Python,
        "from tools import t\ntry:\n    t.fail()\nexcept Exception as error:\n    said = str(error), error.kind\nsaid",
    ),
    (
        Language::Python,
        "import asyncio\nfrom tools import t\nasync def main():\n    \
         return [it['i'] for it in await asyncio.gather(*(t.echo(i=i) for i in range(100)))]\nasyncio.run(main())",
    ),
    (
        Language::Python,
        "[it.name for it in search_tools('fail')], describe_tools(['t.echo'])[0].signature, [t for t in dir(__import__('tools').t)]",
    ),
    (
        Language::Python,
        "import os, pathlib\npathlib.Path('a/b').mkdir(parents=True)\nopen('a/b/c', 'w').write('x')\nartifact('a/b/c')\n\
         [os.getcwd(), str(pathlib.Path.home()), os.listdir('a'), os.environ['TMPDIR']]",
    ),
    (
        Language::TypeScript,
        "await files.writeText('/tmp/x', 'y');\nreturn [process.cwd(), await files.list('/tmp'), process.env.USER];",
    ),
    (Language::Python, "f = lambda n: f(n + 1)\nf(0)"),
    (
        Language::JavaScript,
        "console.log([1]); throw new TypeError('no')",
    ),
    (
        Language::TypeScript,
        "import { echo } from './tools/t';\nconst big: bigint = 2n ** 70n;\nreturn [await echo({ big }), String(big)];",
    ),
    (
        Language::JavaScript,
        "import { echo, nothing } from './tools/t'; await nothing({})",
    ),
    (
        Language::JavaScript,
        "return await Promise.all([1, 2].map(async (it) => it * 2))",
    ),
];

#[tokio::test]
async fn outcomes_output_and_calls_are_the_same() -> TestResult {
    for (language, source) in SCRIPTS {
        both(|| seeded(language, source)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn limits_stop_runs_by_the_same_names() -> TestResult {
    type Lower = fn(&mut Limits);
    let python: [(&str, Lower, &str); 7] = [
        ("while True: pass", |it| it.fuel = Some(50_000_000), "Fuel"),
        (
            "while True: pass",
            |it| it.wall = Duration::from_millis(100),
            "WallTime",
        ),
        ("x = [0] * 10**9", |it| it.memory = 128 << 20, "Memory"),
        ("print('x' * 5000)", |it| it.output = 1_000, "Output"),
        ("'x' * 5000", |it| it.value = 1_000, "Value"),
        (
            "from tools import t\nfor i in range(9): t.echo(i=i)",
            |it| it.tool_calls = 8,
            "ToolCalls",
        ),
        (
            "def f(n): return [f(n + 1)]\nimport sys\nsys.setrecursionlimit(10**9)\nf(0)",
            |_| {},
            "",
        ),
    ];
    for (source, lower, limit) in python {
        let job = || {
            let mut job = seeded(Language::Python, source);
            lower(&mut job.limits);
            job
        };
        let report = both(job).await?;
        let outcome = report["outcome"].to_string();
        assert!(outcome.contains(limit), "{source}: {outcome}");
    }
    Ok(())
}

#[tokio::test]
async fn answers_that_are_too_much_for_the_host_are_refused_in_the_same_words() -> TestResult {
    let script = "from tools import t\ntry:\n    said = len(t.large())\nexcept Exception as error:\n    said = error.kind\nsaid";
    for (budget, expected) in [(2 << 20, "\"limit-reached\""), (64 << 20, "3145728")] {
        let report = both(|| {
            let mut job = seeded(Language::Python, script);
            job.limits.host_memory = budget;
            job
        })
        .await?;
        assert_eq!(report["outcome"]["returned"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn what_a_policy_grants_is_the_same() -> TestResult {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("read.txt"), "of the host")?;
    let script = "import os, sys\nsaid = [open('/data/read.txt').read(), os.listdir('/fixtures') != [], dict(os.environ)['GRANTED'], sys.stdin.read(), sys.argv]\n\
        open('/memory/new.txt', 'w').write('x')\n\
        for path in ('/data/new.txt', '/written/mcp.json', '/written/new.txt'):\n    try:\n        \
        said.append(open(path, 'w').write('x'))\n    except OSError as error:\n        said.append(error.strerror)\nsaid";
    let mount = |source, guest: &str, access| Mount {
        source,
        guest: guest.to_owned(),
        access,
        quota: Quota::default(),
    };
    let host = || Source::Host(folder.path().to_owned());
    let report = both(|| {
        let mut job = seeded(Language::Python, script);
        job.script.args = vec!["one".to_owned()];
        job.policy.mounts = vec![
            mount(host(), "/data", Access::ReadOnly),
            mount(host(), "/written", Access::ReadWrite),
            mount(
                Source::Memory { bytes: 1 << 20 },
                "/memory",
                Access::ReadWrite,
            ),
            mount(
                Source::Host("fixtures".into()),
                "/fixtures",
                Access::ReadOnly,
            ),
        ];
        job.policy.env = vec![("GRANTED".to_owned(), "yes".to_owned())];
        job.policy.stdin = Stdin::Bytes(b"given".to_vec());
        job.policy.protected.names = vec!["mcp.json".to_owned()];
        job
    })
    .await?;
    let said = report["outcome"]["returned"].as_str().unwrap_or_default();
    assert!(
        said.starts_with(r#"["of the host",true,"yes","given",["same","one"],"#),
        "{said}"
    );
    assert!(folder.path().join("new.txt").exists() && !folder.path().join("mcp.json").exists());
    Ok(())
}

#[tokio::test]
async fn what_cannot_begin_is_named_in_the_same_words() -> TestResult {
    let job = || {
        let mut job = Job::new(Language::Python, "same", "1");
        job.policy.mounts = vec![Mount {
            source: Source::Host("/no/such/folder".into()),
            guest: "/data".to_owned(),
            access: Access::ReadOnly,
            quota: Quota::default(),
        }];
        job
    };
    let words = |ran: Result<Report, _>| match ran {
        Err(wxmcp_host::StartError::Run(RunError::Mount { guest, source })) => {
            Ok(format!("{guest}: {source}"))
        }
        other => Err(format!("{other:?}")),
    };
    let here = words(runtime(false)?.run(job()).await)?;
    let elsewhere = words(runtime(true)?.run(job()).await)?;
    assert_eq!(here, elsewhere);
    Ok(())
}

#[tokio::test]
async fn sessions_go_on_and_end_with_their_worker() -> TestResult {
    let runtime = runtime(true)?;
    let runner = runtime.interpreter(Language::Python)?;
    let run = |source: &str| {
        let job = Job::new(Language::Python, "session", source);
        let tools = Arc::clone(runtime.tools());
        job.into_run(tools, Arc::new(wxmcp_run::Silent), std::future::pending())
    };
    let mut session = runner.session();
    let kept = "import sys\nsys.kept = getattr(sys, 'kept', 0) + 1\nsys.kept";
    for expected in ["1", "2", "3"] {
        let report = session.run(run(kept)).await?;
        assert!(matches!(&report.outcome, Outcome::Returned(it) if it.get() == expected));
    }
    let pool = runtime.guests().pool().ok_or("no pool")?;
    for pid in pool.processes() {
        crate::kill(pid)?;
    }
    let lost = session.run(run(kept)).await;
    assert!(matches!(lost, Err(RunError::SessionLost(_))), "{lost:?}");
    assert!(session.is_over());
    let mut other = runner.session();
    let report = other.run(run(kept)).await?;
    assert!(matches!(&report.outcome, Outcome::Returned(it) if it.get() == "1"));
    Ok(())
}
