//! What a line of a server's output is: a message, several, a damaged one, or prose.

use rmcp::service::{RoleClient, RxJsonRpcMessage};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};
use wxmcp_catalogue::json::{self, JsonError};
use wxmcp_catalogue::wording::quoted;
use wxmcp_run::{Held, parsed_size, without_lone_surrogates};

use super::Pipe;
use super::room::{Charged, Room, Waiting};
use crate::aside::LARGE;
use crate::stdio::arrived::{Arrived, Unread, notice, read};
use crate::stdio::frame::{Damaged, Envelope, mended};
use crate::stdio::ids::{at_end, at_start, in_line, number};
use crate::stdio::lines::Line;
use crate::stdio::pipe_state::{Addressee, Fault, Reading};

/// Largest message that is not an answer to a tool call or listing, in bytes.
const MAX_OTHER_BYTES: usize = 1024 * 1024;

/// Most bytes that a message for which no call pays may take once it is read.
const MAX_OTHER_PARSED: u64 = 4 << 20;

/// Longest id of a server's own request, in bytes: the answer repeats it, and may wait to be written.
const MAX_ID_BYTES: usize = 1024;

/// How a message begins that is looked for behind other text, and how much is looked through.
const MESSAGE_START: &[u8] = b"{\"jsonrpc\"";
const MAX_PROSE_BYTES: usize = 64 * 1024;

/// Messages that are read of one line, which should hold one.
pub(super) const MAX_MESSAGES: usize = 1_000;

/// Bytes that mending a damaged line takes for each of its own: whole copies, one of them with three bytes for one.
const COPIES: u64 = 5;

/// What is wrong with an answer to `initialize` or `server/discover`.
const UNREADABLE_HANDSHAKE: &str = "its answer to the handshake is not what the protocol says";

impl<R, W> Pipe<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    /// Gives the connection up.
    fn give_up(&mut self, fault: Fault) {
        self.state.give_up(fault);
        self.lifeline = None;
    }

    fn give_up_on(&mut self, problem: &str) -> Taken {
        self.give_up(Fault::Protocol(problem.to_owned()));
        Taken::End
    }

    /// Reads one line.
    pub(super) fn take(&mut self, line: Line) -> Taken {
        match line {
            Line::Whole(line) => match self.take_line(&line) {
                Taken::Wait(room) => {
                    self.waiting = Some(Waiting { line, room });
                    Taken::Nothing
                }
                taken => taken,
            },
            Line::Long(head) => self.charge(&head),
            Line::TooLong(head) => {
                self.over = None;
                self.take_head(&head)
            }
            Line::OverBudget(head, over) => {
                self.over = Some(over);
                self.take_head(&head)
            }
            Line::Skipped(_) if self.answered => Taken::Nothing,
            Line::Skipped(tail) => match at_end(&tail).or_else(|| self.state.only_open()) {
                Some(id) => self.refuse(id, self.too_large()),
                None => {
                    self.state.note_stray(format!(
                        "answered with a line that is larger than {} and has no id that could be found",
                        bytes_in_words(self.limit)
                    ));
                    Taken::Nothing
                }
            },
            Line::Endless => {
                self.give_up(Fault::TooLarge);
                Taken::End
            }
            Line::End => Taken::End,
        }
    }

    /// The start of an over-long line.
    fn take_head(&mut self, head: &[u8]) -> Taken {
        let is_message = head.trim_ascii_start().starts_with(b"{");
        let has_method = Damaged::look_at(head).has_method;
        // The rest is not waited for where one call alone can be meant.
        let only = self.over.filter(|_| is_message && !has_method);
        let id = at_start(head).or_else(|| only.and_then(|_| self.state.only_open()));
        // Prose and notifications answer no call, however long they are.
        self.answered = id.is_some() || !is_message || has_method;
        match id {
            Some(id) => self.refuse(id, self.too_large()),
            None if self.answered => {
                self.state.note_noise(head);
                Taken::Nothing
            }
            None => Taken::Nothing,
        }
    }

    fn too_large(&self) -> Arrived {
        if let Some(over) = self.over {
            return Arrived::OverBudget(over);
        }
        Arrived::TooLarge(format!("it is larger than {}", bytes_in_words(self.limit)))
    }

    /// Fails the request that an unusable line answers.
    pub(super) fn refuse(&mut self, id: i64, arrived: Arrived) -> Taken {
        match self.state.addressee(id) {
            Addressee::Open(Reading::Call | Reading::Listing) => self.pass(id, arrived),
            Addressee::Open(Reading::Typed) => match arrived {
                Arrived::Malformed(problem) => {
                    self.give_up_on(&format!("{UNREADABLE_HANDSHAKE}: {problem}"))
                }
                _ => self.give_up_on(UNREADABLE_HANDSHAKE),
            },
            Addressee::Gone => Taken::Nothing,
            Addressee::None => self.stray(id),
        }
    }

    /// Passes an answer on.
    fn pass(&self, id: i64, arrived: Arrived) -> Taken {
        self.state.keep(id, arrived);
        Taken::Message(Box::new(notice(id)))
    }

    /// An answer to a request that was never made is noted and ignored: the proper answers may still come.
    fn stray(&self, id: i64) -> Taken {
        self.state
            .note_stray(format!("answered a request that was never made (id {id})"));
        Taken::Nothing
    }

    pub(super) fn take_line(&mut self, line: &[u8]) -> Taken {
        let line = line
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(line)
            .trim_ascii();
        match line.first() {
            None => Taken::Nothing,
            Some(b'{') => self.take_object(line),
            Some(b'[') => self.take_batch(line),
            Some(_) => self.take_prose(line),
        }
    }

    fn take_object(&mut self, line: &[u8]) -> Taken {
        match Envelope::read(line) {
            Ok(envelope) => self.take_envelope(line, &envelope),
            Err(error) => match self.take_row(line) {
                Some(taken) => taken,
                None => self.take_damaged(line, &error),
            },
        }
    }

    /// Messages without a line end between them, and whatever stands behind the last.
    fn take_row(&mut self, line: &[u8]) -> Option<Taken> {
        if json::holds_too_many(line) {
            return None;
        }
        let mut end = 0;
        let mut row = serde_json::Deserializer::from_slice(line).into_iter::<&RawValue>();
        let mut messages = Vec::new();
        while let Some(Ok(message)) = row.next() {
            messages.push(message);
            end = row.byte_offset();
            if messages.len() > MAX_MESSAGES {
                break;
            }
        }
        let rest = line.get(end..).unwrap_or_default().trim_ascii();
        if messages.is_empty() || messages.len() == 1 && rest.is_empty() {
            return None;
        }
        let is_whole = messages.len() <= MAX_MESSAGES;
        let first = self.take_each(line, messages);
        if rest.is_empty() || !is_whole || matches!(first, Taken::End) {
            return Some(first);
        }
        let last = self.take_line(rest);
        Some(match (first, self.refuse_waiting(last)) {
            (Taken::Message(first), Taken::Message(last)) => {
                self.ready.push_back(last);
                Taken::Message(first)
            }
            (_, Taken::End) => Taken::End,
            (first, Taken::Nothing | Taken::Wait(_)) => first,
            (_, last) => last,
        })
    }

    /// A line that looks like a message and is not JSON.
    fn take_damaged(&mut self, line: &[u8], error: &serde_json::Error) -> Taken {
        let damaged = Damaged::look_at(line);
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let copies = self.state.process().charge(length.saturating_mul(COPIES));
        let _copies = match (copies, damaged.id.filter(|_| damaged.is_answer())) {
            (Ok(copies), _) => copies,
            (Err(over), Some(id)) => return self.refuse(id, Arrived::OverBudget(over)),
            (Err(_), None) => {
                self.state.note_noise(line);
                return Taken::Nothing;
            }
        };
        if let Some(line) = without_lone_surrogates(line)
            && let Ok(envelope) = Envelope::read(&line)
        {
            return self.take_envelope(&line, &envelope);
        }
        if !damaged.is_answer() {
            // Programs print to stdout by mistake: such a line is noted and ignored.
            self.state.note_noise(line);
            return Taken::Nothing;
        }
        let problem = damaged.problem(line, error);
        let only = || self.state.only_open().filter(|_| damaged.is_of_protocol);
        let Some(id) = damaged.id.or_else(only) else {
            self.state
                .note_stray(format!("answered what cannot be read: {problem}"));
            return Taken::Nothing;
        };
        // One bad byte or default must not cost all of the server's tools.
        if let Some(Reading::Listing | Reading::Typed) = self.state.reading(id) {
            let line = mended(line);
            if let Ok(envelope) = Envelope::read(&line) {
                return self.take_envelope(&line, &envelope);
            }
        }
        self.refuse(id, Arrived::Malformed(problem))
    }

    /// Several messages in an array, as an earlier revision of the protocol had them.
    fn take_batch(&mut self, line: &[u8]) -> Taken {
        let inside = line.strip_prefix(b"[").unwrap_or(line).trim_ascii_start();
        if !inside.starts_with(b"{") || json::holds_too_many(line) {
            self.state.note_noise(line);
            return Taken::Nothing;
        }
        match serde_json::from_slice::<Vec<&RawValue>>(line) {
            Ok(messages) => self.take_each(line, messages),
            Err(error) => self.take_damaged(inside, &error),
        }
    }

    /// Messages that came at once.
    fn take_each<'m>(
        &mut self,
        line: &[u8],
        messages: impl IntoIterator<Item = &'m RawValue>,
    ) -> Taken {
        // What is read of them waits until all are passed on.
        match self.state.process().charge(parsed_size(line)) {
            Ok(charge) => self.several = Some(charge),
            Err(over) => {
                self.state
                    .note_stray(format!("wrote several messages in one line: {over}"));
                return Taken::Nothing;
            }
        }
        for (position, message) in messages.into_iter().enumerate() {
            if position >= MAX_MESSAGES {
                self.state.note_stray(format!(
                    "wrote more than {MAX_MESSAGES} messages in one line, of which the others are not read"
                ));
                break;
            }
            let taken = match message.get().as_bytes() {
                object @ [b'{', ..] => match Envelope::read(object) {
                    Ok(envelope) => self.take_envelope(object, &envelope),
                    Err(error) => self.take_damaged(object, &error),
                },
                other => {
                    self.state.note_noise(other);
                    Taken::Nothing
                }
            };
            match self.refuse_waiting(taken) {
                Taken::Message(message) => self.ready.push_back(message),
                Taken::Nothing | Taken::Wait(_) => {}
                Taken::End => return Taken::End,
            }
        }
        self.ready
            .pop_front()
            .map_or(Taken::Nothing, Taken::Message)
    }

    /// Text that is not a message, unless it is one behind what a program printed without a
    /// line end.
    fn take_prose(&mut self, line: &[u8]) -> Taken {
        let head = line.get(..MAX_PROSE_BYTES).unwrap_or(line);
        let start = head
            .windows(MESSAGE_START.len())
            .position(|window| window == MESSAGE_START);
        if let Some(message) = start.and_then(|at| line.get(at..))
            && let Some(Ok(message)) = serde_json::Deserializer::from_slice(message)
                .into_iter::<&RawValue>()
                .next()
            && let message = message.get().as_bytes()
            && let Ok(envelope) = Envelope::read(message)
            && envelope.method.is_none()
            && let Some(id) = envelope.id.and_then(|id| number(id.get()))
            && self.state.reading(id).is_some()
        {
            return self.take_envelope(message, &envelope);
        }
        self.state.note_noise(line);
        // A message is one line; written with indentation it is many.
        self.is_spread |= line.starts_with(b"\"jsonrpc\"");
        match in_line(line).filter(|_| self.is_spread) {
            Some(id) if self.state.reading(id).is_some() => {
                self.is_spread = false;
                let problem = "it is spread over several lines";
                self.refuse(id, Arrived::Malformed(problem.to_owned()))
            }
            _ => Taken::Nothing,
        }
    }

    fn take_envelope(&mut self, line: &[u8], envelope: &Envelope<'_>) -> Taken {
        self.is_spread = false;
        if envelope.is_progress() {
            if let Some((token, progress)) = envelope.progress() {
                self.state.note_progress(token, &progress);
            }
            return Taken::Nothing;
        }
        if envelope.method.is_some() {
            if envelope.id.is_some_and(|id| id.get().len() > MAX_ID_BYTES) {
                self.state.note_noise(line);
                return Taken::Nothing;
            }
            return self.take_other(line);
        }
        if !envelope.is_answer() || envelope.id.is_none() && envelope.jsonrpc.is_none() {
            // A line of a log, whose `id` or `result` is the program's own.
            self.state.note_noise(line);
            return Taken::Nothing;
        }
        let Some(id) = envelope.id.and_then(|id| number(id.get())) else {
            return self.take_nameless(line, envelope);
        };
        let charged = match self.charge_answer(id, envelope) {
            Charged::Later(room) => return Taken::Wait(room),
            charged => charged,
        };
        let size = u64::try_from(line.len()).unwrap_or(u64::MAX);
        match self.state.addressee(id) {
            Addressee::None => self.stray(id),
            Addressee::Gone => Taken::Nothing,
            Addressee::Open(Reading::Call | Reading::Listing) => {
                let arrived = match charged {
                    Charged::Now(Ok(held)) => self.read_answer(envelope, size, held),
                    Charged::Now(Err(over)) => Arrived::OverBudget(over),
                    _ => Arrived::TooLarge(JsonError::TooMany.to_string()),
                };
                self.pass(id, arrived)
            }
            Addressee::Open(Reading::Typed) => match self.take_other(line) {
                Taken::Nothing => self.give_up_on(UNREADABLE_HANDSHAKE),
                taken => taken,
            },
        }
    }

    /// An answer whose id is missing, or not one of ours.
    fn take_nameless(&mut self, line: &[u8], envelope: &Envelope<'_>) -> Taken {
        if let Some(error) = envelope.error {
            // What a server says of a request that it could not read.
            if !self.state.is_shaking_hands() {
                let words = quoted(&self.state.shown(error.get().as_bytes()));
                self.state.note_stray(format!(
                    "answered with an error that names no request: {words}"
                ));
            }
            return self.take_other(line);
        }
        match self.state.only_open().filter(|_| envelope.id.is_none()) {
            Some(id) => self.refuse(id, Arrived::Malformed("it has no id".to_owned())),
            None => {
                let id = envelope
                    .id
                    .map_or("without an id", |_| "with an id that is not a number");
                self.state.note_stray(format!("answered {id}"));
                Taken::Nothing
            }
        }
    }

    /// Notifications, the server's requests, and answers of the handshake.
    fn take_other(&mut self, line: &[u8]) -> Taken {
        if line.len() <= MAX_OTHER_BYTES
            && parsed_size(line) <= MAX_OTHER_PARSED
            // Through a value: numbers of any size cannot be read into rmcp's untagged types at once.
            && let Ok(value) = json::read::<Value>(line)
            && let Ok(message) = serde_json::from_value(value)
        {
            return Taken::Message(Box::new(message));
        }
        self.state.note_noise(line);
        Taken::Nothing
    }

    /// The answer to a call or a listing, which holds no more values than it may.
    fn read_answer(&self, envelope: &Envelope<'_>, bytes: u64, held: Held) -> Arrived {
        let malformed = |problem: &str| Arrived::Malformed(problem.to_owned());
        match (envelope.result, envelope.error) {
            (Some(content), None) | (None, Some(content)) if is_long(content) => {
                Arrived::Unread(Unread {
                    json: content.get().into(),
                    is_error: envelope.error.is_some(),
                    bytes,
                    held,
                })
            }
            (Some(result), None) => read(result.get(), false, held),
            (None, Some(error)) => match read(error.get(), true, held) {
                Arrived::Malformed(problem) => malformed(&format!(
                    "{problem}: {}",
                    quoted(&self.state.shown(error.get().as_bytes()))
                )),
                arrived => arrived,
            },
            (Some(_), Some(_)) => malformed("it holds both a result and an error"),
            (None, None) => malformed("it holds neither a result nor an error"),
        }
    }
}

/// Whether an answer takes so long to read that the event loop does not.
pub(super) fn is_long(content: &RawValue) -> bool {
    content.get().len() >= LARGE
}

/// What came of a line.
pub(super) enum Taken {
    Message(Box<RxJsonRpcMessage<RoleClient>>),
    /// The process has no room for the answer that the line holds.
    Wait(Room),
    Nothing,
    End,
}

fn bytes_in_words(bytes: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{bytes} bytes")
    }
}
