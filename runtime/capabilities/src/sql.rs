//! Statements over named connections, whatever the database behind them.

mod command;
mod pool;
mod postgres;
mod rows;
mod sqlite;
#[cfg(test)]
mod testing;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wxmcp_run::{
    CallContext, Capability, Held as Charged, Ledger, OverBudget, ToolError, ToolErrorKind,
    Written, size_of,
};

use crate::{ConnectionConfig, ResourceError, read};
use command::Command;
pub use postgres::UrlError;
pub use postgres::fuzzing;
use postgres::{Address, Postgres};
use sqlite::Sqlite;
use wxmcp_catalogue::wording::bounded;
use wxmcp_policy::Grants;
use wxmcp_run::Access;

/// Longest statement, in bytes, and most parameters of one.
const MAX_STATEMENT: usize = 1 << 20;
const MAX_PARAMETERS: usize = 10_000;

/// Copies that a driver makes of parameters: as texts or values, and as they are sent.
const COPIES: u64 = 2;

/// Transactions that one run may hold open at once.
const MAX_TRANSACTIONS: usize = 8;

/// How long the end of a process waits until databases know that statements are cancelled.
const SETTLING: Duration = Duration::from_secs(1);

/// A database that a driver knows.
pub(super) trait Database: Debug + Send + Sync {
    /// Leases a link to it, for reading alone or for writing too. No other use has that link meanwhile.
    ///
    /// # Errors
    ///
    /// When it cannot be reached in time, refuses the login, or all links are in use.
    fn lease(&self, access: Access) -> BoxFuture<'_, Result<Box<dyn Lease>, Failure>>;

    /// Waits until statements that were cancelled have ended, as far as this side can.
    fn settle(&self) -> BoxFuture<'_, ()>;
}

/// A link to a database while one tool uses it. An open transaction ends when the lease is dropped.
pub(super) trait Lease: Debug + Send {
    /// Does something. If the future is dropped before it has ended, the statement is
    /// cancelled in the database, and the lease cannot be used again.
    fn run(&mut self, work: Work) -> BoxFuture<'_, Result<Done, Failure>>;

    /// Returns the link, after everything that this use left on it was removed.
    fn end(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// What is to be done over a lease.
#[derive(Debug)]
pub(super) enum Work {
    Statement(Statement),
    Begin,
    Commit,
    Rollback,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Done {
    /// A transaction was begun or ended.
    Transaction,
    /// JSON of rows, or of what a statement changed.
    Answer(Written),
}

/// One statement with its parameters, to be run.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<Value>,
    /// Whether rows are wanted.
    pub(super) is_query: bool,
    /// Where its answer is charged while it is made.
    pub(super) ledger: Ledger,
    /// What is charged for text and parameters, and for the copies that drivers make of them.
    pub(super) _held: Charged,
}

impl Statement {
    /// The answer of a statement that has no rows.
    pub(super) fn done(&self, answer: &Value) -> Result<Done, Failure> {
        let json = answer.to_string().into_bytes();
        Ok(Done::Answer(Written::charged(json, &self.ledger)?))
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database's own words.
    Database(String),
    /// The database's own words, with its code for them.
    Coded {
        kind: ToolErrorKind,
        message: String,
        /// `SQLSTATE`, five characters.
        code: String,
        /// Where in the statement, in characters from 1.
        position: Option<u32>,
    },
    /// It would write, and may not.
    ReadOnly,
    /// The transaction of another process was cut off, and is not undone yet.
    CutOff,
    /// A limit of ours.
    Limit(String),
    /// The host may not hold the answer.
    OverBudget(OverBudget),
    /// The request makes no sense.
    Invalid(String),
    /// Nothing could allow it.
    Refused(String),
}

impl From<OverBudget> for Failure {
    fn from(over: OverBudget) -> Self {
        Self::OverBudget(over)
    }
}

/// `sql` of `wit/capabilities.wit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    connection: String,
    action: Action,
    transaction: Option<u64>,
    statement: Option<String>,
    /// Not read with the rest: see [`Request::read`].
    #[serde(skip)]
    parameters: Vec<Value>,
}

impl Request {
    /// Whether the grants allow the connection, to read or to write.
    pub(super) fn permit(&self, grants: &Grants) -> Result<(), ToolError> {
        grants.connection(&self.connection).map(drop)
    }

    /// Reads a request. Its parameters stay as they are: `serde_json::from_value` makes
    /// floating-point numbers of some integers beyond 128 bits.
    pub(super) fn read(mut request: Map<String, Value>) -> Result<Self, ToolError> {
        let parameters = match request.remove("parameters") {
            None => Vec::new(),
            Some(Value::Array(parameters)) => parameters,
            Some(_) => {
                return Err(ToolError::new(
                    ToolErrorKind::InvalidCall,
                    "the parameters of a statement are not a list",
                ));
            }
        };
        let request: Self = read(Capability::Sql, request)?;
        Ok(Self {
            parameters,
            ..request
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Query,
    Execute,
    Begin,
    Commit,
    Rollback,
}

/// The transactions of one run; those that are left end with it.
#[derive(Debug, Default)]
pub(crate) struct Held {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    /// Slots in use: open transactions, and those that a statement has taken out for now.
    count: usize,
    transactions: HashMap<u64, Transaction>,
}

#[derive(Debug)]
struct Transaction {
    connection: String,
    lease: Box<dyn Lease>,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock()
    }

    /// A slot for one more transaction.
    fn reserve(&self) -> Result<Slot<'_>, ToolError> {
        let mut open = self.lock();
        if open.count >= MAX_TRANSACTIONS {
            return Err(ToolError::new(
                ToolErrorKind::LimitReached,
                format!("{MAX_TRANSACTIONS} transactions are open: that is the limit"),
            ));
        }
        open.count = open.count.saturating_add(1);
        Ok(Slot { held: self })
    }

    /// Takes out a transaction of that connection with its slot: until it is put back, no other request finds it.
    fn take(&self, connection: &str, id: u64) -> Result<(Slot<'_>, Box<dyn Lease>), ToolError> {
        let mut open = self.lock();
        match open.transactions.remove(&id) {
            Some(found) if found.connection == connection => Ok((Slot { held: self }, found.lease)),
            Some(other) => {
                open.transactions.insert(id, other);
                Err(no_transaction())
            }
            None => Err(no_transaction()),
        }
    }
}

/// A slot for one transaction; free again when it is dropped.
struct Slot<'a> {
    held: &'a Held,
}

impl Slot<'_> {
    fn fill(self, connection: &str, id: Option<u64>, lease: Box<dyn Lease>) -> u64 {
        let connection = connection.to_owned();
        let mut open = self.held.lock();
        let id = id.unwrap_or_else(|| {
            open.last = open.last.saturating_add(1);
            open.last
        });
        let transaction = Transaction { connection, lease };
        open.transactions.insert(id, transaction);
        // The slot now belongs to the transaction; this offsets the decrement in `Drop`.
        open.count = open.count.saturating_add(1);
        id
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut open = self.held.lock();
        open.count = open.count.saturating_sub(1);
    }
}

fn no_transaction() -> ToolError {
    ToolError::new(
        ToolErrorKind::InvalidCall,
        "there is no such transaction: it has ended, or a statement of it is under way",
    )
}

/// The databases of the configuration.
#[derive(Debug)]
pub(super) struct Databases {
    by_name: BTreeMap<String, Box<dyn Database>>,
    timeout: Duration,
}

impl Databases {
    pub(super) fn new(
        connections: &BTreeMap<String, ConnectionConfig>,
        timeout: Duration,
    ) -> Result<Self, ResourceError> {
        let by_name = connections
            .iter()
            .map(|(name, config)| Ok((name.clone(), database(name, config, timeout)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { by_name, timeout })
    }

    pub(super) async fn perform(
        &self,
        request: Request,
        grants: &Grants,
        held: &Held,
        context: &CallContext,
    ) -> Result<Written, ToolError> {
        let name = request.connection.clone();
        let access = grants.connection(&name)?;
        let database = self.by_name.get(&name).ok_or_else(|| {
            ToolError::new(
                ToolErrorKind::NotGranted,
                format!(
                    "there is no connection `{0}`: write `[connections.{0}]` in wxmcp.toml",
                    bounded(&name)
                ),
            )
        })?;
        let as_tool_error = |failure| match failure {
            Failure::ReadOnly if access == Access::ReadOnly => {
                grants.only_reads(Capability::Sql, &name)
            }
            other => other.into_tool_error(&name),
        };
        match (request.action, request.transaction) {
            (Action::Query | Action::Execute, Some(id)) => {
                let work = Work::Statement(statement(request, context).await?);
                let (slot, mut lease) = held.take(&name, id)?;
                let answer = self.run(lease.as_mut(), work).await;
                slot.fill(&name, Some(id), lease);
                written(answer.map_err(as_tool_error)?, context)
            }
            (Action::Query | Action::Execute, None) => {
                let work = Work::Statement(statement(request, context).await?);
                let mut lease = database.lease(access).await.map_err(as_tool_error)?;
                let answer = self.run(lease.as_mut(), work).await;
                lease.end().await;
                written(answer.map_err(as_tool_error)?, context)
            }
            (Action::Begin, _) => {
                let slot = held.reserve()?;
                let mut lease = database.lease(access).await.map_err(as_tool_error)?;
                self.run(lease.as_mut(), Work::Begin)
                    .await
                    .map_err(as_tool_error)?;
                let id = slot.fill(&name, None, lease);
                let json = json!({ "transaction": id }).to_string().into_bytes();
                Ok(Written::charged(json, &context.ledger)?)
            }
            (Action::Commit | Action::Rollback, Some(id)) => {
                let work = match request.action {
                    Action::Commit => Work::Commit,
                    _ => Work::Rollback,
                };
                let (_slot, mut lease) = held.take(&name, id)?;
                let answer = self.run(lease.as_mut(), work).await;
                lease.end().await;
                written(answer.map_err(as_tool_error)?, context)
            }
            (Action::Commit | Action::Rollback, None) => Err(no_transaction()),
        }
    }

    /// Waits a little until databases know which statements were cancelled.
    pub(super) async fn settle(&self) {
        let all = join_all(self.by_name.values().map(|database| database.settle()));
        let _late = tokio::time::timeout(SETTLING, all).await;
    }

    /// Does one thing under the deadline of a call.
    async fn run(&self, lease: &mut dyn Lease, work: Work) -> Result<Done, Failure> {
        match tokio::time::timeout(self.timeout, lease.run(work)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Limit(format!(
                "the statement took longer than {:?}",
                self.timeout
            ))),
        }
    }
}

/// The database behind a URL.
fn database(
    name: &str,
    config: &ConnectionConfig,
    timeout: Duration,
) -> Result<Box<dyn Database>, ResourceError> {
    // Waiting for a link ends before the call does, so that the caller gets the reason.
    let patience = timeout / 2;
    let url = config.url.as_str();
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return Ok(Box::new(Sqlite::new(PathBuf::from(path), patience)));
    }
    let address = Address::parse(url).map_err(|source| ResourceError::Url {
        connection: name.to_owned(),
        source,
    })?;
    let address = address.granting(config.addresses.clone());
    Ok(Box::new(Postgres::new(address, timeout, patience)))
}

/// What a guest gets.
fn written(done: Done, context: &CallContext) -> Result<Written, ToolError> {
    match done {
        Done::Answer(answer) => Ok(answer),
        Done::Transaction => Ok(Written::charged(b"null".to_vec(), &context.ledger)?),
    }
}

async fn statement(request: Request, context: &CallContext) -> Result<Statement, ToolError> {
    let invalid = |message: String| ToolError::new(ToolErrorKind::InvalidCall, message);
    let text = request
        .statement
        .ok_or_else(|| invalid("there is no statement".to_owned()))?;
    if text.len() > MAX_STATEMENT || request.parameters.len() > MAX_PARAMETERS {
        return Err(invalid(format!(
            "a statement has at most {MAX_STATEMENT} bytes and {MAX_PARAMETERS} parameters"
        )));
    }
    match Command::of(&text) {
        Command::Transaction => Err(invalid(
            "a statement does not begin or end transactions: \
             use `transaction()` of the connection, `commit()` and `rollback()`"
                .to_owned(),
        )),
        Command::Copy => Err(ToolError::new(
            ToolErrorKind::NotGranted,
            "COPY moves data past the parameters and limits of a statement: use SELECT or INSERT",
        )),
        Command::Other => {
            let copied = request.parameters.iter().map(size_of);
            let copied = copied.fold(0, u64::saturating_add).saturating_mul(COPIES);
            let ledger = context.ledger.clone();
            let mut held = context.held.clone();
            held.add(ledger.charge_when_free(copied).await?);
            Ok(Statement {
                text,
                parameters: request.parameters,
                is_query: request.action == Action::Query,
                ledger,
                _held: held,
            })
        }
    }
}

impl Failure {
    /// The error that the tool gets.
    fn into_tool_error(self, connection: &str) -> ToolError {
        let words = |message: &str| format!("the connection `{connection}`: {}", bounded(message));
        match self {
            Self::Database(message) => {
                ToolError::new(ToolErrorKind::CapabilityFailed, words(&message))
            }
            Self::Coded {
                kind,
                message,
                code,
                position,
            } => ToolError {
                kind,
                message: format!("{} (SQLSTATE {code})", words(&message)),
                data: Some(json!({"sqlstate": code, "position": position})),
            },
            Self::CutOff => ToolError::new(
                ToolErrorKind::CapabilityFailed,
                words("a transaction was cut off, and cannot be undone"),
            ),
            Self::ReadOnly => ToolError::new(
                ToolErrorKind::NotGranted,
                format!("the connection `{connection}` is read-only"),
            ),
            Self::Limit(message) => ToolError::new(ToolErrorKind::LimitReached, bounded(&message)),
            Self::OverBudget(over) => over.into(),
            Self::Invalid(message) => ToolError::new(ToolErrorKind::InvalidCall, message),
            Self::Refused(message) => ToolError::new(ToolErrorKind::NotGranted, words(&message)),
        }
    }
}
