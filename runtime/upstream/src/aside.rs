//! Work on large answers, which leaves the event loop: deadlines and other runs would wait for it.

use tokio::task::spawn_blocking;

/// Bytes of JSON that are read in about 2 ms. Less is not worth the way to another thread.
pub(crate) const LARGE: usize = 256 << 10;

/// Does `work` here, or on another thread if it is work on `bytes` that are many; none if that thread panicked. A thread
/// whose result nobody waits for any more ends its work: what that holds must be charged by what `work` owns.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: u64,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    if usize::try_from(bytes).is_ok_and(|bytes| bytes < LARGE) {
        return Some(work());
    }
    spawn_blocking(work).await.ok()
}
