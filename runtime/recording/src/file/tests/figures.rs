//! Figures: `cargo nextest run --workspace --run-ignored all --no-capture -E 'test(figures_of_recordings)'` prints them.

use std::time::Instant;

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

/// A run of ten calls, one after the other or at once.
fn ten_calls(at_once: bool) -> (Vec<Event>, Vec<bool>, Vec<String>) {
    let source = "import tools\nfrom tools import github\n\ncounts = {}\nfor page in range(10):\n    for issue in github.list_issues(owner='rust-lang', repo='cargo', page=page)['items']:\n        counts[issue['state']] = counts.get(issue['state'], 0) + issue['comments']\nprint(counts)\n";
    let answers: Vec<String> = (1..=10).map(page).collect();
    let mut events = vec![Event::Head(Box::new(Head {
        source: text(source),
        ..head()
    }))];
    let mut flushed = vec![false];
    let instance = 0;
    let mut monotonic = 1_000_000;
    let asks: Vec<[Event; 2]> = (1..=10)
        .map(|id| {
            let began = Event::Began {
                instance,
                id,
                operation: 1,
                timer: None,
            };
            let question = Question::Call {
                name: text("github.list_issues"),
                arguments: format!(r#"{{"owner":"rust-lang","repo":"cargo","page":{id}}}"#),
            };
            let asked = Event::Asked {
                instance,
                id,
                question,
            };
            [began, asked]
        })
        .collect();
    let mut push = |event: Event, is_flushed: bool| {
        events.push(event);
        flushed.push(is_flushed);
    };
    for (id, (ask, answer)) in (1..).zip(asks.iter().zip(&answers)) {
        let [began, asked] = ask.clone();
        if at_once && id == 1 {
            for [began, asked] in asks.clone() {
                push(began, false);
                push(asked, false);
            }
        } else if !at_once {
            push(began, false);
            push(asked, true);
        }
        let answer = Answer::Ok(answer.clone());
        push(
            Event::Answered {
                instance,
                id,
                answer,
            },
            at_once,
        );
        monotonic += 43_713_911 + id * 1_000_003 % 7_919_111;
        let (ids, changed) = (vec![id], Vec::new());
        push(
            Event::HandedOver {
                instance,
                ids,
                changed,
                at: monotonic,
            },
            false,
        );
        push(
            Event::Monotonic {
                instance,
                nanoseconds: monotonic + 5_000,
            },
            false,
        );
    }
    let calls: Vec<_> = (1..=10)
        .map(|it| serde_json::json!({"sequence": it, "name": "github.list_issues", "ended": {"error": null, "answer_bytes": 4_000 + it}, "argument_bytes": 46}))
        .collect();
    let bytes = Bytes(b"{'open': 1578, 'closed': 801}\n".to_vec());
    push(Event::Printed { stream: 1, bytes }, false);
    let report = serde_json::json!({
        "outcome": "returned", "value": null, "exit_code": null, "stdout": "{'open': 1578, 'closed': 801}\n", "stderr": "",
        "error": null, "calls": calls, "usage": {"fuel": 812_345_678, "memory_peak": 31_457_280, "output_bytes": 30, "tool_calls": 10},
        "artifacts": [],
    });
    push(
        Event::End(Box::new(End {
            report: report.to_string(),
            tools: vec![(text("github.list_issues"), "3f".repeat(32))],
        })),
        true,
    );
    (events, flushed, answers)
}

#[test]
fn a_recording_is_hardly_larger_than_its_compressed_answers() -> TestResult {
    for at_once in [false, true] {
        let (events, flushed, answers) = ten_calls(at_once);
        let file = written(&events, |it| flushed[it])?;
        let mut each = 0;
        for answer in &answers {
            each += zstd::encode_all(answer.as_bytes(), 3)?.len();
        }
        assert!(
            file.len() * 10 <= each * 12,
            "{} bytes for {each}",
            file.len()
        );
    }
    Ok(())
}

#[test]
#[ignore = "prints times and sizes"]
fn figures_of_recordings() -> TestResult {
    for at_once in [false, true] {
        let (events, flushed, answers) = ten_calls(at_once);
        let file = written(&events, |it| flushed[it])?;
        let unflushed = written(&events, |_| false)?;
        let mut each = 0;
        for answer in &answers {
            each += zstd::encode_all(answer.as_bytes(), 3)?.len();
        }
        let together = zstd::encode_all(answers.concat().as_bytes(), 3)?.len();
        eprintln!(
            "at once: {at_once}; answers {} bytes, compressed each {each}, together {together}; file {}, without flushes {}: {:.2}x each, {:.2}x together, {:.2}x together without flushes",
            answers.concat().len(),
            file.len(),
            unflushed.len(),
            ratio(file.len(), each),
            ratio(file.len(), together),
            ratio(unflushed.len(), together),
        );
        let mut times = Vec::new();
        for _ in 0..200 {
            let started = Instant::now();
            let mut writer = Writer::new(Vec::new())?;
            times.push(started.elapsed());
            drop(writer.push(&events[0]));
        }
        times.sort();
        eprintln!("a writer begins in {:?} p50", times[100]);
        for (what, flushes) in [
            ("flushed", &flushed),
            ("not flushed", &vec![false; events.len()]),
        ] {
            eprintln!(
                "all events of a call with an answer of 4 KB, {what}: {:?} p50",
                per_call(&events, flushes)? / 10
            );
        }
        let mut times = Vec::new();
        for _ in 0..100 {
            let started = Instant::now();
            Recording::read(file.as_slice())?;
            times.push(started.elapsed());
        }
        times.sort();
        eprintln!("the recording is read in {:?} p50", times[50]);
    }
    let (mut events, flushed, _) = ten_calls(false);
    for event in &mut events {
        if let Event::Answered { answer, .. } = event {
            *answer = Answer::Ok(text(r#"{"value": "pong", "bytes": 6}"#));
        }
    }
    let small = per_call(&events, &flushed)? / 10;
    eprintln!("all events of a call with a small answer, flushed: {small:?} p50");
    let mut writer = Writer::new(Vec::new())?;
    writer.push(&Event::Head(Box::new(head())))?;
    let started = Instant::now();
    for number in 0..1_000_000 {
        writer.push(&Event::Monotonic {
            instance: 0,
            nanoseconds: number * 1_337 + number * 7_919 % 97,
        })?;
    }
    let elapsed = started.elapsed();
    writer.push(&end())?;
    writer.finish()?;
    eprintln!(
        "a clock reading: {:?}, {:.2} bytes",
        elapsed / 1_000_000,
        ratio(writer.into_inner().len(), 1_000_000)
    );
    Ok(())
}

/// What it takes to write all events but the first.
fn per_call(events: &[Event], flushed: &[bool]) -> Result<std::time::Duration, Box<dyn Error>> {
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
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times[100])
}

fn ratio(bytes: usize, of: usize) -> f64 {
    let as_f64 = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    as_f64(bytes) / as_f64(of)
}
