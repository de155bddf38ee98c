//! Figures: `cargo nextest run --workspace --run-ignored all --no-capture -E 'test(figures_of_recordings)'` prints them.

use std::time::{Duration, Instant};

use super::*;

/// An answer of some KB as servers give it: a page of issues.
fn page(number: u64) -> String {
    let mut seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let words = [
        "crash",
        "when",
        "the",
        "server",
        "closes",
        "a",
        "connection",
        "while",
        "reading",
        "answers",
        "after",
        "timeout",
        "of",
        "large",
        "files",
        "missing",
        "documentation",
        "for",
        "retry",
        "option",
        "in",
        "config",
        "wrong",
        "encoding",
        "on",
        "windows",
        "paths",
        "slow",
        "query",
        "with",
        "many",
        "rows",
        "cannot",
        "parse",
    ];
    let mut issues = Vec::new();
    for _ in 0..12 {
        let mut word = || words[usize::try_from(next()).unwrap_or_default() % words.len()];
        let title: Vec<&str> = (0..7).map(|_| word()).collect();
        let body: Vec<&str> = (0..30).map(|_| word()).collect();
        issues.push(serde_json::json!({
            "id": next() % 4_000_000_000,
            "number": next() % 10_000,
            "title": title.join(" "),
            "state": if next() % 3 == 0 { "closed" } else { "open" },
            "user": {"login": format!("user{}", next() % 500)},
            "created_at": format!("2025-{:02}-{:02}T{:02}:{:02}:{:02}Z", next() % 12 + 1, next() % 28 + 1, next() % 24, next() % 60, next() % 60),
            "comments": next() % 40,
            "body": body.join(" "),
        }));
    }
    serde_json::json!({"value": {"items": issues}, "bytes": 5_000}).to_string()
}

/// A run: its events, after which of them the writer is flushed, and the answers in it.
struct Run {
    events: Vec<Event>,
    flushed: Vec<bool>,
    answers: Vec<String>,
}

const SOURCE: &str = "import tools
from tools import github

counts = {}
for page in range(10):
    for issue in github.list_issues(owner='rust-lang', repo='cargo', page=page)['items']:
        counts[issue['state']] = counts.get(issue['state'], 0) + issue['comments']
print(counts)
";

impl Run {
    fn push(&mut self, event: Event, is_flushed: bool) {
        self.events.push(event);
        self.flushed.push(is_flushed);
    }

    fn ask(&mut self, id: u64, is_flushed: bool) {
        let (instance, operation, timer) = (0, 1, None);
        let began = Event::Began {
            instance,
            id,
            operation,
            timer,
        };
        self.push(began, false);
        let question = Question::Call {
            name: text("github.list_issues"),
            arguments: format!(r#"{{"owner":"rust-lang","repo":"cargo","page":{id}}}"#),
        };
        let asked = Event::Asked {
            instance,
            id,
            question,
        };
        self.push(asked, is_flushed);
    }

    fn answer(&mut self, id: u64, is_flushed: bool) {
        let (instance, ids, changed) = (0, vec![id], Vec::new());
        let answer = page(id);
        self.answers.push(answer.clone());
        let answer = Answer::Ok(answer);
        let answered = Event::Answered {
            instance,
            id,
            answer,
        };
        self.push(answered, is_flushed);
        let at = id * 43_713_911 + id * 1_000_003 % 7_919_111;
        let handed_over = Event::HandedOver {
            instance,
            ids,
            changed,
            at,
        };
        self.push(handed_over, false);
        let nanoseconds = at + 5_000;
        let monotonic = Event::Monotonic {
            instance,
            nanoseconds,
        };
        self.push(monotonic, false);
    }

    fn end(&mut self) {
        let call = |number| {
            let ended = serde_json::json!({"error": null, "answer_bytes": 4_000 + number});
            serde_json::json!({"sequence": number, "name": "github.list_issues", "ended": ended, "argument_bytes": 46})
        };
        let calls: Vec<_> = (1..=10).map(call).collect();
        let printed = "{'open': 1578, 'closed': 801}\n";
        let bytes = Bytes(printed.into());
        self.push(Event::Printed { stream: 1, bytes }, false);
        let usage = serde_json::json!({"fuel": 812_345_678, "memory_peak": 31_457_280, "output_bytes": 30, "tool_calls": 10});
        let report = serde_json::json!({
            "outcome": "returned", "value": null, "exit_code": null, "stdout": printed, "stderr": "",
            "error": null, "calls": calls, "usage": usage, "artifacts": [],
        });
        let end = End {
            report: report.to_string(),
            tools: vec![(text("github.list_issues"), "3f".repeat(32))],
        };
        self.push(Event::End(Box::new(end)), true);
    }

    fn written(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        written(&self.events, |it| self.flushed[it])
    }

    /// Bytes of the answers, compressed each by itself and all together.
    fn compressed(&self) -> Result<(usize, usize), Box<dyn Error>> {
        let mut each = 0;
        for answer in &self.answers {
            each += zstd::encode_all(answer.as_bytes(), 3)?.len();
        }
        let together = zstd::encode_all(self.answers.concat().as_bytes(), 3)?.len();
        Ok((each, together))
    }
}

/// A run of ten calls, one after the other or at once.
fn ten_calls(at_once: bool) -> Run {
    let head = Head {
        source: text(SOURCE),
        ..head()
    };
    let mut run = Run {
        events: vec![Event::Head(Box::new(head))],
        flushed: vec![false],
        answers: Vec::new(),
    };
    if at_once {
        (1..=10).for_each(|id| run.ask(id, id == 10));
    }
    for id in 1..=10 {
        if !at_once {
            run.ask(id, true);
        }
        run.answer(id, at_once);
    }
    run.end();
    run
}

#[test]
fn a_recording_is_hardly_larger_than_its_compressed_answers() -> TestResult {
    for at_once in [false, true] {
        let run = ten_calls(at_once);
        let (file, (_, together)) = (run.written()?.len(), run.compressed()?);
        assert!(file * 10 <= together * 12, "{file} bytes for {together}");
    }
    Ok(())
}

#[test]
#[ignore = "prints times and sizes"]
fn figures_of_recordings() -> TestResult {
    for at_once in [false, true] {
        let run = ten_calls(at_once);
        let file = run.written()?;
        let unflushed = written(&run.events, |_| false)?.len();
        let (each, together) = run.compressed()?;
        eprintln!(
            "at once: {at_once}; answers {}, compressed each {each}, together {together}; file {}, without flushes {unflushed}: \
             {:.2}x each, {:.2}x together, {:.2}x together without flushes",
            run.answers.concat().len(),
            file.len(),
            ratio(file.len(), each),
            ratio(file.len(), together),
            ratio(unflushed, together),
        );
        let flushed = per_call(&run.events, &run.flushed)?;
        let not = per_call(&run.events, &vec![false; run.events.len()])?;
        eprintln!("a call with an answer of 4 KB: {flushed:?} p50 flushed, {not:?} not flushed");
        let read = median(|| drop(Recording::read(file.as_slice())));
        eprintln!("the recording is read in {read:?} p50");
    }
    let begun = median(|| drop(Writer::new(Vec::new())));
    eprintln!("a writer begins in {begun:?} p50");
    let mut run = ten_calls(false);
    for event in &mut run.events {
        if let Event::Answered { answer, .. } = event {
            *answer = Answer::Ok(text(r#"{"value": "pong", "bytes": 6}"#));
        }
    }
    let small = per_call(&run.events, &run.flushed)?;
    eprintln!("a call with a small answer: {small:?} p50 flushed");
    let mut writer = Writer::new(Vec::new())?;
    writer.push(&Event::Head(Box::new(head())))?;
    let started = Instant::now();
    for number in 0..1_000_000 {
        let nanoseconds = number * 1_337 + number * 7_919 % 97;
        let instance = 0;
        writer.push(&Event::Monotonic {
            instance,
            nanoseconds,
        })?;
    }
    let each = started.elapsed() / 1_000_000;
    writer.push(&end())?;
    writer.finish()?;
    let bytes = ratio(writer.into_inner().len(), 1_000_000);
    eprintln!("a clock reading: {each:?}, {bytes:.2} bytes");
    Ok(())
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    times.sort();
    times[100]
}

/// What it takes to write all events but the first, for each of ten calls.
fn per_call(events: &[Event], flushed: &[bool]) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..200 {
        let mut writer = Writer::new(Vec::new())?;
        writer.push(&events[0])?;
        writer.flush()?;
        let started = Instant::now();
        for (event, is_flushed) in events.iter().zip(flushed).skip(1) {
            writer.push(event)?;
            if *is_flushed {
                writer.flush()?;
            }
        }
        times.push(started.elapsed() / 10);
    }
    times.sort();
    Ok(times[100])
}

fn ratio(bytes: usize, of: usize) -> f64 {
    let as_f64 = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    as_f64(bytes) / as_f64(of)
}
