//! Connections that a guest has opened and sent no request over yet.
//!
//! A guest with sockets connects first and asks later. The connection is checked and opened when it connects, so
//! that it learns then what stands against it, and the request that follows takes it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use url::Url;
use wxmcp_run::Charge;

use super::connect::Stream;

/// Most connections of one run that wait for their request; the oldest is closed for a new one.
pub(super) const MOST_WAITING: usize = 16;

/// How long a connection waits for its request.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Bytes that one is charged with.
pub(super) const CONNECTION: u64 = 64 << 10;

/// The connections of one caller that wait for their requests.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Vec<Kept>>);

struct Kept {
    origin: Origin,
    stream: Stream,
    since: Instant,
    /// Given back with the connection.
    _charge: Charge,
}

/// Where a connection leads, and whether it is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    is_secured: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(url: &Url, is_secured: bool) -> Option<Self> {
        Some(Self {
            is_secured,
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

impl Waiting {
    /// Keeps a connection for the next request to the host and port of this URL.
    pub(super) fn keep(&self, url: &Url, stream: Stream, charge: Charge) {
        let Some(origin) = Origin::of(url, stream.is_secured()) else {
            return;
        };
        let mut kept = self.kept();
        kept.retain(Kept::may_wait);
        if kept.len() >= MOST_WAITING {
            kept.remove(0);
        }
        kept.push(Kept {
            origin,
            stream,
            since: Instant::now(),
            _charge: charge,
        });
    }

    /// A connection to the host and port of this URL that is still open.
    pub(super) fn take(&self, url: &Url, is_secured: bool) -> Option<Stream> {
        let origin = Origin::of(url, is_secured)?;
        let mut kept = self.kept();
        kept.retain(Kept::may_wait);
        loop {
            let at = kept.iter().position(|one| one.origin == origin)?;
            let stream = kept.remove(at).stream;
            if stream.is_quiet() {
                return Some(stream);
            }
        }
    }

    /// Whether nothing has come over the oldest.
    #[cfg(test)]
    pub(super) fn is_first_quiet(&self) -> bool {
        self.kept()
            .first()
            .is_some_and(|kept| kept.stream.is_quiet())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn may_wait(&self) -> bool {
        self.since.elapsed() < LONGEST_WAIT
    }
}
