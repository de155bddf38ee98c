//! Files whose hashes are right, and which no writer wrote.

use sha2::Digest;

use super::*;
use crate::file::chunk::{Chain, LONGEST_CHUNK, put_number};
use crate::file::stream::{BLOB, EVENT, Stream};
use crate::file::{BYTES, Reader};

/// A file of these records, which says that it has so many events.
fn forged(records: &[(u8, &[u8])], events: u64) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut stream = Stream::new(Vec::new())?;
    for (kind, bytes) in records {
        stream.record(*kind, bytes)?;
    }
    stream.finish(events)?;
    Ok(stream.into_inner())
}

/// A file of these chunks.
fn of_chunks(chunks: &[&[u8]]) -> Vec<u8> {
    let mut file = b"wxr\x01".to_vec();
    let mut chain = Chain::new();
    for chunk in chunks {
        let mut length = Vec::new();
        put_number(&mut length, u64::try_from(chunk.len()).unwrap_or_default());
        let hash = chain.add([&length, chunk]);
        file.extend([&length, *chunk, &hash].concat());
    }
    file
}

fn error(file: &[u8]) -> String {
    match Recording::read(file) {
        Ok(read) => format!("{read:?}"),
        Err(error) => error.to_string(),
    }
}

/// The record of a head, and what stands after it in the same file.
fn head_record() -> Result<Vec<u8>, Box<dyn Error>> {
    let file = written(&[Event::Head(Box::new(head())), end()], |_| false)?;
    let records = records(&file)?;
    Ok(records.into_iter().next().ok_or("no head")?.1)
}

#[test]
fn records_that_are_no_events_are_named() -> TestResult {
    let head = head_record()?;
    let cases: [(&[u8], &str); 12] = [
        (&[], "it ends in the middle"),
        (&[15], "it is of a kind that version 1 does not have"),
        (&[0xff; 11], "a number in it has too many digits"),
        (&[0x85, 0], "a number in it has too many digits"),
        (&[4, 0, 1, 9], "it is longer than what it holds"),
        // A text: with another one's number, longer than there is, not UTF-8.
        (
            &[12, 0, 3],
            "it refers to a text that does not come before it",
        ),
        (&[12, 0, 200], "it ends in the middle"),
        (&[12, 0, 20], "a text in it is longer than it"),
        (&[12, 0, 2, 0xff], "a text in it is not UTF-8"),
        (
            &[7, 0, 0xff, 0xff, 3],
            "a list in it has more items than it has bytes",
        ),
        (&[3, 0, 1, 6, 2], "it has a yes or no that is neither"),
        (
            &[4, 0xff, 0xff, 0xff, 0xff, 0x7f, 1],
            "a number in it is larger than numbers there may be",
        ),
    ];
    for (bytes, what) in cases {
        let found = error(&forged(&[(EVENT, &head), (EVENT, bytes)], 2)?);
        let wanted = format!("event 1 of the recording cannot be read: {what}");
        assert_eq!(found, wanted, "{bytes:?}");
    }
    Ok(())
}

#[test]
fn the_order_of_events_is_checked() -> TestResult {
    let head = head_record()?;
    let gave_up: &[u8] = &[4, 0, 1];
    let end: &[u8] = &[13, 4, b'{', b'}', 0];
    let wrong = "the first event of a run is to be its head, and no other";
    let ended = "the end of the file does not fit what comes before it";
    let cases: [(&[&[u8]], u64, &str); 6] = [
        (&[gave_up], 0, wrong),
        (&[&head, &head], 1, wrong),
        (
            &[&head, end, gave_up],
            2,
            "it comes after the end of the run, and begins no other",
        ),
        (&[&head, gave_up], 2, ended),
        (&[], 0, ended),
        (&[&head, end], 2, "none"),
    ];
    for (records, event, what) in cases {
        let count = u64::try_from(records.len())?;
        let records: Vec<(u8, &[u8])> = records.iter().map(|it| (EVENT, *it)).collect();
        let file = forged(&records, count)?;
        if what == "none" {
            assert_eq!(Recording::read(file.as_slice())?.events.len(), 2);
            let other = error(&forged(&records, count + 1)?);
            assert_eq!(
                other,
                format!("event 2 of the recording cannot be read: {ended}")
            );
            continue;
        }
        let wanted = format!("event {event} of the recording cannot be read: {what}");
        assert_eq!(error(&file), wanted);
    }
    Ok(())
}

#[test]
fn what_would_take_too_much_memory_is_refused_before_it_does() -> TestResult {
    let head = head_record()?;
    let too_large = |file: &[u8]| {
        let reader = Reader::open_within(file, 1 << 20)?;
        match reader.collect::<Result<Vec<_>, _>>() {
            Err(ReadError::TooLarge { .. }) => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    };
    let too_large = |file: &[u8]| -> TestResult { too_large(file) };
    // A text that says that it is larger than anything, one that is, and one that many refer to.
    let mut said = Vec::new();
    put_number(&mut said, u64::MAX);
    let stream = zstd::encode_all(said.as_slice(), 3)?;
    too_large(&of_chunks(&[&stream]))?;
    let zeros = vec![0_u8; 300 << 20];
    too_large(&forged(&[(EVENT, &head), (BLOB, &zeros)], 1)?)?;
    let mut records: Vec<(u8, &[u8])> = vec![(EVENT, &head), (BLOB, &zeros[..100_000])];
    records.extend([(EVENT, [10, 1, 1].as_slice()); 20]);
    too_large(&forged(&records, 21)?)?;
    // Many that are empty; lists of nothing.
    let mut records: Vec<(u8, &[u8])> = vec![(EVENT, &head)];
    records.extend([(BLOB, [].as_slice()); 10_000]);
    too_large(&forged(&records, 1)?)?;
    let mut list = vec![7, 0, 0];
    put_number(&mut list, 50_000);
    list.extend(vec![0; 50_001]);
    too_large(&forged(&[(EVENT, &head), (EVENT, &list)], 2)?)?;
    // Within what is allowed for all, there is a bound for what is small.
    let mut records: Vec<(u8, &[u8])> = vec![(EVENT, &head), (BLOB, &zeros[..100 << 20])];
    records.extend([(EVENT, [10, 1, 1].as_slice()); 20]);
    match Recording::read(forged(&records, 21)?.as_slice()) {
        Err(ReadError::TooLarge { most, .. }) => assert!(most < BYTES, "{most}"),
        other => return Err(format!("{:?}", other.is_ok()).into()),
    }
    Ok(())
}

#[test]
fn what_is_not_compressed_is_named() -> TestResult {
    let event = |what: &str| format!("event 0 of the recording cannot be read: {what}");
    let garbage = of_chunks(&[b"no frame of zstd, nothing like one"]);
    assert_eq!(error(&garbage), event("it cannot be decompressed"));
    let frame = zstd::encode_all([0_u8].as_slice(), 1)?;
    let two = event("it comes after the end of the compressed stream");
    assert_eq!(
        error(&of_chunks(&[&[frame.clone(), frame.clone()].concat()])),
        event("it ends in the middle")
    );
    let frame = zstd::encode_all([].as_slice(), 1)?;
    assert_eq!(
        error(&of_chunks(&[&[frame.clone(), frame.clone()].concat()])),
        two
    );
    assert_eq!(error(&of_chunks(&[&frame, &frame])), two);
    // A frame that wants 128 MiB of the past to be kept.
    let far = of_chunks(&[&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00]]);
    assert_eq!(error(&far), event("it cannot be decompressed"));
    // A chunk that says that it is longer than chunks are.
    let mut long = b"wxr\x01".to_vec();
    put_number(&mut long, u64::try_from(LONGEST_CHUNK)? + 1);
    assert!(error(&long).starts_with("the recording is damaged between bytes 4 and 7"));
    Ok(())
}

/// `cargo nextest run --workspace --run-ignored only -E 'test(inputs_of_the_fuzzer_are_written)'`, where the format has changed.
#[test]
#[ignore = "writes into `fuzz/corpus/recording`"]
fn inputs_of_the_fuzzer_are_written() -> TestResult {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/recording");
    let corpus = std::path::Path::new(corpus);
    std::fs::remove_dir_all(corpus)?;
    std::fs::create_dir(corpus)?;
    let add = |kind: u8, input: &[u8]| {
        let input = [&[kind], input].concat();
        let name = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&input)[..6]);
        std::fs::write(corpus.join(name), input)
    };
    let all = one_of_each();
    let between = all.get(1..all.len() - 1).unwrap_or_default();
    for some in between.chunks(4) {
        let mut events = vec![Event::Head(Box::new(head()))];
        events.extend_from_slice(some);
        events.push(end());
        let file = written(&events, |number| number == 2)?;
        add(0, &file)?;
        let frame = frame(&file)?;
        add(
            1,
            &[&[u8::try_from(events.len())?], frame.as_slice()].concat(),
        )?;
        let mut parts = Vec::new();
        for (is_blob, bytes) in records(&file)? {
            // Their lengths are a byte.
            let bytes = bytes.get(..255).unwrap_or(&bytes);
            parts.extend([u8::from(is_blob), u8::try_from(bytes.len())?]);
            parts.extend_from_slice(bytes);
        }
        add(2, &parts)?;
    }
    // A text that many refer to.
    let mut many = vec![1, 255];
    many.extend([b'x'; 255]);
    many.extend([0, 4, 10, 1, 1, 1].repeat(200));
    add(2, &many)?;
    add(0, b"wxr\x02")?;
    Ok(())
}
