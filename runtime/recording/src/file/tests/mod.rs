//! Recordings as they are, cut, changed and forged.

mod damage;
mod figures;
mod forged;
mod shown;
mod whole;

use std::error::Error;

use proptest::prelude::*;

use super::{Completeness, ReadError, Recording, Writer};
use crate::event::{Answer, Body, Bytes, End, Entry, Event, Head, Limits, Mount, Question};

type TestResult = Result<(), Box<dyn Error>>;

fn text(text: &str) -> String {
    text.to_owned()
}

fn head() -> Head {
    Head {
        wxmcp: text("0.1.0"),
        command: vec![text("run"), text("report.py")],
        guest: "5c".repeat(32),
        name: text("report.py"),
        path: Some(text("/work/report.py")),
        language: text("python"),
        source: text("import sys\nprint('hello', sys.argv)\n"),
        args: vec![text("--all"), text("")],
        in_session: false,
        env: vec![(text("TZ"), text("UTC"))],
        workdir: None,
        packages: vec![text("/packages/python")],
        stdin: Bytes(vec![0, 255, 10]),
        mounts: vec![Mount {
            guest: text("/data"),
            is_writable: true,
            memory: None,
            bundle: Some("ab".repeat(32)),
            quota_bytes: 1 << 30,
            quota_files: 1_000,
        }],
        limits: Limits {
            fuel: Some(u64::MAX),
            wall: 30_000_000_000,
            ..Limits::default()
        },
        seed: [7; 32],
        began: 1_767_225_600_000_000_000,
        namespaces: vec![text("github")],
    }
}

fn question(question: Question) -> Event {
    Event::Asked {
        instance: 0,
        id: 1,
        question,
    }
}

fn entry(path: &str, body: Body) -> Entry {
    Entry {
        path: text(path),
        mode: 0o644,
        rights: crate::event::Rights::Group,
        body,
    }
}

fn end() -> Event {
    Event::End(Box::new(End {
        report: text(r#"{"outcome": "returned", "value": 12345678901234567890123}"#),
        tools: vec![(text("github.list"), "ab".repeat(32))],
    }))
}

/// Every kind of event and of what is in them; a large text is there twice.
#[expect(clippy::too_many_lines, reason = "one of each")]
fn one_of_each() -> Vec<Event> {
    let large = "0123456789abcdef".repeat(100);
    let began = |id, operation, timer| Event::Began {
        instance: 0,
        id,
        operation,
        timer,
    };
    let answered = |answer| Event::Answered {
        instance: 0,
        id: 1,
        answer,
    };
    let clocks = |nanoseconds| {
        let wall = Event::Wall {
            instance: 0,
            nanoseconds,
        };
        let monotonic = Event::Monotonic {
            instance: 1,
            nanoseconds,
        };
        [wall, monotonic]
    };
    let mut events = vec![
        Event::Head(Box::new(head())),
        Event::Captured {
            mount: 0,
            entry: entry("a", Body::Folder),
        },
        Event::Captured {
            mount: 0,
            entry: entry("a/b.bin", Body::File(Bytes(vec![0xff; 3_000]))),
        },
        Event::Captured {
            mount: 0,
            entry: entry("c", Body::Link(text("a/b.bin"))),
        },
        Event::Child {
            parent: 0,
            id: 9,
            instance: 1,
        },
        began(1, 1, None),
        began(2, 6, Some(5_000_000)),
        question(Question::Call {
            name: text("github.list"),
            arguments: text("{\"page\": 1,\n \"id\": 1e400}"),
        }),
        answered(Answer::Ok(large.clone())),
        question(Question::Namespace(text("github"))),
        question(Question::Known(text("github"))),
        question(Question::Search {
            query: text("issues"),
            limit: 10,
            detail: text("brief"),
        }),
        question(Question::Describe(vec![text("github.list")])),
        question(Question::Capability {
            capability: text("sql"),
            request: text(r#"{"query": "select 1"}"#),
        }),
        answered(Answer::Err(text(
            r#"{"kind": "tool-failed", "message": "no"}"#,
        ))),
        Event::HandedOver {
            instance: 0,
            ids: vec![1, 2],
            changed: vec![text("github")],
            at: 123_456,
        },
        Event::GaveUp { instance: 0, id: 2 },
        Event::Left {
            instance: 0,
            ids: vec![3, 5],
        },
        Event::Printed {
            stream: 1,
            bytes: Bytes(large.into_bytes()),
        },
        Event::Written {
            mount: 0,
            entry: entry("new", Body::File(Bytes(b"hello\n".to_vec()))),
        },
        Event::Removed {
            mount: 0,
            path: text("a/b.bin"),
        },
    ];
    events.extend(
        [0, u64::MAX, 1_767_225_600_000_000_001]
            .map(clocks)
            .concat(),
    );
    events.push(end());
    events
}

/// A file of these events, flushed after each of those whose number says so.
fn written(events: &[Event], flushed: impl Fn(usize) -> bool) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = Writer::new(Vec::new())?;
    for (number, event) in events.iter().enumerate() {
        writer.push(event)?;
        if flushed(number) {
            writer.flush()?;
        }
    }
    writer.finish()?;
    Ok(writer.into_inner())
}

fn some_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,40}",
        1 => ("[a-c]", 1_000_usize..5_000).prop_map(|(letter, times)| letter.repeat(times)),
    ]
}

fn some_bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        some_text().prop_map(|it| Bytes(it.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..3_000).prop_map(Bytes),
    ]
}

#[expect(clippy::too_many_lines, reason = "one of each kind")]
fn some_event() -> impl Strategy<Value = Event> {
    let of = (0_u32..4, any::<u64>());
    let id = of.clone();
    prop_oneof![
        (0_u32..4, any::<u64>()).prop_map(|(instance, nanoseconds)| Event::Wall {
            instance,
            nanoseconds
        }),
        of.clone()
            .prop_map(|(instance, nanoseconds)| Event::Monotonic {
                instance,
                nanoseconds
            }),
        (id.clone(), any::<u8>(), any::<Option<u64>>()).prop_map(
            |((instance, id), operation, timer)| Event::Began {
                instance,
                id,
                operation,
                timer
            }
        ),
        (id.clone(), some_text(), some_text()).prop_map(|((instance, id), name, arguments)| {
            let question = Question::Call { name, arguments };
            Event::Asked {
                instance,
                id,
                question,
            }
        }),
        (id.clone(), some_text(), any::<bool>()).prop_map(|((instance, id), json, is_ok)| {
            let answer = if is_ok { Answer::Ok } else { Answer::Err }(json);
            Event::Answered {
                instance,
                id,
                answer,
            }
        }),
        (
            id,
            prop::collection::vec(any::<u64>(), 0..5),
            prop::collection::vec(some_text(), 0..3)
        )
            .prop_map(|((instance, at), ids, changed)| Event::HandedOver {
                instance,
                ids,
                changed,
                at
            }),
        (any::<u32>(), prop::collection::vec(any::<u64>(), 0..5))
            .prop_map(|(instance, ids)| Event::Left { instance, ids }),
        (1_u8..3, some_bytes()).prop_map(|(stream, bytes)| Event::Printed { stream, bytes }),
        (any::<u32>(), some_text(), some_bytes()).prop_map(|(mount, path, bytes)| {
            let body = Body::File(bytes);
            let mode = mount;
            Event::Written {
                mount,
                entry: Entry {
                    mode,
                    ..entry(&path, body)
                },
            }
        }),
    ]
}

/// A recording, and after which events it was flushed.
fn some_recording() -> impl Strategy<Value = (Vec<Event>, Vec<bool>)> {
    let event = (some_event(), any::<bool>());
    prop::collection::vec(event, 0..40).prop_map(|all| {
        let (mut events, mut flushed): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        events.insert(0, Event::Head(Box::new(head())));
        events.push(end());
        flushed.push(true);
        (events, flushed)
    })
}

/// What a file that is not the one that was written may give: an error, or the first of these events, or all of them.
fn is_told_or_the_same(file: &[u8], events: &[Event]) -> bool {
    match Recording::read(file) {
        Err(_) => true,
        Ok(read) => match read.completeness {
            Completeness::Complete => read.events == events,
            Completeness::CutShort { events: some } => {
                u64::try_from(read.events.len()) == Ok(some) && events.starts_with(&read.events)
            }
        },
    }
}

/// A number, which is taken away from the bytes that it stands in front of.
fn number(from: &mut &[u8]) -> Result<usize, Box<dyn Error>> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = from.split_first().ok_or("cut short")?;
        *from = rest;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
}

/// The compressed stream of a file that is whole, read as the documentation says.
fn frame(file: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut rest = file.strip_prefix(b"wxr\x01").ok_or("no recording")?;
    let mut frame = Vec::new();
    loop {
        let length = number(&mut rest)?;
        if length == 0 {
            return Ok(frame);
        }
        frame.extend_from_slice(&rest[..length]);
        rest = &rest[length + 8..];
    }
}

/// Records: whether each is a large text, and its bytes.
type Records = Vec<(bool, Vec<u8>)>;

/// Those of a file that is whole.
fn records(file: &[u8]) -> Result<Records, Box<dyn Error>> {
    let plain = zstd::decode_all(frame(file)?.as_slice())?;
    let (mut rest, mut records) = (plain.as_slice(), Vec::new());
    while !rest.is_empty() {
        let head = number(&mut rest)?;
        let (bytes, after) = rest.split_at(head >> 1);
        records.push((head & 1 == 1, bytes.to_vec()));
        rest = after;
    }
    Ok(records)
}
