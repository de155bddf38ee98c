//! The WASI 0.2 that guests see: clocks and random numbers of the engine, files and standard
//! streams of ours, no sockets.

use std::pin::Pin;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::files;
use crate::guest::State;
use crate::output::Output;
use crate::sources;
use wxmcp_run::{BoxFuture, Policy, Script, Sources, Stdin, Stream};

/// Most handles (files, streams, pollables) that one instance may hold.
const HANDLES: usize = 8_192;

/// Most bytes of one request for random numbers.
const RANDOM: u64 = 1 << 20;

/// Most bytes of one write to a standard stream.
const WRITE: usize = 64 << 10;

/// Offers WASI to guests. Sockets are there, since interpreters import them, and
/// refuse everything.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // Files are ours, and so are clocks that are not this machine's.
    linker.allow_shadowing(true);
    let added = files::add_to_linker(linker).and_then(|()| sources::add_to_linker(linker));
    linker.allow_shadowing(false);
    added
}

/// What one run's WASI may touch, but for files. A `program` is told its arguments and
/// environment.
pub(crate) fn context(
    policy: &Policy,
    output: &Output,
    input: &Input,
    program: Option<&Script>,
    sources: &Sources,
) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    sources::set(&mut builder, sources.randomness);
    // Guests of ours are told by `wit/guest.wit`, and keep what they are not told from scripts.
    if let Some(program) = program {
        builder
            .arg(&program.name)
            .args(&program.args)
            .envs(&policy.env);
    }
    builder
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(RANDOM)
        .stdout(Printed {
            output: output.clone(),
            stream: Stream::Stdout,
        })
        .stderr(Printed {
            output: output.clone(),
            stream: Stream::Stderr,
        });
    match input {
        Input::Empty => {}
        Input::Bytes(pipe) => {
            builder.stdin(pipe.clone());
        }
        Input::Inherited => {
            builder.stdin(Inherited);
        }
    }
    builder.build()
}

/// What an instance reads, by whichever of its names: what was read by one is not read by another.
#[derive(Clone)]
pub(crate) enum Input {
    Empty,
    Bytes(MemoryInputPipe),
    Inherited,
}

impl Input {
    /// What a policy lets it read.
    pub(crate) fn of(policy: &Policy) -> Self {
        match &policy.stdin {
            Stdin::Empty => Self::Empty,
            Stdin::Bytes(bytes) => Self::Bytes(MemoryInputPipe::new(bytes.clone())),
            Stdin::Inherit => Self::Inherited,
        }
    }

    /// Another stream of it.
    pub(crate) fn p2_stream(&self) -> Box<dyn InputStream> {
        match self {
            Self::Empty => Box::new(MemoryInputPipe::new(bytes::Bytes::new())),
            Self::Bytes(pipe) => Box::new(pipe.clone()),
            Self::Inherited => Inherited.p2_stream(),
        }
    }
}

/// A stream that prints.
pub(crate) fn printing(output: &Output, stream: Stream) -> Box<dyn OutputStream> {
    let printed = Printed {
        output: output.clone(),
        stream,
    };
    printed.p2_stream()
}

/// A handle table that a guest cannot grow without end.
pub(crate) fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES);
    table
}

/// This process's standard input, read on demand.
struct Inherited;

impl IsTerminal for Inherited {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Inherited {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        StdinStream::async_stream(&tokio::io::stdin())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        StdinStream::p2_stream(&tokio::io::stdin())
    }
}

/// A standard stream whose bytes are counted and streamed like any other output.
struct Printed {
    output: Output,
    stream: Stream,
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.writer())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.writer())
    }
}

impl Printed {
    fn writer(&self) -> Writer {
        Writer {
            output: self.output.clone(),
            stream: self.stream,
            room: None,
        }
    }
}

struct Writer {
    output: Output,
    stream: Stream,
    /// What a write waits for.
    room: Option<Mutex<BoxFuture<'static, ()>>>,
}

impl Writer {
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(room) = &mut self.room else {
                match self.output.full() {
                    Some(room) => self.room = Some(Mutex::new(room)),
                    None => return Poll::Ready(()),
                }
                continue;
            };
            if room.get_mut().as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.room = None;
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        if let Some(room) = self.output.full() {
            room.await;
        }
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.output
            .print(self.stream, &bytes)
            .map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(match self.output.full() {
            Some(_) => 0,
            None => WRITE,
        })
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        std::task::ready!(self.poll_room(context));
        Poll::Ready(
            self.output
                .print(self.stream, bytes)
                .map(|()| bytes.len())
                .map_err(std::io::Error::other),
        )
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
