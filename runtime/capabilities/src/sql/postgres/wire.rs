//! Messages to and from a server, bounded before they are kept.
//!
//! The layer below is `postgres-protocol`, not `tokio-postgres`: that one reads whole messages
//! of any size, asks for every value in binary (so that a type which it does not know cannot be
//! read at all), and keeps statements of its own that `DISCARD ALL` would take from it.

use std::io;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{ErrorResponseBody, Header, Message};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use wxmcp_policy::{Cut, Redactor};
use wxmcp_run::{Charge, OverBudget};

use super::super::rows::MAX_ANSWER;

/// Largest message of a server, in bytes: a row may fill an answer.
const MAX_MESSAGE: usize = MAX_ANSWER + (1 << 16);

/// Bytes of a message in front of what it says: its kind and its length.
const HEADER: usize = 5;

/// Bytes that are asked for at once.
const READ_AHEAD: usize = 32 << 10;

/// Longest words of a server that are kept, in bytes, and how many of them are looked through for secrets.
const MAX_WORDS: usize = 2_000;
const MAX_READ: usize = 64 << 10;

/// A stream to a server, encrypted or not.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Socket for T {}

/// Messages over a stream.
pub(super) struct Wire {
    socket: Box<dyn Socket>,
    arrived: BytesMut,
    /// What the server may not say.
    secrets: Redactor,
    /// What is sent next, as the functions of `frontend` write it.
    pub(super) out: BytesMut,
    /// While a statement is under way: what is charged for a long message.
    pub(super) charge: Option<Charge>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

/// Why a stream can no longer be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// It ended, or failed.
    #[error("the connection to the server was lost")]
    Stream(#[source] Option<io::Error>),
    /// A message is larger than any answer may be.
    #[error("a row has more than {MAX_ANSWER} bytes: ask for fewer columns, or parts of them")]
    TooLarge,
    /// The host may not hold it.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// The server does not keep to the protocol.
    #[error("the server sent what is not expected here")]
    Protocol,
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Stream(Some(error))
    }
}

impl Wire {
    pub(super) fn new(socket: Box<dyn Socket>, secrets: Redactor) -> Self {
        Self {
            socket,
            arrived: BytesMut::new(),
            secrets,
            out: BytesMut::new(),
            charge: None,
        }
    }

    /// Gives back the memory of large messages, and what is charged for them.
    pub(super) fn trim(&mut self) {
        if self.arrived.is_empty() {
            self.arrived = BytesMut::new();
        }
        self.out = BytesMut::new();
        self.charge = None;
    }

    /// Sends what was written to `out`.
    pub(super) async fn send(&mut self) -> Result<(), Lost> {
        self.socket.write_all(&self.out).await?;
        self.socket.flush().await?;
        if self.out.capacity() > READ_AHEAD {
            self.out = BytesMut::new();
        }
        self.out.clear();
        Ok(())
    }

    /// What the server says in an error, without the password.
    pub(super) fn complaint(&self, body: &ErrorResponseBody) -> Complaint {
        Complaint::read(body, &self.secrets)
    }

    /// The next message that answers something. Notices, notifications and changed settings
    /// are nothing that anybody waits for.
    pub(super) async fn next(&mut self) -> Result<Message, Lost> {
        loop {
            match self.message().await? {
                Message::NoticeResponse(_)
                | Message::NotificationResponse(_)
                | Message::ParameterStatus(_) => {}
                message => return Ok(message),
            }
        }
    }

    /// Bytes of the message that is arriving, as its header announces, or of the header.
    fn length(&self) -> Result<usize, Lost> {
        match Header::parse(&self.arrived).map_err(|_| Lost::Protocol)? {
            None => Ok(HEADER),
            Some(header) => match usize::try_from(header.len()) {
                Ok(length) if length <= MAX_MESSAGE => Ok(length.saturating_add(1)),
                _ => Err(Lost::TooLarge),
            },
        }
    }

    /// The next message, whatever it is.
    pub(super) async fn message(&mut self) -> Result<Message, Lost> {
        loop {
            let length = self.length()?;
            // What is about to be there is charged before.
            if let Some(charge) = &mut self.charge {
                hold(charge, length).await?;
            }
            // A message is parsed once it is there: the parser would make room for all that its header announces.
            if length <= self.arrived.len()
                && let Some(message) =
                    Message::parse(&mut self.arrived).map_err(|_| Lost::Protocol)?
            {
                return Ok(message);
            }
            self.arrived.reserve(READ_AHEAD);
            if self.socket.read_buf(&mut self.arrived).await? == 0 {
                return Err(Lost::Stream(None));
            }
        }
    }
}

/// Charges a message that is about to be read, if it is long.
async fn hold(charge: &mut Charge, length: usize) -> Result<(), Lost> {
    let bytes = u64::try_from(length).unwrap_or(u64::MAX);
    let ahead = u64::try_from(READ_AHEAD).unwrap_or(u64::MAX);
    // Where it does not fit into what was read ahead, both are there while it is copied.
    let wanted = if bytes > ahead {
        bytes.saturating_mul(2)
    } else {
        0
    };
    match wanted.checked_sub(charge.bytes()) {
        Some(0) => {}
        Some(more) => charge.grow_when_free(more).await?,
        None => charge.shrink(charge.bytes().saturating_sub(wanted)),
    }
    Ok(())
}

/// An error that the server sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Complaint {
    /// `SQLSTATE`.
    pub(super) code: String,
    /// Message, detail and hint, without the password.
    pub(super) words: String,
    /// In the statement, in characters from 1.
    pub(super) position: Option<u32>,
    /// What the server was doing: it names a parameter by its number.
    pub(super) context: String,
    /// Whether the server ends the connection.
    pub(super) is_fatal: bool,
}

impl Complaint {
    fn read(body: &ErrorResponseBody, secrets: &Redactor) -> Self {
        let mut complaint = Self::default();
        let (mut detail, mut hint) = (String::new(), String::new());
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let bytes = field.value_bytes();
            let start = bytes.get(..MAX_READ).unwrap_or(bytes);
            let cut = Cut {
                front: false,
                back: start.len() < bytes.len(),
            };
            // Only then cut: a secret that was cut in two could not be recognised.
            let value = secrets.redact_part(&String::from_utf8_lossy(start), cut);
            let value = value.get(..value.floor_char_boundary(MAX_WORDS));
            let value = value.unwrap_or_default();
            match field.type_() {
                b'C' => {
                    complaint.code = value
                        .chars()
                        .filter(char::is_ascii_alphanumeric)
                        .take(5)
                        .collect()
                }
                b'M' => complaint.words = value.to_owned(),
                b'D' => detail = format!("; {value}"),
                b'H' => hint = format!("; hint: {value}"),
                b'P' => complaint.position = value.parse().ok(),
                b'W' => complaint.context = value.to_owned(),
                // The one that is not translated.
                b'V' => complaint.is_fatal = matches!(value, "FATAL" | "PANIC"),
                _ => {}
            }
        }
        complaint.words.push_str(&detail);
        complaint.words.push_str(&hint);
        complaint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that has said this, and ends.
    fn wire(said: Vec<u8>) -> Wire {
        let nothing = tokio::io::sink();
        let socket = tokio::io::join(io::Cursor::new(said), nothing);
        Wire::new(Box::new(socket), Redactor::default())
    }

    #[tokio::test]
    async fn a_message_takes_no_room_before_it_is_there() {
        let length = 20 << 20_u32;
        let mut announced = wire([&b"D"[..], &u32::to_be_bytes(length), b"abc"].concat());
        assert!(matches!(announced.message().await, Err(Lost::Stream(None))));
        let room = announced.arrived.capacity();
        assert!(room <= 4 * READ_AHEAD, "{room} bytes");
        let body = vec![0; usize::try_from(length).unwrap() - 4];
        let mut whole = wire([&b"D"[..], &u32::to_be_bytes(length), &body].concat());
        let Ok(Message::DataRow(row)) = whole.message().await else {
            panic!("no row");
        };
        // The number of its values is no part of them.
        assert_eq!(row.buffer().len(), body.len() - 2);
    }
}
