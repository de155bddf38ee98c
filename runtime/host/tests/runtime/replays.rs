//! Runs that are recorded, and replayed without their tools.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use wxmcp_catalogue::Definition;
use wxmcp_guests::NATIVES;
use wxmcp_host::{Job, Runtime, rust_tool};
use wxmcp_recording::event::{Answer, Event, Head, Question};
use wxmcp_recording::{Deterministic, HowToReplay, Recorded, Recorder, Replay, Replayed, Sink};
use wxmcp_run::{Language, Ledger, Report, Silent, ToolError, ToolErrorKind};

use crate::support::TestResult;

/// A recording in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Event>>>);

impl Sink for Kept {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        self.0.lock().push(event.clone());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

/// Tools whose answers differ with each call, and one that takes a while.
fn runtime() -> Result<Runtime, Box<dyn Error>> {
    let definition = |name: &str| Definition {
        name: name.to_owned(),
        description: "A tool of tests.".to_owned(),
        input_schema: json!({"type": "object"}),
        output_schema: None,
    };
    let count = Arc::new(Mutex::new(0));
    let next = rust_tool(definition("next"), move |arguments| {
        let mut count = count.lock();
        *count += 1;
        let answer = json!({"number": *count, "asked": arguments});
        async move { Ok(answer) }
    });
    let fails = rust_tool(definition("fails"), |_| async {
        Err(ToolError::new(ToolErrorKind::ToolFailed, "it is broken"))
    });
    let slow = rust_tool(definition("slow"), |arguments| async move {
        let time = arguments.get("ms").and_then(serde_json::Value::as_u64);
        tokio::time::sleep(Duration::from_millis(time.unwrap_or(0))).await;
        Ok(json!(time))
    });
    let builder = Runtime::builder(NATIVES)
        .tool("tests", next)
        .tool("tests", fails);
    Ok(builder.tool("tests", slow).build()?)
}

async fn recorded(runtime: &Runtime, job: Job) -> Result<(Report, Vec<Event>), Box<dyn Error>> {
    let runner = runtime.interpreter(job.script.language)?;
    let run = job.into_run(
        Arc::clone(runtime.tools()),
        Arc::new(Silent),
        std::future::pending(),
    );
    let head = Head::of(&run, "guest", "0")?;
    let kept = Kept::default();
    let (run, recorder) = Recorder::of(run, head, Vec::new(), Box::new(kept.clone()))?;
    let report = runner.run(run).await?;
    recorder.finish(&report, Vec::new())?;
    let events = kept.0.lock().clone();
    Ok((report, events))
}

async fn replayed(
    runtime: &Runtime,
    events: Vec<Event>,
) -> Result<(Replayed, Duration), Box<dyn Error>> {
    let began = Instant::now();
    let recorded = Recorded::of(events)?;
    let replay = Replay::of(Arc::new(recorded), HowToReplay::default());
    let run = replay.run(&Ledger::unbounded(), Arc::new(Silent))?;
    let runner = runtime.interpreter(run.script.language)?;
    let mut report = runner.run(run).await?;
    Ok((replay.finish(&mut report), began.elapsed()))
}

const PYTHON: &str = "
import asyncio, concurrent.futures, random, subprocess, sys, time, uuid
from pathlib import Path
from tools import tests

print(time.time(), random.random(), uuid.uuid4(), time.monotonic())
print(tests.next(a=1), tests.next(a=1))
try:
    tests.fails()
except Exception as error:
    print(type(error).__name__, error)

async def one(ms):
    answer = await tests.slow(ms=ms)
    print(answer, await tests.next(a=1), time.time())
    return answer

async def main():
    return await asyncio.gather(*[one(ms) for ms in (60, 20, 40, 20)], asyncio.sleep(0.03))

print(asyncio.run(main()))
time.sleep(0.2)
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(lambda ms: (tests.slow(ms=ms), tests.next(), time.time()), (30, 10, 20))))
path = Path.home() / 'x.txt'
path.write_text('x')
print(path.stat().st_mtime)
child = 'from tools import tests; import time, uuid; print(tests.next(), uuid.uuid4(), time.time()); time.sleep(0.05)'
print(subprocess.run([sys.executable, '-c', child], capture_output=True, text=True))
[str(uuid.uuid4()), tests.next()]
";

const TYPESCRIPT: &str = "
import * as tests from 'tools/tests';
const sleep = (ms: number) => new Promise(done => setTimeout(done, ms));
console.log(Date.now(), Math.random(), crypto.randomUUID(), performance.now());
console.log(await tests.next({a: 1}));
try { await tests.fails({}) } catch (error) { console.log(String(error)) }
const one = async (ms: number) => {
  const answer = await tests.slow({ms});
  console.log(answer, await tests.next({a: 1}), Date.now());
  return answer;
};
console.log(await Promise.all([60, 20, 40, 20].map(one).concat([sleep(30) as any])));
await sleep(200);
return [crypto.randomUUID(), await tests.next({})];
";

#[tokio::test]
async fn a_replay_gives_the_same_report_without_tools_and_waits_for_nothing() -> TestResult {
    let runtime = runtime()?;
    let without_tools = Runtime::builder(NATIVES).build()?;
    for (language, source) in [
        (Language::Python, PYTHON),
        (Language::TypeScript, TYPESCRIPT),
    ] {
        let job = Job::new(language, "script", source);
        let (report, events) = recorded(&runtime, job).await?;
        assert!(
            matches!(report.outcome, wxmcp_run::Outcome::Returned(_)),
            "{report:?}"
        );
        let (replayed, _) = replayed(&without_tools, events).await?;
        assert_eq!(replayed.divergence, None, "{report:?}");
        assert_eq!(replayed.report, wxmcp_recording::canonical_report(&report));
    }
    Ok(())
}

#[tokio::test]
async fn a_deterministic_run_can_be_recorded_too() -> TestResult {
    let runtime = runtime()?;
    let mut reports = Vec::new();
    for _ in 0..2 {
        let mut job = Job::new(
            Language::Python,
            "script",
            &PYTHON.replace("tests.next", "tests.slow"),
        );
        job.sources = Deterministic::default().sources();
        let (report, events) = recorded(&runtime, job).await?;
        let (replayed, _) = replayed(&runtime, events).await?;
        assert_eq!(replayed.divergence, None);
        reports.push(wxmcp_recording::canonical_report(&report));
    }
    assert_eq!(reports.first(), reports.last());
    Ok(())
}

#[tokio::test]
async fn a_replay_says_where_it_differs() -> TestResult {
    let runtime = runtime()?;
    let source = "from tools import tests\nprint('a')\ntests.next(a=1)\ntests.next(b=2)\n";
    let (_, events) = recorded(&runtime, Job::new(Language::Python, "script", source)).await?;
    for (from, to, line, expected) in [
        (
            "tests.next(b=2)",
            "tests.next(b=3)",
            Some(4),
            "-   \"b\": 2\n+   \"b\": 3\n",
        ),
        (
            "tests.next(b=2)",
            "tests.slow(b=2)",
            Some(4),
            "- tests.next\n+ tests.slow\n",
        ),
        ("print('a')", "print('b')", Some(3), "- a\n+ b\n"),
        ("tests.next(b=2)", "7", None, ""),
        (
            "tests.next(b=2)",
            "tests.next(b=2); tests.next(b=2)",
            Some(4),
            "",
        ),
    ] {
        let mut events = events.clone();
        for event in &mut events {
            if let Event::Head(head) = event {
                head.source = source.replace(from, to);
            }
        }
        let (replayed, _) = replayed(&runtime, events).await?;
        let divergence = replayed.divergence.ok_or(to)?;
        assert_eq!(divergence.line, line, "{divergence:?}");
        assert!(divergence.difference.contains(expected), "{divergence:?}");
    }
    Ok(())
}

/// The first difference is what is told, whatever the script does with it and after it.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "two scripts, and what they may try")]
async fn a_script_cannot_hide_where_it_differs() -> TestResult {
    let runtime = runtime()?;
    let python = "\
from tools import tests
import asyncio, threading
def one():
    tests.next(a=1)
try:
    HOW
except BaseException as error:
    print('caught')
finally:
    tests.next(b=1)
for n in range(1000):
    tests.next(n=n)
";
    let typescript = "\
import * as tests from 'tools/tests';
process.on('uncaughtException', () => console.log('caught'));
const one = async () => {
  return await tests.next({a: 1});
};
try {
  HOW
} catch (error) {
  console.log('caught');
} finally {
  await tests.next({b: 1});
}
for (let n = 0; n < 1000; n++) await tests.next({n});
";
    let cases = [
        (Language::Python, python, "one()"),
        (
            Language::Python,
            python,
            "thread = threading.Thread(target=one); thread.start(); thread.join()",
        ),
        (
            Language::Python,
            python,
            "asyncio.run(asyncio.wait_for(asyncio.to_thread(one), 5))",
        ),
        (Language::TypeScript, typescript, "await one()"),
        (
            Language::TypeScript,
            typescript,
            "await Promise.allSettled([one(), one()])",
        ),
    ];
    for (language, source, how) in cases {
        let source = source.replace("HOW", how);
        let (_, mut events) = recorded(&runtime, Job::new(language, "script", &source)).await?;
        for event in &mut events {
            if let Event::Head(head) = event {
                head.source = source.replace("a=1", "a=2").replace("a: 1", "a: 2");
            }
        }
        let (replayed, _) = replayed(&runtime, events).await?;
        let divergence = replayed.divergence.ok_or("it does not differ")?;
        assert_eq!(divergence.line, Some(4), "{how}: {divergence:?}");
    }
    Ok(())
}

/// Whatever event is the last in a file that was cut short, and before whichever a replay is to stop: nothing is shown that
/// is not known.
#[tokio::test]
async fn a_replay_goes_no_further_than_its_recording_or_than_it_was_to() -> TestResult {
    let runtime = runtime()?;
    for (language, source) in [
        (Language::Python, PYTHON),
        (Language::TypeScript, TYPESCRIPT),
        (
            Language::Python,
            "import time\nprint(1)\ntime.sleep(0.01)\nprint(2)\nsum(range(10**6))\nprint(3)\n'invented'\n",
        ),
    ] {
        let (_, events) = recorded(&runtime, Job::new(language, "script", source)).await?;
        let printed = |count: usize| {
            let known = events.iter().take(count).filter_map(|event| match event {
                Event::Printed { stream: 1, bytes } => Some(bytes.0.as_slice()),
                _ => None,
            });
            String::from_utf8_lossy(&known.collect::<Vec<_>>().concat()).into_owned()
        };
        for count in 1..events.len() {
            let cut = events.iter().take(count).cloned().collect();
            let until = HowToReplay {
                until: Some(count),
                ..HowToReplay::default()
            };
            for (known, how) in [(cut, HowToReplay::default()), (events.clone(), until)] {
                let replay = Replay::of(Arc::new(Recorded::of(known)?), how);
                let run = replay.run(&Ledger::unbounded(), Arc::new(Silent))?;
                let mut report = runtime.interpreter(language)?.run(run).await?;
                let replayed = replay.finish(&mut report);
                assert_eq!(replayed.divergence, None, "{count}");
                // At its end nothing is left that it could stop before.
                let is_end = matches!(events.get(count), Some(Event::End(_)));
                assert!(replayed.ended_early || is_end, "{count}");
                let stdout = replayed.report.get("stdout").and_then(|it| it.as_str());
                assert_eq!(stdout, Some(printed(count).as_str()), "{count}");
            }
        }
    }
    Ok(())
}

/// How fast tools answer decides nothing of a deterministic run, not even of calls that it gives up on.
#[tokio::test]
async fn calls_that_a_deterministic_run_gave_up_on_are_the_same_each_time() -> TestResult {
    let source = "\
import asyncio
from tools import tests

async def main():
    for n in range(3):
        try:
            print(await asyncio.wait_for(tests.slow(ms=n), 0.001))
        except asyncio.TimeoutError:
            print('late')
    calls = [asyncio.ensure_future(tests.slow(ms=n % 3)) for n in range(8)]
    done, pending = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    print(len(done), len(pending))
    for call in list(pending)[:4]:
        call.cancel()
    left = [tests.slow(ms=n) for n in range(3)]
    raise ValueError(len(left))

asyncio.run(main())
";
    let runtime = runtime()?;
    let mut reports = Vec::new();
    for _ in 0..10 {
        let mut job = Job::new(Language::Python, "script", source);
        job.sources = Deterministic::default().sources();
        let runner = runtime.interpreter(Language::Python)?;
        let run = job.into_run(
            Arc::clone(runtime.tools()),
            Arc::new(Silent),
            std::future::pending(),
        );
        reports.push(wxmcp_recording::canonical_report(&runner.run(run).await?));
    }
    assert!(
        reports.windows(2).all(|two| two.first() == two.last()),
        "{reports:#?}"
    );
    Ok(())
}

/// Whether a report counts a call as ended that nobody heard of is a race in the recorded run, and none in its replays.
#[tokio::test]
async fn a_call_that_nobody_heard_of_has_ended_in_the_replay_as_in_the_run() -> TestResult {
    let runtime = runtime()?;
    let source =
        "import * as tests from 'tools/tests';\n[tests.slow({ms: 60000}), tests.fails({})];\n";
    let job = Job::new(Language::TypeScript, "script", source);
    let (_, mut events) = recorded(&runtime, job).await?;
    let asked = events.iter().find_map(|event| match event {
        Event::Asked {
            id,
            question: Question::Call { name, .. },
            ..
        } if name == "tests.slow" => Some(*id),
        _ => None,
    });
    let id = asked.ok_or("the call was not recorded")?;
    let end = events.pop().ok_or("the recording has no end")?;
    let instance = 0;
    let answered = Event::Answered {
        instance,
        id,
        answer: Answer::Ok(r#"{"value": 1, "content": []}"#.to_owned()),
    };
    let left = Event::Left {
        instance,
        ids: vec![id],
    };
    let with = |more: &[&Event]| {
        let more = more.iter().copied();
        let events = events.iter().chain(more).chain([&end]);
        events.cloned().collect::<Vec<_>>()
    };
    let cases = [
        (with(&[]), false),
        (with(&[&answered]), false),
        (with(&[&answered, &left]), true),
        // It says that what was never answered had ended: its replay ends all the same.
        (with(&[&left]), false),
    ];
    for _ in 0..20 {
        for (events, has_ended) in &cases {
            let (replayed, _) = replayed(&runtime, events.clone()).await?;
            let ended = replayed.report.pointer("/calls/0/ended");
            let ended = ended.ok_or("the report has no call")?;
            assert_eq!(ended.is_object(), *has_ended, "{}", replayed.report);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_script_that_was_changed_has_the_time_of_its_limit() -> TestResult {
    let runtime = runtime()?;
    let mut job = Job::new(Language::Python, "script", "1");
    job.limits.wall = Duration::from_secs(20);
    let (_, events) = recorded(&runtime, job).await?;
    let recorded = Arc::new(Recorded::of(events)?);
    for (edited, seconds) in [(Some("while True: pass".to_owned()), 45), (None, 600)] {
        let how = HowToReplay {
            edited,
            ..HowToReplay::default()
        };
        let replay = Replay::of(Arc::clone(&recorded), how);
        let run = replay.run(&Ledger::unbounded(), Arc::new(Silent))?;
        assert_eq!(run.limits.wall, Duration::from_secs(seconds));
    }
    Ok(())
}
