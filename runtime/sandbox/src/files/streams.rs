//! Files as streams of bytes.
//!
//! An operation that blocks runs on another thread; at most one of a stream is under way. The
//! blocking functions of WASI wait for it in place, and so need no task of their own.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
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
    /// Where what was read is charged until the guest has taken it.
    ledger: Ledger,
}

enum Reading {
    Idle,
    UnderWay(AbortOnDropJoinHandle<Reading>),
    Ready { bytes: Bytes, _held: Charge },
    Failed(ErrorCode),
    Ended,
}

impl FileInput {
    pub(super) fn new(file: Arc<dyn File>, offset: u64, ledger: Ledger) -> Self {
        Self {
            file,
            offset,
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
        self.reading = if file.blocks() {
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
        Ok(0) => Reading::Ended,
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
                self.reading = Reading::Ended;
                Err(failed)
            }
            Reading::Ended => Err(StreamError::Closed),
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
        if let Reading::UnderWay(task) = std::mem::replace(&mut self.reading, Reading::Ended) {
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
    /// Where what is being written is charged.
    ledger: Ledger,
}

enum Writing {
    Ready,
    UnderWay(AbortOnDropJoinHandle<Answer<usize>>),
    Failed(ErrorCode),
    Ended,
}

impl FileOutput {
    pub(super) fn new(file: Arc<dyn File>, offset: Option<u64>, ledger: Ledger) -> Self {
        Self {
            file,
            offset,
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

    /// Whether the guest may write; the last error is told once.
    fn check(&mut self) -> StreamResult<bool> {
        match self.writing {
            Writing::Ready => Ok(true),
            Writing::UnderWay(_) => Ok(false),
            Writing::Ended => Err(StreamError::Closed),
            Writing::Failed(code) => {
                self.writing = Writing::Ended;
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
        if file.blocks() {
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
        if let Writing::UnderWay(task) = std::mem::replace(&mut self.writing, Writing::Ended) {
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
