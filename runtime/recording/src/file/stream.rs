//! The compressed stream of a file that is being written, cut into chunks.

use std::io::{self, Write};

use zstd::stream::raw::{CParameter, Encoder, Operation};

use super::chunk::{CHUNK, Chain, HASH, LONGEST_NUMBER, put_number};
use super::{MAGIC, VERSION};

/// How hard zstd tries: 1 to 22.
const LEVEL: i32 = 3;

/// How far back repetitions are found: 2 MiB, as a power of two.
const WINDOW_LOG: u32 = 21;

/// Bytes that the compressor hands out at a time.
const STEP: usize = 32 << 10;

/// What a record is: an event, or a large text that events refer to. The lowest bit of its length says it.
pub(super) const EVENT: u8 = 0;
pub(super) const BLOB: u8 = 1;

/// The last block of a frame of zstd, with nothing in it (RFC 8878, 3.1.1.2: raw, of no bytes).
const LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// Where the file goes.
pub(super) struct Stream<W> {
    to: W,
    compressor: Encoder<'static>,
    /// What the compressor made and the file does not have.
    made: Vec<u8>,
    step: Vec<u8>,
    /// Whether the compressor was given something since it was flushed.
    is_behind: bool,
    chain: Chain,
    /// Bytes of the file that nobody asked for.
    grown: usize,
}

impl<W: Write> Stream<W> {
    pub(super) fn new(mut to: W) -> io::Result<Self> {
        let mut compressor = Encoder::new(LEVEL)?;
        compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        let [a, b, c] = MAGIC;
        to.write_all(&[a, b, c, VERSION])?;
        to.flush()?;
        Ok(Self {
            to,
            compressor,
            made: Vec::new(),
            step: vec![0; STEP],
            is_behind: false,
            chain: Chain::new(),
            grown: 4,
        })
    }

    /// Bytes that the file has grown by since this was asked last.
    pub(super) fn grown(&mut self) -> usize {
        std::mem::take(&mut self.grown)
    }

    /// Appends a record.
    pub(super) fn record(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let length = u64::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut head = Vec::with_capacity(LONGEST_NUMBER);
        put_number(&mut head, (length << 1) | u64::from(kind));
        self.put(&head)?;
        self.put(bytes)
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let status = self.compressor.run_on_buffers(bytes, &mut self.step)?;
            bytes = bytes.get(status.bytes_read..).unwrap_or_default();
            self.is_behind = true;
            self.made(status.bytes_written)?;
        }
        Ok(())
    }

    fn made(&mut self, count: usize) -> io::Result<()> {
        let made = self.step.get(..count).unwrap_or_default();
        self.made.extend_from_slice(made);
        if self.made.len() >= CHUNK {
            self.chunk()?;
        }
        Ok(())
    }

    /// Hands over all that was put.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.is_behind {
            let mut out = zstd::zstd_safe::OutBuffer::around(self.step.as_mut_slice());
            let left = self.compressor.flush(&mut out)?;
            let count = out.pos();
            self.is_behind = left > 0;
            self.made(count)?;
        }
        self.chunk()?;
        self.to.flush()
    }

    /// Writes what was made as one chunk.
    fn chunk(&mut self) -> io::Result<()> {
        if self.made.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::with_capacity(LONGEST_NUMBER + self.made.len() + HASH);
        put_number(
            &mut whole,
            u64::try_from(self.made.len()).unwrap_or(u64::MAX),
        );
        let hash = self.chain.add([&whole, &self.made]);
        whole.append(&mut self.made);
        whole.extend_from_slice(&hash);
        self.grown += whole.len();
        // At once: a process that is killed between two writes would leave half a chunk.
        self.to.write_all(&whole)
    }

    /// Ends the file, which holds so many events.
    pub(super) fn finish(&mut self, events: u64) -> io::Result<()> {
        loop {
            let mut out = zstd::zstd_safe::OutBuffer::around(self.step.as_mut_slice());
            let left = self.compressor.finish(&mut out, true)?;
            let count = out.pos();
            self.made(count)?;
            if left == 0 {
                break;
            }
        }
        self.chunk()?;
        let whole = end(&mut self.chain, events);
        self.to.write_all(&whole)?;
        self.to.flush()
    }

    /// What would end the file here, after a flush.
    pub(super) fn ending(&self, events: u64) -> Vec<u8> {
        let mut chain = self.chain.clone();
        let mut whole = Vec::new();
        put_number(
            &mut whole,
            u64::try_from(LAST_BLOCK.len()).unwrap_or(u64::MAX),
        );
        let hash = chain.add([&whole, &LAST_BLOCK]);
        whole.extend_from_slice(&LAST_BLOCK);
        whole.extend_from_slice(&hash);
        whole.extend_from_slice(&end(&mut chain, events));
        whole
    }

    pub(super) fn get_ref(&self) -> &W {
        &self.to
    }

    pub(super) fn into_inner(self) -> W {
        self.to
    }
}

/// What stands behind the last chunk.
fn end(chain: &mut Chain, events: u64) -> Vec<u8> {
    let mut whole = vec![0];
    put_number(&mut whole, events);
    let hash = chain.add([&whole, &[]]);
    whole.extend_from_slice(&hash);
    whole
}
