//! Room in the host for what a server answers: charged before it is kept, and waited for where the process has none.

use tokio::io::{AsyncRead, AsyncWrite};
use wxmcp_catalogue::json;
use wxmcp_run::{Charge, Held, Ledger, OverBudget, parsed_size};

use super::Pipe;
use super::take::{Taken, is_long};
use crate::stdio::arrived::Arrived;
use crate::stdio::frame::Envelope;
use crate::stdio::ids::at_start;
use crate::stdio::lines::Line;
use crate::stdio::pipe_state::{Closed, Reading};

/// A line whose answer the process cannot hold now.
pub(super) struct Waiting {
    pub(super) line: Vec<u8>,
    pub(super) room: Room,
}

/// What an answer needs.
pub(super) struct Room {
    pub(super) id: i64,
    ledger: Ledger,
    bytes: u64,
    closed: Closed,
    pub(super) over: OverBudget,
}

/// What an answer takes is charged now, or has to wait for room.
pub(super) enum Charged {
    /// It holds more values than any answer may.
    TooMany,
    Now(Result<Held, OverBudget>),
    Later(Room),
}

impl Room {
    /// Waits until the process may hold the answer; none if the request is closed meanwhile.
    pub(super) async fn wait(&mut self) -> Option<Result<Charge, OverBudget>> {
        tokio::select! {
            biased;
            () = self.closed.wait() => None,
            charge = self.ledger.charge_when_free(self.bytes) => Some(charge),
        }
    }
}

impl<R, W> Pipe<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    /// Charges a line that becomes long to the run whose call it answers, as far as its start shows that.
    pub(super) fn charge(&mut self, head: &[u8]) -> Taken {
        let id = at_start(head).or_else(|| self.state.only_open());
        let Some((ledger, _)) = id.and_then(|id| self.state.payer(id)) else {
            return Taken::Nothing;
        };
        match self.lines.charge_to(&ledger) {
            Ok(()) => Taken::Nothing,
            Err(over) => {
                self.lines.skip();
                self.take(Line::OverBudget(head.to_owned(), over))
            }
        }
    }

    /// Charges what an answer takes once it is read to the run that made the call, before it is read.
    pub(super) fn charge_answer(&mut self, id: i64, envelope: &Envelope<'_>) -> Charged {
        if let Some(granted) = self.granted.take() {
            return Charged::Now(granted.map(Held::from));
        }
        let waits = matches!(
            self.state.reading(id),
            Some(Reading::Call | Reading::Listing)
        );
        let Some((ledger, closed)) = self.state.payer(id).filter(|_| waits) else {
            return Charged::Now(Ok(Held::default()));
        };
        let content = envelope.result.or(envelope.error);
        // A long one is copied, and read later.
        let copy = content.filter(|content| is_long(content));
        let copy = copy.map_or(0, |content| content.get().len());
        let content = content.map_or(&b""[..], |content| content.get().as_bytes());
        if json::holds_too_many(content) {
            return Charged::TooMany;
        }
        let copy = u64::try_from(copy).unwrap_or(u64::MAX);
        let bytes = parsed_size(content).saturating_add(copy);
        match ledger.charge(bytes) {
            Ok(charge) => Charged::Now(Ok(charge.into())),
            Err(over @ OverBudget::Process { budget, .. }) if bytes <= budget => {
                Charged::Later(Room {
                    id,
                    ledger,
                    bytes,
                    closed,
                    over,
                })
            }
            Err(over) => Charged::Now(Err(over)),
        }
    }

    /// Of several messages in a line none waits.
    pub(super) fn refuse_waiting(&mut self, taken: Taken) -> Taken {
        match taken {
            Taken::Wait(room) => self.refuse(room.id, Arrived::OverBudget(room.over)),
            taken => taken,
        }
    }
}
