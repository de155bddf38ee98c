//! SQLite, embedded.
//!
//! Read-only is the database's own doing: such a link is opened without the right to write,
//! and nothing can be attached to either kind.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Batch, Connection, ErrorCode, InterruptHandle, OpenFlags, Row, params_from_iter};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::pool::{LinkPermit, Pool};
use super::rows::{Cell, MAX_ANSWER, Rows};
use super::{Database, Done, Failure, Lease, Statement, Work};
use wxmcp_catalogue::wording::bounded;
use wxmcp_run::{Access, Charge};

/// How long a statement waits for another program's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Longest pattern of LIKE and GLOB, in bytes: one comparison is not interrupted.
const MAX_PATTERN: i32 = 1_000;

/// Steps of SQLite's machine after which it looks whether its statement was cancelled: less than a millisecond.
const LOOK_AFTER: i32 = 10_000;

/// Memory of all statements of the process together, in bytes: SQLite counts it there. It is charged to each run that
/// has statements under way, since none of them is told what its own takes.
const MAX_HEAP: u64 = 96 << 20;

/// Statements that look at the schema and change nothing.
const PRAGMAS: [&str; 8] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "collation_list",
];

/// What SQLite says to who only reads, where a transaction was cut off: SQLITE_READONLY_RECOVERY
/// and SQLITE_READONLY_ROLLBACK (<https://sqlite.org/rescode.html>).
const CUT_OFF: [i32; 2] = [264, 776];

/// One database file.
#[derive(Debug)]
pub(super) struct Sqlite(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    patience: Duration,
    readers: Pool<Link>,
    writers: Pool<Link>,
}

/// One open link to the database.
#[derive(Debug)]
struct Link {
    connection: Connection,
    /// Whether transactions may be begun and ended: only this driver does.
    may_transact: Arc<AtomicBool>,
    /// Whether its statement was cancelled: the link is of no more use then. An interrupt alone does nothing
    /// to a statement that has not begun.
    cancelled: Arc<Cancelled>,
}

/// Whether nobody waits for a statement any more.
#[derive(Debug, Default)]
struct Cancelled {
    is: AtomicBool,
    told: Notify,
}

impl Cancelled {
    fn cancel(&self) {
        self.is.store(true, Ordering::Relaxed);
        self.told.notify_one();
    }

    fn is(&self) -> bool {
        self.is.load(Ordering::Relaxed)
    }
}

impl Sqlite {
    /// The database in a file, a link to which is waited for so long.
    pub(super) fn new(path: PathBuf, patience: Duration) -> Self {
        Self(Arc::new(Shared {
            path,
            patience,
            readers: Pool::new(),
            writers: Pool::new(),
        }))
    }
}

impl Shared {
    fn pool(&self, access: Access) -> &Pool<Link> {
        match access {
            Access::ReadOnly => &self.readers,
            Access::ReadWrite => &self.writers,
        }
    }
}

impl Database for Sqlite {
    fn lease(&self, access: Access) -> BoxFuture<'_, Result<Box<dyn Lease>, Failure>> {
        Box::pin(async move {
            let shared = &self.0;
            let (permit, idle) = shared.pool(access).take(shared.patience).await?;
            let link = match idle {
                Some(link) => link,
                None => {
                    let (path, permit) = (shared.path.clone(), permit.clone());
                    tokio::task::spawn_blocking(move || {
                        let _in_use = permit;
                        open(&path, access)
                    })
                    .await
                    .map_err(|_| Failure::Database("it could not be opened".to_owned()))??
                }
            };
            let lease: Box<dyn Lease> = Box::new(LinkLease {
                shared: Arc::clone(shared),
                link: Some(link),
                access,
                heap: None,
                permit,
            });
            Ok(lease)
        })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// One use of a link.
#[derive(Debug)]
struct LinkLease {
    shared: Arc<Shared>,
    link: Option<Link>,
    access: Access,
    /// What is charged for SQLite's memory, from the first statement on: tables of a transaction stay in it.
    heap: Option<Arc<Charge>>,
    permit: LinkPermit,
}

impl Lease for LinkLease {
    fn run(&mut self, work: Work) -> BoxFuture<'_, Result<Done, Failure>> {
        Box::pin(async move {
            if let Work::Statement(statement) = &work
                && self.heap.is_none()
            {
                self.heap = Some(heap(statement).await?);
            }
            let Some(link) = self.link.take() else {
                let message = "its last statement was cut off, and the transaction with it";
                return Err(Failure::Database(message.to_owned()));
            };
            let access = self.access;
            let path = self.shared.path.clone();
            let heap = self.heap.clone();
            let interrupt = Interrupt(Some((
                link.connection.get_interrupt_handle(),
                Arc::clone(&link.cancelled),
            )));
            let permit = self.permit.clone();
            let runtime = Handle::current();
            let running = tokio::task::spawn_blocking(move || {
                let _in_use = permit;
                let answer = match link.perform(&work, access, &runtime) {
                    Err(Failure::CutOff) => {
                        recover(&path).and_then(|()| link.perform(&work, access, &runtime))
                    }
                    answer => answer,
                };
                // What is charged for the statement is given back when it has ended, whoever waits for it.
                drop((work, heap));
                (link, answer)
            });
            let ended = running.await;
            interrupt.disarm();
            let (link, answer) =
                ended.map_err(|_| Failure::Database("the statement failed".to_owned()))?;
            self.link = Some(link);
            answer
        })
    }

    /// A link with an open transaction, or with temporary tables, is closed instead.
    fn end(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(link) = self.link.take()
                && link.is_clean()
            {
                self.shared.pool(self.access).keep(link);
            }
        })
    }
}

impl Link {
    fn perform(&self, work: &Work, access: Access, runtime: &Handle) -> Result<Done, Failure> {
        if self.cancelled.is() {
            return Err(interrupted());
        }
        let own = match (work, access) {
            (Work::Statement(statement), _) => return self.execute(statement, runtime),
            (Work::Begin, Access::ReadOnly) => "BEGIN",
            (Work::Begin, Access::ReadWrite) => "BEGIN IMMEDIATE",
            (Work::Commit, _) => "COMMIT",
            (Work::Rollback, _) => "ROLLBACK",
        };
        self.may_transact.store(true, Ordering::Relaxed);
        let done = self.connection.execute_batch(own).map_err(failure);
        self.may_transact.store(false, Ordering::Relaxed);
        done.map(|()| Done::Transaction)
    }

    fn is_clean(&self) -> bool {
        let count = "SELECT count(*) FROM temp.sqlite_schema";
        let temporary = self.connection.query_row(count, [], |row| row.get(0));
        self.connection.is_autocommit() && temporary == Ok(0)
    }
}

/// Undoes the transaction of a process that was killed in the middle of it: who only reads
/// may not, and could not read.
fn recover(path: &Path) -> Result<(), Failure> {
    let link = open(path, Access::ReadWrite)?;
    let count = "SELECT count(*) FROM sqlite_schema";
    link.connection
        .query_row(count, [], |_| Ok(()))
        .map_err(failure)
}

/// Ends a statement when its future is dropped.
struct Interrupt(Option<(InterruptHandle, Arc<Cancelled>)>);

impl Interrupt {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some((handle, cancelled)) = &self.0 {
            cancelled.cancel();
            handle.interrupt();
        }
    }
}

fn open(path: &Path, access: Access) -> Result<Link, Failure> {
    let mode = match access {
        Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    connection.busy_timeout(BUSY).map_err(failure)?;
    let bytes = i32::try_from(MAX_ANSWER).unwrap_or(i32::MAX);
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LENGTH, bytes),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most).map_err(failure)?;
    }
    // Neither the schema of a hostile file nor a statement reaches what is not meant for them.
    for (config, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    ] {
        connection.set_db_config(config, is_on).map_err(failure)?;
    }
    // What does not fit into memory would go into files of no bound.
    connection
        .execute_batch(&format!(
            "PRAGMA temp_store = MEMORY; PRAGMA hard_heap_limit = {MAX_HEAP}"
        ))
        .map_err(failure)?;
    let may_transact = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&may_transact);
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        authorize(context, access, may.load(Ordering::Relaxed))
    }));
    let cancelled = Arc::<Cancelled>::default();
    let has_to_end = Arc::clone(&cancelled);
    let look = move || has_to_end.is();
    connection.progress_handler(LOOK_AFTER, Some(look));
    Ok(Link {
        connection,
        may_transact,
        cancelled,
    })
}

/// What no statement may do, whatever it may write.
fn authorize(context: AuthContext<'_>, access: Access, may_transact: bool) -> Authorization {
    let is_allowed = match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => false,
        AuthAction::Transaction { .. } => may_transact,
        AuthAction::Pragma { pragma_name, .. } => {
            let pragma = pragma_name.to_ascii_lowercase();
            PRAGMAS.contains(&pragma.as_str())
        }
        AuthAction::Function { function_name } => {
            !function_name.eq_ignore_ascii_case("load_extension")
        }
        // The temporary schema can be written whatever the file can.
        AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. } => access == Access::ReadWrite,
        _ => true,
    };
    if is_allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

/// What statements may take of SQLite's memory; none knows its share, so it is charged once for all of the run.
async fn heap(statement: &Statement) -> Result<Arc<Charge>, Failure> {
    // A run that may hold little keeps room for the answer.
    let bytes = MAX_HEAP.min(statement.ledger.budget() / 2);
    Ok(statement.ledger.share(bytes).await?)
}

impl Link {
    fn execute(&self, statement: &Statement, runtime: &Handle) -> Result<Done, Failure> {
        let connection = &self.connection;
        let mut batch = Batch::new(connection, &statement.text);
        let mut prepared = batch
            .next()
            .map_err(failure)?
            .ok_or_else(|| Failure::Invalid("the statement is empty".to_owned()))?;
        if batch.next().map_err(failure)?.is_some() {
            let message = "one statement at a time: use a transaction for several";
            return Err(Failure::Invalid(message.to_owned()));
        }
        let parameters = bound(statement, prepared.parameter_count())?;
        let columns = prepared.columns().into_iter().map(|column| {
            let declared = column.decl_type().map(str::to_lowercase);
            (column.name().to_owned(), declared)
        });
        let mut answer = Rows::new(columns, &statement.ledger)?;
        let before = connection.total_changes();
        let mut rows = prepared
            .query(params_from_iter(parameters))
            .map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            if statement.is_query {
                self.add(&mut answer, row, runtime)?;
            }
        }
        drop(rows);
        if statement.is_query {
            return Ok(Done::Answer(answer.finish()?));
        }
        let changed = connection.total_changes().saturating_sub(before);
        let last = connection.last_insert_rowid();
        statement.done(&json!({"rows_affected": changed, "last_insert_id": last}))
    }

    /// Adds a row, once there is room for it. This thread may block; it goes on when nobody waits for it any more.
    fn add(&self, answer: &mut Rows, row: &Row<'_>, runtime: &Handle) -> Result<(), Failure> {
        loop {
            let added = answer.add(|index, cell| write(cell, row.get_ref(index).map_err(failure)?));
            if added.is_ok() || !answer.must_wait() {
                return added;
            }
            runtime.block_on(async {
                tokio::select! {
                    waited = answer.wait() => waited,
                    () = self.cancelled.told.notified() => Err(interrupted()),
                }
            })?;
        }
    }
}

/// The parameters of a statement that wants so many.
fn bound(statement: &Statement, wanted: usize) -> Result<Vec<Sql>, Failure> {
    let parameters = statement
        .parameters
        .iter()
        .enumerate()
        .map(|(index, value)| {
            parameter(value).map_err(|why| {
                let position = index.saturating_add(1);
                Failure::Invalid(format!("parameter {position} {why}"))
            })
        })
        .collect::<Result<Vec<Sql>, Failure>>()?;
    if wanted != parameters.len() {
        return Err(Failure::Invalid(format!(
            "the statement has {wanted} parameters, and {} were given",
            parameters.len()
        )));
    }
    Ok(parameters)
}

fn write(cell: &mut Cell<'_>, value: ValueRef<'_>) -> Result<(), Failure> {
    match value {
        ValueRef::Null => cell.null(),
        ValueRef::Integer(number) => cell.integer(number),
        ValueRef::Real(number) => cell.real(number),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => cell.text(text),
            // SQLite does not look at what is stored as text.
            Err(_) => cell.bytes(text),
        },
        ValueRef::Blob(bytes) => cell.bytes(bytes),
    }
}

/// A parameter as it is bound, or why it cannot be.
fn parameter(value: &Value) -> Result<Sql, String> {
    Ok(match value {
        Value::Null => Sql::Null,
        Value::Bool(flag) => Sql::Integer(i64::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Sql::Integer(integer),
            (None, Some(real)) if number.is_f64() => Sql::Real(real),
            _ => {
                return Err(format!(
                    "is {}: SQLite holds integers of 64 bits, and floating-point numbers up to 1.8e308",
                    bounded(&number.to_string())
                ));
            }
        },
        Value::String(text) => Sql::Text(text.clone()),
        Value::Object(object) if object.len() == 1 => match object.get("$bytes") {
            Some(Value::String(text)) => match STANDARD.decode(text) {
                Ok(bytes) => Sql::Blob(bytes),
                Err(_) => return Err("has bytes that are no base64".to_owned()),
            },
            _ => Sql::Text(value.to_string()),
        },
        // JSON is text to SQLite, and its JSON functions read it.
        Value::Object(_) | Value::Array(_) => Sql::Text(value.to_string()),
    })
}

fn interrupted() -> Failure {
    Failure::Limit("the statement was interrupted".to_owned())
}

fn failure(error: rusqlite::Error) -> Failure {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) if extended.is_some_and(|code| CUT_OFF.contains(&code)) => {
            Failure::CutOff
        }
        Some(ErrorCode::ReadOnly) => Failure::ReadOnly,
        Some(ErrorCode::OperationInterrupted) => interrupted(),
        _ => Failure::Database(match error {
            // Its other part may hold the path of the file.
            rusqlite::Error::SqliteFailure(error, None) => error.to_string(),
            rusqlite::Error::SqliteFailure(error, Some(_))
                if error.code == ErrorCode::CannotOpen =>
            {
                "the database file cannot be opened".to_owned()
            }
            other => other.to_string(),
        }),
    }
}
