//! Files as streams of bytes.
//!
//! An operation that blocks runs on another thread; at most one of a stream is under way. The
//! blocking functions of WASI wait for it in place, and so need no task of their own.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn_blocking};

use super::PIECE;
use super::errors::no_room;
use super::seam::{Answer, File, off_the_loop};
use wxmcp_run::{Charge, Ledger};

/// Bytes that are read where a guest waits for a stream without saying how many it wants.
const AHEAD: usize = 4 << 10;

/// A file that is read from an offset on.
pub(super) struct FileInput {
    file: Arc<dyn File>,
    offset: u64,
    reading: Reading,
    _place: OwnedSemaphorePermit,
    /// Where what was read is charged until the guest has taken it.
    ledger: Ledger,
}

enum Reading {
    Idle,
    UnderWay(AbortOnDropJoinHandle<Reading>),
    Ready {
        bytes: Bytes,
        _held: Charge,
    },
    Failed(ErrorCode),
    /// The file had no more when it was read. It may have by now, so this is said once, and the next
    /// read looks again.
    AtEnd,
    /// Given up.
    Cancelled,
}

impl FileInput {
    /// `place` is given back with the stream.
    pub(super) fn new(
        file: Arc<dyn File>,
        offset: u64,
        place: OwnedSemaphorePermit,
        ledger: Ledger,
    ) -> Self {
        Self {
            file,
            offset,
            _place: place,
            reading: Reading::Idle,
            ledger,
        }
    }

    fn begin(&mut self, size: usize) {
        let size = size.min(PIECE);
        let charge = match self.ledger.charge(length(size)) {
            Ok(charge) => charge,
            Err(error) => {
                self.reading = Reading::Failed(no_room(error));
                return;
            }
        };
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        self.reading = if file.is_awaited() {
            Reading::UnderWay(spawn_blocking(move || {
                piece(file.as_ref(), offset, size, charge)
            }))
        } else {
            piece(file.as_ref(), offset, size, charge)
        };
    }

    async fn settled(&mut self) {
        if let Reading::UnderWay(task) = &mut self.reading {
            self.reading = task.await;
        }
    }
}

/// Reads `size` bytes, which are charged already.
fn piece(file: &dyn File, offset: u64, size: usize, charge: Charge) -> Reading {
    let mut bytes = BytesMut::zeroed(size);
    match file.read_at(offset, &mut bytes) {
        Ok(0) => Reading::AtEnd,
        Ok(read) => {
            bytes.truncate(read);
            Reading::Ready {
                bytes: bytes.freeze(),
                _held: charge,
            }
        }
        Err(code) => Reading::Failed(code),
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for FileInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if matches!(self.reading, Reading::Idle) && size > 0 {
            self.begin(size);
        }
        match &mut self.reading {
            Reading::Idle | Reading::UnderWay(_) => Ok(Bytes::new()),
            Reading::Ready { bytes, .. } => {
                let taken = bytes.split_to(bytes.len().min(size));
                if bytes.is_empty() {
                    self.reading = Reading::Idle;
                }
                let taken_bytes = u64::try_from(taken.len()).unwrap_or(u64::MAX);
                self.offset = self.offset.saturating_add(taken_bytes);
                Ok(taken)
            }
            Reading::Failed(code) => {
                let failed = StreamError::LastOperationFailed((*code).into());
                self.reading = Reading::Idle;
                Err(failed)
            }
            Reading::AtEnd => {
                self.reading = Reading::Idle;
                Err(StreamError::Closed)
            }
            Reading::Cancelled => Err(StreamError::Closed),
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.settled().await;
        if matches!(self.reading, Reading::Idle) && size > 0 {
            self.begin(size);
            self.settled().await;
        }
        self.read(size)
    }

    async fn cancel(&mut self) {
        // A task that has begun is not cut off: so a guest cannot pile them up.
        if let Reading::UnderWay(task) = std::mem::replace(&mut self.reading, Reading::Cancelled) {
            task.cancel().await;
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for FileInput {
    async fn ready(&mut self) {
        if matches!(self.reading, Reading::Idle) {
            self.begin(AHEAD);
        }
        self.settled().await;
    }
}

/// A file that is written from an offset on, or at its end.
pub(super) struct FileOutput {
    file: Arc<dyn File>,
    /// None: at the end.
    offset: Option<u64>,
    writing: Writing,
    _place: OwnedSemaphorePermit,
    /// Where what is being written is charged.
    ledger: Ledger,
}

enum Writing {
    Ready,
    UnderWay(AbortOnDropJoinHandle<Answer<usize>>),
    /// What was not written is the guest's to write again: there may be room by then.
    Failed(ErrorCode),
    /// Given up.
    Cancelled,
}

impl FileOutput {
    /// `place` is given back with the stream.
    pub(super) fn new(
        file: Arc<dyn File>,
        offset: Option<u64>,
        place: OwnedSemaphorePermit,
        ledger: Ledger,
    ) -> Self {
        Self {
            file,
            offset,
            _place: place,
            writing: Writing::Ready,
            ledger,
        }
    }

    fn ended(&mut self, written: Answer<usize>) {
        self.writing = match written {
            Ok(written) => {
                let written = u64::try_from(written).unwrap_or(u64::MAX);
                self.offset = self.offset.map(|offset| offset.saturating_add(written));
                Writing::Ready
            }
            Err(code) => Writing::Failed(code),
        };
    }

    /// Whether the guest may write; returns the last error once.
    fn check(&mut self) -> StreamResult<bool> {
        match self.writing {
            Writing::Ready => Ok(true),
            Writing::UnderWay(_) => Ok(false),
            Writing::Cancelled => Err(StreamError::Closed),
            Writing::Failed(code) => {
                self.writing = Writing::Ready;
                Err(StreamError::LastOperationFailed(code.into()))
            }
        }
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Writes all bytes.
fn write_all(file: &dyn File, offset: Option<u64>, mut bytes: Bytes) -> Answer<usize> {
    let mut total = 0;
    while !bytes.is_empty() {
        let written = match offset {
            None => file.append(&bytes)?,
            Some(offset) => {
                let done = u64::try_from(total).unwrap_or(u64::MAX);
                file.write_at(offset.saturating_add(done), &bytes)?
            }
        };
        if written == 0 {
            return Err(ErrorCode::Io);
        }
        total += written;
        bytes = bytes.split_off(written.min(bytes.len()));
    }
    Ok(total)
}

#[wasmtime_wasi::async_trait]
impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !self.check()? {
            return Err(StreamError::trap("write without check-write"));
        }
        if bytes.len() > PIECE {
            return Err(StreamError::trap("write of more than check-write allows"));
        }
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        if file.is_awaited() {
            let held = match self.ledger.charge(length(bytes.len())) {
                Ok(held) => held,
                Err(error) => {
                    self.writing = Writing::Failed(no_room(error));
                    return Ok(());
                }
            };
            let write = move || {
                let written = write_all(file.as_ref(), offset, bytes);
                drop(held);
                written
            };
            self.writing = Writing::UnderWay(spawn_blocking(write));
        } else {
            let written = write_all(file.as_ref(), offset, bytes);
            self.ended(written);
        }
        Ok(())
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.ready().await;
        self.check()?;
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        let write = move || write_all(file.as_ref(), offset, bytes);
        let written = off_the_loop(self.file.blocks(), write).await;
        self.ended(written);
        self.check().map(|_| ())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check().map(|_| ())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.check()? { PIECE } else { 0 })
    }

    async fn cancel(&mut self) {
        if let Writing::UnderWay(task) = std::mem::replace(&mut self.writing, Writing::Cancelled) {
            task.cancel().await;
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {
        if let Writing::UnderWay(task) = &mut self.writing {
            let written = task.await;
            self.ended(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::seam::{Folder, Open, Opened};
    use crate::files::{disk, memory};
    use tokio::sync::Semaphore;

    fn place() -> OwnedSemaphorePermit {
        Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()
    }

    fn new_file() -> Arc<dyn File> {
        let how = Open {
            read: true,
            write: true,
            create: true,
            ..Open::default()
        };
        match memory::root(100_000, 1, &Ledger::unbounded(), &wxmcp_run::Clocks::Live)
            .open("file", &how)
        {
            Ok(Opened::File(file)) => file,
            _ => panic!("a file"),
        }
    }

    /// What a read says: bytes, the end, or an error.
    async fn read(input: &mut FileInput) -> Result<Vec<u8>, Option<ErrorCode>> {
        match input.blocking_read(100).await {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(StreamError::LastOperationFailed(error)) => {
                Err(Some(*error.downcast_ref().unwrap()))
            }
            Err(_) => Err(None),
        }
    }

    #[tokio::test]
    async fn what_is_added_behind_the_end_is_read() {
        let file = new_file();
        let mut input = FileInput::new(Arc::clone(&file), 0, place(), Ledger::unbounded());
        assert_eq!(read(&mut input).await, Err(None));
        assert_eq!(read(&mut input).await, Err(None));
        file.append(b"one").unwrap();
        assert_eq!(read(&mut input).await, Ok(b"one".to_vec()));
        input.ready().await;
        assert_eq!(read(&mut input).await, Err(None));
        file.append(b"two").unwrap();
        input.ready().await;
        assert_eq!(read(&mut input).await, Ok(b"two".to_vec()));
        input.cancel().await;
    }

    #[tokio::test]
    async fn an_error_is_told_by_each_operation_that_has_it() {
        // A file whose descriptor neither reads nor writes fails at both.
        let folder = tempfile::tempdir().unwrap();
        let disk = disk::Disk::open(folder.path()).unwrap();
        let how = |read, write| Open {
            read,
            write,
            create: write,
            mode: 0o644,
            ..Open::default()
        };
        let open = |how: Open| match disk.open("file", &how) {
            Ok(Opened::File(file)) => file,
            _ => panic!("a file"),
        };
        let mut input = FileInput::new(open(how(false, true)), 0, place(), Ledger::unbounded());
        for _ in 0..3 {
            let failed = read(&mut input).await;
            assert_eq!(failed, Err(Some(ErrorCode::BadDescriptor)));
        }
        let mut output = FileOutput::new(
            open(how(true, false)),
            Some(0),
            place(),
            Ledger::unbounded(),
        );
        for _ in 0..3 {
            let written = output.blocking_write_and_flush(Bytes::from("x")).await;
            assert_eq!(failure(written), Some(ErrorCode::BadDescriptor));
        }
    }

    #[tokio::test]
    async fn where_there_was_no_room_there_may_be_later() {
        let root = memory::root(100_000, 1, &Ledger::unbounded(), &wxmcp_run::Clocks::Live);
        let how = Open {
            write: true,
            create: true,
            ..Open::default()
        };
        let open = |path: &str| match root.open(path, &how) {
            Ok(Opened::File(file)) => file,
            _ => panic!("a file"),
        };
        let large = open("large");
        let mut filled = 0;
        while let Ok(more) = large.append(&[7; 4096]) {
            filled += more;
        }
        assert!(filled > 50_000, "{filled}");
        let mut output = FileOutput::new(open("file"), Some(0), place(), Ledger::unbounded());
        for _ in 0..2 {
            let written = output.blocking_write_and_flush(Bytes::from("x")).await;
            assert_eq!(failure(written), Some(ErrorCode::InsufficientSpace));
        }
        large.resize(0).unwrap();
        let written = output.blocking_write_and_flush(Bytes::from("x")).await;
        assert!(written.is_ok());
        assert_eq!(open("file").stat().unwrap().size, 1);
    }

    fn failure(done: StreamResult<()>) -> Option<ErrorCode> {
        match done {
            Err(StreamError::LastOperationFailed(error)) => error.downcast_ref().copied(),
            _ => None,
        }
    }
}
