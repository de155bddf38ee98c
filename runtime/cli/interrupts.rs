//! What Ctrl-C does besides ending a run.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag::{register, register_conditional_default};

/// Interrupts of a command. The event loop hears them while there is a run; afterwards they end the process,
/// as they do where nothing listens.
pub(crate) struct Interrupts {
    heard: Arc<AtomicBool>,
    end_the_process: Arc<AtomicBool>,
}

impl Interrupts {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupts = Self {
            heard: Arc::default(),
            end_the_process: Arc::default(),
        };
        register(SIGINT, Arc::clone(&interrupts.heard))?;
        register_conditional_default(SIGINT, Arc::clone(&interrupts.end_the_process))?;
        Ok(interrupts)
    }

    /// From now on an interrupt ends the process. Answers whether there was one before, so that none is lost
    /// between the end of the run and this.
    pub(crate) fn end_the_process(&self) -> bool {
        self.end_the_process.store(true, Ordering::SeqCst);
        self.heard.load(Ordering::SeqCst)
    }
}
