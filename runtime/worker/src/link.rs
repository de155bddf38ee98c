//! One end of the connection between a worker and its parent: frames that wait to be written.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use wxmcp_run::Held;

/// Bytes that may wait for a slow reader; whoever sends more waits, too.
const MAX_WAITING: usize = 8 << 20;

/// Frames on their way to the other side, in order.
pub(crate) struct Outgoing {
    stream: Arc<UnixStream>,
    queue: Mutex<Queue>,
    /// Told when frames wait, or none will.
    more: Notify,
    /// Told when bytes were written.
    room: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Waiting>,
    /// Bytes of all of them that were not written yet.
    bytes: usize,
    is_closed: bool,
}

struct Waiting {
    frame: Vec<u8>,
    written: usize,
    /// What is charged for it until it is written.
    _held: Held,
}

impl Outgoing {
    pub(crate) fn new(stream: Arc<UnixStream>) -> Self {
        Self {
            stream,
            queue: Mutex::default(),
            more: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Sends a frame: at once if the system takes it, else when it does. What is charged for it is given back then.
    pub(crate) fn send(&self, frame: Vec<u8>, held: Held) {
        let mut queue = self.queue.lock();
        if queue.is_closed {
            return;
        }
        let written = match queue.frames.is_empty() {
            true => self.stream.try_write(&frame).unwrap_or_default(),
            false => 0,
        };
        let left = frame.len().saturating_sub(written);
        if left == 0 {
            return;
        }
        queue.bytes = queue.bytes.saturating_add(left);
        queue.frames.push_back(Waiting {
            frame,
            written,
            _held: held,
        });
        drop(queue);
        self.more.notify_one();
    }

    /// The same, but waits while too much waits already.
    pub(crate) async fn send_when_room(&self, frame: Vec<u8>, held: Held) {
        loop {
            let room = self.room.notified();
            {
                let queue = self.queue.lock();
                if queue.bytes < MAX_WAITING || queue.is_closed {
                    break;
                }
            }
            room.await;
        }
        self.send(frame, held);
    }

    /// Writes what waits, until the end is closed or the connection fails.
    pub(crate) async fn write(&self) {
        loop {
            let more = self.more.notified();
            let is_empty = {
                let queue = self.queue.lock();
                if queue.is_closed {
                    return;
                }
                queue.frames.is_empty()
            };
            if is_empty {
                more.await;
                continue;
            }
            if self.stream.writable().await.is_err() || !self.write_some() {
                self.close();
                return;
            }
        }
    }

    /// Writes as much as the system takes; whether the connection is still there.
    fn write_some(&self) -> bool {
        let mut queue = self.queue.lock();
        let Queue { frames, bytes, .. } = &mut *queue;
        while let Some(first) = frames.front_mut() {
            let rest = first.frame.get(first.written..).unwrap_or_default();
            match self.stream.try_write(rest) {
                Ok(written) => {
                    first.written = first.written.saturating_add(written);
                    *bytes = bytes.saturating_sub(written);
                    if first.written >= first.frame.len() {
                        frames.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        drop(queue);
        self.room.notify_waiters();
        true
    }

    /// Forgets what waits, and sends nothing more.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        queue.bytes = 0;
        let forgotten = std::mem::take(&mut queue.frames);
        drop(queue);
        // Their charges wake others.
        drop(forgotten);
        self.more.notify_one();
        self.room.notify_waiters();
    }
}
