//! Messages to a server and from it: one exchange at a time.

use std::io;

use fallible_iterator::FallibleIterator;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DataRowBody, ErrorResponseBody, Field, Message};
use postgres_protocol::message::frontend;
use serde_json::json;
use wxmcp_run::ToolErrorKind;

use super::super::rows::Rows;
use super::super::{Done, Failure, Statement};
use super::types::{self, Oid, Type, Types};
use super::wire::{Complaint, Lost, Wire};
use super::{Trouble, answers, parameters};

/// Name of the statement that is under way. It has one, since questions about types come
/// between its parts.
const NAME: &str = "wxmcp";

/// Rows that a statement of our own answers, at most.
const MAX_OWN_ROWS: usize = 1_000;

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// In no transaction.
    Idle,
    /// In one.
    Transaction,
    /// In one that can only be rolled back.
    Failed,
}

/// A server that answers, one thing after the other.
#[derive(Debug)]
pub(super) struct Exchange {
    wire: Wire,
    status: Status,
    /// Whether an answer is outstanding.
    is_busy: bool,
    /// Whether the connection can no longer be used.
    is_gone: bool,
}

/// What a statement takes and answers.
struct Described {
    parameters: Vec<Oid>,
    /// None if it answers no rows.
    columns: Option<Vec<(String, Oid)>>,
}

impl Exchange {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            status: Status::Idle,
            is_busy: false,
            is_gone: false,
        }
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Whether a server that was left alone has neither ended the connection nor said that it
    /// will. Does not wait.
    pub(super) fn is_alive(&mut self) -> bool {
        match self.next().now_or_never() {
            // Nothing arrived, as it should be.
            None => !self.is_gone,
            Some(_) => false,
        }
    }

    /// Runs statements of our own, one after the other; the rows of all of them, as texts.
    pub(super) async fn simple(
        &mut self,
        statements: &[&str],
    ) -> Result<Vec<Vec<Option<String>>>, Trouble> {
        for statement in statements {
            frontend::query(statement, &mut self.wire.out).map_err(|_| Lost::Protocol)?;
        }
        self.send().await?;
        let mut rows = Vec::new();
        let mut complaint = None;
        for _ in statements {
            loop {
                match self.next().await? {
                    Message::DataRow(body) if rows.len() < MAX_OWN_ROWS => rows.push(texts(&body)?),
                    Message::ErrorResponse(body) => {
                        complaint.get_or_insert(self.complaint(&body));
                    }
                    Message::ReadyForQuery(body) => {
                        self.status = status(body.status())?;
                        break;
                    }
                    _ => {}
                }
            }
        }
        self.is_busy = false;
        match complaint {
            Some(complaint) => Err(complaint.into()),
            None => Ok(rows),
        }
    }

    /// Runs a statement, which must leave the session at the status `expected`, or failed.
    pub(super) async fn statement(
        &mut self,
        statement: &Statement,
        known: &Mutex<Types>,
        expected: Status,
    ) -> Result<Done, Trouble> {
        self.wire.charge = Some(statement.ledger.nothing());
        let described = self.describe(&statement.text).await?;
        let columns = described.columns.unwrap_or_default();
        let wanted: Vec<Oid> = described
            .parameters
            .iter()
            .copied()
            .chain(columns.iter().map(|(_, oid)| *oid))
            .collect();
        let mut types = self.types(&wanted, known).await?;
        let of_columns = types.split_off(described.parameters.len().min(types.len()));
        let texts = parameters::texts(&statement.parameters, &types)?;
        let names = columns.into_iter().map(|(name, _)| name);
        let columns = names.zip(of_columns.iter().map(|of| Some(of.name.clone())));
        let rows = Rows::new(columns, &statement.ledger)?;
        self.bind(&texts)?;
        let is_committed_late = expected == Status::Idle && statement.is_query;
        if is_committed_late {
            frontend::flush(&mut self.wire.out);
        } else {
            frontend::sync(&mut self.wire.out);
        }
        self.send().await?;
        let taken = self
            .take(rows, &of_columns, statement, is_committed_late)
            .await?;
        self.wire.charge = None;
        // The statement's text was looked at; this is what it came to.
        if self.status != expected && self.status != Status::Failed {
            self.is_gone = true;
            return Err(Failure::Invalid(
                "the statement left its transaction, which is over".to_owned(),
            )
            .into());
        }
        taken.map_err(Trouble::from)
    }

    /// Has the server read a statement.
    async fn describe(&mut self, text: &str) -> Result<Described, Trouble> {
        let out = &mut self.wire.out;
        if text.contains('\0') {
            return Err(Failure::Invalid("a statement has no NUL in it".to_owned()).into());
        }
        frontend::close(b'S', NAME, out).map_err(|_| Lost::Protocol)?;
        frontend::parse(NAME, text, [], out).map_err(|_| Lost::Protocol)?;
        frontend::describe(b'S', NAME, out).map_err(|_| Lost::Protocol)?;
        frontend::sync(out);
        self.send().await?;
        let mut described = Described {
            parameters: Vec::new(),
            columns: None,
        };
        let mut complaint = None;
        loop {
            match self.next().await? {
                Message::ParameterDescription(body) => {
                    described.parameters = listed(body.parameters(), Ok)?;
                }
                Message::RowDescription(body) => {
                    let column = |field: Field<'_>| Ok((field.name().to_owned(), field.type_oid()));
                    described.columns = Some(listed(body.fields(), column)?);
                }
                Message::ErrorResponse(body) => complaint = Some(self.complaint(&body)),
                Message::ReadyForQuery(body) => {
                    self.status = status(body.status())?;
                    self.is_busy = false;
                    return match complaint {
                        Some(complaint) => Err(complaint.into()),
                        None => Ok(described),
                    };
                }
                Message::CloseComplete | Message::ParseComplete | Message::NoData => {}
                _ => return Err(Lost::Protocol.into()),
            }
        }
    }

    /// The types behind numbers, in their order.
    async fn types(&mut self, wanted: &[Oid], known: &Mutex<Types>) -> Result<Vec<Type>, Trouble> {
        let unknown: Vec<Oid> = {
            let mut known = known.lock();
            let unknown = wanted.iter().filter(|oid| known.get(**oid).is_none());
            unknown.copied().collect()
        };
        if !unknown.is_empty() {
            let rows = self.simple(&[&types::question(&unknown)]).await?;
            let mut known = known.lock();
            for (oid, of) in rows.iter().filter_map(|row| types::described(row)) {
                known.learn(oid, of);
            }
        }
        let mut known = known.lock();
        Ok(wanted
            .iter()
            .map(|oid| known.get(*oid).unwrap_or_else(|| Type::unknown(*oid)))
            .collect())
    }

    /// Writes what runs the statement with these parameters.
    fn bind(&mut self, texts: &[Option<String>]) -> Result<(), Trouble> {
        let out = &mut self.wire.out;
        let write = |text: &Option<String>, out: &mut bytes::BytesMut| match text {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        };
        // No formats: all of them are text.
        let bound = frontend::bind("", NAME, [], texts, write, [], out);
        if bound.is_err() {
            out.clear();
            let message = "its parameters are larger than a message may be".to_owned();
            return Err(Failure::Limit(message).into());
        }
        frontend::execute("", 0, out).map_err(|_| Lost::Protocol)?;
        Ok(())
    }

    /// Takes what the statement answers. Stops where a limit of an answer is, with the
    /// rest outstanding.
    async fn take(
        &mut self,
        mut rows: Rows,
        of: &[Type],
        statement: &Statement,
        is_committed_late: bool,
    ) -> Result<Result<Done, Complained>, Trouble> {
        let is_query = statement.is_query;
        let mut is_bound = false;
        let mut affected = 0_u64;
        let mut complaint = None;
        loop {
            match self.next().await? {
                Message::BindComplete => is_bound = true,
                Message::DataRow(body) if is_query => add_when_free(&mut rows, &body, of).await?,
                Message::CommandComplete(body) => {
                    affected = rows_affected(body.tag().unwrap_or_default());
                    if is_committed_late {
                        frontend::sync(&mut self.wire.out);
                        self.send().await?;
                    }
                }
                Message::EmptyQueryResponse => {
                    complaint = Some(Complained::Empty);
                    if is_committed_late {
                        frontend::sync(&mut self.wire.out);
                        self.send().await?;
                    }
                }
                Message::ErrorResponse(body) => {
                    complaint = Some(Complained::Server(self.complaint(&body), is_bound));
                    if is_committed_late {
                        frontend::sync(&mut self.wire.out);
                        self.send().await?;
                    }
                }
                Message::ReadyForQuery(body) => {
                    self.status = status(body.status())?;
                    self.is_busy = false;
                    break;
                }
                Message::DataRow(_) => {}
                // COPY, which is refused by its name, and would wait for data.
                _ => return Err(Lost::Protocol.into()),
            }
        }
        Ok(match complaint {
            Some(complaint) => Err(complaint),
            None if is_query => Ok(Done::Answer(rows.finish()?)),
            None => {
                let done = json!({"rows_affected": affected, "last_insert_id": null});
                Ok(statement.done(&done)?)
            }
        })
    }

    /// Gives back the memory of large messages: the link waits for its next use.
    pub(super) fn trim(&mut self) {
        self.wire.trim();
    }

    async fn send(&mut self) -> Result<(), Lost> {
        self.is_busy = true;
        let sent = self.wire.send().await;
        self.is_gone |= sent.is_err();
        sent
    }

    async fn next(&mut self) -> Result<Message, Lost> {
        let message = self.wire.next().await;
        self.is_gone |= message.is_err();
        message
    }

    fn complaint(&mut self, body: &ErrorResponseBody) -> Complaint {
        let complaint = self.wire.complaint(body);
        self.is_gone |= complaint.is_fatal;
        complaint
    }
}

/// Why a statement has no answer, with the session in order.
enum Complained {
    Empty,
    /// With whether its parameters had been taken.
    Server(Complaint, bool),
}

impl From<Complained> for Trouble {
    fn from(complained: Complained) -> Self {
        match complained {
            Complained::Empty => Failure::Invalid("the statement is empty".to_owned()).into(),
            Complained::Server(mut complaint, is_bound) => {
                // Class 22, data exception: a text that the type does not read.
                let is_parameter = !is_bound && complaint.code.starts_with("22");
                if is_parameter && let Some(number) = parameter(&complaint.context) {
                    complaint.words = format!("parameter ${number}: {}", complaint.words);
                }
                let kind = if is_parameter {
                    ToolErrorKind::InvalidCall
                } else {
                    ToolErrorKind::CapabilityFailed
                };
                Trouble::Complaint { complaint, kind }
            }
        }
    }
}

/// The number of the parameter that the server was reading.
fn parameter(context: &str) -> Option<u16> {
    let (_, after) = context.split_once('$')?;
    let end = after.find(|c: char| !c.is_ascii_digit());
    after.get(..end.unwrap_or(after.len()))?.parse().ok()
}

/// All parts of a message. Room is made for those that are there: `collect` makes it for as many as the message says.
fn listed<I, T>(mut parts: I, of: impl Fn(I::Item) -> Result<T, Lost>) -> Result<Vec<T>, Lost>
where
    I: FallibleIterator<Error = io::Error>,
{
    let mut listed = Vec::new();
    while let Some(part) = parts.next().map_err(|_| Lost::Protocol)? {
        listed.push(of(part)?);
    }
    Ok(listed)
}

fn status(byte: u8) -> Result<Status, Lost> {
    match byte {
        b'I' => Ok(Status::Idle),
        b'T' => Ok(Status::Transaction),
        b'E' => Ok(Status::Failed),
        _ => Err(Lost::Protocol),
    }
}

/// The values of a row as texts.
fn texts(body: &DataRowBody) -> Result<Vec<Option<String>>, Lost> {
    let mut ranges = body.ranges();
    let mut texts = Vec::new();
    while let Some(range) = ranges.next().map_err(|_| Lost::Protocol)? {
        let bytes = range.and_then(|range| body.buffer().get(range));
        texts.push(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    }
    Ok(texts)
}

/// Adds a row to an answer, once there is room for it.
async fn add_when_free(rows: &mut Rows, body: &DataRowBody, of: &[Type]) -> Result<(), Trouble> {
    loop {
        let added = add(rows, body, of);
        if added.is_ok() || !rows.must_wait() {
            return added;
        }
        rows.wait().await?;
    }
}

/// Adds a row to an answer.
fn add(rows: &mut Rows, body: &DataRowBody, of: &[Type]) -> Result<(), Trouble> {
    let mut ranges = body.ranges();
    let unexpected = || Failure::Database(Lost::Protocol.to_string());
    rows.add(|index, cell| {
        let range = ranges.next().map_err(|_| unexpected())?;
        let Some(range) = range.ok_or_else(unexpected)? else {
            return cell.null();
        };
        let bytes = body.buffer().get(range).ok_or_else(unexpected)?;
        let text = std::str::from_utf8(bytes).map_err(|_| {
            Failure::Invalid("text can only be read with `client_encoding` at `UTF8`".to_owned())
        })?;
        answers::write(cell, text, of.get(index).ok_or_else(unexpected)?)
    })?;
    Ok(())
}

/// `INSERT 0 5`: what a command changed, by its tag.
fn rows_affected(tag: &str) -> u64 {
    let mut words = tag.split(' ');
    match words.next() {
        Some("INSERT" | "UPDATE" | "DELETE" | "MERGE") => words
            .next_back()
            .and_then(|count| count.parse().ok())
            .unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message that announces a million parts, and has two.
    struct Announced(u32);

    impl FallibleIterator for Announced {
        type Item = u32;
        type Error = io::Error;

        fn next(&mut self) -> io::Result<Option<u32>> {
            self.0 = self.0.saturating_sub(1);
            Ok((self.0 > 0).then_some(self.0))
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (1_000_000, None)
        }
    }

    #[test]
    fn room_is_made_for_the_parts_that_are_there() -> Result<(), Lost> {
        let parts = listed(Announced(3), Ok)?;
        assert_eq!(parts, [2, 1]);
        assert!(parts.capacity() < 100, "{}", parts.capacity());
        Ok(())
    }
}
