//! For fuzzing alone: files whose hashes are right, whatever is in them.

use super::chunk::{Chain, HASH, Number, put_number};
use super::stream::{BLOB, EVENT, Stream};
use super::{MAGIC, VERSION};

/// A file with these bytes as its compressed stream, in chunks of some hundred bytes, which says that it has a few events.
pub fn of_stream(compressed: &[u8]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.push(VERSION);
    let mut chain = Chain::new();
    let (first, compressed) = compressed.split_first().unwrap_or((&0, compressed));
    for chunk in compressed.chunks(300) {
        let mut whole = Vec::new();
        put_number(&mut whole, u64::try_from(chunk.len()).unwrap_or_default());
        let hash = chain.add([&whole, chunk]);
        file.extend([whole.as_slice(), chunk, &hash].concat());
    }
    let mut end = vec![0];
    put_number(&mut end, u64::from(*first));
    let hash = chain.add([&end, &[]]);
    file.extend([end.as_slice(), &hash].concat());
    file
}

/// A file whose decompressed stream is this one, as far as it consists of records: the last may be cut.
pub fn of_plain(mut input: &[u8]) -> Vec<u8> {
    let Ok(mut stream) = Stream::new(Vec::new()) else {
        return Vec::new();
    };
    let mut events = 0;
    while let Some((head, rest)) = number(input) {
        let length = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        let bytes = rest.get(..length).unwrap_or(rest);
        let kind = if head & 1 == u64::from(BLOB) {
            BLOB
        } else {
            EVENT
        };
        events += u64::from(kind == EVENT);
        if stream.record(kind, bytes).is_err() {
            return Vec::new();
        }
        input = rest.get(bytes.len()..).unwrap_or_default();
    }
    match stream.finish(events) {
        Ok(()) => stream.into_inner(),
        Err(_) => Vec::new(),
    }
}

/// The decompressed stream of a file: what [`of_plain`] takes.
pub fn plain(file: &[u8]) -> Option<Vec<u8>> {
    let mut rest = file.get(4..)?;
    let mut compressed = Vec::new();
    loop {
        let (length, bytes) = number(rest)?;
        if length == 0 {
            break;
        }
        let length = usize::try_from(length).ok()?;
        compressed.extend_from_slice(bytes.get(..length)?);
        rest = bytes.get(length + HASH..)?;
    }
    zstd::decode_all(compressed.as_slice()).ok()
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = Number::default();
    for (at, byte) in bytes.iter().enumerate() {
        if let Some(value) = number.add(*byte).ok()? {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

/// A file of these records: in front of each, its kind and its length, a byte for each.
pub fn of_records(mut input: &[u8]) -> Vec<u8> {
    let Ok(mut stream) = Stream::new(Vec::new()) else {
        return Vec::new();
    };
    let mut events = 0;
    while let [kind, length, rest @ ..] = input {
        let bytes = rest.get(..usize::from(*length)).unwrap_or(rest);
        let kind = if kind % 4 == 1 { BLOB } else { EVENT };
        events += u64::from(kind == EVENT);
        if stream.record(kind, bytes).is_err() {
            return Vec::new();
        }
        input = rest.get(bytes.len()..).unwrap_or_default();
    }
    match stream.finish(events) {
        Ok(()) => stream.into_inner(),
        Err(_) => Vec::new(),
    }
}
