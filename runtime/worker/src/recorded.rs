//! What comes of a recording from a worker, as the parent takes it: bytes, which it hands on and does not read.

use wxmcp_run::RecordingFile;

use crate::breach::Breach;
use crate::message::Recorded;

/// Most bytes of a recording that come at once.
pub(crate) const MAX_RECORDED: usize = 256 << 10;

/// Bytes of words that say why there is no more.
pub(crate) const MAX_WORDS: usize = 1 << 10;

impl Recorded {
    /// Hands it to whoever keeps it, who bounds how much there is of it in all; none if nothing is to be recorded.
    ///
    /// # Errors
    ///
    /// What the worker may not send.
    pub(crate) fn hand_to(self, file: Option<&dyn RecordingFile>) -> Result<(), Breach> {
        let file = file.ok_or(Breach::NotRecorded)?;
        match self {
            Self::More(bytes) | Self::Ending(bytes) if bytes.0.len() > MAX_RECORDED => {
                Err(Breach::TooLongRecording)
            }
            Self::GaveUp(why) if why.len() > MAX_WORDS => Err(Breach::TooLongRecording),
            Self::More(bytes) => {
                // One that takes no more says so to whoever reads it.
                let _is_full = file.append(&bytes.0);
                Ok(())
            }
            Self::Ending(bytes) => {
                file.run_ended(&bytes.0);
                Ok(())
            }
            Self::GaveUp(why) => {
                file.gave_up(&why);
                Ok(())
            }
        }
    }
}
