//! Recordings whose bytes are sound and whose events were changed: whoever replays them is refused, told of a difference or runs
//! a script, in the sandbox. Changes are the same in each run of the test; `WXMCP_CHANGED=2000` makes so many of each recording.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use wxmcp_recording::event::{Answer, Body, Bytes, Entry, Event, Head, Question, Rights};
use wxmcp_recording::file::{Recording, Writer};

use crate::support::{Printed, TestResult, fixtures, wxmcp};

/// Recordings of each kind of event, by scripts that soon end, whatever they are given.
const CHANGED: [&str; 12] = [
    "children_that_call_tools.py",
    "errors_of_tools.py",
    "errors_left_behind.ts",
    "gathered_in_any_order.ts",
    "http_exchanges.ts",
    "postgres.py",
    "project_modules.py",
    "scratch_below_mounts.py",
    "stdin_bytes.py",
    "threads_and_calls.py",
    "tool_discovery.py",
    "upstream_files_and_graph.ts",
];

/// Changes of each recording that a usual test run makes.
const USUAL: usize = 6;

/// Seconds that a replay of any of them may take: none waits, and none computes for long.
const LONGEST: &str = "120";

/// Exit codes that say that wxmcp is at fault, or has panicked. A signal has none.
const OURS: [i32; 2] = [70, 101];

/// Numbers that are the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// A number such as those that go wrong.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 32,
            3 => u64::from(u32::MAX),
            4 => self.next(),
            _ => u64::try_from(self.below(20)).unwrap_or(0),
        }
    }

    fn text(&mut self) -> String {
        let texts = [
            "",
            "null",
            "{}",
            "[1,2",
            "\"a\"",
            "../../etc/passwd",
            "/etc/passwd",
            "a//b/./c",
            "\u{0}",
            "component",
            "{\"kind\":\"x\",\"message\":1}",
            "{\"value\":{},\"content\":[{}]}",
            "fixture.none",
            "1e999",
            "\u{202e}",
        ];
        match self.below(12) {
            0 => "x".repeat(100_000),
            1 => "[".repeat(10_000),
            _ => texts
                .get(self.below(texts.len()))
                .copied()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

fn change(events: &mut Vec<Event>, chance: &mut Chance) {
    let at = chance.below(events.len());
    match chance.below(8) {
        0 if at > 0 => drop(events.remove(at)),
        1 => events.extend_from_within(at..=at),
        2 if at > 1 => events.swap(at - 1, at),
        3 => {
            let head = events.first_mut();
            if let Some(Event::Head(head)) = head {
                change_head(head, chance);
            }
        }
        4 => events.insert(
            1,
            Event::Captured {
                mount: u32::try_from(chance.below(3)).unwrap_or(0),
                entry: entry(chance),
            },
        ),
        5 => events.truncate(at.max(1)),
        _ => {
            if let Some(event) = events.get_mut(at) {
                change_event(event, chance);
            }
        }
    }
}

fn entry(chance: &mut Chance) -> Entry {
    Entry {
        path: chance.text(),
        mode: u32::try_from(chance.below(0o10_000)).unwrap_or(0),
        rights: match chance.below(3) {
            0 => Rights::Owner,
            1 => Rights::Others,
            _ => Rights::Root,
        },
        body: match chance.below(5) {
            0 => Body::Folder,
            1 => Body::File(Bytes(chance.text().into_bytes())),
            2 => Body::Link(chance.text()),
            3 => Body::Same(chance.text()),
            _ => Body::Mount {
                umask: u32::try_from(chance.below(0o1000)).unwrap_or(0),
                names: vec![chance.text()],
                paths: vec![chance.text()],
            },
        },
    }
}

fn change_head(head: &mut Head, chance: &mut Chance) {
    let limits = &mut head.limits;
    match chance.below(14) {
        0 => head.guest = chance.text(),
        1 => head.name = chance.text(),
        2 => head.path = Some(chance.text()),
        3 => head.language = chance.text(),
        4 => head.source = chance.text(),
        5 => head.args = vec![chance.text(); chance.below(50)],
        6 => head.env = vec![(chance.text(), chance.text())],
        7 => head.workdir = Some(chance.text()),
        8 => head.namespaces = vec![chance.text(); 3],
        9 => (head.in_session, head.began) = (true, chance.number()),
        10 => {
            (limits.memory, limits.scratch, limits.host_memory) = (u64::MAX, u64::MAX, u64::MAX);
            (limits.output, limits.value, limits.tool_calls) = (u64::MAX, u64::MAX, u64::MAX);
            limits.concurrent_calls = u32::MAX;
        }
        11 => limits.concurrent_calls = 0,
        12 => (limits.output, limits.value, limits.scratch) = (0, 0, 0),
        _ => {
            for mount in &mut head.mounts {
                mount.guest = chance.text();
                mount.memory = Some(chance.number());
                mount.quota_bytes = chance.number();
            }
        }
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "a line or two for each kind of event"
)]
fn change_event(event: &mut Event, chance: &mut Chance) {
    let small = u32::try_from(chance.number()).unwrap_or(u32::MAX);
    match event {
        Event::Child {
            parent,
            id,
            instance,
        } => match chance.below(3) {
            0 => *parent = small,
            1 => *id = chance.number(),
            _ => *instance = small,
        },
        Event::Began {
            id,
            operation,
            timer,
            ..
        } => match chance.below(3) {
            0 => *id = chance.number(),
            1 => *operation = u8::try_from(chance.below(256)).unwrap_or(0),
            _ => *timer = Some(chance.number()),
        },
        Event::GaveUp { instance, .. } => *instance = small,
        Event::Asked { question, id, .. } => match chance.below(3) {
            0 => *id = chance.number(),
            1 => *question = Question::Describe(vec![chance.text(); 3]),
            _ => {
                *question = Question::Capability {
                    capability: "http".to_owned(),
                    request: chance.text(),
                };
            }
        },
        Event::Answered { answer, .. } => {
            *answer = match chance.below(2) {
                0 => Answer::Ok(chance.text()),
                _ => Answer::Err(chance.text()),
            };
        }
        Event::Left { ids, .. } => match chance.below(3) {
            0 => ids.clear(),
            1 => ids.push(chance.number()),
            _ => ids.extend(ids.clone()),
        },
        Event::HandedOver { ids, changed, .. } => match chance.below(4) {
            0 => ids.clear(),
            1 => ids.push(chance.number()),
            2 => ids.extend(ids.clone()),
            _ => *changed = vec![chance.text()],
        },
        Event::Wall { nanoseconds, .. } | Event::Monotonic { nanoseconds, .. } => {
            *nanoseconds = chance.number();
        }
        Event::Printed { stream, bytes } => match chance.below(2) {
            0 => *stream = 7,
            _ => bytes.0 = chance.text().into_bytes(),
        },
        Event::Written { entry: it, .. } | Event::Captured { entry: it, .. } => *it = entry(chance),
        Event::Removed { path, .. } => *path = chance.text(),
        Event::End(end) => end.report = chance.text(),
        Event::Head(head) => change_head(head, chance),
    }
}

/// A file of these events, unless they are more than a recording may hold.
fn written(events: &[Event]) -> Option<Vec<u8>> {
    let mut writer = Writer::new(Vec::new()).ok()?;
    for event in events {
        writer.push(event).ok()?;
    }
    writer.finish().ok()?;
    Some(writer.into_inner())
}

/// What `wxmcp` printed, if it ended in time.
fn within_time(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn std::error::Error>> {
    let program = wxmcp(folder);
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", LONGEST]);
    command.arg(program.get_program()).args(args);
    command.current_dir(folder).stdin(Stdio::null()).env_clear();
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    Ok(command.output()?.into())
}

fn replayed(folder: &Path, what: &str) -> TestResult {
    let commands: [&[&str]; 3] = [
        &["replay", "--quiet", "r.wxr"],
        &["recording", "show", "r.wxr"],
        &["recording", "show", "--calls", "r.wxr"],
    ];
    for args in commands {
        let printed = within_time(folder, args)?;
        let sound = printed.code.is_some_and(|code| !OURS.contains(&code));
        assert!(
            sound,
            "{what}: {args:?}: {:?}\n{}",
            printed.code, printed.stderr
        );
        // Nothing of the host: there is no such file in any sandbox.
        assert!(
            !printed.stdout.contains("root:x:0:0"),
            "{what}: {}",
            printed.stdout
        );
    }
    Ok(())
}

#[test]
fn a_recording_with_changed_events_harms_nothing() -> TestResult {
    let rounds = std::env::var("WXMCP_CHANGED").ok();
    let rounds = rounds.and_then(|it| it.parse().ok()).unwrap_or(USUAL);
    let folder = tempfile::tempdir()?;
    for name in CHANGED {
        let file = fixtures().join("recordings").join(format!("{name}.wxr"));
        let whole = Recording::read(fs::File::open(&file)?)?;
        for round in 1..=rounds {
            let seed = u64::try_from(round)?.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut chance = Chance(seed ^ u64::try_from(name.len())?);
            let mut events = whole.events.clone();
            for _ in 0..=chance.below(3) {
                change(&mut events, &mut chance);
            }
            let Some(bytes) = written(&events) else {
                continue;
            };
            fs::write(folder.path().join("r.wxr"), bytes)?;
            replayed(folder.path(), &format!("{name}, round {round}"))?;
        }
    }
    Ok(())
}

/// It is not waited for: nothing would end the wait.
#[test]
fn an_answer_that_a_recording_lacks_is_named() -> TestResult {
    let folder = tempfile::tempdir()?;
    let file = fixtures().join("recordings/threads_and_calls.py.wxr");
    let whole = Recording::read(fs::File::open(&file)?)?;
    let handed_over = whole.events.iter().filter_map(|event| match event {
        Event::HandedOver {
            instance: 0, ids, ..
        } => Some(ids),
        _ => None,
    });
    let handed_over: Vec<u64> = handed_over.flatten().copied().collect();
    let mut answered = whole.events.iter().filter_map(|event| match event {
        Event::Answered {
            instance: 0, id, ..
        } => Some(*id),
        _ => None,
    });
    let id = answered.find(|id| handed_over.contains(id));
    let id = id.ok_or("nothing was handed over")?;
    let is_its_answer =
        |event: &Event| matches!(event, Event::Answered { instance: 0, id: of, .. } if *of == id);
    let lacking = whole.events.iter().filter(|event| !is_its_answer(event));
    let lacking: Vec<Event> = lacking.cloned().collect();
    for (events, code) in [(whole.events, 0), (lacking, 65)] {
        let bytes = written(&events).ok_or("it cannot be written")?;
        fs::write(folder.path().join("r.wxr"), bytes)?;
        let printed = within_time(folder.path(), &["replay", "--quiet", "r.wxr"])?;
        assert_eq!(printed.code, Some(code), "{}", printed.stderr);
        let words = format!(
            "recorded: operation {id} has ended\n  replayed: the recording has no answer to it"
        );
        assert_eq!(
            printed.stderr.contains(&words),
            code == 65,
            "{}",
            printed.stderr
        );
    }
    Ok(())
}
