//! Statements over named connections.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use wxmcp_sandbox::{ToolError, ToolErrorKind};

use super::sqlite::{Link, Sqlite};
use super::{ConnectionConfig, ResourceError};
use crate::tree::{Reach, ToolGrants};
use crate::wording::bounded;

/// Most rows of one answer.
pub(super) const MAX_ROWS: usize = 100_000;

/// Most bytes of one answer, as JSON.
pub(super) const MAX_ANSWER: usize = 32 << 20;

/// Longest statement, in bytes, and most parameters of one.
const MAX_STATEMENT: usize = 1 << 20;
const MAX_PARAMETERS: usize = 10_000;

/// Transactions that one run may hold open at once.
const MAX_TRANSACTIONS: usize = 8;

/// `sql` of `wit/capabilities.wit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    connection: String,
    action: Action,
    transaction: Option<u64>,
    statement: Option<String>,
    #[serde(default)]
    parameters: Vec<Value>,
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

/// One statement with its parameters, to be run.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<Value>,
    /// Whether rows are wanted.
    pub(super) is_query: bool,
}

/// The transactions of one run; those that are left end with it.
#[derive(Debug, Default)]
pub(crate) struct Held {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    links: HashMap<u64, Transaction>,
}

#[derive(Debug)]
struct Transaction {
    connection: String,
    link: Link,
}

impl Held {
    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, connection: &str, id: u64) -> Result<Link, ToolError> {
        let mut open = self.lock();
        match open.links.remove(&id) {
            Some(found) if found.connection == connection => Ok(found.link),
            Some(other) => {
                open.links.insert(id, other);
                Err(no_transaction())
            }
            None => Err(no_transaction()),
        }
    }

    fn put(&self, connection: &str, id: u64, link: Link) {
        let connection = connection.to_owned();
        let transaction = Transaction { connection, link };
        self.lock().links.insert(id, transaction);
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
    by_name: BTreeMap<String, Arc<Sqlite>>,
    timeout: Duration,
}

impl Databases {
    pub(super) fn new(
        connections: &BTreeMap<String, ConnectionConfig>,
        timeout: Duration,
    ) -> Result<Self, ResourceError> {
        let by_name = connections
            .iter()
            .map(|(name, config)| {
                let path = config
                    .url
                    .strip_prefix("sqlite:")
                    .ok_or_else(|| ResourceError::Url(name.clone()))?;
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok((name.clone(), Arc::new(Sqlite::new(PathBuf::from(path)))))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { by_name, timeout })
    }

    pub(super) async fn perform(
        &self,
        request: Request,
        grants: &ToolGrants,
        held: &Held,
    ) -> Result<Vec<u8>, ToolError> {
        let name = request.connection.clone();
        let reach = grants.connection(&name)?;
        let Some(database) = self.by_name.get(&name) else {
            return Err(ToolError::new(
                ToolErrorKind::NotGranted,
                format!(
                    "there is no connection `{0}`: write `[connections.{0}]` in wxmcp.toml",
                    bounded(&name)
                ),
            ));
        };
        let run = async |link, statement| {
            let (link, answer) = self.run(database, link, statement).await;
            let answer = answer.map_err(|failure| told(&name, failure, reach, grants));
            (link, answer)
        };
        match (request.action, request.transaction) {
            (Action::Query | Action::Execute, transaction) => {
                let statement = statement(request)?;
                let link = match transaction {
                    Some(id) => held.take(&name, id)?,
                    None => database.link(reach).await.map_err(failed(&name))?,
                };
                let (link, answer) = run(link, statement).await;
                match (link, transaction) {
                    (Some(link), Some(id)) => held.put(&name, id, link),
                    (Some(link), None) => database.give_back(link),
                    (None, _) => {}
                }
                answer
            }
            (Action::Begin, _) => {
                if held.lock().links.len() >= MAX_TRANSACTIONS {
                    return Err(ToolError::new(
                        ToolErrorKind::LimitReached,
                        format!("{MAX_TRANSACTIONS} transactions are open: that is the limit"),
                    ));
                }
                let begin = match reach {
                    Reach::Read => "BEGIN",
                    Reach::Write => "BEGIN IMMEDIATE",
                };
                let link = database.link(reach).await.map_err(failed(&name))?;
                let (link, answer) = run(link, plain(begin)).await;
                answer?;
                let id = {
                    let mut open = held.lock();
                    open.last = open.last.saturating_add(1);
                    open.last
                };
                if let Some(link) = link {
                    held.put(&name, id, link);
                }
                Ok(format!("{{\"transaction\":{id}}}").into_bytes())
            }
            (Action::Commit | Action::Rollback, Some(id)) => {
                let end = match request.action {
                    Action::Commit => "COMMIT",
                    _ => "ROLLBACK",
                };
                let link = held.take(&name, id)?;
                let (link, answer) = run(link, plain(end)).await;
                if let Some(link) = link {
                    database.give_back(link);
                }
                answer
            }
            (Action::Commit | Action::Rollback, None) => Err(no_transaction()),
        }
    }

    /// Runs a statement where it may block, under the deadline of a call. The link is
    /// gone if it did not come back.
    async fn run(
        &self,
        database: &Sqlite,
        link: Link,
        statement: Statement,
    ) -> (Option<Link>, Result<Vec<u8>, Failure>) {
        match tokio::time::timeout(self.timeout, database.run(link, statement)).await {
            Ok((link, answer)) => (link, answer),
            // Dropped, it interrupts the database.
            Err(_) => (
                None,
                Err(Failure::Limit(format!(
                    "the statement took longer than {:?}",
                    self.timeout
                ))),
            ),
        }
    }
}

fn plain(text: &str) -> Statement {
    Statement {
        text: text.to_owned(),
        parameters: Vec::new(),
        is_query: false,
    }
}

fn statement(request: Request) -> Result<Statement, ToolError> {
    let invalid = |message: String| ToolError::new(ToolErrorKind::InvalidCall, message);
    let text = request
        .statement
        .ok_or_else(|| invalid("there is no statement".to_owned()))?;
    if text.len() > MAX_STATEMENT || request.parameters.len() > MAX_PARAMETERS {
        return Err(invalid(format!(
            "a statement has at most {MAX_STATEMENT} bytes and {MAX_PARAMETERS} parameters"
        )));
    }
    Ok(Statement {
        text,
        parameters: request.parameters,
        is_query: request.action == Action::Query,
    })
}

/// Why a statement has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database's own words.
    Database(String),
    /// It would write, and may not.
    ReadOnly,
    /// A limit of ours.
    Limit(String),
    /// The request makes no sense.
    Invalid(String),
}

fn failed(name: &str) -> impl Fn(Failure) -> ToolError {
    move |failure| match failure {
        Failure::Database(message) => ToolError::new(
            ToolErrorKind::CapabilityFailed,
            format!("the connection `{name}`: {}", bounded(&message)),
        ),
        Failure::ReadOnly => ToolError::new(
            ToolErrorKind::NotGranted,
            format!("the connection `{name}` is read-only"),
        ),
        Failure::Limit(message) => ToolError::new(ToolErrorKind::LimitReached, message),
        Failure::Invalid(message) => ToolError::new(ToolErrorKind::InvalidCall, message),
    }
}

fn told(name: &str, failure: Failure, reach: Reach, grants: &ToolGrants) -> ToolError {
    match failure {
        Failure::ReadOnly if reach == Reach::Read => grants.only_reads("sql", name),
        other => failed(name)(other),
    }
}
