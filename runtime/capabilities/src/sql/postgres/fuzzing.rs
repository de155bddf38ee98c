//! For the fuzzer alone: a server of PostgreSQL that says anything.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use wxmcp_policy::Redactor;
use wxmcp_run::{Held, Ledger};

use super::super::rows::Rows;
use super::super::{Done, Failure, Statement};
use super::answers;
use super::exchange::{Exchange, Status};
use super::types::{Types, scalar};
use super::wire::Wire;

/// The answer to a query where the server says nothing but these bytes; whether it is one, or an error of ours.
pub async fn answer(server: Vec<u8>, is_query: bool) -> Result<Vec<u8>, String> {
    let script = Script {
        said: server,
        at: 0,
    };
    let wire = Wire::new(Box::new(script), Redactor::default());
    let ledger = Ledger::unbounded();
    let statement = Statement {
        text: "SELECT 1".to_owned(),
        parameters: Vec::new(),
        is_query,
        _held: Held::default(),
        ledger,
    };
    let known = Mutex::new(Types::default());
    let mut exchange = Exchange::new(wire);
    let answered = exchange.statement(&statement, &known, Status::Idle).await;
    match answered {
        Ok(Done::Answer(written)) => Ok(written.json),
        Ok(Done::Transaction) => Ok(Vec::new()),
        Err(trouble) => Err(format!("{trouble:?}")),
    }
}

/// The answer with one value, which the server writes as this text; `oid` is the number of its type.
pub fn value(text: &str, oid: u32, delimiter: Option<u8>) -> Result<Vec<u8>, String> {
    let of = super::types::Type {
        name: "x".to_owned(),
        scalar: scalar(oid),
        delimiter,
    };
    let written = || {
        let mut rows = Rows::new([("x".to_owned(), None)], &Ledger::unbounded())?;
        rows.add(|_, cell| answers::write(cell, text, &of))?;
        rows.finish()
    };
    let written = written().map_err(|failure: Failure| format!("{failure:?}"))?;
    Ok(written.json)
}

struct Script {
    said: Vec<u8>,
    at: usize,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.said.get(self.at..).unwrap_or_default();
        let now = rest.get(..buffer.remaining()).unwrap_or(rest);
        buffer.put_slice(now);
        self.at = self.at.saturating_add(now.len());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
