//! Recordings that come from anybody.

use wxmcp_recording::Recorded;
use wxmcp_recording::event::Event;
use wxmcp_recording::file::fuzzing::{of_plain, of_records, of_stream};
use wxmcp_recording::file::{Completeness, Reader, Show, Writer, calls, line, table};

use crate::cost::{Bound, Line, within};

// Most of it is what `MOST` allows whatever the input is: some thousand events, and a text while it grows.
const BOUND: Bound = Bound {
    steps: Line(6_000_000, 2_000),
    allocations: Line(50_000, 20),
    peak: Line(6 << 20, 100),
};

/// What sorting costs: a place for each event, and for each of the mounts; nothing is as large as an event says.
const SORTED: Bound = Bound {
    steps: Line(6_000_000, 2_000),
    allocations: Line(50_000, 20),
    peak: Line(6 << 20, 100),
};

/// Bytes that events may take here: far less than otherwise, so that inputs reach it.
const MOST: u64 = 1 << 20;

/// The first byte of an input whose rest is what a file holds, decompressed: those that began as recordings of fixtures.
const PLAIN: u8 = 242;

/// After a first byte: a file as it is, or the parts of one whose hashes are made for them. What is read can be written, and is then the same.
pub(crate) fn recordings(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let file = match (first, first % 3) {
        (&PLAIN, _) => of_plain(rest),
        (_, 0) => rest.to_vec(),
        // Hashes are right, so that changes get behind them.
        (_, 1) => of_stream(rest),
        _ => of_records(rest),
    };
    let (events, completeness) = within(BOUND, "recording", file.len(), || read(&file));
    let whole = Show::default();
    for (number, event) in (0..).zip(&events) {
        let shown = line(number, event, whole);
        assert!(!shown.contains('\n'), "{shown}");
        let parsed: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&shown);
        assert!(parsed.is_ok(), "{shown}");
        let cut = line(number, event, Show { longest: Some(8) });
        assert!(!cut.contains('\n'), "{cut}");
    }
    // What a replay makes of them: whatever they say, it copies none of them.
    let all = events.clone();
    let sorted = within(SORTED, "sorted", file.len(), || Recorded::of(all));
    drop(sorted);
    let shown = table(&calls(&events), 100);
    let harmless = |it: char| it == '\n' || !it.is_control();
    assert!(shown.chars().all(harmless), "{shown:?}");
    if completeness == Some(Completeness::Complete) {
        assert_eq!(again(&events).as_ref(), Some(&events), "written again");
    }
}

fn read(file: &[u8]) -> (Vec<Event>, Option<Completeness>) {
    let Ok(mut reader) = Reader::open_within(file, MOST) else {
        return (Vec::new(), None);
    };
    let mut events = Vec::new();
    for event in reader.by_ref() {
        match event {
            Ok(event) => events.push(event),
            Err(_) => return (events, None),
        }
    }
    (events, reader.completeness())
}

/// The same events, written and read again: within larger limits, since texts that are stored apart count twice.
fn again(events: &[Event]) -> Option<Vec<Event>> {
    let mut writer = Writer::new(Vec::new()).ok()?;
    for event in events {
        writer.push(event).ok()?;
    }
    writer.finish().ok()?;
    let file = writer.into_inner();
    let reader = Reader::open(file.as_slice()).ok()?;
    reader.collect::<Result<Vec<_>, _>>().ok()
}
