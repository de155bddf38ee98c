//! A run on its way to a worker.

use std::sync::Arc;

use wxmcp_run::{
    BoxFuture, CompiledComponent, Ledger, Limits, Observer, RecordingFile, Run, RunError, RunId,
    ToRecord, ToolHost,
};

use crate::frame::frame;
use crate::message::{Begin, Record, ToWorker};

/// A run that is to be carried out, and its message.
pub(crate) struct Load {
    pub(crate) id: RunId,
    pub(crate) limits: Limits,
    pub(crate) ledger: Ledger,
    pub(crate) tools: Arc<dyn ToolHost>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) cancel: BoxFuture<'static, ()>,
    pub(crate) message: Vec<u8>,
    /// Takes its recording, if it is recorded.
    pub(crate) recording: Option<Arc<dyn RecordingFile>>,
}

impl Load {
    /// A run, in a session or alone, of an interpreter or of a component. In the later runs of a session neither a tool file
    /// nor a component is sent again.
    ///
    /// # Errors
    ///
    /// When it asks for what a worker cannot have, or is too long.
    pub(crate) fn new(
        run: Run,
        session: Option<u64>,
        component: Option<&CompiledComponent>,
        (is_later, record): (bool, Option<&ToRecord>),
    ) -> Result<Self, RunError> {
        let begin = Begin {
            record: record.map(|how| Record {
                guest: how.guest.clone(),
                allows_secrets: how.allows_secrets,
            }),
            ..Begin::of(&run, session, component, is_later)?
        };
        let message = frame(run.id.bits(), &ToWorker::Begin(Box::new(begin)));
        Ok(Self {
            id: run.id,
            message: message.map_err(|error| RunError::Engine(error.into()))?,
            limits: run.limits,
            ledger: run.ledger,
            tools: run.tools,
            observer: run.observer,
            cancel: run.cancel,
            recording: record.map(|how| Arc::clone(&how.file)),
        })
    }
}
