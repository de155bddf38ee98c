//! The way from the parent to one of its workers.

use std::sync::Arc;

use serde::Serialize;
use tokio::net::UnixStream;
use wxmcp_run::{Held, RunId};

use crate::frame::{TooLong, frame};
use crate::link::Outgoing;
use crate::message::ToWorker;

/// The way to a worker.
pub(crate) struct Line(Outgoing);

impl Line {
    pub(crate) fn new(stream: Arc<UnixStream>) -> Self {
        Self(Outgoing::new(stream))
    }

    /// Sends a short message, whatever waits already.
    pub(crate) fn tell(&self, run: RunId, message: &ToWorker) {
        self.send_now(run.bits(), message);
    }

    /// Sends a message, with what is charged for it until it is written, when there is room.
    ///
    /// # Errors
    ///
    /// When it is too long.
    pub(crate) async fn send<M: Serialize>(
        &self,
        run: RunId,
        message: &M,
        held: Held,
    ) -> Result<(), TooLong> {
        let frame = frame(run.bits(), message)?;
        self.0.send_when_room(frame, held).await;
        Ok(())
    }

    /// Sends what was made by [`frame`], when there is room.
    pub(crate) async fn send_frame(&self, frame: Vec<u8>) {
        self.0.send_when_room(frame, Held::default()).await;
    }

    /// Says that a session is not used any more.
    pub(crate) fn end_session(&self, session: u64) {
        self.send_now(0, &ToWorker::EndSession(session));
    }

    /// Writes what waits, until the line is closed or the connection fails.
    pub(crate) async fn write(&self) {
        self.0.write().await;
    }

    /// Forgets what waits, and sends nothing more.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    fn send_now(&self, run: u128, message: &ToWorker) {
        // Short messages are not too long.
        if let Ok(frame) = frame(run, message) {
            self.0.send(frame, Held::default());
        }
    }
}
