//! What is written is read.

use proptest::prelude::*;

use super::*;
use crate::file::{LARGE, WriteError, limits::BYTES_OF_ITEM};

#[test]
fn every_kind_of_event_is_read_as_it_was_written() -> TestResult {
    let events = one_of_each();
    for flushed in [true, false] {
        let read = Recording::read(written(&events, |_| flushed)?.as_slice())?;
        assert_eq!(read.events, events);
        assert_eq!(read.completeness, Completeness::Complete);
    }
    Ok(())
}

/// Once readers of version 1 are out there, another form needs another version, not another expectation here:
/// `WXMCP_WRITE_FORM=1` writes it anew until then.
#[test]
fn the_form_of_version_1_does_not_change() -> TestResult {
    let file = written(&one_of_each(), |_| false)?;
    let records = records(&file)?;
    let records: Vec<String> = records
        .iter()
        .map(|(is_blob, bytes)| {
            let shown = bytes.get(..300.min(bytes.len())).unwrap_or_default();
            let kind = if *is_blob { "blob" } else { "event" };
            let shown = data_encoding::HEXLOWER.encode(shown);
            format!("{kind} {} {shown}", bytes.len())
        })
        .collect();
    if std::env::var_os("WXMCP_WRITE_FORM").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/file/tests/version1.txt");
        std::fs::write(file, format!("{}\n", records.join("\n")))?;
        return Ok(());
    }
    let wanted = include_str!("version1.txt");
    assert_eq!(records.join("\n"), wanted.trim_end());
    Ok(())
}

#[test]
fn large_texts_are_in_the_file_once() -> TestResult {
    // What does not compress, and comes again from further back than the compressor looks.
    let mut noise = 1_u64;
    let mut random = |length: usize| {
        let bytes = (0..length).map(|_| {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            noise.to_be_bytes()[0]
        });
        Bytes(bytes.collect())
    };
    let printed = |bytes| Event::Printed { stream: 1, bytes };
    let (large, between) = (random(100_000), random(5_000_000));
    let small = random(LARGE - 1);
    let file = written(
        &[
            Event::Head(Box::new(head())),
            printed(large.clone()),
            printed(between),
            printed(large.clone()),
            printed(large),
            printed(small.clone()),
            printed(small),
            end(),
        ],
        |_| true,
    )?;
    assert!(file.len() < 5_110_000, "{}", file.len());
    Ok(())
}

#[test]
fn events_have_an_order() -> TestResult {
    let mut writer = Writer::new(Vec::new())?;
    assert!(matches!(writer.push(&end()), Err(WriteError::Head)));
    assert!(matches!(writer.finish(), Err(WriteError::NoEnd)));
    let first = Event::Head(Box::new(head()));
    writer.push(&first)?;
    assert!(matches!(writer.push(&first), Err(WriteError::Head)));
    writer.push(&end())?;
    assert_eq!(writer.events(), 2);
    assert!(matches!(writer.push(&end()), Err(WriteError::AfterEnd)));
    writer.finish()?;
    assert!(matches!(writer.push(&end()), Err(WriteError::GivenUp)));
    assert!(matches!(writer.flush(), Err(WriteError::GivenUp)));
    let read = Recording::read(writer.into_inner().as_slice())?;
    assert_eq!(read.completeness, Completeness::Complete);
    Ok(())
}

/// What the writer takes, the reader takes; what is too large, neither.
#[test]
fn writer_and_reader_have_the_same_limit() -> TestResult {
    let most = 100_000;
    let mut writer = Writer::within(Vec::new(), most)?;
    writer.push(&Event::Head(Box::new(head())))?;
    let printed = |length| Event::Printed {
        stream: 1,
        bytes: Bytes(vec![b'x'; length]),
    };
    let mut length = 40_000;
    let refused = loop {
        if let Err(error) = writer.push(&printed(length)) {
            break error;
        }
        writer.flush()?;
        length -= 1;
        assert!(length > 30_000);
    };
    assert!(matches!(refused, WriteError::TooLarge(limit) if limit == most));
    assert!(matches!(writer.push(&printed(1)), Err(WriteError::GivenUp)));
    let file = writer.into_inner();
    let mut reader = crate::file::Reader::open_within(file.as_slice(), most)?;
    let read = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(read.len(), 2);
    let narrow = crate::file::Reader::open_within(file.as_slice(), most / 2)?;
    let error = narrow.collect::<Result<Vec<_>, _>>().unwrap_err();
    assert!(matches!(
        error,
        ReadError::TooLarge {
            event: 1,
            most: 50_000
        }
    ));
    Ok(())
}

/// The budget counts what an event takes in memory.
#[test]
fn no_item_takes_more_than_it_counts() {
    let sizes = [
        size_of::<Event>(),
        size_of::<Mount>(),
        size_of::<(String, String)>(),
        size_of::<Vec<u8>>(),
    ];
    for size in sizes {
        assert!(
            u64::try_from(size).is_ok_and(|it| it <= BYTES_OF_ITEM),
            "{size}"
        );
    }
}

#[test]
fn a_million_clock_readings_take_little() -> TestResult {
    let mut events = vec![Event::Head(Box::new(head()))];
    let mut nanoseconds = head().began;
    for number in 0..100_000_u64 {
        nanoseconds += 1_000 + (number * 7_919) % 64;
        events.push(Event::Wall {
            instance: 0,
            nanoseconds,
        });
    }
    events.push(end());
    let file = written(&events, |_| false)?;
    assert!(file.len() < 250_000, "{}", file.len());
    assert_eq!(Recording::read(file.as_slice())?.events, events);
    Ok(())
}

proptest! {
    #[test]
    fn all_recordings_are_read_as_they_were_written((events, flushed) in some_recording()) {
        let flushed = |number: usize| flushed.get(number).copied().unwrap_or_default();
        let file = written(&events, flushed).unwrap();
        let read = Recording::read(file.as_slice()).unwrap();
        prop_assert_eq!(read.events, events);
        prop_assert_eq!(read.completeness, Completeness::Complete);
    }
}

/// A file of several runs is whole at the end of each, with what the writer says, and goes on.
#[test]
fn a_file_of_a_session_is_whole_at_the_end_of_each_run() -> TestResult {
    let large = "large ".repeat(1_000);
    let printed = |at: u64| Event::Printed {
        stream: 1,
        bytes: Bytes(format!("{large}{at}").into_bytes()),
    };
    let mut writer = Writer::new(Vec::new())?;
    let mut events = Vec::new();
    for run in 0..3 {
        let head = Event::Head(Box::new(Head {
            began: 1_000 * run,
            ..head()
        }));
        assert!(matches!(writer.ending(), Err(WriteError::NoEnd)) || run > 0);
        let wall = Event::Wall {
            instance: 0,
            nanoseconds: 1_000 * run + 7,
        };
        for event in [head, wall, printed(run), end()] {
            writer.push(&event)?;
            events.push(event);
        }
        let ending = writer.ending()?;
        let whole = [writer.get_ref().as_slice(), &ending].concat();
        let read = Recording::read(whole.as_slice())?;
        assert_eq!(read.completeness, Completeness::Complete);
        assert_eq!(read.events, events);
        // Without it, the file was cut short.
        let read = Recording::read(writer.get_ref().as_slice())?;
        let count = u64::try_from(events.len())?;
        assert_eq!(read.completeness, Completeness::CutShort { events: count });
        assert_eq!(read.events, events);
        // Nothing of it can be left out or changed.
        for at in whole.len() - ending.len()..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(Recording::read(changed.as_slice()).is_err(), "{at}");
            let cut = Recording::read(&whole[..at])?;
            assert_eq!(cut.completeness, Completeness::CutShort { events: count });
        }
    }
    writer.finish()?;
    let read = Recording::read(writer.into_inner().as_slice())?;
    assert_eq!(
        (read.completeness, read.events),
        (Completeness::Complete, events)
    );
    Ok(())
}
