//! Runs: events, cancelling, sessions that are over, clocks and random numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use wxmcp_catalogue::Definition;
use wxmcp_host::{Job, Runtime, RuntimeEvent, rust_tool};
use wxmcp_run::{
    Clocks, GivenClocks, Language, Limit, Limits, Outcome, Randomness, Report, RunError, Runner,
    Silent, Sources, Stream, ToolError, ToolErrorKind,
};
use wxmcp_toolfiles::Interpreters as _;

use crate::support::{TestResult, guests, returned, value};

fn runtime() -> Result<Runtime, Box<dyn std::error::Error>> {
    Ok(Runtime::with_guests(guests()).build()?)
}

fn sum() -> Definition {
    Definition {
        name: "sum".to_owned(),
        description: "Adds numbers.".to_owned(),
        input_schema: json!({"type": "object", "required": ["numbers"],
            "properties": {"numbers": {"type": "array", "items": {"type": "integer"}}}}),
        output_schema: Some(json!({"type": "integer"})),
    }
}

#[tokio::test]
async fn a_tool_in_rust_is_validated_like_any_other() -> TestResult {
    let add = rust_tool(sum(), |arguments| async move {
        let numbers = arguments.get("numbers").and_then(Value::as_array);
        let numbers = numbers.into_iter().flatten().filter_map(Value::as_i64);
        Ok(json!(numbers.sum::<i64>()))
    });
    let lies = rust_tool(
        Definition {
            name: "lies".to_owned(),
            ..sum()
        },
        |_| async { Ok(json!("many")) },
    );
    let runtime = Runtime::with_guests(guests());
    let runtime = runtime.tool("maths", add).tool("maths", lies).build()?;
    let script = "from tools import maths\n[maths.sum(numbers=[1, 2, 39])]";
    assert_eq!(value(&runtime, script).await?, json!([42]));
    for (call, kind) in [
        ("maths.sum(numbers=['x'])", "invalid-arguments"),
        ("maths.lies(numbers=[])", "invalid-answer"),
    ] {
        let script = format!(
            "from tools import maths\ntry:\n    {call}\nexcept Exception as error:\n    kind = error.kind\nkind"
        );
        assert_eq!(value(&runtime, &script).await?, kind);
    }
    Ok(())
}

#[tokio::test]
async fn events_come_in_order_and_the_report_agrees() -> TestResult {
    let fails = rust_tool(sum(), |_| async {
        Err(ToolError::new(ToolErrorKind::ToolFailed, "no"))
    });
    let runtime = Runtime::with_guests(guests())
        .tool("maths", fails)
        .build()?;
    let script = "from tools import maths\nprint('before')\ntry:\n    maths.sum(numbers=[])\n\
                  except Exception as error:\n    print(error)\n";
    let job = Job::new(Language::Python, "events.py", script);
    let mut execution = runtime.start(job).await?;
    let mut events = Vec::new();
    while let Some(event) = execution.next().await {
        events.push(event);
    }
    let printed = |text: &str| RuntimeEvent::Output {
        stream: Stream::Stdout,
        bytes: text.as_bytes().to_vec(),
    };
    let expected = [
        printed("before\n"),
        RuntimeEvent::CallStarted {
            sequence: 1,
            name: "maths.sum".to_owned(),
        },
        RuntimeEvent::CallEnded {
            sequence: 1,
            error: Some(ToolErrorKind::ToolFailed),
        },
        printed("no\n"),
    ];
    assert_eq!(events, expected);
    let report = execution.report().await?;
    assert_eq!(report.stdout, b"before\nno\n");
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_says_so() -> TestResult {
    let runtime = runtime()?;
    let job = Job::new(
        Language::JavaScript,
        "waits.js",
        "console.log('here'); await new Promise(() => setTimeout(() => {}, 1e6))",
    );
    let mut execution = runtime.start(job).await?;
    assert!(matches!(
        execution.next().await,
        Some(RuntimeEvent::Output { .. })
    ));
    execution.cancel();
    let report = execution.report().await?;
    assert!(matches!(report.outcome, Outcome::Cancelled), "{report:?}");
    Ok(())
}

/// The second run of a session that a limit ended is refused, not run without its source.
#[tokio::test]
async fn a_session_that_is_over_refuses_another_run_by_name() -> TestResult {
    let runtime = runtime()?;
    let runner: Arc<dyn Runner> = runtime.guests().sandbox(Language::Python)?;
    let mut session = runner.session();
    let run = |source: &str, wall| {
        let mut job = Job::new(Language::Python, "again.py", source);
        job.limits = Limits {
            wall,
            ..Limits::default()
        };
        let tools = Arc::clone(runtime.tools());
        job.into_run(tools, Arc::new(Silent), std::future::pending())
    };
    let minute = Duration::from_secs(60);
    let first = session.run(run("1 + 1", minute)).await?;
    assert_eq!(returned(first)?, 2);
    let second = session.run(run("2 + 2", minute)).await?;
    assert_eq!(returned(second)?, 4);
    let report = session
        .run(run("while True: pass", Duration::from_millis(50)))
        .await?;
    assert!(matches!(
        report.outcome,
        Outcome::Stopped(Limit::WallTime(_), _)
    ));
    assert!(session.is_over());
    let refused = session.run(run("3 + 3", minute)).await;
    assert!(matches!(refused, Err(RunError::SessionOver)), "{refused:?}");
    Ok(())
}

/// A clock that gains a second with each look.
#[derive(Default)]
struct Steps(AtomicU64);

impl GivenClocks for Steps {
    fn wall(&self, _fuel: u64) -> Duration {
        Duration::from_secs(1_000_000_000 + self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn monotonic(&self, _fuel: u64) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn slept(&self, _time: Duration) -> bool {
        true
    }

    fn last_wall(&self) -> Duration {
        Duration::from_secs(1_000_000_000 + self.0.load(Ordering::Relaxed))
    }
}

const DRAWS: [(Language, &str); 2] = [
    (
        Language::Python,
        "import os, random, secrets, uuid\n\
         [os.urandom(8).hex(), random.random(), secrets.token_hex(4), str(uuid.uuid4()), hash('x')]",
    ),
    (
        Language::JavaScript,
        "[Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(8))]]",
    ),
];

async fn drawn(
    runtime: &Runtime,
    (language, source): (Language, &str),
    randomness: Randomness,
) -> Result<Value, Box<dyn std::error::Error>> {
    let job = Job {
        sources: Sources {
            randomness,
            ..Sources::default()
        },
        ..Job::new(language, "draws", source)
    };
    returned(runtime.run(job).await?)
}

#[tokio::test]
async fn seeded_runs_draw_the_same_numbers_and_live_ones_do_not() -> TestResult {
    let runtime = runtime()?;
    for draw in DRAWS {
        let one = drawn(&runtime, draw, Randomness::seeded(1)).await?;
        assert_eq!(one, drawn(&runtime, draw, Randomness::seeded(1)).await?);
        assert_ne!(one, drawn(&runtime, draw, Randomness::seeded(2)).await?);
        let live = drawn(&runtime, draw, Randomness::Live).await?;
        assert_ne!(live, drawn(&runtime, draw, Randomness::Live).await?);
    }
    Ok(())
}

async fn at(
    runtime: &Runtime,
    language: Language,
    source: &str,
) -> Result<Report, Box<dyn std::error::Error>> {
    let job = Job {
        sources: Sources {
            clocks: Clocks::Given(Arc::new(Steps::default())),
            ..Sources::default()
        },
        ..Job::new(language, "clock", source)
    };
    Ok(runtime.run(job).await?)
}

#[tokio::test]
async fn given_clocks_are_what_scripts_read() -> TestResult {
    let runtime = runtime()?;
    let python = "import time, datetime\n\
                  [int(time.time()) // 1000, datetime.datetime.now(datetime.UTC).year, time.monotonic() < 1000]";
    let read = returned(at(&runtime, Language::Python, python).await?)?;
    assert_eq!(read, json!([1_000_000, 2001, true]));
    let javascript = "[Math.floor(Date.now() / 1e6), new Date().getUTCFullYear()]";
    let read = returned(at(&runtime, Language::JavaScript, javascript).await?)?;
    assert_eq!(read, json!([1_000_000, 2001]));
    Ok(())
}
