//! Work on large messages, which leaves the event loop: deadlines and other runs would wait for it.

use tokio::task::spawn_blocking;
use wxmcp_run::{ToolError, ToolErrorKind};

/// Bytes of JSON that are read or written in about 2 ms. Less is not worth the way to another thread.
pub(crate) const LARGE: usize = 256 << 10;

/// Does `work` here, or on another thread if it is work on `bytes` that are many. A thread whose result is no
/// longer waited for ends its work: what that holds must be charged by what `work` owns.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    if bytes < LARGE {
        return work();
    }
    spawn_blocking(work).await.unwrap_or_else(|_| {
        let message = "the message could not be read: its thread ended";
        Err(ToolError::new(ToolErrorKind::InvalidCall, message))
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn only_work_on_much_leaves_the_thread() -> Result<(), ToolError> {
        let here = thread::current().id();
        let place = || Ok(thread::current().id());
        assert_eq!(aside(LARGE - 1, place).await?, here);
        assert_ne!(aside(LARGE, place).await?, here);
        Ok(())
    }
}
