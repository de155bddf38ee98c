//! How long a call is waited for.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use wxmcp_catalogue::wording::quoted;

/// How often over a call may take the time that it is given, however much progress its server
/// reports.
const MOST: u32 = 10;

/// The time that a call is given. It begins anew whenever the server reports progress.
#[derive(Debug)]
pub(crate) struct CallDeadline {
    started: Instant,
    given: Duration,
}

/// A call whose time is up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// The server did not read the call.
    Unread,
    /// The server reported no progress.
    Silent,
    /// The server reported progress, and then did not answer.
    Stalled,
    /// The server reported progress to the end of all the time that a call may take.
    Endless,
}

impl CallDeadline {
    /// Begins now.
    pub(crate) fn of(given: Duration) -> Self {
        Self {
            started: Instant::now(),
            given,
        }
    }

    /// Waits for an answer; `progressed` says when the server last reported progress. Only the
    /// last report counts, so that many of them cost nothing.
    pub(crate) async fn wait<T>(
        &self,
        answer: impl Future<Output = T>,
        progressed: impl Fn() -> Option<Instant>,
    ) -> Result<T, Late> {
        tokio::pin!(answer);
        let mut until = self.started + self.given;
        loop {
            if let Ok(answer) = timeout_at(until, &mut answer).await {
                return Ok(answer);
            }
            until = self.extended(until, progressed())?;
        }
    }

    /// Until when a call is waited for that was not answered `until` now.
    fn extended(&self, until: Instant, progressed: Option<Instant>) -> Result<Instant, Late> {
        let latest = self.started + self.given.saturating_mul(MOST);
        let last = progressed.ok_or(Late::Silent)?;
        match latest.min(last + self.given) {
            next if next > until => Ok(next),
            _ if until == latest => Err(Late::Endless),
            _ => Err(Late::Stalled),
        }
    }
}

impl Late {
    /// What happened to a call of `tool` at `server`, which was given that time.
    pub(crate) fn words(&self, server: &str, tool: &str, given: Duration) -> String {
        let tool = quoted(tool);
        match self {
            Self::Unread => format!(
                "`{server}` does not read its standard input: the call of {tool} could not be sent within {given:?}"
            ),
            Self::Silent => format!("`{server}` did not answer {tool} within {given:?}"),
            Self::Stalled => format!(
                "`{server}` did not answer {tool} within {given:?} of the last progress that it reported"
            ),
            Self::Endless => format!(
                "`{server}` reported progress, but did not answer {tool} within {:?}: \
                 progress extends a call to ten times `call-timeout`, which is {given:?}",
                given.saturating_mul(MOST)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a call is given up that is never answered, in seconds, while its server reports
    /// progress at these times.
    fn given_up(reports: &[u64]) -> (Late, u64) {
        let deadline = CallDeadline::of(Duration::from_secs(2));
        let at = |seconds: u64| deadline.started + Duration::from_secs(seconds);
        let mut until = at(2);
        loop {
            let past = reports.iter().map(|seconds| at(*seconds));
            match deadline.extended(until, past.filter(|report| *report <= until).max()) {
                Ok(next) => until = next,
                Err(late) => return (late, (until - deadline.started).as_secs()),
            }
        }
    }

    #[test]
    fn progress_extends_a_call_to_ten_times_its_time() {
        assert_eq!(given_up(&[]), (Late::Silent, 2));
        assert_eq!(given_up(&[3]), (Late::Silent, 2));
        assert_eq!(given_up(&[1]), (Late::Stalled, 3));
        assert_eq!(given_up(&[1, 2, 4, 9]), (Late::Stalled, 6));
        assert_eq!(given_up(&[1, 2, 2, 2, 2]), (Late::Stalled, 4));
        let always: Vec<u64> = (1..100).collect();
        assert_eq!(given_up(&always), (Late::Endless, 20));
        assert_eq!(given_up(&(1..19).collect::<Vec<_>>()), (Late::Endless, 20));
    }
}
