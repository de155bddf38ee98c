//! PostgreSQL.
//!
//! Reading is the database's own doing: what a tool that may only read asks for runs in a
//! transaction that is read-only and has begun to read, which no statement turns into another,
//! and which is always rolled back. A login that could access the server's files or
//! programs is refused, since no transaction limits those.

mod address;
mod answers;
mod exchange;
pub mod fuzzing;
mod login;
mod parameters;
#[cfg(test)]
mod tests;
mod tls;
mod types;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use wxmcp_run::{OverBudget, ToolErrorKind};

pub(super) use address::Address;
pub use address::UrlError;
use exchange::{Exchange, Status};
use login::{Greeted, Key, LoginError, log_in};
use types::Types;
use wire::{Complaint, Lost};

use super::pool::{LinkPermit, Pool};
use super::{Database, Done, Failure, Lease, Work};
use wxmcp_run::Access;

/// How long a login may take, whatever a call may.
const LOGIN: Duration = Duration::from_secs(10);

/// How long the end of one use may take; a link that needs longer is closed.
const RESET: Duration = Duration::from_secs(5);

/// Begins a transaction that reads. Once it has read something the server refuses to make
/// it one that writes.
const BEGIN_READING: &str = "BEGIN TRANSACTION READ ONLY; SELECT 1";

/// Roles with access to more than a database: a login that has one of them, or may take it, could run
/// programs, read and write files, or end the sessions of others with a statement that only reads.
const BEYOND: &str = "SELECT r.rolname FROM pg_catalog.pg_roles r \
    WHERE (r.rolsuper OR r.rolname IN ('pg_execute_server_program', \
    'pg_read_server_files', 'pg_write_server_files', 'pg_signal_backend')) \
    AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') \
    ORDER BY r.rolsuper DESC LIMIT 1";

/// A database of a PostgreSQL server.
#[derive(Debug)]
pub(super) struct Postgres(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    address: Address,
    /// The statement that sets up a link before each use.
    settings: Settings,
    patience: Duration,
    pool: Pool<Link>,
    types: Mutex<Types>,
    /// Cancellations on their way.
    cancelling: Mutex<JoinSet<()>>,
}

/// Settings of a lease that answers depend on.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// How long a statement may run. The server enforces it, so it holds even when this process is gone and
    /// cannot cancel the statement.
    timeout: Duration,
}

impl Settings {
    fn statement(self, version: u32) -> String {
        let timeout = self.timeout.as_millis().clamp(1, 2_147_483_647);
        let mut text = format!(
            "SET DateStyle TO ISO; SET IntervalStyle TO iso_8601; SET TimeZone TO 'UTC'; \
             SET bytea_output TO hex; SET extra_float_digits TO 1; \
             SET client_encoding TO 'UTF8'; SET statement_timeout TO {timeout}"
        );
        if version >= 14 {
            // A server that computes then notices that the client has gone.
            text.push_str("; SET client_connection_check_interval TO 1000");
        }
        text
    }
}

impl Postgres {
    /// A database that statements of that time are sent to; `patience` is how long
    /// a link to it is waited for.
    pub(super) fn new(address: Address, timeout: Duration, patience: Duration) -> Self {
        Self(Arc::new(Shared {
            address,
            settings: Settings { timeout },
            patience,
            pool: Pool::new(),
            types: Mutex::default(),
            cancelling: Mutex::default(),
        }))
    }
}

impl Database for Postgres {
    fn lease(&self, access: Access) -> BoxFuture<'_, Result<Box<dyn Lease>, Failure>> {
        Box::pin(async move {
            let shared = &self.0;
            let (permit, idle) = shared.pool.take(shared.patience).await?;
            // Other pooled connections may be dead too; each call checks the one it takes.
            let alive = idle.and_then(|mut link| link.exchange.is_alive().then_some(link));
            let link = match alive {
                Some(link) => link,
                None => shared.open().await?,
            };
            let lease: Box<dyn Lease> = Box::new(LinkLease {
                shared: Arc::clone(shared),
                link: Some(link),
                access,
                is_transaction: false,
                permit,
            });
            Ok(lease)
        })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let mut cancelling = std::mem::take(&mut *self.0.cancelling());
            while cancelling.join_next().await.is_some() {}
        })
    }
}

impl Shared {
    /// A new link, ready for use.
    async fn open(&self) -> Result<Link, Failure> {
        let deadline = self.patience.min(LOGIN);
        match tokio::time::timeout(deadline, self.log_in()).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::Database(format!(
                "the server did not answer a login within {deadline:?}"
            ))),
        }
    }

    async fn log_in(&self) -> Result<Link, Failure> {
        let Greeted { wire, key, version } =
            log_in(&self.address).await.map_err(Self::not_logged_in)?;
        let mut exchange = Exchange::new(wire);
        let mut beyond = exchange
            .simple(&[BEYOND, &self.settings.statement(version)])
            .await
            .map_err(|trouble| self.failure(trouble))?;
        if let Some([Some(role)]) = beyond.pop().as_deref() {
            return Err(Failure::Refused(format!(
                "its login has the role `{role}`, with which statements access files, programs or \
                 other users of the server: give it a role that does not"
            )));
        }
        Ok(Link {
            exchange,
            key,
            version,
        })
    }

    fn not_logged_in(error: LoginError) -> Failure {
        let message = error.to_string();
        match error {
            LoginError::Refused(complaint) => Failure::Coded {
                kind: ToolErrorKind::CapabilityFailed,
                message,
                code: complaint.code,
                position: None,
            },
            LoginError::NotGranted(_) => Failure::Refused(message),
            _ => Failure::Database(message),
        }
    }

    /// The failure that the tool gets.
    fn failure(&self, trouble: Trouble) -> Failure {
        match trouble {
            Trouble::Complaint { complaint, kind } => self.complaint(complaint, kind),
            Trouble::Lost(Lost::OverBudget(over)) => over.into(),
            Trouble::Lost(Lost::TooLarge) => Failure::Limit(Lost::TooLarge.to_string()),
            Trouble::Lost(lost) => Failure::Database(lost.to_string()),
            Trouble::Failure(failure) => failure,
        }
    }

    fn complaint(&self, complaint: Complaint, kind: ToolErrorKind) -> Failure {
        match complaint.code.as_str() {
            // read_only_sql_transaction
            "25006" => Failure::ReadOnly,
            // query_canceled
            "57014" => Failure::Limit(complaint.words),
            _ => Failure::Coded {
                kind,
                message: complaint.words,
                code: complaint.code,
                position: complaint.position,
            },
        }
    }

    fn cancelling(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.cancelling.lock()
    }

    /// Asks the server to end the statement that runs on a link.
    fn cancel(self: &Arc<Self>, key: Key, permit: LinkPermit) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let shared = Arc::clone(self);
        let mut cancelling = self.cancelling();
        while cancelling.try_join_next().is_some() {}
        cancelling.spawn_on(
            async move {
                login::cancel(&shared.address, key).await;
                drop(permit);
            },
            &runtime,
        );
    }
}

/// A link to the server.
#[derive(Debug)]
struct Link {
    exchange: Exchange,
    key: Key,
    version: u32,
}

impl Link {
    fn is_in_order(&self) -> bool {
        !self.exchange.is_busy() && !self.exchange.is_gone()
    }
}

/// What went wrong while a server was talked to.
#[derive(Debug)]
enum Trouble {
    /// The server says so.
    Complaint {
        complaint: Complaint,
        kind: ToolErrorKind,
    },
    /// The connection is lost.
    Lost(Lost),
    /// We say so.
    Failure(Failure),
}

impl From<Lost> for Trouble {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<OverBudget> for Trouble {
    fn from(over: OverBudget) -> Self {
        Self::Failure(over.into())
    }
}

impl From<Complaint> for Trouble {
    fn from(complaint: Complaint) -> Self {
        Self::Complaint {
            complaint,
            kind: ToolErrorKind::CapabilityFailed,
        }
    }
}

/// One use of a link.
#[derive(Debug)]
struct LinkLease {
    shared: Arc<Shared>,
    link: Option<Link>,
    access: Access,
    is_transaction: bool,
    permit: LinkPermit,
}

impl Lease for LinkLease {
    fn run(&mut self, work: Work) -> BoxFuture<'_, Result<Done, Failure>> {
        Box::pin(async move {
            let link = self.link.take().ok_or_else(lost)?;
            let mut active = Active {
                shared: Arc::clone(&self.shared),
                link: Some(link),
                permit: self.permit.clone(),
            };
            let answer = match &mut active.link {
                Some(link) => self.perform(link, work).await,
                None => Err(lost().into()),
            };
            self.link = active.link.take_if(|link| link.is_in_order());
            answer.map_err(|trouble| self.shared.failure(trouble))
        })
    }

    /// Removes whatever the use left on the link: its transaction, settings, temporary tables,
    /// prepared statements, locks, channels.
    fn end(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Some(mut link) = self.link.take() else {
                return;
            };
            let settings = self.shared.settings.statement(link.version);
            let reset: &[&str] = match link.exchange.status() {
                Status::Idle => &["DISCARD ALL", &settings],
                _ => &["ROLLBACK", "DISCARD ALL", &settings],
            };
            let done = tokio::time::timeout(RESET, link.exchange.simple(reset)).await;
            if matches!(done, Ok(Ok(_))) {
                link.exchange.trim();
                self.shared.pool.keep(link);
            }
        })
    }
}

impl LinkLease {
    async fn perform(&mut self, link: &mut Link, work: Work) -> Result<Done, Trouble> {
        let exchange = &mut link.exchange;
        match work {
            Work::Statement(statement) => {
                if self.access == Access::ReadOnly && !self.is_transaction {
                    begin(exchange, BEGIN_READING).await?;
                }
                let expected = match (self.access, self.is_transaction) {
                    (Access::ReadWrite, false) => Status::Idle,
                    _ => Status::Transaction,
                };
                exchange
                    .statement(&statement, &self.shared.types, expected)
                    .await
            }
            Work::Begin => {
                self.is_transaction = true;
                let text = match self.access {
                    Access::ReadOnly => BEGIN_READING,
                    Access::ReadWrite => "BEGIN",
                };
                begin(exchange, text).await?;
                Ok(Done::Transaction)
            }
            // Otherwise the database would roll it back and report no error.
            Work::Commit if exchange.status() == Status::Failed => Err(Failure::Invalid(
                "a statement of the transaction failed: it can only be rolled back".to_owned(),
            )
            .into()),
            Work::Commit if self.access == Access::ReadWrite => {
                exchange.simple(&["COMMIT"]).await?;
                Ok(Done::Transaction)
            }
            Work::Commit | Work::Rollback => {
                exchange.simple(&["ROLLBACK"]).await?;
                Ok(Done::Transaction)
            }
        }
    }
}

/// A link while something is under way on it.
struct Active {
    shared: Arc<Shared>,
    link: Option<Link>,
    permit: LinkPermit,
}

impl Drop for Active {
    fn drop(&mut self) {
        // Closing it is enough for a server that waits, but not for one that computes.
        if let Some(link) = self.link.take()
            && link.exchange.is_busy()
        {
            self.shared.cancel(link.key, self.permit.clone());
        }
    }
}

async fn begin(exchange: &mut Exchange, text: &str) -> Result<(), Trouble> {
    exchange.simple(&[text]).await?;
    match exchange.status() {
        Status::Transaction => Ok(()),
        _ => Err(Lost::Protocol.into()),
    }
}

fn lost() -> Failure {
    Failure::Database(
        "the link to the server is gone, and what it had not committed with it".to_owned(),
    )
}
