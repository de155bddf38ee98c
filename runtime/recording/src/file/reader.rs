//! Reads a recording, which may come from anybody.

use std::io::{self, BufReader, ErrorKind, Read};

use thiserror::Error;
use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::chunk::{Chain, HASH, LONGEST_CHUNK, Number, put_number};
use super::decode::{DecodeError, decode};
use super::differences::Differences;
use super::limits::{BYTES, Budget, Exceeded};
use super::stream::BLOB;
use super::{MAGIC, VERSION};
use crate::event::Event;

/// How far back a file may make the reader look for repetitions: 8 MiB, as a power of two.
const READ_WINDOW_LOG: u32 = 23;

/// Bytes that are decompressed at a time.
const READ_STEP: usize = 64 << 10;

/// A whole recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its events; each has its place as its number, from 0.
    pub events: Vec<Event>,
    /// Whether they are all that happened.
    pub completeness: Completeness,
}

/// Whether a recording has its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It has.
    Complete,
    /// Its file ends too early: the recorder was killed, or the file was not copied whole. What it has is right.
    CutShort {
        /// How many events it has.
        events: u64,
    },
}

/// Why a file cannot be read as a recording.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be read at all.
    #[error("cannot read the recording")]
    Read(#[from] io::Error),
    /// Something else is in it.
    #[error("this is no recording: it does not begin with `wxr`")]
    NoRecording,
    /// A later wxmcp wrote it.
    #[error("this recording has version {0} of the format, and this wxmcp reads version {VERSION}")]
    UnknownVersion(u8),
    /// It is not what was written.
    #[error(
        "the recording is damaged between bytes {from} and {to}: it was changed after it was written"
    )]
    Damaged {
        /// Bytes in front of the part that is wrong.
        from: u64,
        /// The end of that part.
        to: u64,
    },
    /// It was written by something else than wxmcp, or by one with a mistake.
    #[error("event {event} of the recording cannot be read: {what}")]
    Malformed {
        /// The number of the event.
        event: u64,
        /// What is wrong.
        what: String,
    },
    /// It holds more than a recording may.
    #[error(
        "the recording is too large: event {event} and those before it would take more than {most} bytes of memory"
    )]
    TooLarge {
        /// The number of the event.
        event: u64,
        /// What they may take.
        most: u64,
    },
    /// There is something behind its end.
    #[error("the recording is damaged: something was appended to it")]
    AfterEnd,
}

/// The events of a file, one after the other. After `None`, [`Self::completeness`] says whether they were all.
pub struct Reader<R> {
    from: BufReader<R>,
    chain: Chain,
    budget: Budget,
    /// Bytes of the file that were read.
    position: u64,
    /// The chunk, and how much of it was decompressed.
    chunk: Vec<u8>,
    taken: usize,
    decompressor: Decoder<'static>,
    /// Whether the compressed stream has ended.
    is_over: bool,
    plain: Plain,
    record: Record,
    blobs: Vec<Vec<u8>>,
    differences: Differences,
    events: u64,
    last_is_end: bool,
    completeness: Option<Completeness>,
    has_failed: bool,
}

/// What was decompressed last.
struct Plain {
    bytes: Vec<u8>,
    at: usize,
    end: usize,
}

/// A record that is being read.
enum Record {
    /// The number in front of it.
    Head(Number),
    /// Its bytes.
    Body {
        is_blob: bool,
        left: usize,
        bytes: Vec<u8>,
    },
}

impl Recording {
    /// Reads all of a recording.
    pub fn read(from: impl Read) -> Result<Self, ReadError> {
        let mut reader = Reader::open(from)?;
        let events = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
        let completeness = reader.completeness();
        Ok(Self {
            completeness: completeness.unwrap_or(Completeness::CutShort {
                events: reader.events,
            }),
            events,
        })
    }
}

impl<R: Read> Reader<R> {
    /// Reads the first bytes of a file. One that ends in the middle of them is a recording that was cut short.
    pub fn open(from: R) -> Result<Self, ReadError> {
        Self::open_within(from, BYTES)
    }

    /// The same, where the events may take so many bytes of memory at most.
    pub fn open_within(from: R, bytes: u64) -> Result<Self, ReadError> {
        let mut decompressor = Decoder::new()?;
        decompressor.set_parameter(DParameter::WindowLogMax(READ_WINDOW_LOG))?;
        let mut reader = Self {
            from: BufReader::new(from),
            chain: Chain::new(),
            budget: Budget::new(bytes.min(BYTES)),
            position: 0,
            chunk: Vec::new(),
            taken: 0,
            decompressor,
            is_over: false,
            plain: Plain {
                bytes: vec![0; READ_STEP],
                at: 0,
                end: 0,
            },
            record: Record::Head(Number::default()),
            blobs: Vec::new(),
            differences: Differences::default(),
            events: 0,
            last_is_end: false,
            completeness: None,
            has_failed: false,
        };
        reader.first_bytes()?;
        Ok(reader)
    }

    /// Whether the file had its end; `None` until all events were read.
    pub fn completeness(&self) -> Option<Completeness> {
        self.completeness
    }

    fn first_bytes(&mut self) -> Result<(), ReadError> {
        for wanted in MAGIC {
            match self.byte()? {
                Some(byte) if byte == wanted => {}
                Some(_) => return Err(ReadError::NoRecording),
                None => return self.cut(),
            }
        }
        match self.byte()? {
            Some(VERSION) => {}
            Some(version) => return Err(ReadError::UnknownVersion(version)),
            None => return self.cut(),
        }
        Ok(())
    }

    /// The file ends here, which is no error.
    fn cut(&mut self) -> Result<(), ReadError> {
        self.completeness = Some(Completeness::CutShort {
            events: self.events,
        });
        Ok(())
    }

    fn byte(&mut self) -> Result<Option<u8>, ReadError> {
        let mut byte = [0];
        let is_there = self.fill(&mut byte)?;
        let [byte] = byte;
        Ok(is_there.then_some(byte))
    }

    /// Fills all of `to`, unless the file ends before.
    fn fill(&mut self, to: &mut [u8]) -> Result<bool, ReadError> {
        match self.from.read_exact(to) {
            Ok(()) => {
                self.position = self.position.saturating_add(count(to.len()));
                self.budget.grew(to.len());
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn damaged<T>(&self, from: u64) -> Result<T, ReadError> {
        let to = self.position;
        Err(ReadError::Damaged { from, to })
    }

    fn malformed<T>(&self, what: &str) -> Result<T, ReadError> {
        Err(ReadError::Malformed {
            event: self.events,
            what: what.to_owned(),
        })
    }

    /// A number that stands in the clear; `None` where the file ends before it does.
    fn number(&mut self) -> Result<Option<u64>, ReadError> {
        let from = self.position;
        let mut number = Number::default();
        loop {
            let Some(byte) = self.byte()? else {
                return Ok(None);
            };
            match number.add(byte) {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(_) => return self.damaged(from),
            }
        }
    }

    /// Reads the next chunk, or the end of the file.
    fn next_chunk(&mut self) -> Result<(), ReadError> {
        let from = self.position;
        let Some(length) = self.number()? else {
            return self.cut();
        };
        if length == 0 {
            return self.end(from);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LONGEST_CHUNK {
            return self.damaged(from);
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.resize(length, 0);
        let mut hash = [0; HASH];
        let is_whole = self.fill(&mut chunk)? && self.fill(&mut hash)?;
        self.chunk = chunk;
        self.taken = 0;
        if !is_whole {
            self.chunk.clear();
            return self.cut();
        }
        let mut head = Vec::new();
        put_number(&mut head, count(length));
        if self.chain.add([&head, &self.chunk]) != hash {
            return self.damaged(from);
        }
        if self.is_over {
            return self.malformed("it comes after the end of the compressed stream");
        }
        Ok(())
    }

    /// Reads what stands behind the last chunk.
    fn end(&mut self, from: u64) -> Result<(), ReadError> {
        let Some(events) = self.number()? else {
            return self.cut();
        };
        let mut hash = [0; HASH];
        if !self.fill(&mut hash)? {
            return self.cut();
        }
        let mut head = vec![0];
        put_number(&mut head, events);
        if self.chain.add([&head, &[]]) != hash {
            return self.damaged(from);
        }
        let is_between = matches!(&self.record, Record::Head(number) if number.is_new());
        if !self.is_over || !is_between || events != self.events || !self.last_is_end {
            return self.malformed("the end of the file does not fit what comes before it");
        }
        if self.byte()?.is_some() {
            return Err(ReadError::AfterEnd);
        }
        self.completeness = Some(Completeness::Complete);
        Ok(())
    }

    /// Decompresses more of the chunk; whether there was something to do.
    fn decompress(&mut self) -> Result<bool, ReadError> {
        let rest = self.chunk.get(self.taken..).unwrap_or_default();
        // What filled the buffer may have left more inside.
        let was_full = self.plain.end == self.plain.bytes.len();
        if self.is_over && !rest.is_empty() {
            return self.malformed("it comes after the end of the compressed stream");
        }
        if rest.is_empty() && (!was_full || self.is_over) {
            return Ok(false);
        }
        let status = self
            .decompressor
            .run_on_buffers(rest, &mut self.plain.bytes);
        let Ok(status) = status else {
            return self.malformed("it cannot be decompressed");
        };
        if status.bytes_read == 0 && status.bytes_written == 0 && !rest.is_empty() {
            return self.malformed("it cannot be decompressed");
        }
        self.taken = self.taken.saturating_add(status.bytes_read);
        self.is_over = status.remaining == 0;
        self.plain.at = 0;
        self.plain.end = status.bytes_written;
        Ok(true)
    }

    /// Takes what was decompressed up to the end of a record; the event, if it is one.
    fn take(&mut self) -> Result<Option<Event>, ReadError> {
        let (at, end) = (self.plain.at, self.plain.end);
        let plain = self.plain.bytes.get(at..end).unwrap_or_default();
        match &mut self.record {
            Record::Head(number) => {
                let Some(byte) = plain.first() else {
                    return Ok(None);
                };
                self.plain.at += 1;
                match number.add(*byte) {
                    Ok(None) => return Ok(None),
                    Ok(Some(head)) => self.begin(head)?,
                    Err(_) => return self.malformed("its length has too many digits"),
                }
            }
            Record::Body { left, bytes, .. } => {
                let more = plain.get(..*left).unwrap_or(plain);
                // Never more than all of it, and never much more than has come.
                if bytes.capacity() - bytes.len() < more.len() {
                    bytes.reserve_exact((*left).min(bytes.len().max(READ_STEP)));
                }
                bytes.extend_from_slice(more);
                *left -= more.len();
                self.plain.at += more.len();
            }
        }
        match &mut self.record {
            Record::Body {
                is_blob,
                left: 0,
                bytes,
            } => {
                let (is_blob, bytes) = (*is_blob, std::mem::take(bytes));
                self.record = Record::Head(Number::default());
                if is_blob {
                    self.blobs.push(bytes);
                    return Ok(None);
                }
                self.event(&bytes).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Begins a record with this number in front of it.
    fn begin(&mut self, head: u64) -> Result<(), ReadError> {
        let is_blob = head & 1 == u64::from(BLOB);
        let left = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        let spent = match is_blob {
            true => self
                .budget
                .spend_items(1)
                .and_then(|()| self.budget.spend_text(left)),
            // Events pay for what they hold once they are read; their bytes are not kept.
            false => self.budget.clone().spend_text(left),
        };
        spent.map_err(|it| self.too_large(it))?;
        self.record = Record::Body {
            is_blob,
            left,
            bytes: Vec::new(),
        };
        Ok(())
    }

    fn too_large(&self, Exceeded(most): Exceeded) -> ReadError {
        ReadError::TooLarge {
            event: self.events,
            most,
        }
    }

    fn event(&mut self, bytes: &[u8]) -> Result<Event, ReadError> {
        let mut event = match decode(bytes, &self.blobs, &mut self.budget) {
            Ok(event) => event,
            Err(DecodeError::Malformed(what)) => return self.malformed(&what),
            Err(DecodeError::Exceeded(exceeded)) => return Err(self.too_large(exceeded)),
        };
        let begins_a_run = self.events == 0 || self.last_is_end;
        match (&event, begins_a_run) {
            (Event::Head(_), true) => {}
            (_, true) if self.last_is_end => {
                return self.malformed("it comes after the end of the run, and begins no other");
            }
            (Event::Head(_), false) | (_, true) => {
                return self.malformed("the first event of a run is to be its head, and no other");
            }
            (_, false) => {}
        }
        self.differences.added(&mut event);
        self.events += 1;
        self.last_is_end = matches!(event, Event::End(_));
        Ok(event)
    }

    fn step(&mut self) -> Result<Option<Event>, ReadError> {
        while self.completeness.is_none() {
            if self.plain.at < self.plain.end {
                if let Some(event) = self.take()? {
                    return Ok(Some(event));
                }
            } else if !self.decompress()? {
                self.next_chunk()?;
            }
        }
        Ok(None)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let next = self.step();
        self.has_failed = next.is_err();
        next.transpose()
    }
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Reader");
        shown.field("events", &self.events);
        shown.field("completeness", &self.completeness);
        shown.finish_non_exhaustive()
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
