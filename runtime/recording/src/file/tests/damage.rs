//! Files that are not what was written: cut, changed, longer.

use proptest::prelude::*;

use super::*;

/// A small recording of both kinds of records, in a few chunks.
fn small() -> Result<(Vec<Event>, Vec<u8>), Box<dyn Error>> {
    let head = Head {
        source: text("print('hello')"),
        ..Head::default()
    };
    let printed = Event::Printed {
        stream: 1,
        bytes: Bytes(b"hello\n".repeat(200)),
    };
    let (instance, nanoseconds) = (0, 1_000);
    let wall = Event::Wall {
        instance,
        nanoseconds,
    };
    let events = vec![
        Event::Head(Box::new(head)),
        printed.clone(),
        wall,
        printed,
        end(),
    ];
    let file = written(&events, |number| number % 2 == 0)?;
    Ok((events, file))
}

#[test]
fn every_change_of_a_byte_is_told() -> TestResult {
    let (events, mut file) = small()?;
    for at in 0..file.len() {
        let was = file[at];
        for other in 0..=255 {
            file[at] = other;
            let is_same = other == was;
            let read = Recording::read(file.as_slice());
            match &read {
                Ok(read) if read.completeness == Completeness::Complete => {
                    assert!(is_same, "byte {at} is {other} instead of {was}");
                }
                _ => assert!(!is_same && is_told_or_the_same(&file, &events), "{read:?}"),
            }
        }
        file[at] = was;
    }
    Ok(())
}

#[test]
fn every_file_that_was_cut_short_has_what_was_flushed() -> TestResult {
    let events = one_of_each();
    let mut writer = Writer::new(Vec::new())?;
    let mut lengths = Vec::new();
    for event in &events {
        writer.push(event)?;
        writer.flush()?;
        let so_far = writer.get_ref().len();
        lengths.push(so_far);
    }
    writer.finish()?;
    let file = writer.into_inner();
    for length in 0..file.len() {
        let read = Recording::read(&file[..length])?;
        let wanted = lengths.iter().filter(|it| **it <= length).count();
        assert_eq!(read.events, events[..wanted], "{length} bytes");
        let events = u64::try_from(wanted)?;
        assert_eq!(read.completeness, Completeness::CutShort { events });
    }
    Ok(())
}

#[test]
fn what_is_appended_is_told() -> TestResult {
    let (_, mut file) = small()?;
    file.push(0);
    let error = Recording::read(file.as_slice()).unwrap_err();
    assert!(matches!(error, ReadError::AfterEnd), "{error:?}");
    Ok(())
}

#[test]
fn files_of_others_are_named() {
    let error = |file: &[u8]| Recording::read(file).unwrap_err().to_string();
    assert_eq!(
        error(b"PK\x03\x04"),
        "this is no recording: it does not begin with `wxr`"
    );
    assert_eq!(
        error(b"wxr\x02and so on"),
        "this recording has version 2 of the format, and this wxmcp reads version 1"
    );
}

#[test]
fn damage_is_said_where_it_is() -> TestResult {
    let (_, mut file) = small()?;
    let at = file.len() / 2;
    file[at] ^= 1;
    match Recording::read(file.as_slice()) {
        Err(ReadError::Damaged { from, to }) => {
            let at = u64::try_from(at)?;
            assert!((from..to).contains(&at), "{from} {at} {to}");
        }
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

#[test]
fn a_file_system_that_is_full_leaves_what_was_flushed() -> TestResult {
    /// Takes so many bytes, and then no more.
    struct Full(Vec<u8>, usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.1.saturating_sub(self.0.len());
            if room == 0 {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            let taken = &bytes[..room.min(bytes.len())];
            self.0.extend_from_slice(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let events = one_of_each();
    let mut writer = Writer::new(Full(Vec::new(), 700))?;
    let mut flushed = 0;
    for event in &events {
        writer.push(event)?;
        if writer.flush().is_err() {
            break;
        }
        flushed += 1;
    }
    assert!(flushed > 1 && flushed < events.len(), "{flushed}");
    assert!(writer.push(&end()).is_err());
    assert!(writer.flush().is_err());
    let read = Recording::read(writer.into_inner().0.as_slice())?;
    assert_eq!(read.events, events[..flushed]);
    Ok(())
}

proptest! {
    #[test]
    fn no_change_goes_unnoticed(
        (events, flushed) in some_recording(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 20),
    ) {
        let flushed = |number: usize| flushed.get(number).copied().unwrap_or_default();
        let file = written(&events, flushed).unwrap();
        for (at, change) in changes {
            let mut changed = file.clone();
            changed[at.index(file.len())] ^= change;
            prop_assert!(is_told_or_the_same(&changed, &events));
            let complete = Recording::read(changed.as_slice());
            prop_assert!(!matches!(complete, Ok(it) if it.completeness == Completeness::Complete));
            let cut = &file[..at.index(file.len())];
            prop_assert!(is_told_or_the_same(cut, &events));
            // Parts that are gone from the middle, or are there twice.
            let (from, to) = (at.index(file.len()), changes_to(at.index(file.len()), change, file.len()));
            let without = [&file[..from], &file[to..]].concat();
            prop_assert!(is_told_or_the_same(&without, &events));
            let twice = [&file[..to], &file[from..]].concat();
            prop_assert!(is_told_or_the_same(&twice, &events));
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let file = [b"wxr\x01".as_slice(), &bytes].concat();
        prop_assert!(is_told_or_the_same(&file, &[]));
    }
}

fn changes_to(from: usize, by: u8, end: usize) -> usize {
    from.saturating_add(by.into()).min(end)
}
